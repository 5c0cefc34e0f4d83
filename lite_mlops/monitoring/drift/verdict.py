"""The verdict on each column: drifted only if it is no chance and it is not small.

    first, *others = judge_columns([measure(name, *sides) for name, sides in ...])
    first.drifted, first.reasons

Two doors have to be open. The p-value, adjusted over all columns, keeps 200 rows quiet; the stated
minimum of the effect keeps a million rows quiet. A broken rule of quality opens both. PSI and
Jensen-Shannon are shown and never decide. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from lite_mlops.monitoring.drift.columns import Measured
from lite_mlops.monitoring.drift.discovery import benjamini_hochberg
from lite_mlops.monitoring.drift.evidence import Distribution
from lite_mlops.monitoring.findings import ALERT, INFO, NONE, SEVERITIES, UNKNOWN, WARN

LARGE = 2.0  # times the least effect that counts, from which on a change is an alert


@dataclass(frozen=True)
class Floors:
    """What counts as drift: significance over all columns, and the least effect of each kind.

    `wasserstein` is in standard deviations of the reference; `variation` is the total variation
    beyond what sampling gives. A change `large` times the least effect is an alert.
    """

    significance: float = 0.01
    kolmogorov_smirnov: float = 0.05
    wasserstein: float = 0.12
    variation: float = 0.03
    large: float = LARGE


# A distance of 0.05 is a shift of the mean by an eighth of a standard deviation.
BALANCED = Floors()
SENSITIVE = Floors(kolmogorov_smirnov=0.03, wasserstein=0.07, variation=0.02)
CALM = Floors(kolmogorov_smirnov=0.08, wasserstein=0.2, variation=0.05)
PRESETS = {"balanced": BALANCED, "sensitive": SENSITIVE, "calm": CALM}


@dataclass(frozen=True)
class ColumnDrift:
    """The verdict on a column.

    `score` is the distance from 0 to 1: Kolmogorov-Smirnov of numbers, of categories the total
    variation beyond sampling. `effect` is the size in units of the least one that counts, by
    whichever measure makes it larger, so that columns of all kinds can be ranked by it.
    """

    column: str
    kind: str
    severity: str
    score: float | None
    p_value: float | None
    adjusted_p: float | None
    effect: float | None
    reasons: tuple[str, ...]
    broken: tuple[str, ...]  # the names of the rules of quality that it breaks
    reference_rows: int
    current_rows: int
    reference_missing: float  # shares of the rows
    current_missing: float
    wasserstein: float | None = None
    psi: float | None = None
    jensen_shannon: float | None = None
    role: str = "feature"  # or answer, score: what the model said
    importance: float | None = None  # of a feature to this model; those of all add up to 1
    moved: str = NONE  # the severity of the change of the distribution alone
    distribution: Distribution | None = None
    examples: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    since: datetime | None = None  # of the first row that broke a rule

    @property
    def rank(self) -> float:
        """By what columns of one severity are ranked: effect x importance, where it is known."""
        effect = self.effect or 0.0
        if self.broken:
            effect = max(effect, LARGE)
        return effect if self.importance is None else effect * self.importance

    @property
    def drifted(self) -> bool:
        """Whether it drifted: severity warn or alert."""
        return self.severity in (WARN, ALERT)

    @property
    def verdict(self) -> str:
        """The verdict in a word: drifted, small, stable or unknown."""
        words = {UNKNOWN: "unknown", NONE: "stable", INFO: "small"}
        return words.get(self.severity, "drifted")

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON can hold it."""
        lists = {
            "reasons": list(self.reasons),
            "broken": list(self.broken),
            "examples": {rule: list(rows) for rule, rows in self.examples.items()},
            "since": None if self.since is None else self.since.isoformat(),
            "distribution": None if self.distribution is None else self.distribution.to_dict(),
        }
        finite = {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in vars(self).items()
        }
        return finite | lists | {"drifted": self.drifted}


# -- judging ------------------------------------------------------------------------------------


def effect(found: Measured, floors: Floors) -> float | None:
    """Return the size of a change in units of the least one that counts; None without a measure.

    Of numbers known by their bins only, the variation between the bins counts as well, with twice
    its least size: a shift varies them as much as it moves the cumulative shares, and a wider
    spread, which those hardly show, twice as much.
    """
    variation = floors.variation * (2 if found.binned else 1)
    sizes = [
        (found.kolmogorov_smirnov, floors.kolmogorov_smirnov),
        (found.wasserstein, floors.wasserstein),
        (found.excess_variation, variation),
    ]
    known = [size / least for size, least in sizes if size is not None]
    return max(known, default=None)


def _moved(found: Measured, size: float | None, adjusted: float | None, floors: Floors) -> str:
    """Return the severity of the change of the distribution."""
    if size is None or adjusted is None:
        judged = found.kind in ("time", "identifier")  # by the rules of quality, that is
        return NONE if judged else UNKNOWN
    if adjusted >= floors.significance:
        return NONE
    if size < 1:
        return INFO
    return ALERT if size >= floors.large else WARN


def _sizes(found: Measured) -> str:
    told = [
        ("KS", found.kolmogorov_smirnov, ""),
        ("moved by", found.wasserstein, " sd"),
        ("variation", found.excess_variation, ""),
    ]
    return ", ".join(f"{name} {size:.3f}{unit}" for name, size, unit in told if size is not None)


def _reasons(found: Measured, severity: str, adjusted: float | None) -> tuple[str, ...]:
    reasons = [one.text for one in found.broken]
    if found.untold:
        reasons.append(found.untold)
    elif severity in (INFO, WARN, ALERT) and adjusted is not None and adjusted < 0.05:
        text = f"{found.change} ({_sizes(found)}, adjusted p {adjusted:.2g})"
        reasons.append(f"{text}, too small to matter" if severity == INFO else text)
    return tuple(reasons)


def judge_columns(
    found: Sequence[Measured],
    floors: Floors = BALANCED,
    importances: Mapping[str, float] | None = None,
) -> list[ColumnDrift]:
    """Return the verdict on each column, the most severe first, among these the largest effect.

    Where the importances of features are known, the effect counts times the importance.
    """
    known = importances or {}
    tested = [one for one in found if one.p_value is not None]
    p_values = [one.p_value for one in tested if one.p_value is not None]
    adjusted = dict(zip((one.column for one in tested), benjamini_hochberg(p_values), strict=True))
    verdicts = []
    for one in found:
        p = adjusted.get(one.column)
        size = effect(one, floors)
        moved = _moved(one, size, p, floors)
        severity = ALERT if one.broken else moved
        score = one.kolmogorov_smirnov
        verdicts.append(
            ColumnDrift(
                column=one.column,
                kind=one.kind,
                severity=severity,
                score=one.excess_variation if score is None else score,
                p_value=one.p_value,
                adjusted_p=p,
                effect=size,
                reasons=_reasons(one, severity, p),
                broken=tuple(rule.rule for rule in one.broken),
                reference_rows=one.reference_rows,
                current_rows=one.current_rows,
                reference_missing=one.reference_missing,
                current_missing=one.current_missing,
                wasserstein=one.wasserstein,
                psi=one.psi,
                jensen_shannon=one.jensen_shannon,
                role=one.role,
                importance=known.get(one.column, 0.0 if known else None)
                if one.role == "feature"
                else None,
                moved=moved,
                distribution=one.distribution,
                examples={rule: tuple(rows) for rule, rows in one.examples.items()},
            )
        )
    verdicts.sort(key=lambda one: (-SEVERITIES.index(one.severity), -one.rank))
    return verdicts
