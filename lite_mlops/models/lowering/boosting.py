"""Boosted trees: what each tree says is added to a first guess, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.lowering.linear import expit, softmax, two_columns
from lite_mlops.models.lowering.parts import (
    MATRIX,
    Alone,
    Answering,
    Both,
    Given,
    Lowered,
    Lowering,
    Rows,
    Step,
    alone_of,
    floats,
    lowers,
)
from lite_mlops.models.lowering.plan import ArrayOf, Node, Value, op
from lite_mlops.models.lowering.trees import (
    TREES,
    Structure,
    Trees,
    aimed,
    joined_trees,
    single,
    structure_of,
    summed,
)

_LINKS = ("identity", "log", "expit", "expit2", "softmax")


def _probabilities(link: str) -> Callable[[Any], NDArray[Any]]:
    if link == "softmax":
        return softmax
    if link == "expit2":
        return lambda raw: two_columns(expit(2 * raw.reshape(-1)))
    return lambda raw: two_columns(expit(raw.reshape(-1)))


@op(
    "boosted",
    **TREES,
    values=ArrayOf("f"),
    baseline=ArrayOf("f"),
    classes=Value("labels", optional=True),
    link=Value("text", _LINKS),
    half=Value("flag"),
    whole=Value("flag"),
)
def _boosted(
    values: NDArray[Any],
    baseline: NDArray[Any],
    classes: NDArray[Any] | None,
    link: str,
    *,
    half: bool,
    whole: bool,
    **trees: Any,
) -> Answering:
    """Make what a boosted model answers.

    `half`: rows are float32, and none may be missing. `whole`: raw scores lie row by row. A second
    class that is as likely as the first one is chosen by the one and not by the other.
    """
    down = Trees(**trees)
    outputs = len(baseline)
    if len(values) != len(down.feature) or not outputs or len(down.roots) % outputs:
        raise ValueError("its leaves have no values")
    if classes is not None and len(classes) != (2 if outputs == 1 else outputs):
        raise ValueError("its classes do not fit")
    steps = len(down.roots) // outputs

    def raw(rows: Rows) -> NDArray[np.float64]:
        array = single(rows, missing=False) if half else floats(rows)
        leaves = down.leaves(array)
        parts = np.empty((steps + 1, outputs, len(array)))
        parts[0] = baseline[:, None]
        parts[1:] = values.take(leaves).reshape((steps, outputs, len(array)))
        found = summed(parts).T
        return np.ascontiguousarray(found) if whole else found

    if classes is None:
        if link == "log":
            return Answering(raw, lambda scores: np.exp(scores.reshape(-1)))
        return Answering(raw, lambda scores: scores.reshape(-1))
    if outputs == 1:
        least = np.greater_equal if half else np.greater

        def predict(scores: NDArray[np.float64]) -> NDArray[Any]:
            chosen: NDArray[Any] = classes[least(scores.reshape(-1), 0).astype(int)]
            return chosen

        return Answering(raw, predict, _probabilities(link), lambda scores: scores.reshape(-1))
    return Answering(
        raw,
        lambda scores: classes[scores.argmax(axis=1)],
        _probabilities(link),
        lambda scores: scores,
    )


@op("parted", categorical=Value("node"), encoder=Value("node"), numeric=Value("node"))
def _parted(categorical: Step, encoder: Step, numeric: Step) -> Step:
    def step(rows: Rows) -> NDArray[Any]:
        return np.hstack([encoder(categorical(rows)), floats(numeric(rows))])

    return Both(step, _parted_alone([alone_of(one) for one in (categorical, encoder, numeric)]))


def _parted_alone(steps: list[Alone | None]) -> Alone | None:
    categorical, encoder, numeric = steps
    if categorical is None or encoder is None or numeric is None:
        return None
    return lambda row: [*encoder(categorical(row)), *numeric(row)]


# -- what is lowered ----------------------------------------------------------------------------


def _link_of(loss: Any, lowering: Lowering) -> str:
    known = {
        "IdentityLink": "identity",
        "LogLink": "log",
        "LogitLink": "expit",
        "HalfLogitLink": "expit2",
        "MultinomialLogit": "softmax",
    }
    name = type(loss.link).__name__
    if name not in known:
        raise lowering.refused(f"its link is {name}")
    return known[name]


@lowers(
    *(
        f"sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoosting{what}"
        for what in ("Classifier", "Regressor")
    )
)
def _histogram(model: Any, given: Given, lowering: Lowering) -> Lowered:
    if given.kind == "sparse":
        raise lowering.refused("it takes no sparse rows")
    before = _categorical_node(model, given, lowering)
    if before is None:
        lowering.need_numbers(given)
    known, at = model._bin_mapper.make_known_categories_bitsets()  # noqa: SLF001
    structures: list[Structure] = []
    tables: list[NDArray[np.bool_]] = []
    for iteration in model._predictors:  # noqa: SLF001 (the trees stand nowhere else)
        structures += [_structure(one, known, at, tables) for one in iteration]
    features = model.n_features_in_
    fields, orders = joined_trees(structures, features, lowering, as_single=False)
    trees = [one for iteration in model._predictors for one in iteration]  # noqa: SLF001
    values = [one.nodes["value"][order] for one, order in zip(trees, orders, strict=True)]
    if tables:
        categories = [
            one.category[order]
            for one, order in zip(structures, orders, strict=True)
            if one.category is not None
        ]
        fields["category"] = lowering.array(np.concatenate(categories), np.int32)
        fields["category_right"] = lowering.array(np.stack(tables))
    baseline = np.zeros(model.n_trees_per_iteration_) + np.ravel(model._baseline_prediction)  # noqa: SLF001
    node: Node = {
        "op": "boosted",
        **fields,
        "values": lowering.array(np.concatenate(values), np.float64),
        "baseline": lowering.array(baseline, np.float64),
        "link": _link_of(model._loss, lowering),  # noqa: SLF001
        "half": False,
        "whole": False,
    }
    if hasattr(model, "classes_"):
        node["classes"] = lowering.labels(model.classes_)
    if before is not None:
        return {"op": "chain", "steps": [before, node]}, MATRIX
    return aimed(model, node, structures, lowering), MATRIX


def _structure(
    predictor: Any, known: NDArray[Any], at: NDArray[Any], tables: list[NDArray[np.bool_]]
) -> Structure:
    nodes = predictor.nodes
    category = np.full(len(nodes), -1, np.int32)
    threshold = nodes["num_threshold"].astype(np.float64)
    for place in nodes["is_categorical"].nonzero()[0].tolist():
        node = nodes[place]
        if node["is_leaf"]:
            continue
        goes_left = _bits(predictor.raw_left_cat_bitsets[node["bitset_idx"]])
        is_known = _bits(known[at[node["feature_idx"]]])
        to_right = ~goes_left
        if node["missing_go_to_left"]:
            to_right &= is_known
        category[place] = len(tables)
        tables.append(to_right)
        threshold[place] = 0.0
    return Structure(
        nodes["left"],
        nodes["right"],
        nodes["feature_idx"],
        threshold,
        nodes["is_leaf"].astype(bool),
        nodes["missing_go_to_left"].astype(bool),
        category,
    )


def _bits(bitset: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return the 256 bits of eight words, the lowest first."""
    words = np.ascontiguousarray(bitset, "<u4").view(np.uint8)
    return np.unpackbits(words, bitorder="little").astype(bool)


