"""A fit becomes a run: params, metrics by the kind of estimator, data, model."""

from __future__ import annotations

import io
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn import cluster, ensemble, linear_model, metrics, neighbors, svm
from sklearn.datasets import make_blobs, make_multilabel_classification
from sklearn.mixture import GaussianMixture
from sklearn.multioutput import MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lite_mlops.autologging.estimators import params_of
from lite_mlops.autologging.texts import text_of
from lite_mlops.models import Signature
from tests.autologging.conftest import Logged, Table


def test_a_fit_becomes_a_run(logged: Logged, classes: Table) -> None:
    X_train, y_train = classes
    model = linear_model.LogisticRegression(C=0.5)
    assert model.fit(X_train, y_train) is model
    run = logged.run()
    assert run.status == "finished"
    assert run.tags == {
        "estimator": "LogisticRegression",
        "estimator_class": "sklearn.linear_model._logistic.LogisticRegression",
    }
    assert run.params["C"] == "0.5"
    assert set(run.params) == set(model.get_params())
    found = logged.metrics()
    assert (found["training_rows"], found["training_columns"]) == (80, 4)
    assert found["fit_seconds"] > 0


def test_the_metrics_of_a_classifier(logged: Logged, classes: Table) -> None:
    features, labels = classes
    model = linear_model.LogisticRegression().fit(features, labels)
    predicted, scores = model.predict(features), model.predict_proba(features)
    found = logged.metrics()
    assert found["training_accuracy_score"] == np.mean(predicted == labels)
    assert found["training_log_loss"] == pytest.approx(metrics.log_loss(labels, scores))
    assert found["training_roc_auc"] == pytest.approx(metrics.roc_auc_score(labels, scores[:, 1]))
    for name in ("precision", "recall", "f1"):
        score = getattr(metrics, f"{name}_score")(labels, predicted, average="weighted")
        assert found[f"training_{name}_score"] == pytest.approx(score)


def test_a_classifier_of_several_classes_with_texts(logged: Logged) -> None:
    features, numbers = make_blobs(90, centers=3, random_state=0)
    labels = np.array(["ash", "beech", "oak"])[numbers]
    model = GaussianNB().fit(features, labels)
    expected = metrics.roc_auc_score(
        labels, model.predict_proba(features), multi_class="ovr", average="weighted"
    )
    assert logged.metrics()["training_roc_auc"] == pytest.approx(expected)


def test_a_classifier_without_probabilities(logged: Logged, classes: Table) -> None:
    svm.LinearSVC().fit(*classes)
    found = logged.metrics()
    assert "training_roc_auc" in found
    assert "training_log_loss" not in found


def test_a_classifier_of_several_labels(logged: Logged) -> None:
    features, labels = make_multilabel_classification(60, random_state=0)
    neighbors.KNeighborsClassifier().fit(features, labels)
    found = logged.metrics()
    assert found["training_f1_score"] > 0
    assert "training_roc_auc" not in found


def test_the_metrics_of_a_regressor(logged: Logged, numbers: Table) -> None:
    features, target = numbers
    model = linear_model.Ridge().fit(features, target)
    predicted = model.predict(features)
    found = logged.metrics()
    square = metrics.mean_squared_error(target, predicted)
    assert found["training_mean_squared_error"] == pytest.approx(square)
    assert found["training_root_mean_squared_error"] == pytest.approx(square**0.5)
    assert found["training_r2_score"] == pytest.approx(metrics.r2_score(target, predicted))
    mean = metrics.mean_absolute_error(target, predicted)
    assert found["training_mean_absolute_error"] == pytest.approx(mean)


def test_a_regressor_of_several_targets(logged: Logged, numbers: Table) -> None:
    features, target = numbers
    MultiOutputRegressor(linear_model.Ridge()).fit(features, np.column_stack([target, -target]))
    assert logged.metrics()["training_r2_score"] > 0.9
    assert len(logged.runs()) == 1


def test_sample_weights_count(logged: Logged, numbers: Table) -> None:
    features, target = numbers
    weight = np.linspace(0.1, 1, len(target))
    model = linear_model.Ridge().fit(features, target, sample_weight=weight)
    expected = metrics.r2_score(target, model.predict(features), sample_weight=weight)
    assert logged.metrics()["training_r2_score"] == pytest.approx(expected)


def test_the_metrics_of_clusters(logged: Logged) -> None:
    rows, _ = make_blobs(100, centers=3, random_state=0)
    model = cluster.KMeans(3, n_init=1, random_state=0).fit(rows)
    found = logged.metrics()
    assert found["training_inertia"] == pytest.approx(model.inertia_)
    assert found["training_clusters"] == 3
    assert found["training_silhouette_score"] == pytest.approx(
        metrics.silhouette_score(rows, model.labels_)
    )
    assert found["training_calinski_harabasz_score"] == pytest.approx(
        metrics.calinski_harabasz_score(rows, model.labels_)
    )


