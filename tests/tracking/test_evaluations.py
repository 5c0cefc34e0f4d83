"""Evaluations: what is stored of labels and answers, and which rows are the same ones."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.project import Project
from lite_mlops.tracking.evaluations import (
    Evaluation,
    evaluation,
    name_of,
    on_same_rows,
    path_of,
)

NAN, INF = float("nan"), float("inf")


def kept(project: Project, run: str, name: str = "test") -> Evaluation:
    return Evaluation.from_bytes(project.runs.read_artifact(run, f"evaluations/{name}.npz"))


# -- logging -------------------------------------------------------------------------------------


def test_an_evaluation_comes_back_as_it_was_logged(project: Project) -> None:
    with project.start_run() as run:
        run.log_evaluation(["no", "yes"], ["no", "no"], y_score=[0.25, 0.5], ids=[7, 3])
    found = kept(project, run.id)
    assert found.y_true.tolist() == ["no", "yes"]
    assert found.y_pred.tolist() == ["no", "no"]
    assert found.y_score is not None
    assert found.y_score.tolist() == [0.25, 0.5]
    assert found.ids is not None
    assert found.ids.tolist() == [7, 3]
    assert repr(found) == "<Evaluation of 2 rows: y_true, y_pred, y_score, ids>"


def test_nothing_else_is_logged(project: Project) -> None:
    with project.start_run() as run:
        run.log_evaluation([0, 1], [0, 1], name="held out/2026")
    found = project.runs.get(run.id)
    assert [artifact.path for artifact in found.artifacts] == ["evaluations/held out/2026.npz"]
    assert (found.metrics, found.params, found.tags) == ({}, {}, {})


def test_equal_evaluations_are_stored_once(project: Project) -> None:
    hashes = set()
    for name in ("a", "b"):
        with project.start_run(name) as run:
            run.log_evaluation([1.5, 2.5], [1.0, 2.0])
        hashes |= {artifact.sha256 for artifact in project.runs.get(run.id).artifacts}
    assert len(hashes) == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[1], [2]]), [1, 2]),
        (pd.Series(["a", "bc"]), ["a", "bc"]),
        (pd.Series([1, 2], dtype=object), [1, 2]),
        (pd.Series(["a", "b"], dtype="category"), ["a", "b"]),
        ((True, False), [True, False]),
        (np.array([1.5, 2.0], np.float32), [1.5, 2.0]),
        (np.array(["ü" * 900, "x"], dtype=object), ["ü" * 900, "x"]),
    ],
)
def test_columns_may_have_several_forms(values: Any, expected: list[Any]) -> None:
    found = Evaluation.from_bytes(evaluation(values, values).to_bytes())
    assert found.y_true.tolist() == found.y_pred.tolist() == expected


def test_of_two_columns_of_scores_the_second_is_kept() -> None:
    found = evaluation([0, 1], [0, 1], [[0.75, 0.25], [0.5, 0.5]])
    assert found.y_score is not None
    assert found.y_score.tolist() == [0.25, 0.5]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"y_true": []}, "y_true is empty; an evaluation has at least one row."),
    ({"y_pred": [1]}, "y_pred has 1 rows and y_true 2."),
    ({"y_score": [1.0]}, "y_score has 1 rows and y_true 2."),
    ({"ids": ["a"]}, "ids has 1 rows and y_true 2."),
    ({"y_true": [0.0, NAN]}, "y_true has no number in row 1: nan. Leave such rows out."),
    ({"y_pred": [INF, 0.0]}, "y_pred has no number in row 0: inf. Leave such rows out."),
    ({"y_score": [0.5, NAN]}, "y_score has no number in row 1: nan. Leave such rows out."),
    ({"y_score": ["a", "b"]}, "y_score holds texts; scores are numbers."),
    (
        {"y_true": ["a", None]},
        "y_true holds numbers or texts, all of one kind; row 1 is None, a NoneType.",
    ),
    (
        {"y_pred": np.array(["a", 1], dtype=object)},
        "y_pred holds numbers or texts, all of one kind; row 1 is 1, a int.",
    ),
    (
        {"y_true": [{}, {}]},
        "y_true holds numbers or texts, all of one kind; row 0 is {}, a dict.",
    ),
    (
        {"y_true": [1j, 2j]},
        "y_true holds numbers or texts, all of one kind; row 0 is 1j, a complex.",
    ),
    ({"y_true": ["a", "b"]}, "y_true holds texts and y_pred numbers; they are of one kind."),
    ({"y_true": [[1, 2], [3, 4]]}, "y_true is one value a row; this has the shape 2 x 2."),
    ({"y_true": 3}, "y_true is one value a row; this has the shape a single value."),
    (
        {"y_true": [[1], [2, 3]]},
        "y_true is one value a row; its rows have different lengths.",
    ),
    (
        {"y_score": [[0.1, 0.2, 0.7]] * 2},
        "y_score is one value a row; this has the shape 2 x 3.",
    ),
    (
        {"y_true": [0, 1, 2], "y_pred": [0, 1, 2], "y_score": [0.1, 0.2, 0.3]},
        "y_score is the score of one of two classes; y_true holds 3 different labels.",
    ),
    ({"ids": ["a", "a"]}, "ids name each row once; 'a' occurs 2 times."),
    ({"y_pred": ["x" * 1001] * 2, "y_true": ["x"] * 2}, "y_pred holds a text of more than 1,000"),
    ({"name": ""}, "evaluation name is empty."),
    ({"name": "../x"}, "artifact path 'evaluations/../x.npz' must be relative"),
    ({"name": 3}, "evaluation name is a text; 3 is a int."),
]


@pytest.mark.parametrize(("changed", "message"), REFUSED, ids=[text for _, text in REFUSED])
def test_what_cannot_be_used_is_refused_and_nothing_is_kept(
    project: Project, changed: dict[str, Any], message: str
) -> None:
    given: dict[str, Any] = {"y_true": [0, 1], "y_pred": [0, 1]} | changed
    with project.start_run() as run:
        with pytest.raises(Invalid) as error:
            run.log_evaluation(given.pop("y_true"), given.pop("y_pred"), **given)
        assert str(error.value).startswith(message)
    assert project.runs.get(run.id).artifacts == ()


# -- reading -------------------------------------------------------------------------------------


def npz(**columns: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **columns)
    return file.getvalue()


def pickled() -> bytes:
    return npz(y_true=np.array([{}], dtype=object), y_pred=np.array([1]))


@pytest.mark.parametrize(
    "data",
    [b"", b"no file", npz(y_true=[1]), npz(other=[1]), pickled(), npz(y_true=[1], y_pred=[1])[:60]],
)
def test_other_files_are_no_evaluations(data: bytes) -> None:
    with pytest.raises(Invalid, match=r"^it (is no file|holds no)"):
        Evaluation.from_bytes(data)


def test_what_is_stored_is_checked_again() -> None:
    with pytest.raises(Invalid, match="y_pred has 1 rows and y_true 2"):
        Evaluation.from_bytes(npz(y_true=[1, 2], y_pred=[1]))


def test_the_name_stands_in_the_path() -> None:
    assert name_of(path_of("a/b")) == "a/b"
    assert name_of("evaluations/a.txt") is None
    assert name_of("plots/a.npz") is None


# -- the same rows -------------------------------------------------------------------------------


def test_rows_without_ids_are_the_same_if_their_labels_are_equal_in_order() -> None:
    first, second = evaluation([0, 1, 1], [0, 0, 1]), evaluation([0.0, 1.0, 1.0], [1, 1, 1])
    assert on_same_rows(first, second) is second
    with pytest.raises(Invalid, match=r"^the labels of their rows, compared in their order, are"):
        on_same_rows(first, evaluation([1, 1, 0], [0, 0, 0]))
    with pytest.raises(Invalid, match=r"^they are on 3 and 2 rows\.$"):
        on_same_rows(first, evaluation([0, 1], [0, 1]))
    with pytest.raises(Invalid, match="compared in their order"):
        on_same_rows(first, evaluation(["0", "1", "1"], ["0", "1", "1"]))


def test_ids_of_one_side_alone_do_not_matter() -> None:
    with_ids = evaluation([0, 1], [0, 1], ids=["b", "a"])
    without = evaluation([0, 1], [1, 1])
    assert on_same_rows(with_ids, without) is without
    assert on_same_rows(without, with_ids) is with_ids


def test_other_ids_are_other_rows() -> None:
    first = evaluation([0, 1], [0, 1], ids=["a", "b"])
    with pytest.raises(Invalid, match=r"^their ids are not the same\.$"):
        on_same_rows(first, evaluation([0, 1], [0, 1], ids=["a", "c"]))
    with pytest.raises(Invalid, match=r"^their ids are not the same\.$"):
        on_same_rows(first, evaluation([0, 1], [0, 1], ids=[1, 2]))
    with pytest.raises(Invalid, match="compared by ids"):
        on_same_rows(first, evaluation([1, 0], [0, 1], ids=["a", "b"]))


@given(st.permutations(range(8)), st.permutations(range(8)))
def test_rows_are_aligned_by_ids(one: list[int], other: list[int]) -> None:
    labels = np.arange(8) % 2
    first = evaluation(labels[one], labels[one], ids=one)
    answers = np.array([f"answer {row}" for row in other])
    second = evaluation(labels[other].astype(str), answers, np.array(other, float), ids=other)
    second = Evaluation(labels[other], second.y_pred, second.y_score, second.ids)
    found = on_same_rows(first, second)
    assert found.y_pred.tolist() == [f"answer {row}" for row in one]
    assert found.y_true.tolist() == first.y_true.tolist()
    assert found.y_score is not None
    assert found.y_score.tolist() == one
