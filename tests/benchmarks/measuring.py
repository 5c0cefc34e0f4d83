"""What all benchmarks share: interleaved repetitions, medians, figures beside floors and goals."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

_SCALES = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")),
    "bytes": ((1e6, "MB"), (1e3, "kB"), (1.0, "bytes")),
    "%": ((1.0, "%"),),
}


@dataclass(frozen=True)
class Figure:
    """One measured figure, its floor or peer, and the goal; less is always better."""

    what: str
    ours: float
    unit: str = "s"
    floor: float | None = None
    floor_is: str = ""
    at_most: float | None = None  # the goal, in the unit of the figure
    within: float | None = None  # the goal, as a multiple of the floor
    samples: tuple[float, ...] = ()
    floor_samples: tuple[float, ...] = ()

    @property
    def ratio(self) -> float | None:
        """How many times the floor it is."""
        return self.ours / self.floor if self.floor else None

    @property
    def goal(self) -> str:
        """The goal in words, if there is one."""
        parts = []
        if self.at_most is not None:
            parts.append(f"<= {shown(self.at_most, self.unit)}")
        if self.within is not None:
            parts.append(f"<= {self.within:g}x")
        return ", ".join(parts)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal, or without a floor to compare with."""
        verdicts = []
        if self.at_most is not None:
            verdicts.append(self.ours <= self.at_most)
        if self.within is not None and self.ratio is not None:
            verdicts.append(self.ratio <= self.within)
        return all(verdicts) if verdicts else None

    def to_dict(self) -> dict[str, Any]:
        """Return the figure as JSON can hold it."""
        derived = {"ratio": self.ratio, "goal": self.goal, "met": self.met}
        lists = {"samples": list(self.samples), "floor_samples": list(self.floor_samples)}
        return vars(self) | derived | lists


def compared(what: str, ours: Sequence[float], floor: Sequence[float] = (), **about: Any) -> Figure:
    """Return the figure of several repetitions: their medians."""
    return Figure(
        what,
        median(ours),
        floor=median(floor) if floor else None,
        samples=tuple(ours),
        floor_samples=tuple(floor),
        **about,
    )


def interleaved(
    repetitions: int, *sides: Callable[[], float], warm_up: bool = True
) -> list[list[float]]:
    """Measure the sides in turns, A B A B ..., and return the figures of each."""
    if warm_up:
        for side in sides:
            side()
    found: list[list[float]] = [[] for _ in sides]
    for _ in range(repetitions):
        for side, figures in zip(sides, found, strict=True):
            figures.append(side())
    return found


def seconds_of(action: Callable[[], object]) -> float:
    """Return how long an action takes."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for the time of a measurement."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        yield Path(folder)


# -- what else the machine did ------------------------------------------------------------------


@dataclass
class Surroundings:
    """What the machine did for others while a benchmark ran."""

    load_before: tuple[float, float, float] = (0.0, 0.0, 0.0)
    load_after: tuple[float, float, float] = (0.0, 0.0, 0.0)
    seconds: float = 0.0
    others: float = 0.0  # processors that other programs kept busy, on average

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        return vars(self) | {"load_before": [*self.load_before], "load_after": [*self.load_after]}


def _busy() -> tuple[float, float]:
    """Return the seconds that all processors worked, and those of this process and its children."""
    whole, own = psutil.cpu_times(), os.times()
    idle = whole.idle + getattr(whole, "iowait", 0.0)
    return sum(whole) - idle, own.user + own.system + own.children_user + own.children_system


@contextmanager
def surroundings() -> Iterator[Surroundings]:
    """Watch what the machine does for others meanwhile."""
    found = Surroundings(load_before=os.getloadavg())
    begin, (all_before, own_before) = time.perf_counter(), _busy()
    yield found
    found.seconds = time.perf_counter() - begin
    all_after, own_after = _busy()
    found.others = max(0.0, (all_after - all_before) - (own_after - own_before)) / found.seconds
    found.load_after = os.getloadavg()


# -- printing -----------------------------------------------------------------------------------


def shown(value: float | None, unit: str) -> str:
    """Return a figure as people read it."""
    if value is None:
        return ""
    if unit == "count":
        return f"{value:,.0f}"
    scales = _SCALES[unit]
    scale, name = next((one for one in scales if abs(value) >= one[0]), scales[-1])
    return f"{value / scale:.3g} {name}"


def print_figures(
    name: str, figures: Sequence[Figure], around: Surroundings, *, judged: bool
) -> None:
    """Print the figures of one benchmark as a table, and what their floors are."""
    print(f"\n{name}")
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}x"
        verdict = {True: "met", False: "MISSED", None: ""}[figure.met] if judged else ""
        print(
            f"  {figure.what:<58} {shown(figure.ours, figure.unit):>10}"
            f" {shown(figure.floor, figure.unit):>10} {ratio:>8}  {figure.goal:<18} {verdict}"
        )
    for floor in dict.fromkeys(figure.floor_is for figure in figures if figure.floor_is):
        print(f"    beside: {floor}")
    print(
        f"    load {around.load_before[0]:.2f} before and {around.load_after[0]:.2f} after, "
        f"{around.others:.2f} processors busy for others, {around.seconds:.0f} s"
    )
