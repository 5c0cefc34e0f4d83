"""Lowering: fitted models as inert plans that answer bit for bit as they do, with NumPy alone."""

from lite_mlops.models.lowering.keeping import (
    Attempt,
    KeptPlan,
    Plans,
    asking_well,
    attempt_quietly,
    attempted,
    open_asking,
)
from lite_mlops.models.lowering.lower import Part

__all__ = [
    "Attempt",
    "KeptPlan",
    "Part",
    "Plans",
    "asking_well",
    "attempt_quietly",
    "attempted",
    "open_asking",
]
