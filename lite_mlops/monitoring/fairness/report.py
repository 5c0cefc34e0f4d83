"""Groups against each other: what differs beyond a limit, and beyond chance.

    report = compare_groups([groups], decisions, model="loan/2")
    report.fires, report.groups, report.comparisons, report.findings()

An alarm needs an interval that lies beyond the limit as a whole, and enough labels. Without one it
is said what was not found, never that a model is fair. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from lite_mlops.charts import Estimate, beside, estimate_chart, in_notebook
from lite_mlops.data.wording import amount
from lite_mlops.errors import Invalid, suggestion
from lite_mlops.htmltext import html_facts, html_table
from lite_mlops.monitoring.fairness.groups import Groups, intersect
from lite_mlops.monitoring.fairness.measuring import Decisions, GroupFacts, measure_groups
from lite_mlops.monitoring.findings import ALERT, INFO, NONE, UNKNOWN, Finding
from lite_mlops.monitoring.proportions import Interval, deviations, newcombe, ratio

CHECK = "fairness"
RATES = ("selection_rate", "tpr", "fpr", "precision")
_WORDS = {"selection_rate": "selection rate", "tpr": "true positive rate"}
_DRAWN = 12  # groups
MIN_ROWS = 30  # of a group of which anything is said
MIN_INTERSECTION = 200
MIN_POSITIVES = 50  # labelled ones of both groups, for an alarm


@dataclass(frozen=True)
class Limits:
    """From where on a difference is one to look at.

    The ratio of selection rates is the four-fifths rule of the US agencies (29 CFR 1607.4 D, 1978);
    it holds in both directions. `tpr_difference` is that of equal opportunity (Hardt, Price and
    Srebro, 2016).
    """

    selection_ratio: float = 0.8
    tpr_difference: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.selection_ratio <= 1:
            raise Invalid(
                f"the limit of the selection ratio is {self.selection_ratio}; expected a number "
                "above 0, up to 1."
            )
        if not 0 <= self.tpr_difference < 1:
            raise Invalid(
                f"the limit of the TPR difference is {self.tpr_difference}; expected a number from "
                "0, below 1."
            )


@dataclass(frozen=True)
class Comparison:
    """A rate of a group against that of the group it is compared with.

    `difference` has Newcombe's interval and `ratio` that of MOVER-R. They hold together for all
    groups of a column and both rates that are judged, at 95 %.
    """

    column: str
    group: str
    against: str
    rate: str
    difference: Interval
    ratio: Interval | None
    beyond: bool  # whether the whole interval lies beyond the limit
    excluded: bool  # whether the whole interval lies within the limit

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON can hold it."""
        return vars(self) | {
            "difference": self.difference.to_dict(),
            "ratio": None if self.ratio is None else self.ratio.to_dict(),
        }