def _categorical_node(model: Any, given: Given, lowering: Lowering) -> Node | None:
    """Return what encodes the categorical columns and puts them first; None without any."""
    transformer = model._preprocessor  # noqa: SLF001
    if transformer is None:
        return None
    places = np.asarray(model.is_categorical_).nonzero()[0].tolist()
    others = (~np.asarray(model.is_categorical_)).nonzero()[0].tolist()
    types = given.types or ("float",) * len(model.is_categorical_)
    if {types[place] for place in others} & {"text", "datetime"}:
        raise lowering.refused("a column of texts is none of its categorical ones")
    if given.kind not in ("frame", "matrix"):
        raise lowering.refused(f"it is given {given.kind} data")
    chosen = given
    if given.kind == "frame":
        chosen = Given("frame", tuple(types[place] for place in places))
    encoder, _ = lowering.lower(transformer.named_transformers_["encoder"], chosen, "encoder")
    return {
        "op": "parted",
        "categorical": {"op": "take", "places": places, "view": False},
        "encoder": encoder,
        "numeric": {"op": "take", "places": others, "view": False},
    }


@lowers(*(f"sklearn.ensemble._gb.GradientBoosting{what}" for what in ("Classifier", "Regressor")))
def _gradient(model: Any, given: Given, lowering: Lowering) -> Lowered:
    if given.kind == "sparse":
        raise lowering.refused("it takes sparse rows in another way")
    lowering.need_numbers(given)
    begin = model.init_ if isinstance(model.init_, str) else type(model.init_).__name__
    if begin not in ("zero", "DummyClassifier", "DummyRegressor"):
        raise lowering.refused(f"it begins with a {begin}")
    trees = [one.tree_ for one in model.estimators_.ravel()]
    structures = [structure_of(tree) for tree in trees]
    fields, orders = joined_trees(structures, model.n_features_in_, lowering, as_single=True)
    values = [tree.value[order, 0, 0] for tree, order in zip(trees, orders, strict=True)]
    zeros = np.zeros((1, model.n_features_in_), np.float32)
    baseline = model._raw_predict_init(zeros)[0]  # noqa: SLF001 (it is the same for all rows)
    classifies = hasattr(model, "classes_")
    node: Node = {
        "op": "boosted",
        **fields,
        "values": lowering.array(model.learning_rate * np.concatenate(values)),
        "baseline": lowering.array(baseline, np.float64),
        "link": _link_of(model._loss, lowering) if classifies else "identity",  # noqa: SLF001
        "half": True,
        "whole": True,
    }
    if classifies:
        node["classes"] = lowering.labels(model.classes_)
    return aimed(model, node, structures, lowering), MATRIX
