"""Calibration: does what gets a probability of 0.8 come true in 8 of 10 cases?

judge_calibration(right, said, at_most=0.05, bins=10, seed=0)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.wording import amount
from lite_mlops.gates.case import Answered, Case
from lite_mlops.gates.definition import Check
from lite_mlops.gates.verdicts import Found, about_rows, cannot_tell, met

Rows = NDArray[np.bool_]
Floats = NDArray[np.float64]


def calibration_error(
    right: Rows,
    said: Floats,
    bins: int,
) -> float:
    """Return the expected calibration error: how far probabilities are from what comes true.

    Over bins with equally many rows (Naeini, Cooper and Hauskrecht, "Obtaining well calibrated
    probabilities using Bayesian binning", AAAI 2015; equal masses as in Nixon et al., "Measuring
    calibration in deep learning", CVPR workshops 2019).
    """
    order = np.argsort(said, kind="stable")
    edges = np.unique(np.linspace(0, len(said), bins + 1).astype(np.int64))[:-1]
    gaps = np.add.reduceat((right[order] - said[order]), edges)
    return float(np.abs(gaps).sum() / len(said))


def judge_calibration(
    right: Rows,
    said: Floats,
    *,
    at_most: float,
    bins: int,
    seed: int,
) -> Found:
    """Return whether probabilities are calibrated.

    The error of few rows is never 0. So it is held beside that of perfectly calibrated
    probabilities, whose truth is drawn at random 200 times: above the limit, and yet no more than
    95 of 100 of these, it cannot tell.

    Args:
        right: Whether what the probabilities are of came true.
        said: The probabilities.
        at_most: The limit.
        bins: Of equally many rows.
        seed: Of the draws.
    """
    value = calibration_error(right, said, bins)
    random = np.random.default_rng(seed)
    perfect = [calibration_error(random.random(len(said)) < said, said, bins) for _ in range(200)]
    chance = float(np.quantile(perfect, 0.95))
    text = (
        f"the calibration error is {value:.3f}; at most {at_most:g} is needed. Perfect "
        f"probabilities stay below {chance:.3f} on {amount(len(said), 'row')}."
    )
    more = {"value": value, "limit": at_most, "evidence": {"by_chance": chance, "bins": bins}}
    if value > at_most and value <= chance:
        return cannot_tell(text, **more)
    return met(value <= at_most, text, **more)


def check_calibration(case: Case, check: Check) -> Found:
    """Return whether the probabilities of the candidate are calibrated."""
    sample = case.sample
    if check["where"] is not None:
        sample = sample.part(check["where"].rows(sample.columns))
    answered: Answered = sample.candidate
    if answered.scores is None or not len(sample):
        return cannot_tell(f"{case.candidate.name} has no probabilities, or no row is meant.")
    if len(answered.classes) == 2:
        positive = case.gate.positive
        if positive is None:
            positive = max(answered.classes)
        said, right = answered.score_of(positive), sample.labels == positive
    else:  # of the class that it answers with
        said, right = answered.scores.max(axis=1), sample.labels == answered.predicted
    assert said is not None
    found = judge_calibration(
        np.asarray(right, np.bool_),
        said,
        at_most=check["at_most"],
        bins=check["bins"],
        seed=case.seed,
    )
    return about_rows(found, len(sample))
