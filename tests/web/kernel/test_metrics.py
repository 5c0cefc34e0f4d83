"""Metrics, read back by the parser of Prometheus."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families as parsed

from lite_mlops.errors import Invalid
from lite_mlops.web import App, Response, Route, Server
from lite_mlops.web.kernel.metrics import MEDIA, HttpMetrics, Metrics
from tests.web.kernel.wire import GET, Client, post

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(metrics: Metrics) -> Samples:
    """What the parser of Prometheus reads."""
    found: Samples = {}
    for family in parsed(metrics.expose()):
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def labelled(**labels: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def test_what_is_counted_is_told() -> None:
    metrics = Metrics()
    assert metrics.expose() == ""
    plain = metrics.counter("plain_total", "Without labels.")
    assert samples(metrics) == {("plain_total", ()): 0}
    plain.add(2)
    plain.add(0.5)
    rows = metrics.counter("rows_total", "Rows.", "model", "version")
    rows.add(3, "churn", "1")
    rows.add(4, "churn", "1")
    rows.add(1, "churn", "2")
    size = metrics.gauge("size", "Set,\nor asked \\ for.", "of")
    size.set(1.5, "a")
    size.set(lambda: 7, "b")
    size.set(2.5, "a")
    assert samples(metrics) == {
        ("plain_total", ()): 2.5,
        ("rows_total", labelled(model="churn", version="1")): 7,
        ("rows_total", labelled(model="churn", version="2")): 1,
        ("size", labelled(of="a")): 2.5,
        ("size", labelled(of="b")): 7,
    }
    documented = {family.name: family.documentation for family in parsed(metrics.expose())}
    assert documented["size"] == "Set,\nor asked \\ for."


@given(st.lists(st.floats(0, 20) | st.sampled_from([0.0, 0.1, 1.0, 2.0]), max_size=30))
def test_a_histogram_counts_up_to_each_bound(values: list[float]) -> None:
    metrics = Metrics()
    seconds = metrics.histogram("seconds", "Times.", "route", bounds=(1.0, 0.1))
    for value in values:
        seconds.observe(value, "/")
    found = samples(metrics)
    if not values:
        assert found == {}
        return
    for bound, text in ((0.1, "0.1"), (1.0, "1"), (math.inf, "+Inf")):
        below = sum(value <= bound for value in values)
        assert found["seconds_bucket", labelled(route="/", le=text)] == below
    assert found["seconds_count", labelled(route="/")] == len(values)
    assert found["seconds_sum", labelled(route="/")] == pytest.approx(sum(values))


@given(st.text())
def test_any_label_comes_through(text: str) -> None:
    metrics = Metrics()
    metrics.counter("a_total", "A.", "label").add(1, text)
    assert samples(metrics) == {("a_total", labelled(label=text)): 1}


@pytest.mark.parametrize("value", [0, -1, 1e20, 1e-9, math.inf, -math.inf, math.nan, 1 / 3])
def test_any_number_comes_through(value: float) -> None:
    metrics = Metrics()
    metrics.gauge("a", "A.").set(value)
    assert samples(metrics)["a", ()] == pytest.approx(value, nan_ok=True, rel=0)


def test_labels_are_bounded() -> None:
    metrics = Metrics()
    counter = metrics.counter("a_total", "A.", "x", "y")
    gauge = metrics.gauge("b", "B.", "x")
    histogram = metrics.histogram("c", "C.", "x", bounds=(1,))
    for number in range(1_000):
        counter.add(1, str(number), "y")
        gauge.set(number, str(number))
        histogram.observe(0.5, str(number))
    found = samples(metrics)
    assert found["a_total", labelled(x="other", y="other")] == 900
    assert found["b", labelled(x="other")] == 999
    assert found["c_count", labelled(x="other")] == 900
    assert len([key for key in found if key[0] == "a_total"]) == 101


def refusals(metrics: Metrics) -> Iterable[tuple[object, str]]:
    metrics.counter("taken_total", "A.", "x")
    yield lambda: metrics.counter("a b", "A."), "The metric 'a b' with the labels"
    yield lambda: metrics.gauge("a", "A.", "__x"), "cannot be named so"
    yield lambda: metrics.gauge("a", "A.", "x-y"), "cannot be named so"
    yield lambda: metrics.gauge("taken_total", "A.", "x"), "another metric taken_total already"
    yield lambda: metrics.counter("taken_total", "A.", "y"), "another metric taken_total already"
    counter = metrics.counter("taken_total", "A.", "x")
    yield lambda: counter.add(1), r"taken_total has the labels \('x',\), not 0 of them\."


def test_what_cannot_be_named_so_is_refused() -> None:
    for action, message in refusals(Metrics()):
        with pytest.raises(Invalid, match=message):
            action()  # type: ignore[operator]


def test_reading_while_others_count_tells_whole_numbers() -> None:
    metrics = Metrics()
    counter = metrics.counter("a_total", "A.", "x")
    ended = threading.Event()

    def count() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            counter.add(1, str(number % 90))

    thread = threading.Thread(target=count)
    thread.start()
    for _ in range(50):
        assert all(value == int(value) for value in samples(metrics).values())
    ended.set()
    thread.join()


def test_a_server_tells_what_it_answers() -> None:
    metrics = Metrics()
    observer = HttpMetrics(metrics)
    app = App(
        [Route("GET", "/metrics", lambda _: Response.text(metrics.expose(), MEDIA), open=True)],
        observer=observer,
    )
    with Server(app) as server, Client(server) as client:
        observer.watch(server)
        for wire in (post("/none", b""), post("/metrics", b"")):
            client.ask(wire)
        client.ask(GET.replace(b"/ ", b"/metrics "))
        answer = client.ask(GET.replace(b"/ ", b"/metrics "))
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        found = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in parsed(answer.body.decode())
            for sample in family.samples
        }
    assert found["lite_mlops_connections", ()] == 1
    assert found["lite_mlops_requests_in_flight", ()] == 0
    assert found["lite_mlops_overload_total", ()] == 0
    counted = {key[1]: value for key, value in found.items() if key[0].endswith("requests_total")}
    assert counted == {
        labelled(route="none", status="404"): 1,
        labelled(route="none", status="405"): 1,
        labelled(route="/metrics", status="200"): 1,
    }
    assert found["lite_mlops_request_seconds_count", labelled(route="/metrics")] == 1
