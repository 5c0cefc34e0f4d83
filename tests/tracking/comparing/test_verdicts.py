"""Verdicts: the metrics of scikit-learn, words that follow the figures, and the same both ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    mean_absolute_error,
    roc_auc_score,
    root_mean_squared_error,
)

from lite_mlops.tracking.comparing import statistics
from lite_mlops.tracking.comparing import verdicts as comparing_verdicts
from lite_mlops.tracking.comparing.statistics import resampled, weighted_auc
from lite_mlops.tracking.comparing.values import BETTER, TOO_FEW, UNCLEAR, WORSE, Verdict
from lite_mlops.tracking.comparing.verdicts import are_classes, verdicts

Column = NDArray[Any]


@pytest.fixture
def few_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have rows be grouped beyond 1,000 instead of 5,000."""
    for module in (statistics, comparing_verdicts):
        monkeypatch.setattr(module, "GROUPS", 1000)


def by_metric(*columns: Any) -> dict[str, Verdict]:
    arrays: list[Any] = [None if column is None else np.array(column) for column in columns]
    return {verdict.metric: verdict for verdict in verdicts(*arrays)}


def right(labels: Column, share: float, seed: int) -> Column:
    """Answers of a model that is right on about `share` of the rows."""
    hits = np.random.default_rng(seed).random(len(labels)) < share
    return np.where(hits, labels, 1 - labels)


LABELS = np.random.default_rng(0).integers(0, 2, 2000)


# -- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [[0, 1, 2], ["cat", "dog", "emu"], [True, False]], ids=str)
def test_metrics_of_classes_are_those_of_scikit_learn(names: list[Any]) -> None:
    random = np.random.default_rng(1)
    labels, first, second = (np.array(names)[random.integers(0, len(names), 300)] for _ in "abc")
    second[:200] = labels[:200]
    found = by_metric(labels, first, second)
    assert list(found) == ["accuracy", "balanced accuracy", "macro F1"]
    for answers, side in ((first, "first"), (second, "second")):
        values = {name: getattr(verdict, side) for name, verdict in found.items()}
        assert values == pytest.approx(
            {
                "accuracy": accuracy_score(labels, answers),
                "balanced accuracy": balanced_accuracy_score(labels, answers),
                "macro F1": f1_score(labels, answers, average="macro"),
            }
        )


def test_an_answer_that_is_no_label_counts_as_scikit_learn_counts_it() -> None:
    labels, first, second = [0, 0, 1, 1, 1], [0, 2, 1, 1, 0], [0, 0, 1, 1, 1]
    found = by_metric(labels, first, second)["macro F1"]
    assert found.first == pytest.approx(f1_score(labels, first, average="macro", zero_division=0))
    assert found.second == 1.0


@pytest.mark.parametrize("rows", [500, 3000])
def test_the_area_is_that_of_scikit_learn(few_groups: None, rows: int) -> None:
    random = np.random.default_rng(2)
    labels = random.integers(0, 2, rows)
    first, second = (labels + random.normal(size=rows).round(1) for _ in "ab")
    found = by_metric(labels, labels, labels, first, second)["ROC AUC"]
    assert found.first == pytest.approx(roc_auc_score(labels, first))
    assert found.second == pytest.approx(roc_auc_score(labels, second))


@pytest.mark.parametrize("rows", [500, 3000])
def test_errors_of_numbers_are_those_of_scikit_learn(few_groups: None, rows: int) -> None:
    random = np.random.default_rng(3)
    labels = random.normal(size=rows)
    first, second = (labels + random.normal(size=rows) for _ in "ab")
    found = by_metric(labels, first, second)
    assert list(found) == ["MAE", "RMSE"]
    assert found["MAE"].first == pytest.approx(mean_absolute_error(labels, first))
    assert found["MAE"].second == pytest.approx(mean_absolute_error(labels, second))
    assert found["RMSE"].first == pytest.approx(root_mean_squared_error(labels, first))
    assert found["RMSE"].second == pytest.approx(root_mean_squared_error(labels, second))


