"""What was predicted, counted for Prometheus; beside it what HTTP counts of itself.

    meter = Meter(served, Metrics())
    meter.answered(answers)

Labels are what is served and kinds of warnings, nothing that a client sends.
"""

from __future__ import annotations

from collections.abc import Callable

from lite_mlops.serving import Answers, Loaded, Served
from lite_mlops.web.kernel import METRICS_MEDIA, Metrics, Operation, Request, Response, Route
from lite_mlops.web.predicting.schemas import answer
from lite_mlops.web.predicting.trial_metrics import TrialMetrics

_WHAT = ("range", "category", "missing")
_ROWS = (1, 10, 100, 1_000, 10_000)


class Meter:
    """Counts the answers of each version.

    Args:
        served: What is served.
        metrics: Where it counts.
        dropped: How many predictions could not be recorded; None where nothing is.

    Attributes:
        metrics: Where it counts.
        rows: Rows answered.
        whole: Makes of what this process tells what all of the server do; None: it is the only one.
    """

    def __init__(
        self, served: Served, metrics: Metrics, dropped: Callable[[], int] | None = None
    ) -> None:
        self.rows = 0
        self.whole: Callable[[str], str] | None = None
        self._served = served
        self.metrics = metrics
        of = ("model", "version")
        self._info = metrics.gauge(
            "lite_mlops_model_info", "What is served.", *of, "reference", "format"
        )
        self._answered = metrics.counter("lite_mlops_predictions_total", "Rows answered.", *of)
        self._seconds = metrics.counter(
            "lite_mlops_prediction_seconds_total", "Time that models took for the rows.", *of
        )
        self._doubtful = metrics.counter(
            "lite_mlops_doubtful_values_total",
            "Values that are not as in the training data.",
            *(*of, "what"),
        )
        self._sizes = metrics.histogram(
            "lite_mlops_request_rows", "Rows of the requests answered.", *of, bounds=_ROWS
        )
        self._batches = metrics.histogram(
            "lite_mlops_batch_rows", "Rows that a model was asked together.", *of, bounds=_ROWS
        )
        self._dropped = metrics.counter(
            "lite_mlops_predictions_dropped_total", "Predictions that could not be recorded."
        )
        self._count_dropped = dropped
        self._told_dropped = 0
        self._trials = TrialMetrics(served, metrics)
        self._labels: dict[tuple[str, int], tuple[str, str]] = {}

    def watch(self, loaded: Loaded) -> None:
        """Count how many rows a loaded version is asked together."""
        if loaded.on_asked is None:
            labels = loaded.version.model, str(loaded.version.version)
            loaded.on_asked = lambda rows: self._batches.observe(rows, *labels)

    def answered(self, answers: Answers) -> None:
        """Count the answers to one request."""
        version = answers.version
        key = version.model, version.version
        labels = self._labels.get(key)
        if labels is None:
            labels = self._labels[key] = version.model, str(version.version)
            for what in _WHAT:
                self._doubtful.add(0, *labels, what)  # so that the first one is seen to rise
        rows = len(answers.predicted)
        self.rows += rows
        self._answered.add(rows, *labels)
        self._seconds.add(answers.latency_us * rows / 1e6, *labels)
        self._sizes.observe(rows, *labels)
        for departure in answers.departures:
            self._doubtful.add(len(departure.rows), *labels, departure.what)

    def expose(self) -> str:
        """Return all that this process counts as text of Prometheus."""
        self._info.clear()  # what is served changes with the aliases
        for reference, endpoint in self._served:
            version = endpoint.version
            about = version.model, str(version.version), reference, version.format
            self._info.set(1, *about)
        self._trials.collect()
        if self._count_dropped is not None:
            dropped = self._count_dropped()
            self._dropped.add(dropped - self._told_dropped)
            self._told_dropped = dropped
        return self.metrics.expose()


def routes(meter: Meter) -> list[Route]:
    """Return the route that Prometheus asks."""

    def metrics(_: Request) -> Response:
        text = meter.expose()
        return Response.text(text if meter.whole is None else meter.whole(text), METRICS_MEDIA)

    about = Operation(
        summary="Counts for Prometheus",
        answers={"200": answer("Text of version 0.0.4", {"type": "string"}, METRICS_MEDIA)},
    )
    return [Route("GET", "/metrics", metrics, about=about)]
