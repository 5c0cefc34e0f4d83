"""What several processes counted is one evidence, and only those that are there are told."""

from __future__ import annotations

import pytest

from lite_mlops.project import Project
from lite_mlops.serving.story import note
from lite_mlops.serving.wording import canary_lines, sign_of
from lite_mlops.store import Store
from lite_mlops.store.events import TrialSeen
from tests.conftest import Prepared
from tests.serving.trials.models import register, register_champion

CHAMPION = "churn@champion"


def seen(project: Project, writer: str, trial: str, failed: int, e: float) -> None:
    project.store.append(
        TrialSeen(
            reference=CHAMPION,
            trial=trial,
            writer=writer,
            role="canary",
            name="churn/2",
            requests=100,
            failed=failed,
            slow=1,
            doubtful=2,
            detail={
                "calls": 90,
                "failures": {"ValueError": failed},
                "e": {"errors": e, "latency": 1.0, "quality": 0.5},
                "needed": 300.0,
            },
        )
    )


def test_counts_of_processes_are_summed_and_the_clearest_evidence_is_told(
    project: Project, prepared: Prepared
) -> None:
    prepared(project, register_champion)
    register(project, "b")
    trial = project.endpoints.canary(CHAMPION, "churn/2", 0.1)
    assert trial.id is not None
    seen(project, "w1", trial.id, 3, 2.0)
    seen(project, "w1", trial.id, 5, 40.0)  # what a process told last stands
    seen(project, "w2", trial.id, 7, 0.25)
    seen(project, "w1", "of another trial", 50, 1e9)
    state = project.endpoints.get(CHAMPION)
    found = state.of("canary")
    assert found is not None
    assert (found.requests, found.failed, found.slow, found.doubtful) == (200, 12, 2, 4)
    assert found.detail == {
        "calls": 180,
        "failures": {"ValueError": 12},
        "e": {"errors": 40.0, "latency": 1.0, "quality": 0.5},
        "needed": 300.0,
    }
    assert canary_lines(state) == {
        "errors": "a clear sign that it is worse (evidence 40, 300 needed)",
        "latency": "no sign that it is worse (evidence 1, 300 needed)",
        "quality": "no sign that it is worse (evidence 0.5, 300 needed)",
        "fails with": "ValueError 12",
    }


@pytest.mark.parametrize(
    ("e", "words"),
    [
        (0.0, "no sign that it is worse"),
        (2.9, "no sign that it is worse"),
        (3.1, "a weak sign that it is worse"),
        (31.0, "a clear sign that it is worse"),
        (300.0, "worse beyond chance"),
    ],
)
def test_evidence_in_words(e: float, words: str) -> None:
    assert sign_of(e, 300.0) == words


def test_a_process_that_is_gone_is_not_told(project: Project, prepared: Prepared) -> None:
    prepared(project, register_champion)
    other = Store(project.folder, project.settings)
    note(other, CHAMPION, "started", 1, url="http://127.0.0.1:1")
    note(project.store, CHAMPION, "started", 1)
    processes = project.endpoints.get(CHAMPION).processes
    assert sorted(dict(one.detail).get("url", "") for one in processes) == [
        "",
        "http://127.0.0.1:1",
    ]
    assert [one.reference for one in project.endpoints.all()] == [CHAMPION]
    other.close()
    (left,) = project.endpoints.get(CHAMPION).processes
    assert left.detail == {}
    note(project.store, CHAMPION, "stopped", 1)
    state = project.endpoints.get(CHAMPION)
    assert state.processes == ()
    assert [one.what for one in state.story] == ["stopped", "started", "started"]
    assert project.endpoints.all() == []
