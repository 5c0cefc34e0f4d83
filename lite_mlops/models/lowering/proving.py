"""Proving: a plan is accepted after it reproduced the model on rows that try to tell them apart.

plan, proof = prove(model, plan, lowering, signature, example)
proof.exact, proof.rows, proof.refused     # "bits", how many rows, how many that neither takes

What is asked: the kept example; rows drawn from the quantiles and categories of the training data,
with ties, zeros of both signs, extreme magnitudes, and missing and unseen values; and for trees
each threshold with its neighbours in float32 and in float64, for centers what is equally near to
two. In batches of 1 to 300 rows, because
sums of several rows are made in another order than that of one.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid
from lite_mlops.models.examples import Example
from lite_mlops.models.lowering.parts import Aim, Answering, Lowering, NotLowered, parts_of
from lite_mlops.models.lowering.plan import BadPlan, Exactness, Plan, compiled
from lite_mlops.models.lowering.running import Running
from lite_mlops.models.signature import Column, Signature, Table

SECONDS = 8.0  # a proof that takes longer is given up
_BATCHES = ((1, 12), (2, 4), (7, 3), (64, 2), (300, 2))  # rows, and how often
_AIMED_ROWS, _MOST_AIMED, _AIMED_ALONE = 300, 12_000, 30
_METHODS = ("predict", "predict_proba", "decision_function")

Outcome = NDArray[Any] | None  # None: the rows are refused


@dataclass(frozen=True)
class Proof:
    """What was asked of both, and how near the answers were.

    Attributes:
        exact: The same bits, or within one unit in the last place.
        rows: How many rows were answered by both, or refused by both.
        refused: How many of them were refused.
    """

    exact: Exactness
    rows: int
    refused: int


def prove(
    model: Any,
    plan: Plan,
    lowering: Lowering,
    signature: Signature,
    example: Example | None = None,
    *,
    seconds: float | None = SECONDS,
    seed: int = 0,
    times: int = 1,
) -> tuple[Plan, Proof]:
    """Return the plan with how exact it is, after it answered as the model does.

    Args:
        model: The model that the plan was made of.
        plan: The plan, which is read back from its bytes.
        lowering: What was met when it was made.
        signature: What the model takes.
        example: The rows that are kept with it.
        seconds: After so many it is given up; None: never.
        seed: Of the rows that are drawn.
        times: How many times as many rows are drawn.

    Raises:
        NotLowered: an answer differs, or it takes too long.
    """
    running = Running(Plan.from_bytes(plan.to_bytes()))
    model = getattr(model, "best_estimator_", model)
    asked = _Asked(model, signature.input_for(model), running, seconds)
    with one_job(model), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for aim in lowering.aims:
            asked.aimed(aim, plan, seed)
        if example is not None:
            asked.example(example, signature)
        for table in _tables(signature, np.random.default_rng(seed), times):
            asked.table(table)
    if asked.answered == 0:
        raise NotLowered("the model", "it answered none of the rows that were tried")
    exact: Exactness = "bits" if asked.apart == 0 else "1 ulp"
    rows = asked.answered + asked.refused
    return replace(plan, exact=exact), Proof(exact, rows, asked.refused)


class _Asked:
    """Asks a model and its plan the same, and compares."""

    def __init__(self, model: Any, taken: Any, running: Running, seconds: float | None) -> None:
        self._model, self._taken, self._running = model, taken, running
        self._until = None if seconds is None else time.monotonic() + seconds
        self.answered = self.refused = self.apart = 0
        has = {
            "predict": True,
            "predict_proba": running.has_probabilities,
            "decision_function": running.has_decision,
        }
        for name in _METHODS:
            if hasattr(model, name) and not has[name]:
                raise NotLowered("the model", f"its {name} is not lowered")
        self._methods = [name for name in _METHODS if hasattr(model, name)]

    def table(self, table: Table) -> None:
        """Compare the answers to some rows. Raises `NotLowered`."""
        if self._until is not None and time.monotonic() > self._until:
            raise NotLowered("the model", "the proof takes too long; `models lower` takes its time")
        refused = False
        for name in self._methods:
            expected = _outcome(lambda name=name: getattr(self._model, name)(self._taken(table)))
            found = _outcome(lambda name=name: getattr(self._running, name)(table))
            refused = self._compare(name, expected, found, table.rows) is None
        self._count(table.rows, refused=refused)

    def _count(self, rows: int, *, refused: bool) -> None:
        self.refused += rows * refused
        self.answered += rows * (not refused)

    def _compare(self, name: str, expected: Outcome, found: Outcome, rows: int) -> Outcome:
        where = f"{name} of {rows} row{'s' if rows > 1 else ''}"
        if (expected is None) != (found is None):
            said = "refuses what the model answers" if found is None else "answers what it refuses"
            raise NotLowered("the model", f"in {where} the plan {said}")
        if expected is None or found is None:
            return None
        apart = distance(expected, found)
        if apart is None or apart > 1:
            how = "" if apart is None else f", {apart:,} units in the last place apart"
            raise NotLowered("the model", f"the plan answers otherwise in {where}{how}")
        self.apart = max(self.apart, apart)
        return expected

    def example(self, example: Example, signature: Signature) -> None:
        """Compare the answers to the kept rows, together and alone."""
        try:
            table = signature.validate(example.records())
        except Invalid:  # rows that only show what is meant
            return
        self.table(table)
        for start in range(min(5, table.rows)):
            self.table(table.part(start, start + 1))

    def aimed(self, aim: Aim, plan: Plan, seed: int) -> None:
        """Compare a part alone, on its thresholds and the neighbours, or on its rows."""
        made = compiled(Plan({"op": "chain", "steps": [aim.node]}, plan.arrays))
        if not isinstance(made, Answering):
            raise BadPlan("a part of it answers nothing")
        if aim.rows is not None:
            for start in range(0, len(aim.rows), _AIMED_ROWS):
                self._aimed_rows(aim.estimator, made, aim.rows[start : start + _AIMED_ROWS])
            for place in range(min(len(aim.rows), _AIMED_ALONE)):
                self._aimed_rows(aim.estimator, made, aim.rows[place : place + 1])
            return
        features = int(aim.estimator.n_features_in_)
        rng = np.random.default_rng(seed)
        pools = [_around(aim.thresholds.get(place)) for place in range(features)]
        longest = min(max(map(len, pools)), _MOST_AIMED)
        for start in range(0, longest, _AIMED_ROWS):
            rows = min(_AIMED_ROWS, longest - start)
            matrix = np.empty((rows, features))
            for place, pool in enumerate(pools):
                at = (start + np.arange(rows)) % len(pool)
                drawn = rng.integers(0, len(pool), rows)
                # Half of the values come in order, so that each is met; the others lead elsewhere.
                matrix[:, place] = pool[np.where(rng.random(rows) < 0.5, at, drawn)]
            self._aimed_rows(aim.estimator, made, matrix)

    def _aimed_rows(self, estimator: Any, made: Answering, matrix: NDArray[np.float64]) -> None:
        functions = {
            "predict": made.predict,
            "predict_proba": made.proba,
            "decision_function": made.decision,
        }
        for name, function in functions.items():
            if function is None:
                continue
            expected = _outcome(lambda name=name: getattr(estimator, name)(matrix))
            found = _outcome(lambda function=function: function(made.raw(matrix)))
            self._compare(name, expected, found, len(matrix))
        self._count(len(matrix), refused=False)


def _outcome(ask: Any) -> Outcome:
    """Return what is answered; None where the rows are refused."""
    try:
        return np.asarray(ask())
    except (ValueError, TypeError):
        return None


def distance(expected: NDArray[Any], found: NDArray[Any]) -> int | None:
    """Return how many units in the last place answers are apart; None if they are other answers.

    A missing number is the same as any other missing number; zeros of two signs are not the same.
    """
    if expected.dtype != found.dtype or expected.shape != found.shape:
        return None
    if expected.dtype.kind != "f":
        return 0 if expected.tolist() == found.tolist() else None
    missing = np.isnan(expected)
    if not np.array_equal(missing, np.isnan(found)):
        return None
    kind = {8: np.int64, 4: np.int32}[expected.dtype.itemsize]
    one, other = (np.ascontiguousarray(a[~missing]).view(kind) for a in (expected, found))
    if (one == other).all():
        return 0
    if ((one < 0) != (other < 0)).any():
        return None
    return int(np.abs(one - other).max())


def _around(thresholds: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return thresholds with their neighbours in float32 and float64."""
    if thresholds is None:
        return np.array([0.0, 1.0])
    known = thresholds[np.isfinite(thresholds)]
    with np.errstate(all="ignore"):
        narrow = known.astype(np.float32)
        near = [np.nextafter(narrow, np.float32(end)) for end in (-np.inf, np.inf)]
    wide = [np.nextafter(known, end) for end in (-np.inf, np.inf)]
    whole = np.concatenate([known, narrow, *near, *wide]).astype(np.float64)
    with np.errstate(all="ignore"):
        whole = np.unique(whole[np.isfinite(whole.astype(np.float32))])
    return whole if whole.size else np.array([0.0, 1.0])


