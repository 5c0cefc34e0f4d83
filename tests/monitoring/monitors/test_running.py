"""Monitors that run: what they find, what becomes of it over windows, and who is told."""

from __future__ import annotations

import json
import math
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lite_mlops.errors import Busy, Conflict, Invalid, NotFound
from lite_mlops.jsontext import json_text
from lite_mlops.monitoring.alerts.channels.local import LogFile
from lite_mlops.monitoring.findings import ALERT, NONE, UNKNOWN, WARN, Finding
from lite_mlops.monitoring.monitors import MonitorRun
from lite_mlops.monitoring.monitors.checks import CHECKS, Check
from lite_mlops.project import Project
from lite_mlops.store import alone, new_id
from lite_mlops.store.events import Predictions
from tests.conftest import wait_until
from tests.monitoring.alerts.conftest import receiving
from tests.monitoring.watched import BEGIN, CHURN, MANY, SLIGHT, file, record
from tests.store.journals import dump

Told = Callable[[], list[dict[str, Any]]]


def ran(project: Project, **options: Any) -> MonitorRun:
    (found,) = project.monitors.run("churn", **options)
    return found


def severities(run: MonitorRun) -> dict[tuple[str, str], str]:
    return {(one.check, one.subject): one.severity for one in run.findings}


def window(project: Project, shift: float, *, seed: int) -> MonitorRun:
    """Record a new window, and look at it."""
    record(project, shift=shift, seed=seed)
    return ran(project)


# -- what is found ------------------------------------------------------------------------------


def test_what_is_as_it_was_does_not_fire(watched: Project, told: Told) -> None:
    run = window(watched, 0.0, seed=1)
    assert run.firing == ()
    assert severities(run)["service", "latency"] == UNKNOWN  # there is nothing before
    assert severities(run)["performance", ""] == severities(run)["estimates", ""] == UNKNOWN
    assert severities(run)["drift", "age"] == severities(run)["quality", ""] == NONE
    assert severities(run)["streams", "score"] == severities(run)["traffic", ""] == NONE
    assert run.stored.rows == 200
    assert str(run).startswith("churn (churn/1): Nothing fires among 6 findings; 4 cannot be")
    assert told() == []


def test_what_moved_far_is_told_at_once_with_its_evidence(watched: Project, told: Told) -> None:
    run = window(watched, 2.0, seed=1)
    (found,) = run.firing
    assert (found.check, found.subject, found.severity) == ("drift", "age", ALERT)
    assert found.evidence["current_rows"] == 200
    assert found.value is not None
    assert found.value > 2
    (message,) = told()
    assert message["id"] == run.stored.id
    assert message["window"]["rows"] == 200
    assert message["incidents"][0]["sentence"] == found.sentence
    assert watched.monitors.last("churn") is not None
    assert watched.monitors.last("churn").findings == run.findings  # type: ignore[union-attr]
    (incident,) = watched.alerts.all()
    assert (incident.about, incident.state, incident.look) == (
        "churn/drift/age",
        "open",
        run.stored.id,
    )


@pytest.mark.slow
def test_the_same_rows_again_are_no_second_window(watched: Project, told: Told) -> None:
    file(watched, CHURN.replace("200", str(MANY)))
    record(watched, shift=SLIGHT, rows=MANY)
    for _ in range(4):
        assert severities(ran(watched))["drift", "age"] == WARN
    assert watched.alerts.all() == []
    record(watched, shift=SLIGHT, rows=MANY, seed=2)
    assert severities(ran(watched))["drift", "age"] == WARN
    (incident,) = watched.alerts.all()
    assert incident.severity == WARN
    assert len(told()) == 1


def test_it_clears_after_two_quiet_windows_and_says_so(watched: Project, told: Told) -> None:
    window(watched, 2.0, seed=1)
    window(watched, 0.0, seed=2)
    ran(watched)  # the same rows
    assert len(watched.alerts.all()) == 1
    window(watched, 0.0, seed=3)
    assert watched.alerts.all() == []
    (incident,) = watched.alerts.all(standing=False)
    assert [one.how for one in watched.alerts.get(incident.id).history] == ["opened", "cleared"]
    assert [one["title"] for one in told()] == [
        "churn (churn/1): 1 firing",
        "churn (churn/1): 1 cleared",
    ]


