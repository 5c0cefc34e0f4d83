"""What streams of a model showed: scores, errors and latency, as they arrived.

    report = watch(scores=scores, errors=errors, latencies=microseconds, model="churn/3")
    report["error"].detections, report.findings()

Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.wording import amount, number
from lite_mlops.monitoring.findings import ALERT, INFO, NONE, UNKNOWN, WARN, Finding
from lite_mlops.monitoring.streams.adwin import BLOCK, Detection, Stream
from lite_mlops.monitoring.streams.shapes import ShapeChange

CHECK = "streams"
SCORE, ERROR, LATENCY = "score", "error", "latency"
_FEWEST = 2 * BLOCK  # values, before which nothing can be told

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Watched:
    """A stream and the changes of its mean; latency is watched by its logarithm."""

    name: str
    seen: int
    mean: float | None  # of what is like the present
    detections: tuple[Detection, ...]
    shapes: tuple[ShapeChange, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what was seen as JSON can hold it."""
        return vars(self) | {
            "detections": [one.to_dict() for one in self.detections],
            "shapes": [one.to_dict() for one in self.shapes],
        }


@dataclass(frozen=True)
class StreamReport:
    """The streams of a model."""

    model: str
    streams: tuple[Watched, ...]

    @property
    def fires(self) -> bool:
        """Whether any finding asks for somebody."""
        return any(one.fires for one in self.findings())

    def __getitem__(self, name: str) -> Watched:
        for one in self.streams:
            if one.name == name:
                return one
        raise KeyError(name)

    def __str__(self) -> str:
        return " ".join(one.sentence for one in self.findings())

    def findings(self) -> list[Finding]:
        """Return a finding for each stream."""
        return [finding for one in self.streams for finding in stream_findings(one)]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return {
            "model": self.model,
            "fires": self.fires,
            "streams": [one.to_dict() for one in self.streams],
            "findings": [one.to_dict() for one in self.findings()],
        }


def stream_of(name: str, span: float | None = 1.0) -> Stream:
    """Return a new stream for scores or errors, which have this range, or for logarithms."""
    return Stream(span=None if name == LATENCY else span)


def logarithms(latencies: Floats) -> Floats:
    """Return latencies as their stream is fed: one slow answer in a thousand moves a mean of them.

    The logarithm of what is not above 1 is 0.
    """
    return np.log(np.where(latencies > 1, latencies, np.where(np.isnan(latencies), np.nan, 1.0)))


def watch(
    *, scores: Floats, errors: Floats, latencies: Floats, model: str = "", span: float | None = 1.0
) -> StreamReport:
    """Return what the answers of a model show as streams.

    Args:
        scores: A number of each answer: the chance of the positive label, or of the answer.
        errors: 0 or 1, or the size of the error, of each answer whose label is known.
        latencies: How long each answer took.
        model: The name of the model.
        span: The range of scores and errors; None if it is not known.
    """
    found = []
    for name, values in ((SCORE, scores), (ERROR, errors), (LATENCY, logarithms(latencies))):
        stream = stream_of(name, span)
        detections = stream.update(values)
        found.append(Watched(name, stream.seen, stream.mean, tuple(detections)))
    return StreamReport(model, tuple(found))


def _values(name: str, one: Detection) -> tuple[float, float]:
    """Return the means before and after, in the unit of the stream: of latency the typical one."""
    if name != LATENCY:
        return one.before, one.after
    return float(np.exp(one.before)), float(np.exp(one.after))


def stream_findings(watched: Watched) -> Iterator[Finding]:
    """Give the findings of a stream: of its last change, and of the last change of its shape.

    More errors are an alert; slower answers and other scores are a warning; fewer errors and faster
    answers are told as info.
    """
    name = watched.name
    if watched.seen < _FEWEST:
        text = f"{name}: {amount(watched.seen, 'value')}; {_FEWEST} are needed."
        yield Finding(CHECK, name, UNKNOWN, text, float(watched.seen), float(_FEWEST))
        return
    if watched.shapes:
        last = watched.shapes[-1]
        evidence = {"changes": [one.to_dict() for one in watched.shapes]}
        yield Finding(
            CHECK, name, WARN, f"{name}: {last}.", last.kolmogorov_smirnov, evidence=evidence
        )
    if not watched.detections:
        if not watched.shapes:
            text = f"{name}: no change in {amount(watched.seen, 'value')}."
            yield Finding(CHECK, name, NONE, text)
        return
    one = watched.detections[-1]
    before, after = _values(name, one)
    what = "typical latency" if name == LATENCY else f"mean {name}"
    told = [number(float(f"{value:.4g}")) for value in (before, after)]
    severity = {ERROR: ALERT, LATENCY: WARN}.get(name, WARN)
    if name in (ERROR, LATENCY) and after < before:
        severity = INFO
    times = len(watched.detections)
    more = f", the last of {amount(times, 'change')}" if times > 1 else ""
    text = (
        f"{what} {told[0]} -> {told[1]} from value {one.position:,} of {watched.seen:,} on{more}."
    )
    evidence = {"changes": [found.to_dict() for found in watched.detections]}
    yield Finding(CHECK, name, severity, text, after, before, evidence)
