"""Fairness: how differently a candidate treats the groups of a column.

    rates = rates_of({"f": rows_f, "m": rows_m}, truth, answers)
    widest_gap("equal opportunity", rates)      # 0.04 (0.01 to 0.07): the largest less the smallest

    demographic parity   the share that gets the positive answer
    equal opportunity    the share of the truly positive that gets it
    equalized odds       that, and the share of the truly negative that gets it: the larger gap
    predictive parity    the share of positive answers that are right
    accuracy             the share of right answers

The measures are those of Hardt, Price and Srebro, "Equality of opportunity in supervised learning",
NeurIPS 2016, and of Verma and Rubin, "Fairness definitions explained", FairWare 2018. Rates and
their intervals are those of `monitoring.fairness`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.wording import amount
from lite_mlops.gates.case import Case, last_of
from lite_mlops.gates.definition import Check
from lite_mlops.gates.verdicts import Found, cannot_tell, met
from lite_mlops.monitoring.fairness import (
    Decisions,
    GroupFacts,
    Groups,
    Interval,
    deviations,
    measure_groups,
    newcombe,
)

Rows = NDArray[np.bool_]

_MEASURED: Mapping[str, tuple[str, ...]] = {
    "demographic parity": ("selection_rate",),
    "equal opportunity": ("tpr",),
    "equalized odds": ("tpr", "fpr"),
    "predictive parity": ("precision",),
    "accuracy": ("accuracy",),
}
_RATES = ("selection_rate", "tpr", "fpr", "precision", "accuracy")


@dataclass(frozen=True)
class Gap:
    """The largest difference of a rate between two groups, and which has less and more of it.

    The interval holds at 95 % for all pairs of groups together, since the widest was looked for.
    """

    size: Interval
    low: str
    high: str


def rates_of(
    groups: Mapping[str, Rows], truth: Rows, answers: Rows, by: str = ""
) -> dict[str, GroupFacts]:
    """Return what each group gets.

    Args:
        groups: Which rows are of which group.
        truth: Which rows are truly positive.
        answers: Which rows get the positive answer.
        by: The column that makes the groups.
    """
    parts = [np.flatnonzero(rows) for rows in groups.values()]
    rows = np.concatenate([np.zeros(0, np.int64), *parts])
    codes = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    decisions = Decisions(
        selected=answers[rows],
        labelled=np.ones(len(rows), np.bool_),
        positive=truth[rows],
        scores=np.full(len(rows), np.nan),
    )
    measured = measure_groups(Groups(by, tuple(groups), codes), decisions)
    return {one.group: one for one in measured}


def widest_gap(measure: str, rates: Mapping[str, GroupFacts]) -> Gap | None:
    """Return the largest gap between two groups in a measure, with Newcombe's interval.

    Groups that have no rate are left out; None if fewer than two have one.
    """
    z = deviations(together=math.comb(len(rates), 2) * len(_MEASURED[measure]))
    found = []
    for rate in _MEASURED[measure]:
        known = {
            name: interval
            for name, one in rates.items()
            if (interval := one.rate(rate, z)) is not None
        }
        if len(known) < 2:
            continue
        low = min(known, key=lambda name: known[name].value)
        high = max(known, key=lambda name: known[name].value)
        found.append(Gap(newcombe(known[high], known[low]), low, high))
    return max(found, key=lambda gap: gap.size.value, default=None)


def judge_fairness(
    measure: str, by: str, rates: Mapping[str, GroupFacts], *, at_most: float, least_rows: int
) -> Found:
    """Return whether groups are treated alike; those of fewer rows than `least_rows` are told."""
    small = [name for name, one in rates.items() if one.rows < least_rows]
    large = {name: one for name, one in rates.items() if name not in small}
    warning = None
    if small:
        warning = f"left out, with fewer than {least_rows} rows: {', '.join(map(repr, small[:5]))}"
    gap = widest_gap(measure, large)
    rows = sum(one.rows for one in large.values())
    evidence: dict[str, Any] = {"groups": {name: _plain(one) for name, one in rates.items()}}
    if gap is None:
        reason = f"{measure} needs two groups of {by!r} with {amount(least_rows, 'row')} each."
        return cannot_tell(reason, limit=at_most, rows=rows, warning=warning, evidence=evidence)
    size = gap.size
    reason = (
        f"groups of {by!r} differ in {measure} by {size.value:.3f} ({size.low:.3f} to "
        f"{size.high:.3f}; {gap.low!r} has least, {gap.high!r} most); at most {at_most:g} is "
        "allowed."
    )
    evidence |= {"low": size.low, "high": size.high}
    more = {"rows": rows, "warning": warning, "evidence": evidence}
    return met(size.value <= at_most, reason, value=size.value, limit=at_most, **more)


def _plain(one: GroupFacts) -> dict[str, Any]:
    """Return the rates of a group with their intervals, as JSON can hold them."""
    z = deviations()
    rates = {name: one.rate(name, z) for name in _RATES}
    plain = {name: None if rate is None else rate.to_dict() for name, rate in rates.items()}
    return {"rows": one.rows, **plain}


def check_fairness(case: Case, check: Check) -> Found:
    """Return whether the candidate treats the groups of a column alike."""
    sample = case.sample
    if check["where"] is not None:
        sample = sample.part(check["where"].rows(sample.columns))
    positive = case.gate.positive
    if positive is None:
        positive = last_of(case.signature.classes)
    if positive is None:
        return cannot_tell(f"{case.candidate.name} answers with numbers; there is no positive one.")
    truth = np.asarray(sample.labels == positive, np.bool_)
    answers = np.asarray(sample.candidate.predicted == positive, np.bool_)
    rates = rates_of(sample.groups(check["group"]), truth, answers)
    return judge_fairness(
        check["measure"],
        check["group"],
        rates,
        at_most=check["at_most"],
        least_rows=check["least_rows"],
    )