def test_windows_of_time_do_not_overlap(watched: Project) -> None:
    file(watched, CHURN.replace("200 rows", "1d"))
    for day in range(2):
        begin = BEGIN + timedelta(days=day)
        apart = timedelta(days=1) / MANY
        record(watched, shift=SLIGHT, begin=begin, seed=day, apart=apart, rows=MANY)
    for hours, incidents in ((24, 0), (30, 0), (47, 0), (48, 1)):
        run = ran(watched, until=BEGIN + timedelta(hours=hours))
        assert run.stored.rows == MANY
        assert severities(run)["drift", "age"] == WARN, hours
        assert len(watched.alerts.all()) == incidents, hours


def test_a_past_time_and_a_dataset_can_be_the_reference(watched: Project, told: Told) -> None:
    middle = record(watched, shift=5.0, begin=BEGIN, rows=400, apart=timedelta(seconds=1))
    for reference, severity in (("past 7d", NONE), ("training", ALERT)):
        file(watched, CHURN.replace("[monitor.churn]", f'[monitor.churn]\nreference="{reference}"'))
        found = severities(ran(watched, until=middle, dry_run=True))
        assert found["drift", "age"] == severity
    with pytest.raises(NotFound, match="There is no dataset 'nothing'"):
        watched.datasets.get("nothing@latest")
    file(watched, CHURN.replace("[monitor.churn]", '[monitor.churn]\nreference="nothing@latest"'))
    run = ran(watched, until=middle)
    assert severities(run)["drift", ""] == UNKNOWN
    assert any("There is no dataset 'nothing'" in one.sentence for one in run.findings)


def test_columns_that_are_chosen_are_judged_alone(watched: Project) -> None:
    file(watched, CHURN.replace("[monitor.churn]", '[monitor.churn]\ncolumns = ["visits"]'))
    run = window(watched, 2.0, seed=1)
    assert run.firing == ()
    assert ("drift", "age") not in severities(run)


def test_an_empty_window_is_told_to_be_one(watched: Project) -> None:
    run = ran(watched)
    assert run.stored.rows == 0
    assert {one.severity for one in run.findings} == {UNKNOWN}
    assert run.verdict.startswith("Cannot tell: ")


