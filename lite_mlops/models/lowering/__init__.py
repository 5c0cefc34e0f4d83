"""Lowering: fitted models as inert plans that answer bit for bit as they do, with NumPy alone."""

from lite_mlops.models.lowering.keeping import (
    KeptPlan,
    Plans,
    asking_well,
    keep_plan_quietly,
    open_asking,
)
from lite_mlops.models.lowering.lower import Part

__all__ = ["KeptPlan", "Part", "Plans", "asking_well", "keep_plan_quietly", "open_asking"]
