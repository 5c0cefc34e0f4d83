"""Predicting over whole files, larger than memory too: a table in, a table of answers out.

    done = predict_file(model, signature, Path("in.csv"), Path("out.parquet"), probabilities=True)
    done.rows

The answers have a column `prediction` (`prediction_0`, `prediction_1`, ... where a model answers
with several values) and, if they are wanted, a column `probability_<class>` for each class. The
result appears when it is whole.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid
from lite_mlops.models import Asking, InvalidRows, Signature
from lite_mlops.serving.files import READ, WRITTEN, Batch, format_of, load
from lite_mlops.settings import Settings
from lite_mlops.store import Scratch, scratch_database

_TYPES = {"boolean": "BOOLEAN", "integer": "BIGINT", "float": "DOUBLE", "text": "VARCHAR"}
_KINDS = {"b": "boolean", "i": "integer", "u": "integer", "f": "float"}

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Predicted:
    """What was written: the file, its rows, and its columns in order."""

    path: Path
    rows: int
    columns: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"path": str(self.path), "rows": self.rows, "columns": list(self.columns)}


# -- answers as columns -------------------------------------------------------------------------


def _plain(values: NDArray[Any]) -> tuple[str, NDArray[Any]]:
    """Return a column of answers in one of the four types, and which it is."""
    if values.dtype.kind == "O":
        listed = values.tolist()
        types = {type(one) for one in listed}
        if not types <= {str, type(None)}:
            try:
                numbers = np.array(listed)
            except ValueError:  # lists of several lengths
                numbers = values
            if numbers.ndim == 1 and numbers.dtype.kind in _KINDS:
                return _plain(numbers)
            listed = [None if one is None else str(one) for one in listed]
        made = np.empty(len(listed), object)
        made[:] = listed
        return "text", made
    if values.dtype.kind in _KINDS:
        kind = _KINDS[values.dtype.kind]
        if kind == "float":
            return kind, values.astype(np.float64, copy=False)
        return kind, values
    return "text", np.array(list(map(str, values.tolist())), object)


class _Answers:
    """The table `answers`, which grows batch by batch; its columns are a0, a1, ..."""

    def __init__(self, database: Scratch, names: Sequence[str], kinds: Sequence[str]) -> None:
        self._database = database
        self._kinds = list(kinds)
        self.names = list(names)
        columns = ", ".join(f"a{place} {_TYPES[kind]}" for place, kind in enumerate(kinds))
        database.run(f"CREATE TABLE answers ({columns})")

    def add(self, columns: Sequence[NDArray[Any]]) -> None:
        """Append the answers to a batch; a type that does not fit any more becomes a wider one."""
        shown = {}
        for place, (kind, values) in enumerate(map(_plain, columns)):
            if kind != self._kinds[place]:
                self._widen(place, kind)
            if self._kinds[place] == "text" and kind != "text":
                _, values = _plain(np.array(list(map(str, values.tolist())), object))
            shown[f"a{place}"] = values
        self._database.show("shown", shown)
        self._database.run("INSERT INTO answers FROM shown")

    def _widen(self, place: int, kind: str) -> None:
        both = {kind, self._kinds[place]}
        wider = "float" if both == {"integer", "float"} else "text"
        if wider != self._kinds[place]:
            self._kinds[place] = wider
            self._database.run(f"ALTER TABLE answers ALTER a{place} TYPE {_TYPES[wider]}")


def _columns(predicted: NDArray[Any]) -> list[NDArray[Any]]:
    if predicted.ndim == 1:
        return [predicted]
    flat = predicted.reshape(len(predicted), -1)
    return [flat[:, place] for place in range(flat.shape[1])]


def _names(count: int) -> list[str]:
    return ["prediction"] if count == 1 else [f"prediction_{place}" for place in range(count)]


def _kind_of(type_name: str) -> str:
    return type_name if type_name in _TYPES else "text"


class _Predicting:
    """The model, asked batch by batch."""

    def __init__(self, asking: Asking, database: Scratch, source: str, *, wanted: bool) -> None:
        self._asking = asking
        self._database = database
        self._source = source
        self._probabilities = wanted
        self._classes = [f"probability_{label}" for label in asking.signature.classes]
        if wanted and not (self._classes and hasattr(asking.model, "predict_proba")):
            raise Invalid("this model has no probabilities.")

    def empty(self) -> _Answers:
        """Return the answers to no rows, of the types that the signature says."""
        kinds = [_kind_of(output.type) for output in self._asking.signature.outputs] or ["float"]
        return self._table(len(kinds), kinds)

    def _table(self, count: int, kinds: Sequence[str]) -> _Answers:
        names = [*_names(count), *(self._classes if self._probabilities else ())]
        further = ["float"] * (len(names) - count)
        return _Answers(self._database, names, [*kinds, *further])

    def answer(self, batch: Batch, answers: _Answers | None) -> _Answers:
        """Answer a batch and return the table of the answers, which the first one makes.

        Raises:
            InvalidRows: names the rows of the file, counted from 1.
            Invalid: says why the model cannot answer.
        """
        signature = self._asking.signature
        rows: Any = batch.columns
        if signature.tensor is not None:
            (rows,) = batch.columns.values()
        try:
            table = signature.validate(rows, ignore_unknown=True)
        except InvalidRows as error:
            raise _numbered(error, batch.start, self._source) from None
        found = self._asking.ask_checked(table)
        if len(found.predicted) != len(table):
            raise Invalid(
                f"the model gave {len(found.predicted):,} answers to {len(table):,} rows."
            )
        columns = _columns(found.predicted)
        count = len(columns)
        if self._probabilities:
            assert found.probabilities is not None
            columns += _columns(found.probabilities)
        if answers is None:
            answers = self._table(count, [_plain(column)[0] for column in columns[:count]])
        answers.add(columns)
        return answers


class _NumberedRows(InvalidRows):
    """Rows of a file that do not fit; they are counted from 1, without a line of names."""

    def __init__(self, error: InvalidRows, start: int, source: str) -> None:
        moved = tuple(
            one if one.row is None else replace(one, row=one.row + start + 1)
            for one in error.problems
        )
        super().__init__(moved, error.count)
        counted = "" if all(one.row is None for one in moved) else " (rows count from 1)"
        self.args = (f"{source}{counted}: {self.args[0]}",)


def _numbered(error: InvalidRows, start: int, source: str) -> InvalidRows:
    return _NumberedRows(error, start, source)


# -- files --------------------------------------------------------------------------------------


def _check_names(names: Sequence[str]) -> None:
    """Do nothing if these can be the columns of one table. Raises `Invalid`."""
    folded: dict[str, str] = {}
    for name in names:
        if name.lower() in folded:
            raise Invalid(
                f"two columns of the result would be called {folded[name.lower()]!r} and {name!r}; "
                "leave one out."
            )
        folded[name.lower()] = name


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _selected(kept: Sequence[str], answers: Sequence[str]) -> str:
    chosen = [f"k{place} AS {_quoted(name)}" for place, name in enumerate(kept)]
    chosen += [f"a{place} AS {_quoted(name)}" for place, name in enumerate(answers)]
    tables = "loaded POSITIONAL JOIN answers" if kept else "answers"
    return f"SELECT {', '.join(chosen)} FROM {tables}"  # noqa: S608


@contextmanager
def _place_beside(path: Path) -> Any:
    """Yield a folder of the moment beside `path`, on the same disk. Raises `Invalid`."""
    try:
        folder = tempfile.TemporaryDirectory(prefix=".predict-", dir=path.absolute().parent)
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror}.") from None
    with folder as name:
        yield Path(name)


def predict_file(
    model: Any,
    signature: Signature,
    source: Path,
    target: Path,
    *,
    form: str | None = None,
    written: str | None = None,
    probabilities: bool = False,
    keep: Sequence[str] | None = (),
    settings: Settings | None = None,
    called: str | None = None,
    progress: Progress = lambda done, rows: None,  # noqa: ARG005
) -> Predicted:
    """Answer every row of a file, in order, and write the answers to another file.

    Args:
        model: A loaded model.
        signature: What it takes.
        source: A CSV, Parquet or JSON lines file with at least the columns that the model takes.
        target: Where the answers are written, in the format of its ending; a file that is there is
            replaced at the end.
        form: The format of `source` (csv, parquet, jsonl), where its name does not tell.
        written: The format of `target`, likewise.
        probabilities: Also write the probability of each class.
        keep: Columns of the file to write before the answers; None: all of them.
        settings: Those of a project, such as the memory of the database; None: as by default.
        called: What errors call the file that is read; None: its path.
        progress: Is told how many rows are answered, and how many there are.

    Raises:
        InvalidRows: names the rows of the file, the column and the value; nothing was written.
        Invalid: a file cannot be used, or the model cannot answer; nothing was written.
    """
    form = form or format_of(source, READ)
    written = written or format_of(target, WRITTEN)
    if not source.is_file():
        raise Invalid(f"There is no file {str(source)!r}.")
    if target.exists() and not target.is_file():
        raise Invalid(f"{target} is no plain file that could be replaced.")
    if target.exists() and source.samefile(target):
        raise Invalid(f"{target} is the file that is read; write the answers to another one.")
    called = called or str(source)
    with _place_beside(target) as folder:
        aside = folder / "answers"
        scratch: AbstractContextManager[Scratch] = scratch_database(
            settings or Settings(), folder, called, [source, aside]
        )
        with scratch as database:
            asking = Asking(model, signature)
            predicting = _Predicting(asking, database, called, wanted=probabilities)
            rows = load(database, source, form, signature, keep=keep, to=written, called=called)
            answers: _Answers | None = None
            done = 0
            progress(0, rows.count)
            for batch in rows.batches():
                first = answers is None
                answers = predicting.answer(batch, answers)
                if first:
                    _check_names((*rows.kept, *answers.names))
                done = min(rows.count, batch.start + rows.size)
                progress(done, rows.count)
            if answers is None:
                answers = predicting.empty()
                _check_names((*rows.kept, *answers.names))
            database.write(_selected(rows.kept, answers.names), aside, written)
        os.replace(aside, target)
    return Predicted(target, rows.count, (*rows.kept, *answers.names))
