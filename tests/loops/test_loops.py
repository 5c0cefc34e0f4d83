"""Loops on a real project: a pipeline that trains, a gate, a server, and kills."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable

import pytest

from lite_mlops.errors import Busy, NotFound
from lite_mlops.loops.story import BAD_ENDS, PASSED, PROMOTED
from lite_mlops.project import Project
from lite_mlops.store import alone
from tests.conftest import wait_until
from tests.loops.conftest import DELIVERIES, Asking, deliver, states

KILLS = int(os.environ.get("LITE_MLOPS_TEST_KILLS", "3"))
WHOLE = ["begun", "training", "trained", "passed the gate"]


def test_the_first_version_is_promoted_and_the_next_one_tried(
    looped: Project, asked: Callable[[], Asking]
) -> None:
    assert states(looped) == ["watching"]
    deliver(looped, 2)
    said: list[str] = []
    (state,) = looped.loops.run(say=said.append)
    assert states(looped) == ["watching", *WHOLE, "promoted"]
    assert state.why == "It waits for a new version of rows."
    assert said[0].startswith("begun: There is a new version of rows, ")
    begun, *_, promoted = looped.loops.history("churn")[1:]
    assert begun.evidence["trigger"] == "data"
    assert promoted.version == 1
    (incident,) = looped.alerts.all("loop churn", standing=False)
    assert (incident.state, incident.check, incident.severity) == ("resolved", "loop", "warn")

    with asked() as asking:
        deliver(looped, 3)
        (state,) = looped.loops.run()
        assert (state.state, states(looped)[-1]) == ("trying", "trying")
        assert state.to_dict()["cycle"][-1]["evidence"]["trial"]
        wait_until(lambda: looped.loops.run()[0].state == "waiting")
    assert looped.models.get("churn@champion").version == 2
    assert set(asking.statuses) == {200}
    assert states(looped)[-2:] == ["trying", "promoted"]
    moves = looped.models.history("churn")
    assert moves[0].reason is not None
    assert moves[0].reason.startswith("loop churn: churn/2 answered ")


def test_what_does_not_pass_the_gate_goes_nowhere(looped: Project) -> None:
    deliver(looped, 2)
    looped.loops.run()
    deliver(looped, 3, right=False)
    looped.loops.run()
    last = looped.loops.history("churn")[-1]
    assert last.state == "refused by the gate"
    assert last.why.startswith("churn/2 did not pass its gate: accuracy")
    assert looped.models.get("churn@champion").version == 1
    (incident,) = looped.alerts.all("loop churn")
    assert (incident.state, incident.severity) == ("open", "alert")
    # The next good one is the end of the incident.
    deliver(looped, 4)
    wait_until(lambda: looped.loops.run("churn")[0].state == "trying")  # after it has rested
    looped.endpoints.promote("churn@champion", reason="by hand")
    looped.loops.run()
    assert states(looped)[-1] == "promoted"
    assert looped.alerts.all("loop churn") == []


@pytest.mark.slow
def test_a_training_that_fails_is_told_with_what_it_said(looped: Project) -> None:
    train = looped.folder.parent / "train.py"
    good = train.read_text()
    train.write_text("raise SystemExit('the disk is gone')")
    deliver(looped, 2)
    looped.loops.run()
    last = looped.loops.history("churn")[-1]
    assert last.state == "failed"
    assert "the disk is gone" in last.evidence["said"]
    train.write_text(good)
    (state,) = looped.loops.run("churn", wanted="it is mended")
    assert states(looped)[-1] == "promoted"
    assert state.state == "waiting"
    # Nothing has changed since: the pipeline has nothing to do, and no version comes of it.
    looped.loops.run("churn", wanted="once more")
    assert states(looped)[-1] == "unchanged"


def test_without_a_gate_nothing_is_trained(looped: Project) -> None:
    file = looped.folder.parent / "lite-mlops.toml"
    tables = file.read_text()
    file.write_text(tables[: tables.index("[gate.churn]")] + tables[tables.index("[loop.churn]") :])
    deliver(looped, 2)
    with pytest.raises(NotFound, match=r"There is no gate of churn@champion\. Write one in lite-"):
        looped.loops.run()
    assert states(looped) == ["watching"]


@pytest.mark.slow
def test_a_paused_loop_moves_nothing(looped: Project) -> None:
    looped.loops.pause("churn", reason="holidays")
    deliver(looped, 2)
    (state,) = looped.loops.run()
    assert (state.state, states(looped)) == ("paused", ["watching"])
    looped.loops.resume("churn")
    looped.loops.run()
    assert states(looped)[-1] == "promoted"


@pytest.mark.slow
def test_a_second_person_is_waited_for(looped: Project) -> None:
    file = looped.folder.parent / "lite-mlops.toml"
    file.write_text(file.read_text().replace('label = "y"', 'label = "y"\napprovals = 1'))
    deliver(looped, 2)
    (state,) = looped.loops.run()
    assert (state.state, states(looped)[-1]) == ("awaiting approval", "awaiting approval")
    looped.loops.run()
    assert states(looped).count("awaiting approval") == 1
    Project(looped.folder, actor="bob").models.approve("churn/1", reason="read the report")
    looped.loops.run()
    assert states(looped)[-1] == "promoted"


def test_only_one_process_takes_them_further(looped: Project) -> None:
    with alone(looped.store.layout.looping, "Somebody does", None) as held:
        assert held
        assert looped.loops.run_due() == []
        quick = Project(looped.folder, wait_seconds=0.1)
        with pytest.raises(Busy, match="The loops are taken further in another process"):
            quick.loops.run()


def test_killed_at_any_moment_it_goes_on_and_nothing_is_half_live(
    looped: Project, asked: Callable[[], Asking]
) -> None:
    deliver(looped, 2)
    looped.loops.run()
    chance = random.Random(20_240_229)
    kills, seed = 0, 3
    with asked() as asking:
        while kills < KILLS:
            if looped.loops.status()[0].state == "waiting":
                deliver(looped, seed % DELIVERIES or 1, right=seed % 3 != 0)
                seed += 1
            count, when = chance.randint(1, 4), chance.choice(["before", "after"])
            looper = subprocess.Popen(
                [sys.executable, "-m", "tests.loops.looper", looped.folder, str(count), when],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            error = looper.communicate(timeout=120)[1]
            assert looper.returncode in (0, -9), error
            kills += looper.returncode == -9
            live = looped.models.get("churn@champion").version
            passed = [one for one in looped.gates.history("churn") if one.passed]
            assert live in {one.version for one in passed}
        wait_until(lambda: looped.loops.run()[0].state == "waiting", 60)
    assert set(asking.statuses) == {200}
    assert looped.examine() == []
    story = looped.loops.history("churn")
    ended = [one for one in story if one.state in (PROMOTED, *BAD_ENDS)]
    assert len({one.cycle for one in ended}) == len(ended)
    promoted = [one.version for one in ended if one.state == PROMOTED]
    assert promoted[-1] == looped.models.get("churn@champion").version
    assert {one.version for one in story if one.state == PASSED} >= set(promoted)