def test_what_is_in_no_cluster_does_not_count_as_one(logged: Logged) -> None:
    rows, _ = make_blobs(100, centers=2, cluster_std=0.3, random_state=0)
    labels = cluster.DBSCAN(eps=0.5).fit_predict(np.vstack([rows, [[50.0, 50.0]]]))
    assert labels[-1] == -1
    assert logged.metrics()["training_clusters"] == len(set(labels)) - 1


def test_a_clustering_of_everything_into_one(logged: Logged) -> None:
    cluster.DBSCAN(eps=100).fit(np.zeros((20, 2)))
    found = logged.metrics()
    assert found["training_clusters"] == 1
    assert "training_silhouette_score" not in found


@pytest.mark.parametrize(
    "detector",
    [ensemble.IsolationForest(random_state=0), neighbors.LocalOutlierFactor(), svm.OneClassSVM()],
    ids=lambda detector: type(detector).__name__,
)
def test_the_share_of_outliers(logged: Logged, classes: Table, detector: Any) -> None:
    detector.fit(classes[0])
    assert 0 < logged.metrics()["training_outlier_share"] < 1


def test_the_share_of_outliers_by_fit_predict(logged: Logged, classes: Table) -> None:
    labels = neighbors.LocalOutlierFactor().fit_predict(classes[0])
    assert logged.metrics()["training_outlier_share"] == np.mean(labels == -1)


def test_a_transformer_has_params_and_facts(logged: Logged, classes: Table) -> None:
    transformed = StandardScaler().fit_transform(classes[0])
    assert transformed.mean() == pytest.approx(0)
    assert logged.run().params["with_mean"] == "True"
    assert set(logged.metrics()) == {"fit_seconds", "training_rows", "training_columns"}


def test_an_estimator_of_no_kind(logged: Logged, classes: Table) -> None:
    GaussianMixture(2, random_state=0).fit(classes[0])
    assert "fit_seconds" in logged.metrics()


def test_a_pipeline_is_one_run_with_all_its_params(logged: Logged, classes: Table) -> None:
    make_pipeline(StandardScaler(), svm.SVC(C=3)).fit(*classes)
    params = logged.run().params
    assert params["svc__C"] == "3"
    assert params["standardscaler__with_std"] == "True"
    assert logged.metrics()["training_accuracy_score"] > 0.5


def test_the_model_can_be_read_back(logged: Logged, classes: Table) -> None:
    features, labels = classes
    model = linear_model.LogisticRegression().fit(features, labels)
    data = logged.project.runs.read_artifact(logged.run().id, "model/model.joblib")
    again = joblib.load(io.BytesIO(data))
    assert (again.predict(features) == model.predict(features)).all()
    signature = Signature.from_dict(logged.json("model/signature.json"))
    assert (signature.features, signature.classes) == (("x0", "x1", "x2", "x3"), (0, 1))
    assert signature.columns[0].low == features[:, 0].min()
    example = logged.json("model/input_example.json")
    assert example["columns"] == ["x0", "x1", "x2", "x3"]
    assert np.array_equal(example["data"], features[:5])
    assert logged.project.models.all() == []


def test_the_dataset_version_covers_data_and_target(logged: Logged, classes: Table) -> None:
    X_train, y_train = classes
    linear_model.LogisticRegression().fit(X_train, y_train)
    first = logged.project.datasets.used_by(logged.run().id, "training")
    assert first is not None
    assert (first.name, first.rows, first.columns) == ("X_train", 80, 5)
    changed = 1 - y_train
    linear_model.LogisticRegression().fit(X_train, changed)
    second = logged.project.datasets.used_by(logged.runs()[-1].id, "training")
    assert second is not None
    assert first.sha256 != second.sha256


def test_what_an_iteration_measured_is_logged_by_step(logged: Logged, numbers: Table) -> None:
    model = ensemble.GradientBoostingRegressor(n_estimators=7).fit(*numbers)
    history = logged.project.runs.history(logged.run().id, "iteration_train_score")
    assert history.values.tolist() == pytest.approx(model.train_score_.tolist())


def test_a_model_is_registered_if_that_is_asked(
    logged: Logged, switch: Any, classes: Table
) -> None:
    switch(registered_model_name="trees", budget_seconds=0)
    ensemble.RandomForestClassifier(3).fit(*classes)
    (version,) = logged.project.models.all("trees")
    assert version.run_id == logged.run().id


# -- params as texts -----------------------------------------------------------------------------


def test_long_values_are_cut_with_a_mark() -> None:
    assert text_of("ab") == "ab"
    assert text_of("x" * 501) == "x" * 500 + "... (501 characters)"
    assert text_of(list(range(1_000_000))).endswith("... (1,000,000 items)")
    assert text_of(dict.fromkeys(range(200))).endswith("... (200 items)")
    assert len(text_of([["x" * 10_000]] * 50)) < 600


def test_params_of_nested_estimators() -> None:
    model = ensemble.VotingClassifier([("a", svm.SVC(C=2)), ("b", GaussianNB())])
    assert params_of(model)["a__C"] == "2"
