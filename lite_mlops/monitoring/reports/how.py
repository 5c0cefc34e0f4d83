"""How the figures of a report came about: tests, thresholds, samples, and what was looked at.

how_decided(version, facts, drift)
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from lite_mlops.models import ModelVersion
from lite_mlops.monitoring.reports.facts import ReportFacts

if TYPE_CHECKING:
    from lite_mlops.monitoring.drift import DriftReport

_PACKAGES = ("lite-mlops", "numpy", "scipy", "scikit-learn")


def how_decided(
    version: ModelVersion, facts: ReportFacts, drift: DriftReport | None
) -> dict[str, str]:
    """Return names and values, in the order in which they are read."""
    found = {"file of the model (SHA-256)": version.sha256}
    if drift is not None:
        floors = drift.floors
        found |= {
            "tests of columns": "Kolmogorov-Smirnov of numbers, chi-square with pooled rare "
            "categories of all else; of numbers known by the bins of a profile, chi-square",
            "false discoveries": f"held at {floors.significance:.0%} over all columns (Benjamini "
            "and Hochberg)",
            "least change that counts": f"KS {floors.kolmogorov_smirnov:g}, or a move of "
            f"{floors.wasserstein:g} standard deviations; of categories a total variation of "
            f"{floors.variation:g} beyond sampling; {floors.large:g} times that is an alert",
            "smallest shift": ""
            if drift.smallest_shift is None
            else f"of {drift.smallest_shift:.2g} standard deviations would be seen in one of two "
            "cases with so many rows",
            "rules of quality": "inferred from the reference; any that is broken is an alert",
        }
    if facts.joint is not None:
        found["all columns together"] = (
            "boosted trees in two folds on at most 10,000 rows a side, seed 2004; moved if p is "
            "below 0.001 and AUC above 0.52"
        )
    if any(one.points for one in facts.metrics):
        found["metrics"] = (
            "with 95 % intervals; worse if even the good end is worse than at registration by "
            "more than 2 points, of errors by more than 10 %"
        )
    if any(one.estimates for one in facts.metrics):
        found["estimates"] = (
            "from probabilities after isotonic recalibration; interval of the sampling and of the "
            "calibration"
        )
    if facts.groups:
        found["groups"] = (
            "Wilson and Newcombe intervals; an alert if the whole interval lies beyond a ratio of "
            "0.8 (selection) or a difference of 0.1 (TPR) and 50 labelled positives are there"
        )
    found["computed with"] = ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES)
    return found
