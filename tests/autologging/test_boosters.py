"""XGBoost and LightGBM through their scikit-learn interface, where they are installed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.autologging.conftest import Logged, Table


@pytest.mark.filterwarnings("ignore")
def test_xgboost(logged: Logged, classes: Table) -> None:
    xgboost: Any = pytest.importorskip("xgboost")
    features, labels = classes
    model = xgboost.XGBClassifier(n_estimators=5, max_depth=2, n_jobs=1)
    model.fit(features, labels, eval_set=[(features, labels)], verbose=False)
    run = logged.run()
    assert run.params["max_depth"] == "2"
    assert run.metrics["training_accuracy_score"].value > 0.5
    history = logged.project.runs.history(run.id, "validation_0_logloss")
    assert history.values.tolist() == pytest.approx(model.evals_result()["validation_0"]["logloss"])
    assert {"model/model.joblib", "plots/importances.json"} <= set(logged.paths())


@pytest.mark.filterwarnings("ignore")
def test_xgboost_without_evaluation(logged: Logged, numbers: Table, warnings_of: Any) -> None:
    xgboost: Any = pytest.importorskip("xgboost")
    xgboost.XGBRegressor(n_estimators=3, n_jobs=1).fit(*numbers)
    assert "training_r2_score" in logged.metrics()
    assert warnings_of() == []


@pytest.mark.filterwarnings("ignore")
def test_lightgbm(logged: Logged, classes: Table) -> None:
    lightgbm: Any = pytest.importorskip("lightgbm")
    features, labels = classes
    model = lightgbm.LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1)
    model.fit(features, labels, eval_set=[(features, labels)], eval_names=["held_out"])
    run = logged.run()
    history = logged.project.runs.history(run.id, "held_out_binary_logloss")
    assert history.values.tolist() == pytest.approx(
        model.evals_result_["held_out"]["binary_logloss"]
    )
    assert run.metrics["training_roc_auc"].value > 0.5


@pytest.mark.filterwarnings("ignore")
def test_lightgbm_without_evaluation(logged: Logged, numbers: Table, warnings_of: Any) -> None:
    lightgbm: Any = pytest.importorskip("lightgbm")
    lightgbm.LGBMRegressor(n_estimators=3, n_jobs=1, verbose=-1).fit(*numbers)
    assert "training_r2_score" in logged.metrics()
    assert warnings_of() == []
