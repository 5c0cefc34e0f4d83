"""Following an alias: the new version takes the place of the old one, or the old one stays."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lite_mlops.errors import Conflict, Damaged
from lite_mlops.models import ModelVersion
from lite_mlops.project import Project
from lite_mlops.serving import Following, Opened, open_references
from lite_mlops.serving.following import load_version
from lite_mlops.serving.loaded import Loaded
from tests.conftest import Prepared, wait_until
from tests.web.served import register, register_champion

ROWS = np.arange(6.0)[:, None]


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def opened(project: Project, told: list[str], prepared: Prepared) -> Opened:
    prepared(project, register_champion)
    return open_references(
        project.store, project.models, ["churn@champion", "churn/1"], say=told.append
    )


def following(opened: Opened) -> Following:
    assert opened.following is not None
    return opened.following


def says(opened: Opened) -> list[str]:
    return [endpoint.predict([[1.0]])[0].prediction for _, endpoint in opened.served]


def test_the_version_of_the_alias_takes_over_and_a_fixed_one_stays(
    project: Project, opened: Opened, told: list[str]
) -> None:
    register(project, "b")
    following(opened).look()
    assert says(opened) == ["a", "a"]
    project.models.set_alias("churn", "champion", 2)
    following(opened).look()
    assert says(opened) == ["b", "a"]
    project.models.rollback("churn")
    following(opened).look()
    assert says(opened) == ["a", "a"]
    assert told == [
        "churn@champion is churn/2 now; it was churn/1.",
        "churn@champion is churn/1 now; it was churn/2.",
    ]


def test_what_is_being_answered_is_answered_by_the_version_that_took_it(
    project: Project, opened: Opened
) -> None:
    found: list[Any] = []
    old = opened.served.default.current
    old.batching.add(old.table([[1.0]]), found.append, float("inf"))
    register(project, "b", alias="champion")
    following(opened).look()
    while old.batching.turn():
        pass
    assert [answers.version.version for answers in found] == [1]
    assert opened.served.default.version.version == 2


@pytest.mark.parametrize("kind", ["bytes", "answers"])
def test_a_version_that_fails_is_told_once_and_the_old_one_stays(
    project: Project, opened: Opened, told: list[str], kind: str
) -> None:
    version = register(project, "b")
    if kind == "bytes":
        path = next(project.store.layout.objects.rglob(f"*{version.sha256[4:]}*"))
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    else:
        spoil_answers(project, version)
    project.models.set_alias("churn", "champion", 2)
    following(opened).look()
    register(project, "c")  # something else happens; it is not loaded again
    following(opened).look()
    assert says(opened) == ["a", "a"]
    (message,) = told
    assert message.startswith("churn/1 goes on answering: ")
    if kind == "answers":
        assert "churn/2 does not answer as it did: row 0 of its example is answered" in message
    project.models.set_alias("churn", "champion", 3)
    following(opened).look()
    assert says(opened) == ["c", "a"]


def test_a_version_that_hangs_at_its_example_is_given_up_until_it_is_decided_again(
    project: Project,
    told: list[str],
    prepared: Prepared,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared(project, register_champion)
    opened = open_references(project.store, project.models, ["churn@champion"], say=told.append)
    monkeypatch.setattr("lite_mlops.serving.following._LOAD_SECONDS", 0.3)
    released, asked, warm = threading.Event(), list[str](), Loaded.warm

    def hanging(loaded: Loaded, rows: Any) -> Any:
        asked.append(loaded.version.name)
        assert released.wait(30)
        return warm(loaded, rows)

    monkeypatch.setattr(Loaded, "warm", hanging)
    register(project, "b", alias="champion")
    following(opened).look()
    register(project, "c")  # something else happens
    following(opened).look()
    assert says(opened) == ["a"]
    assert asked == ["churn/2"]
    assert told == ["churn/1 goes on answering: churn/2 did not return within 0.3 s."]
    released.set()
    monkeypatch.setattr("lite_mlops.serving.following._LOAD_SECONDS", 60.0)
    monkeypatch.setattr(Loaded, "warm", warm)
    project.models.rollback("churn")
    following(opened).look()
    project.models.set_alias("churn", "champion", 2)
    following(opened).look()
    assert told[1:] == ["churn@champion is churn/2 now; it was churn/1."]
    assert says(opened) == ["b"]


def spoil_answers(project: Project, version: ModelVersion) -> None:
    """Have the example of a version tell other answers, and be what was stored."""
    example = project.models.example_of(version)
    assert example is not None
    other = example.with_answers(np.array(["z"]))
    sha256 = project.store.objects.put_bytes(other.to_bytes()).sha256
    with project.store.deciding() as decisions:
        decisions.database.execute(
            f"UPDATE model_versions SET example = '{sha256}' WHERE version = {version.version}"  # noqa: S608
        )


def test_a_version_that_does_not_answer_as_it_did_is_not_opened(project: Project) -> None:
    version = register(project, "a")
    assert project.models.example_of(version).answers == ("a",) * 6  # type: ignore[union-attr]
    spoil_answers(project, version)
    with pytest.raises(Damaged, match=r"does not answer as it did: row 0 .* is answered 'a'"):
        project.predictor("churn/1")


def test_an_alias_that_moved_while_its_version_was_loaded_is_followed(
    project: Project, prepared: Prepared
) -> None:
    prepared(project, register_champion)

    def slowly(*args: Any, **options: Any) -> Any:
        loaded = load_version(*args, **options)
        register(project, "b", alias="champion")
        return loaded

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lite_mlops.serving.opening.load_version", slowly)
        opened = open_references(project.store, project.models, ["churn@champion"])
    assert says(opened) == ["a"]
    following(opened).look()
    assert says(opened) == ["b"]


def lowered(project: Project, **options: Any) -> ModelVersion:
    model = LogisticRegression().fit(ROWS, ["a"] * 3 + ["b"] * 3)
    return project.models.register(model, "lowered", training=ROWS, **options)


def test_a_version_is_followed_when_its_plan_is_there(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lite_mlops.serving.following._LOOK_SECONDS", 0.0005)
    lowered(project, alias="champion")
    paths: list[str] = []

    def watched(*args: Any, **options: Any) -> Any:
        loaded = load_version(*args, **options)
        paths.append(loaded.path)
        return loaded

    monkeypatch.setattr("lite_mlops.serving.following.load_version", watched)
    with project.predictor("lowered@champion") as predictor:
        for number in (2, 3):
            lowered(project, alias="champion")
            wait_until(lambda number=number: predictor.version.version == number)  # type: ignore[misc]
    assert paths == ["a plan, as the model would bit for bit"] * 2


@pytest.mark.parametrize("reference", ["lowered@champion", "lowered/1"])
def test_a_plan_that_is_switched_off_and_on_is_followed(project: Project, reference: str) -> None:
    lowered(project, alias="champion")
    told: list[str] = []
    opened = open_references(project.store, project.models, [reference], say=told.append)
    endpoint = opened.served.default
    opened.begin()
    project.models.switch_lowering("lowered/1", on=False)
    wait_until(lambda: endpoint.current.path.startswith("the model itself (switched off"))
    project.models.switch_lowering("lowered/1", on=True)
    wait_until(lambda: endpoint.current.path.startswith("a plan"))
    opened.end()
    assert [one.partition(";")[0] for one in told] == [
        "lowered/1 is answered by the model itself (switched off",
        "lowered/1 is answered by a plan, as the model would bit for bit now.",
    ]
    assert endpoint.predict(ROWS[[0, 5]]).predictions() == ["a", "b"]
    project.models.remove_alias("lowered", "champion")
    with pytest.raises(Conflict, match="lowered/1 is answering in process"):
        project.models.remove("lowered/1")


def test_a_plan_that_is_made_later_is_followed(tmp_path: Path) -> None:
    project = Project(tmp_path / "work", lower=False, capture_environment=False)
    lowered(project)
    opened = open_references(project.store, project.models, ["lowered/1"])
    endpoint = opened.served.default
    following(opened).look()
    assert endpoint.current.path.startswith("the model itself (not tried yet")
    project.models.lower("lowered/1")
    following(opened).look()
    assert endpoint.current.path.startswith("a plan")
    known = endpoint.current
    project.models.lower("lowered/1")  # the same plan again
    following(opened).look()
    assert endpoint.current is known
    project.close()


def test_an_alias_that_was_taken_away_is_told(
    project: Project, opened: Opened, told: list[str]
) -> None:
    project.models.remove_alias("churn", "champion")
    following(opened).look()
    assert says(opened) == ["a", "a"]
    assert len(told) == 1
    assert told[0].startswith("churn/1 goes on answering: ")


def test_a_version_that_was_left_can_be_removed(project: Project, prepared: Prepared) -> None:
    prepared(project, register_champion)
    opened = open_references(project.store, project.models, ["churn@champion"])
    opened.served.default.announce()
    register(project, "b", alias="champion")
    with pytest.raises(Conflict, match="churn/1 is answering in process"):
        project.models.remove("churn/1")
    following(opened).look()
    project.models.remove("churn/1")
    project.models.set_alias("churn", "other", 2)
    project.models.remove_alias("churn", "champion")
    project.models.remove_alias("churn", "other")
    with pytest.raises(Conflict, match="churn/2 is answering in process"):
        project.models.remove("churn/2")


@pytest.mark.slow
def test_the_thread_goes_after_the_alias_while_others_ask(project: Project, opened: Opened) -> None:
    for answer in "bc":
        register(project, answer)
    wrong: list[Any] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answers = opened.served.default.predict([[1.0], [2.0]])
            said = {answer.prediction for answer in answers}
            if said != {"abc"[answers.version.version - 1]}:
                wrong.append((answers.version.name, said))

    asking = threading.Thread(target=ask)
    with following(opened):
        asking.start()
        for version in [2, 3, 1, 2]:
            project.models.set_alias("churn", "champion", version)
            wait_until(lambda v=version: opened.served.default.version.version == v)  # type: ignore[misc]
        stop.set()
        asking.join()
    assert wrong == []
    assert threading.active_count() < 20
