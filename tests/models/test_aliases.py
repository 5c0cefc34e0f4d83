"""Aliases move with a history: set, taken away, rolled back, and asked for as of a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier

from lite_mlops.errors import Conflict, Invalid, LiteMlopsError, NotFound
from lite_mlops.models.aliases import AliasMove, How, Trail, pointing_at, trail_of
from lite_mlops.project import Project
from lite_mlops.settings import PREFIX
from tests.conftest import Prepared
from tests.store.journals import dump

MODEL = DummyClassifier(strategy="prior").fit([[0.0], [1.0]], [0, 1])
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


def _make_churn(project: Project) -> None:
    for _ in range(3):
        project.models.register(MODEL, "churn", input_example={"x": 1.0})


@pytest.fixture
def churn(project: Project, prepared: Prepared) -> Project:
    """A project with three versions of `churn`."""
    return prepared(project, _make_churn)


def at(project: Project, reference: str = "churn@champion") -> int:
    return project.models.get(reference).version


HOWS: tuple[How, ...] = ("rollback", "undo")


def move(number: int, version: int | None, how: How | None = None) -> AliasMove:
    moment = MOMENT + timedelta(minutes=number)
    return AliasMove(number, "m", "a", version, None, moment, "ann", None, how, None)


# -- moves ---------------------------------------------------------------------------------------


def test_every_move_says_who_from_where_to_where_why_and_on_what(churn: Project) -> None:
    before = datetime.now(UTC)
    churn.models.set_alias("churn", "champion", 1, reason="first")
    churn.models.set_alias("churn", "champion", 2, reason="better", evidence={"auc": [0.9, 0.8]})
    churn.models.remove_alias("churn", "champion", reason="recalled")
    last, second, first = churn.models.history("churn")
    assert [(m.previous, m.version, m.reason) for m in (first, second, last)] == [
        (None, 1, "first"),
        (1, 2, "better"),
        (2, None, "recalled"),
    ]
    assert second.evidence == {"auc": [0.9, 0.8]}
    assert (first.evidence, first.how, first.model, first.alias) == (
        None,
        None,
        "churn",
        "champion",
    )
    assert before <= first.moved_at <= second.moved_at <= last.moved_at <= datetime.now(UTC)
    assert {m.actor for m in (first, second, last)} == {churn.settings.who()}
    assert first.number < second.number < last.number
    assert second.to_dict()["evidence"] == {"auc": [0.9, 0.8]}


def test_an_alias_that_is_taken_away_names_nothing(churn: Project) -> None:
    churn.models.set_alias("churn", "champion", 2)
    assert churn.models.remove_alias("churn", "champion") == 2
    with pytest.raises(NotFound, match="The model 'churn' has no alias 'champion'"):
        churn.models.get("churn@champion")
    assert churn.models.get("churn/2").aliases == ()


def test_the_history_of_one_alias(churn: Project) -> None:
    churn.models.set_alias("churn", "champion", 1)
    churn.models.set_alias("churn", "trial", 2)
    assert [m.alias for m in churn.models.history("churn")] == ["trial", "champion"]
    assert [m.version for m in churn.models.history("churn", "trial")] == [2]


def test_what_an_alias_pointed_to_at_any_time(churn: Project) -> None:
    times = [datetime.now(UTC)]
    for version in (1, 2):
        churn.models.set_alias("churn", "champion", version)
        times.append(datetime.now(UTC))
    churn.models.set_alias("churn", "trial", 3)
    churn.models.remove_alias("churn", "champion")
    times.append(datetime.now(UTC))
    found = [[(m.alias, m.version) for m in churn.models.as_of(t, "churn")] for t in times]
    assert found == [[], [("champion", 1)], [("champion", 2)], [("trial", 3)]]
    assert churn.models.as_of(times[1]) == churn.models.as_of(times[1], "churn")


# -- rollback ------------------------------------------------------------------------------------


def test_a_rollback_goes_back_again_and_again_and_can_be_undone(churn: Project) -> None:
    for version in (1, 2, 3):
        churn.models.set_alias("churn", "champion", version)
    first = churn.models.rollback("churn", reason="false alarms")
    assert (first.previous, first.version, first.how) == (3, 2, "rollback")
    assert first.reason == "false alarms"
    assert churn.models.rollback("churn").version == 1
    with pytest.raises(Conflict, match=r"churn@champion pointed to nothing before version 1; set"):
        churn.models.rollback("churn")
    undone = churn.models.rollback("churn", undo=True, reason="it was the sensor")
    assert (undone.version, undone.how) == (2, "undo")
    assert churn.models.rollback("churn", undo=True).version == 3
    with pytest.raises(Conflict, match="No rollback of churn@champion is there to be undone"):
        churn.models.rollback("churn", undo=True)
    assert at(churn) == 3
    assert len(churn.models.history("churn")) == 7


def test_a_rollback_brings_back_what_was_taken_away(churn: Project) -> None:
    churn.models.set_alias("churn", "champion", 2)
    churn.models.remove_alias("churn", "champion")
    assert churn.models.rollback("churn").version == 2
    assert churn.models.rollback("churn", undo=True).version is None
    with pytest.raises(NotFound):
        at(churn)


def test_setting_it_to_where_it_is_only_confirms(churn: Project) -> None:
    for version in (1, 2, 2, 2):
        churn.models.set_alias("churn", "champion", version)
    assert churn.models.rollback("churn").version == 1


def test_a_new_move_forgets_what_was_rolled_back(churn: Project) -> None:
    for version in (1, 2):
        churn.models.set_alias("churn", "champion", version)
    churn.models.rollback("churn")
    churn.models.set_alias("churn", "champion", 3)
    with pytest.raises(Conflict):
        churn.models.rollback("churn", undo=True)
    assert churn.models.rollback("churn").version == 1


steps = st.lists(st.one_of(st.integers(1, 4), st.none(), st.sampled_from(HOWS)))


@given(steps)
def test_the_trail_is_that_of_an_editor(wanted: list[Any]) -> None:
    """Moves, rollbacks and undoings behave as typing, undo and redo do in an editor."""
    moves: list[AliasMove] = []
    states: list[int | None] = []
    place = -1
    for step in wanted:
        if step == "rollback":
            if place < 1:
                continue
            place -= 1
        elif step == "undo":
            if place + 1 >= len(states):
                continue
            place += 1
        elif place < 0 or states[place] != step:
            states[place + 1 :] = [step]
            place += 1
        how = next((one for one in HOWS if one == step), None)
        moves.append(move(len(moves), states[place], how))
    expected = Trail(tuple(states[: place + 1]), tuple(reversed(states[place + 1 :])))
    assert trail_of(moves) == expected


@given(st.lists(st.one_of(st.none(), st.integers(1, 3)), max_size=8), st.integers(-1, 9))
def test_as_of_is_the_last_move_before(versions: list[int | None], minute: int) -> None:
    moves = [move(number, version) for number, version in enumerate(versions)]
    before = versions[: minute + 1]
    wanted = [before[-1]] if before and before[-1] is not None else []
    found = pointing_at(moves, MOMENT + timedelta(minutes=minute))
    assert [one.version for one in found] == wanted


# -- several at once -----------------------------------------------------------------------------


def test_a_move_that_expects_another_place_is_refused(churn: Project) -> None:
    churn.models.set_alias("churn", "champion", 1, expect=0)
    churn.models.set_alias("churn", "champion", 2, expect=1, reason="better")
    with pytest.raises(Conflict) as error:
        churn.models.set_alias("churn", "champion", 3, expect=1)
    assert str(error.value).startswith("churn@champion points to version 2 since ")
    assert "(better); it was expected to point to version 1. Nothing was moved." in str(error.value)
    with pytest.raises(Conflict, match="it was expected to point to nothing"):
        churn.models.set_alias("churn", "champion", 3, expect=0)
    with pytest.raises(Conflict, match="churn@trial does not exist; it was expected to point to"):
        churn.models.set_alias("churn", "trial", 3, expect=1)
    churn.models.remove_alias("churn", "champion")
    with pytest.raises(Conflict, match="was taken away since "):
        churn.models.set_alias("churn", "champion", 3, expect=2)
    churn.models.set_alias("churn", "champion", 3, expect=0)
    assert at(churn) == 3


RACER = """
import sys
from lite_mlops.errors import Conflict
from lite_mlops.project import Project
models = Project().models
print("ready", flush=True)
sys.stdin.readline()
try:
    models.set_alias("churn", "champion", int(sys.argv[1]), expect=1)
