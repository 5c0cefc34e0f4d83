"""Simulated candidates: two models on the same rows, one of which is worse by a known amount."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lite_mlops.gates.checks.comparing import judge_not_worse
from lite_mlops.tracking.comparing.verdicts import verdicts

ACCURACY = 0.85
AGREE = 0.8  # share of rows on which both are right or wrong together, whatever else


@dataclass(frozen=True)
class Simulated:
    """How often a candidate passed, and how often an equal one should, as the gate states it."""

    passed: float
    stated: float


def simulate(
    worse: float,
    *,
    margin: float,
    rows: int,
    times: int,
    confidence: float = 0.95,
    seed: int = 0,
) -> Simulated:
    """Judge `times` candidates that are less accurate than the present version by `worse`."""
    random = np.random.default_rng(seed)
    passed, stated = 0, []
    for _ in range(times):
        labels = random.integers(0, 2, rows)
        together = random.random(rows) < AGREE
        shared = random.random(rows)
        first_right = np.where(together, shared, random.random(rows)) < ACCURACY
        # The whole difference lies in the rows on which they go separate ways.
        apart = ACCURACY - worse / (1 - AGREE)
        second_right = np.where(together, shared < ACCURACY, random.random(rows) < apart).astype(
            bool
        )
        answers = [np.where(right, labels, 1 - labels) for right in (first_right, second_right)]
        (found,) = verdicts(labels, *answers, confidence=2 * confidence - 1, only="accuracy")
        judged = judge_not_worse(found, margin=margin, confidence=confidence)
        passed += judged.outcome == "passed"
        stated.append(judged.evidence["power"])
    return Simulated(passed / times, float(np.mean(stated)))
