"""What does not fit: each problem with its row, its column, the value and what was expected.

try:
    table = signature.validate(rows)
except InvalidRows as error:
    error.problems[0].column, error.count
"""

from __future__ import annotations

from dataclasses import dataclass
from reprlib import Repr
from typing import Any

from lite_mlops.errors import Invalid

MAX_PROBLEMS = 20
_TOLD = 3  # of them, in the message
_SHOWN = 60  # characters of a value

_REPR = Repr()  # goes neither deep nor far into what clients send
_REPR.maxlevel = 3
_REPR.maxstring = _REPR.maxother = _SHOWN


def shown(value: Any) -> str:
    """Return a value as it is told to people, shortened."""
    if value is None:
        return "null"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**30:
        return "a number of more than 30 digits"  # writing out thousands of them is slow
    try:
        text = str(value) if hasattr(value, "dtype") else _REPR.repr(value)
    except ValueError:  # a number of thousands of digits within it
        text = f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


@dataclass(frozen=True)
class Problem:
    """One value that does not fit; `row` counts from 0, and is None where the whole is meant."""

    row: int | None
    column: str | None
    value: str
    expected: str

    def __str__(self) -> str:
        row = "" if self.row is None else f"row {self.row}"
        what = ": ".join(part for part in (row, self.column) if part) or "the input"
        return f"{what} is {self.value}; expected {self.expected}."

    def to_dict(self) -> dict[str, Any]:
        """Return the problem as JSON can hold it."""
        return dict(vars(self))


class InvalidRows(Invalid):
    """Rows do not fit a signature: `problems` are the first ones, `count` is how many there are."""

    def __init__(self, problems: tuple[Problem, ...], count: int) -> None:
        told = " ".join(str(problem) for problem in problems[:_TOLD])
        more = count - min(len(problems), _TOLD)
        super().__init__(f"{told} And {more:,} more." if more else told)
        self.problems = problems
        self.count = count

    def to_dict(self) -> dict[str, Any]:
        """Return the problems as JSON can hold them."""
        return {"problems": [one.to_dict() for one in self.problems], "count": self.count}


class Problems:
    """Gathers problems: counts all of them and keeps the first by their row."""

    def __init__(self) -> None:
        self._kept: list[Problem] = []
        self.count = 0
        self._beyond: int | None = None  # rows from this one on are not told any more

    def add(self, row: int | None, column: str | None, value: str, expected: str) -> None:
        """Add one problem."""
        self.count += 1
        if self._beyond is not None and (-1 if row is None else row) >= self._beyond:
            return
        self._kept.append(Problem(row, column, value, expected))
        if len(self._kept) > 50 * MAX_PROBLEMS:
            self._cut()

    def _cut(self) -> None:
        self._kept.sort(key=lambda problem: -1 if problem.row is None else problem.row)
        del self._kept[MAX_PROBLEMS:]
        if len(self._kept) == MAX_PROBLEMS:
            last = self._kept[-1].row
            self._beyond = -1 if last is None else last

    def tell(self) -> None:
        """Do nothing if there are none. Raises `InvalidRows`."""
        if self.count:
            self._cut()
            raise InvalidRows(tuple(self._kept), self.count)
