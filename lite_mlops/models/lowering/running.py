"""Running: a plan answers rows; NumPy is all that it needs.

running = Running(Plan.from_bytes(data))
running.answer(table)             # what is predicted, and the probabilities
running.predict(table), running.predict_proba(table), running.decision_function(table)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.answering import Answers
from lite_mlops.models.lowering import families  # noqa: F401
from lite_mlops.models.lowering.parts import Answering, Both, Frame, Unsure, alone_of
from lite_mlops.models.lowering.plan import BadPlan, Plan, Value, compiled, op
from lite_mlops.models.signature import Table

_ALONE_COLUMNS = 64  # of a single row, up to which plain values are quicker than NumPy


@op("any")
def _any() -> None:
    return None


@op("among", labels=Value("texts"))
def _among(labels: list[str]) -> frozenset[str]:
    return frozenset(labels)


@op(
    "rows",
    form=Value("text", ("matrix", "frame")),
    types=Value("texts", optional=True),
    categories=Value("nodes", optional=True),
    missing=Value("text", ("none", "nan"), optional=True),
)
def _rows(
    form: str,
    types: list[str],
    categories: list[frozenset[str] | None] | None,
    missing: str | None,
) -> Callable[[Table], Any]:
    if form == "matrix":
        return Table.matrix
    frame = _frame(types, categories, missing)
    return Both(frame, _alone(categories) if len(types) <= _ALONE_COLUMNS else None)


def _alone(categories: list[frozenset[str] | None] | None) -> Callable[[Table], list[Any]]:
    """Return what gives the plain values of a table of a single row."""
    known = [(place, among) for place, among in enumerate(categories or ()) if among is not None]

    def alone(table: Table) -> list[Any]:
        values = table.known_row
        if values is None or None in values:
            matrix = table.known_matrix
            if matrix is not None:
                return list(matrix[0].tolist())
            row = [array.item() for array in table.arrays]
        else:
            row = list(map(float, values) if table.signature.numeric else values)
        if known and not all(row[place] in among for place, among in known):
            raise Unsure
        return row

    return alone


def _frame(
    types: list[str], categories: list[frozenset[str] | None] | None, missing: str | None
) -> Callable[[Table], Frame]:
    if all(kind == "float" for kind in types):

        def floats(table: Table) -> Frame:
            return Frame(table.arrays, table.rows, table.known_matrix)

        return floats
    texts = [place for place, kind in enumerate(types) if kind == "text"]
    if not texts:
        return lambda table: Frame(table.arrays, table.rows)
    known = categories or [None] * len(types)
    chosen = [(place, known[place]) for place in texts]
    nan = float("nan")

    def mixed(table: Table) -> Frame:
        arrays = list(table.arrays)
        for place, among in chosen:
            values = arrays[place].tolist()
            if among is not None:  # a categorical: what is not among them is missing
                arrays[place] = _objects([one if one in among else nan for one in values])
            elif missing == "nan" and None in values and any(one is not None for one in values):
                arrays[place] = _objects([nan if one is None else one for one in values])
        return Frame(arrays, table.rows)

    return mixed


def _objects(values: list[Any]) -> NDArray[Any]:
    made = np.empty(len(values), object)
    made[:] = values
    return made


@op("answer", rows=Value("node"), model=Value("node"))
def _answer(rows: Callable[[Table], Any], model: Any) -> tuple[Callable[[Table], Any], Answering]:
    if not isinstance(model, Answering):
        raise ValueError("it answers nothing")
    return rows, model


def _through(first: Any, second: Any) -> Callable[[Table], Any] | None:
    if first is None or second is None:
        return None
    return lambda table: second(first(table))


class Running:
    """A plan, compiled.

    Raises:
        BadPlan: it cannot be run.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        made = compiled(plan)
        if not isinstance(made, tuple):
            raise BadPlan("it takes no rows")
        self._rows: Callable[[Table], Any] = made[0]
        self._model: Answering = made[1]
        self._alone = _through(alone_of(self._rows), self._model.alone)

    def raw(self, table: Table) -> Any:
        """Return the scores of rows, from which all answers follow."""
        with np.errstate(all="ignore"):
            return self._raw(table)

    def _raw(self, table: Table) -> Any:
        if table.rows == 1 and self._alone is not None:
            try:
                return self._alone(table)
            except (Unsure, TypeError, OverflowError):  # such as a value that is missing
                pass
        return self._model.raw(self._rows(table))

    def predict(self, table: Table) -> NDArray[Any]:
        """Return what `predict` of the model returns. Raises `ValueError` as it does."""
        with np.errstate(all="ignore"):
            return self._model.predict(self._raw(table))

    @property
    def has_probabilities(self) -> bool:
        """Whether it has a probability for each class."""
        return self._model.proba is not None

    @property
    def has_decision(self) -> bool:
        """Whether it has a decision function."""
        return self._model.decision is not None

    def predict_proba(self, table: Table) -> NDArray[Any]:
        """Return what `predict_proba` of the model returns. Raises `ValueError` as it does."""
        with np.errstate(all="ignore"):
            assert self._model.proba is not None
            return self._model.proba(self._raw(table))

    def decision_function(self, table: Table) -> NDArray[Any]:
        """Return what `decision_function` of the model returns. Raises `ValueError` as it does."""
        with np.errstate(all="ignore"):
            assert self._model.decision is not None
            return self._model.decision(self._raw(table))

    def answer(self, table: Table, *, probabilities: bool) -> Answers:
        """Return both at once, from the same scores. Raises `ValueError`."""
        model = self._model
        with np.errstate(all="ignore"):
            raw = self._raw(table)
            found = model.predict(raw)
            if not probabilities or model.proba is None:
                return Answers(found, None)
            return Answers(found, model.proba(raw))