# -- rows ---------------------------------------------------------------------------------------

_EXTREME = (0.0, -0.0, 1.0, -1.0, 1e-320, 1e-30, 1e15, -1e15, 1e30, -1e30)
_BEYOND = (3.5e38, -1e300, 1e308, float("inf"), float("-inf"))


@dataclass(frozen=True)
class _Pool:
    """Values of one column: usual ones, extreme ones, and those that most models refuse."""

    usual: list[Any]
    extreme: list[Any]
    beyond: list[Any]

    def drawn(self, rng: np.random.Generator, rows: int, kind: str) -> list[Any]:
        """Return some values, with ties."""
        values = {
            "usual": self.usual,
            "extreme": self.usual + self.extreme,
            "beyond": self.usual + self.beyond,
        }[kind]
        found = [values[at] for at in rng.integers(0, len(values), rows).tolist()]
        if kind == "usual" and isinstance(self.usual[0], float):
            between = rng.random(rows)
            # Some lie between two quantiles; the others are quantiles, which trees split at.
            found = [
                float(one + share * (other - one)) if share < 0.6 else one
                for one, other, share in zip(found, found[1:] + found[:1], between, strict=True)
            ]
        return found


def _pool(column: Column) -> _Pool:
    missing: list[Any] = [None] if column.missing else []
    if column.type == "text":
        known = [str(one) for one in column.categories or ("a", "b")]
        return _Pool(known, ["", "not seen", known[0] + " ", *missing], [])
    if column.type == "boolean":
        return _Pool([True, False], missing, [])
    if column.type == "datetime":
        return _Pool(
            [np.datetime64(str(column.low or "2026-01-31").removesuffix("Z"), "us")], [], []
        )
    usual = [float(one) for one in column.quantiles] or [0.0, 1.0, -1.0]
    usual += [float(one) for one in (column.low, column.high) if isinstance(one, int | float)]
    usual += [float(one) for one in column.categories or () if isinstance(one, int | float)]
    if column.type == "integer":
        usual = [float(round(one)) for one in usual]
        return _Pool(usual, [0.0, -1.0, 1.0, 1e6, float(2**40), *missing], [])
    return _Pool(usual, [*_EXTREME, *missing], list(_BEYOND))


