"""Fairness: how differently a candidate treats the groups of a column.

    rates = rates_of({"f": rows_f, "m": rows_m}, truth, answers)
    difference("equal opportunity", rates)      # 0.04: the largest less the smallest

    demographic parity   the share that gets the positive answer
    equal opportunity    the share of the truly positive that gets it
    equalized odds       that, and the share of the truly negative that gets it: the larger gap
    predictive parity    the share of positive answers that are right
    accuracy             the share of right answers

The measures are those of Hardt, Price and Srebro, "Equality of opportunity in supervised learning",
NeurIPS 2016, and of Verma and Rubin, "Fairness definitions explained", FairWare 2018.
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

Rows = NDArray[np.bool_]

_MEASURED: Mapping[str, tuple[str, ...]] = {
    "demographic parity": ("selected",),
    "equal opportunity": ("found",),
    "equalized odds": ("found", "mistaken"),
    "predictive parity": ("right_if_selected",),
    "accuracy": ("right",),
}


@dataclass(frozen=True)
class Rates:
    """What a group gets: shares, NaN where there is nothing to have a share of.

    Attributes:
        rows: Of the group.
        selected: The share that gets the positive answer.
        found: The share of the truly positive that gets it.
        mistaken: The share of the truly negative that gets it.
        right_if_selected: The share of positive answers that are right.
        right: The share of right answers.
    """

    rows: int
    selected: float
    found: float
    mistaken: float
    right_if_selected: float
    right: float


def _share(part: Rows, of: Rows) -> float:
    whole = int(of.sum())
    return float((part & of).sum() / whole) if whole else math.nan


def rates_of(groups: Mapping[str, Rows], truth: Rows, answers: Rows) -> dict[str, Rates]:
    """Return what each group gets.

    Args:
        groups: Which rows are of which group.
        truth: Which rows are truly positive.
        answers: Which rows get the positive answer.
    """
    right = truth == answers
    return {
        name: Rates(
            rows=int(rows.sum()),
            selected=_share(answers, rows),
            found=_share(answers, rows & truth),
            mistaken=_share(answers, rows & ~truth),
            right_if_selected=_share(truth, rows & answers),
            right=_share(right, rows),
        )
        for name, rows in groups.items()
    }


def difference(measure: str, rates: Mapping[str, Rates]) -> tuple[float, str, str]:
    """Return the largest gap between two groups in a measure, and which has less and more.

    Groups that have no rate are left out; NaN and no names if fewer than two have one.
    """
    worst = (math.nan, "", "")
    for attribute in _MEASURED[measure]:
        known = {
            name: value
            for name, one in rates.items()
            if not math.isnan(value := float(getattr(one, attribute)))
        }
        if len(known) < 2:
            continue
        low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
        gap = known[high] - known[low]
        if math.isnan(worst[0]) or gap > worst[0]:
            worst = (gap, low, high)
    return worst


def judge_fairness(
    measure: str, by: str, rates: Mapping[str, Rates], *, at_most: float, least_rows: int
) -> Found:
    """Return whether groups are treated alike; those of fewer rows than `least_rows` are told."""
    small = [name for name, one in rates.items() if one.rows < least_rows]
    large = {name: one for name, one in rates.items() if name not in small}
    warning = None
    if small:
        warning = f"left out, with fewer than {least_rows} rows: {', '.join(map(repr, small[:5]))}"
    gap, low, high = difference(measure, large)
    rows = sum(one.rows for one in large.values())
    evidence = {"groups": {name: _plain(one) for name, one in rates.items()}}
    if math.isnan(gap):
        reason = f"{measure} needs two groups of {by!r} with {amount(least_rows, 'row')} each."
        return cannot_tell(reason, limit=at_most, rows=rows, warning=warning, evidence=evidence)
    reason = (
        f"groups of {by!r} differ in {measure} by {gap:.3f} ({low!r} has least, {high!r} most); at "
        f"most {at_most:g} is allowed."
    )
    more = {"rows": rows, "warning": warning, "evidence": evidence}
    return met(gap <= at_most, reason, value=gap, limit=at_most, **more)


def _plain(one: Rates) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in vars(one).items()
    }


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
