"""Counts of several processes, added up so that no counter ever goes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from lite_mlops.web.kernel import Metrics
from lite_mlops.web.workers.sums import Published, summed

SECONDS = st.floats(0, 10, allow_nan=False)


class Counts:
    """What one process counts."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self._rows = self.metrics.counter("rows_total", "Rows.", "model")
        self._seconds = self.metrics.histogram("seconds", "Times.", bounds=(0.1, 1.0))
        self._time = self.metrics.counter("time_total", "Time.")
        self._open = self.metrics.gauge("open", "Open ones.")
        self._info = self.metrics.gauge("model_info", "What is served.", "model")
        self._info.set(1, 'a "quoted" name')

    def count(self, seconds: float) -> str:
        self._rows.add(1, 'a "quoted" name')
        self._seconds.observe(seconds)
        self._time.add(seconds)
        self._open.set(2)
        return self.metrics.expose()


def read(text: str) -> dict[str, float]:
    """All samples, by name and labels."""
    return {
        " ".join([one.name, *one.labels.values()]): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_the_counts_of_one_process_are_as_it_tells_them() -> None:
    text = Counts().count(0.3)
    assert summed([text]) == text


def test_counters_histograms_and_gauges_are_added_up() -> None:
    found = read(summed([Counts().count(0.25), Counts().count(0.5), Counts().count(2.0)]))
    assert found == {
        'rows_total a "quoted" name': 3,
        "seconds_bucket 0.1": 0,
        "seconds_bucket 1": 2,
        "seconds_bucket +Inf": 3,
        "seconds_sum": pytest.approx(2.75),
        "seconds_count": 3,
        "time_total": pytest.approx(2.75),
        "open": 6,
        'model_info a "quoted" name': 1,
    }


def test_of_what_cannot_be_added_up_the_largest_is_told() -> None:
    texts = []
    for value in (1.0, 7.5, 2.0):
        metrics = Metrics()
        for name in ("canary_evidence", "shadow_difference_mean", "shadow_difference_largest"):
            metrics.gauge(name, "How much.", "model").set(value, "churn")
        texts.append(metrics.expose())
    assert set(read(summed(texts)).values()) == {7.5}


def test_of_those_that_have_ended_only_counts_remain() -> None:
    found = read(summed([], ended=[Counts().count(0.25)]))
    assert found["time_total"] == 0.25
    assert not {"open", 'model_info a "quoted" name'} & found.keys()


@given(st.lists(st.tuples(st.integers(0, 5), SECONDS, st.booleans()), max_size=40))
def test_no_counter_goes_back_whoever_is_asked_and_whoever_ends(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[int, float, bool]]
) -> None:
    published = Published(tmp_path_factory.mktemp("counts"))
    workers = {number: Counts() for number in range(3)}
    published.tell(list(workers), "")
    before: dict[str, float] = {}
    total = 0.0
    for which, seconds, ends in events:
        number = sorted(workers)[which % len(workers)]
        published.put(number, workers[number].count(seconds))
        total += seconds
        if ends:
            del workers[number]
            workers[max(workers, default=number) + 10] = Counts()
            published.end(number, list(workers), "")
        now = read(published.whole())
        for name, value in before.items():
            if name.startswith(("rows", "seconds", "time")):
                assert now[name] >= value, name
        before = now
        assert now["time_total"] == pytest.approx(total)
    assert before.get('rows_total a "quoted" name', 0) == len(events)


def test_what_the_supervisor_tells_stands_there_once(tmp_path: Path) -> None:
    published = Published(tmp_path)
    assert published.whole() == ""  # nobody has told anything yet
    own = Metrics()
    own.gauge("workers", "How many.").set(2)
    published.tell([1, 2], own.expose())
    published.put(1, Counts().count(0.5))  # the second one has not counted anything yet
    found = read(published.whole())
    assert (found["workers"], found["open"], found["time_total"]) == (2, 2, 0.5)


def test_a_server_that_has_ended_leaves_nothing_to_write_to(tmp_path: Path) -> None:
    published = Published(tmp_path / "gone")
    published.put(1, "")
    published.tell([1], "")
    assert not (tmp_path / "gone").exists()
