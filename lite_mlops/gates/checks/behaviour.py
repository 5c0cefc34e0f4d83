"""Behaviour: what has to hold of the answers when a row is changed, whatever the truth is.

    judge_invariance(before, after, at_most_share=0.0)     # sex exchanged: the same answer
    judge_direction(before, after, never="lower")          # income raised: no lower score

These are the invariance and the directional expectation tests of Ribeiro et al., "Beyond accuracy:
behavioral testing of NLP models with CheckList", ACL 2020.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data import Columns
from lite_mlops.data.wording import amount, percent
from lite_mlops.errors import Invalid, NotFound, suggestion
from lite_mlops.gates.case import Answered, Case
from lite_mlops.gates.definition import NEVER_LOWER, Check
from lite_mlops.gates.verdicts import Found, cannot_tell, met

_SHOWN = 3  # rows that a sentence names
_MOST = 200  # combinations of values that are put in

Numbers = NDArray[np.float64]


def _rows_told(bad: NDArray[np.bool_]) -> str:
    places = np.flatnonzero(bad)
    shown = ", ".join(str(one + 1) for one in places[:_SHOWN].tolist())
    return f"row{'s' if len(places) > 1 else ''} {shown}" + (
        ", ..." if len(places) > _SHOWN else ""
    )


def judge_invariance(
    bad: NDArray[np.bool_], changed: str, *, at_most_share: float, what: str = "answer"
) -> Found:
    """Return whether answers stay the same.

    Args:
        bad: The rows whose answer changed.
        changed: What was exchanged, in words.
        at_most_share: The share of rows whose answer may change.
        what: What is compared.
    """
    share = float(bad.mean())
    reason = (
        f"{what}s change in {percent(share)} of {amount(len(bad), 'row')} with another {changed}"
    )
    reason += f" ({_rows_told(bad)})" if bad.any() else ""
    return met(
        share <= at_most_share,
        f"{reason}; at most {percent(at_most_share)} may.",
        value=share,
        limit=at_most_share,
        rows=len(bad),
        evidence={"rows": (np.flatnonzero(bad)[:20] + 1).tolist()},
    )


def judge_direction(
    before: Numbers,
    after: Numbers,
    *,
    never: str,
    at_most_share: float,
    tolerance: float,
    what: str,
) -> Found:
    """Return whether scores never go the wrong way.

    Args:
        before: The scores of each row as it is.
        after: Those of each row after it was changed.
        never: "never lower" or "never higher".
        at_most_share: The share of rows that may go the wrong way.
        tolerance: By how much a score may go the wrong way.
        what: What was changed, in words.
    """
    loss = before - after if never == NEVER_LOWER else after - before
    bad = ~(loss <= tolerance)  # also where a score is no number
    share = float(bad.mean())
    word = "lower" if never == NEVER_LOWER else "higher"
    reason = f"{what}, the score is {word} in {percent(share)} of {amount(len(bad), 'row')}"
    if bad.any():
        worst = float(np.nanmax(np.where(np.isnan(loss), np.inf, loss)))
        reason += f", by up to {worst:.3g} ({_rows_told(bad)})"
    return met(
        share <= at_most_share,
        f"{reason}; at most {percent(at_most_share)} may be.",
        value=share,
        limit=at_most_share,
        rows=len(bad),
        evidence={"rows": (np.flatnonzero(bad)[:20] + 1).tolist()},
    )


# -- gathering ------------------------------------------------------------------------------------


def _checked_columns(case: Case, names: Sequence[str]) -> None:
    for name in names:
        if name not in case.signature.features:
            near = suggestion(name, case.signature.features)
            raise NotFound(f"{case.candidate.name} takes no column {name!r}.{near}")


def _different(one: Answered, other: Answered, tolerance: float) -> NDArray[np.bool_]:
    """Return in which rows two answers differ; numbers by more than the tolerance."""
    if not one.classes and one.predicted.dtype.kind in "iuf":
        gap = np.abs(one.predicted.astype(np.float64) - other.predicted.astype(np.float64))
        return np.asarray(~(gap <= tolerance), np.bool_)
    changed = np.asarray(one.predicted != other.predicted, np.bool_)
    if tolerance and one.scores is not None and other.scores is not None:
        changed &= np.abs(one.scores - other.scores).max(axis=1) > tolerance
    return changed


def check_invariance(case: Case, check: Check) -> Found:
    """Return whether answers stay the same when values are exchanged.

    Every row is asked with each combination of the given values.
    """
    exchanged: Mapping[str, list[Any]] = check["change"]
    _checked_columns(case, list(exchanged))
    combinations = list(product(*exchanged.values()))
    if len(combinations) > _MOST:
        raise Invalid(
            f"{len(combinations):,} combinations of values are too many; at most {_MOST} are asked."
        )
    columns = case.feature_columns(check["rows"])
    rows = len(next(iter(columns.values())))
    if not rows:
        return cannot_tell("There are no rows to ask on.")
    bad = np.zeros(rows, np.bool_)
    before = case.answers(columns)
    for values in combinations:
        put = {name: [value] * rows for name, value in zip(exchanged, values, strict=True)}
        bad |= _different(before, case.answers({**columns, **put}), check["tolerance"])
    return judge_invariance(bad, " and ".join(exchanged), at_most_share=check["at_most_share"])


def check_directional(case: Case, check: Check) -> Found:
    """Return whether the score never goes the wrong way when a column is raised or lowered."""
    name = check["column"]
    _checked_columns(case, [name])
    kind = case.signature.column(name).type
    if kind not in ("integer", "float"):
        raise Invalid(f"{name!r} is of the type {kind}; only numbers go up and down.")
    columns: Columns = case.feature_columns(check["rows"])
    present = ~np.isnan(columns[name].astype(np.float64))
    if not present.any():
        return cannot_tell(f"There are no rows with a value of {name!r} to ask on.")
    columns = {one: values[present] for one, values in columns.items()}
    values = columns[name].astype(np.float64)
    told: list[str] = []
    if check["times"] is not None:
        values, told = values * check["times"], [*told, f"times {check['times']:g}"]
    if check["add"] is not None:
        values, told = values + check["add"], [*told, f"{check['add']:+g}"]
    if kind == "integer":
        values = np.round(values)
    before = case.answers(columns).score_of(case.gate.positive)
    after = case.answers({**columns, name: values}).score_of(case.gate.positive)
    if before is None or after is None:
        return cannot_tell(f"{case.candidate.name} has no probabilities, and no numbers to answer.")
    return judge_direction(
        before,
        after,
        never=check["score"],
        at_most_share=check["at_most_share"],
        tolerance=check["tolerance"],
        what=f"with {name} {' '.join(told)}",
    )
