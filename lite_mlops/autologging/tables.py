"""The training data of a fit as one table, of which a dataset version is recorded. Pure functions.

    columns = table_of(training)        # {"age": ..., "pulse": ..., "sick": ...}

A sparse matrix is one column: of each row the bytes of what is not zero, as pairs of column number
and value in the order of the columns. Duplicates are added up and stored zeros left out, so that
equal matrices are equal data however they are held: `"1000 sparse columns of float64"`.
"""

from __future__ import annotations

from itertools import pairwise
from sys import getsizeof
from typing import Any

import numpy as np

from lite_mlops.autologging.training import Training
from lite_mlops.data import as_columns
from lite_mlops.errors import Invalid

# What hashing and profiling takes, in seconds per value; cautious.
_NUMBER_SECONDS, _OBJECT_SECONDS = 4e-7, 3e-6
_EXAMPLE_ROWS = 5
_EXAMPLE_COLUMNS = 1_000

Columns = dict[str, np.ndarray[Any, Any]]


def _is_numeric(kind: Any) -> bool:
    """Return whether a type of NumPy, pandas or polars is one of numbers."""
    if hasattr(kind, "is_numeric"):
        return bool(kind.is_numeric())
    return getattr(kind, "kind", "O") in "biuf"


def seconds_for(training: Training) -> float:
    """Return how long recording a version of the data may take."""
    data = training.data
    if hasattr(data, "tocsr"):
        return float(training.rows * _OBJECT_SECONDS + data.nnz * _NUMBER_SECONDS)
    kinds = getattr(data, "dtypes", None)
    kinds = [getattr(data, "dtype", object)] if kinds is None else list(kinds)
    numeric = all(_is_numeric(kind) for kind in kinds)
    values = training.rows * (training.columns + 1)
    return values * (_NUMBER_SECONDS if numeric else _OBJECT_SECONDS)


def table_of(training: Training) -> Columns | None:
    """Return data and target as the columns of one table; None if they are no table."""
    data, target = training.data, training.target
    try:
        table = dict(sparse_columns(data) if hasattr(data, "tocsr") else as_columns(data))
        targets = {} if target is None else _targets(target)
    except Invalid:  # a picture in each row, for one
        return None
    for name, column in targets.items():
        table[f"{name} (target)" if name in table else name] = column
    return table


def size_of(columns: Columns) -> int:
    """Return how many bytes columns take in memory."""
    return sum(
        sum(map(getsizeof, column.tolist())) if column.dtype == object else column.nbytes
        for column in columns.values()
    )


def example_of(training: Training) -> dict[str, list[Any]] | None:
    """Return the first rows of the data as columns; None if it is no table, or a very wide one."""
    if not training.rows or training.columns > _EXAMPLE_COLUMNS:
        return None
    head = training.data[:_EXAMPLE_ROWS]
    try:
        table = as_columns(head.toarray() if hasattr(head, "toarray") else head)
    except Invalid:  # a text or picture in each row, for one
        return None
    return {name: column.tolist() for name, column in table.items()}


def head_of(training: Training) -> Any:
    """Return what names the features of a model: the top of a frame, or nothing."""
    return training.data[:_EXAMPLE_ROWS] if hasattr(training.data, "columns") else None


def _targets(target: Any) -> Columns:
    """Return the targets as columns with names."""
    if np.ndim(target) == 1:
        return dict(as_columns({str(getattr(target, "name", None) or "y"): target}))
    columns = as_columns(target)
    if hasattr(target, "columns"):
        return dict(columns)
    return {f"y{number}": column for number, column in enumerate(columns.values())}


def sparse_columns(matrix: Any) -> Columns:
    """Return a sparse matrix of real numbers as one column of bytes. Raises `Invalid`."""
    if matrix.dtype.kind not in "biuf":
        raise Invalid(f"a sparse matrix of {matrix.dtype} is no table of numbers.")
    rows = matrix.tocsr(copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    kind = np.dtype("<f8" if matrix.dtype.kind == "f" else "<i8")
    entries = np.empty(len(rows.data), [("column", "<i8"), ("value", kind)])
    entries["column"] = rows.indices
    entries["value"] = np.where(rows.data == rows.data, rows.data, np.nan)  # NaN of the same bits
    whole, ends = entries.tobytes(), (rows.indptr.astype(np.int64) * entries.itemsize).tolist()
    texts = (whole[start:end] for start, end in pairwise(ends))
    name = f"{matrix.shape[1]} sparse columns of {kind.name}"
    return {name: np.fromiter(texts, object, matrix.shape[0])}
