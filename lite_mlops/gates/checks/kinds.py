"""The kinds of checks, and what judges each; a new one is a field list and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lite_mlops.errors import Damaged, Denied, Invalid, NotFound
from lite_mlops.gates.case import Case, Unanswered
from lite_mlops.gates.checks.behaviour import check_directional, check_invariance
from lite_mlops.gates.checks.calibration import check_calibration
from lite_mlops.gates.checks.comparing import check_better, check_not_worse
from lite_mlops.gates.checks.data import check_expectations, check_freshness, check_leakage
from lite_mlops.gates.checks.fairness import check_fairness
from lite_mlops.gates.checks.levels import check_metric, check_recorded
from lite_mlops.gates.checks.origin import check_reproducible, check_safe, check_signature
from lite_mlops.gates.checks.own import check_python
from lite_mlops.gates.checks.replaying import check_replay
from lite_mlops.gates.checks.speed import check_latency, check_memory, check_size
from lite_mlops.gates.definition import Check
from lite_mlops.gates.verdicts import Found, Verdict, cannot_tell, failed

KINDS: Mapping[str, Callable[[Case, Check], Found]] = {
    "metric": check_metric,
    "recorded": check_recorded,
    "not worse": check_not_worse,
    "better": check_better,
    "fairness": check_fairness,
    "calibration": check_calibration,
    "latency": check_latency,
    "memory": check_memory,
    "size": check_size,
    "signature": check_signature,
    "expectations": check_expectations,
    "freshness": check_freshness,
    "leakage": check_leakage,
    "reproducible": check_reproducible,
    "safe": check_safe,
    "invariance": check_invariance,
    "directional": check_directional,
    "python": check_python,
    "replay": check_replay,
}


def _sentence(error: Exception) -> str:
    text = str(error).strip()
    return text if text.endswith((".", "?", "!")) else f"{text}."


def judge(case: Case, check: Check) -> Verdict:
    """Return what a check says of a candidate; it always says something.

    A candidate that cannot be loaded or cannot answer fails. Where what is needed is not there,
    such as data or a column, the check cannot tell, and says why.
    """
    try:
        found = KINDS[check.kind](case, check)
    except (Unanswered, Damaged, Denied) as error:
        found = failed(_sentence(error))
    except (Invalid, NotFound) as error:
        found = cannot_tell(_sentence(error))
    return Verdict(
        name=check.name,
        check=check.kind,
        blocks=check.blocks,
        lenient=check.lenient,
        **vars(found),
    )
