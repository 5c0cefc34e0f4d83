"""The verdict on each column and on the whole: drifted only if it is no chance and it is not small.

    report = judge([measure(name, *sides) for name, sides in ...])
    report.drifted, report.moved, report["age"].reasons

Two doors have to be open. The p-value, adjusted over all columns, keeps 200 rows quiet; the stated
minimum of the effect keeps a million rows quiet. A broken rule of quality opens both. PSI and
Jensen-Shannon are shown and never decide. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lite_mlops.data.wording import amount
from lite_mlops.htmltext import html_facts, html_table
from lite_mlops.monitoring.drift.columns import Measured
from lite_mlops.monitoring.drift.discovery import benjamini_hochberg
from lite_mlops.monitoring.drift.joint import JointDrift
from lite_mlops.monitoring.findings import ALERT, INFO, NONE, SEVERITIES, UNKNOWN, WARN


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
    large: float = 2.0


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
        lists = {"reasons": list(self.reasons), "broken": list(self.broken)}
        finite = {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in vars(self).items()
        }
        return finite | lists | {"drifted": self.drifted}


@dataclass(frozen=True)
class DriftReport:
    """What changed from a reference to the present: each column, the most severe first."""

    reference: str
    current: str
    reference_rows: int
    current_rows: int
    columns: tuple[ColumnDrift, ...]
    joint: JointDrift | None
    floors: Floors = BALANCED

    @property
    def moved(self) -> tuple[ColumnDrift, ...]:
        """The columns that drifted."""
        return tuple(one for one in self.columns if one.drifted)

    @property
    def drifted(self) -> bool:
        """Whether a column drifted, or all of them together did."""
        return bool(self.moved) or (self.joint is not None and self.joint.drifted)

    def __iter__(self) -> Iterator[ColumnDrift]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, column: str) -> ColumnDrift:
        for one in self.columns:
            if one.column == column:
                return one
        raise KeyError(column)

    def __str__(self) -> str:
        have = "has" if len(self.moved) == 1 else "have"
        text = f"{len(self.moved)} of {amount(len(self), 'column')} {have} drifted"
        unknown = sum(one.severity == UNKNOWN for one in self.columns)
        if unknown:
            text += f", {unknown} cannot be judged"
        return f"{text}." if self.joint is None else f"{text}. {self.joint}"

    def __repr__(self) -> str:
        rows = f"{self.reference_rows} -> {self.current_rows} rows"
        return f"<DriftReport {rows}: {self}>"

    def _repr_html_(self) -> str:
        facts = {
            "reference": f"{self.reference}, {amount(self.reference_rows, 'row')}",
            "present": f"{self.current}, {amount(self.current_rows, 'row')}",
            "found": str(self),
        }
        rows = [
            (one.column, one.verdict, one.severity, "; ".join(one.reasons)) for one in self.columns
        ]
        names = ("column", "verdict", "severity", "reasons")
        return html_facts("Drift", facts) + html_table("Columns", names, rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return {
            "drifted": self.drifted,
            "reference": self.reference,
            "current": self.current,
            "reference_rows": self.reference_rows,
            "current_rows": self.current_rows,
            "floors": dict(vars(self.floors)),
            "joint": None if self.joint is None else self.joint.to_dict(),
            "columns": [one.to_dict() for one in self.columns],
        }


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


def _severity(found: Measured, size: float | None, adjusted: float | None, floors: Floors) -> str:
    if found.broken:
        return ALERT
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


def judge_columns(found: Sequence[Measured], floors: Floors = BALANCED) -> list[ColumnDrift]:
    """Return the verdict on each column, the most severe first, among these the largest effect."""
    tested = [one for one in found if one.p_value is not None]
    p_values = [one.p_value for one in tested if one.p_value is not None]
    adjusted = dict(zip((one.column for one in tested), benjamini_hochberg(p_values), strict=True))
    verdicts = []
    for one in found:
        p = adjusted.get(one.column)
        size = effect(one, floors)
        severity = _severity(one, size, p, floors)
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
            )
        )
    verdicts.sort(key=lambda one: (-SEVERITIES.index(one.severity), -(one.effect or 0.0)))
    return verdicts
