"""Origin: does a candidate fit in, can it be loaded safely, and can it be made again?

judge_signature(compatible(old, new)), judge_safe(untrusted, problem), judge_reproduced("identical")
"""

from __future__ import annotations

from collections.abc import Sequence

from lite_mlops.data.wording import amount
from lite_mlops.errors import Damaged, Denied, Invalid
from lite_mlops.gates.case import Case
from lite_mlops.gates.definition import Check
from lite_mlops.gates.verdicts import Found, cannot_tell, failed, met, passed
from lite_mlops.models import Change, compatible

_TOLD = 5
_OUTCOMES = ("identical", "within tolerance", "different")


# -- pure -----------------------------------------------------------------------------------------


def judge_signature(changes: Sequence[Change], before: str) -> Found:
    """Return whether clients of the version before notice nothing that breaks them."""
    breaking = [str(one) for one in changes if one.breaking]
    told = "; ".join(breaking[:_TOLD])
    reason = f"it breaks clients of {before}: {told}." if told else f"it takes what {before} takes."
    return met(not breaking, reason, value=float(len(breaking)), limit=0.0)


def judge_reproduced(outcome: str | None, *, exactly: bool) -> Found:
    """Return whether the run that made a candidate came out the same when it was run again."""
    if outcome is None:
        return cannot_tell("its run was not run again; `lite-mlops reproduce RUN` does.")
    good = outcome == "identical" or (outcome == "within tolerance" and not exactly)
    needed = "identical" if exactly else "identical or within tolerance"
    return met(good, f"its run again was {outcome}; {needed} is needed.")


def judge_safe(name: str, untrusted: Sequence[str], problem: str | None) -> Found:
    """Return whether a file can be loaded without running what nobody confirmed.

    Args:
        name: The version.
        untrusted: What it imports that is neither on the shipped list nor confirmed.
        problem: Why it cannot be loaded all the same.
    """
    if untrusted:
        return failed(
            f"its file imports {', '.join(untrusted[:_TOLD])}, which nobody confirmed; "
            f"`lite-mlops models trust {name}` does.",
            evidence={"untrusted": list(untrusted)},
        )
    if problem is not None:
        return failed(f"it cannot be loaded: {problem}")
    return passed("its file is the one that was registered, and imports nothing unknown.")


# -- gathering ------------------------------------------------------------------------------------


def check_signature(case: Case, check: Check) -> Found:  # noqa: ARG001
    """Return whether the candidate takes and answers what the present version does."""
    if case.current is None:
        return passed(f"{case.gate.target} points to nothing yet; it has no clients.")
    return judge_signature(compatible(case.current.signature, case.signature), case.current.name)


def check_reproducible(case: Case, check: Check) -> Found:
    """Return whether the run of the candidate was run again with the same results."""
    run = case.candidate.run_id
    if run is None:
        return cannot_tell(f"{case.candidate.name} comes from no run.")
    with case.store.reading() as database:
        outcome = database.value("reproduced", run=run)
    known = outcome if outcome in _OUTCOMES else None
    return judge_reproduced(known, exactly=check["exactly"])


def check_safe(case: Case, check: Check) -> Found:  # noqa: ARG001
    """Return whether the file of the candidate can be loaded safely; see `models.trusting`."""
    name = case.candidate.name
    try:
        untrusted = case.models.needs(name)
        if untrusted:
            return judge_safe(name, untrusted, None)
        _ = case.asking
    except (Damaged, Denied, Invalid) as error:
        return judge_safe(name, (), str(error))
    found = judge_safe(name, (), None)
    confirmed = case.candidate.trusted
    if confirmed:
        warning = f"{amount(len(confirmed), 'import')} confirmed by the owner"
        return passed(found.reason, warning=warning, evidence={"trusted": list(confirmed)})
    return found
