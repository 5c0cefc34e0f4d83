"""Metrics in the text format of Prometheus (0.0.4), and those of HTTP.

    metrics = Metrics()
    rows = metrics.counter("lite_mlops_rows_total", "Rows that were predicted.", "model")
    rows.add(20, "churn")
    metrics.expose()

To count is to change an entry of a dict; all formatting happens when somebody asks. Labels come
from what we name, never from what a client sends, and their number is bounded all the same: beyond
100 combinations of one metric the rest is counted as `other`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol, Self, TypeVar

from lite_mlops.errors import Invalid

MEDIA = "text/plain; version=0.0.4; charset=utf-8"

# Seconds; from what a small model takes to the longest that a request may.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_MOST = 100
_OTHER = "other"
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")

Values = tuple[str, ...]

_Kept = TypeVar("_Kept")


class Metric:
    """What all kinds have: a name, a text, and labels."""

    kind = ""

    def __init__(self, name: str, text: str, labels: Values) -> None:
        if not _NAME.fullmatch(name) or not all(_LABEL.fullmatch(label) for label in labels):
            raise Invalid(f"The metric {name!r} with the labels {labels} cannot be named so.")
        self.name = name
        self.text = text
        self.labels = labels

    def _checked(self, values: Values, known: int) -> Values:
        """Return the labels under which values that are new are counted. Raises `Invalid`."""
        if len(values) != len(self.labels):
            raise Invalid(f"{self.name} has the labels {self.labels}, not {len(values)} of them.")
        return values if known < _MOST else (_OTHER,) * len(values)

    def _of(self, values: Values, known: dict[Values, _Kept], new: Callable[[], _Kept]) -> _Kept:
        """Return what is kept under some labels, made if they are new. Raises `Invalid`."""
        if values not in known:
            values = self._checked(values, len(known))
            known.setdefault(values, new())
        return known[values]

    def lines(self) -> Iterator[str]:
        """Return the samples as text."""
        raise NotImplementedError

    def _line(self, values: Values, value: float, suffix: str = "", more: str = "") -> str:
        labels = [
            f'{name}="{_escaped(text)}"' for name, text in zip(self.labels, values, strict=True)
        ]
        if more:
            labels.append(more)
        inside = f"{{{','.join(labels)}}}" if labels else ""
        return f"{self.name}{suffix}{inside} {_number(value)}"


class Count:
    """What a counter has counted under some labels: `count.value += 1`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0


class Counter(Metric):
    """What only grows; its name ends in `_total`."""

    kind = "counter"

    def __init__(self, name: str, text: str, labels: Values) -> None:
        super().__init__(name, text, labels)
        self._counts: dict[Values, Count] = {} if labels else {(): Count()}

    def of(self, *values: str) -> Count:
        """Return the count of these labels, to be kept by who counts often.

        Raises:
            Invalid: it is a wrong number of labels.
        """
        return self._of(values, self._counts, Count)

    def add(self, amount: float, *values: str) -> None:
        """Count `amount` more. Raises `Invalid` for a wrong number of labels."""
        self.of(*values).value += amount

    def lines(self) -> Iterator[str]:
        """Return the samples as text."""
        for values, count in list(self._counts.items()):
            yield self._line(values, count.value)


class Gauge(Metric):
    """What rises and falls; set, or read from a function when somebody asks."""

    kind = "gauge"

    def __init__(self, name: str, text: str, labels: Values) -> None:
        super().__init__(name, text, labels)
        self._values: dict[Values, float | Callable[[], float]] = {}

    def set(self, value: float | Callable[[], float], *values: str) -> None:
        """Take the present value. Raises `Invalid` for a wrong number of labels."""
        if values not in self._values:
            values = self._checked(values, len(self._values))
        self._values[values] = value

    def clear(self) -> None:
        """Forget all values."""
        self._values.clear()

    def lines(self) -> Iterator[str]:
        """Return the samples as text."""
        for values, value in list(self._values.items()):
            yield self._line(values, value() if callable(value) else value)


