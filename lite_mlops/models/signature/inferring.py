"""The signature of a fitted model, from what it tells, an input example and its training data.

infer_signature(model, example=X.head(), training=X)

Types come from the training data, else from the example; a model alone is taken to be one of
floats. A column may be missing if it was in what is given, or if the model takes it so. More than
1,000 columns of numbers without names are no columns: their rows are taken as they are, as arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lite_mlops.errors import Invalid
from lite_mlops.models.signature import reading
from lite_mlops.models.signature.estimators import MissingValues, outputs_of
from lite_mlops.models.signature.kinds import NUMBERS
from lite_mlops.models.signature.reading import RawColumn
from lite_mlops.models.signature.summary import of_matrix, summarised
from lite_mlops.models.signature.values import Column, Signature, Tensor

_ASKED_ROWS = 5
MAX_UNNAMED = 1_000


@dataclass(frozen=True)
class Given:
    """Data as it was given: columns with or without names, or a tensor."""

    columns: tuple[RawColumn, ...] = ()
    names: tuple[str, ...] | None = None
    tensor: np.ndarray[Any, Any] | None = None
    matrix: np.ndarray[Any, Any] | None = None  # the columns as they were, if all were numbers
    framed: bool = False
    ends_only: bool = False  # its rows are the lowest and the highest values alone

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.columns)


# -- what is given ------------------------------------------------------------------------------


def _of_rows_by_name(rows: Sequence[Mapping[Any, Any]]) -> Given:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = tuple(RawColumn([row.get(name) for row in rows]) for name in names)
    return Given(columns, tuple(map(str, names)))


def _of_array(data: np.ndarray[Any, Any]) -> Given:
    if data.dtype.names is not None:
        names = data.dtype.names
        return Given(tuple(RawColumn(reading.plain(data[name])) for name in names), tuple(names))
    if data.ndim == 2:
        columns = tuple(RawColumn(reading.plain(column)) for column in data.T)
        numbers = data.dtype.kind in "iuf" and not isinstance(data, np.ma.MaskedArray)
        return Given(columns, matrix=data if numbers else None)
    return Given(tensor=data)


def _of_rows(rows: Sequence[Any]) -> Given | None:
    if all(isinstance(row, Mapping) for row in rows):
        return _of_rows_by_name(rows)
    if all(reading.is_row(row) for row in rows):
        widths = sorted({len(row) for row in rows})
        if len(widths) > 1:
            raise Invalid(f"the rows of an example have the same length; these have {widths}.")
        if any(isinstance(value, list | tuple | np.ndarray) for value in rows[0]):
            return Given(tensor=_nested(rows))
        return Given(tuple(RawColumn(list(column)) for column in zip(*rows, strict=True)))
    if all(isinstance(row, str) for row in rows):
        return Given(tensor=np.array(rows, object))
    if any(hasattr(row, "__len__") and not isinstance(row, str | bytes) for row in rows):
        return None
    return Given(tuple(RawColumn([value]) for value in rows))  # one row


def _nested(rows: Sequence[Any]) -> np.ndarray[Any, Any]:
    try:
        array = np.array(rows)
    except ValueError as error:
        raise Invalid(f"the nested lists of an example are not of one shape: {error}.") from None
    return array


def given(data: Any) -> Given | None:
    """Return what data holds; None if it is nothing that has columns or a shape."""
    if reading.is_frame(data):
        names = reading.frame_names(data)
        columns = tuple(reading.frame_column(data, place) for place in range(len(names)))
        return Given(columns, tuple(names), framed=not hasattr(data, "column_names"))
    if hasattr(data, "tocsr") and hasattr(data, "getnnz"):
        return _of_sparse(data)
    if hasattr(data, "to_numpy") or hasattr(data, "to_pylist"):  # a series: a value in each row
        values = reading.raw(data).values
        return Given(tensor=np.array(values, None if isinstance(values, np.ndarray) else object))
    if isinstance(data, Mapping) and data:
        if not reading.is_columns(data):
            return _of_rows_by_name([data])
        names = [str(name) for name in data]
        return Given(tuple(map(reading.raw, data.values())), tuple(names))
    if isinstance(data, np.ndarray) and data.ndim:
        if data.ndim == 1 and data.dtype.names is None and data.dtype.kind not in "OUST":
            return Given(tuple(RawColumn(data[i : i + 1]) for i in range(len(data))))  # one row
        return _of_array(data)
    if isinstance(data, Sequence) and len(data) and not isinstance(data, str | bytes):
        return _of_rows(data)
    return None


def _of_sparse(data: Any) -> Given:
    """Return the range of each column of a sparse matrix, as two rows of it."""
    low, high = data.min(axis=0).toarray(), data.max(axis=0).toarray()
    return replace(_of_array(np.vstack([low, high])), ends_only=True)


# -- columns ------------------------------------------------------------------------------------


def _some(names: Sequence[Any]) -> str:
    return ", ".join(map(str, names[:5])) + (", ..." if len(names) > 5 else "")


def _check_names(known: Sequence[str] | None, told: Given | None, what: str) -> None:
    """Do nothing if the names that the model knows are those of the data. Raises `Invalid`."""
    if known is None or told is None or told.names is None:
        return
    if set(told.names) != set(known):
        raise Invalid(
            f"the model was fitted on {_some(known)}; the {what} names {_some(told.names)}."
        )


def _names(model: Any, data: Given | None, what: str) -> list[str]:
    """Return the names of the columns in the order that the model takes them.

    Raises:
        Invalid: neither the model nor the data tells them, or they disagree.
    """
    fitted = getattr(model, "feature_names_in_", None)
    known = None if fitted is None else [str(name) for name in fitted]
    _check_names(known, data, what)
    count = getattr(model, "n_features_in_", None)
    width = None if data is None else data.width
    if count is not None and width is not None and int(count) != width:
        verb = "has" if data is None or data.names is None else "names"
        raise Invalid(f"the model takes {count} features; the {what} {verb} {width}.")
    names = known
    if names is None and data is not None and data.names is not None:
        names = list(data.names)
    if names is None:
        count = width if count is None else count
        if not count:
            raise Invalid("the features of this model are not known; pass an input_example.")
        names = [f"x{place}" for place in range(int(count))]
    if len(set(names)) != len(names):
        raise Invalid(f"two features have the same name: {_some(names)}.")
    return names


def _check_fits(names: Sequence[str], data: Given | None, what: str) -> None:
    """Do nothing if data has the columns of these names. Raises `Invalid`."""
    _check_names(names, data, what)
    if data is not None and data.width != len(names):
        raise Invalid(f"the model takes {len(names)} features; the {what} has {data.width}.")


def _ordered(names: Sequence[str], data: Given) -> list[RawColumn]:
    if data.names is None:
        return list(data.columns)
    places = {name: place for place, name in enumerate(data.names)}
    return [data.columns[places[name]] for name in names]


def _columns(
    model: Any, names: Sequence[str], example: Given | None, training: Given | None
) -> tuple[Column, ...]:
    source = example if training is None else training
    if source is None:
        found = [Column(name, "float") for name in names]
    elif training is not None and training.matrix is not None:
        found = of_matrix(names, training.matrix)
        if training.ends_only:
            found = [Column(one.name, one.type, one.missing, one.low, one.high) for one in found]
    else:
        raws = _ordered(names, source)
        found = [
            summarised(name, raw, trained=training is not None)
            for name, raw in zip(names, raws, strict=True)
        ]
    also = [] if example is None or training is None else _ordered(names, example)
    gaps = {name for name, raw in zip(names, also, strict=False) if summarised(name, raw).missing}
    values, known = MissingValues(model), training is not None
    return tuple(
        replace(column, missing=True)
        if column.name in gaps or _takes(values, column, known=known)
        else column
        for column in found
    )


def _takes(values: MissingValues, column: Column, *, known: bool) -> bool:
    """Return whether a value may be missing; a model that does not tell is asked, not refused.

    Unless its training data is `known`, in which none was missing.
    """
    if column.missing:
        return True
    taken = values.taken(column.name)
    return (not known) if taken is None else taken


# -- the whole ----------------------------------------------------------------------------------


def _tensor(model: Any, array: np.ndarray[Any, Any], *, trained: bool) -> Tensor:
    flat = reading.plain(array.reshape(-1))
    summary = summarised("values", RawColumn(flat), trained=trained)
    missing = summary.missing or bool(MissingValues(model).taken(""))
    low, high = (summary.low, summary.high) if summary.type in NUMBERS else (None, None)
    return Tensor(summary.type, array.shape[1:], missing, low, high)  # type: ignore[arg-type]


def _as_tensor(data: Given, model: Any, what: str) -> np.ndarray[Any, Any] | None:
    """Return data as the array whose rows the model takes; None if it takes columns."""
    if data.tensor is None and data.names is None and data.width > MAX_UNNAMED:
        _names(model, data, what)  # of the width that the model takes
        return None if hasattr(model, "feature_names_in_") else data.matrix
    return data.tensor


def _asking(signature: Signature, model: Any, example: Given) -> Callable[[], Any]:
    """Return what asks the model for answers to the first rows of an example."""

    def ask() -> Any:
        rows: Any = _as_tensor(example, model, "input_example")
        if rows is None:
            ordered = _ordered(signature.features, example)
            columns = zip(signature.features, ordered, strict=True)
            rows = {name: raw.values[:_ASKED_ROWS] for name, raw in columns}
        else:
            rows = rows[:_ASKED_ROWS]
        table = signature.validate(rows)
        if not len(table):
            return None
        try:
            return model.predict(signature.input_for(model)(table))
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            text = str(error).partition("\n")[0].rstrip(".")
            raise Invalid(f"the model cannot answer the input_example: {text}.") from error

    return ask


def infer_signature(
    model: Any, example: Any = None, training: Any = None, *, answers: Any = None
) -> Signature:
    """Return the signature of a fitted model.

    Args:
        model: Fitted; what it tells of itself counts most.
        example: A few rows, in any form that `Signature.validate` takes. Names and types come
            from it where there is no training data.
        training: The data that it was fitted on: ranges, quantiles and categories come from it.
        answers: What the model answers to some rows, if that is known already. A model that does
            not tell what it answers is asked for the first rows of the example otherwise.

    Raises:
        Invalid: neither the model nor the data tells the features, or they disagree; a column
            holds values of several types; or the model cannot answer the example.
    """
    shown, trained = given(example), given(training)
    source, what = (shown, "input_example") if trained is None else (trained, "training data")
    array = None if source is None else _as_tensor(source, model, what)
    if array is not None:
        inputs = Signature(tensor=_tensor(model, array, trained=trained is not None))
    else:
        named = shown if source is None or source.names is None else source
        names = _names(model, named or source, "input_example" if named is shown else what)
        _check_fits(names, trained, "training data")
        _check_fits(names, shown, "input_example")
        columns = _columns(model, names, shown, trained)
        told = hasattr(model, "n_features_in_") or hasattr(model, "feature_names_in_")
        framed = not told and source is not None and source.framed
        framed = framed or hasattr(model, "feature_names_in_")
        inputs = Signature(columns, framed=framed)
    ask = None
    if answers is not None:
        ask = lambda: answers  # noqa: E731
    elif shown is not None:
        ask = _asking(inputs, model, shown)
    return replace(inputs, outputs=outputs_of(model, ask))