@dataclass(frozen=True)
class FairnessReport:
    """The figures of each group, and each group against another of its column."""

    model: str
    positive: str  # the answer that selects
    rows: int
    labelled: int
    groups: tuple[GroupFacts, ...]
    comparisons: tuple[Comparison, ...]
    limits: Limits = Limits()

    @property
    def fires(self) -> bool:
        """Whether any finding asks for somebody."""
        return any(one.fires for one in self.findings())

    def __getitem__(self, key: tuple[str, str]) -> GroupFacts:
        for one in self.groups:
            if (one.column, one.group) == key:
                return one
        raise KeyError(key)

    def __str__(self) -> str:
        found = [one for one in self.findings() if one.fires]
        text = f"{amount(self.rows, 'prediction')}, {self.labelled:,} with a label. "
        if found:
            return text + " ".join(one.sentence for one in found)
        return (
            f"{text}Of {amount(len(self.comparisons), 'comparison')} none lies beyond its limit as "
            "a whole; that is no proof that there is no difference."
        )

    def __repr__(self) -> str:
        return f"<FairnessReport {self.model}, {amount(len(self.groups), 'group')}: {self}>"

    def _repr_html_(self) -> str:
        facts = {"positive answer": self.positive, "found": str(self)}
        names = ("column", "group", "rows", "labelled", *RATES)
        rows = [
            (
                one.column,
                one.group,
                one.rows,
                one.labelled,
                *map(told, (one.selection_rate, one.tpr, one.fpr, one.precision)),
            )
            for one in self.groups
        ]
        table = html_table("Groups", names, rows)
        return in_notebook(html_facts(f"Groups of {self.model}", facts) + self._drawn() + table)

    def _drawn(self) -> str:
        """Return the judged rates of the groups as pictures."""
        charts = []
        for rate, name in _WORDS.items():
            known = [(one, getattr(one, rate)) for one in self.groups]
            found = [
                Estimate(f"{g.column} = {g.group}", i.value, i.low, i.high, f"{g.rows:,} rows")
                for g, i in known
                if i is not None
            ]
            charts += [estimate_chart(name, found[:_DRAWN])] if found else []
        return beside(charts)

    def findings(self) -> list[Finding]:
        """Return a finding for each group, and for each rate of it that is judged."""
        return list(fairness_findings(self))

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return {
            "model": self.model,
            "positive": self.positive,
            "fires": self.fires,
            "rows": self.rows,
            "labelled": self.labelled,
            "limits": dict(vars(self.limits)),
            "groups": [one.to_dict() for one in self.groups],
            "comparisons": [one.to_dict() for one in self.comparisons],
            "findings": [one.to_dict() for one in self.findings()],
        }


def told(one: Interval | None) -> str:
    """Return a figure with its interval, as it stands in tables and sentences."""
    return "" if one is None else f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"


# -- comparing ----------------------------------------------------------------------------------


def _against(facts: Sequence[GroupFacts], wanted: str | None) -> GroupFacts:
    """Return the group that the others are compared with: the one that is named, or the largest.

    The largest is chosen without a look at its outcomes, so that intervals hold.
    """
    for one in facts:
        if one.group == wanted:
            return one
    return max(facts, key=lambda one: one.rows)


def _judged(rate: str, found: Comparison, limits: Limits) -> tuple[bool, bool]:
    """Return whether an interval lies beyond, and whether within its limit as a whole."""
    if rate == "tpr":
        limit, one = limits.tpr_difference, found.difference
        return one.low > limit or one.high < -limit, -limit <= one.low and one.high <= limit
    if rate == "selection_rate" and found.ratio is not None:
        limit, one = limits.selection_ratio, found.ratio
        return one.high < limit or one.low > 1 / limit, limit <= one.low and one.high <= 1 / limit
    return False, False


def _compared(
    facts: Sequence[GroupFacts], against: GroupFacts, limits: Limits
) -> Iterator[Comparison]:
    others = [one for one in facts if one is not against and one.rows >= MIN_ROWS]
    z = deviations(together=2 * len(others))
    if against.rows < MIN_ROWS:
        return
    for one in others:
        for rate in RATES:
            mine, theirs = one.rate(rate, z), against.rate(rate, z)
            if mine is None or theirs is None:
                continue
            found = Comparison(
                one.column,
                one.group,
                against.group,
                rate,
                newcombe(mine, theirs),
                ratio(mine, theirs),
                beyond=False,
                excluded=False,
            )
            beyond, excluded = _judged(rate, found, limits)
            yield Comparison(**vars(found) | {"beyond": beyond, "excluded": excluded})


