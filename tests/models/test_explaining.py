"""Explanations: exact sums for linear models, honest changes for others; whose feature is whose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC, LinearSVC

from lite_mlops.errors import Invalid
from lite_mlops.models import (
    MAX_EXPLAINED,
    Asking,
    Explanation,
    Signature,
    explanations,
    infer_signature,
    why_unexplained,
)

RNG = np.random.default_rng(5)
ROWS = RNG.normal(loc=[5.0, -2.0, 300.0], scale=[1.0, 4.0, 90.0], size=(200, 3))
AMOUNT = ROWS @ [2.0, -1.0, 0.01] + RNG.normal(size=200)
MIDDLE = np.median(AMOUNT)
TWO = np.where(AMOUNT > MIDDLE, "yes", "no")
THREE = np.digitize(AMOUNT, np.quantile(AMOUNT, [0.3, 0.7]))

FRAME = pd.DataFrame(
    {
        "plan": RNG.choice(["basic", "pro", "team"], size=200),
        "age": RNG.integers(18, 90, size=200),
        "city": RNG.choice(["Bonn", "Lyon", "Rome", "Oslo"], size=200),
        "income": np.where(RNG.random(200) < 0.1, np.nan, RNG.normal(40_000, 9_000, size=200)),
        "member": RNG.random(200) < 0.5,
    }
)


def asking_of(model: Any, training: Any = ROWS) -> Asking:
    """A model with the signature that it would be registered with."""
    return Asking(model, infer_signature(model, training[:5], training))


def explained(model: Any, rows: Any = ROWS[:20], training: Any = ROWS) -> list[Explanation]:
    asking = asking_of(model, training)
    return explanations(asking, asking.signature.validate(rows))


def decision(model: Any, rows: Any) -> Any:
    """What the decision function, or the link of a regression, says to the class answered."""
    if not hasattr(model, "decision_function"):
        return np.asarray(model.predict(rows), float)
    scores = np.asarray(model.decision_function(rows))
    if scores.ndim == 1:
        return np.abs(scores)  # of the class that is answered it is never negative
    return scores.max(axis=1)


def mixed(*more: Any) -> ColumnTransformer:
    return make_column_transformer(
        (OneHotEncoder(drop="first", handle_unknown="ignore"), ["plan", "city"]),
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["income", "age"]),
        *more,
    )


LINEAR: list[tuple[Any, Any, str]] = [
    (LinearRegression(), AMOUNT, "prediction"),
    (Ridge(alpha=3.0), AMOUNT, "prediction"),
    (Lasso(alpha=0.1), AMOUNT, "prediction"),
    (LogisticRegression(max_iter=2000), TWO, "log-odds of "),
    (LogisticRegression(max_iter=5000), THREE, "softmax score of "),
    (LinearDiscriminantAnalysis(), THREE, "softmax score of "),
    (RidgeClassifier(), TWO, "decision function of "),
    (RidgeClassifier(), THREE, "decision function of "),
    (make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss")), TWO, "log-odds of "),
    (make_pipeline(StandardScaler(), SGDClassifier()), THREE, "decision function of "),
    (make_pipeline(RobustScaler(), LinearSVC()), THREE, "decision function of "),
    (make_pipeline(StandardScaler(), "passthrough", LogisticRegression()), TWO, "log-odds of "),
    (make_pipeline(PowerTransformer(), MinMaxScaler(), LogisticRegression()), THREE, "softmax"),
    (make_pipeline(QuantileTransformer(n_quantiles=50), Ridge()), AMOUNT, "prediction"),
    (make_pipeline(KBinsDiscretizer(quantile_method="linear"), Ridge()), AMOUNT, "prediction"),
    (make_pipeline(SplineTransformer(), Ridge()), AMOUNT, "prediction"),
    (
        make_pipeline(SelectKBest(f_regression, k=2), VarianceThreshold(), Ridge()),
        AMOUNT,
        "prediction",
    ),
    (make_pipeline(FunctionTransformer(), Ridge()), AMOUNT, "prediction"),
    (
        make_pipeline(FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler())]), Ridge()),
        AMOUNT,
        "prediction",
    ),
    (
        make_pipeline(
            ColumnTransformer(
                [("a", StandardScaler(), [2]), ("b", MinMaxScaler(), slice(0, 1))],
                remainder="passthrough",
            ),
            LogisticRegression(),
        ),
        TWO,
        "log-odds of ",
    ),
    (
        GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression()),
            {"logisticregression__C": [0.1, 1.0]},
            cv=2,
        ),
        TWO,
        "log-odds of ",
    ),
]


@pytest.mark.parametrize(("model", "target", "unit"), LINEAR, ids=lambda one: str(one)[:40])
def test_contributions_of_linear_models_add_up_to_the_decision(
    model: Any, target: Any, unit: str
) -> None:
    model.fit(ROWS, target)
    found = explained(model)
    answered = model.predict(ROWS[:20])
    wanted = decision(model, ROWS[:20])
    for one, label, value in zip(found, answered.tolist(), wanted, strict=True):
        assert one.method == "exact linear"
        assert one.unit.startswith(unit)
        assert not unit.endswith("of ") or one.unit.endswith(f"of {label!r}")
        total = one.baseline + sum(each.contribution for each in one.contributions)
        assert total == pytest.approx(value, rel=1e-9, abs=1e-9)
        assert one.value == pytest.approx(total, rel=1e-12)
        sizes = [abs(each.contribution) for each in one.contributions]
        assert sizes == sorted(sizes, reverse=True)


def test_a_contribution_is_the_coefficient_times_the_distance_to_the_median() -> None:
    model = LinearRegression().fit(ROWS, AMOUNT)
    (one,) = explained(model, ROWS[:1])
    medians = np.median(ROWS, axis=0)
    by_column = {each.column: each for each in one.contributions}
    for place, name in enumerate(("x0", "x1", "x2")):
        each = by_column[name]
        assert each.value == ROWS[0, place]
        assert each.reference == pytest.approx(medians[place], rel=1e-5)  # quantiles are rounded
        distance = ROWS[0, place] - each.reference
        assert each.contribution == pytest.approx(model.coef_[place] * distance, rel=1e-9)
    references = [[by_column[name].reference for name in ("x0", "x1", "x2")]]
    assert one.baseline == pytest.approx(model.predict(references)[0])


NUMBER = st.floats(-1e6, 1e6)


@given(rows=st.lists(st.tuples(NUMBER, NUMBER, NUMBER), min_size=1, max_size=8))
@pytest.mark.parametrize("target", [TWO, THREE], ids=["two", "three"])
def test_the_sum_holds_for_any_row(target: Any, rows: list[tuple[float, ...]]) -> None:
    asking = fitted(target)
    found = explanations(asking, asking.signature.validate(rows))
    wanted = decision(asking.model, np.array(rows))
    for one, value in zip(found, wanted.tolist(), strict=True):
        total = one.baseline + sum(each.contribution for each in one.contributions)
        largest = max(abs(each.contribution) for each in one.contributions)
        assert total == pytest.approx(value, rel=1e-9, abs=1e-9 * max(1.0, largest))


def _fitted() -> Callable[[Any], Asking]:
    made: dict[int, Asking] = {}

    def fitted(target: Any) -> Asking:
        if id(target) not in made:
            model = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, target)
            made[id(target)] = asking_of(model)
        return made[id(target)]

    return fitted


fitted = _fitted()


# -- columns of a frame -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pandas_inside", [False, True], ids=["arrays between steps", "frames between steps"]
)
def test_dummies_are_gathered_by_their_column(pandas_inside: bool) -> None:  # noqa: FBT001
    encoder = OneHotEncoder(drop="first", handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer(
        (encoder, ["plan", "city"]),
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), ["income", "age"]),
        ("passthrough", ["member"]),
    )
    model = make_pipeline(columns, StandardScaler(), LogisticRegression())
    if pandas_inside:
        model.set_output(transform="pandas")
    model.fit(FRAME, TWO)
    found = explained(model, FRAME.head(30), FRAME)
    for one, value in zip(found, decision(model, FRAME.head(30)), strict=True):
        assert one.method == "exact linear"
        assert {each.column for each in one.contributions} == set(FRAME.columns)
        total = one.baseline + sum(each.contribution for each in one.contributions)
        assert total == pytest.approx(value, rel=1e-9, abs=1e-9)
    # The effect of another category is that of the category alone.
    row = FRAME.iloc[[0]].assign(plan="pro", income=40_000.0)
    (pro,), (basic,) = (
        explained(model, row, FRAME),
        explained(model, row.assign(plan="basic"), FRAME),
    )
    parts = [
        next(each.contribution for each in one.contributions if each.column == "plan")
        for one in (pro, basic)
    ]
    signs = [1.0 if one.unit == "log-odds of 'yes'" else -1.0 for one in (pro, basic)]
    logits = model.decision_function(pd.concat([row, row.assign(plan="basic")]))
    assert parts[0] * signs[0] - parts[1] * signs[1] == pytest.approx(logits[0] - logits[1])


def test_a_column_that_no_step_takes_contributes_nothing() -> None:
    model = make_pipeline(mixed(("drop", ["member"])), Ridge()).fit(FRAME, AMOUNT)
    found = explained(model, FRAME.head(10), FRAME)
    for one in found:
        assert one.method == "exact linear"
        assert [e.contribution for e in one.contributions if e.column == "member"] == [0.0]


def test_a_target_encoder_stays_exact() -> None:
    columns = make_column_transformer((TargetEncoder(), ["plan", "city"]), ("passthrough", ["age"]))
    model = make_pipeline(columns, Ridge()).fit(FRAME, AMOUNT)
    for one, value in zip(
        explained(model, FRAME.head(10), FRAME), model.predict(FRAME.head(10)), strict=True
    ):
        assert one.method == "exact linear"
        assert one.value == pytest.approx(value, rel=1e-9)


def test_values_are_told_as_json_holds_them() -> None:
    frame = FRAME.assign(since=pd.Timestamp("2024-05-01"))
    columns = make_column_transformer(
        (OneHotEncoder(), ["plan"]), (SimpleImputer(), ["income"]), remainder="drop"
    )
    model = make_pipeline(columns, Ridge()).fit(frame, AMOUNT)
    row = frame.iloc[[0]].assign(income=np.nan)
    (one,) = explained(model, row, frame)
    by_column = {each.column: (each.value, each.reference) for each in one.contributions}
    assert by_column["income"][0] is None
    assert by_column["since"] == ("2024-05-01",) * 2
    assert by_column["member"] == (bool(frame["member"][0]), False)
    written = one.to_dict()
    assert set(written) == {"method", "unit", "baseline", "value", "contributions"}
    assert set(written["contributions"][0]) == {"column", "value", "reference", "contribution"}


# -- links --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "unit", "link"),
    [
        (PoissonRegressor(), "logarithm of the prediction", np.log),
        (TweedieRegressor(power=1.5), "logarithm of the prediction", np.log),
        (TweedieRegressor(power=0), "prediction", np.asarray),
    ],
)
def test_generalised_linear_models_are_told_on_the_scale_of_their_link(
    model: Any, unit: str, link: Callable[[Any], Any]
) -> None:
    rows = ROWS / [10.0, 10.0, 1000.0]
    model.fit(rows, np.exp(AMOUNT / 50))
    for one, value in zip(
        explained(model, rows[:10], rows), link(model.predict(rows[:10])), strict=True
    ):
        assert (one.method, one.unit) == ("exact linear", unit)
        assert one.value == pytest.approx(value, rel=1e-9)


# -- occlusion ----------------------------------------------------------------------------------


class Squares(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Mixes columns, and is not known."""

    def fit(self, x: Any, y: Any = None) -> Squares:  # noqa: ARG002
        return self

    def transform(self, x: Any) -> Any:
        return np.asarray(x) * np.asarray(x)[:, ::-1]


