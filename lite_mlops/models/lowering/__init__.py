"""Lowering: fitted models as inert plans that answer bit for bit as they do, with NumPy alone."""

from lite_mlops.models.lowering.keeping import (
    Attempt,
    KeptPlan,
    NotUsed,
    Plans,
    asking_well,
    attempt_quietly,
    attempted,
    open_asking,
    plan_asking,
)
from lite_mlops.models.lowering.lower import Part

__all__ = [
    "Attempt",
    "KeptPlan",
    "NotUsed",
    "Part",
    "Plans",
    "asking_well",
    "attempt_quietly",
    "attempted",
    "open_asking",
    "plan_asking",
]
