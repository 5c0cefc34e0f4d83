"""What was predicted, counted for Prometheus; beside it what HTTP counts of itself.

meter = Meter(served)
meter.answered(answers)
meter.expose()          # text of version 0.0.4

Labels are what is served and kinds of warnings, nothing that a client sends.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from lite_mlops.serving import Answers, Served
from lite_mlops.web.kernel import Operation, Request, Response, Route
from lite_mlops.web.predicting.schemas import answer

MEDIA = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS = (1, 10, 100, 1_000, 10_000)  # rows
_WHAT = ("range", "category", "missing")


class Exposing(Protocol):
    """What can tell its counts."""

    def expose(self) -> str:
        """Return them as text of Prometheus."""


@dataclass(slots=True)
class _Tally:
    requests: int = 0
    rows: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS) + 1))
    doubtful: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_WHAT, 0))


class Meter:
    """Counts the answers of each version.

    Args:
        served: What is served.
        dropped: How many predictions could not be recorded; None where nothing is.
    """

    def __init__(self, served: Served, dropped: Callable[[], int] | None = None) -> None:
        self._served = served
        self._dropped = dropped
        self._tallies: dict[tuple[str, int], _Tally] = {}
        self._lock = threading.Lock()

    def answered(self, answers: Answers) -> None:
        """Count the answers to one request."""
        version = answers.version
        rows = len(answers.predicted)
        with self._lock:
            tally = self._tallies.get((version.model, version.version))
            if tally is None:
                tally = self._tallies[version.model, version.version] = _Tally()
            tally.requests += 1
            tally.rows += rows
            tally.seconds += answers.latency_us * rows / 1e6
            tally.buckets[bisect_left(_BUCKETS, rows)] += 1
            for departure in answers.departures:
                tally.doubtful[departure.what] += len(departure.rows)

    def expose(self) -> str:
        """Return the counts as text of Prometheus."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield from _head("model_info", "gauge", "What is served.")
        for reference, endpoint in self._served:
            version = endpoint.version
            labels = _labels(version.model, version.version)
            labels |= {"reference": reference, "format": version.format}
            yield _sample("model_info", labels, 1)
        with self._lock:
            tallies = [(_labels(*key), tally) for key, tally in self._tallies.items()]
            yield from _counter(
                "predictions_total", "Rows answered.", ((of, one.rows) for of, one in tallies)
            )
            yield from _counter(
                "prediction_seconds_total",
                "Time that models took for the rows.",
                ((of, one.seconds) for of, one in tallies),
            )
            yield from _counter(
                "doubtful_values_total",
                "Values that are not as in the training data.",
                (
                    (of | {"what": what}, count)
                    for of, one in tallies
                    for what, count in one.doubtful.items()
                ),
            )
            yield from _head("request_rows", "histogram", "Rows of the requests answered.")
            for labels, tally in tallies:
                yield from _histogram("request_rows", labels, tally)
        if self._dropped is not None:
            told = "Predictions that could not be recorded."
            yield from _counter("predictions_dropped_total", told, [({}, self._dropped())])


# -- the text -----------------------------------------------------------------------------------


def _labels(model: str, version: int) -> dict[str, str]:
    return {"model": model, "version": str(version)}


def _head(name: str, kind: str, told: str) -> Iterator[str]:
    yield f"# HELP lite_mlops_{name} {told}"
    yield f"# TYPE lite_mlops_{name} {kind}"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"lite_mlops_{name}{{{pairs}}} {value}" if pairs else f"lite_mlops_{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _counter(
    name: str, told: str, samples: Iterable[tuple[Mapping[str, str], float]]
) -> Iterator[str]:
    yield from _head(name, "counter", told)
    for labels, value in samples:
        yield _sample(name, labels, value)


def _histogram(name: str, labels: Mapping[str, str], tally: _Tally) -> Iterator[str]:
    total = 0
    for edge, count in zip((*map(str, _BUCKETS), "+Inf"), tally.buckets, strict=True):
        total += count
        yield _sample(f"{name}_bucket", {**labels, "le": edge}, total)
    yield _sample(f"{name}_sum", labels, tally.rows)
    yield _sample(f"{name}_count", labels, tally.requests)


def routes(exposing: Iterable[Exposing]) -> list[Route]:
    """Return the route that Prometheus asks."""
    registries = list(exposing)

    def metrics(_: Request) -> Response:
        text = "".join(registry.expose() for registry in registries)
        return Response(200, text.encode(), MEDIA)

    about = Operation(
        summary="Counts for Prometheus",
        answers={"200": answer("Text of version 0.0.4", {"type": "string"}, MEDIA)},
    )
    return [Route("GET", "/metrics", metrics, about=about)]
