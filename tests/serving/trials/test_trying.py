"""Trials on a real store: canaries get their share, are judged, rolled back and promoted."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lite_mlops.errors import Busy, Conflict, Denied, Invalid, NotFound
from lite_mlops.models import InvalidRows
from lite_mlops.project import Project
from lite_mlops.serving import Opened, Taken, open_references
from lite_mlops.serving.following import load_version
from lite_mlops.store import Store
from tests.conftest import Prepared, wait_until
from tests.serving.trials.models import BAD, RELEASED, ROWS, register, register_champion

CHAMPION = "churn@champion"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def opened(project: Project, told: list[str], prepared: Prepared) -> Iterator[Opened]:
    prepared(project, register_champion)
    found = open_references(project.store, project.models, [CHAMPION], say=told.append)
    yield found
    found.end()


def look(opened: Opened) -> None:
    assert opened.following is not None
    opened.following.look()


def ask(opened: Opened, row: float = 1.0, key: str | None = None) -> str:
    (answer,) = opened.served.default.predict([[row]], key=key)
    return str(answer.prediction)


def said(opened: Opened, times: int, row: float = 1.0) -> Counter[str]:
    return Counter(ask(opened, row) for _ in range(times))


def story(project: Project) -> list[str]:
    rows = project.sql("SELECT what FROM endpoint_story ORDER BY ts").rows
    return [what for (what,) in rows]


# -- shares -------------------------------------------------------------------------------------


def test_a_canary_gets_its_share_and_what_it_says_is_recorded_as_its_own(
    project: Project, opened: Opened, told: list[str]
) -> None:
    register(project, "b")
    project.endpoints.canary(CHAMPION, "churn/2", 0.3, reason="better on paper")
    assert said(opened, 5) == {"a": 5}  # nothing happens before it looks
    look(opened)
    found = said(opened, 1_000)
    assert 230 < found["b"] < 370
    rows = project.sql("SELECT version, value, count(*) FROM predictions GROUP BY ALL ORDER BY 1")
    assert rows.rows == ((1, "a", found["a"] + 5), (2, "b", found["b"]))
    assert told == ["churn/2 is tried as a canary of churn@champion."]
    project.endpoints.stop_canary(CHAMPION)
    look(opened)
    assert said(opened, 50) == {"a": 50}
    assert opened.served.default.routing is None


def test_a_key_stays_with_its_version_and_a_greater_share_keeps_those_who_were_in(
    project: Project, opened: Opened
) -> None:
    register(project, "b")
    keys = [f"customer {number}" for number in range(300)]
    before: set[str] = set()
    for share in (0.1, 0.3, 0.8):
        project.endpoints.canary(CHAMPION, "churn/2", share)
        look(opened)
        inside = {key for key in keys if ask(opened, key=key) == "b"}
        assert inside == {key for key in keys if ask(opened, key=key) == "b"}
        assert before <= inside
        assert abs(len(inside) / len(keys) - share) < 0.1
        before = inside
    project.endpoints.stop_canary(CHAMPION)
    project.endpoints.canary(CHAMPION, "churn/2", 0.8)
    look(opened)
    assert {key for key in keys if ask(opened, key=key) == "b"} != before  # it is another trial


def test_rows_stay_together_by_a_column(project: Project, opened: Opened) -> None:
    register(project, "b")
    (column,) = project.models.get("churn/1").signature.features
    project.endpoints.canary(CHAMPION, "churn/2", 0.5, key=column)
    look(opened)
    by_value: dict[float, set[str]] = {}
    forms: list[Any] = [
        lambda value: [[value], [0.0]],
        lambda value: [{column: value}],
        lambda value: {column: [value, 3.0]},
        lambda value: np.array([[value]]),
    ]
    for value in range(9):
        for form in forms:
            answers = opened.served.default.predict(form(float(value)))
            by_value.setdefault(value, set()).add("".join({a.prediction for a in answers}))
    assert {len(one) for one in by_value.values()} == {1}
    assert set.union(*by_value.values()) == {"a", "b"}


def test_paused_it_gets_nothing_and_its_evidence_stays(project: Project, opened: Opened) -> None:
    register(project, "b")
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    look(opened)
    said(opened, 100)
    project.endpoints.pause(CHAMPION)
    look(opened)
    assert said(opened, 50) == {"a": 50}
    with pytest.raises(Conflict, match="tried at churn@champion is paused already"):
        project.endpoints.pause(CHAMPION)
    project.endpoints.resume(CHAMPION)
    look(opened)
    assert set(said(opened, 50)) == {"a", "b"}
    assert opened.following is not None
    opened.following.trying.tell()
    state = project.endpoints.get(CHAMPION)
    one, other = state.of("current"), state.of("canary")
    assert one is not None
    assert other is not None
    assert one.requests + other.requests == 150
    assert set(other.detail["e"]) == {"errors", "latency", "quality"}
    assert max(other.detail["e"].values()) < 3


def test_what_was_decided_goes_on_when_a_server_starts_again(
    project: Project, opened: Opened
) -> None:
    register(project, "b")
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    with project.predictor(CHAMPION) as predictor:
        assert {predictor.predict([[1.0]])[0].prediction for _ in range(50)} == {"a", "b"}
        one = {predictor.predict([[1.0]], key="x")[0].prediction for _ in range(20)}
        assert len(one) == 1


# -- what a canary cannot -----------------------------------------------------------------------


@pytest.mark.parametrize("at", ["raise", "refuse"])
def test_what_a_canary_fails_at_the_present_version_answers_until_it_is_rolled_back(
    project: Project, opened: Opened, told: list[str], at: str
) -> None:
    register(project, "b", at)
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    look(opened)
    for _ in range(30):
        assert said(opened, 8, BAD) == {"a": 8}  # no client suffers
        look(opened)
    assert project.endpoints.get(CHAMPION).trial.canary is None
    assert said(opened, 30) == {"a": 30}
    assert told[1].startswith("churn/2 is worse than churn/1 beyond chance: of its requests ")
    assert "(errors: evidence " in told[1]
    decided = project.sql(
        "SELECT what, version, actor IS NOT NULL, reason, detail FROM endpoint_story "
        "WHERE what IN ('rolled back', 'canary stopped') ORDER BY ts"
    ).rows
    (what, version, by_process, _, detail), (decision, of, actor, reason, evidence) = decided
    assert (what, version, by_process) == ("canary stopped", 2, False)
    assert (decision, of, actor) == ("rolled back", 2, True)
    assert reason in told[1]
    found = json.loads(evidence)
    assert found["about"] == "errors"
    assert found["canary"]["rate"] == 1.0
    assert found["present"]["rate"] == 0.0
    assert found["e"] >= found["needed"] == 300.0
    kept = project.sql("SELECT e::VARCHAR FROM endpoint_evidence e").rows
    assert "does not like" not in f"{detail} {evidence} {reason} {kept}"  # nothing of a row
    kind = "RuntimeError" if at == "raise" else "Invalid"
    assert f'"failures":{{"{kind}":{found["canary"]["bad"]}}}' in str(kept)


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """What a model that hangs waits for; set at the end, so that no thread is left."""
    RELEASED.clear()
    yield RELEASED
    RELEASED.set()


def test_what_a_canary_does_not_return_from_the_present_version_answers(
    project: Project, opened: Opened, told: list[str], released: threading.Event
) -> None:
    register(project, "b", "hang")
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    look(opened)
    routing = opened.served.default.routing
    assert routing is not None
    assert routing.canary is not None
    arm = routing.canary.arm
    assert arm._patience is not None
    arm._patience.seconds = 0.02
    assert said(opened, 30, BAD) == {"a": 30}
    assert arm.hangs
    assert said(opened, 30) == {"a": 30}  # also what it could answer
    assert (arm.counts().requests, arm.counts().failed) == (1, 1)
    assert arm.failures == {"Hangs": 1}
    look(opened)
    look(opened)
    released.set()
    wait_until(lambda: not arm.hangs)
    look(opened)
    assert set(said(opened, 30)) == {"a", "b"}
    assert told[1:] == [
        (
            "churn/2 is asked no more as a canary of churn@champion: a call did not return in time "
            "(canary_seconds, 2)."
        ),
        "churn/2 returned, and is asked again as a canary.",
    ]
    assert story(project)[-2:] == ["canary hangs", "canary returned"]


def test_a_canary_that_never_returns_from_its_example_is_not_tried(
    project: Project,
    opened: Opened,
    told: list[str],
    released: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    register(project, "b")

    def hanging(*args: Any, **options: Any) -> Any:
        assert released.wait(30)
        return load_version(*args, **options)

    monkeypatch.setattr("lite_mlops.serving.following.load_version", hanging)
    monkeypatch.setattr("lite_mlops.serving.following._LOAD_SECONDS", 0.01)
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    look(opened)
    assert told == [
        (
            "churn/2 is not tried as a canary of churn@champion, churn/1 goes on: churn/2 did not "
            "return within 0.01 s."
        )
    ]
    assert said(opened, 20) == {"a": 20}


def test_a_canary_that_hangs_again_and_again_is_rolled_back(
    project: Project, opened: Opened, released: threading.Event
) -> None:
    register(project, "b", "hang")
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    look(opened)
    for _ in range(60):
        routing = opened.served.default.routing
        if routing is None or routing.canary is None:
            break
        arm = routing.canary.arm
        assert arm._patience is not None
        arm._patience.seconds = 0.005
        released.clear()
        assert said(opened, 30, BAD) == {"a": 30}
        released.set()
        wait_until(lambda arm=arm: not arm.hangs)  # type: ignore[misc]
        look(opened)
    assert project.endpoints.get(CHAMPION).trial.how == "rolled back"
    assert said(opened, 30, BAD) == {"a": 30}


def test_a_canary_that_would_end_the_process_only_fails(project: Project, opened: Opened) -> None:
    register(project, "b", "exit")
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    look(opened)
    assert said(opened, 30, BAD) == {"a": 30}
    routing = opened.served.default.routing
    assert routing is not None
    assert routing.canary is not None
    assert set(routing.canary.arm.failures) == {"RuntimeError"}


def test_a_canary_that_is_slow_is_rolled_back(
    project: Project, opened: Opened, told: list[str]
) -> None:
    register(project, "b", "sleep", seconds=0.004)
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    look(opened)
    for _ in range(60):
        said(opened, 10, BAD)
        look(opened)
        if opened.served.default.routing is None:
            break
    assert project.endpoints.get(CHAMPION).trial.how == "rolled back"
    assert "of its calls" in told[1]
    assert "(latency: evidence " in told[1]


def test_a_canary_to_which_rows_are_strange_is_rolled_back(
    project: Project, opened: Opened, told: list[str]
) -> None:
    register(project, "b", training=ROWS[:3])
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    look(opened)
    for _ in range(30):
        said(opened, 8, 7.0)
        look(opened)
    assert project.endpoints.get(CHAMPION).trial.how == "rolled back"
    assert "of its answered requests" in told[1]
    assert "(quality: evidence " in told[1]


def test_a_canary_that_is_no_worse_stays(project: Project, opened: Opened) -> None:
    register(project, "b", "raise")
    register(project, "a", "raise", alias="champion")
    look(opened)
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    look(opened)
    for number in range(60):
        for row in (1.0, 20.0, BAD if number % 5 == 0 else 2.0):
            try:
                ask(opened, row)
            except RuntimeError:  # the present version fails at it as well
                assert row >= BAD
        look(opened)
    assert project.endpoints.get(CHAMPION).trial.canary == 2
    assert opened.served.default.routing is not None


def test_a_row_that_only_the_canary_refuses_is_answered_and_counted(
    project: Project, opened: Opened
) -> None:
    model = project.models.load("churn/1").fit(np.ones((5, 2)))
    project.models.register(model, "churn", input_example=np.ones((3, 2)), trust=True)
    project.endpoints.canary(CHAMPION, "churn/2", 0.9)
    look(opened)
    assert said(opened, 20) == {"a": 20}
    for _ in range(20):
        with pytest.raises(InvalidRows):  # what nobody takes is the fault of who asks
            ask(opened, float("inf"))
    routing = opened.served.default.routing
    assert routing is not None
    assert routing.canary is not None
    counts = routing.canary.arm.counts()
    assert counts.requests == counts.failed > 10
    assert counts.requests + routing.present.counts().requests == 20


def test_that_a_request_waited_too_long_is_nobodys_failure(
    project: Project, opened: Opened
) -> None:
    register(project, "b")
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    look(opened)
    routing, current = opened.served.default.routing, opened.served.default.current
    assert routing is not None
    assert routing.canary is not None

    def taken(by_canary: bool) -> Taken:  # noqa: FBT001
        while True:
            found = routing.take([[1.0]])
            if found.by_canary == by_canary:
                return found

    overdue = Busy("The request waited too long for its turn.")
    answers = taken(by_canary=True).instead(overdue)
    assert (answers.version.version, answers[0].prediction) == (1, "a")
    with pytest.raises(Busy):
        taken(by_canary=False).instead(overdue)
    current.batching.add(current.table([[1.0]]), lambda _: None, float("inf"))
    with pytest.raises(Busy):  # the present version has enough to do
        taken(by_canary=True).instead(overdue)
    assert routing.canary.arm.counts().failed == routing.present.counts().failed == 0


def test_it_stops_at_once_also_if_that_cannot_be_written(
    project: Project, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(project, "b", "raise")
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    look(opened)
    refused: list[int] = []

    def full(_: Store) -> Any:
        refused.append(1)
        raise Denied("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "deciding", full)
        for _ in range(30):
            said(opened, 8, BAD)
            look(opened)
        assert len(refused) > 3
        routing = opened.served.default.routing
        assert routing is not None
        assert routing.canary is None
        assert said(opened, 30) == {"a": 30}
    assert project.endpoints.get(CHAMPION).trial.canary == 2
    look(opened)
    assert project.endpoints.get(CHAMPION).trial.how == "rolled back"


def test_one_that_does_not_answer_as_it_did_is_told_and_never_started(
    project: Project, opened: Opened, told: list[str]
) -> None:
    version = register(project, "b")
    example = project.models.example_of(version)
    assert example is not None
    sha256 = project.store.objects.put_bytes(
        example.with_answers(np.array(["z"])).to_bytes()
    ).sha256
    with project.store.deciding() as decisions:
        decisions.database.execute(
            f"UPDATE model_versions SET example = '{sha256}' WHERE version = 2"  # noqa: S608
        )
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    for _ in range(3):
        look(opened)
        register(project, "c")  # something else happens; it is not loaded again
    assert said(opened, 30) == {"a": 30}
    (message,) = told
    assert message.startswith(
        "churn/2 is not tried as a canary of churn@champion, churn/1 goes on: churn/2 does not "
        "answer as it did"
    )
    assert story(project).count("canary cannot answer") == 1
    project.endpoints.canary(CHAMPION, "churn/2", 0.4)
    look(opened)  # somebody wants it to be tried again
    assert story(project).count("canary cannot answer") == 2


# -- promoting ----------------------------------------------------------------------------------


def test_promoted_under_load_no_answer_fails_or_is_of_a_wrong_version(
    project: Project, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(project, "b")
    loads: list[int] = []
    wrong: list[Any] = []
    stop = threading.Event()

    def counted(*args: Any, **options: Any) -> Any:
        loads.append(1)
        return load_version(*args, **options)

    monkeypatch.setattr("lite_mlops.serving.following.load_version", counted)

    def ask_on() -> None:
        while not stop.wait(0.002):
            answers = opened.served.default.predict([[1.0], [2.0]])
            found = {answer.prediction for answer in answers}
            if found != {"ab"[answers.version.version - 1]}:
                wrong.append((answers.version.name, found))

    clients = [threading.Thread(target=ask_on) for _ in range(3)]
    opened.begin()
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    for client in clients:
        client.start()
    wait_until(lambda: opened.served.default.routing is not None)
    found = project.endpoints.promote(CHAMPION, reason="no worse")
    wait_until(lambda: opened.served.default.version.version == 2)
    wait_until(lambda: opened.served.default.routing is None)
    stop.set()
    for client in clients:
        client.join()
    assert wrong == []
    assert found.version == 2
    assert said(opened, 20) == {"b": 20}
    assert loads == [1]  # as a canary, not again as the champion
    move = project.models.history("churn", "champion")[0]
    assert (move.version, move.previous, move.reason) == (2, 1, "no worse")
    assert move.evidence is not None
    assert move.evidence["share"] == 0.5
    assert project.endpoints.get(CHAMPION).trial.how == "promoted"
    project.models.rollback("churn")
    wait_until(lambda: opened.served.default.version.version == 1)
    assert said(opened, 20) == {"a": 20}


def test_a_canary_that_is_promoted_between_two_glances_is_not_loaded_again(
    project: Project, opened: Opened
) -> None:
    register(project, "b")
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    look(opened)
    assert opened.following is not None
    trying = opened.following.trying
    routing = opened.served.default.routing
    assert routing is not None
    assert routing.canary is not None

    def promoted_first() -> None:  # the alias was looked at already
        project.endpoints.promote(CHAMPION)
        type(trying).follow(trying)

    register(project, "c")  # something happens
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trying, "follow", promoted_first)
        look(opened)
    assert opened.served.default.version.version == 1
    look(opened)
    assert opened.served.default.current is routing.canary.arm.loaded


def test_a_version_on_trial_is_not_removed(project: Project, opened: Opened) -> None:
    register(project, "b")
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    look(opened)
    with pytest.raises(Conflict, match="churn/2 is answering in process"):
        project.models.remove("churn/2")
    project.endpoints.stop_canary(CHAMPION)
    look(opened)
    project.models.remove("churn/2")


def test_another_champion_begins_the_comparison_anew(project: Project, opened: Opened) -> None:
    register(project, "b")
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    look(opened)
    said(opened, 50)
    register(project, "c", alias="champion")
    look(opened)
    routing = opened.served.default.routing
    assert routing is not None
    assert routing.canary is not None
    assert routing.present.counts().requests == routing.canary.arm.counts().requests == 0
    assert set(said(opened, 50)) == {"b", "c"}
    project.models.set_alias("churn", "champion", 2)  # by hand
    look(opened)
    assert opened.served.default.routing is None
    assert said(opened, 20) == {"b": 20}


# -- refusals -----------------------------------------------------------------------------------


def test_what_cannot_be_tried_is_refused_and_nothing_is_decided(
    project: Project, prepared: Prepared
) -> None:
    prepared(project, register_champion)
    register(project, "b")
    endpoints = project.endpoints
    project.models.register(
        project.models.load("churn/1"), "other", input_example=ROWS[:3], trust=True
    )
    refusals: list[tuple[type[Exception], str, Any]] = [
        (NotFound, "churn", lambda: endpoints.canary("chrun@champion", "churn/2", 0.1)),
        (NotFound, "version 9", lambda: endpoints.canary(CHAMPION, "churn/9", 0.1)),
        (
            Invalid,
            "churn/1 is what churn@champion answers with already",
            lambda: endpoints.canary(CHAMPION, "churn/1", 0.1),
        ),
        (
            Invalid,
            "other/1 is no version of churn",
            lambda: endpoints.canary(CHAMPION, "other", 0.1),
        ),
        (Invalid, "a share of 1 cannot be tried", lambda: endpoints.canary(CHAMPION, "churn/2", 1)),
        (Invalid, "a share of 0 cannot be tried", lambda: endpoints.canary(CHAMPION, "churn/2", 0)),
        (NotFound, "churn@champion has no canary", lambda: endpoints.stop_canary(CHAMPION)),
        (NotFound, "churn@champion has no canary", lambda: endpoints.promote(CHAMPION)),
        (Invalid, "churn/1 is always the same", lambda: endpoints.promote("churn/1")),
        (NotFound, "Nothing is tried at churn@champion", lambda: endpoints.pause(CHAMPION)),
        (NotFound, "has no such shadow; there is none", lambda: endpoints.stop_shadow(CHAMPION)),
        (NotFound, "There is no endpoint 'no@champion'", lambda: endpoints.get("no@champion")),
    ]
    for kind, text, decide in refusals:
        with pytest.raises(kind, match=text):
            decide()
    assert project.sql("SELECT * FROM endpoint_trials").rows == ()
    assert endpoints.all() == []
