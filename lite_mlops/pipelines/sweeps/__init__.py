"""Sweeps: a function or script is run with many params, and what it came to is compared."""

from lite_mlops.pipelines.sweeps.space import parsed_dimension
from lite_mlops.pipelines.sweeps.sweeping import Sweeping
from lite_mlops.pipelines.sweeps.trials import Sweep, Trial

__all__ = ["Sweep", "Sweeping", "Trial", "parsed_dimension"]