class Sizes:
    """What a histogram has counted under some labels."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)  # of each bucket by itself, and of what lies beyond
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Histogram(Metric):
    """How often which sizes came: counts up to bounds, their sum and their number."""

    kind = "histogram"

    def __init__(
        self, name: str, text: str, labels: Values, bounds: Sequence[float] = SECONDS
    ) -> None:
        super().__init__(name, text, labels)
        self._bounds = tuple(sorted(bounds))
        self._sizes: dict[Values, Sizes] = {}

    def of(self, *values: str) -> Sizes:
        """Return what is counted under these labels, to be kept by who counts often.

        Raises:
            Invalid: it is a wrong number of labels.
        """
        return self._of(values, self._sizes, partial(Sizes, self._bounds))

    def observe(self, value: float, *values: str) -> None:
        """Count a value. Raises `Invalid` for a wrong number of labels."""
        self.of(*values).observe(value)

    def lines(self) -> Iterator[str]:
        """Return the samples as text."""
        for values, sizes in list(self._sizes.items()):
            sofar, counts, total = 0, list(sizes.counts), sizes.total
            for bound, count in zip((*self._bounds, float("inf")), counts, strict=True):
                sofar += count
                yield self._line(values, sofar, "_bucket", f'le="{_number(bound)}"')
            yield self._line(values, total, "_sum")
            yield self._line(values, sofar, "_count")


_AnyMetric = TypeVar("_AnyMetric", bound=Metric)


class Metrics:
    """The metrics of one process, in the order in which they were made."""

    def __init__(self) -> None:
        self._metrics: dict[str, Metric] = {}

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        """Return a counter, the same for the same name. Raises `Invalid`."""
        return self._made(Counter(name, text, labels))

    def gauge(self, name: str, text: str, *labels: str) -> Gauge:
        """Return a gauge, the same for the same name. Raises `Invalid`."""
        return self._made(Gauge(name, text, labels))

    def histogram(
        self, name: str, text: str, *labels: str, bounds: Sequence[float] = SECONDS
    ) -> Histogram:
        """Return a histogram, the same for the same name. Raises `Invalid`."""
        return self._made(Histogram(name, text, labels, bounds))

    def _made(self, metric: _AnyMetric) -> _AnyMetric:
        known = self._metrics.setdefault(metric.name, metric)
        if not isinstance(known, type(metric)) or known.labels != metric.labels:
            raise Invalid(f"There is another metric {metric.name} already.")
        return known

    def expose(self) -> str:
        """Return all of them as text."""
        parts = []
        for metric in list(self._metrics.values()):
            text = metric.text.replace("\\", r"\\").replace("\n", r"\n")
            parts += [f"# HELP {metric.name} {text}", f"# TYPE {metric.name} {metric.kind}"]
            parts += metric.lines()
        return "\n".join([*parts, ""])


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    if value != value:
        return "NaN"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


class Busyness(Protocol):
    """What tells how busy a server is: the server itself."""

    @property
    def connections(self) -> int:
        """How many connections are open."""

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answer."""


class HttpMetrics:
    """The metrics of HTTP; the observer of an app."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._requests = metrics.counter(
            "lite_mlops_requests_total", "Answers by route and status.", "route", "status"
        )
        self._seconds = metrics.histogram(
            "lite_mlops_request_seconds", "From the last byte to the answer, by route.", "route"
        )
        self._refused = metrics.counter(
            "lite_mlops_overload_total", "Answers of 503: there was more to do than could be done."
        )
        self._known: dict[tuple[str, int], tuple[Count, Sizes]] = {}

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        known = self._known.get((route, status))
        if known is None:
            told = route or "none"
            requests = self._requests.of(told, str(status))
            known = self._known[route, status] = requests, self._seconds.of(told)
        count, sizes = known
        count.value += 1
        sizes.observe(seconds)
        if status == 503:
            self._refused.add(1)

    def answers(self) -> list[tuple[str, int, int]]:
        """Return routes and statuses with the number of their answers."""
        known = list(self._known.items())
        return [(route, status, int(count.value)) for (route, status), (count, _) in known]

    def sizes(self) -> list[tuple[str, Sizes]]:
        """Return routes with how long their answers took."""
        return list({route: sizes for (route, _), (_, sizes) in list(self._known.items())}.items())

    def watch(self, server: Busyness) -> Self:
        """Tell of the connections of a server as well."""
        self.metrics.gauge("lite_mlops_connections", "Open connections.").set(
            lambda: server.connections
        )
        self.metrics.gauge("lite_mlops_requests_in_flight", "Requests without an answer yet.").set(
            lambda: server.in_flight
        )
        return self
