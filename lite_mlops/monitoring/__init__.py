"""Monitoring: drift and performance from the predictions that were recorded."""

from lite_mlops.data import FeatureDrift
from lite_mlops.monitoring.watching import Monitoring, Performance

__all__ = ["FeatureDrift", "Monitoring", "Performance"]
