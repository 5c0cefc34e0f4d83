"""The space that a sweep looks through: what values each param may have.

parsed_dimension("0.1,0.01")       # these values
parsed_dimension("2..8")           # whole numbers, both ends with them
parsed_dimension("1e-4..1e-1 log") # numbers, evenly over their magnitudes
dimension_of([10, 20])             # what a function is given: a list, a range, a text, a value
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.pipelines.tables import parsed_value

_SPAN = re.compile(r"\s*([^\s.][^\s]*?)\.\.([^\s]+)\s*(log)?\s*")
_MOST_LISTED = 100_000


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]

    def listed(self, name: str) -> Sequence[Any]:  # noqa: ARG002
        """Return all values."""
        return self.values

    def drawn(self, random: Random) -> Any:
        """Return one value, all of them equally likely."""
        return random.choice(self.values)

    def to_text(self) -> str:
        """Return it as a text that is the same for the same values."""
        return repr(self.values)


@dataclass(frozen=True)
class Span:
    """A number from `low` to `high`, both with it."""

    low: float
    high: float
    whole: bool = False
    log: bool = False

    def listed(self, name: str) -> Sequence[Any]:
        """Return all values. Raises `Invalid` if they cannot be counted."""
        if not self.whole:
            raise Invalid(
                f"{name} may be any number from {self.low:g} to {self.high:g}, which is no grid. "
                "List its values (0.1,0.01), or search at random: --trials N."
            )
        return range(int(self.low), int(self.high) + 1)

    def drawn(self, random: Random) -> Any:
        """Return one number; with `log` all magnitudes are equally likely."""
        if self.log:
            low = math.log(self.low - 0.5 if self.whole else self.low)
            high = math.log(self.high + 0.5 if self.whole else self.high)
            value = math.exp(random.uniform(low, high))
            if self.whole:
                return min(max(round(value), int(self.low)), int(self.high))
            return min(max(value, self.low), self.high)
        if self.whole:
            return random.randint(int(self.low), int(self.high))
        return random.uniform(self.low, self.high)

    def to_text(self) -> str:
        """Return it as a text that is the same for the same numbers."""
        return f"{self.low!r}..{self.high!r}{' whole' * self.whole}{' log' * self.log}"


Dimension = Choice | Span
Space = Mapping[str, Dimension]


def parsed_dimension(text: str) -> Dimension:
    """Return what a text such as '2..8' says. Raises `Invalid`."""
    match = _SPAN.fullmatch(text)
    if match is None:
        return Choice(tuple(parsed_value(part.strip()) for part in text.split(",")))
    low, high = parsed_value(match[1]), parsed_value(match[2])
    for end in (low, high):
        if isinstance(end, bool) or not isinstance(end, int | float) or not math.isfinite(end):
            raise Invalid(f"{text!r} goes from one number to another; {end!r} is none.")
    log = match[3] is not None
    if low > high:
        raise Invalid(f"{text!r} begins above its end.")
    if log and low <= 0:
        raise Invalid(f"{text!r}: a span over magnitudes begins above zero.")
    return Span(low, high, whole=isinstance(low, int) and isinstance(high, int), log=log)


def dimension_of(value: Any) -> Dimension:
    """Return what a value says: a list or range, a text as on the command line, or itself.

    Raises:
        Invalid: there is no value in it.
    """
    if isinstance(value, Choice | Span):
        return value
    if isinstance(value, str):
        return parsed_dimension(value)
    if isinstance(value, list | tuple | range):
        if not value:
            raise Invalid("A param of a sweep has at least one value; one has none.")
        return Choice(tuple(value))
    return Choice((value,))


def space_of(params: Mapping[str, Any]) -> dict[str, Dimension]:
    """Return the space of params. Raises `Invalid`."""
    if not params:
        raise Invalid("A sweep needs a param with its values, such as lr=0.1,0.01.")
    return {name: dimension_of(value) for name, value in params.items()}


# -- choosing -----------------------------------------------------------------------------------


def grid(space: Space) -> list[dict[str, Any]]:
    """Return every combination of the values, the last param changing fastest. Raises `Invalid`."""
    listed = {name: one.listed(name) for name, one in space.items()}
    count = math.prod(len(values) for values in listed.values())
    if count > _MOST_LISTED:
        raise Invalid(f"The grid has {count:,} points; search at random: --trials N.")
    return [dict(zip(listed, point, strict=True)) for point in itertools.product(*listed.values())]


def random_points(space: Space, seed: int) -> Iterator[dict[str, Any]]:
    """Yield points at random for ever; the same ones for the same seed."""
    for number in itertools.count():
        random = Random(f"{seed} {number}")  # noqa: S311  nothing is to be kept secret
        yield {name: one.drawn(random) for name, one in space.items()}
