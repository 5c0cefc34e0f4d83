"""Folding gives the same tables in whatever pieces and order the journals are folded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_mlops.store import events as ev
from lite_mlops.store.database import attached
from lite_mlops.store.lines import START, encode
from lite_mlops.store.summaries import stale_summaries, sum_up_all
from tests.store.journals import SETTINGS, Folder, journal_bytes

RUNS = ["68000001aaaaaaaaaaaa", "68000001bbbbbbbbbbbb", "68000002cccccccccccc"]
KEYS = ["loss", "auc"]
TEXTS = ["1", "2", "x"]
WRITERS = ["w1", "w2", "w3"]

runs = st.sampled_from(RUNS)
keys = st.sampled_from(KEYS)
texts = st.sampled_from(TEXTS)
values = st.sampled_from([0.0, 1.0, -2.5, float("nan"), float("inf")])
steps = st.integers(-1, 2)
hashes = st.sampled_from(["a" * 64, "b" * 64])

facts = st.one_of(
    st.builds(
        ev.RunStarted,
        run=runs,
        experiment=st.sampled_from(["one", "two"]),
        name=st.just("n"),
        writer=st.just(""),
        actor=st.just("me"),
    ),
    st.builds(ev.RunResumed, run=runs, writer=st.just("")),
    st.builds(ev.RunEnded, run=runs, status=st.sampled_from(["finished", "failed"])),
    st.builds(
        lambda run, pairs: ev.Params(run=run, keys=list(pairs), texts=list(pairs.values())),
        runs,
        st.dictionaries(keys, texts, min_size=1),
    ),
    st.builds(
        lambda run, pairs: ev.Tags(run=run, keys=list(pairs), texts=list(pairs.values())),
        runs,
        st.dictionaries(keys, texts | st.none(), min_size=1),
    ),
    st.builds(ev.Metric, run=runs, key=keys, step=steps, value=values),
    st.builds(
        lambda run, pairs, step: ev.Metrics(
            run=run, keys=list(pairs), numbers=list(pairs.values()), step=step
        ),
        runs,
        st.dictionaries(keys, values, min_size=1),
        steps,
    ),
    st.builds(ev.Note, run=runs, text=texts),
    st.builds(
        ev.Artifact,
        run=runs,
        path=st.sampled_from(["a", "b"]),
        sha256=hashes,
        size=st.just(1),
        media=st.just("m"),
    ),
    st.builds(
        ev.Dataset,
        name=st.just("d"),
        sha256=hashes,
        rows=st.just(1),
        columns=st.just(2),
        profile=st.sampled_from([{"x": 1}, {"x": 2}]),
        form=st.sampled_from(["table", "file"]),
        size=st.none() | st.just(5),
        source=st.none() | st.sampled_from([{"path": "a"}, {"path": "b"}]),
    ),
    st.builds(
        ev.DatasetSnapshot,
        name=st.just("d"),
        sha256=hashes,
        manifest=st.sampled_from(["c" * 64, "e" * 64]),
        size=st.just(5),
    ),
    st.builds(ev.DatasetUsed, run=runs, name=st.just("d"), sha256=hashes, role=st.just("train")),
    st.builds(
        ev.Prediction,
        prediction=st.sampled_from(["p1", "p2"]),
        model=st.just("m"),
        version=st.just(1),
        numbers=st.just([1.0, None]),
        texts=st.sampled_from([None, [None, "a"]]),
        text=texts,
        latency_us=st.just(5),
    ),
    st.builds(
        ev.Predictions,
        model=st.just("m"),
        version=st.just(1),
        ids=st.sampled_from([["p1", "p2"], ["p3", "p4"]]),
        times=st.just([1, 2]),
        inputs=st.sampled_from([[[1.0, None], [2.0, 3.0]], [[], []]]),
        text_inputs=st.sampled_from([None, [[None, "a"], [None, None]]]),
        answers=st.just(["a", "b"]),
        shares=st.sampled_from([None, [[0.5, 0.5], [0.25, 0.75]]]),
        latencies=st.just([5, 6]),
    ),
    st.builds(
        ev.StepDone,
        pipeline=st.just("p"),
        name=st.sampled_from(["fit", "score"]),
        key=hashes,
        run=st.none() | runs,
        outputs=st.sampled_from([{"files": []}, {"files": [], "value": {"sha256": "c" * 64}}]),
        detail=st.sampled_from([{}, {"params": {"lr": 1}}]),
        seconds=st.just(0.5),
    ),
    st.builds(
        ev.VersionLowered,
        model=st.just("m"),
        version=st.integers(1, 2),
        sha256=hashes,
        plan=st.none() | hashes,
        why=st.none() | texts,
        exact=st.none() | st.just("bits"),
        faster_from=st.none() | st.just(256),
    ),
    st.builds(
        ev.VersionServed, model=st.just("m"), version=st.just(1), writer=st.sampled_from(WRITERS)
    ),
    st.builds(
        ev.VersionLeft, model=st.just("m"), version=st.just(1), writer=st.sampled_from(WRITERS)
    ),
    st.builds(
        ev.EndpointNoted,
        reference=st.just("m@a"),
        writer=st.sampled_from(WRITERS),
        what=st.sampled_from(["started", "worker died"]),
        version=st.none() | st.just(1),
        detail=st.none() | st.just({"pid": 7}),
    ),
    st.builds(
        ev.TrialSeen,
        reference=st.just("m@a"),
        trial=st.sampled_from(["t1", "t2"]),
        writer=st.sampled_from(WRITERS),
        role=st.sampled_from(["current", "canary", "shadow"]),
        name=st.just("m/2"),
        requests=st.integers(0, 2),
        failed=st.integers(0, 1),
        slow=st.just(0),
        doubtful=st.just(0),
        detail=st.none() | st.sampled_from([{"e": 1.5}, {"e": 2.0}]),
    ),
    st.builds(
        ev.RequestsSeen,
        names=st.sampled_from([["m@a"], ["m@a", "n/1"]]),
        since=st.integers(1, 2),
        until=st.integers(3, 4),
        requests=st.integers(1, 3),
        refused=st.just(0),
        failed=st.integers(0, 1),
        overloaded=st.just(0),
        detail=st.just({"bounds": [0.1], "seconds": [1, 0], "delays": [1, 0]}),
    ),
    st.builds(
        ev.MonitorRan,
        monitor=st.just("m"),
        look=st.sampled_from(["l1", "l2"]),
        model=st.just("m"),
        version=st.just(1),
        since=st.just(1),
        until=st.just(2),
        rows=st.just(3),
        took=st.just(4),
        how=st.just("by hand"),
        checks=st.just(["drift", "drift"]),
        subjects=st.just(["", "age"]),
        severities=st.sampled_from([["none", "warn"], ["none", "none"]]),
        sentences=st.just(["a", "b"]),
        measured=st.just([None, 0.5]),
        limits=st.just([None, None]),
        proofs=st.just([None, '{"p": 0.5}']),
    ),
    st.builds(
        ev.AlertSent,
        notice=st.sampled_from(["n1", "n2"]),
        channel=st.just("team"),
        state=st.sampled_from(["sending", "sent"]),
        attempt=st.integers(1, 2),
        detail=st.none() | st.just({"why": "timeout"}),
    ),
    st.builds(ev.Feedback, prediction=st.sampled_from(["p1", "p2"]), text=texts),
    st.builds(
        ev.Labels,
        ids=st.sampled_from([["p1", "p2"], ["p2", "p2"]]),
        texts=st.lists(texts, min_size=2, max_size=2),
        times=st.none() | st.lists(st.integers(1, 9), min_size=2, max_size=2),
    ),
)


@st.composite
def decisions(draw: st.DrawFn, number: int) -> ev.Decision:
    frame = {"decision": number, "actor": "me", "reason": draw(texts)}
    found: ev.Decision = draw(
        st.one_of(
            st.builds(ev.RunDeleted, run=runs, **_just(frame)),
            st.builds(ev.RunRestored, run=runs, **_just(frame)),
            st.builds(
                ev.ExperimentRenamed,
                experiment=st.sampled_from(["one", "two", "three"]),
                name=st.sampled_from(["one", "two", "three"]),
                **_just(frame),
            ),
            st.builds(
                ev.AliasSet,
                model=st.just("m"),
                alias=st.sampled_from(["a", "b"]),
                version=st.integers(1, 2),
                **_just(frame),
            ),
            st.builds(
                ev.TrialSet,
                reference=st.sampled_from(["m@a", "m@b"]),
                canary=st.none() | st.just(2),
                share=st.none() | st.just(0.1),
                key=st.none() | st.just("user"),
                trial=st.none() | st.just("t1"),
                shadows=st.sampled_from([{}, {"m/3": "t2"}]),
                state=st.sampled_from(["running", "paused"]),
                how=st.sampled_from(["canary", "rolled back"]),
                version=st.none() | st.just(2),
                evidence=st.none() | st.just({"errors": {"e": 400.5}}),
                **_just(frame),
            ),
            st.builds(
                ev.TokenMade,
                name=st.sampled_from(["t", "u"]),
                text=hashes,
                expires=st.none() | st.just(5),
                **_just(frame),
            ),
            st.builds(
                ev.MonitorSet,
                monitor=st.sampled_from(["m", "n"]),
                definition=st.none() | st.sampled_from([{"window": "1d"}, {"window": "2d"}]),
                **_just(frame),
            ),
            st.builds(
                ev.IncidentSet,
                incident=st.sampled_from(["i1", "i2"]),
                monitor=st.just("m"),
                checked=st.just("drift"),
                subject=st.just("age"),
                state=st.sampled_from(["open", "cleared"]),
                severity=st.sampled_from(["warn", "alert"]),
                sentence=texts,
                how=st.just("opened"),
                look=st.none() | st.just("l1"),
                notice=st.none() | st.just("n1"),
                channels=st.none() | st.just(["team"]),
                **_just(frame),
            ),
            st.builds(
                ev.SilenceSet,
                monitor=st.sampled_from(["m", "n"]),
                checked=st.just("drift"),
                subject=st.just(""),
                expires=st.none() | st.integers(1, 2),
                **_just(frame),
            ),
            st.builds(
                ev.LoopStepped,
                loop=st.sampled_from(["l", "k"]),
                cycle=st.sampled_from(["", "c1"]),
                state=st.sampled_from(["begun", "promoted"]),
                version=st.none() | st.just(2),
                why=texts,
                evidence=st.none() | st.just({"known": {"labels": 3}}),
                **_just(frame),
            ),
            st.builds(
                ev.LoopSwitched,
                loop=st.sampled_from(["l", "k"]),
                how=st.sampled_from(["paused", "resumed"]),
                **_just(frame),
            ),
            st.builds(ev.TokenRevoked, name=st.sampled_from(["t", "u"]), **_just(frame)),
            st.builds(
                ev.AliasRemoved,
                model=st.just("m"),
                alias=st.sampled_from(["a", "b"]),
                previous=st.integers(1, 2),
                **_just(frame),
            ),
            st.builds(
                ev.GateDefined,
                gate=st.sampled_from(["m", "n"]),
                definition=st.none() | st.just({"approvals": 1}),
                **_just(frame),
            ),
            st.builds(
                ev.GateJudged,
                gate=st.just("m"),
                model=st.just("m"),
                version=st.integers(1, 2),
                alias=st.just("a"),
                baseline=st.none() | st.just(1),
                digest=hashes,
                data_name=st.none() | st.just("d"),
                data_sha256=st.none() | hashes,
                rows=st.just(5),
                seed=st.just(0),
                outcome=st.sampled_from(["passed", "failed"]),
                report=st.just({"verdicts": []}),
                **_just(frame),
            ),
            st.builds(
                ev.VersionApproved,
                model=st.just("m"),
                version=st.integers(1, 2),
                alias=st.just("a"),
                baseline=st.none() | st.just(1),
                digest=hashes,
                data_sha256=st.none() | hashes,
                **_just(frame),
            ),
            st.builds(
                ev.GateOverridden,
                gate=st.just("m"),
                model=st.just("m"),
                version=st.just(2),
                alias=st.just("a"),
                why=texts,
                **_just(frame),
            ),
            st.builds(
                ev.DatasetExpected,
                name=st.sampled_from(["d", "e"]),
                expectations=st.sampled_from([{"columns": {}}, {"least_rows": 5}]),
                **_just(frame),
            ),
            st.builds(
                ev.VersionTagged,
                model=st.just("m"),
                version=st.integers(0, 1),
                keys=st.just(["owner"]),
                texts=st.lists(texts | st.none(), min_size=1, max_size=1),
                **_just(frame),
            ),
            *(
                st.builds(kind, model=st.just("m"), version=st.integers(1, 2), **_just(frame))
                for kind in (ev.VersionRemoved, ev.VersionRestored)
            ),
            st.builds(
                ev.LoweringSwitched,
                model=st.just("m"),
                version=st.integers(1, 2),
                how=st.sampled_from(["on", "off"]),
                **_just(frame),
            ),
            st.builds(
                ev.VersionTrusted,
                model=st.just("m"),
                version=st.just(1),
                trusted=st.sampled_from([["a:b"], ["a:b", "c:d"]]),
                **_just(frame),
            ),
            st.builds(
                ev.VersionSigned,
                model=st.just("m"),
                version=st.just(1),
                public=texts,
                seal=st.just("00"),
                **_just(frame),
            ),
            st.builds(ev.RunPurged, run=st.just(RUNS[2]), **_just(frame)),
        )
    )
    return found


def _just(frame: dict[str, object]) -> dict[str, st.SearchStrategy[object]]:
    return {name: st.just(value) for name, value in frame.items()}


def _by(writer: str, event: ev.Event) -> ev.Event:
    """A run is always begun or resumed by the process that writes it."""
    if isinstance(event, ev.RunStarted | ev.RunResumed):
        return event.replaced(writer=writer)
    return event


@st.composite
def journals(draw: st.DrawFn) -> dict[str, bytes]:
    """The journals of some writers; the times of one writer increase, as journals see to it."""
    found: dict[str, list[tuple[int, ev.Event]]] = {writer: [] for writer in WRITERS}
    for number in range(1, draw(st.integers(0, 4)) + 1):
        writer = draw(st.sampled_from(WRITERS))
        found[writer].append((0, draw(decisions(number))))
    for writer in WRITERS:
        found[writer] += [(0, event) for event in draw(st.lists(facts, max_size=8))]
        order = draw(st.permutations(found[writer]))
        start = draw(st.integers(1, 5))
        found[writer] = [(start + i, _by(writer, event)) for i, (_, event) in enumerate(order)]
    return {f"{w}-1.ndjson": journal_bytes(w, events) for w, events in found.items()}


@settings(max_examples=15)
@given(journals(), st.data())
def test_pieces_and_order_do_not_matter(journals: dict[str, bytes], data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        at_once = Folder(Path(folder) / "once")
        for name, content in journals.items():
            at_once.write(name, content)
        at_once.fold()
        at_once.fold()  # folding twice changes nothing
        expected = at_once.tables()

        in_pieces = Folder(Path(folder) / "pieces")
        for name in data.draw(st.permutations(list(journals))):
            content = journals[name]
            cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=2)))
            for cut in cuts:
                in_pieces.write(name, content[:cut], alive=True)
                in_pieces.fold(data.draw(st.sampled_from([None, [name]])))
                assert in_pieces.summaries() == in_pieces.runs_over()
            in_pieces.write(name, content, alive=True)
            in_pieces.fold()
            assert in_pieces.summaries() == in_pieces.runs_over()
        for name, content in journals.items():
            in_pieces.write(name, content)
        in_pieces.fold()
        assert in_pieces.tables() == expected
        assert in_pieces.summaries() == in_pieces.runs_over()
        assert in_pieces.wrong_hashes() == 0


@pytest.mark.slow
@settings(max_examples=8)
@given(journals(), st.integers(1, 2000))
def test_small_batches_do_not_matter(journals: dict[str, bytes], limit: int) -> None:
    with TemporaryDirectory() as folder:
        at_once, batched = Folder(Path(folder) / "once"), Folder(Path(folder) / "batched")
        for name, content in journals.items():
            at_once.write(name, content)
            batched.write(name, content)
        at_once.fold()
        largest = max(len(line) for content in journals.values() for line in content.splitlines())
        while batched.fold(limit=limit + largest + 1).more:
            pass
        assert batched.tables() == at_once.tables()


@pytest.mark.slow
@settings(max_examples=8)
@given(journals(), st.data())
def test_a_damaged_byte_costs_only_its_line(
    journals: dict[str, bytes], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(list(journals)))
    content = bytearray(journals[name])
    place = data.draw(st.integers(0, len(content) - 2))
    content[place] ^= data.draw(st.integers(1, 255))
    with TemporaryDirectory() as folder:
        damaged = Folder(Path(folder) / "damaged")
        for other in journals:
            damaged.write(other, bytes(content) if other == name else journals[other])
        folded = damaged.fold()
        total = sum(content.count(b"\n") for content in journals.values())
        assert folded.events >= total - 1
        problems = [row for row in damaged.tables()["problems"] if row[1] == "'journal'"]
        hit = journals[name][:place].count(b"\n") + 1
        assert problems
        assert {row[2] for row in problems} == {repr(name)}
        assert min(int(row[3]) for row in problems) in (hit, hit + 1)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "fold")


def started(run: str, writer: str, name: str = "n") -> ev.RunStarted:
    return ev.RunStarted(run=run, experiment="e", name=name, writer=writer, actor="me")


def folded(folder: Folder, events: Sequence[ev.Event], writer: str = "w1") -> None:
    numbered = list(enumerate(events, start=1))
    folder.write(f"{writer}-1.ndjson", journal_bytes(writer, numbered))
    folder.fold()


def test_a_run_whose_writer_is_gone_crashed_at_its_last_event(folder: Folder) -> None:
    data = journal_bytes(
        "w1", [(1_000_000, started("r1", "w1")), (7_000_000, ev.Note(run="r1", text="t"))]
    )
    folder.write("w1-1.ndjson", data, alive=True)
    folder.fold()
    assert "'running'" in folder.tables()["runs"][0]
    folder.write("w1-1.ndjson", data)
    assert folder.fold().crashed == 1
    (run,) = folder.tables()["runs"]
    assert "'crashed'" in run
    assert run[9] == "datetime.datetime(1970, 1, 1, 0, 0, 7)"


def test_a_torn_tail_waits_for_a_living_writer_and_is_told_of_a_dead_one(folder: Folder) -> None:
    data = journal_bytes("w1", [(1, ev.Note(run="r1", text="one")), (2, started("r1", "w1"))])
    torn = data[:-30]
    folder.write("w1-1.ndjson", torn, alive=True)
    folder.fold()
    assert folder.tables()["problems"] == []
    folder.write("w1-1.ndjson", torn)
    folded = folder.fold()
    (problem,) = folder.tables()["problems"]
    assert problem[2:] == ("'w1-1.ndjson'", "3", "'its writer ended in the middle of it'")
    assert [path.name for path in folded.finished] == ["w1-1.ndjson"]


def test_a_last_line_that_lacks_only_its_newline_is_whole(folder: Folder) -> None:
    data = journal_bytes("w1", [(1, started("r1", "w1"))])
    folder.write("w1-1.ndjson", data[:-1])
    folder.fold()
    assert len(folder.tables()["runs"]) == 1
    assert folder.tables()["problems"] == []


def test_a_file_that_became_shorter_is_told(folder: Folder) -> None:
    data = journal_bytes("w1", [(1, started("r1", "w1")), (2, ev.Note(run="r1", text="x"))])
    folder.write("w1-1.ndjson", data, alive=True)
    folder.fold()
    folder.write("w1-1.ndjson", data[:100], alive=True)
    folder.fold()
    (problem,) = folder.tables()["problems"]
    assert f"cut to 100 of {len(data)} read bytes" in problem[4]
    folder.close()


def test_params_keep_the_first_value_and_list_the_others(folder: Folder) -> None:
    folded(folder, [ev.Params(run="r1", keys=["a"], texts=[text]) for text in ("1", "2", "1")])
    assert [row[2] for row in folder.tables()["params"]] == ["'1'"]
    (problem,) = folder.tables()["problems"]
    assert "param a was also logged as 2; the first value stands" in problem[4]


def test_the_latest_value_is_of_the_highest_step_then_of_the_latest_time(folder: Folder) -> None:
    points = [(5, 1.0), (9, 3.0), (9, 2.0), (7, 8.0)]
    folded(folder, [ev.Metric(run="r1", key="k", step=s, value=v) for s, v in points])
    (row,) = folder.tables()["latest"]
    assert (row[2], row[4], row[5], row[6], row[7]) == ("9", "2.0", "1.0", "8.0", "4")


def test_events_of_a_newer_version_wait_for_it(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, chain = encode(START, 1, ',"k":"note","run":"r1","text":"t"')
    new, _ = encode(chain, 2, ',"k":"tomorrow","run":"r1","text":"new"')
    folder.write("w1-1.ndjson", line + new)
    folder.fold()
    (row,) = folder.tables()["unknown_events"]
    assert json.loads(eval(row[1]))["text"] == "new"  # noqa: S307

    class Tomorrow(ev.Note):
        kind = "tomorrow"

    from lite_mlops.store import fold as fold_module
    from lite_mlops.store.statements import statements

    monkeypatch.setitem(ev.KINDS, "tomorrow", Tomorrow)
    monkeypatch.setattr(fold_module, "FOLD_ORDER", (*ev.FOLD_ORDER, Tomorrow))
    monkeypatch.setitem(
        statements(),
        "tomorrow",
        tuple(
            part._replace(sql=part.sql.replace("'note'", "'tomorrow'"))
            for part in statements()["note"]
        ),
    )
    folder.fold()
    assert folder.tables()["unknown_events"] == []
    assert "'new'" in folder.tables()["runs"][0]


def test_decisions_are_chained_in_their_order_whatever_comes_first(folder: Folder) -> None:
    decided = [ev.RunDeleted(run="r1", decision=n, actor="me", reason=str(n)) for n in range(1, 5)]
    for position, decision in enumerate(reversed(decided)):
        folded(folder, [decision], writer=f"w{position}")
    rows = sorted(folder.tables()["decisions"], key=lambda row: int(row[0]))
    assert [row[0] for row in rows] == ["1", "2", "3", "4"]
    assert len({row[5] for row in rows}) == 4
    assert all(before != after for before, after in pairwise(row[5] for row in rows))
    assert "None" not in {row[5] for row in rows}


def test_a_purged_run_leaves_no_rows_and_takes_none_later(folder: Folder) -> None:
    run = "68000001aaaaaaaaaaaa"
    folded(
        folder,
        [
            started(run, "w1"),
            ev.Metric(run=run, key="k", step=0, value=1.0),
            ev.Params(run=run, keys=["a"], texts=["1"]),
            ev.RunPurged(run=run, decision=1, actor="me"),
        ],
    )
    folded(folder, [ev.Note(run=run, text="late"), started("r2", "w2")], writer="w2")
    tables = folder.tables()
    for table in ("metrics", "params", "latest"):
        assert tables[table] == []
    assert [row[0] for row in tables["runs"]] == ["'r2'"]


def test_runs_are_summed_up_in_pieces(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lite_mlops.store.summaries._SUMMED_AT_ONCE", 2)
    ids = [f"r{number}" for number in range(7)]
    events: list[ev.Event] = [started(run, "w1") for run in ids]
    events += [ev.Params(run=run, keys=["a"], texts=[run]) for run in ids]
    events += [ev.RunEnded(run=run, status="finished") for run in ids]
    folded(folder, events)
    expected = folder.summaries()
    assert sorted(expected) == ids
    assert expected == folder.runs_over()
    with attached(folder.database, SETTINGS) as database:
        assert stale_summaries(database) == 0
        database.execute("UPDATE summaries SET name = 'x' WHERE run_id IN ('r1', 'r4', 'r6')")
        database.execute("INSERT INTO summaries (run_hash, run_id) VALUES (3, 'nobody')")
        assert stale_summaries(database) == 4
        sum_up_all(database)
        assert stale_summaries(database) == 0
    assert folder.summaries() == expected


def test_settings_of_the_test_are_the_defaults() -> None:
    assert SETTINGS.durability == "normal"
