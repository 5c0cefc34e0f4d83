"""Models of all families and options that are lowered, with their data: small, quick to fit."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import ensemble, feature_selection, linear_model, preprocessing, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

_ROWS = 240


class Data(NamedTuple):
    """Rows, and what is to be learned of them: two classes, three classes, a number, a count."""

    rows: Any
    two: NDArray[Any]
    three: NDArray[Any]
    number: NDArray[Any]
    counted: NDArray[Any]


@cache
def numbers(*, missing: bool = False) -> Data:
    """An array of five columns, of which two have ties."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(_ROWS, 5)) * [1, 10, 0.1, 1, 1000]
    rows[:, 1] = rows[:, 1].round()
    rows[:, 3] = rng.integers(0, 4, _ROWS)
    number = rows[:, 0] + 0.1 * rows[:, 1] + np.sin(rows[:, 3]) + rng.normal(size=_ROWS) * 0.1
    if missing:
        rows[rng.random(rows.shape) < 0.1] = np.nan
    return _data(rows, number)


def _data(rows: Any, number: NDArray[Any]) -> Data:
    three = np.array(["high", "low", "mid"])[np.digitize(number, np.quantile(number, [0.3, 0.6]))]
    count = np.exp(number / 2).round()
    return Data(rows, number > np.median(number), three, number, count)


@cache
def frame(*, categorical: bool = False) -> Data:
    """A frame of columns of all types, with missing values."""
    rng = np.random.default_rng(4)
    found = pd.DataFrame(
        {
            "age": rng.integers(18, 90, _ROWS),
            "income": rng.normal(3e4, 1e4, _ROWS),
            "city": rng.choice(["Rome", "Oslo", "Bern", "Nice"], _ROWS, p=[0.5, 0.3, 0.15, 0.05]),
            "plan": np.array(["free", "pro", None], object)[rng.integers(0, 3, _ROWS)],
            "active": rng.random(_ROWS) < 0.5,
            "grade": rng.choice([1, 2, 3], _ROWS),
        }
    )
    found.loc[rng.random(_ROWS) < 0.1, "income"] = np.nan
    if categorical:
        found = found.astype({"city": "category", "plan": "category"})
    number = found["age"] / 20 + (found["city"] == "Rome") + rng.normal(size=_ROWS) * 0.2
    return _data(found, number.to_numpy())


_INCOME = ["age", "income"]
_TEXTS = ["city", "plan"]


def _columns(*, sparse: bool = True, **options: Any) -> ColumnTransformer:
    one_hot = preprocessing.OneHotEncoder(
        sparse_output=sparse, **{"handle_unknown": "ignore", **options}
    )
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), preprocessing.StandardScaler()), _INCOME),
            ("texts", one_hot, _TEXTS),
            ("as it is", "passthrough", ["grade"]),
        ]
    )


def _ordinal(**options: Any) -> ColumnTransformer:
    encoder = preprocessing.OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, **options
    )
    return ColumnTransformer([("texts", encoder, [*_TEXTS, "grade"])], remainder="passthrough")


def _texts_filled() -> ColumnTransformer:
    texts = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="none"),
        preprocessing.OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
    )
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True))
    return ColumnTransformer([("t", texts, _TEXTS), ("n", numbers, _INCOME)])


def _union() -> FeatureUnion:
    return FeatureUnion(
        [("scaled", preprocessing.RobustScaler()), ("log", preprocessing.MaxAbsScaler(clip=True))]
    )


def _binned(encode: str) -> preprocessing.KBinsDiscretizer:
    return preprocessing.KBinsDiscretizer(4, encode=encode, quantile_method="averaged_inverted_cdf")


def _target_encoded() -> ColumnTransformer:
    return ColumnTransformer(
        [
            ("texts", preprocessing.TargetEncoder(cv=2, random_state=0), [*_TEXTS, "grade"]),
            ("numbers", SimpleImputer(), _INCOME),
        ]
    )


def _network(kind: Any, **options: Any) -> Pipeline:
    network = kind(hidden_layer_sizes=(6, 4), max_iter=30, random_state=0, **options)
    return make_pipeline(preprocessing.StandardScaler(), network)


def _scaled(model: Any) -> Pipeline:
    return make_pipeline(preprocessing.StandardScaler(), model)


def _voting(voting: str, **options: Any) -> ensemble.VotingClassifier:
    parts = [
        ("line", make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression())),
        ("forest", ensemble.RandomForestClassifier(**_FEW)),
    ]
    return ensemble.VotingClassifier(parts, voting=voting, **options)


