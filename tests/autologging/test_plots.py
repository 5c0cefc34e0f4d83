"""Plots are stored as numbers in one form, and drawn from them."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from lite_mlops.autologging import plot_svg
from lite_mlops.errors import Invalid
from tests.autologging.conftest import Logged, Table


def _drawn(plot: Any) -> ET.Element:
    return ET.fromstring(plot_svg(plot))  # noqa: S314


def test_the_plots_of_a_classifier(logged: Logged, classes: Table) -> None:
    features, labels = classes
    model = LogisticRegression().fit(features, labels)
    matrix = logged.json("plots/confusion_matrix.json")
    counts = metrics.confusion_matrix(labels, model.predict(features))
    assert [row["y"] for row in matrix["series"]] == counts.tolist()
    assert [row["name"] for row in matrix["series"]] == ["0", "1"]
    (roc,) = logged.json("plots/roc.json")["series"]
    area = metrics.roc_auc_score(labels, model.predict_proba(features)[:, 1])
    assert np.trapezoid(roc["y"], roc["x"]) == pytest.approx(area)
    (curve,) = logged.json("plots/precision_recall.json")["series"]
    assert curve["y"][-1] == 1
    for name in ("confusion_matrix", "roc", "precision_recall", "importances"):
        assert len(_drawn(logged.json(f"plots/{name}.json"))) > 3


def test_a_curve_for_each_class(logged: Logged) -> None:
    features, labels = make_blobs(60, centers=3, random_state=0)
    GaussianNB().fit(features, labels)
    assert [one["name"] for one in logged.json("plots/roc.json")["series"]] == ["0", "1", "2"]


def test_the_plots_of_a_regressor(logged: Logged, numbers: Table) -> None:
    features, target = numbers
    model = Ridge().fit(features, target)
    (points,) = logged.json("plots/residuals.json")["series"]
    predicted = model.predict(features)
    order = np.argsort(predicted)
    assert points["x"] == pytest.approx(predicted[order].tolist())
    assert points["y"] == pytest.approx((target - predicted)[order].tolist())
    (bars,) = logged.json("plots/importances.json")["series"]
    assert sorted(bars["y"], reverse=True) == bars["y"]
    assert sorted(bars["y"]) == pytest.approx(sorted(abs(model.coef_)))


def test_a_long_curve_is_thinned(logged: Logged) -> None:
    features = np.random.default_rng(0).normal(size=(5_000, 2))
    Ridge().fit(features, features[:, 0])
    (points,) = logged.json("plots/residuals.json")["series"]
    assert len(points["x"]) == 200


def test_importances_are_found_by_shuffling_where_a_model_has_none(
    logged: Logged, numbers: Table
) -> None:
    KNeighborsRegressor().fit(*numbers)
    plot = logged.json("plots/importances.json")
    assert plot["y"] == "drop of the score when shuffled, 80 rows"
    assert len(plot["series"][0]["x"]) == 4


def test_importances_of_a_pipeline_have_the_names_of_its_features(
    logged: Logged, numbers: Table
) -> None:
    make_pipeline(PolynomialFeatures(2, include_bias=False), Ridge()).fit(*numbers)
    names = logged.json("plots/importances.json")["series"][0]["x"]
    assert "x0 x1" in names


_numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(
    st.sampled_from(["lines", "points", "bars", "matrix"]),
    st.text(st.characters(categories=["L", "P", "S"])),
    st.lists(_numbers, max_size=5),
)
def test_whatever_is_stored_is_drawn_as_valid_svg(kind: str, text: str, ys: list[float]) -> None:
    xs = [text] * len(ys) if kind in ("bars", "matrix") else ys
    ys = [abs(y) for y in ys] if kind == "matrix" else ys
    series = [{"name": text, "x": xs, "y": ys}] * max(1, len(ys))
    drawn = _drawn({"kind": kind, "title": text, "x": text, "y": text, "series": series})
    assert drawn.tag.endswith("svg")


@pytest.mark.parametrize(
    ("plot", "text"),
    [
        ({}, "a stored plot is of the kind lines, points, bars, matrix; None is none."),
        ("roc", "a stored plot is of the kind"),
        ({"kind": "lines"}, "this stored plot is not complete: KeyError('title')."),
        (
            {"kind": "bars", "title": "", "x": "", "series": [{"x": ["a"], "y": []}]},
            "this stored plot is not complete: ValueError",
        ),
    ],
)
def test_what_is_no_plot_is_refused(plot: Any, text: str) -> None:
    with pytest.raises(Invalid) as error:
        plot_svg(plot)
    assert str(error.value).startswith(text)