def test_the_area_of_many_rows_varies_as_if_all_rows_were_drawn(few_groups: None) -> None:
    random = np.random.default_rng(4)
    labels = random.integers(0, 2, 3000)
    first, second = (labels + random.normal(size=len(labels)) for _ in "ab")
    found = by_metric(labels, labels, labels, first, second)["ROC AUC"]
    areas = [weighted_auc(labels == 1, scores) for scores in (first, second)]
    low, high = resampled(
        lambda weights: areas[1](weights) - areas[0](weights),
        np.ones(len(labels), np.int64),
        resamples=1000,
    )
    assert found.high - found.low == pytest.approx(high - low, rel=0.15)
    assert found.low == pytest.approx(low, abs=0.2 * (high - low))


# -- words ---------------------------------------------------------------------------------------


def test_a_clear_difference_is_better_or_worse() -> None:
    found = by_metric(LABELS, right(LABELS, 0.7, 1), right(LABELS, 0.8, 2))
    assert {verdict.word for verdict in found.values()} == {BETTER}
    accuracy = found["accuracy"]
    assert 0 < accuracy.low < accuracy.difference < accuracy.high
    assert accuracy.p_value is not None
    assert accuracy.p_value < 1e-6
    assert (accuracy.rows, accuracy.confidence) == (2000, 0.95)
    assert {v.word for v in verdicts(LABELS, right(LABELS, 0.8, 2), right(LABELS, 0.7, 1))} == {
        WORSE
    }


def test_of_errors_the_lower_is_the_better() -> None:
    random = np.random.default_rng(5)
    labels = random.normal(size=1000)
    far, near = (labels + size * random.normal(size=1000) for size in (2, 1))
    for verdict in verdicts(labels, far, near):
        assert verdict.difference < 0
        assert verdict.word == BETTER


def test_a_difference_that_may_be_chance_is_none() -> None:
    found = by_metric(LABELS[:200], right(LABELS, 0.8, 1)[:200], right(LABELS, 0.8, 2)[:200])
    assert {verdict.word for verdict in found.values()} == {UNCLEAR}
    assert found["accuracy"].low < 0 < found["accuracy"].high


def test_equal_answers_do_not_differ() -> None:
    answers = right(LABELS, 0.8, 1)
    for verdict in verdicts(LABELS, answers, answers):
        assert (verdict.word, verdict.low, verdict.high) == (UNCLEAR, 0, 0)
        assert verdict.rows_that_differ == 0


def test_few_rows_give_no_verdict() -> None:
    labels = np.tile([0, 1], 14)
    found = by_metric(labels, 1 - labels, labels)
    assert found["accuracy"].low > 0.9
    assert {verdict.word for verdict in found.values()} == {TOO_FEW}


def test_few_rows_that_differ_give_no_verdict() -> None:
    labels = np.tile([0, 1], 500)
    first = labels.copy()
    first[:10:2] = 1
    found = by_metric(labels, first, labels)
    assert found["accuracy"].low > 0  # five rows, all on one side
    assert {verdict.word for verdict in found.values()} == {TOO_FEW}
    first[10] = 1
    assert by_metric(labels, first, labels)["accuracy"].word == BETTER


def test_accuracy_is_better_only_if_the_exact_test_agrees() -> None:
    labels = np.tile([0, 1], 500)
    first, second = labels.copy(), labels.copy()
    first[:9] = 1 - first[:9]
    second[9:11] = 1 - second[9:11]
    accuracy = by_metric(labels, first, second)["accuracy"]
    assert accuracy.low > 0
    assert accuracy.p_value == pytest.approx(2 * (1 + 11 + 55) / 2**11)  # 0.065
    assert accuracy.word == UNCLEAR