Configuration = tuple[Callable[[], Any], str, Callable[[], Data]]
_SGD = linear_model.SGDClassifier
_SEED = {"random_state": 0}
_FEW = {"n_estimators": 12, "random_state": 0}

CONFIGURATIONS: dict[str, Configuration] = {
    # linear models
    "logistic, two classes": (linear_model.LogisticRegression, "two", numbers),
    "logistic, three classes": (linear_model.LogisticRegression, "three", numbers),
    "logistic without intercept": (
        lambda: linear_model.LogisticRegression(fit_intercept=False),
        "two",
        numbers,
    ),
    "logistic by cross-validation": (
        lambda: linear_model.LogisticRegressionCV(
            Cs=2, cv=2, max_iter=50, l1_ratios=(0,), use_legacy_attributes=False
        ),
        "three",
        numbers,
    ),
    "linear": (linear_model.LinearRegression, "number", numbers),
    "ridge": (linear_model.Ridge, "number", numbers),
    "ridge classifier": (linear_model.RidgeClassifier, "three", numbers),
    "lasso": (lambda: linear_model.Lasso(0.01), "number", numbers),
    "elastic net": (lambda: linear_model.ElasticNet(0.01), "number", numbers),
    "bayesian ridge": (linear_model.BayesianRidge, "number", numbers),
    "huber": (linear_model.HuberRegressor, "number", numbers),
    "poisson": (linear_model.PoissonRegressor, "counted", numbers),
    "gamma": (linear_model.TweedieRegressor, "number", numbers),
    "sgd, hinge": (lambda: _SGD(**_SEED), "three", numbers),
    "sgd, log loss": (lambda: _SGD(loss="log_loss", **_SEED), "three", numbers),
    "sgd, log loss, two": (lambda: _SGD(loss="log_loss", **_SEED), "two", numbers),
    "sgd, modified huber": (lambda: _SGD(loss="modified_huber", **_SEED), "three", numbers),
    "sgd regression": (
        lambda: make_pipeline(
            preprocessing.StandardScaler(), linear_model.SGDRegressor(random_state=0)
        ),
        "number",
        numbers,
    ),
    "linear svc": (lambda: svm.LinearSVC(**_SEED), "two", numbers),
    "discriminant": (LinearDiscriminantAnalysis, "three", numbers),
    # what comes before
    "standard scaler": (
        lambda: make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()),
        "two",
        numbers,
    ),
    "clipped": (
        lambda: make_pipeline(preprocessing.MinMaxScaler(clip=True), linear_model.Ridge()),
        "number",
        numbers,
    ),
    "filled": (
        lambda: make_pipeline(
            SimpleImputer(strategy="median", add_indicator=True),
            preprocessing.StandardScaler(with_mean=False),
            linear_model.LogisticRegression(),
        ),
        "three",
        lambda: numbers(missing=True),
    ),
    "union": (lambda: make_pipeline(_union(), linear_model.Ridge()), "number", numbers),
    "square": (
        lambda: make_pipeline(
            preprocessing.FunctionTransformer(np.square), linear_model.LinearRegression()
        ),
        "number",
        numbers,
    ),
    "columns by number": (
        lambda: make_pipeline(
            ColumnTransformer(
                [("a", preprocessing.StandardScaler(), [0, 4]), ("b", "passthrough", slice(1, 4))]
            ),
            linear_model.LogisticRegression(),
        ),
        "two",
        numbers,
    ),
    "sparse one-hot": (
        lambda: Pipeline([("columns", _columns()), ("model", linear_model.LogisticRegression())]),
        "two",
        frame,
    ),
    "sparse one-hot, three": (
        lambda: make_pipeline(_columns(), linear_model.LogisticRegression()),
        "three",
        frame,
    ),
    "dense one-hot": (
        lambda: make_pipeline(_columns(sparse=False), linear_model.LogisticRegression()),
        "two",
        frame,
    ),
    "one-hot, first dropped": (
        lambda: make_pipeline(_columns(drop="first"), linear_model.Ridge()),
        "number",
        frame,
    ),
    "one-hot, rare together": (
        lambda: make_pipeline(
            _columns(min_frequency=40, handle_unknown="infrequent_if_exist"),
            linear_model.LogisticRegression(),
        ),
        "two",
        frame,
    ),
    "one-hot that refuses": (
        lambda: make_pipeline(_columns(handle_unknown="error"), linear_model.Ridge()),
        "number",
        frame,
    ),
    "texts filled": (
        lambda: make_pipeline(_texts_filled(), linear_model.LogisticRegression()),
        "three",
        frame,
    ),
    "ordinal": (
        lambda: make_pipeline(_ordinal(), HistGradientBoostingClassifier(max_iter=8)),
        "two",
        frame,
    ),
    "ordinal, missing is -2": (
        lambda: make_pipeline(
            _ordinal(encoded_missing_value=-2), HistGradientBoostingRegressor(max_iter=8)
        ),
        "number",
        frame,
    ),
    # trees
    "tree": (lambda: tree.DecisionTreeClassifier(**_SEED), "three", numbers),
    "tree, missing": (
        lambda: tree.DecisionTreeClassifier(**_SEED),
        "two",
        lambda: numbers(missing=True),
    ),
    "tree regression": (lambda: tree.DecisionTreeRegressor(**_SEED), "number", numbers),
    "extra tree": (lambda: tree.ExtraTreeClassifier(**_SEED), "three", numbers),
    "forest": (lambda: ensemble.RandomForestClassifier(**_FEW), "three", numbers),
    "forest of booleans": (lambda: ensemble.RandomForestClassifier(**_FEW), "two", numbers),
    "forest, missing": (
        lambda: ensemble.RandomForestRegressor(**_FEW),
        "number",
        lambda: numbers(missing=True),
    ),
    "forest, columns": (
        lambda: make_pipeline(_columns(), ensemble.RandomForestClassifier(**_FEW)),
        "two",
        frame,
    ),
    "extra trees": (lambda: ensemble.ExtraTreesRegressor(**_FEW), "number", numbers),
    "isolation forest": (lambda: ensemble.IsolationForest(**_FEW), "number", numbers),
    "isolation forest, some columns": (
        lambda: ensemble.IsolationForest(max_features=0.5, contamination=0.1, **_FEW),
        "number",
        numbers,
    ),
    # boosting
    "histograms": (lambda: HistGradientBoostingClassifier(max_iter=8), "two", numbers),
    "histograms, three": (lambda: HistGradientBoostingClassifier(max_iter=6), "three", numbers),
    "histograms, missing": (
        lambda: HistGradientBoostingRegressor(max_iter=8),
        "number",
        lambda: numbers(missing=True),
    ),
    "histograms, poisson": (
        lambda: HistGradientBoostingRegressor(loss="poisson", max_iter=8),
        "counted",
        numbers,
    ),
    "histograms, monotonic": (
        lambda: HistGradientBoostingRegressor(max_iter=8, monotonic_cst=[1, 0, 0, 0, 0]),
        "number",
        numbers,
    ),
    "histograms, categories": (
        lambda: HistGradientBoostingClassifier(max_iter=8),
        "three",
        lambda: frame(categorical=True),
    ),
    "histograms, numbered categories": (
        lambda: HistGradientBoostingRegressor(max_iter=8, categorical_features=[3]),
        "number",
        numbers,
    ),
    "gradient boosting": (
        lambda: ensemble.GradientBoostingClassifier(n_estimators=10, **_SEED),
        "two",
        numbers,
    ),
    "gradient boosting, three": (
        lambda: ensemble.GradientBoostingClassifier(n_estimators=6, **_SEED),
        "three",
        numbers,
    ),
    "gradient boosting, exponential": (
        lambda: ensemble.GradientBoostingClassifier(loss="exponential", n_estimators=6, **_SEED),
        "two",
        numbers,
    ),
    "gradient boosting from zero": (
        lambda: ensemble.GradientBoostingRegressor(init="zero", n_estimators=6, **_SEED),
        "number",
        numbers,
    ),
    # naive Bayes
    "gaussian": (GaussianNB, "three", numbers),
    "gaussian, columns": (
        lambda: make_pipeline(_columns(sparse=False), GaussianNB()),
        "two",
        frame,
    ),
    "multinomial": (lambda: make_pipeline(_binned("ordinal"), MultinomialNB()), "three", numbers),
    "complement": (lambda: make_pipeline(_binned("onehot-dense"), ComplementNB()), "two", numbers),
    "bernoulli": (lambda: BernoulliNB(binarize=0.2), "three", numbers),
    # other features
    "binned": (
        lambda: make_pipeline(_binned("onehot"), linear_model.LogisticRegression()),
        "three",
        numbers,
    ),
    "polynomial": (
        lambda: make_pipeline(
            preprocessing.StandardScaler(),
            preprocessing.PolynomialFeatures(3),
            linear_model.Ridge(),
        ),
        "number",
        numbers,
    ),
    "interactions": (
        lambda: make_pipeline(
            preprocessing.PolynomialFeatures((2, 3), interaction_only=True, include_bias=False),
            linear_model.Ridge(),
        ),
        "number",
        numbers,
    ),
    "principal components": (
        lambda: make_pipeline(
            preprocessing.StandardScaler(),
            PCA(3, whiten=True),
            linear_model.LogisticRegression(),
        ),
        "two",
        numbers,
    ),
    "selected": (
        lambda: make_pipeline(
            feature_selection.VarianceThreshold(0.1),
            feature_selection.SelectKBest(k=2),
            linear_model.LogisticRegression(),
        ),
        "two",
        numbers,
    ),
    "target encoder": (
        lambda: make_pipeline(_target_encoded(), linear_model.LogisticRegression()),
        "two",
        frame,
    ),
    "target encoder, three": (
        lambda: make_pipeline(_target_encoded(), ensemble.RandomForestClassifier(**_FEW)),
        "three",
        frame,
    ),
    # networks and ensembles
    "network": (lambda: _network(MLPClassifier), "two", numbers),
    "network, three, tanh": (
        lambda: _network(MLPClassifier, activation="tanh"),
        "three",
        numbers,
    ),
    "network regression": (
        lambda: _network(MLPRegressor, activation="logistic"),
        "number",
        numbers,
    ),
    "voting": (lambda: _voting("soft", weights=[2, 1]), "three", numbers),
    "voting by heads": (lambda: _voting("hard"), "three", numbers),
    "voting regression": (
        lambda: ensemble.VotingRegressor(
            [("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(**_SEED))]
        ),
        "number",
        numbers,
    ),
    "calibrated": (
        lambda: CalibratedClassifierCV(svm.LinearSVC(**_SEED), cv=2),
        "two",
        numbers,
    ),
    "calibrated in steps": (
        lambda: CalibratedClassifierCV(svm.LinearSVC(**_SEED), cv=2, method="isotonic"),
        "two",
        numbers,
    ),
    "calibrated in steps, three": (
        lambda: CalibratedClassifierCV(GaussianNB(), cv=3, method="isotonic"),
        "three",
        numbers,
    ),
    # support vectors and clusters
    "svc": (svm.SVC, "two", numbers),
    "svc, three": (lambda: _scaled(svm.SVC()), "three", numbers),
    "svc, three, pairs": (
        lambda: _scaled(svm.SVC(kernel="poly", decision_function_shape="ovo")),
        "three",
        numbers,
    ),
    "svc, linear": (lambda: _scaled(svm.SVC(kernel="linear")), "three", numbers),
    "nu svc": (lambda: _scaled(svm.NuSVC(nu=0.2, kernel="sigmoid", coef0=0.1)), "two", numbers),
    "svc of columns": (lambda: make_pipeline(_columns(sparse=False), svm.SVC()), "three", frame),
    "svr": (lambda: _scaled(svm.SVR()), "number", numbers),
    "svr, polynomial": (lambda: _scaled(svm.SVR(kernel="poly", degree=5)), "number", numbers),
    "nu svr": (lambda: _scaled(svm.NuSVR(gamma=0.3)), "number", numbers),
    "one class": (lambda: svm.OneClassSVM(nu=0.2), "number", numbers),
    "calibrated svc": (
        lambda: CalibratedClassifierCV(svm.SVC(), cv=2, method="isotonic"),
        "two",
        numbers,
    ),
    "k-means": (lambda: KMeans(4, n_init=1, **_SEED), "number", numbers),
    "k-means, scaled": (lambda: _scaled(MiniBatchKMeans(7, n_init=1, **_SEED)), "number", numbers),
    "calibrated forest": (
        lambda: CalibratedClassifierCV(ensemble.RandomForestClassifier(**_FEW), cv=2),
        "three",
        numbers,
    ),
}


@cache
def fitted(name: str) -> tuple[Any, Data]:
    """Return the model of a configuration, fitted, and its data."""
    make, target, data = CONFIGURATIONS[name]
    found = data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some are not fitted to their end, on purpose
        return make().fit(found.rows, getattr(found, target)), found
