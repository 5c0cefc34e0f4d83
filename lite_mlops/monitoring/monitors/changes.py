"""Changes: drifts that are put into a copy of recorded rows, to see which alarms they raise.

Change.parse("shift", "age=0.5sd")          # numbers move by half a standard deviation
Change.parse("missing", "income=10%")       # values are missing
Change.parse("unit", "weight=x1000")        # all of them, or weight=x1000:10% of the rows
Change.parse("stuck", "speed")              # the first value stays
Change.parse("category", "city=Oslo:20%")   # a value takes a share of the rows
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid

_NUMBER = r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"
_SHIFT = re.compile(rf"({_NUMBER})(sd)?")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")
_UNIT = re.compile(rf"x({_NUMBER})(?::(\d+(?:\.\d+)?)%)?")
_CATEGORY = re.compile(r"(.+):(\d+(?:\.\d+)?)%")
_FORMS = {
    "shift": "age=0.5sd or age=3",
    "missing": "income=10%",
    "unit": "weight=x1000 or weight=x1000:10%",
    "stuck": "speed",
    "category": "city=Oslo:20%",
}
KINDS = tuple(_FORMS)

Objects = NDArray[np.object_]
_NOTHING: Any = None


@dataclass
class Rows:
    """Recorded rows: numbers and texts, each a table of objects with None where there is none."""

    numbers: Objects
    texts: Objects

    def taken(self, places: NDArray[np.int64]) -> Rows:
        """Return a copy of some rows."""
        return Rows(self.numbers[places], self.texts[places])


@dataclass(frozen=True)
class Change:
    """One change of one column."""

    kind: str
    column: str
    amount: float = 0.0  # what is added, or multiplied by
    spreads: bool = False  # the amount is in standard deviations
    value: str = ""
    share: float = 1.0  # of the rows

    @classmethod
    def parse(cls, kind: str, text: str) -> Change:
        """Return the change that a text says. Raises `Invalid`."""
        if kind not in _FORMS:
            raise Invalid(f"There is no change {kind!r}: {', '.join(_FORMS)}.")
        column, _, rest = text.rpartition("=") if "=" in text else (text, "", "")
        wrong = Invalid(f"{kind} {text!r} cannot be used: expected such as {_FORMS[kind]}.")
        if not column or (kind == "stuck") != (not rest):
            raise wrong
        if kind == "stuck":
            return cls(kind, column)
        match = {"shift": _SHIFT, "missing": _SHARE, "unit": _UNIT, "category": _CATEGORY}[
            kind
        ].fullmatch(rest)
        if match is None:
            raise wrong
        if kind == "shift":
            found = cls(kind, column, float(match[1]), spreads=match[2] is not None)
        elif kind == "missing":
            found = cls(kind, column, share=float(match[1]) / 100)
        elif kind == "unit":
            found = cls(kind, column, float(match[1]), share=float(match[2] or 100) / 100)
        else:
            found = cls(kind, column, value=match[1], share=float(match[2]) / 100)
        if not 0 < found.share <= 1 or not math.isfinite(found.amount):
            raise wrong
        return found

    def __str__(self) -> str:
        share = "" if self.share == 1 else f" in {100 * self.share:g} % of the rows"
        if self.kind == "shift":
            return f"{self.column} moved by {self.amount:g}{' sd' * self.spreads}"
        if self.kind == "missing":
            return f"{self.column} missing{share}"
        if self.kind == "unit":
            return f"{self.column} times {self.amount:g}{share}"
        if self.kind == "stuck":
            return f"{self.column} stuck"
        return f"{self.column} is {self.value!r}{share}"

    def apply(self, rows: Rows, place: int, spread: float, random: np.random.Generator) -> None:
        """Change a column of these rows, which stands at `place`."""
        _APPLIED[self.kind](self, rows, place, spread, random)


def _chosen(change: Change, rows: Rows, random: np.random.Generator) -> NDArray[np.bool_]:
    """Return which rows are changed: exactly the share of them, at random."""
    count = len(rows.numbers)
    found = np.zeros(count, np.bool_)
    found[random.permutation(count)[: round(change.share * count)]] = True
    return found


def present_in(column: Objects) -> NDArray[np.bool_]:
    """Return where a column is not None."""
    found: NDArray[np.bool_] = np.not_equal(column, _NOTHING).astype(np.bool_)
    return found


def _shift(change: Change, rows: Rows, place: int, spread: float, _: Any) -> None:
    column = rows.numbers[:, place]
    present = present_in(column)
    by = change.amount * (spread if change.spreads else 1.0)
    column[present] = column[present].astype(np.float64) + by


def _missing(change: Change, rows: Rows, place: int, _: float, random: Any) -> None:
    chosen = _chosen(change, rows, random)
    rows.numbers[chosen, place] = None
    rows.texts[chosen, place] = None


def _unit(change: Change, rows: Rows, place: int, _: float, random: Any) -> None:
    column = rows.numbers[:, place]
    chosen = _chosen(change, rows, random) & present_in(column)
    column[chosen] = column[chosen].astype(np.float64) * change.amount


def _stuck(_: Change, rows: Rows, place: int, __: float, ___: Any) -> None:
    rows.numbers[:, place] = rows.numbers[0, place]
    rows.texts[:, place] = rows.texts[0, place]


def _category(change: Change, rows: Rows, place: int, _: float, random: Any) -> None:
    chosen = _chosen(change, rows, random)
    is_text = bool(present_in(rows.texts[:, place]).any())
    if is_text:
        rows.texts[chosen, place] = change.value
        rows.numbers[chosen, place] = None
        return
    try:
        rows.numbers[chosen, place] = float(change.value)
    except ValueError:
        raise Invalid(f"{change.column} holds numbers; {change.value!r} is none.") from None


_APPLIED: dict[str, Callable[[Change, Rows, int, float, Any], None]] = {
    "shift": _shift,
    "missing": _missing,
    "unit": _unit,
    "stuck": _stuck,
    "category": _category,
}