def compare_groups(
    groups: Sequence[Groups],
    decisions: Decisions,
    *,
    model: str = "",
    positive: str = "",
    against: str | None = None,
    limits: Limits = Limits(),
) -> FairnessReport:
    """Return what differs between the groups of each column, and of two columns together.

    Args:
        groups: The groups of each column; of two together those with 200 rows are told.
        decisions: What was decided of each row.
        model: The name of the model.
        positive: The answer that selects, for reading.
        against: The group that others are compared with; default: the largest of each column.
        limits: From where on a difference is one to look at.

    Raises:
        Invalid: there is no group of that name in any column.
    """
    known = [name for one in groups for name in one.names]
    if against is not None and against not in known:
        near = suggestion(against, known)
        raise Invalid(f"There is no group {against!r} to compare with: {', '.join(known)}.{near}")
    facts: list[GroupFacts] = []
    comparisons: list[Comparison] = []
    together = [(intersect(*pair), MIN_INTERSECTION) for pair in combinations(groups, 2)]
    for one, least in [*((single, 1) for single in groups), *together]:
        own = [found for found in measure_groups(one, decisions) if found.rows >= least]
        facts += own
        if own:
            comparisons += _compared(own, _against(own, against), limits)
    return FairnessReport(
        model=model,
        positive=positive,
        rows=len(decisions),
        labelled=int(decisions.labelled.sum()),
        groups=tuple(facts),
        comparisons=tuple(comparisons),
        limits=limits,
    )


# -- findings -----------------------------------------------------------------------------------


def fairness_findings(report: FairnessReport) -> Iterator[Finding]:
    """Give a finding for each judged rate of each group, and for each group that is too small.

    An alert needs an interval beyond the limit as a whole and 50 labelled positives in both groups;
    with fewer labels it is told as info.
    """
    if not report.rows:
        yield Finding(CHECK, "", UNKNOWN, "There are no predictions to compare groups of.")
    facts = {(one.column, one.group): one for one in report.groups}
    for one in report.groups:
        if one.rows < MIN_ROWS:
            text = (
                f"{one.column} = {one.group} has {amount(one.rows, 'row')}; nothing can be said of "
                f"fewer than {MIN_ROWS}."
            )
            subject = f"{one.column} = {one.group}"
            yield Finding(CHECK, subject, UNKNOWN, text, float(one.rows), float(MIN_ROWS))
    for found in report.comparisons:
        if found.rate in _WORDS:
            yield _finding(
                found,
                facts[found.column, found.group],
                facts[found.column, found.against],
                report.limits,
            )


def _finding(found: Comparison, group: GroupFacts, against: GroupFacts, limits: Limits) -> Finding:
    subject = f"{found.column} = {found.group}"
    positives = min(group.positives, against.positives)
    what = f"the {_WORDS[found.rate]} of {subject}"
    if found.rate == "tpr":
        value, limit = found.difference.value, limits.tpr_difference
        text = f"{what} differs by {told(found.difference)} from that of {found.against}"
        bound = f"a difference beyond {limit:g}"
    elif found.ratio is None:  # nobody is selected
        value, limit = found.difference.value, limits.selection_ratio
        text = f"{what} is 0, as that of {found.against}"
        bound = f"a ratio beyond {limit:g}"
    else:
        value, limit = found.ratio.value, limits.selection_ratio
        text = f"{what} is {told(found.ratio)} times that of {found.against}"
        bound = f"a ratio beyond {limit:g}"
    if not found.beyond:
        severity = NONE
        text += f"; {bound} is {'' if found.excluded else 'not '}excluded."
    elif positives < MIN_POSITIVES:
        severity = INFO
        text += (
            f", beyond the limit of {limit:g}. It is no alarm: one of the groups has "
            f"{positives} of the {MIN_POSITIVES} labelled positives that it needs."
        )
    else:
        severity = ALERT
        text += f", beyond the limit of {limit:g}."
    evidence = found.to_dict() | {
        "rows": group.rows,
        "against_rows": against.rows,
        "labelled_positives": [group.positives, against.positives],
        "coverage": [group.coverage, against.coverage],
    }
    finite = value if abs(value) != float("inf") else None
    return Finding(CHECK, subject, severity, text, finite, limit, evidence)
