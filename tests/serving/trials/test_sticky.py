"""Sticky: the same key is always of the same side, in whatever form its row is sent."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.serving.trials.sticky import Sticky, key_of, text_of

FEATURES = ("id", "age")
keys = st.text(max_size=30) | st.just("\ud800")
shares = st.floats(0.001, 0.999)


@given(keys, st.text("abc0123", max_size=30), shares, shares)
def test_growing_the_share_keeps_those_who_were_in(
    key: str, trial: str, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert Sticky(trial, low).holds(key) <= Sticky(trial, high).holds(key)
    assert Sticky(trial, low).holds(key) == Sticky(trial, low).holds(key)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_share_of_the_keys_is_as_asked_and_others_in_each_trial(share: float) -> None:
    found = [
        {key for key in map(str, range(20_000)) if Sticky(trial, share).holds(key)}
        for trial in ("one", "two")
    ]
    error = 4 * (share * (1 - share) / 20_000) ** 0.5
    for one in found:
        assert abs(len(one) / 20_000 - share) < error
    both = len(found[0] & found[1]) / 20_000
    assert abs(both - share**2) < error


@pytest.mark.parametrize("value", [41, 41.0, "41", np.int64(41), np.float64(41.0)])
def test_a_value_is_the_same_key_in_every_form(value: Any) -> None:
    forms: list[Any] = [
        [{"id": value, "age": 3}],
        [[value, 3], [7, 4]],
        {"id": [value, 7], "age": [3, 4]},
        {"id": np.array([value]), "age": np.array([3])},
        pd.DataFrame({"id": [value, 7], "age": [3, 4]}, index=[5, 6]),
    ]
    keys = [key_of(rows, "id", FEATURES) for rows in forms]
    assert {text_of(key) for key in keys} == {"41"}
    assert len({Sticky("a trial", 0.5).holds(key) for key in (*keys, "41") if key is not None}) == 1


def test_a_column_that_the_model_does_not_take_can_be_the_key() -> None:
    assert key_of([{"age": 3, "customer": "x"}], "customer", ("age",)) == "x"


@pytest.mark.parametrize(
    "rows", [[], None, 5, [[]], [{"age": 3}], {"age": [3]}, {"id": []}, [{"id": None}], "x"]
)
def test_rows_without_it_have_no_key(rows: Any) -> None:
    assert key_of(rows, "id", FEATURES) is None


def test_true_and_one_and_halves_are_keys_of_their_own() -> None:
    found = [key_of([[value, 0]], "id", FEATURES) for value in (True, 1, 0.5, float("nan"))]
    assert list(map(text_of, found)) == ["True", "1", "0.5", "nan"]
