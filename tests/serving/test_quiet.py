"""What a server recorded is folded in quiet moments, and in any case before it is too much."""

from __future__ import annotations

import pytest

from lite_mlops.project import Project
from lite_mlops.serving import Opened, open_references
from lite_mlops.serving.quiet import QuietFolding
from tests.conftest import Prepared
from tests.web.served import register_champion


@pytest.fixture(autouse=True)
def sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("_WORTH_BYTES", 500), ("_QUIET_BYTES", 1_000), ("_MOST_BYTES", 20_000)):
        monkeypatch.setattr(f"lite_mlops.serving.quiet.{name}", size)


@pytest.fixture
def opened(project: Project, prepared: Prepared) -> Opened:
    prepared(project, register_champion)
    return open_references(project.store, project.models, ["churn@champion"])


def recorded(project: Project, opened: Opened, rows: int) -> int:
    """Record so many rows, and return the bytes that wait for a fold."""
    opened.served.default.predict([[1.0]] * rows)
    project.store.background.wait()
    return project.store.unfolded_bytes


def test_little_is_left(project: Project, opened: Opened) -> None:
    folding = QuietFolding(project.store)
    recorded(project, opened, 1)  # a journal begins with a line of its own
    project.store.fold()
    waiting = recorded(project, opened, 1)
    assert 0 < waiting < 500
    folding.look()
    assert project.store.unfolded_bytes == waiting


def test_while_much_comes_it_waits_for_a_quiet_moment(project: Project, opened: Opened) -> None:
    folding = QuietFolding(project.store)
    project.store.fold()
    for _ in range(2):
        waiting = recorded(project, opened, 60)
        folding.look()
        assert project.store.unfolded_bytes == waiting > 1_000
    folding.look()  # nothing came since
    assert project.store.unfolded_bytes == 0


def test_what_is_too_much_does_not_wait(project: Project, opened: Opened) -> None:
    folding = QuietFolding(project.store)
    assert recorded(project, opened, 1_000) > 20_000
    folding.look()
    assert project.store.unfolded_bytes == 0


def test_following_looks_after_it(project: Project, opened: Opened) -> None:
    assert opened.following is not None
    recorded(project, opened, 1_000)
    opened.following.look()
    assert project.store.unfolded_bytes == 0
