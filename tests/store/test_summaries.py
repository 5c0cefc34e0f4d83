"""Summaries of many runs have a column for each common key, which says what the tables say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_mlops.store import events as ev
from lite_mlops.store import summaries
from lite_mlops.store.database import attached
from lite_mlops.store.summaries import columns_of, stale_summaries, sum_up_all
from tests.store.journals import SETTINGS, Folder, journal_bytes

ODD = ["a/b", "~1", 'a"b', "/", "~", "0", "$.x", "ünï"]


@pytest.fixture(autouse=True)
def from_four_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have columns from four runs on."""
    monkeypatch.setattr(summaries, "MANY", 4)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "fold")


def a_run(
    run: str,
    metrics: Mapping[str, float] | None = None,
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> list[ev.Event]:
    """The events of a run that is over."""
    metrics, params, tags = metrics or {}, params or {}, tags or {}
    return [
        ev.RunStarted(run=run, experiment="e", name="n", writer="w", actor="me"),
        *(ev.Metric(run=run, key=key, step=1, value=value) for key, value in metrics.items()),
        ev.Params(run=run, keys=[*params], texts=[*params.values()]),
        ev.Tags(run=run, keys=[*tags], texts=[*tags.values()]),
        ev.RunEnded(run=run, status="finished"),
    ]


class Writer:
    """Folds events, some more with each call."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._count = 0

    def fold(self, *events: ev.Event) -> None:
        self._count += 1
        name = f"w{self._count}"
        numbered = list(enumerate(events, start=self._count * 1000))
        self._folder.write(f"{name}-1.ndjson", journal_bytes(name, numbered))
        self._folder.fold()


def chosen(folder: Folder) -> list[tuple[str, str]]:
    """The keys that have columns."""
    with attached(folder.database, SETTINGS, read_only=True) as database:
        return [(part, key) for _, part, key in columns_of(database).columns]


def wrong_columns(folder: Folder) -> list[tuple[Any, ...]]:
    """What a column says otherwise than the table of its key, and runs that are not as recorded."""
    tables = {"metrics": ("latest", "value"), "params": ("params", "number")}
    with attached(folder.database, SETTINGS) as database:
        found: list[tuple[Any, ...]] = [("stale",)] * stale_summaries(database)
        for name, part, key in columns_of(database).columns:
            table, number = tables.get(part, ("tags", "try_cast(t.value AS DOUBLE)"))
            column = name if part == "metrics" else f"{name}_number"
            database.execute(
                f"SELECT '{name}', s.run_id FROM summaries s LEFT JOIN {table} t "  # noqa: S608
                f"ON t.run_id = s.run_id AND t.key = ? WHERE s.{name} IS DISTINCT FROM t.value "
                f"OR s.{column} IS DISTINCT FROM {number}",
                key,
            )
            found += database.cursor.fetchall()
    return found


def test_few_runs_have_no_columns(folder: Folder) -> None:
    for number in range(4):
        Writer(folder).fold(*a_run(f"r{number}", {"auc": 0.5}))
        assert chosen(folder) == []


def test_making_all_anew_leaves_the_table_as_it_was_made(folder: Folder) -> None:
    Writer(folder).fold(*a_run("r1", {"auc": 0.5}, {"depth": "3"}, {"team": "a"}))
    with attached(folder.database, SETTINGS) as database:
        described = database.cursor.execute("DESCRIBE summaries").fetchall()
        sum_up_all(database)
        assert database.cursor.execute("DESCRIBE summaries").fetchall() == described
    assert folder.summaries() == folder.runs_over()


def test_keys_of_any_name_and_values_of_any_kind_have_columns(folder: Folder) -> None:
    writer = Writer(folder)
    numbers = [0.1, -0.0, 5e-324, 1.7976931348623157e308, math.nan, math.inf, -math.inf, 3.0]
    for number in range(8):
        metrics = dict(zip(ODD, numbers[number:] + numbers[:number], strict=True))
        texts = ["x" * number, "1e3", 'it"s', "\\", "NaN", "", "\u2028", "12"]
        params = dict(zip(ODD, texts[number:] + texts[:number], strict=True))
        writer.fold(*a_run(f"r{number}", metrics, params, {"team": "a", "t/~": texts[number]}))
    assert len(chosen(folder)) == 2 * len(ODD) + 2
    assert wrong_columns(folder) == []


def test_rare_keys_have_no_columns_and_the_most_common_ones_go_first(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "_MOST", 3)
    monkeypatch.setattr(summaries, "_COMMON", 0.5)
    writer = Writer(folder)
    for number in range(5):
        metrics = {"auc": 0.5, "loss": 1.0} if number % 2 else {"auc": 0.5, f"m{number}": 1.0}
        writer.fold(*a_run(f"r{number}", metrics, {"b": "1", "a": "1"}))
    assert chosen(folder) == [("metrics", "auc"), ("params", "a"), ("params", "b")]
    assert wrong_columns(folder) == []


def test_columns_are_chosen_anew_when_the_runs_have_doubled(folder: Folder) -> None:
    writer = Writer(folder)
    for number in range(5):
        writer.fold(*a_run(f"r{number}", {"old": 1.0}))
    assert chosen(folder) == [("metrics", "old")]  # of five runs
    for number in range(5, 10):
        writer.fold(*a_run(f"r{number}", {"new": 1.0}))
    assert chosen(folder) == [("metrics", "old")]
    writer.fold(*a_run("last", {"new": 1.0}))
    assert chosen(folder) == [("metrics", "new"), ("metrics", "old")]
    assert wrong_columns(folder) == []


def test_what_comes_after_the_end_changes_the_columns(folder: Folder) -> None:
    writer = Writer(folder)
    for number in range(5):
        writer.fold(*a_run(f"r{number}", {"auc": 0.5}, {"depth": "3"}, {"team": "a"}))
    writer.fold(
        ev.Metric(run="r1", key="auc", step=2, value=0.75),
        ev.Tags(run="r1", keys=["team"], texts=[None]),
        ev.Tags(run="r2", keys=["team"], texts=["7"]),
        ev.RunPurged(run="r3", decision=1, actor="me"),
    )
    assert wrong_columns(folder) == []
    with attached(folder.database, SETTINGS, read_only=True) as database:
        names = {key: name for name, _, key in columns_of(database).columns}
        database.execute(
            f"SELECT {names['auc']}, {names['team']}, {names['team']}_number FROM summaries "  # noqa: S608
            "ORDER BY run_id"
        )
        rows = database.cursor.fetchall()
    assert rows == [(0.5, "a", None), (0.75, None, None), (0.5, "7", 7.0), (0.5, "a", None)]


def test_a_column_that_says_something_else_is_stale(folder: Folder) -> None:
    writer = Writer(folder)
    for number in range(5):
        writer.fold(*a_run(f"r{number}", {"auc": 0.5}))
    with attached(folder.database, SETTINGS) as database:
        database.execute("UPDATE summaries SET c0 = 9 WHERE run_id = 'r1'")
        assert stale_summaries(database) == 1
        sum_up_all(database)
    assert wrong_columns(folder) == []


keys = st.sampled_from(["a", "b/c"])
facts = st.lists(
    st.one_of(
        st.builds(
            a_run,
            st.sampled_from([f"r{number}" for number in range(6)]),
            st.dictionaries(keys, st.floats()),
            st.dictionaries(keys, st.sampled_from(["1", "x", ""])),
            st.dictionaries(keys, st.sampled_from(["1", "x", ""])),
        ),
        st.builds(
            lambda run, key, text: [ev.Tags(run=run, keys=[key], texts=[text])],
            st.sampled_from(["r0", "r1", "r2"]),
            keys,
            st.none() | st.just("2"),
        ),
    ),
    min_size=6,
    max_size=12,
)


@pytest.mark.slow
@settings(max_examples=8)
@given(facts=facts)
def test_columns_say_what_the_tables_say(facts: Sequence[Sequence[ev.Event]]) -> None:
    with TemporaryDirectory() as path:
        folder = Folder(Path(path) / "fold")
        writer = Writer(folder)
        for first in range(0, len(facts), 4):  # together, some of them
            writer.fold(*(event for events in facts[first : first + 4] for event in events))
        assert wrong_columns(folder) == []
        assert folder.summaries() == folder.runs_over()
