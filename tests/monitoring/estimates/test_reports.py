"""Reports: windows, labels that come later, concept drift, losses of regressors, and odd input."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from lite_mlops.errors import Invalid
from lite_mlops.monitoring.estimates import (
    ASSUMPTION,
    Answers,
    EstimateReport,
    Numbers,
    concept_drift,
    estimate_losses,
    estimate_windows,
    fit_loss,
)
from lite_mlops.monitoring.estimates.report import nothing_estimated
from lite_mlops.monitoring.estimates.windows import parts


def world(
    seed: int, rows: int, *, shift: float = 0.0, turned: float = 0.0, labelled: float = 1.0
) -> Answers:
    """Answers to rows that lie elsewhere by `shift`, and mean something else by `turned`."""
    chance = np.random.default_rng([909, seed])
    logits = chance.normal(shift, 1.6, rows)
    truth = 1 / (1 + np.exp(-logits * (1 - 2 * turned)))
    labels = (chance.random(rows) < truth).astype(np.int64)
    labels[chance.random(rows) >= labelled] = -1
    score = 1 / (1 + np.exp(-logits))
    scores = np.column_stack([1 - score, score])
    times = np.arange(rows) * 1_000_000 + 1_700_000_000_000_000
    return Answers(scores, (score > 0.5).astype(np.int64), labels, times)


REFERENCE = world(0, 3_000)


def severities(report: EstimateReport) -> dict[str, str]:
    return {one.subject: one.severity for one in report.findings()}


# -- windows ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (0, []),
        (1, [1]),
        (99, [99]),
        (149, [149]),
        (150, [100, 50]),
        (200, [100, 100]),
        (249, [100, 149]),
    ],
)
def test_a_small_rest_joins_the_last_window(rows: int, expected: list[int]) -> None:
    assert [part.stop - part.start for part in parts(rows, 100)] == expected


def test_all_is_well_where_nothing_changed() -> None:
    fired = 0
    for seed in range(20):
        report = estimate_windows(world(seed + 1, 2_400), REFERENCE, model="churn/3")
        fired += report.fires
        assert [one.rows for one in report.windows] == [1_000, 1_400]
    assert fired <= 1
    assert set(severities(report).values()) == {"none"}
    last = report.windows[-1]
    assert last.labelled == 1_400
    assert last.begin is not None
    assert last.begin.isoformat() == "2023-11-14T22:30:00+00:00"
    assert ASSUMPTION in str(report)
    assert all(ASSUMPTION in one.sentence for one in report.findings())
    assert report.windows[0]["auc"].value == pytest.approx(0.825, abs=0.03)
    with pytest.raises(KeyError):
        report.windows[0]["mae"]


def test_a_shift_that_costs_is_foreseen_without_labels() -> None:
    # All near one half: nothing is wrong with the model, but the rows are hard.
    chance = np.random.default_rng(6)
    score = chance.uniform(0.4, 0.6, 2_000)
    hard = Answers(
        np.column_stack([1 - score, score]),
        (score > 0.5).astype(np.int64),
        np.full(2_000, -1),
    )
    report = estimate_windows(hard, REFERENCE)
    told = {one.subject: one for one in report.findings()}
    assert report.fires
    assert told["accuracy"].severity == told["auc"].severity == "alert"
    auc = told["auc"]
    assert auc.sentence.startswith("auc: estimated 0.5")
    assert auc.limit == pytest.approx(report.reference_metrics["auc"] - 0.02)
    assert report.windows[-1].compared == {}
    assert report.windows[-1].begin is None
    assert report.concept == ()


def test_concept_drift_is_seen_only_by_labels() -> None:
    blind = estimate_windows(world(50, 4_000, turned=0.5, labelled=0.0), REFERENCE)
    assert not blind.fires
    report = estimate_windows(world(50, 4_000, turned=0.5, labelled=0.3), REFERENCE)
    by_metric = {one.metric: one for one in report.concept}
    found = by_metric["auc"]
    assert (found.since, found.last, found.windows, found.going_on) == (0, 3, 4, True)
    assert found.gap == pytest.approx(-0.36, abs=0.06)
    told = [one for one in report.findings() if "concept drift" in one.sentence]
    assert {one.severity for one in told} == {"alert"}
    assert any(one.sentence.startswith("concept drift suspected: auc is 0.") for one in told)
    assert "Labels say otherwise" in str(report)
    once = estimate_windows(world(51, 1_000, turned=0.5), REFERENCE)
    assert once.concept == ()  # one window is not enough


def test_few_labels_are_not_compared() -> None:
    report = estimate_windows(world(52, 1_000, turned=0.5, labelled=0.05), REFERENCE, rows=500)
    assert all(one.compared == {} and 0 < one.labelled < 100 for one in report.windows)


def test_reports_are_json_and_html() -> None:
    report = estimate_windows(world(53, 2_000), REFERENCE, model="<churn>", named="a test")
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told["assumption"] == ASSUMPTION
    assert len(told["windows"]) == 2
    assert told["windows"][0]["compared"]["auc"]["estimated_interval"][0] > 0.7
    assert "&lt;churn&gt;" in report._repr_html_()
    assert repr(report).startswith("<EstimateReport <churn>, 2 windows: Estimated of the last 1,0")


# -- concept drift ------------------------------------------------------------------------------

SAME, OTHER = ((0.7, 0.9), (0.75, 0.95)), ((0.7, 0.9), (0.4, 0.6))


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ([], None),
        ([SAME] * 5, None),
        ([OTHER], None),
        ([OTHER, SAME, OTHER], None),
        ([SAME, OTHER, OTHER], (1, 2, 2, True)),
        ([OTHER, None, OTHER], (0, 2, 2, True)),
        ([OTHER, OTHER, OTHER, SAME], (0, 2, 3, False)),
        ([OTHER, OTHER, SAME, OTHER, OTHER], (3, 4, 2, True)),
        ([OTHER, OTHER, SAME, OTHER], (0, 1, 2, False)),
        ([OTHER, OTHER, None], (0, 1, 2, True)),
    ],
)
def test_two_windows_in_a_row_have_to_differ(windows: list[Any], expected: Any) -> None:
    found = concept_drift("auc", windows)
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert (found.since, found.last, found.windows, found.going_on) == expected
    assert found.gap == pytest.approx(-0.3)
    assert found.to_dict()["metric"] == "auc"


# -- regressors ---------------------------------------------------------------------------------


def measured(seed: int, rows: int, *, shift: float = 0.0, noise: float = 1.0) -> Numbers:
    """A regressor whose error grows with the first feature."""
    chance = np.random.default_rng([707, seed])
    features = chance.normal(size=(rows, 3))
    features[:, 0] = np.abs(features[:, 0] + shift)
    predicted = features[:, 1] * 2
    labels = predicted + chance.normal(size=rows) * (0.3 + features[:, 0]) * noise
    return Numbers(features, predicted, labels)


@pytest.mark.slow
def test_the_error_of_a_regressor_is_foreseen() -> None:
    reference = measured(0, 1_500)
    same, harder = measured(1, 1_000), measured(2, 1_000, shift=0.9)
    report = estimate_losses(same, reference, model="price/1", named="labels")
    assert not report.fires
    for numbers in (same, harder):
        found = estimate_losses(numbers, reference, rows=1_000)
        for one in found.windows[0].estimates:
            compared = found.windows[0].compared[one.metric]
            assert one.low <= compared.realised <= one.high or one.value == pytest.approx(
                compared.realised, rel=0.1
            )
    assert found.fires
    assert set(severities(found)) == {"mae", "rmse"}
    assert found.windows[0].outside < 0.05
    beyond = estimate_losses(measured(2, 1_000, shift=9), reference)
    assert beyond.windows[0].outside == 1
    turned = estimate_losses(measured(3, 1_000, noise=2), reference, rows=500)
    assert {one.metric for one in turned.concept} == {"mae", "rmse"}


def test_the_second_model_beats_the_mean_error() -> None:
    reference, later = measured(4, 1_500), measured(5, 1_000, shift=1.0)
    (mae, rmse) = fit_loss(reference.features, reference.predicted, reference.labels).estimates(
        later.features, later.predicted
    )
    truth = np.abs(later.labels - later.predicted)
    naive = np.abs(reference.labels - reference.predicted).mean()
    assert abs(mae.value - truth.mean()) < 0.3 * abs(naive - truth.mean())
    assert rmse.value > mae.value
    table = np.column_stack([reference.features, reference.predicted])
    errors = np.abs(reference.labels - reference.predicted)
    model = HistGradientBoostingRegressor(max_iter=60, max_leaf_nodes=15, early_stopping=False)
    with threadpool_limits(1):
        model.fit(table, errors)
        foreseen = model.predict(np.column_stack([later.features, later.predicted]))
    assert mae.value == pytest.approx(foreseen.mean(), rel=0.05)


# -- input of any kind --------------------------------------------------------------------------


def test_odd_answers_have_a_stated_result() -> None:
    nothing = world(60, 0)
    report = estimate_windows(nothing, REFERENCE)
    (finding,) = report.findings()
    assert (finding.severity, finding.sentence) == (
        "unknown",
        "Nothing can be estimated: there are no predictions with scores in that time.",
    )
    odd = world(61, 100)
    scores = odd.scores.copy()
    scores[:60] = np.nan
    predicted = odd.predicted.copy()
    predicted[60:70] = -1
    report = estimate_windows(Answers(scores, predicted, odd.labels), REFERENCE)
    assert (report.unusable, report.windows[0].rows) == (70, 30)
    assert set(severities(report).values()) == {"unknown"}
    assert ", of 30 rows only" in report.findings()[0].sentence
    one_class = estimate_windows(
        Answers(np.tile([1.0, 0.0], (500, 1)), np.zeros(500, np.int64), np.zeros(500, np.int64)),
        REFERENCE,
    )
    assert one_class.windows[0]["accuracy"].value > 0.8
    json.dumps(one_class.to_dict(), allow_nan=False)
    report = nothing_estimated("m/1", "", "no labels.")
    assert str(report) == "Nothing can be estimated: no labels."
    assert not report.fires


def test_a_regressor_without_labels_or_with_odd_numbers() -> None:
    reference = measured(6, 400)
    with pytest.raises(Invalid) as error:
        fit_loss(reference.features, reference.predicted, np.full(400, np.nan))
    assert str(error.value) == (
        "the reference has 0 rows with a label and a prediction; at least 200 are needed."
    )
    with pytest.raises(Invalid) as error:
        fit_loss(reference.features, reference.predicted, np.full(400, 1e200))
    assert str(error.value) == "an error of 1e+200 is too large to be squared."
    odd = Numbers(
        np.array([[np.inf, np.nan, 1.0]] * 3), np.array([1.0, np.nan, np.inf]), np.full(3, np.nan)
    )
    report = estimate_losses(odd, reference)
    assert (report.unusable, report.windows[0].rows) == (2, 1)
    json.dumps(report.to_dict(), allow_nan=False)
    exact = Numbers(reference.features, reference.predicted, reference.predicted)
    (mae, rmse) = estimate_losses(exact, exact).windows[0].estimates
    assert (mae.value, mae.low, mae.high, rmse.value) == (0, 0, 0, 0)
    with pytest.raises(Invalid, match=r"a window of 49 rows is too small; at least 50\."):
        estimate_losses(odd, reference, rows=49)
