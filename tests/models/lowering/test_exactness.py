"""A plan answers as its model does: the same bits, the same refusals, in batches of any size."""

from __future__ import annotations

import os
import warnings
from copy import copy
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas import DataFrame
from scipy.special import expit as scipy_expit

from lite_mlops.models import infer_signature
from lite_mlops.models.examples import example_of
from lite_mlops.models.lowering.linear import expit
from lite_mlops.models.lowering.lower import lower
from lite_mlops.models.lowering.parts import Lowering, NotLowered, Unsure
from lite_mlops.models.lowering.plan import Plan
from lite_mlops.models.lowering.proving import _pool, distance, prove, table_of
from lite_mlops.models.lowering.running import Running
from lite_mlops.models.signature import Column, Signature, Table
from tests.models.lowering.configurations import CONFIGURATIONS, fitted

METHODS = ("predict", "predict_proba", "decision_function")


@cache
def lowered(name: str) -> tuple[Any, Signature, Running]:
    model, data = fitted(name)
    signature = infer_signature(model, data.rows[:5], data.rows)
    plan, _ = lower(model, signature, "0" * 64)
    return model, signature, Running(Plan.from_bytes(plan.to_bytes()))


@given(st.lists(st.floats(), min_size=1, max_size=50))
def test_expit_has_the_exponential_of_the_c_library(values: list[float]) -> None:
    array = np.array(values)
    ours, theirs = expit(array), scipy_expit(array)
    assert np.array_equal(ours, theirs, equal_nan=True)
    assert [expit(np.array([one])).item() for one in values] == pytest.approx(
        theirs.tolist(), rel=0, abs=0, nan_ok=True
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_configuration_is_proved_bit_for_bit(name: str) -> None:
    model, data = fitted(name)
    signature = infer_signature(model, data.rows[:5], data.rows)
    plan, lowering = lower(model, signature, "0" * 64)
    proved, proof = prove(
        model, plan, lowering, signature, example_of(data.rows[:30]), seconds=None
    )
    assert (proved.exact, proof.exact) == ("bits", "bits")
    assert proof.rows > 700
    assert proof.refused < proof.rows / 2


def _values(column: Column) -> st.SearchStrategy[Any]:
    none = st.none() if column.missing else st.nothing()
    if column.type == "text":
        return st.sampled_from([*(column.categories or ()), "", "unseen"]) | none
    if column.type == "boolean":
        return st.booleans() | none
    if column.type == "integer":
        return st.sampled_from([round(one) for one in column.quantiles]) | st.integers(-99, 99)
    usual = st.sampled_from(column.quantiles)
    anything = st.floats(allow_nan=False, allow_infinity=True, width=64)
    return usual | usual.map(lambda one: float(np.nextafter(one, 1e300))) | anything | none


@pytest.mark.parametrize("name", CONFIGURATIONS)
@settings(max_examples=4)
@given(data=st.data())
def test_any_rows_are_answered_as_the_model_does(name: str, data: st.DataObject) -> None:
    model, signature, running = lowered(name)
    rows = data.draw(st.sampled_from([1, 2, 5]))
    drawn = [
        data.draw(st.lists(_values(column), min_size=rows, max_size=rows))
        for column in signature.columns
    ]
    table = table_of(signature, drawn, "arrays")
    for method in METHODS:
        if hasattr(model, method):
            assert _same(model, signature, running, method, table)


def _same(model: Any, signature: Signature, running: Running, method: str, table: Table) -> bool:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            expected = getattr(model, method)(signature.input_for(model)(table))
        except ValueError:
            with pytest.raises(ValueError):
                getattr(running, method)(table)
            return True
    return distance(np.asarray(expected), getattr(running, method)(table)) == 0


FRAMES = [
    name for name, (_, _, data) in CONFIGURATIONS.items() if isinstance(data().rows, DataFrame)
]
SINGLE_ROWS = int(os.environ.get("LITE_MLOPS_TEST_SINGLE_ROWS", "200"))


@pytest.mark.parametrize("name", FRAMES)
def test_a_single_row_is_answered_without_numpy_as_with_it(name: str) -> None:
    _, signature, running = lowered(name)
    alone = running._alone
    if alone is None:
        pytest.skip("one of its steps needs NumPy")
    pools = [_pool(column) for column in signature.columns]
    rng = np.random.default_rng(0)
    without = 0
    for turn in range(SINGLE_ROWS):
        kind = ("usual", "extreme", "beyond")[turn % 3]
        odd = set(rng.integers(0, len(pools), 2).tolist())
        drawn = [
            pool.drawn(rng, 1, kind if place in odd else "usual")
            for place, pool in enumerate(pools)
        ]
        table = table_of(signature, drawn, "arrays")
        try:
            with np.errstate(all="ignore"):
                found = alone(table)
        except (Unsure, TypeError, OverflowError, ValueError):  # the last: trees refuse it
            continue
        without += 1
        with np.errstate(all="ignore"):
            assert distance(running._model.raw(running._rows(table)), found) == 0
    assert without > SINGLE_ROWS / 3


def copied(name: str) -> tuple[Any, Signature, Plan, Lowering]:
    """A model that may be changed, with its plan, yet to be proved."""
    known, data = fitted(name)
    signature = infer_signature(known, data.rows[:5], data.rows)
    return copy(known), signature, *lower(known, signature)


def test_a_plan_that_answers_otherwise_is_not_accepted() -> None:
    model, signature, plan, lowering = copied("forest")
    model.estimators_ = model.estimators_[1:]
    with pytest.raises(NotLowered, match="the plan answers otherwise in predict"):
        prove(model, plan, lowering, signature, seconds=None)


def test_a_last_place_is_told_and_two_are_refused() -> None:
    model, signature, plan, lowering = copied("linear")
    inner = model.predict
    model.predict = lambda rows: np.nextafter(inner(rows), np.inf)
    proved, proof = prove(model, plan, lowering, signature, seconds=None)
    assert (proved.exact, proof.exact) == ("1 ulp", "1 ulp")
    model.predict = lambda rows: np.nextafter(np.nextafter(inner(rows), np.inf), np.inf)
    with pytest.raises(NotLowered, match="otherwise in predict of 1 row, 2 units in the last"):
        prove(model, plan, lowering, signature, seconds=None)


def test_what_the_model_refuses_a_plan_has_to_refuse() -> None:
    model, signature, plan, lowering = copied("linear")
    inner = model.predict
    model.predict = lambda rows: inner(np.nan_to_num(rows))
    with pytest.raises(NotLowered, match="the plan refuses what the model answers"):
        prove(model, plan, lowering, signature, seconds=None)


def test_a_proof_without_time_is_given_up() -> None:
    model, signature, plan, lowering = copied("linear")
    with pytest.raises(NotLowered, match="the proof takes too long"):
        prove(model, plan, lowering, signature, seconds=-1)
