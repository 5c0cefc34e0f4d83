"""All columns together: can a classifier tell the present from the reference?

    found = joint_drift(old, new)      # columns by name, as `typed` makes them
    found.auc, found.interval, found.features

The only check here that sees a lost correlation. Rows of both sides are told apart by a model that
did not see them (cross-fitting); an AUC of 0.5 says that they cannot be (Friedman, 2004; Lopez-Paz
and Oquab, 2017). Pure functions; the same tables give the same answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data import NUMERIC, Typed
from lite_mlops.data.wording import number

MAX_P = 0.001
MIN_AUC = 0.52
LARGE_AUC = 0.55
MOST_ROWS = 10_000  # of each side, spread over the table
MIN_ROWS = 200  # of each side; fewer cannot train and test a classifier
_TREES, _LEAVES = 60, 8
_MOST_CATEGORIES, _RARE = 200, 20  # a category of fewer rows on both sides together is another one
_EXPLAINED = 5  # features that are told
_TOLD = 0.005  # AUC that a feature must carry to be told
_SEED = 2004

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class JointDrift:
    """How well a classifier tells the present from the reference: AUC with its 95 % interval.

    `features` holds by how much the AUC falls when one column is shuffled, the largest first; it is
    empty if nothing drifted.
    """

    auc: float
    interval: tuple[float, float]
    p_value: float
    rows: int  # that the classifier was asked about
    features: Mapping[str, float]

    @property
    def drifted(self) -> bool:
        """Whether the two can be told apart: p below 0.001 and AUC above 0.52."""
        return self.p_value < MAX_P and self.auc > MIN_AUC

    @property
    def severity(self) -> str:
        """The severity: none, warn, or alert from an AUC of 0.55 on."""
        if not self.drifted:
            return "none"
        return "alert" if self.auc >= LARGE_AUC else "warn"

    def __str__(self) -> str:
        low, high = self.interval
        auc = f"AUC {self.auc:.3f}, 95 % interval {low:.3f} to {high:.3f}"
        if not self.drifted:
            return f"Together they have not ({auc})."
        told = [f"{name} {number(round(size, 3))}" for name, size in self.features.items()]
        carried = ", ".join(told)
        by = f", carried by {carried}" if carried else ""
        return f"Together they have ({auc}{by})."

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        derived = {"drifted": self.drifted, "severity": self.severity}
        lists = {"interval": list(self.interval), "features": dict(self.features)}
        return vars(self) | lists | derived


def spread_over(rows: int) -> NDArray[np.int64]:
    """Return the places of the rows that are looked at: all, or as many as may be, evenly."""
    return np.linspace(0, rows - 1, min(rows, MOST_ROWS)).astype(np.int64)


def _codes(values: list[Any]) -> tuple[Floats, int]:
    """Return categories as numbers by their sorted values, the rare ones together as the last.

    Numbers by first appearance would tell the sides apart: what is new comes last.
    """
    counted = Counter(values)
    common = [(name, n) for name, n in counted.items() if n >= _RARE]
    common.sort(key=lambda pair: (-pair[1], str(pair[0])))
    names = sorted((name for name, _ in common[:_MOST_CATEGORIES]), key=str)
    places = {name: place for place, name in enumerate(names)} | {
        name: len(names) for name in counted.keys() - set(names)
    }
    codes = np.fromiter(map(places.__getitem__, values), np.float64, len(values))
    return codes, len(names)


def _matrix(
    reference: Mapping[str, Typed], current: Mapping[str, Typed]
) -> tuple[Floats, list[str], list[bool]]:
    """Return the rows of both sides as numbers, the columns used, and which are categories."""
    sides = [
        (side, spread_over(len(next(iter(side.values())).values))) for side in (reference, current)
    ]
    columns, names, categories = [], [], []
    for name in reference:
        pair = [(side[name], rows) for side, rows in sides]
        numeric = all(one.kind in NUMERIC for one, _ in pair)
        if numeric:
            parts = []
            for one, rows in pair:
                part = one.values[rows].astype(np.float64)
                part[one.missing[rows] | ~np.isfinite(part)] = np.nan
                parts.append(part)
            column = np.concatenate(parts)
        else:
            gone = np.concatenate([one.missing[rows] for one, rows in pair])
            texts = np.concatenate([one.values[rows].astype(object) for one, rows in pair])
            column, others = _codes(texts[~gone].tolist())
            if not others:  # nothing comes twice: it names rows
                continue
            full = np.full(len(gone), np.nan)
            full[~gone] = column
            column = full
        columns.append(column)
        names.append(name)
        categories.append(not numeric)
    return np.column_stack(columns) if columns else np.empty((0, 0)), names, categories


def auc_interval(auc: float, positives: int, negatives: int) -> tuple[float, float]:
    """Return the 95 % interval of an AUC by the variance of Hanley and McNeil (1982)."""
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    reach = 1.959964 * np.sqrt(max(variance, 0.0) / (positives * negatives))
    return float(max(0.0, auc - reach)), float(min(1.0, auc + reach))


def _ranked_auc(scores: Floats, present: NDArray[np.bool_]) -> float:
    """Return the probability that a present row has the higher score; equal ones count half."""
    from scipy.stats import rankdata

    n = int(present.sum())
    won = rankdata(scores)[present].sum() - n * (n + 1) / 2
    return float(won / (n * (len(scores) - n)))


def joint_drift(reference: Mapping[str, Typed], current: Mapping[str, Typed]) -> JointDrift | None:
    """Return whether all columns together tell the sides apart; None with fewer than 200 rows.

    Both sides have the same columns. At most 10,000 rows of each, spread over it, are told apart by
    boosted trees in two folds. The p-value is that of the rank test of Mann and Whitney (1947), by
    its variance of (n + m + 1) / 12nm without a difference. The folds share their rows in training
    and so depend on each other; the deviation of their mean is taken to be that of one fold, which
    it cannot exceed.
    """
    if not reference or not current:
        return None
    if min(len(next(iter(side.values())).values) for side in (reference, current)) < MIN_ROWS:
        return None
    table, names, categories = _matrix(reference, current)
    if not names:
        return None
    old_rows = min(len(next(iter(reference.values())).values), MOST_ROWS)
    present = np.arange(len(table)) >= old_rows
    chance = np.random.default_rng(_SEED)
    fold = np.empty(len(table), np.bool_)
    for side in (~present, present):  # both folds have as much of each side
        fold[side] = chance.permutation(int(side.sum())) % 2
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits  # it comes with scikit-learn; loaded before it

    # Trees this small gain nothing by threads that wait for each other, and others need them.
    with threadpool_limits(1):
        model = HistGradientBoostingClassifier(
            max_iter=_TREES,
            max_leaf_nodes=_LEAVES,
            categorical_features=categories,
            early_stopping=False,
            random_state=_SEED,
        )
        return _told_apart(model, table, present, fold, names)


def _told_apart(
    model: Any,
    table: Floats,
    present: NDArray[np.bool_],
    fold: NDArray[np.bool_],
    names: list[str],
) -> JointDrift:
    from scipy.special import ndtr

    aucs, deviation = [], 0.0
    for held in (fold, ~fold):
        model.fit(table[~held], present[~held])
        aucs.append(_ranked_auc(model.decision_function(table[held]), present[held]))
        positives, negatives = int((held & present).sum()), int((held & ~present).sum())
        variance = (positives + negatives + 1) / (12 * positives * negatives)
        deviation += np.sqrt(variance) / 2
    auc = float(np.mean(aucs))
    p_value = float(ndtr((0.5 - auc) / deviation))
    positives = int(present.sum()) // 2  # of one fold
    interval = auc_interval(auc, positives, len(table) // 2 - positives)
    found = JointDrift(auc, interval, p_value, len(table), {})
    if not found.drifted:
        return found
    held = ~fold  # which the model as it is now has not seen
    features = _carried(model, table[held], present[held], names, aucs[-1])
    return JointDrift(auc, interval, p_value, len(table), features)


def _carried(
    model: Any,
    table: Floats,
    present: NDArray[np.bool_],
    names: list[str],
    auc: float,
) -> dict[str, float]:
    """Return how much AUC is lost when a column of rows that the model did not see is shuffled.

    That is permutation importance (Breiman, 2001).
    """
    chance = np.random.default_rng(_SEED)
    lost = []
    for place, name in enumerate(names):
        kept = table[:, place].copy()
        table[:, place] = chance.permutation(kept)
        lost.append((auc - _ranked_auc(model.decision_function(table), present), name))
        table[:, place] = kept
    lost.sort(reverse=True)
    return {name: size for size, name in lost[:_EXPLAINED] if size >= _TOLD}
