"""The profile of a table: what its columns hold, in figures small enough to keep for ever.

    profile(as_columns(frame))["age"]  # {"kind": "number", "mean": ..., "edges": [...], ...}

Numbers are counted in ten bins between their deciles; drift is later measured against these. A
column comes in pieces. Up to two million values are looked at as a whole; of more the deciles are
those of every n-th value ("sampled" says so), while counts, extremes and means stay exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.canonical import MOMENTS, NUMBERS, Column, canonical
from lite_mlops.data.tables import Columns

BINS = 10
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
WHOLE = 2_000_000  # values that are looked at together
_TOP_VALUES = 20
_MOST_TEXTS = 1_000_000  # different ones that are counted at the same time
_LONGEST_TEXT = 200  # characters of a top value that are kept
_LARGE, _SCALING = 1e150, 600

Pieces = Callable[[], Iterable[Column]]


def bin_edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inner edges of the bins: the deciles, each once.

    Where the first decile is the lowest value, a bin below it is for what was never seen, as a -1
    for what is missing.
    """
    return _edges(np.sort(values))


def _quantiles(ordered: NDArray[np.float64], shares: Iterable[float]) -> NDArray[np.float64]:
    """Return quantiles of sorted values, linear between neighbours (type 7 of Hyndman and Fan)."""
    places = np.asarray(list(shares)) * (len(ordered) - 1)
    below = np.floor(places).astype(np.int64)
    low, high = ordered[below], ordered[np.minimum(below + 1, len(ordered) - 1)]
    found: NDArray[np.float64] = np.clip(low + (high - low) * (places - below), low, high)
    return found