def test_the_text_says_it_with_numbers() -> None:
    verdict = Verdict("accuracy", True, 0.9, 0.92, 0.004, 0.0361, 0.95, 1500, 61, 0.0123, BETTER)
    assert verdict.text == (
        "better: accuracy 0.92 against 0.9, +0.02 (95% interval +0.004 to +0.0361, "
        "McNemar p = 0.012; 1,500 rows)"
    )
    assert verdict.to_dict()["difference"] == pytest.approx(0.02)
    assert verdict.to_dict()["text"] == verdict.text


@pytest.mark.slow
def test_false_alarms_are_as_rare_as_the_confidence_says() -> None:
    alarms = 0
    for seed in range(200):
        labels = np.random.default_rng(seed).integers(0, 2, 200)
        pair = right(labels, 0.8, seed + 1000), right(labels, 0.8, seed + 2000)
        alarms += verdicts(labels, *pair)[0].word != UNCLEAR
    assert alarms <= 18  # of 5 %, 19 or more of 200 come in less than one of a hundred experiments


# -- both ways -----------------------------------------------------------------------------------


def mirrored(there: tuple[Verdict, ...], back: tuple[Verdict, ...]) -> None:
    opposite = {BETTER: WORSE, WORSE: BETTER}
    for one, other in zip(there, back, strict=True):
        assert (one.metric, one.p_value) == (other.metric, other.p_value)
        assert (one.first, one.second) == (other.second, other.first)
        assert (one.low, one.high) == (-other.high, -other.low)
        assert one.word == opposite.get(other.word, other.word)


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=60))
def test_classes_are_compared_the_same_both_ways(rows: list[tuple[int, int, int]]) -> None:
    labels, first, second = (np.array(column) for column in zip(*rows, strict=True))
    mirrored(verdicts(labels, first, second), verdicts(labels, second, first))


@pytest.mark.parametrize("rows", [400, 3000])
def test_scores_and_numbers_are_compared_the_same_both_ways(few_groups: None, rows: int) -> None:
    random = np.random.default_rng(6)
    labels = random.integers(0, 2, rows)
    first, second = (labels + random.normal(size=rows) for _ in "ab")
    mirrored(
        verdicts(labels, labels, labels, first, second),
        verdicts(labels, labels, labels, second, first),
    )
    mirrored(verdicts(labels, first, second), verdicts(labels, second, first))


def test_the_same_call_gives_the_same_verdicts() -> None:
    pair = right(LABELS, 0.7, 1), right(LABELS, 0.8, 2)
    assert verdicts(LABELS, *pair) == verdicts(LABELS, *pair)


# -- which metrics -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "classes"),
    [
        (([0, 1], [0.0, 1.0], [1, 1]), True),
        (([True, False], [1, 0], [0, 0]), True),
        ((["a"], ["b"], ["c"]), True),
        (([0, 1], [0.5, 1.0], [1, 1]), False),
        (([1.5], [1], [1]), False),
        ((range(50), range(50), range(50)), True),
        ((range(51), range(51), range(51)), False),
        ((list(map(str, range(51))),) * 3, True),
    ],
)
def test_labels_decide_what_is_compared(columns: tuple[Any, ...], classes: bool) -> None:  # noqa: FBT001
    assert are_classes(*map(np.array, columns)) == classes


def test_an_area_needs_scores_of_both_and_two_labels() -> None:
    scores = np.linspace(0, 1, 40)
    labels = np.tile([0, 1], 20)
    assert "ROC AUC" in by_metric(labels, labels, labels, scores, scores)
    assert "ROC AUC" not in by_metric(labels, labels, labels, scores, None)
    zeros = np.zeros(40)
    assert "ROC AUC" not in by_metric(zeros, zeros, labels, scores, scores)


def test_a_single_row_is_compared() -> None:
    (accuracy, *_) = verdicts(np.array([1]), np.array([1]), np.array([0]))
    assert (accuracy.first, accuracy.second, accuracy.word) == (1, 0, TOO_FEW)
