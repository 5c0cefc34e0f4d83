"""Groups: a metric of the rows that a check is about, and a judgement of each group of them.

    parts = parts_of(case, check, compared=True)
    over_parts(parts, judge, by="region")

Over several groups each has to pass by itself: that keeps the chance for a candidate that is worse
in any of them (Berger, "Multiparameter hypothesis testing and acceptance sampling", Technometrics
24, 1982).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lite_mlops.data.wording import amount
from lite_mlops.errors import Invalid
from lite_mlops.gates.case import Case, Sample
from lite_mlops.gates.definition import Check
from lite_mlops.gates.verdicts import MIN_ROWS, Found, about_rows, cannot_tell
from lite_mlops.models import CANNOT_TELL, FAILED, PASSED
from lite_mlops.tracking.comparing import Measured, Verdict
from lite_mlops.tracking.comparing.measuring import measure
from lite_mlops.tracking.comparing.verdicts import verdicts

_NAMED = 3  # groups that a sentence names


@dataclass(frozen=True)
class Part:
    """A metric of some rows: of the candidate, or beside the present version.

    `name` is the value that makes the group; empty: the whole. Without a metric `why` says why,
    such as an ROC AUC of rows with one class only; of fewer than 30 rows none is computed.
    """

    name: str
    rows: int
    measured: Measured | None = None
    compared: Verdict | None = None
    why: str = ""


def over_parts(parts: Sequence[Part], judge: Callable[[Part], Found], by: str | None) -> Found:
    """Return what a judgement of each group comes to: all have to pass.

    Groups of fewer than 30 rows are told and left out; if there are no others, it cannot tell.
    """
    if by is None:
        (part,) = parts
        return about_rows(judge(part), part.rows)
    small = [part for part in parts if part.rows < MIN_ROWS]
    judged = {part.name: judge(part) for part in parts if part not in small}
    order = (FAILED, CANNOT_TELL, PASSED)
    ranked = sorted(judged.items(), key=lambda one: order.index(one[1].outcome))
    warning = None
    if small:
        told = ", ".join(f"{part.name!r} ({part.rows})" for part in small[:_NAMED])
        warning = f"left out, with fewer than {MIN_ROWS} rows: {told}"
        warning += f" and {len(small) - _NAMED} more" if len(small) > _NAMED else ""
    if not ranked:
        return cannot_tell(f"No group of {by!r} has {MIN_ROWS} rows.", warning=warning)
    worst = ranked[0][1]
    evidence = {
        one: {"outcome": found.outcome, "value": found.value, "rows": found.rows}
        for one, found in judged.items()
    }
    rows = sum(part.rows for part in parts)
    if worst.outcome == PASSED:
        reason = f"All {amount(len(judged), 'group')} of {by!r} pass."
    else:
        bad = [(one, f) for one, f in ranked if f.outcome != PASSED]
        told = " ".join(f"{by} {one!r}: {found.reason}" for one, found in bad[:_NAMED])
        reason = f"{len(bad)} of {amount(len(judged), 'group')} do not pass. {told}"
    return Found(
        worst.outcome, reason, worst.value, worst.limit, rows, warning, {"groups": evidence}
    )


def parts_of(case: Case, check: Check, *, compared: bool) -> list[Part]:
    """Return the metric of the rows that a check is about, group by group.

    Raises:
        Unanswered: the candidate cannot answer the data.
        Invalid, NotFound: there is no data, no label, no such column, or no row is meant.
    """
    sample = case.sample
    where, by = check.options.get("where"), check.options.get("by")
    if where is not None:
        rows = where.rows(sample.columns)
        if not rows.any():
            raise Invalid(f"no row of the data meets {where}.")
        sample = sample.part(rows)
    if by is None:
        return [_part(case, check, "", sample, compared=compared)]
    groups = sample.groups(by)
    return [
        _part(case, check, name, sample.part(rows), compared=compared)
        for name, rows in groups.items()
    ]


def _part(case: Case, check: Check, name: str, sample: Sample, *, compared: bool) -> Part:
    if len(sample) < MIN_ROWS:
        return Part(name, len(sample))
    two_sided = 2 * case.gate.confidence - 1
    ours, metric = sample.evaluation(sample.candidate), check["metric"]
    if not compared:
        found = measure(ours, confidence=two_sided, only=metric)
        why = "" if found else _not_had(metric, [one.name for one in measure(ours)])
        return Part(name, len(sample), found[0] if found else None, why=why)
    assert sample.current is not None
    theirs = sample.evaluation(sample.current)
    columns = (ours.y_true, theirs.y_pred, ours.y_pred, theirs.y_score, ours.y_score)
    pair = verdicts(*columns, confidence=two_sided, only=metric)
    why = "" if pair else _not_had(metric, [one.metric for one in verdicts(*columns)])
    return Part(name, len(sample), compared=pair[0] if pair else None, why=why)


def _not_had(metric: str, known: Sequence[str]) -> str:
    return f"{metric} cannot be had of these labels and answers; there is {', '.join(known)}."


def with_unlabelled(case: Case, found: Found) -> Found:
    """Return what was found with a word on the rows that have no label."""
    left_out = case.sample.unlabelled
    if not left_out:
        return found
    told = f"{amount(left_out, 'row')} without a label left out"
    warning = told if found.warning is None else f"{found.warning}; {told}"
    return replace(found, warning=warning)
