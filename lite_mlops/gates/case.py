"""A case: a candidate before a gate, the version it may replace, and the data both are asked on.

    case = Case(store, gate, candidate, current, data="holdout@latest")
    case.sample.labels, case.sample.candidate.predicted, case.sample.current

Everything is looked up when a check needs it, once. Models are asked as a server would ask them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data import Columns, Datasets, typed
from lite_mlops.errors import Damaged, Denied, Invalid, NotFound
from lite_mlops.gates.conditions import column_of
from lite_mlops.gates.definition import Gate
from lite_mlops.models import (
    Answers,
    Asking,
    Example,
    Models,
    ModelVersion,
    Signature,
    Table,
    data_path,
    open_asking,
)
from lite_mlops.store import Store
from lite_mlops.tracking import Evaluation, evaluation

MAX_GROUPS = 50  # values of a column, each of which makes a group

Rows = NDArray[np.bool_]
Array = NDArray[Any]


class Unanswered(Invalid):
    """The candidate cannot answer what it is asked, or cannot be loaded: it fails the check."""


@dataclass(frozen=True, eq=False)
class Answered:
    """What a version answers to some rows.

    Attributes:
        predicted: One value a row.
        scores: Shape (rows, classes); None of a model without probabilities.
        classes: What the columns of the scores are of.
    """

    predicted: Array
    scores: NDArray[np.float64] | None
    classes: tuple[Any, ...]

    def score_of(self, positive: Any) -> NDArray[np.float64] | None:
        """Return the probability of a class; of numbers, the answers; None if there is neither."""
        if self.scores is None or self.scores.ndim != 2:
            numbers = self.predicted.dtype.kind in "iuf"
            return self.predicted.astype(np.float64) if numbers and not self.classes else None
        if positive is None:
            positive = last_of(self.classes)
        if positive not in self.classes:
            known = ", ".join(map(repr, self.classes))
            raise Invalid(f"positive = {positive!r} is no class of the model; it has {known}.")
        return self.scores[:, self.classes.index(positive)]

    def part(self, rows: Rows) -> Answered:
        """Return the answers to some of the rows."""
        scores = None if self.scores is None else self.scores[rows]
        return Answered(self.predicted[rows], scores, self.classes)


def last_of(classes: tuple[Any, ...]) -> Any:
    """Return the class that sorts last, which counts as positive unless another is named."""
    return max(classes) if classes else None


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows with their true answers, and what both versions answer to them.

    Attributes:
        columns: The whole table, also columns that are no features.
        labels: The true answers.
        candidate: What the candidate answers.
        current: What the version answers that it may replace; None: there is none.
        unlabelled: Rows that were left out, because their answer is missing.
        why_alone: Why `current` is None although there is such a version.
    """

    columns: Columns
    labels: Array
    candidate: Answered
    current: Answered | None
    unlabelled: int = 0
    why_alone: str | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, rows: Rows) -> Sample:
        """Return some of the rows."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        current = None if self.current is None else self.current.part(rows)
        return Sample(
            columns,
            self.labels[rows],
            self.candidate.part(rows),
            current,
            self.unlabelled,
            self.why_alone,
        )

    def groups(self, column: str) -> dict[str, Rows]:
        """Return which rows have which value of a column; those where it is missing in none.

        Raises:
            NotFound: there is no such column.
            Invalid: it has more than 50 values.
        """
        found = typed(column_of(self.columns, column))
        values = np.unique(found.present)
        if len(values) > MAX_GROUPS:
            raise Invalid(
                f"{column!r} has {len(values):,} values; groups are made of at most {MAX_GROUPS}. "
                "Use `where` with a range."
            )
        return {str(one): (found.values == one) & ~found.missing for one in values.tolist()}

    def evaluation(self, of: Answered) -> Evaluation:
        """Return labels, answers and scores as they are compared. Raises `Invalid`."""
        scores = None
        if len(of.classes) == 2 and of.scores is not None:
            scores = of.score_of(None)
        two = len(np.unique(_plain(self.labels))) <= 2
        return evaluation(_plain(self.labels), _plain(of.predicted), scores if two else None)


def _plain(values: Array) -> Any:
    """Return objects as a list, so that what they are is seen; other arrays as they are."""
    return values.tolist() if values.dtype == object else values


def asked(asking: Asking, table: Table) -> Answers:
    """Return what a model answers to rows that were validated.

    Raises:
        Invalid: it cannot answer them, whatever it raised: a model is code of somebody else.
    """
    try:
        return asking.ask_checked(table)
    except Invalid:
        raise
    except Exception as error:
        raise Invalid(f"the model raised {type(error).__name__}: {error}.") from error


def ask(asking: Asking, rows: Any, whose: str) -> Answered:
    """Return what a version answers to rows or columns, of which further ones are ignored.

    Raises:
        Invalid: the rows do not fit, or it cannot answer them.
    """
    table = (
        rows if isinstance(rows, Table) else asking.signature.validate(rows, ignore_unknown=True)
    )
    predicted, scores = asked(asking, table)
    if predicted.ndim == 2 and predicted.shape[1] == 1:
        predicted = predicted[:, 0]
    if predicted.ndim != 1:
        raise Invalid(f"{whose} answers with several values for a row, which are not compared.")
    if len(predicted) != len(table):
        raise Invalid(f"{whose} gave {len(predicted):,} answers to {len(table):,} rows.")
    return Answered(predicted, scores, asking.signature.classes)


class Case:
    """What a gate judges; each part is looked up when it is first needed.

    Args:
        store: The store of the project.
        gate: What is asked of the candidate.
        candidate: The version that is to get the alias.
        current: The version that has it; None: none.
        data: What both are asked on: a table, a file, or a version as NAME@VERSION; None: what the
            gate names.
        replay: The window of recorded requests; None: what the gate names.
        seed: Of everything that is drawn at random.
    """

    def __init__(
        self,
        store: Store,
        gate: Gate,
        candidate: ModelVersion,
        current: ModelVersion | None,
        *,
        data: Any = None,
        replay: str | None = None,
        seed: int = 0,
    ) -> None:
        self.store = store
        self.models = Models(store)
        self.datasets = Datasets(store)
        self.gate = gate
        self.candidate = candidate
        self.current = current
        self.replay = replay or gate.replay
        self.seed = seed
        named = gate.requirement.data
        self.data_name: str | None = named
        if data is not None:
            self.data_name = str(data) if isinstance(data, str | Path) else type(data).__name__
        elif named is not None:
            data = named if "@" in named else str(data_path(store, named))
        self._data = str(data) if isinstance(data, Path) else data
        if isinstance(data, str) and "@" in data and not Path(data).expanduser().is_file():
            # From now on it is this version, also if another one becomes the latest meanwhile.
            version = self.datasets.get(data)
            self._data = f"{version.name}@{version.sha256}"

    # -- the models -----------------------------------------------------------------------------

    @cached_property
    def asking(self) -> Asking:
        """The candidate, loaded as a server loads it. Raises `Unanswered`."""
        return self._opened(self.candidate)

    @cached_property
    def asking_current(self) -> Asking | None:
        """The version that it may replace. Raises `Damaged`, `Denied`."""
        return None if self.current is None else self._opened(self.current)

    def _opened(self, version: ModelVersion) -> Asking:
        return open_asking(self.store, version, self.models.plan_of(version))

    @property
    def signature(self) -> Signature:
        """What the candidate takes and answers."""
        return self.candidate.signature

    def answers(self, rows: Any) -> Answered:
        """Return what the candidate answers. Raises `Unanswered`."""
        try:
            return ask(self.asking, rows, self.candidate.name)
        except Invalid as error:
            raise Unanswered(f"{self.candidate.name} cannot answer the data: {error}") from None

    # -- the data -------------------------------------------------------------------------------

    @cached_property
    def columns(self) -> Columns:
        """The data as columns. Raises `NotFound` if there is none."""
        if self._data is None:
            raise NotFound(
                "there is no data to ask the models on; name it with --data, or as `data` of the "
                "gate."
            )
        return self.datasets.columns(self._data)

    @cached_property
    def data_sha256(self) -> str | None:
        """The hash of the content of the data; None: there is none. Raises as `columns`."""
        if self._data is None:
            return None
        version = isinstance(self._data, str) and "@" in self._data
        # Of a file that is read, what was read is meant, whatever stands there by now.
        return self.datasets.fingerprint(self._data if version else self.columns)

    @property
    def rows(self) -> int:
        """The rows of the data, as far as a check has looked at it."""
        found = self.__dict__.get("columns")
        return len(next(iter(found.values()), ())) if found else 0

    @cached_property
    def label(self) -> str:
        """The column of the data that holds the true answers. Raises `Invalid`."""
        if self.gate.label is not None:
            column_of(self.columns, self.gate.label)
            return self.gate.label
        others = [name for name in self.columns if name not in self.signature.features]
        if len(others) == 1:
            return others[0]
        raise Invalid(
            f"which column holds the true answers is not clear: {', '.join(others) or 'none'} of "
            "the data are no features. Say it by `label` of the gate."
        )

    @cached_property
    def sample(self) -> Sample:
        """The rows with a true answer, and what both versions answer to them.

        Raises:
            Unanswered: the candidate cannot answer them.
            Invalid, NotFound: there is no data, or no label.
        """
        columns, label = self.columns, self.label
        missing = typed(columns[label]).missing
        if missing.any():
            columns = {name: column[~missing] for name, column in columns.items()}
        if not len(columns[label]):
            raise Invalid("the data has no rows with a true answer.")
        current, why = None, None
        if self.current is not None:
            try:
                assert self.asking_current is not None
                current = ask(self.asking_current, columns, self.current.name)
            except (Invalid, Damaged, Denied) as error:
                why = f"{self.current.name} cannot answer the data: {error}"
        return Sample(
            columns,
            columns[label],
            self.answers(columns),
            current,
            int(missing.sum()),
            why,
        )

    def example_columns(self, rows: str | None) -> Mapping[str, Any] | list[Any]:
        """Return rows to ask on: those that are named, else the data, else the input example.

        Raises:
            NotFound: there are none.
        """
        if rows is not None:
            path = rows if "@" in rows else str(data_path(self.store, rows))
            return self.datasets.columns(path)
        if self._data is not None:
            return self.columns
        example = self._example()
        if example is None:
            raise NotFound(
                f"there are no rows to ask on: neither `rows` nor data is named, and "
                f"{self.candidate.name} has no input example."
            )
        return example.records()

    def _example(self) -> Example | None:
        if self.candidate.example is None:
            return None
        data = self.store.objects.read(self.candidate.example, "the input example")
        return Example.from_bytes(data)

    def feature_columns(self, rows: str | None) -> Columns:
        """Return the features of the rows to ask on, as columns that can be changed.

        Raises:
            Unanswered: they are not what the candidate takes.
            Invalid: it takes no columns.
            NotFound: there are none.
        """
        if not self.signature.columns:
            raise Invalid(f"{self.candidate.name} takes no columns that could be changed.")
        given = self.example_columns(rows)
        try:
            table = self.signature.validate(given, ignore_unknown=True)
        except Invalid as error:
            raise Unanswered(f"{self.candidate.name} cannot answer the data: {error}") from None
        return dict(zip(self.signature.features, table.arrays, strict=True))