def _edges(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    quantiles = _quantiles(ordered, np.linspace(0, 1, BINS + 1)[1:-1])
    lowest = ordered[0]
    below = [np.nextafter(lowest, -np.inf)] if quantiles[0] == lowest else []
    return np.unique([*below, *quantiles])


def bin_counts(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how many values lie in each bin; a value on an edge belongs to the bin below it."""
    places = np.searchsorted(edges, values, side="left")
    return np.bincount(places, minlength=len(edges) + 1).astype(np.int64)


def _sorted_counts(ordered: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the same as `bin_counts` of values that are sorted."""
    ends = np.searchsorted(ordered, edges, side="right")
    return np.diff(np.concatenate([[0], ends, [len(ordered)]])).astype(np.int64)


# -- numbers ------------------------------------------------------------------------------------


def _floats(piece: Column) -> NDArray[np.float64]:
    """Return the finite numbers of a piece."""
    values = piece.values if piece.missing is None else piece.values[~piece.missing]
    numbers = values.astype(np.float64, copy=False)
    finite = np.isfinite(numbers)
    return numbers if finite.all() else numbers[finite]


def _ordered(ordered: NDArray[np.float64], power: int) -> dict[str, Any]:
    """Return what sorted numbers tell; they were divided by two to the power of `power`."""
    edges = np.unique(np.ldexp(_edges(ordered), power))
    quantiles = np.ldexp(_quantiles(ordered, QUANTILES), power)
    return {
        "edges": edges.tolist(),
        "quantiles": {str(q): float(v) for q, v in zip(QUANTILES, quantiles, strict=True)},
        "distinct": int(np.count_nonzero(ordered[1:] != ordered[:-1])) + 1,
    }


def _power(low: float, high: float) -> int:
    """Return the power of two to divide by, so that no square overflows; it changes no digit."""
    return _SCALING if max(abs(low), abs(high)) > _LARGE else 0


def _whole_numbers(finite: NDArray[np.float64]) -> dict[str, Any]:
    low, high = float(finite.min()), float(finite.max())
    power = _power(low, high)
    scaled = np.ldexp(finite, -power) if power else finite
    ordered = np.sort(scaled)
    facts = _ordered(ordered, power)
    ends = np.flatnonzero(finite[1:] != finite[:-1]) + 1
    runs = np.diff(np.concatenate([[0], ends, [len(finite)]]))
    counts = _sorted_counts(
        np.ldexp(ordered, power) if power else ordered, np.array(facts["edges"])
    )
    return {
        "min": low,
        "max": high,
        "mean": float(np.ldexp(scaled.mean(), power)),
        "std": float(np.ldexp(scaled.std(), power)),
        **facts,
        "counts": counts.tolist(),
        # How often a number comes again at once, in the order of the rows.
        "longest_run": int(runs.max()),
        "repeats": len(finite) - len(runs),
    }


class _Moments:
    """Extremes, mean and variance of numbers that come in pieces (Chan, Golub and LeVeque 1983)."""

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0
        self.low, self.high = np.inf, -np.inf

    def update(self, numbers: NDArray[np.float64], power: int) -> None:
        """Take in more numbers, divided by two to the power of `power`."""
        if not len(numbers):
            return
        scaled = np.ldexp(numbers, -power) if power else numbers
        count, mean = len(scaled), float(scaled.mean())
        distance, total = mean - self.mean, self.count + count
        self.squares += float(scaled.var()) * count + distance**2 * self.count * count / total
        self.mean += distance * count / total
        self.count = total


def _many_numbers(pieces: Pieces, count: int) -> dict[str, Any]:
    """Return the facts of more numbers than are looked at together, in two passes."""
    every = -(-count // WHOLE)
    samples, start = [], 0
    low, high = np.inf, -np.inf
    for piece in pieces():
        numbers = _floats(piece)
        if len(numbers):
            low, high = min(low, float(numbers.min())), max(high, float(numbers.max()))
            samples.append(numbers[start::every].copy())
            start = (start - len(numbers)) % every
    power = _power(low, high)
    sample = np.sort(np.ldexp(np.concatenate(samples), -power))
    sample[0] = np.ldexp(low, -power)
    facts = _ordered(sample, power)
    edges = np.asarray(facts["edges"])
    moments, counts = _Moments(), np.zeros(len(edges) + 1, np.int64)
    for piece in pieces():
        numbers = _floats(piece)
        moments.update(numbers, power)
        counts += bin_counts(numbers, edges)
    return {
        "min": low,
        "max": high,
        "mean": float(np.ldexp(moments.mean, power)),
        "std": float(np.ldexp(np.sqrt(moments.squares / moments.count), power)),
        **facts,
        "counts": counts.tolist(),
        "sampled": every,
    }


def _numbers(pieces: Pieces) -> dict[str, Any]:
    count, kept = 0, []
    for piece in pieces():
        numbers = _floats(piece)
        count += len(numbers)
        if count <= WHOLE:
            kept.append(numbers)
    if not count:
        return {"edges": [], "counts": []}
    if count > WHOLE:
        return _many_numbers(pieces, count)
    return _whole_numbers(kept[0] if len(kept) == 1 else np.concatenate(kept))


# -- times --------------------------------------------------------------------------------------

_SCALES = {"date": 86_400_000_000, "timestamp_ns": 1e-3, "instant_ns": 1e-3}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_text(kind: str, value: float) -> str:
    """Return a time in its canonical form as people read it."""
    moment = _EPOCH + timedelta(microseconds=round(value * _SCALES.get(kind, 1)))
    if kind == "date":
        return moment.date().isoformat()
    text = moment.replace(tzinfo=None).isoformat(sep=" ")
    return f"{text}Z" if kind.startswith("instant") else text


def _times(kind: str, pieces: Pieces) -> dict[str, Any]:
    numbers = _numbers(pieces)
    if "min" not in numbers:
        return {}

    def told(value: float) -> str | None:
        try:
            return moment_text(kind, value)
        except OverflowError:  # years that no calendar of Python has
            return None

    return {
        "min": told(numbers["min"]),
        "max": told(numbers["max"]),
        "distinct": numbers["distinct"],
        "quantiles": {share: told(value) for share, value in numbers["quantiles"].items()},
    }


# -- everything else ----------------------------------------------------------------------------


def _present(piece: Column) -> list[Any] | Counter[Any]:
    """Return the values of a piece, or how often each is there where its words are known."""
    if piece.words is None:
        values = piece.values if piece.missing is None else piece.values[~piece.missing]
        return list(values.tolist())
    places, texts = piece.words.places, piece.words.texts[:-1].tolist()
    times = np.bincount(places, minlength=len(texts) + 1).tolist()
    return Counter({text: n for text, n in zip(texts, times, strict=False) if n})


def _told(kind: str, value: Any) -> str:
    """Return a value as the profile names it."""
    if kind == "mixed":
        value = value.partition(":")[2]
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text.encode("utf-8", "replace").decode()[:_LONGEST_TEXT]


def _texts(pieces: Pieces) -> dict[str, Any]:
    counted: Counter[Any] = Counter()
    count = total = longest = 0
    shortest: int | None = None
    kind, approximate = "text", False
    for piece in pieces():
        kind, found = piece.kind, _present(piece)
        counted.update(found)
        if len(counted) > _MOST_TEXTS:  # the rare ones go; the frequent ones are there to stay
            counted = Counter(dict(counted.most_common(_MOST_TEXTS // 2)))
            approximate = True
        times = np.ones(len(found), np.int64)
        if isinstance(found, Counter):
            times[:] = [*found.values()]
        if found and kind != "boolean":
            lengths = np.fromiter(map(len, found), np.int64, len(found))
            low = int(lengths.min())
            shortest = low if shortest is None else min(low, shortest)
            longest, total = max(longest, int(lengths.max())), total + int(lengths @ times)
        count += int(times.sum())
    # Among equally frequent values the order of the text decides, not that of the rows.
    bound = min((n for _, n in counted.most_common(_TOP_VALUES)), default=0)
    frequent = [(_told(kind, value), n) for value, n in counted.items() if n > bound]
    equal = sorted(_told(kind, value) for value, n in counted.items() if n == bound)
    frequent.sort(key=lambda pair: (-pair[1], pair[0]))
    top = [*frequent, *((value, bound) for value in equal)]
    facts: dict[str, Any] = {"distinct": len(counted), "top": dict(islice(top, _TOP_VALUES))}
    if shortest is not None:
        facts["lengths"] = {"min": shortest, "mean": total / count, "max": longest}
    return facts | ({"approximate": True} if approximate else {})


def column_profile(pieces: Pieces) -> dict[str, Any]:
    """Return the profile of one column; `pieces` returns its pieces as often as it is called."""
    first = next(iter(pieces()), None)
    kind = "nothing" if first is None else first.kind
    missing = sum(0 if p.missing is None else int(p.missing.sum()) for p in pieces())
    group, facts = "text", {}
    if kind in NUMBERS:
        group, facts = "number", _numbers(pieces)
    elif kind in MOMENTS:
        group, facts = "time", _times(kind, pieces)
    elif kind == "nothing":
        facts = {"distinct": 0, "top": {}, "edges": [], "counts": []}
    else:
        facts = _texts(pieces)
    return {"kind": group, "type": kind, "missing": missing, **facts}


def profile(columns: Columns) -> dict[str, Any]:
    """Return the profile of each column: kind, missing values, and range or top values."""
    found = {}
    for name, values in columns.items():
        column = canonical(name, values)

        def pieces(column: Column = column) -> Iterator[Column]:
            yield column

        found[name] = column_profile(pieces)
    return found