def _tables(signature: Signature, rng: np.random.Generator, times: int) -> Iterator[Table]:
    """Yield the rows of a proof, in all forms in which tables come."""
    pools = [_pool(column) for column in signature.columns]
    forms: list[Literal["arrays", "matrix"]] = ["arrays"]
    if all(column.type not in ("text", "datetime") for column in signature.columns):
        forms = ["matrix", "arrays"]
    kinds = ("usual", "extreme", "usual", "usual", "extreme", "beyond")
    turn = 0
    for rows, count in _BATCHES:
        for _ in range(count * times):
            kind = kinds[turn % len(kinds)]
            # Mostly one column departs: a row that is refused tells nothing of the others.
            odd = set(rng.integers(0, len(pools), 1 + len(pools) // 8).tolist())
            drawn = [
                pool.drawn(rng, rows, kind if place in odd else "usual")
                for place, pool in enumerate(pools)
            ]
            yield table_of(signature, drawn, forms[(turn // 2) % len(forms)])
            turn += 1


def table_of(
    signature: Signature, drawn: Sequence[list[Any]], form: Literal["arrays", "matrix"]
) -> Table:
    """Return columns of plain values as a table, as one array or as one for each."""
    rows = len(drawn[0])
    if form == "matrix":
        listed = [[np.nan if one is None else float(one) for one in values] for values in drawn]
        return Table(signature, matrix=np.array(listed).T.copy(), rows=rows)
    arrays = []
    for column, values in zip(signature.columns, drawn, strict=True):
        arrays.append(_typed(column, values))
    return Table(signature, arrays=arrays, rows=rows)


def _typed(column: Column, values: list[Any]) -> NDArray[Any]:
    some = any(one is None for one in values)
    if column.type == "text" or (column.type == "boolean" and some):
        made = np.empty(len(values), object)
        made[:] = values
        return made
    if column.type == "boolean":
        return np.array(values, bool)
    if column.type == "datetime":
        return np.array(values, "datetime64[us]")
    numbers = np.array([np.nan if one is None else one for one in values], np.float64)
    return numbers.astype(np.int64) if column.type == "integer" and not some else numbers


@contextmanager
def one_job(model: Any) -> Iterator[None]:
    """Have a model add up its parts in order: with several threads they come as they come."""
    from threadpoolctl import threadpool_limits  # it comes with scikit-learn

    changed = []
    for part in parts_of(model):
        if isinstance(getattr(part, "n_jobs", None), int) and part.n_jobs != 1:
            changed.append((part, part.n_jobs))
            part.n_jobs = 1
    try:
        with threadpool_limits(1, user_api="openmp"):
            yield
    finally:
        for part, jobs in changed:
            part.n_jobs = jobs


def faster_from(model: Any, plan: Plan, signature: Signature) -> int | None:
    """Return the number of rows from which the model itself is faster; None: never, up to 4,096."""
    running = Running(plan)
    model = getattr(model, "best_estimator_", model)
    taken = signature.input_for(model)
    pools = [_pool(column) for column in signature.columns]
    rng = np.random.default_rng(0)
    found = None
    with one_job(model), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for rows in (4_096, 1_024, 256, 64):
            few = [pool.drawn(rng, min(rows, 256), "usual") for pool in pools]
            drawn = [values * (rows // len(values)) for values in few]
            table = table_of(signature, drawn, "arrays")
            plan_seconds, model_seconds = np.inf, np.inf
            for _ in range(2):
                started = time.process_time()
                running.predict(table)
                between = time.process_time()
                model.predict(taken(table))
                plan_seconds = min(plan_seconds, between - started)
                model_seconds = min(model_seconds, time.process_time() - between)
            if plan_seconds <= model_seconds:
                return found
            found = rows
    return found
