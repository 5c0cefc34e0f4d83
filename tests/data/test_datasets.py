"""Dataset versions: one for each content, used by many runs, never the data itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lite_mlops
from lite_mlops import verbs
from lite_mlops.data.fingerprint import fingerprint
from lite_mlops.errors import Invalid
from lite_mlops.project import Project
from tests.store.journals import dump

PEOPLE = {"age": [41.0, 38.0], "sex": ["f", "m"]}


@pytest.fixture
def tables(project: Project) -> Callable[[], dict[str, list[tuple[Any, ...]]]]:
    def read() -> dict[str, list[tuple[Any, ...]]]:
        with project.store.reading() as database:
            return dump(database)

    return read


def test_a_dataset_is_recorded_with_the_active_run(project: Project) -> None:
    with project.start_run() as run:
        version = project.log_dataset(PEOPLE, "people")
    assert (version.name, version.rows, version.columns) == ("people", 2, 2)
    assert version.sha256 == fingerprint(
        {"age": np.array([41.0, 38.0]), "sex": np.array(["f", "m"], object)}
    )
    assert version.profile["sex"]["top"] == {"f": 1, "m": 1}
    assert project.datasets.used_by(run.id, "training") == version
    assert project.datasets.used_by(run.id, "test") is None
    assert repr(version) == f"<DatasetVersion people {version.sha256[:12]} 2x2>"
    assert version.to_dict() == vars(version) | {"logged_at": version.logged_at.isoformat()}


def test_the_module_function_logs_to_the_current_project(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verbs._Current, "project", project)
    with lite_mlops.start_run() as run:
        version = lite_mlops.log_dataset(
            np.zeros((3, 2)), "zeros", role="test", column_names=["a", "b"]
        )
    assert project.datasets.used_by(run.id, "test") == version
    assert list(version.profile) == ["a", "b"]


def test_the_data_itself_is_not_stored(project: Project) -> None:
    with project.start_run():
        project.log_dataset({"n": [123_456_789.25, 1.0, 2.0]}, "numbers")
    assert list(project.store.objects.all()) == []


def test_the_same_content_is_one_version_however_often_it_is_used(project: Project) -> None:
    for _ in range(3):
        with project.start_run():
            first = project.log_dataset(PEOPLE, "people")
            project.log_dataset(pd.DataFrame(PEOPLE), "people")
            project.log_dataset(PEOPLE, "people", role="validation")
    table = project.sql("SELECT name, sha256, row_count, column_count FROM datasets")
    assert table.rows == (("people", first.sha256, 2, 2),)
    uses = project.sql("SELECT role, count(*) FROM dataset_uses GROUP BY role ORDER BY role")
    assert uses.rows == (("training", 3), ("validation", 3))


def test_another_content_is_another_version(project: Project) -> None:
    with project.start_run() as run:
        one = project.log_dataset(PEOPLE, "people")
        other = project.log_dataset(PEOPLE | {"age": [41.0, 39.0]}, "people")
    assert one.sha256 != other.sha256
    assert project.datasets.used_by(run.id, "training") == other  # the later one
    assert project.sql("SELECT count(*) FROM datasets").rows == ((2,),)


def test_numbers_beyond_all_measure_are_recorded_as_valid_json(project: Project) -> None:
    with project.start_run():
        project.log_dataset({"n": [1e308, -1e308, 3.0]}, "huge")
    assert project.sql("SELECT json_valid(profile) FROM datasets").rows == ((True,),)
    assert project.examine() == []


@pytest.mark.parametrize(
    ("data", "name", "options", "text"),
    [
        (None, "people", {}, "this is a NoneType"),
        (PEOPLE, "", {}, "dataset name is empty."),
        (PEOPLE, 5, {}, "dataset name is a text; 5 is a int."),
        (PEOPLE, "a\x1b[31m", {}, r"contains the control character '\\x1b' at position 2"),
        (
            PEOPLE,
            "people",
            {"role": "trainig"},
            "the role of a dataset is training, validation, test, reference; 'trainig' is none",
        ),
        (np.zeros((2, 2)), "x", {"column_names": ["a"]}, "1 column names were given for 2 columns"),
    ],
)
def test_a_refused_dataset_changes_nothing(
    project: Project,
    tables: Callable[[], Any],
    data: Any,
    name: Any,
    options: dict[str, Any],
    text: str,
) -> None:
    project.start_run()
    before = tables()
    with pytest.raises(Invalid, match=text):
        project.log_dataset(data, name, **options)
    assert tables() == before