class Labels(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Says which quarter the first column is in, and nothing of probabilities."""

    def fit(self, x: Any, y: Any) -> Labels:
        self.classes_ = np.unique(y)
        self.edges_ = np.quantile(x[:, 0], [0.25, 0.5, 0.75])
        return self

    def predict(self, x: Any) -> Any:
        return self.classes_[np.digitize(x[:, 0], self.edges_)]


class Ridges(Ridge):  # type: ignore[misc]
    """A class of somebody else, which may answer with anything."""


MIXING: list[Any] = [
    make_pipeline(PCA(2), LogisticRegression()),
    make_pipeline(Normalizer(), LogisticRegression()),
    make_pipeline(PolynomialFeatures(2), StandardScaler(), LogisticRegression()),
    make_pipeline(Squares(), LogisticRegression(max_iter=5000)),
    make_pipeline(FunctionTransformer(np.cumsum, kw_args={"axis": 1}), LogisticRegression()),
    Pipeline(
        [
            ("union", FeatureUnion([("a", StandardScaler()), ("b", PCA(1))])),
            ("last", LogisticRegression()),
        ]
    ),
    CalibratedClassifierCV(LogisticRegression(), cv=2),
    RandomForestClassifier(20, random_state=0),
]


@pytest.mark.parametrize("model", MIXING, ids=lambda one: str(one)[:40])
def test_what_is_not_linear_in_single_columns_is_not_called_exact(model: Any) -> None:
    model.fit(ROWS, TWO)
    found = explained(model)
    shares = model.predict_proba(ROWS[:20])
    answered = shares.argmax(axis=1)
    for row, one in enumerate(found):
        assert one.method == "occlusion"
        assert one.unit == f"probability of {str(model.classes_[answered[row]])!r}"
        assert one.value == pytest.approx(shares[row].max())
        for each in one.contributions:
            changed = ROWS[[row]].copy()
            place = int(each.column[1:])
            changed[0, place] = each.reference
            share = model.predict_proba(changed)[0, answered[row]]
            assert each.contribution == pytest.approx(shares[row].max() - share, abs=1e-9)
        references = {each.column: each.reference for each in one.contributions}
        typical = [[references[name] for name in ("x0", "x1", "x2")]]
        assert one.baseline == pytest.approx(model.predict_proba(typical)[0, answered[row]])


def test_a_class_of_somebody_else_is_not_taken_for_linear() -> None:
    (one, *_) = explained(Ridges().fit(ROWS, AMOUNT))
    assert (one.method, one.unit) == ("occlusion", "prediction")


def test_numbers_are_told_as_changes_of_the_number() -> None:
    model = HistGradientBoostingRegressor(max_iter=20).fit(FRAME[["age", "income"]], AMOUNT)
    training = FRAME[["age", "income"]]
    rows = training.head(20)
    found = explained(model, rows, training)
    for row, one in enumerate(found):
        assert (one.method, one.unit) == ("occlusion", "prediction")
        assert one.value == pytest.approx(model.predict(rows.iloc[[row]])[0])
        for each in one.contributions:
            changed = rows.iloc[[row]].assign(**{each.column: each.reference})
            change = one.value - model.predict(changed)[0]
            assert each.contribution == pytest.approx(change, abs=1e-12)


class Counted(RandomForestRegressor):  # type: ignore[misc]
    """Counts how often it is asked."""

    asked: int = 0

    def predict(self, X: Any) -> Any:  # noqa: N803
        type(self).asked += 1
        return super().predict(X)


def test_all_columns_and_rows_are_one_question() -> None:
    asking = asking_of(Counted(5, random_state=0).fit(ROWS, AMOUNT))
    Counted.asked = 0
    found = explanations(asking, asking.signature.validate(ROWS[:50]))
    assert (Counted.asked, len(found)) == (1, 50)


def test_many_columns_are_asked_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = asking_of(RandomForestClassifier(5, random_state=0).fit(ROWS, THREE))
    table = asking.signature.validate(ROWS[:7])
    at_once = explanations(asking, table)
    monkeypatch.setattr("lite_mlops.models.explaining.occlusion._MAX_VALUES", 22)
    assert explanations(asking, table) == at_once


def test_decisions_are_told_where_there_are_no_probabilities() -> None:
    (two, *_) = explained(SVC().fit(ROWS, TWO))
    assert (two.method, two.unit[:21]) == ("occlusion", "decision function of ")
    assert two.value >= 0
    model = SVC().fit(ROWS, THREE)
    (three, *_) = explained(model)
    assert three.value == pytest.approx(model.decision_function(ROWS[:1]).max())
    (outlier, *_) = explained(IsolationForest(n_estimators=10, random_state=0).fit(ROWS))
    assert outlier.unit == "decision function"


@pytest.mark.parametrize("kind", ["pairs of classes", "nothing but labels"])
def test_where_there_is_no_score_it_is_told_whether_the_answer_stays(kind: str) -> None:
    target = np.digitize(AMOUNT, np.quantile(AMOUNT, [0.25, 0.5, 0.75]))
    model = SVC(decision_function_shape="ovo") if kind == "pairs of classes" else Labels()
    model.fit(ROWS, target)
    found = explained(model)
    changes = set()
    for row, one in enumerate(found):
        answered = model.predict(ROWS[[row]])[0]
        assert (one.unit, one.value) == (f"indicator of {answered}", 1.0)
        for each in one.contributions:
            changed = ROWS[[row]].copy()
            changed[0, int(each.column[1:])] = each.reference
            assert each.contribution == float(model.predict(changed)[0] != answered)
            changes.add(each.contribution)
    assert changes == {0.0, 1.0}


# -- refusals -----------------------------------------------------------------------------------


def test_what_cannot_be_explained_says_why() -> None:
    asking = asking_of(LinearRegression().fit(ROWS, AMOUNT))
    with pytest.raises(Invalid, match="101 rows are too many to explain at once; at most 100"):
        explanations(asking, asking.signature.validate(ROWS[: MAX_EXPLAINED + 1]))
    with pytest.raises(Invalid, match="the model answers 2 values; contributions are told of one"):
        explained(LinearRegression().fit(ROWS, np.stack([AMOUNT, AMOUNT], axis=1)))
    with pytest.raises(Invalid, match="a cluster, which is no amount"):
        explained(KMeans(2, n_init=1, random_state=0).fit(ROWS))


def test_whether_answers_can_be_explained_is_known_beforehand() -> None:
    assert why_unexplained(asking_of(LinearRegression().fit(ROWS, AMOUNT)).signature) is None
    picture = Signature.from_dict(
        {
            "version": 2,
            "tensor": {"type": "float", "shape": [2, 2]},
            "outputs": [{"kind": "any", "type": "text"}],
        }
    )
    assert "takes a tensor" in str(why_unexplained(picture))


def test_a_row_that_the_model_cannot_answer_says_so() -> None:
    model = make_pipeline(make_column_transformer((OneHotEncoder(), ["plan"])), Ridge())
    model.fit(FRAME, AMOUNT)
    with pytest.raises(Invalid, match="the model cannot answer these rows: Found unknown categor"):
        explained(model, FRAME.head(1).assign(plan="gold"), FRAME)
