"""Rehearsals: a drift that is put into a copy is found, what is untouched stays quiet, and nothing
of it is left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.monitoring.monitors import Rehearsal
from lite_mlops.monitoring.monitors.changes import Change, Rows
from lite_mlops.project import Project
from tests.monitoring.watched import CHURN, file, record
from tests.store.journals import dump


def rehearsed(project: Project, *changes: str, **options: Any) -> Rehearsal:
    return project.monitors.rehearse("churn", changes, **{"draws": 4} | options)


@pytest.mark.slow
def test_a_large_drift_is_found_and_nothing_is_left(watched: Project) -> None:
    record(watched, rows=1_500)
    with watched.store.reading() as database:
        before = dump(database)
    found = rehearsed(watched, "shift age=2sd", "missing visits=30%")
    assert found.changes == ("age moved by 2 sd", "visits missing in 30 % of the rows")
    assert (found.window, found.recorded, found.draws) == (200, 1_500, 4)
    assert found.changed == 1.0
    alarms = {(one.check, one.subject): one for one in found.alarms}
    age, visits = alarms["drift", "age"], alarms["quality", "visits"]
    assert (age.changed, age.alert) == (1.0, 1.0)
    assert age.rows is not None
    assert 0 < age.rows <= 100
    assert age.told is not None
    assert age.rows <= age.told <= 200
    assert visits.changed == 1.0
    assert "visits" in visits.sentence
    assert str(found).startswith("Untouched, 0 of 4 windows of 200 rows raise something. With age")
    with watched.store.reading() as database:
        assert dump(database) == before
    assert rehearsed(watched, "shift age=2sd", "missing visits=30%") == found


def test_without_a_change_it_tells_how_often_it_cries_wolf(watched: Project) -> None:
    record(watched, rows=1_000)
    found = rehearsed(watched)
    assert (found.untouched, found.changed, found.alarms) == (0.0, 0.0, ())
    record(watched, rows=1_000, shift=3.0, seed=2)
    assert rehearsed(watched).untouched > 0


@pytest.mark.slow
def test_a_past_reference_is_that_of_before(watched: Project) -> None:
    past = 'reference = "past 7d"\nchecks = ["drift", "quality"]'
    file(watched, CHURN.replace("[monitor.churn]", f"[monitor.churn]\n{past}"))
    record(watched, rows=1_000, shift=5.0)
    found = rehearsed(watched, "unit age=x1000", draws=2)
    assert found.untouched == 0.0
    assert found.changed == 1.0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("shift aeg=1sd", "churn/1 has no column 'aeg'. Did you mean 'age'?"),
        ("shift age", "shift 'age' cannot be used: expected such as age=0.5sd or age=3"),
        ("shift age=far", "shift 'age=far' cannot be used"),
        ("missing age=0%", "missing 'age=0%' cannot be used: expected such as income=10%"),
        ("missing age=101%", "missing 'age=101%' cannot be used"),
        ("unit age=1000", "expected such as weight=x1000"),
        ("stuck age=1", "stuck 'age=1' cannot be used: expected such as speed"),
        ("category age=Oslo", "expected such as city=Oslo:20%"),
        ("category age=Oslo:20%", "age holds numbers; 'Oslo' is none"),
        ("turn age=1", "There is no change 'turn': shift, missing, unit, stuck, category"),
    ],
)
def test_what_cannot_be_rehearsed(watched: Project, change: str, told: str) -> None:
    record(watched, rows=300)
    with pytest.raises(Invalid, match=told):
        rehearsed(watched, change)


def test_it_needs_rows_and_a_monitor(watched: Project) -> None:
    record(watched, rows=199)
    with pytest.raises(
        Invalid, match="199 rows of churn/1 are recorded in full; a rehearsal draws"
    ):
        rehearsed(watched)
    with pytest.raises(Invalid, match="0 draws cannot be used"):
        rehearsed(watched, draws=0)
    with pytest.raises(NotFound, match=r"There is no monitor 'chrun'. Did you mean 'churn'"):
        watched.monitors.rehearse("chrun")


# -- what is changed ----------------------------------------------------------------------------


def table() -> Rows:
    numbers = np.array([[float(place), None] for place in range(100)], dtype=np.object_)
    texts = np.array([[None, "Rome"] for _ in range(100)], dtype=np.object_)
    numbers[0, 0] = None
    return Rows(numbers, texts)


def changed(kind: str, text: str, place: int) -> Rows:
    rows = table()
    Change.parse(kind, text).apply(rows, place, 10.0, np.random.default_rng(1))
    return rows


def test_what_changes_do() -> None:
    assert changed("shift", "a=0.5sd", 0).numbers[:3, 0].tolist() == [None, 6.0, 7.0]
    assert changed("shift", "a=-3", 0).numbers[:3, 0].tolist() == [None, -2.0, -1.0]
    assert changed("unit", "a=x1000", 0).numbers[:3, 0].tolist() == [None, 1000.0, 2000.0]
    assert changed("stuck", "b", 1).texts[:, 1].tolist() == ["Rome"] * 100
    oslo = changed("category", "city=x=Oslo:20%", 1).texts[:, 1].tolist()
    assert (oslo.count("Oslo"), oslo.count("Rome")) == (20, 80)
    assert changed("missing", "b=10%", 1).texts[:, 1].tolist().count(None) == 10
    numbers = changed("unit", "a=x10:50%", 0).numbers[1:, 0]
    assert 49 <= sum(numbers != np.arange(1.0, 100.0)) <= 50
    assert changed("category", "a=7.5:20%", 0).numbers[:, 0].tolist().count(7.5) == 20


@given(st.sampled_from(["shift", "missing", "unit", "stuck", "category"]), st.text(max_size=12))
def test_any_text_is_a_change_or_refused(kind: str, text: str) -> None:
    told = ""
    try:
        found = Change.parse(kind, text)
    except Invalid as error:
        told = str(error)
    if told:
        assert told.startswith(f"{kind} {text!r} cannot be used: expected such as")
    else:
        assert 0 < found.share <= 1
        assert str(found).startswith(found.column)
