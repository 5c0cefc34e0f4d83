"""The report of what changed from a reference to the present, and its findings.

report = compare_tables(old, new)
report.drifted, report.moved, report["age"].reasons
findings(report)                      # as monitors keep them and alerts are made of
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lite_mlops.charts import in_notebook, mini_pair
from lite_mlops.data.wording import amount
from lite_mlops.htmltext import Markup, html_facts, html_table
from lite_mlops.monitoring.drift.joint import MIN_AUC, JointDrift
from lite_mlops.monitoring.drift.quality import Broken
from lite_mlops.monitoring.drift.tests import smallest_shift
from lite_mlops.monitoring.drift.verdict import BALANCED, ColumnDrift, Floors
from lite_mlops.monitoring.findings import ALERT, NONE, SEVERITIES, UNKNOWN, Finding

TRAFFIC = ("absent", "interrupted")  # rules that say nothing of the rows


def _drawn(one: ColumnDrift) -> str:
    """Return a picture of how a column is spread, where that is known."""
    if one.distribution is None:
        return ""
    return Markup(mini_pair(one.column, one.distribution.pair))


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
    answers: tuple[ColumnDrift, ...] = ()  # what the model said, and its scores
    broken: tuple[Broken, ...] = ()  # rules of quality of all columns together
    examples: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  # of these
    notes: tuple[str, ...] = ()  # what could not be looked at, and why
    began: datetime | None = None  # of recorded rows: the first and the last of the present
    ended: datetime | None = None
    reference_is_window: bool = False

    @property
    def moved(self) -> tuple[ColumnDrift, ...]:
        """The columns that drifted."""
        return tuple(one for one in self.columns if one.drifted)

    @property
    def drifted(self) -> bool:
        """Whether anything did: a column, the answers, all of them together, or rows come twice.

        Traffic that is late or absent is told, but is no drift.
        """
        together = self.joint is not None and self.joint.drifted
        rules = any(one.rule not in TRAFFIC for one in self.broken)
        return bool(self.moved) or rules or together or any(one.drifted for one in self.answers)

    @property
    def severity(self) -> str:
        """The highest severity of all: none, info, warn, alert; unknown if nothing is known."""
        found = [one.severity for one in (*self.columns, *self.answers)]
        found += [ALERT] * bool(self.broken)
        found += [] if self.joint is None else [self.joint.severity]
        return max(found, key=SEVERITIES.index, default=UNKNOWN)

    @property
    def smallest_shift(self) -> float | None:
        """The shift that the rows show about four times of five, in standard deviations.

        Of a single drifted column, whose p-value is held against the level divided by the columns.
        None if no shift could be shown.
        """
        columns = max(len(self.columns) + len(self.answers), 1)
        level = self.floors.significance / columns
        return smallest_shift(self.reference_rows, self.current_rows, level)

    def __iter__(self) -> Iterator[ColumnDrift]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, column: str) -> ColumnDrift:
        for one in (*self.columns, *self.answers):
            if one.column == column:
                return one
        raise KeyError(column)

    def __str__(self) -> str:
        have = "has" if len(self.moved) == 1 else "have"
        text = f"{len(self.moved)} of {amount(len(self), 'column')} {have} drifted"
        unknown = sum(one.severity == UNKNOWN for one in self.columns)
        if unknown:
            text += f", {unknown} cannot be judged"
        told = [f"{text}."]
        moved = [one.column for one in self.answers if one.drifted]
        if moved:
            told.append(
                f"Of its answers {', '.join(moved)} {'has' if len(moved) == 1 else 'have'}."
            )
        told += [f"{one.text[0].upper()}{one.text[1:]}." for one in self.broken]
        return " ".join(told if self.joint is None else [*told, str(self.joint)])

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
            (one.column, one.verdict, one.severity, _drawn(one), "; ".join(one.reasons))
            for one in (*self.columns, *self.answers)
        ]
        names = ("column", "verdict", "severity", "distribution", "reasons")
        return in_notebook(html_facts("Drift", facts) + html_table("Columns", names, rows))

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
            "answers": [one.to_dict() for one in self.answers],
            "severity": self.severity,
            "broken": [
                {"rule": one.rule, "text": one.text, "examples": [*self.examples.get(one.rule, ())]}
                for one in self.broken
            ],
            "smallest_shift": self.smallest_shift,
            "notes": list(self.notes),
            "began": None if self.began is None else self.began.isoformat(),
            "ended": None if self.ended is None else self.ended.isoformat(),
        }


# -- findings -----------------------------------------------------------------------------------


def _evidence(report: DriftReport, one: ColumnDrift | None = None) -> dict[str, Any]:
    """Return what every finding of a report carries: both sides, and how much of them there is."""
    found: dict[str, Any] = {
        "reference": report.reference,
        "current": report.current,
        "reference_rows": report.reference_rows if one is None else one.reference_rows,
        "current_rows": report.current_rows if one is None else one.current_rows,
    }
    for name, moment in (("began", report.began), ("ended", report.ended)):
        if moment is not None:
            found[name] = moment.isoformat()
    return found


def _of_column(report: DriftReport, one: ColumnDrift) -> Iterator[Finding]:
    evidence = _evidence(report, one) | {"role": one.role}
    if one.importance is not None:
        evidence["importance"] = one.importance
    if one.distribution is not None:
        evidence["distribution"] = one.distribution.to_dict()
    if one.broken:
        count = len(one.broken)
        more = {
            "rules": list(one.broken),
            "examples": {rule: list(rows) for rule, rows in one.examples.items()},
            "missing": [one.reference_missing, one.current_missing],
        }
        if one.since is not None:
            more["since"] = one.since.isoformat()
        sentence = f"{one.column}: {'; '.join(one.reasons[:count])}."
        yield Finding("quality", one.column, ALERT, sentence, evidence=evidence | more)
    if one.broken and one.moved in (UNKNOWN, NONE):
        return
    reasons = one.reasons[len(one.broken) :]
    told = "; ".join(reasons) or "as in the reference"
    about = one.to_dict()
    figures = ("kind", "score", "p_value", "adjusted_p", "wasserstein", "psi", "jensen_shannon")
    yield Finding(
        "drift",
        one.column,
        one.moved,
        f"{one.column}: {told}.",
        value=about["effect"],
        limit=1.0,
        evidence=evidence | {name: about[name] for name in figures},
    )


def findings(report: DriftReport) -> list[Finding]:
    """Return what a report says, as findings: the columns in the order of the report.

    The checks are `drift` (a column or the answers moved; the value is the effect, in units of the
    least that counts, and the limit 1), `quality` (rules that a column, or all together, broke) and
    `joint` (the value is the AUC). The evidence holds both sides, the distribution to draw, places
    or ids of example rows, and since when a rule is broken where rows have a time.
    """
    found = [
        one for column in (*report.columns, *report.answers) for one in _of_column(report, column)
    ]
    for broken in report.broken:
        rows = [*report.examples.get(broken.rule, ())]
        evidence = _evidence(report) | {"rules": [broken.rule], "examples": {broken.rule: rows}}
        if broken.about is not None:
            evidence |= broken.about
        sentence = f"{broken.text[0].upper()}{broken.text[1:]}."
        found.append(Finding("quality", "", ALERT, sentence, evidence=evidence))
    if report.joint is not None:
        found.append(
            Finding(
                "joint",
                "",
                report.joint.severity,
                str(report.joint),
                value=report.joint.auc,
                limit=MIN_AUC,
                evidence=_evidence(report) | report.joint.to_dict(),
            )
        )
    return found
