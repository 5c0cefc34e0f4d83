"""Random filters, and what they mean: an evaluator in plain Python over runs."""

from __future__ import annotations

import hashlib
import math
import operator
import re
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from lite_mlops.tracking import Run
from lite_mlops.tracking.search.fields import Field, moment
from lite_mlops.tracking.search.grammar import (
    COMPARISONS,
    PATTERNS,
    Among,
    And,
    Compare,
    Filter,
    Missing,
    Not,
    Or,
    Order,
)
from lite_mlops.tracking.status import STATUSES

# -- random trees -------------------------------------------------------------------------------

METRICS = ["auc", "val loss", "train/loss", "step`s", "absent"]
PARAMS = ["depth", "model", "a b", "absent"]
TAGS = ["team", "ünïcode", "absent"]
NUMBERS = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 1e300]) | st.floats(
    allow_nan=False, allow_infinity=False
)
TEXTS = st.sampled_from(["rf", "RF", "svm", "3", "2.0", "a%", "it's", "", "Änne", "nan"])
PATTERNS_OF_TEXTS = TEXTS | st.sampled_from(["%", "r_", "%F", "_", "s%m", "%'%", "\\%", "ä%"])
TIMES = st.sampled_from(
    [1.7e12, 1.70000006e12, "2023-11-14T22:14:20Z", "2023-11-14T22:13:20.000500Z"]
)
ATTRIBUTES = ["run_id", "name", "experiment", "actor", "parent", "note"]

FIELDS = st.one_of(
    st.builds(Field, st.just("metrics"), st.sampled_from(METRICS)),
    st.builds(Field, st.just("params"), st.sampled_from(PARAMS)),
    st.builds(Field, st.just("tags"), st.sampled_from(TAGS)),
    st.builds(
        Field,
        st.just("attributes"),
        st.sampled_from([*ATTRIBUTES, "status", "start_time", "end_time", "duration"]),
    ),
)


def _values(field: Field) -> st.SearchStrategy[float | str]:
    if field.key == "status":
        return st.sampled_from([*STATUSES, "FINISHED"])
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "number": NUMBERS,
        "text": TEXTS,
        "either": NUMBERS | TEXTS,
        "time": TIMES,
    }
    return kinds[field.kind]


@st.composite
def tests(draw: st.DrawFn) -> Filter:
    """One comparison."""
    field = draw(FIELDS)
    what = draw(st.integers(0, 3 if field.kind in ("text", "either") else 2))
    if what == 0:
        return Missing(field, draw(st.booleans()))
    if what == 1:
        values = draw(st.lists(_values(field), min_size=1, max_size=3))
        return Among(field, tuple(values), draw(st.booleans()))
    if what == 2:
        return Compare(field, draw(st.sampled_from(COMPARISONS)), draw(_values(field)))
    return Compare(field, draw(st.sampled_from(PATTERNS)), draw(PATTERNS_OF_TEXTS))


def _wider(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, inner) | st.builds(And, several) | st.builds(Or, several)


TREES: st.SearchStrategy[Filter] = st.recursive(tests(), _wider, max_leaves=6)
NUMERIC_FIELDS = FIELDS.filter(lambda field: field.part in ("metrics", "params"))
ORDERS = st.lists(st.builds(Order, FIELDS, st.booleans()), max_size=3)


# -- what they mean -----------------------------------------------------------------------------

_OPERATORS = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _micros(value: datetime) -> int:
    gone = value - _EPOCH
    return (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds


def value_of(run: Run, field: Field) -> Any:
    """What a run has of a field; None if it has nothing."""
    if field.part == "metrics":
        return run.metrics[field.key].value if field.key in run.metrics else None
    if field.part != "attributes":
        return getattr(run, field.part).get(field.key)
    names = {
        "run_id": "id",
        "start_time": "started_at",
        "end_time": "ended_at",
        "duration": "seconds",
        "parent": "parent_id",
    }
    return getattr(run, names.get(field.key, field.key))


def number_of(text: str) -> float | None:
    """The number that a param or tag is, if it is one."""
    try:
        return float(text)
    except ValueError:
        return None


def _like(value: str, pattern: str, *, any_case: bool) -> bool:
    signs = {"%": ".*", "_": "."}
    expression = "".join(signs.get(sign) or re.escape(sign) for sign in pattern)
    flags = re.DOTALL | (re.IGNORECASE if any_case else 0)
    return re.fullmatch(expression, value, flags) is not None


def _compared(run: Run, field: Field, sign: str, wanted: float | str) -> bool:
    value = value_of(run, field)
    if value is None:
        return False
    if field.kind == "time":
        value = _micros(value)
        if isinstance(wanted, float):
            value, wanted = value // 1000, int(wanted)
        else:
            wanted = moment(wanted)
    elif field.key == "status":
        wanted = str(wanted).lower()
    elif isinstance(wanted, float) and isinstance(value, str):
        value = number_of(value)
        if value is None:
            return False
    if "LIKE" in sign:
        found = _like(value, str(wanted), any_case="ILIKE" in sign)
        return found is not sign.startswith("NOT")
    return bool(_OPERATORS[sign](value, wanted))


def finds(tree: Filter, run: Run) -> bool:
    """Whether a filter finds a run."""
    match tree:
        case And(parts=parts):
            return all(finds(part, run) for part in parts)
        case Or(parts=parts):
            return any(finds(part, run) for part in parts)
        case Not(inner=inner):
            return not finds(inner, run)
        case Missing(field=field, negated=negated):
            return (value_of(run, field) is None) is not negated
        case Among(field=field, values=values, negated=False):
            return any(_compared(run, field, "=", value) for value in values)
        case Among(field=field, values=values):
            return all(_compared(run, field, "!=", value) for value in values)
        case Compare(field=field, operator=sign, value=value):
            return _compared(run, field, sign, value)


def _hash(run_id: str) -> int:
    """The number of a run that decides between runs that started in the same microsecond."""
    return int.from_bytes(
        hashlib.md5(run_id.encode(), usedforsecurity=False).digest()[8:], "little"
    )


def in_order(runs: list[Run], orders: list[Order]) -> list[Run]:
    """Runs sorted: numbers, then NaN, then texts, then those without; equal ones newest first."""
    found = sorted(runs, key=lambda run: _hash(run.id))
    found.sort(key=lambda run: run.started_at, reverse=True)
    for order in reversed(orders):  # sorting is stable: the last key first

        def key(run: Run, field: Field = order.field) -> Any:
            value = value_of(run, field)
            if field.kind == "time":
                value = None if value is None else _micros(value)
            if field.kind == "either" and value is not None:
                value = value if number_of(value) is None else number_of(value)
            return value[:200] if isinstance(value, str) else value

        ranked: list[list[Run]] = [[], [], [], []]
        for run in found:
            value = key(run)
            nan = isinstance(value, float) and math.isnan(value)
            ranked[3 if value is None else 2 if isinstance(value, str) else nan].append(run)
        found = []
        for place, group in enumerate(ranked):
            if place in (0, 2):
                # reverse=True keeps equal ones in their order as well
                group.sort(key=key, reverse=order.descending)
            found += group
    return found
