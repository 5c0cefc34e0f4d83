"""The profile of a table: small, honest about what is missing, and JSON in every case."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.data import as_columns
from lite_mlops.data.profile import bin_counts, bin_edges, profile


def profile_of(**columns: Any) -> dict[str, Any]:
    return profile(as_columns(columns))


def strict_json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def test_numbers_are_summed_up() -> None:
    values = np.random.default_rng(4).normal(size=1000)
    values[::10] = np.nan
    facts = profile_of(a=values)["a"]
    present = values[~np.isnan(values)]
    assert (facts["kind"], facts["missing"]) == ("number", 100)
    assert (facts["min"], facts["max"]) == (present.min(), present.max())
    assert facts["mean"] == pytest.approx(present.mean())
    assert facts["std"] == pytest.approx(present.std())
    assert facts["edges"] == pytest.approx(np.quantile(present, np.arange(1, 10) / 10))
    assert facts["counts"] == [90] * 10


def test_texts_are_counted() -> None:
    values = [*["a"] * 3, *["b"] * 2, None, *(f"w{number}" for number in range(30))]
    facts = profile_of(a=values)["a"]
    assert (facts["kind"], facts["missing"], facts["distinct"]) == ("text", 1, 32)
    assert list(facts["top"].items())[:2] == [("a", 3), ("b", 2)]
    assert len(facts["top"]) == 20


def test_the_profile_of_a_frame_has_all_its_columns() -> None:
    frame = pd.DataFrame({"n": [1, 2], "x": [0.5, None], "t": ["a", None], "b": [True, False]})
    found = profile(as_columns(frame))
    assert {name: facts["kind"] for name, facts in found.items()} == {
        "n": "number",
        "x": "number",
        "t": "text",
        "b": "text",
    }
    assert [facts["missing"] for facts in found.values()] == [0, 1, 1, 0]
    strict_json(found)


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ([], []),
        ([np.nan, np.nan], []),
        ([np.inf, -np.inf], []),
        ([5.0] * 40, [40]),
        ([0] * 50 + [1] * 50, [50, 50]),
        ([1.0, np.inf, np.nan], [1]),
    ],
)
def test_numbers_of_few_values_have_few_bins(values: list[float], counts: list[int]) -> None:
    facts = profile_of(a=np.asarray(values, np.float64))["a"]
    assert [count for count in facts["counts"] if count] == counts
    assert len(facts["edges"]) == max(len(facts["counts"]) - 1, 0)
    assert len(facts["counts"]) <= len(counts) + 3
    assert facts["missing"] == np.isnan(values).sum()
    strict_json(facts)


@given(st.lists(st.floats(), max_size=30))
def test_the_profile_of_any_numbers_is_json(values: list[float]) -> None:
    facts = profile_of(a=np.asarray(values, np.float64))["a"]
    strict_json(facts)
    finite = np.isfinite(np.asarray(values, np.float64))
    assert sum(facts["counts"]) == finite.sum()
    assert facts["edges"] == sorted(set(facts["edges"]))
    if finite.any():
        assert facts["min"] <= facts["max"]
        assert facts["std"] >= 0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_a_value_on_an_edge_belongs_to_the_bin_below(
    values: list[float], others: list[float]
) -> None:
    edges = bin_edges(np.asarray(values))
    points = np.asarray([*others, *edges])
    expected = [0] * (len(edges) + 1)
    for point in points:
        expected[sum(edge < point for edge in edges)] += 1
    assert bin_counts(points, edges).tolist() == expected
