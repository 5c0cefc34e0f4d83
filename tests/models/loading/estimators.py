"""Fitted models of every kind that scikit-learn has, for the shipped list and its tests."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.datasets import make_classification, make_multilabel_classification, make_regression
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import (
    RFE,
    SelectFromModel,
    SelectKBest,
    SequentialFeatureSelector,
    chi2,
    f_classif,
    f_regression,
    mutual_info_classif,
    mutual_info_regression,
    r_regression,
)
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor, kernels
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.metrics import (
    DistanceMetric,
    accuracy_score,
    f1_score,
    get_scorer,
    get_scorer_names,
    make_scorer,
    mean_absolute_error,
)
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    LeavePGroupsOut,
    LeavePOut,
    PredefinedSplit,
    RandomizedSearchCV,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
    TunedThresholdClassifierCV,
)
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.neighbors import BallTree, KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import all_estimators
from threadpoolctl import threadpool_limits

ROWS, LABELS = make_classification(80, 6, n_informative=4, random_state=0)
POSITIVE = np.abs(ROWS)
_, TARGETS = make_regression(80, 6, random_state=0)
TARGETS = np.abs(TARGETS) / 100 + 0.5
MULTI_ROWS, MULTI_LABELS = make_multilabel_classification(80, 6, n_classes=3, random_state=0)
MULTI_TARGETS = np.column_stack([TARGETS, TARGETS[::-1]])
WORDS = np.array(["no", "yes"], dtype=object)[LABELS]
FRAME = pd.DataFrame(ROWS, columns=list("abcdef")).assign(
    kind=np.resize(["x", "y", "z"], 80), level=np.resize([1, 2], 80)
)

# Constructors that need arguments.
REQUIRED: dict[str, Callable[[type], Any]] = {
    "ClassifierChain": lambda kind: kind(LogisticRegression()),
    "RegressorChain": lambda kind: kind(Ridge()),
    "MultiOutputClassifier": lambda kind: kind(LogisticRegression()),
    "MultiOutputRegressor": lambda kind: kind(Ridge()),
    "OneVsOneClassifier": lambda kind: kind(LogisticRegression()),
    "OneVsRestClassifier": lambda kind: kind(LogisticRegression()),
    "OutputCodeClassifier": lambda kind: kind(LogisticRegression()),
    "FixedThresholdClassifier": lambda kind: kind(LogisticRegression()),
    "TunedThresholdClassifierCV": lambda kind: kind(LogisticRegression()),
    "FrozenEstimator": lambda kind: kind(LogisticRegression().fit(ROWS, LABELS)),
    "SelfTrainingClassifier": lambda kind: kind(LogisticRegression()),
    "StackingClassifier": lambda kind: kind([("a", LogisticRegression()), ("b", SVC())]),
    "StackingRegressor": lambda kind: kind([("a", Ridge()), ("b", DecisionTreeRegressor())]),
    "VotingClassifier": lambda kind: kind([("a", LogisticRegression()), ("b", SVC())]),
    "VotingRegressor": lambda kind: kind([("a", Ridge()), ("b", DecisionTreeRegressor())]),
    "RFE": lambda kind: kind(LogisticRegression()),
    "RFECV": lambda kind: kind(LogisticRegression()),
    "SelectFromModel": lambda kind: kind(LogisticRegression()),
    "SequentialFeatureSelector": lambda kind: kind(LogisticRegression()),
    "GridSearchCV": lambda kind: kind(LogisticRegression(), {"C": [0.1, 1.0]}),
    "RandomizedSearchCV": lambda kind: kind(LogisticRegression(), {"C": [0.1, 1.0]}, n_iter=2),
    "HalvingGridSearchCV": lambda kind: kind(LogisticRegression(), {"C": [0.1, 1.0]}),
    "HalvingRandomSearchCV": lambda kind: kind(LogisticRegression(), {"C": [0.1, 1.0]}),
    "Pipeline": lambda kind: kind([("scale", StandardScaler()), ("fit", LogisticRegression())]),
    "FeatureUnion": lambda kind: kind([("a", StandardScaler()), ("b", PCA(2))]),
    "ColumnTransformer": lambda kind: kind([("a", StandardScaler(), [0, 1])]),
    "GaussianRandomProjection": lambda kind: kind(2),
    "SparseRandomProjection": lambda kind: kind(2),
    "SparseCoder": lambda kind: kind(np.eye(6)),
}
_FEW = {"n_estimators": 5, "max_iter": 40, "n_init": 1}
_KEEP = {"OrthogonalMatchingPursuitCV"}  # whose iterations are something else


def constructed(name: str, kind: type) -> Any:
    """A small estimator of a kind."""
    made = REQUIRED[name](kind) if name in REQUIRED else kind()
    known = made.get_params()
    few: dict[str, Any] = {
        key: value for key, value in _FEW.items() if key in known and name not in _KEEP
    }
    if "random_state" in known:
        few["random_state"] = 0
    if name == "FrozenEstimator":
        return made
    if name in ("MLPClassifier", "MLPRegressor"):
        few["hidden_layer_sizes"] = (5,)
    return made.set_params(**few)


# What each estimator is tried with, until one fits.
DATA: tuple[tuple[Any, Any], ...] = (
    (ROWS, LABELS),
    (POSITIVE, TARGETS),
    (POSITIVE, LABELS),
    (MULTI_ROWS, MULTI_LABELS),
    (POSITIVE, MULTI_TARGETS),
    (ROWS[:, 0], TARGETS),
    (["some text", "more of it", "words"] * 10, [0, 1, 0] * 10),
    ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}] * 10, [0, 1] * 10),
    ([("a", "b"), ("c",)] * 10, None),
    (LABELS, None),
    (np.eye(5), None),
)


def fitted(estimator: Any) -> tuple[Any, Any] | None:
    """The estimator and the rows it was fitted on; None if it takes no plain data."""
    for rows, target in DATA:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if target is None:
                    return estimator.fit(rows), rows
                return estimator.fit(rows, target), rows
        except (ValueError, TypeError, AttributeError, IndexError, ArithmeticError):
            continue
    return None


def every_estimator(type_filter: Any = None) -> Iterator[tuple[str, Any, Any]]:
    """Every estimator of scikit-learn that fits on plain data, fitted: name, model, rows."""
    with threadpool_limits(1):  # on these few rows threads only wait for each other
        for name, kind in all_estimators(type_filter):
            found = fitted(constructed(name, kind))
            if found is not None:
                yield name, *found


def _texts() -> Iterator[Any]:
    texts, labels = ["good thing", "bad thing", "so good", "so bad"] * 5, [1, 0, 1, 0] * 5
    for vectorizer in (
        CountVectorizer(),
        TfidfVectorizer(ngram_range=(1, 2), stop_words="english"),
        HashingVectorizer(),
    ):
        yield make_pipeline(vectorizer, LogisticRegression()).fit(texts, labels)
    yield TfidfVectorizer().fit(texts)


def _frames() -> Iterator[Any]:
    yield make_pipeline(
        make_column_transformer(
            (StandardScaler(), make_column_selector(dtype_include=float)),
            (OneHotEncoder(handle_unknown="ignore"), ["kind"]),
            remainder="passthrough",
        ),
        LogisticRegression(max_iter=500),
    ).fit(FRAME, WORDS)
    by_kind = FRAME.astype({"kind": "category"})
    yield HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype").fit(
        by_kind, LABELS
    )
    yield make_column_transformer((OrdinalEncoder(), ["kind"]), (TargetEncoder(), ["level"])).fit(
        FRAME, LABELS
    )
    yield ColumnTransformer([("s", StandardScaler(), slice(0, 3)), ("d", "drop", ["kind"])]).fit(
        FRAME
    )
    yield make_pipeline(StandardScaler(), PCA(2)).set_output(transform="pandas").fit(ROWS)
    yield LogisticRegression().fit(FRAME[list("abcdef")], pd.Series(WORDS, dtype="category"))
    yield OneHotEncoder().fit(by_kind[["kind"]])
    yield OneHotEncoder(categories=[["x", "y", "z"]], dtype=np.float32).fit(FRAME[["kind"]])
    yield OneHotEncoder(dtype=int).fit(FRAME.assign(day=pd.Timestamp("2026-01-01"))[["day"]])


def _searches() -> Iterator[Any]:
    grid = {"C": np.logspace(-1, 0, 2)}
    for scoring in get_scorer_names():
        yield get_scorer(scoring)
    for splitter in (
        KFold(2),
        StratifiedKFold(2),
        ShuffleSplit(2),
        StratifiedShuffleSplit(2),
        TimeSeriesSplit(2),
        RepeatedKFold(n_splits=2, n_repeats=1),
        RepeatedStratifiedKFold(n_splits=2, n_repeats=1),
    ):
        yield GridSearchCV(LogisticRegression(), grid, cv=splitter).fit(ROWS, LABELS)
    yield [GroupKFold(2), StratifiedGroupKFold(2), GroupShuffleSplit(2), LeaveOneOut()]
    yield [LeavePOut(2), LeaveOneGroupOut(), LeavePGroupsOut(2), PredefinedSplit([0, 1])]
    yield GridSearchCV(
        LogisticRegression(),
        grid,
        scoring={"a": "accuracy", "f": make_scorer(f1_score), "r": "roc_auc"},
        refit="a",
    ).fit(ROWS, LABELS)
    yield RandomizedSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, n_iter=2).fit(ROWS, LABELS)
    for search in (HalvingGridSearchCV, HalvingRandomSearchCV):
        yield search(DecisionTreeClassifier(), {"max_depth": [1, 2, 3]}).fit(ROWS, LABELS)
    yield make_scorer(accuracy_score)
    yield make_scorer(mean_absolute_error, greater_is_better=False)
    yield LogisticRegressionCV(cv=2).fit(ROWS, LABELS)
    yield RidgeCV(scoring="neg_mean_squared_error").fit(ROWS, TARGETS)
    yield TunedThresholdClassifierCV(LogisticRegression(), scoring="f1").fit(ROWS, LABELS)
    yield FixedThresholdClassifier(LogisticRegression(), threshold=0.3).fit(ROWS, LABELS)


def _losses() -> Iterator[Any]:
    for loss in (
        "hinge log_loss modified_huber squared_hinge perceptron squared_error huber "
        "epsilon_insensitive squared_epsilon_insensitive"
    ).split():
        yield SGDClassifier(loss=loss, early_stopping=True).fit(ROWS, LABELS)
    for loss in "squared_error huber epsilon_insensitive squared_epsilon_insensitive".split():
        yield SGDRegressor(loss=loss).fit(ROWS, TARGETS)
    for loss in "squared_error absolute_error huber quantile".split():
        yield GradientBoostingRegressor(loss=loss, n_estimators=2).fit(ROWS, TARGETS)
    for loss in "log_loss exponential".split():
        yield GradientBoostingClassifier(loss=loss, n_estimators=2).fit(ROWS, LABELS)
    yield GradientBoostingClassifier(n_estimators=2).fit(ROWS, np.resize([0, 1, 2], 80))
    yield GradientBoostingClassifier(n_estimators=2, init=LogisticRegression()).fit(ROWS, LABELS)


def _histogram_losses() -> Iterator[Any]:
    for loss in "squared_error absolute_error gamma poisson quantile".split():
        yield HistGradientBoostingRegressor(loss=loss, max_iter=2, quantile=0.5).fit(ROWS, TARGETS)
    yield HistGradientBoostingClassifier(max_iter=2).fit(ROWS, np.resize([0, 1, 2], 80))
    yield HistGradientBoostingClassifier(max_iter=2, early_stopping=True).fit(ROWS, LABELS)
    for power in (0, 1, 1.5, 2, 3):
        for link in ("identity", "log"):
            yield TweedieRegressor(power=power, link=link).fit(ROWS, TARGETS)


def _criteria() -> Iterator[Any]:
    for criterion in "gini entropy log_loss".split():
        yield DecisionTreeClassifier(criterion=criterion).fit(ROWS, LABELS)
    for criterion in "squared_error friedman_mse absolute_error poisson".split():
        yield RandomForestRegressor(2, criterion=criterion).fit(ROWS, TARGETS)
    for solver in "lbfgs sgd adam".split():
        yield MLPClassifier(hidden_layer_sizes=(4,), solver=solver, max_iter=20).fit(ROWS, LABELS)
        yield MLPRegressor(
            hidden_layer_sizes=(4,), solver=solver, max_iter=20, early_stopping=solver != "lbfgs"
        ).fit(ROWS, TARGETS)


def _kernels() -> Iterator[Any]:
    k = kernels
    for kernel in (
        k.RBF() + k.WhiteKernel(),
        k.ConstantKernel() * k.Matern(),
        k.RationalQuadratic(),
        k.ExpSineSquared(),
        k.DotProduct() ** 2,
        k.PairwiseKernel(metric="rbf"),
    ):
        yield GaussianProcessRegressor(kernel)
        yield GaussianProcessClassifier(kernel)
    yield k.CompoundKernel([k.RBF()])
    for kernel in "linear poly rbf sigmoid".split():
        yield SVC(kernel=kernel, probability=False).fit(ROWS, LABELS)
    for algorithm in "ball_tree kd_tree brute".split():
        for metric in "minkowski euclidean manhattan chebyshev".split():
            yield KNeighborsClassifier(algorithm=algorithm, metric=metric).fit(ROWS, LABELS)
    for metric in BallTree.valid_metrics:
        if metric in ("pyfunc", "seuclidean", "mahalanobis"):
            continue
        rows = ROWS[:, :2] if metric == "haversine" else ROWS
        yield KNeighborsRegressor(algorithm="ball_tree", metric=metric).fit(rows, TARGETS)
        yield [DistanceMetric.get_metric(metric, dtype) for dtype in (np.float32, np.float64)]
    yield KNeighborsRegressor(algorithm="ball_tree", p=3).fit(ROWS, TARGETS)
    yield KNeighborsRegressor(
        algorithm="ball_tree", metric="seuclidean", metric_params={"V": np.ones(6)}
    ).fit(ROWS, TARGETS)
    yield KNeighborsRegressor(
        algorithm="ball_tree", metric="mahalanobis", metric_params={"VI": np.eye(6)}
    ).fit(ROWS, TARGETS)


def _others() -> Iterator[Any]:
    for score in (
        f_classif,
        f_regression,
        chi2,
        mutual_info_classif,
        mutual_info_regression,
        r_regression,
    ):
        yield SelectKBest(score, k=2).fit(POSITIVE, LABELS)
    yield RFE(LinearSVC(), n_features_to_select=2).fit(ROWS, LABELS)
    yield SelectFromModel(RandomForestClassifier(2)).fit(ROWS, LABELS)
    yield SequentialFeatureSelector(Ridge(), n_features_to_select=2, cv=2).fit(ROWS, TARGETS)
    for name in UFUNCS:
        yield FunctionTransformer(getattr(np, name))
    yield TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1).fit(
        ROWS, TARGETS
    )
    for method in "sigmoid isotonic temperature".split():
        yield CalibratedClassifierCV(LogisticRegression(), method=method, cv=2).fit(ROWS, LABELS)
    yield MultiOutputClassifier(LogisticRegression()).fit(MULTI_ROWS, MULTI_LABELS)
    yield MultiOutputRegressor(Ridge()).fit(ROWS, MULTI_TARGETS)
    yield FeatureUnion(
        [("p", PCA(2)), ("q", PolynomialFeatures()), ("s", SplineTransformer())]
    ).fit(ROWS)
    for encode in "onehot ordinal onehot-dense".split():
        yield KBinsDiscretizer(3, encode=encode, quantile_method="averaged_inverted_cdf").fit(ROWS)
    for sparse in (scipy.sparse.csr_matrix, scipy.sparse.csc_matrix, scipy.sparse.csr_array):
        yield LogisticRegression().fit(sparse(ROWS), LABELS)
        yield KNeighborsClassifier().fit(sparse(ROWS), LABELS)
        yield LogisticRegression().fit(sparse(ROWS), LABELS).sparsify()
    yield [np.random.RandomState(0), np.random.default_rng(0)]
    for bits in (np.random.MT19937, np.random.PCG64DXSM, np.random.Philox, np.random.SFC64):
        yield np.random.Generator(bits(0))
    yield KMeans(2, random_state=np.random.RandomState(0), n_init=1).fit(ROWS)
    yield [
        kind(1) for kind in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32)
    ]
    yield [kind(1) for kind in (np.uint64, np.float16, np.float32, np.float64, np.complex128)]
    yield [np.bool_(True), np.str_("a"), np.bytes_(b"a"), np.datetime64("2026-01-01")]
    yield [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
    yield [np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128]
    yield [np.bool_, np.str_, np.bytes_, np.object_, np.datetime64, np.timedelta64]
    yield [int, float, str, bool, object, list, tuple, dict]
    yield np.dtype([("a", "f8"), ("b", "i4")])
    yield [{1, 2}, frozenset({3}), slice(1, 2), range(3), 1j, bytearray(b"a"), b"a", b""]


# Functions of one array that people transform columns with; only referred to, never called.
UFUNCS = (
    "abs absolute arccos arcsin arcsinh arctan arctanh cbrt ceil cos cosh deg2rad exp exp2 expm1 "
    "fabs floor isfinite isinf isnan log log10 log1p log2 logical_not negative positive rad2deg "
    "reciprocal rint sign sin sinh sqrt square tan tanh trunc"
).split()


def _moments() -> Iterator[Any]:
    from collections import Counter, OrderedDict, defaultdict, deque
    from datetime import UTC, date, datetime, time, timedelta

    yield [OrderedDict(a=1), defaultdict(int), defaultdict(list), deque([1], 2), Counter("ab")]
    yield [date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), time(1), timedelta(1)]


def _tables() -> Iterator[Any]:
    yield FRAME
    yield FRAME.astype({"kind": "category"})
    yield FRAME["kind"]
    yield FRAME["a"]
    yield FRAME.set_index(["kind", "level"])
    yield pd.Index([1.5, 2.5])
    yield pd.DataFrame({"n": pd.array([1, None], "Int64"), "f": pd.array([True, None], "boolean")})
    yield pd.DataFrame({"x": pd.array([1.5, None], "Float64")})
    yield pd.DataFrame({"t": pd.to_datetime(["2026-01-01", "2026-01-02"])})
    yield [pd.Timestamp("2026-01-01"), pd.Timedelta(1, "s"), pd.NA, pd.Interval(0, 1)]
    yield FRAME.dtypes


def every_model() -> Iterator[Any]:
    """Models and parts of models of every kind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _, model, _ in every_estimator():
            yield model
        for more in (
            _texts,
            _frames,
            _searches,
            _losses,
            _histogram_losses,
            _criteria,
            _kernels,
            _others,
            _moments,
            _tables,
        ):
            yield from more()
