"""Sums: what the workers count, as if one process had counted all of it.

    published = Published(folder)
    published.put(3, metrics.expose())     # a worker, now and then, and when somebody asks it
    published.whole()                      # what all of them have put there

Each worker leaves its counts as text of Prometheus in a file of the private folder of the server.
Whoever is asked puts its own there first and then adds up the files alone, so that a counter never
seems to go back, whichever worker is asked next. Those of workers that are gone stay counted.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COUNTED = ".trials"  # the ending of what a worker counted of what is tried

_SERVER = "server.json"
_CUMULATIVE = ("counter", "histogram")
# Gauges of which the largest is told: what always is 1, what one worker alone knows, and means.
_NOT_ADDED = ("_info", "_evidence", "_mean", "_largest")
_TRIES = 20
_NOTHING: dict[str, Any] = {"workers": [], "ended": "", "own": ""}


@dataclass(frozen=True)
class _Family:
    """A metric as its first two lines tell it, and its samples, by name and labels."""

    head: tuple[str, str]
    samples: dict[str, list[float]]

    @property
    def name(self) -> str:
        return self.head[1].split(" ")[2]

    @property
    def kind(self) -> str:
        return self.head[1].split(" ")[3]


def summed(texts: Sequence[str], *, ended: Sequence[str] = ()) -> str:
    """Return the sums of what several processes expose, in the form of `Metrics.expose`.

    Counters, histograms and gauges are added up; of gauges whose name ends in `_info`, `_evidence`,
    `_mean` or `_largest` the largest is told. Of processes that have `ended` only counters and
    histograms count.
    """
    families: dict[str, _Family] = {}
    for text, over in [*((one, True) for one in ended), *((one, False) for one in texts)]:
        for family in _families(text):
            if over and family.kind not in _CUMULATIVE:
                continue
            known = families.setdefault(family.name, _Family(family.head, {}))
            for key, values in family.samples.items():
                known.samples.setdefault(key, []).extend(values)
    return "\n".join([*_lines(families.values()), ""])


def _families(text: str) -> Iterator[_Family]:
    family: _Family | None = None
    help_line = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            help_line = line
        elif line.startswith("# TYPE "):
            if family is not None:
                yield family
            family = _Family((help_line, line), {})
        elif line and family is not None:
            key, _, value = line.rpartition(" ")
            family.samples[key] = [float(value)]
    if family is not None:
        yield family


def _lines(families: Iterable[_Family]) -> Iterator[str]:
    for family in families:
        yield from family.head
        most = family.kind == "gauge" and family.name.endswith(_NOT_ADDED)
        for key, values in family.samples.items():
            yield f"{key} {_number(max(values) if most else _sum(values, family.kind))}"


def _sum(values: Sequence[float], kind: str) -> float:
    total = math.fsum(values)
    if len(values) == 1 or kind not in _CUMULATIVE or all(map(float.is_integer, values)):
        return total
    # Added up in other groups the last bit may be another one. Rounded up, a counter never falls
    # when the counts of a worker that has ended become a part of an earlier sum.
    return math.nextafter(total, math.inf)


def _number(value: float) -> str:
    whole = math.isfinite(value) and value == int(value) and abs(value) < 1e15
    return str(int(value)) if whole else repr(value).replace("inf", "+Inf").replace("nan", "NaN")


class Published:
    """What the workers of a server have counted, in files of its private folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ended = ""

    # -- for workers ----------------------------------------------------------------------------

    def put(self, number: int, text: str) -> None:
        """Leave what worker `number` exposes."""
        write_whole(self._file(number), text)

    def whole(self) -> str:
        """Return what all of them count, and what the supervisor tells of them."""
        for _ in range(_TRIES):
            before = _read(self._folder / _SERVER)
            server: dict[str, Any] = json.loads(before) if before else _NOTHING
            texts = [_read(self._file(number)) for number in server["workers"]]
            if _read(self._folder / _SERVER) == before:  # else one has ended meanwhile
                break
        return summed([server["own"], *texts], ended=[server["ended"]])

    # -- for the supervisor ---------------------------------------------------------------------

    def tell(self, workers: Sequence[int], own: str) -> None:
        """Say which workers there are, and what the supervisor itself exposes."""
        told = {"workers": list(workers), "ended": self._ended, "own": own}
        write_whole(self._folder / _SERVER, json.dumps(told))

    def end(self, number: int, workers: Sequence[int], own: str) -> None:
        """Keep what a worker has counted that has ended; `workers` are the others."""
        self._ended = summed([], ended=[self._ended, _read(self._file(number))])
        self.tell(workers, own)
        for path in (self._file(number), self._folder / f"{number}{COUNTED}"):
            path.unlink(missing_ok=True)

    def _file(self, number: int) -> Path:
        return self._folder / f"{number}.prom"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever sees a part of it."""
    aside = path.with_name(f".{path.name}")
    with suppress(FileNotFoundError, PermissionError):  # the server has ended; Windows: it is read
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, path)