except Conflict:
    print("told")
else:
    print("won")
"""


@pytest.mark.slow
def test_of_processes_that_move_it_at_once_one_wins_and_the_others_are_told(
    churn: Project, tmp_path: Path
) -> None:
    churn.models.set_alias("churn", "champion", 1)
    environment = os.environ | {PREFIX + "DIR": str(tmp_path / "work")}
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, version],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        for version in ("2", "3", "2")
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    told = [racer.communicate("go\n", timeout=60)[0].strip() for racer in racers]
    assert sorted(told) == ["told", "told", "won"]
    assert len(churn.models.history("churn")) == 2
    assert at(churn) == int("232"[told.index("won")])


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "kind", "text"),
    [
        (lambda m: m.set_alias("nope", "a", 1), NotFound, "There is no model 'nope'."),
        (lambda m: m.set_alias("churn", "a b", 1), Invalid, "alias 'a b' cannot be used"),
        (lambda m: m.set_alias("churn", "a", 9), NotFound, "has no version 9; its newest is 3."),
        (lambda m: m.set_alias("churn", "a", 1.0), Invalid, "1.0 is a float."),
        (lambda m: m.set_alias("churn", "a", 1, expect="1"), Invalid, "'1' is a str."),
        (lambda m: m.set_alias("churn", "a", 1, evidence=[1]), Invalid, "[1] is a list."),
        (
            lambda m: m.set_alias("churn", "a", 1, evidence={"x": float("nan")}),
            Invalid,
            "the evidence cannot be written as JSON",
        ),
        (lambda m: m.remove_alias("churn", "trail"), NotFound, "Did you mean 'trial'?"),
        (lambda m: m.remove_alias("nope", "a"), NotFound, "There is no model 'nope'."),
        (lambda m: m.rollback("churn", "trail"), NotFound, "Did you mean 'trial'?"),
        (lambda m: m.rollback("nope"), NotFound, "There is no model 'nope'."),
        (lambda m: m.rollback("churn", "trial"), Conflict, "pointed to nothing before version 1"),
        (lambda m: m.history("churn", "x"), NotFound, "'churn' never had an alias 'x'."),
        (lambda m: m.history("nope"), NotFound, "There is no model 'nope'."),
        (lambda m: m.as_of(datetime(2026, 1, 1), "churn"), Invalid, "says no zone"),  # noqa: DTZ001
        (lambda m: m.as_of(MOMENT, "nope"), NotFound, "There is no model 'nope'."),
    ],
)
def test_what_is_refused_moves_nothing(
    churn: Project, action: Callable[[Any], object], kind: type[LiteMlopsError], text: str
) -> None:
    churn.models.set_alias("churn", "trial", 1)
    with churn.store.reading() as database:
        before = dump(database)
    with pytest.raises(kind) as error:
        action(churn.models)
    assert text in str(error.value)
    with churn.store.reading() as database:
        assert dump(database) == before
