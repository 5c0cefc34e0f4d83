"""Evaluations: the labels, the answers and the scores of the rows that a model was evaluated on.

    run.log_evaluation(y_test, model.predict(x_test), y_score=model.predict_proba(x_test)[:, 1])

They are kept as one artifact of the run, so that another run on the same rows can be compared with
it row by row. Two evaluations are on the same rows if their labels are equal in equal order. Where
both have ids, the rows are aligned by these, and the ids must be the same. Without ids equal labels
are all that is known of the rows; ids make it certain.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid
from lite_mlops.tracking.keys import checked_name, checked_path, shown

FOLDER = "evaluations"
# What names say of the rows, the most honest ones first.
PARTS = ("test", "holdout", "held_out", "validation", "valid", "val", "eval", "cv")
_TRAINED = re.compile(r"(^|[_/. -])train(ing)?([_/. -]|$)")
MAX_TEXT = 1_000  # characters of one label; texts are stored in a fixed width
_ENDING = ".npz"
_COLUMNS = ("y_true", "y_pred", "y_score", "ids")

Column = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model answered on some rows: columns of equal length, numbers or texts."""

    y_true: Column
    y_pred: Column
    y_score: NDArray[np.float64] | None = None  # of the class that sorts last
    ids: Column | None = None

    def __len__(self) -> int:
        return len(self.y_true)

    def __repr__(self) -> str:
        more = "".join(f", {name}" for name in _COLUMNS[2:] if getattr(self, name) is not None)
        return f"<Evaluation of {len(self):,} rows: y_true, y_pred{more}>"

    def to_bytes(self) -> bytes:
        """Return the columns as a file of NumPy (`.npz`); equal columns give equal bytes."""
        kept = {name: getattr(self, name) for name in _COLUMNS}
        file = io.BytesIO()
        np.savez_compressed(
            file,
            allow_pickle=False,
            **{name: column for name, column in kept.items() if column is not None},
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Evaluation:
        """Return the evaluation of a file. Raises `Invalid` if it holds none."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as file:
                kept = {name: file[name] for name in _COLUMNS if name in file.files}
        except (ValueError, OSError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error):
            raise Invalid("it is no file of columns as log_evaluation writes it.") from None
        if "y_true" not in kept or "y_pred" not in kept:
            raise Invalid("it holds no y_true and y_pred as log_evaluation writes them.")
        return evaluation(**kept)


def path_of(name: object) -> str:
    """Return the artifact path of the evaluation `name`. Raises `Invalid`."""
    return checked_path(f"{FOLDER}/{checked_name(name, 'evaluation name')}{_ENDING}")


def name_of(path: str) -> str | None:
    """Return the name of the evaluation that an artifact path holds; None for other files."""
    if path.startswith(f"{FOLDER}/") and path.endswith(_ENDING):
        return path.removeprefix(f"{FOLDER}/").removesuffix(_ENDING)
    return None


def by_honesty(names: Iterable[str]) -> list[str]:
    """Return names of evaluations, the most honest first: tests, and last those of training."""

    def rank(name: str) -> tuple[bool, int, str]:
        plain = name.lower()
        place = next((at for at, part in enumerate(PARTS) if part in plain), len(PARTS))
        return is_of_training(plain), place, name

    return sorted(names, key=rank)


def is_of_training(name: str) -> bool:
    """Return whether a name is of what a model was fitted on, where everything looks too good."""
    return _TRAINED.search(name.lower()) is not None


def evaluation(y_true: Any, y_pred: Any, y_score: Any = None, ids: Any = None) -> Evaluation:
    """Return checked columns as an evaluation.

    `y_score` is one number a row, or the two columns of `predict_proba`, of which the second is
    taken.

    Raises:
        Invalid: a column is empty, not of one kind, or not as long as the others; a value is
            missing or infinite; ids occur twice; scores come with other than two labels.
    """
    truth, answers = _column(y_true, "y_true"), _column(y_pred, "y_pred")
    if not len(truth):
        raise Invalid("y_true is empty; an evaluation has at least one row.")
    _same_length(truth, answers, "y_pred")
    if (truth.dtype.kind == "U") != (answers.dtype.kind == "U"):
        kinds = ["texts" if column.dtype.kind == "U" else "numbers" for column in (truth, answers)]
        raise Invalid(f"y_true holds {kinds[0]} and y_pred {kinds[1]}; they are of one kind.")
    scores = None if y_score is None else _scores(y_score, truth)
    names = None if ids is None else _ids(ids, truth)
    return Evaluation(truth, answers, scores, names)


def _array(values: Any, name: str) -> Column:
    try:
        return np.asarray(values)
    except ValueError:  # rows of different lengths
        raise Invalid(f"{name} is one value a row; its rows have different lengths.") from None


def _column(values: Any, name: str) -> Column:
    """Return one column of numbers or texts."""
    column = _array(values, name)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    if column.ndim != 1:
        shape = " x ".join(map(str, column.shape)) or "a single value"
        raise Invalid(f"{name} is one value a row; this has the shape {shape}.")
    if column.dtype.kind not in "biufU":
        column = _of_one_kind(column, name)
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        row = int(np.argmin(np.isfinite(column)))
        raise Invalid(f"{name} has no number in row {row}: {column[row]}. Leave such rows out.")
    if column.dtype.kind == "U" and column.dtype.itemsize > 4 * MAX_TEXT:
        raise Invalid(f"{name} holds a text of more than {MAX_TEXT:,} characters.")
    return column


def _of_one_kind(column: Column, name: str) -> Column:
    """Return objects, as DataFrames hold them, as a column of texts or of numbers."""
    values = column.tolist()
    kinds = set(map(type, values))
    if kinds == {str}:
        if max(map(len, values)) > MAX_TEXT:
            raise Invalid(f"{name} holds a text of more than {MAX_TEXT:,} characters.")
        return np.array(values)
    if kinds and kinds <= {int, float, bool}:
        found = np.array(values)
        if found.dtype.kind in "biuf":
            return found
    row, bad = next(
        ((row, value) for row, value in enumerate(values) if type(value) is not type(values[0])),
        (0, values[0] if values else None),
    )
    raise Invalid(
        f"{name} holds numbers or texts, all of one kind; row {row} is {shown(bad)}, a "
        f"{type(bad).__name__}."
    )


def _same_length(truth: Column, other: Column, name: str) -> None:
    if len(other) != len(truth):
        raise Invalid(f"{name} has {len(other):,} rows and y_true {len(truth):,}.")


def _scores(values: Any, truth: Column) -> NDArray[np.float64]:
    found = _array(values, "y_score")
    if found.ndim == 2 and found.shape[1] == 2:
        found = found[:, 1]
    scores = _column(found, "y_score")
    if scores.dtype.kind == "U":
        raise Invalid("y_score holds texts; scores are numbers.")
    _same_length(truth, scores, "y_score")
    labels = len(np.unique(truth))
    if labels > 2:
        raise Invalid(
            f"y_score is the score of one of two classes; y_true holds {labels:,} different labels."
        )
    return scores.astype(np.float64)


def _ids(values: Any, truth: Column) -> Column:
    ids = _column(values, "ids")
    _same_length(truth, ids, "ids")
    different, counts = np.unique(ids, return_counts=True)
    if len(different) < len(ids):
        twice = different[np.argmax(counts)].item()
        raise Invalid(f"ids name each row once; {shown(twice)} occurs {counts.max():,} times.")
    return ids


def on_same_rows(first: Evaluation, second: Evaluation) -> Evaluation:
    """Return `second` with its rows in the order of those of `first`.

    Raises:
        Invalid: they are not on the same rows; the message says why.
    """
    if len(first) != len(second):
        raise Invalid(f"they are on {len(first):,} and {len(second):,} rows.")
    if first.ids is not None and second.ids is not None:
        second = _aligned(first.ids, second, second.ids)
    if not _equal(first.y_true, second.y_true):
        by = "by ids" if first.ids is not None and second.ids is not None else "in their order"
        raise Invalid(f"the labels of their rows, compared {by}, are not the same.")
    return second


def _equal(one: Column, other: Column) -> bool:
    alike = (one.dtype.kind == "U") == (other.dtype.kind == "U")
    return alike and bool(np.array_equal(one, other))


def _aligned(ids: Column, second: Evaluation, its_ids: Column) -> Evaluation:
    if _equal(ids, its_ids):
        return second
    order, its_order = np.argsort(ids), np.argsort(its_ids)
    if not _equal(ids[order], its_ids[its_order]):
        raise Invalid("their ids are not the same.")
    places = np.empty_like(order)
    places[order] = its_order
    scores = None if second.y_score is None else second.y_score[places]
    return Evaluation(second.y_true[places], second.y_pred[places], scores, ids)
