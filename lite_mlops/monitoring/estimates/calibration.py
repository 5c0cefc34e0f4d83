"""Calibration: what the scores of a model are worth as chances, learned from labelled rows.

    calibration = calibrate(scores, labels)       # (rows, classes) and the place of each label
    chances = calibration.chances(new_scores)

Each class is recalibrated by isotonic regression, which knows nothing but that a higher score is a
higher chance (Zadrozny and Elkan, KDD 2002). It is kept only where it lowers the calibration error
of rows that it has not seen, in cross-validation. Pure functions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.wording import amount
from lite_mlops.errors import Invalid

MIN_REFERENCE = 200  # labelled rows
MIN_OF_A_CLASS = 10
_FOLDS = 5
_BINS = 10  # of the calibration error
_ERROR_BINS = 20  # of its variance
_SEED = 2002

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]


def isotonic(scores: Floats, outcomes: Flags) -> tuple[Floats, Floats]:
    """Return the different scores, sorted, and the chance that belongs to each.

    The chances never fall, and are closest to the outcomes in squares (pool adjacent violators,
    Ayer et al., 1955).
    """
    from scipy.optimize import isotonic_regression  # slow to load, and only who calibrates needs it

    places, of_row = np.unique(scores, return_inverse=True)
    rows = np.bincount(of_row, minlength=len(places)).astype(np.float64)
    shares = np.bincount(of_row, weights=outcomes, minlength=len(places)) / rows
    return places, np.asarray(isotonic_regression(shares, weights=rows).x, np.float64)


def calibration_error(chances: Floats, outcomes: Flags, bins: int = _BINS) -> float:
    """Return the expected calibration error: the mean of |chance - share| over bins of equal size.

    That is over rows sorted by their chance (Naeini, Cooper and Hauskrecht, AAAI 2015).
    """
    order = np.argsort(chances, kind="stable")
    starts = np.unique(np.arange(bins) * len(order) // bins)
    apart = np.add.reduceat(chances[order] - outcomes[order], starts)
    return float(np.abs(apart).sum() / len(order))


@dataclass(frozen=True, eq=False)
class ClassCalibration:
    """The map of one class from scores to chances, and how sure it is.

    `edges` part the scores into bins; `variances` is the variance of the chance in each of them:
    what sampling of the reference gives, q (1 - q) / n, and what the cross-fitted gaps of all bins
    have beyond that.
    """

    kept: bool  # whether isotonic regression is used; else scores are chances as they are
    scores: Floats
    mapped: Floats
    edges: Floats
    variances: Floats
    error_before: float  # calibration errors of rows that the map has not seen
    error_after: float

    def chances(self, scores: Floats) -> Floats:
        """Return the chance of each score; beyond the reference, that of its nearest one."""
        if not self.kept:
            return np.clip(scores, 0, 1)
        return np.interp(scores, self.scores, self.mapped)

    def bins(self, scores: Floats) -> Codes:
        """Return the bin of each score."""
        return np.searchsorted(self.edges, scores, "right").astype(np.int64)


@dataclass(frozen=True, eq=False)
class Calibration:
    """The maps of all classes; of two classes there is one, that of the second."""

    classes: tuple[ClassCalibration, ...]
    rows: int  # of the reference

    @property
    def kept(self) -> bool:
        """Whether the scores of any class are recalibrated."""
        return any(one.kept for one in self.classes)

    def chances(self, scores: Floats) -> Floats:
        """Return the chances of scores, which are as `told` gives them, in their shape.

        Of several classes they add to 1.
        """
        found = np.column_stack(
            [one.chances(scores[:, place]) for place, one in enumerate(self.classes)]
        ).reshape(len(scores), len(self.classes))
        if len(self.classes) == 1:
            return found
        sums = found.sum(axis=1, keepdims=True)
        return np.where(sums > 0, found / np.where(sums > 0, sums, 1), scores)

    def outside(self, scores: Floats) -> float:
        """Return the share of rows with a score beyond all those of the reference."""
        if not len(scores):
            return 0.0
        lows = np.array([one.scores[0] for one in self.classes])
        highs = np.array([one.scores[-1] for one in self.classes])
        return float(((scores < lows) | (scores > highs)).any(axis=1).mean())


def told(scores: Floats) -> Floats:
    """Return the columns of scores that matter: of two classes the second one, else all."""
    return scores[:, 1:] if scores.shape[1] == 2 else scores


def usable(scores: Floats) -> Flags:
    """Return which rows have a finite score for each class."""
    return np.asarray(np.isfinite(scores).all(axis=1), np.bool_)


def calibrate(scores: Floats, labels: Codes) -> Calibration:
    """Return what scores of labelled rows are worth.

    `scores` has the shape (rows, classes), one or two columns for two classes; `labels` is the
    place of the true class, 0 or 1 for two. Rows without a finite score are left out.

    Raises:
        Invalid: there are fewer than 200 rows, or fewer than 10 of a class; or shapes differ.
    """
    if scores.ndim != 2 or len(scores) != len(labels):
        shape = " x ".join(map(str, scores.shape))
        raise Invalid(f"scores of the shape {shape} do not fit {amount(len(labels), 'label')}.")
    complete = usable(scores)
    scores, labels = told(scores[complete]), labels[complete]
    if len(scores) < MIN_REFERENCE:
        raise Invalid(
            f"the reference has {amount(len(scores), 'row')} with a label and scores; at least "
            f"{MIN_REFERENCE} are needed."
        )
    classes = []
    for place in range(scores.shape[1]):
        outcomes = labels == (place if scores.shape[1] > 1 else 1)
        fewest = int(min(outcomes.sum(), (~outcomes).sum()))
        if fewest < MIN_OF_A_CLASS:
            which = f"class {place}" if scores.shape[1] > 1 else "one of its two classes"
            raise Invalid(
                f"the reference has {amount(fewest, 'row')} of {which} or beside it; at least "
                f"{MIN_OF_A_CLASS} are needed."
            )
        classes.append(_calibrated(scores[:, place], outcomes))
    return Calibration(tuple(classes), len(scores))


def _folds(outcomes: Flags) -> Codes:
    """Return the fold of each row; all folds have as much of each outcome."""
    chance = np.random.default_rng(_SEED)
    fold = np.empty(len(outcomes), np.int64)
    for side in (outcomes, ~outcomes):
        fold[side] = chance.permutation(int(side.sum())) % _FOLDS
    return fold


def _calibrated(scores: Floats, outcomes: Flags) -> ClassCalibration:
    fold = _folds(outcomes)
    unseen = np.empty(len(scores))
    raw = np.clip(scores, 0, 1)
    for number in range(_FOLDS):
        held = fold == number
        unseen[held] = np.interp(scores[held], *isotonic(scores[~held], outcomes[~held]))
    before, after = (calibration_error(side, outcomes) for side in (raw, unseen))
    kept = after < before
    edges, variances = _variances(scores, unseen if kept else raw, outcomes)
    mapped = isotonic(scores, outcomes)
    return ClassCalibration(kept, *mapped, edges, variances, before, after)


def _variances(scores: Floats, chances: Floats, outcomes: Flags) -> tuple[Floats, Floats]:
    """Return edges of bins of scores, and the variance of the chance in each; see the class."""
    places = np.arange(1, _ERROR_BINS) * len(scores) // _ERROR_BINS
    edges = np.unique(np.sort(scores)[places])
    bins = np.searchsorted(edges, scores, "right")
    rows = np.bincount(bins, minlength=len(edges) + 1).astype(np.float64)
    right = np.bincount(bins, weights=outcomes, minlength=len(edges) + 1)
    told_of = np.bincount(bins, weights=chances, minlength=len(edges) + 1)
    there = np.maximum(rows, 1)
    shares = (right + 1) / (rows + 2)  # so that no bin is sure (Laplace)
    sampling = shares * (1 - shares) / there
    gaps = (told_of - right) / there
    # One common excess: the single gaps are mostly noise.
    excess = max(0.0, float((rows @ (gaps**2 - sampling)) / rows.sum()))
    return edges, sampling + excess
