"""Gating: an alias that has a gate moves only to a version that passed it.

    requirement = requirement_for(store, database, "churn", "champion")     # None: it has no gate
    judged = matching(requirement, verdicts, present=3, data=sha256)        # the one that counts
    objection(requirement, version, judged, approvals, mover="ann", now=now)    # None: it may move

A gate is a table `[gate.churn]` of the settings file, or was defined in code; the file goes first.
Here stands what the registry holds a move against: the verdicts on record. What the checks are and
how they are judged is the matter of `lite_mlops.gates`.
"""

from lite_mlops.models.gating.evidence import (
    CANNOT_TELL,
    FAILED,
    PASSED,
    Approval,
    Judged,
    matching,
)
from lite_mlops.models.gating.moving import (
    Ahead,
    Cleared,
    clear,
    held_last,
    look_ahead,
    refuse_if_gated,
    standing,
)
from lite_mlops.models.gating.objection import APPROVAL, Objection, approvers, objection
from lite_mlops.models.gating.requirement import (
    CHAMPION,
    Requirement,
    data_path,
    definitions,
    digest_of,
    present_data,
    requirement_for,
    requirement_of,
)

__all__ = [
    "APPROVAL",
    "CANNOT_TELL",
    "CHAMPION",
    "FAILED",
    "PASSED",
    "Ahead",
    "Approval",
    "Cleared",
    "Judged",
    "Objection",
    "Requirement",
    "approvers",
    "clear",
    "data_path",
    "definitions",
    "digest_of",
    "held_last",
    "look_ahead",
    "matching",
    "objection",
    "present_data",
    "refuse_if_gated",
    "requirement_for",
    "requirement_of",
    "standing",
]
