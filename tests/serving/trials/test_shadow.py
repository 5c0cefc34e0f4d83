"""A shadow: asked in spare time, compared, and never in anybody's way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from lite_mlops.models import Asking
from lite_mlops.project import Project
from lite_mlops.serving import Answers, Loaded, Opened, open_references
from lite_mlops.serving.trials import shadow as shadow_module
from lite_mlops.serving.trials.shadow import Comparison, Shadow, changed_of
from tests.conftest import Prepared, wait_until
from tests.serving.trials.models import BAD, register, register_champion

CHAMPION = "churn@champion"
RANDOM = np.random.default_rng(5)
ROWS = RANDOM.normal(size=(60, 2))
LABELS = np.where(ROWS[:, 0] > 0, "yes", "no")


@pytest.fixture
def opened(project: Project, prepared: Prepared) -> Iterator[Opened]:
    prepared(project, register_champion)
    found = open_references(project.store, project.models, [CHAMPION])
    yield found
    found.end()


def look(opened: Opened) -> None:
    assert opened.following is not None
    opened.following.look()


def shadow_of(opened: Opened) -> Shadow:
    routing = opened.served.default.routing
    assert routing is not None
    (shadow,) = routing.shadows
    return shadow


def test_it_is_asked_the_same_and_its_answers_are_only_compared(
    project: Project, opened: Opened
) -> None:
    register(project, "b")
    project.endpoints.shadow(CHAMPION, "churn/2")
    look(opened)
    shadow = shadow_of(opened)
    for row in range(7):
        answers = opened.served.default.predict([[float(row)], [0.0]])
        assert {answer.prediction for answer in answers} == {"a"}
    wait_until(lambda: shadow.comparison().requests == 7)
    found = shadow.comparison()
    assert (found.rows, found.changed, found.failed, found.dropped) == (14, 14, 0, 0)
    assert found.mean == pytest.approx(0.9)
    assert found.largest == pytest.approx(0.9)
    assert project.sql("SELECT DISTINCT version FROM predictions").rows == ((1,),)
    project.endpoints.stop_shadow(CHAMPION, "churn/2")
    look(opened)
    state = project.endpoints.get(CHAMPION)
    assert state.trial.shadows == {}
    rows = project.sql("SELECT role, version, requests, failed, detail FROM endpoint_evidence").rows
    assert [row[:4] for row in rows] == [("shadow", "churn/2", 7, 0)]
    assert '"changed":14' in rows[0][4]
    assert "lite-mlops-shadow" not in {thread.name for thread in threading.enumerate()}


def test_the_evidence_of_a_new_shadow_begins_anew(project: Project, opened: Opened) -> None:
    register(project, "b")
    for times in (3, 2):
        project.endpoints.shadow(CHAMPION, "churn/2")
        look(opened)
        for _ in range(times):
            opened.served.default.predict([[1.0]])
        wait_until(lambda n=times: shadow_of(opened).comparison().requests == n)  # type: ignore[misc]
        assert opened.following is not None
        opened.following.trying.tell()
        found = project.endpoints.get(CHAMPION).of("shadow")
        assert found is not None
        assert found.requests == times
        project.endpoints.stop_shadow(CHAMPION)
        look(opened)


@pytest.mark.parametrize("at", ["raise", "refuse"])
def test_one_that_fails_is_counted_and_nobody_notices(
    project: Project, opened: Opened, at: str
) -> None:
    register(project, "b", at)
    project.endpoints.shadow(CHAMPION, "churn/2")
    look(opened)
    shadow = shadow_of(opened)
    for row in (1.0, BAD, 2.0, BAD):
        assert opened.served.default.predict([[row]])[0].prediction == "a"
    wait_until(lambda: shadow.comparison().requests == 4)
    assert (shadow.comparison().failed, shadow.comparison().rows) == (2, 2)


class Hangs(Asking):
    """Answers when it is allowed to."""

    def __init__(self, asking: Asking) -> None:
        super().__init__(asking.model, asking.signature)
        self.allowed = threading.Event()

    def ask_checked(self, table: Any) -> Any:
        """Wait, then answer."""
        assert self.allowed.wait(30)
        return super().ask_checked(table)


def test_one_that_hangs_holds_up_nobody_and_what_it_has_no_time_for_is_dropped(
    project: Project, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow_module, "_MOST_REQUESTS", 5)
    monkeypatch.setattr(shadow_module, "_END_SECONDS", 0.01)
    register(project, "b")
    project.endpoints.shadow(CHAMPION, "churn/2")
    look(opened)
    shadow = shadow_of(opened)
    hangs = shadow.loaded.asking = Hangs(shadow.loaded.asking)
    for _ in range(20):
        assert opened.served.default.predict([[1.0]])[0].prediction == "a"
    assert 14 <= shadow.comparison().dropped <= 15  # one may have been taken out already
    project.endpoints.stop_shadow(CHAMPION)
    look(opened)
    assert opened.served.default.routing is None
    hangs.allowed.set()


def test_a_call_that_does_not_return_has_failed_and_all_else_is_dropped_until_it_does(
    project: Project, opened: Opened
) -> None:
    register(project, "b")
    project.endpoints.shadow(CHAMPION, "churn/2")
    look(opened)
    shadow = shadow_of(opened)
    shadow._patience.seconds = 0.02
    hangs = shadow.loaded.asking = Hangs(shadow.loaded.asking)
    opened.served.default.predict([[1.0]])
    wait_until(lambda: shadow.comparison().failed == 1)
    for _ in range(3):
        opened.served.default.predict([[1.0]])
    found = shadow.comparison()
    assert (found.requests, found.failed, found.dropped) == (1, 1, 3)
    look(opened)
    hangs.allowed.set()
    wait_until(lambda: not shadow.hangs)
    look(opened)
    opened.served.default.predict([[1.0]])
    wait_until(lambda: shadow.comparison().rows == 1)
    whats = [what for (what,) in project.sql("SELECT what FROM endpoint_story ORDER BY ts").rows]
    assert whats[-2:] == ["shadow hangs", "shadow returned"]


def test_while_requests_wait_it_waits(project: Project, opened: Opened) -> None:
    register(project, "b")
    project.endpoints.shadow(CHAMPION, "churn/2")
    look(opened)
    shadow = shadow_of(opened)
    current = opened.served.default.current
    current.batching.add(current.table([[1.0]]), lambda _: None, float("inf"))
    opened.served.default.predict([[1.0]])
    assert not shadow._next_is_due()
    while current.batching.turn():
        pass
    assert shadow._next_is_due()
    wait_until(lambda: shadow.comparison().requests == 1)


def test_what_a_canary_answers_is_not_shown_to_it(project: Project, opened: Opened) -> None:
    register(project, "b")
    register(project, "c")
    project.endpoints.canary(CHAMPION, "churn/2", 0.5)
    project.endpoints.shadow(CHAMPION, "churn/3")
    look(opened)
    shadow = shadow_of(opened)
    said = [opened.served.default.predict([[1.0]])[0].prediction for _ in range(60)]
    assert set(said) == {"a", "b"}
    wait_until(lambda: shadow.comparison().requests == said.count("a"))


def test_a_shadow_may_be_of_another_model(project: Project, opened: Opened) -> None:
    project.models.register(
        project.models.load("churn/1"), "rival", input_example=[[1.0]], trust=True
    )
    project.endpoints.shadow(CHAMPION, "rival/1")
    look(opened)
    opened.served.default.predict([[1.0]])
    wait_until(lambda: shadow_of(opened).comparison().rows == 1)
    assert shadow_of(opened).comparison().changed == 0
    assert (1, "rival") in project.sql(
        "SELECT version, detail ->> 'model' FROM endpoint_story WHERE what = 'shadow asked'"
    ).rows


# -- comparing ----------------------------------------------------------------------------------


Answered = Callable[[Any], Answers]


def answered(project: Project, model: Any, rows: Any = ROWS) -> Answers:
    version = project.models.register(model, f"m{RANDOM.integers(1 << 60)}", input_example=ROWS)
    loaded = Loaded(version, model)
    return loaded.batching.now(loaded.table(rows))


def test_probabilities_are_compared_row_by_row(project: Project) -> None:
    one, other = LogisticRegression().fit(ROWS, LABELS), LogisticRegression(C=0.01)
    other.fit(ROWS, LABELS)
    found = Comparison().with_answers(answered(project, one), answered(project, other))
    differences = np.abs(one.predict_proba(ROWS) - other.predict_proba(ROWS)).max(axis=1)
    assert found.mean == pytest.approx(differences.mean())
    assert found.largest == pytest.approx(differences.max())
    assert found.changed == np.count_nonzero(one.predict(ROWS) != other.predict(ROWS))
    assert (found.requests, found.rows, found.numbers) == (1, 60, 60)


def test_numbers_are_compared_up_to_rounding(project: Project) -> None:
    one = LinearRegression().fit(ROWS, ROWS[:, 0])
    other = LinearRegression().fit(ROWS, ROWS[:, 0])
    present = answered(project, one)
    other.intercept_ += 1e-13
    assert Comparison().with_answers(present, answered(project, other)).changed == 0
    other.intercept_ += 0.5
    found = Comparison().with_answers(present, answered(project, other))
    assert found.changed == 60
    assert found.mean == pytest.approx(0.5)
    assert found.largest == pytest.approx(0.5)


def test_what_cannot_be_compared_as_numbers_is_compared_as_decisions(project: Project) -> None:
    other = LogisticRegression().fit(ROWS, np.where(LABELS == "yes", "yes", "never"))
    present = answered(project, LogisticRegression().fit(ROWS, LABELS))
    found = Comparison().with_answers(present, answered(project, other))
    assert found.mean is None
    assert found.changed == np.count_nonzero(present.predicted == "no")


@pytest.mark.parametrize(
    ("one", "other", "changed"),
    [
        ([1.0, float("nan")], [1.0, float("nan")], 0),
        ([1, 2], [1.0, 2.5], 1),
        (["1", "2"], [1, 2], 2),
        ([[1, 2], [3, 4]], [[1, 2], [3, 5]], 1),
        ([1, 2], [[1], [2]], 2),
    ],
)
def test_what_counts_as_changed(one: Any, other: Any, changed: int) -> None:
    assert changed_of(np.array(one), np.array(other)) == changed
