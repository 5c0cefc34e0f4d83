"""What fires: worse than the reference beyond chance, and by more than is tolerated."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.monitoring.performance import Rules, WindowPerformance
from lite_mlops.monitoring.performance.intervals import Measured, share
from lite_mlops.monitoring.performance.judging import judge_windows, severity_of, worse_by
from lite_mlops.monitoring.performance.reference import Reference, named_metrics
from lite_mlops.monitoring.performance.reference import given as stated

RULES = Rules({"accuracy": 0.02, "rmse": 0.1})


def measured(value: float, reach: float) -> Measured:
    return Measured(value, value - reach, value + reach, 100)


EXACT = measured(0.9, 0.0)


@pytest.mark.parametrize(
    ("value", "reach", "severity"),
    [
        (0.90, 0.01, "none"),
        (0.95, 0.01, "none"),  # better is never worse
        (0.89, 0.02, "none"),  # may be chance
        (0.89, 0.005, "info"),  # no chance, and tolerated
        (0.86, 0.05, "none"),
        (0.86, 0.015, "warn"),  # 0.875 at best, against 0.88
        (0.80, 0.07, "warn"),  # 0.87 at best, against 0.88
        (0.80, 0.03, "alert"),  # 0.83 at best, against 0.86
    ],
)
def test_the_good_end_of_the_interval_decides(value: float, reach: float, severity: str) -> None:
    assert severity_of("accuracy", measured(value, reach), EXACT, RULES) == severity


@pytest.mark.parametrize(
    ("value", "reach", "severity"),
    [(2.0, 0.1, "none"), (2.15, 0.1, "info"), (2.35, 0.1, "warn"), (2.6, 0.1, "alert")],
)
def test_of_errors_the_tolerance_is_a_share(value: float, reach: float, severity: str) -> None:
    assert severity_of("rmse", measured(value, reach), measured(2.0, 0.0), RULES) == severity


def test_the_uncertainty_of_the_reference_counts_as_well() -> None:
    found = measured(0.85, 0.02)
    assert severity_of("accuracy", found, measured(0.9, 0.0), RULES) == "warn"
    assert severity_of("accuracy", found, measured(0.9, 0.06), RULES) == "none"


def test_without_a_change_almost_nothing_fires() -> None:
    """Of all windows of 500 labels that may come, with an evaluation of 500 rows."""
    from scipy.stats import binom

    reference = share(450, 500)
    assert reference is not None
    fires = 0.0
    for right in range(501):
        found = share(right, 500)
        assert found is not None
        if severity_of("accuracy", found, reference, RULES) in ("warn", "alert"):
            fires += binom.pmf(right, 500, 0.9)
    assert fires < 0.001


limits = st.floats(0, 0.2)


@given(one=st.floats(0, 1), other=st.floats(0, 1), reach=limits, its=limits, errors=st.booleans())
def test_what_is_worse_is_never_less_than_at_least(
    one: float, other: float, reach: float, its: float, *, errors: bool
) -> None:
    worse, at_least = worse_by(measured(one, reach), measured(other, its), errors=errors)
    assert worse == pytest.approx((one - other) if errors else (other - one))
    assert at_least <= worse
    assert worse - at_least == pytest.approx(math.hypot(reach, its), abs=1e-9)


def test_a_provisional_window_is_not_judged() -> None:
    bad = {"accuracy": measured(0.1, 0.01)}
    good = WindowPerformance("", None, None, 500, 400, bad)
    early = WindowPerformance("", None, None, 500, 40, bad, provisional=("40 labels",))
    reference = stated({"accuracy": 0.9})
    judged = judge_windows((good, early), reference, RULES)
    assert [dict(one.severities) for one in judged] == [{"accuracy": "alert"}, {}]
    assert [dict(one.severities) for one in judge_windows((good,), Reference(), RULES)] == [{}]


# -- windows and names ----------------------------------------------------------------------------


def test_metrics_are_known_by_their_usual_names() -> None:
    logged = {
        "accuracy": 0.5,
        "Test Accuracy": 0.8,
        "val_accuracy": 0.7,
        "training_roc_auc": 1.0,
        "roc_auc_score_X_test": 0.9,
        "rmse": float("nan"),
        "test_mean_absolute_error": 3.0,
        "my_accuracy": 0.1,
        "f1": 0.6,  # averaged over what?
    }
    found = {name: one.value for name, one in named_metrics(logged.items()).items()}
    assert found == {"accuracy": 0.8, "auc": 0.9, "mae": 3.0}