@pytest.mark.parametrize(
    ("rows", "severity"),
    [
        ([[0.1, 0.2]], UNKNOWN),
        ([[None, None]] * 200, ALERT),  # all missing
        ([[math.inf, 0.0]] * 200, ALERT),
        ([[math.nan, -math.inf]] * 200, ALERT),
        ([[7.0, 7.0]] * 200, ALERT),  # constant
        ([[]] * 200, UNKNOWN),  # nothing was recorded of the inputs
    ],
)
def test_whatever_is_recorded_has_a_stated_result(
    watched: Project, rows: list[list[float | None]], severity: str
) -> None:
    time = (datetime.now(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    watched.store.append(
        Predictions(
            model="churn",
            version=1,
            ids=[new_id() for _ in rows],
            times=[time] * len(rows),
            inputs=rows,
            answers=["yes"] * len(rows),
            latencies=[1] * len(rows),
        )
    )
    run = ran(watched)
    found = {one for (check, _), one in severities(run).items() if check == "quality"}
    assert found in ({severity}, {UNKNOWN})  # a check that fails says that it cannot tell
    assert json.loads(json_text(run.to_dict()))["rows"] == len(rows)
    assert watched.monitors.last("churn") is not None


def test_a_check_that_fails_keeps_no_other_from_being_made(
    watched: Project, monkeypatch: pytest.MonkeyPatch, warnings_of: Callable[[], list[str]]
) -> None:
    def fails(*_: object) -> list[Finding]:
        raise ZeroDivisionError

    monkeypatch.setitem(CHECKS, "quality", Check("", fails))
    run = window(watched, 2.0, seed=1)
    assert severities(run)["quality", ""] == UNKNOWN
    assert severities(run)["drift", "age"] == ALERT
    assert "The check quality of the monitor churn failed." in warnings_of()


def test_traffic_that_stops_is_told_once(watched: Project, told: Told) -> None:
    minute = timedelta(minutes=1)
    record(watched, begin=datetime.now(UTC) - 14 * 60 * minute, apart=minute)
    run = ran(watched)
    (found,) = run.firing
    assert (found.check, found.subject, found.severity) == ("traffic", "", ALERT)
    assert found.sentence == "No request for 10.7 h, 60 s at most before."
    assert watched.monitors.due(datetime.now(UTC) + timedelta(hours=1)) == []
    assert len(told()) == 1


def test_answers_that_take_longer_are_told(watched: Project) -> None:
    record(watched, begin=BEGIN, rows=300)
    end = record(watched, begin=BEGIN + timedelta(hours=1), latency=450)
    run = ran(watched, until=end)
    (found,) = run.firing
    assert (found.check, found.severity) == ("service", ALERT)
    assert found.sentence == (
        "95 % of the answers took up to 0.45 ms, 0.1 ms before (4.5 times as long), which is "
        "beyond chance."
    )
    for limit, severity in ((1, NONE), (0.3, WARN), (0.2, ALERT)):
        checks = f"[monitor.churn.checks]\nservice = {{p95_ms = {limit}}}\nstreams = false"
        file(watched, f"{CHURN}{checks}")
        run = ran(watched, until=end)
        assert severities(run)["service", "latency"] == severity
    (found,) = run.firing
    assert found.sentence.endswith("took up to 0.45 ms; the limit is 0.2 ms.")


def test_a_silence_that_is_given_is_the_limit(watched: Project) -> None:
    checks = '[monitor.churn.checks]\ntraffic = {silence = "2h"}'
    file(watched, f"{CHURN}{checks}")
    end = record(watched, begin=datetime.now(UTC) - timedelta(hours=3))
    for minutes, severity in ((119, NONE), (121, ALERT)):
        run = ran(watched, until=end + timedelta(minutes=minutes))
        assert severities(run)["traffic", ""] == severity


def test_a_model_that_is_gone_keeps_nobody_from_watching_others(watched: Project) -> None:
    file(watched, CHURN + "[monitor.nothing]")
    record(watched)
    assert [run.stored.monitor for run in watched.monitors.run()] == ["churn"]
    with pytest.raises(NotFound, match="There is no model 'nothing'"):
        watched.monitors.run("nothing")


# -- a dry run ----------------------------------------------------------------------------------


def test_a_dry_run_shows_what_would_be_sent_and_stores_nothing(
    watched: Project, told: Told
) -> None:
    record(watched, shift=2.0)
    with watched.store.reading() as database:
        before = dump(database)
    run = ran(watched, dry_run=True)
    (message,) = run.messages
    assert message.startswith("to log:\nchurn (churn/1): 1 firing\n- [alert, new] age: ")
    with watched.store.reading() as database:
        assert dump(database) == before
    assert told() == []


# -- what people decide -------------------------------------------------------------------------


def test_people_acknowledge_and_resolve(watched: Project, told: Told) -> None:
    window(watched, 2.0, seed=1)
    (incident,) = watched.alerts.all()
    found = watched.alerts.acknowledge(incident.id[-6:], reason="the sensor is replaced")
    assert found.state == "acknowledged"
    assert found.history[-1].reason == "the sensor is replaced"
    with pytest.raises(Conflict, match="is acknowledged"):
        watched.alerts.acknowledge(incident.id)
    assert watched.alerts.resolve(incident.id).state == "resolved"
    with pytest.raises(Conflict, match=r"\(churn/drift/age\) is resolved"):
        watched.alerts.resolve(incident.id)
    with pytest.raises(NotFound, match="There is no incident 'xyz'"):
        watched.alerts.resolve("xyz")
    assert len(told()) == 1


def test_a_silence_ends(watched: Project, told: Told) -> None:
    watched.alerts.silence("churn/drift/age", timedelta(hours=1), reason="known")
    window(watched, 2.0, seed=1)
    assert len(watched.alerts.all()) == 1
    assert told() == []
    (silence,) = watched.alerts.silences()
    assert (silence.monitor, silence.check, silence.subject) == ("churn", "drift", "age")
    assert watched.alerts.silence("churn/drift/age", None) is None
    for about, why in (
        ("chrun/drift", "There is no monitor 'chrun'. Did you mean 'churn'"),
        ("churn/drfit", "There is no check 'drfit'. Did you mean 'drift'"),
        ("nothing", "There is no incident 'nothing'"),
    ):
        with pytest.raises(NotFound, match=why):
            watched.alerts.silence(about, timedelta(hours=1))
    with pytest.raises(NotFound, match="Nothing is silenced as 'churn/drift'"):
        watched.alerts.silence("churn/drift", None)
    with pytest.raises(Invalid, match="A silence ends"):
        watched.alerts.silence("churn", timedelta(days=400))
    ran(watched)
    assert [one["incidents"][0]["how"] for one in told()] == ["still"]
    (incident,) = watched.alerts.all()
    found = watched.alerts.silence(incident.id[-6:], timedelta(hours=1))
    assert found is not None
    assert (found.check, found.subject) == ("drift", "age")


# -- telling ------------------------------------------------------------------------------------


def test_a_channel_is_told_only_what_is_bad_enough(watched: Project, told: Told) -> None:
    file(watched, CHURN.replace("200", str(MANY)) + 'least = "alert"')
    for seed in (1, 2):
        record(watched, shift=SLIGHT, rows=MANY, seed=seed)
        ran(watched)
    assert len(watched.alerts.all()) == 1
    assert told() == []
    record(watched, shift=2.0, rows=MANY, seed=3)
    ran(watched)
    assert [one["severity"] for one in told()] == ["alert"]


def test_a_broken_channel_is_shown_and_told_later(
    watched: Project,
    told: Told,
    monkeypatch: pytest.MonkeyPatch,
    warnings_of: Callable[[], list[str]],
) -> None:
    with receiving() as receiver:
        receiver.answers = [404, 200]
        hook = f'type = "webhook"\nurl = "{receiver.url}"\nprivate = true'
        file(watched, f"{CHURN}[channel.team]\n{hook}")
        run = window(watched, 2.0, seed=1)
        assert {one["channel"]: one["state"] for one in run.told} == {
            "log": "sent",
            "team": "failed",
        }
        states = {one.name: one for one in watched.alerts.channels()}
        assert (states["log"].state, states["log"].sent) == ("sent", 1)
        assert (states["team"].broken, states["team"].waiting) == (True, 1)
        assert states["team"].why == "127.0.0.1 answered 404"
        assert states["team"].where == "127.0.0.1"
        assert "The channel team was not told: 127.0.0.1 answered 404." in warnings_of()
        assert watched.alerts.deliver() == []  # not at once again
        pause = "lite_mlops.monitoring.alerts.delivering._FIRST_PAUSE"
        monkeypatch.setattr(pause, timedelta(0))
        (delivery,) = watched.alerts.deliver()
        assert (delivery.channel, delivery.state, delivery.attempt) == ("team", "sent", 2)
        assert [one["repeat"] for one in receiver.bodies] == [False, False]
        assert len(told()) == 1
        assert watched.alerts.waiting() == []
    with watched.store.reading() as database:
        assert "s3cret" not in str(dump(database))


def test_whatever_a_channel_does_the_others_are_told(
    watched: Project, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = LogFile.send

    def fails(self: LogFile, message: Any) -> None:
        if self.name == "bad":
            raise RuntimeError("s3cret")
        send(self, message)

    monkeypatch.setattr(LogFile, "send", fails)
    file(watched, f'{CHURN}[channel.bad]\ntype = "log"\npath = "x"')
    run = window(watched, 2.0, seed=1)
    assert {one["channel"]: one["why"] for one in run.told} == {
        "bad": "it failed: RuntimeError",
        "log": "",
    }
    assert len(told()) == 1


def test_what_is_too_old_is_given_up(watched: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "lite_mlops.monitoring.alerts.delivering"
    monkeypatch.setattr(f"{module}._GIVEN_UP_AFTER", timedelta(0))
    file(watched, CHURN.replace("alerts.ndjson", "lite-mlops.toml/x"))
    run = window(watched, 2.0, seed=1)
    assert [one["state"] for one in run.told] == ["given up"]
    (state,) = watched.alerts.channels()
    assert (state.broken, state.waiting) == (True, 0)


def test_who_is_no_channel_any_more_is_told_to_be_none(watched: Project) -> None:
    file(watched, CHURN.replace("[monitor.churn]", '[monitor.churn]\nchannels = ["lgo"]'))
    with pytest.raises(NotFound, match=r"monitor churn: there is no channel 'lgo'. Did you mean"):
        ran(watched)
    assert watched.monitors.last("churn") is None


# -- processes ----------------------------------------------------------------------------------

_DIES = """
import os, signal
from lite_mlops.monitoring.alerts.delivering import Delivering
from lite_mlops.project import Project
Delivering.deliver = lambda self: os.kill(os.getpid(), signal.SIGKILL)
Project().monitors.run()
"""


def test_who_dies_after_deciding_is_told_for(
    watched: Project, told: Told, python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    record(watched, shift=2.0)
    watched.store.close()
    assert python(_DIES, check=False).returncode == -signal.SIGKILL
    assert told() == []
    assert [one.state for one in watched.alerts.waiting()] == [None]
    watched.alerts.deliver()
    (message,) = told()
    assert not message["repeat"]
    assert watched.alerts.deliver() == []


_TELLS = "from lite_mlops.project import Project; Project().monitors.run()"


@pytest.mark.slow
def test_who_dies_while_telling_tells_again_and_says_so(
    watched: Project, command_of: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    record(watched, shift=2.0)
    with receiving() as receiver:
        hook = f'type = "webhook"\nurl = "{receiver.url}"\nprivate = true'
        file(watched, f'[monitor.churn]\nwindow = "200 rows"\n[channel.team]\n{hook}')
        watched.store.close()
        process: list[subprocess.Popen[bytes]] = []
        receiver.hold = lambda: process[0].kill()
        process.append(command_of(_TELLS))
        assert process[0].wait(60) == -signal.SIGKILL
        wait_until(lambda: len(receiver.got) == 1)
        receiver.hold = lambda: None
        assert [one.state for one in watched.alerts.waiting()] == ["sending"]
        watched.alerts.deliver()
        first, second = receiver.bodies
    assert (first["repeat"], second["repeat"]) == (False, True)
    assert first["id"] == second["id"]
    assert "This may have reached you before" in second["text"]
    assert watched.alerts.waiting() == []


def test_one_process_looks_at_a_time(watched: Project) -> None:
    record(watched)
    watched.store.settings.__dict__["wait_seconds"] = 0.0
    with alone(watched.store.layout.watching, "The monitors look", None) as held:
        assert held
        assert watched.monitors.run_due() == []
        with pytest.raises(Busy, match=r"The monitors look in another process"):
            ran(watched)
    assert len(watched.monitors.run_due()) == 1


def test_who_is_due(watched: Project) -> None:
    record(watched)
    (run,) = watched.monitors.run_due()
    assert run.stored.how == "schedule"
    later = datetime.now(UTC) + timedelta(minutes=6)
    assert watched.monitors.due(later) == []  # nothing is new
    record(watched, rows=19)
    assert watched.monitors.due(later) == []  # too little is
    record(watched, rows=1)
    assert [one.name for one in watched.monitors.due(later)] == ["churn"]
    assert watched.monitors.due() == []  # too soon
