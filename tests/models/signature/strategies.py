"""Signatures, rows that fit them, and rows that may not."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from lite_mlops.models.signature import Column, Signature
from lite_mlops.models.signature.kinds import EXACT, Type

NAMES = ("age", "city", "x y", "id")
KINDS: tuple[Type, ...] = ("boolean", "integer", "float", "text", "datetime")

_MOMENTS = st.builds(
    lambda moment, zone: moment.isoformat() + zone,
    st.datetimes(),
    st.sampled_from(["", "Z", "+02:00", "-11:30"]),
).filter(lambda text: "0002" < text[:4] < "9999")

# Values of each type as JSON has them.
VALUES: dict[Type, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "integer": st.integers(-EXACT, EXACT) | st.sampled_from([1.0, -3.0]),
    "float": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-EXACT, EXACT),
    "text": st.text(max_size=3) | st.just("001"),
    "datetime": _MOMENTS | st.dates().map(str),
}

# What is easily mistaken for a value of another type.
JUNK: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(-3, 3)
    | st.sampled_from(["41", "", "true", "2026-01-31", "2026-01-31T12:00:00Z", "nan", 2.5, 2**54])
    | st.sampled_from([[], [1], {}, {"a": 1}])
)


def columns(name: str) -> st.SearchStrategy[Column]:
    """A column of any type."""
    return st.builds(Column, st.just(name), st.sampled_from(KINDS), missing=st.booleans())


def signatures() -> st.SearchStrategy[Signature]:
    """One to four columns of any types."""
    return st.integers(1, len(NAMES)).flatmap(
        lambda width: st.builds(Signature, st.tuples(*map(columns, NAMES[:width])))
    )


def values(column: Column) -> st.SearchStrategy[Any]:
    """Values that fit a column."""
    fitting = VALUES[column.type]
    return st.none() | fitting if column.missing else fitting


def rows(signature: Signature, *, junk: bool = False) -> st.SearchStrategy[Any]:
    """One row by name or in order, with values that may not fit if `junk`."""
    cells = [values(column) | JUNK if junk else values(column) for column in signature.columns]
    by_name = st.fixed_dictionaries(dict(zip(signature.features, cells, strict=True)))
    return by_name | st.tuples(*cells).map(list)


def misshapen(signature: Signature) -> st.SearchStrategy[Any]:
    """A row of any shape."""
    keys = st.sampled_from([*signature.features, "other"])
    return st.dictionaries(keys, JUNK, max_size=5) | st.lists(JUNK, max_size=5) | JUNK
