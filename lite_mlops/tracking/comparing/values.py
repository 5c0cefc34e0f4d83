"""What a comparison gives: rows of values side by side, verdicts and metrics, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from lite_mlops.htmltext import html_table
from lite_mlops.tracking.values import Run, plain_number

BETTER, WORSE = "better", "worse"
UNCLEAR = "no difference that the data can tell"
TOO_FEW = "too few rows to tell"


@dataclass(frozen=True)
class SideBySide:
    """One thing that runs recorded, with its value in each of them; None where it is not there."""

    name: str
    values: tuple[str | None, ...]

    @property
    def differs(self) -> bool:
        """Whether the runs have different values."""
        return len(set(self.values)) > 1

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON can hold them, in the order of the runs."""
        return {"name": self.name, "differs": self.differs, "values": list(self.values)}


@dataclass(frozen=True)
class MetricSideBySide:
    """The latest value of a metric in each run."""

    name: str
    values: tuple[float | None, ...]

    @property
    def differs(self) -> bool:
        """Whether the runs have different values; NaN is like NaN."""
        return len({"NaN" if value != value else value for value in self.values}) > 1

    @property
    def differences(self) -> tuple[float | None, ...]:
        """How far each run lies above the first; None where one of both has no value."""
        first = self.values[0]
        return tuple(
            None if first is None or value is None else value - first for value in self.values[1:]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON can hold them, in the order of the runs."""
        return {
            "name": self.name,
            "differs": self.differs,
            "values": [plain_number(value) for value in self.values],
            "differences": [plain_number(value) for value in self.differences],
        }


@dataclass(frozen=True)
class Verdict:
    """Whether the second of two models is better by a metric, and how sure that is.

    `low` and `high` bound the difference, second less first, with the stated confidence. The second
    is better or worse if the interval leaves out zero, and, for accuracy, McNemar's test agrees.
    """

    metric: str
    higher_is_better: bool
    first: float
    second: float
    low: float
    high: float
    confidence: float
    rows: int
    rows_that_differ: int
    p_value: float | None
    word: str

    @property
    def difference(self) -> float:
        """By how much the second value is higher than the first."""
        return self.second - self.first

    @property
    def text(self) -> str:
        """The verdict in words with its numbers."""
        test = "" if self.p_value is None else f", McNemar p = {self.p_value:.2g}"
        return (
            f"{self.word}: {self.metric} {self.second:.4g} against {self.first:.4g}, "
            f"{self.difference:+.3g} ({self.confidence:.0%} interval {self.low:+.3g} to "
            f"{self.high:+.3g}{test}; {self.rows:,} rows)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON can hold it."""
        found = {name: plain_number(v) if type(v) is float else v for name, v in vars(self).items()}
        return found | {"difference": plain_number(self.difference), "text": self.text}


@dataclass(frozen=True)
class EvaluationPair:
    """An evaluation that two runs both have: verdicts on the second run, or why there are none."""

    name: str
    first: str  # ids of the runs
    second: str
    verdicts: tuple[Verdict, ...] = ()
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the pair as JSON can hold it."""
        return vars(self) | {"verdicts": [verdict.to_dict() for verdict in self.verdicts]}


@dataclass(frozen=True)
class Measured:
    """A metric with the interval that the bootstrap of the rows gives it."""

    name: str
    value: float
    low: float
    high: float
    confidence: float
    rows: int
    higher_is_better: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the metric as JSON can hold it."""
        return {name: plain_number(v) if type(v) is float else v for name, v in vars(self).items()}


@dataclass(frozen=True)
class MeasuredEvaluation:
    """The metrics of one kept evaluation, or why there are none."""

    name: str
    metrics: tuple[Measured, ...] = ()
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics as JSON can hold them."""
        return vars(self) | {"metrics": [metric.to_dict() for metric in self.metrics]}


SECTIONS = ("params", "tags", "data", "code", "environment", "packages")


@dataclass(frozen=True)
class Comparison:
    """Runs side by side; the first is what the others are compared with."""

    runs: tuple[Run, ...]
    evaluations: tuple[EvaluationPair, ...] = ()
    metrics: tuple[MetricSideBySide, ...] = ()
    params: tuple[SideBySide, ...] = ()
    tags: tuple[SideBySide, ...] = ()
    data: tuple[SideBySide, ...] = ()
    code: tuple[SideBySide, ...] = ()
    environment: tuple[SideBySide, ...] = ()
    packages: tuple[SideBySide, ...] = ()

    def differing(self) -> Comparison:
        """Return the comparison without what is the same in all runs."""
        return replace(
            self,
            **{
                name: tuple(row for row in getattr(self, name) if row.differs)
                for name in ("metrics", *SECTIONS)
            },
        )

    def sections(self) -> Mapping[str, tuple[SideBySide, ...]]:
        """Return what consists of texts side by side, by its heading."""
        return {name: getattr(self, name) for name in SECTIONS}

    @property
    def labels(self) -> tuple[str, ...]:
        """A short name for each run: its name, with the end of its id where names are the same."""
        names = [run.name for run in self.runs]
        return tuple(
            f"{run.name} {run.id[-6:]}" if names.count(run.name) > 1 else run.name
            for run in self.runs
        )

    def label(self, run_id: str) -> str:
        """Return the short name of one of the runs."""
        return dict(zip((run.id for run in self.runs), self.labels, strict=True))[run_id]

    def __repr__(self) -> str:
        counts = [
            f"{len(getattr(self.differing(), field.name))} {field.name}"
            for field in fields(self)
            if field.name not in ("runs", "evaluations")
        ]
        against = " and ".join(repr(label) for label in self.labels)
        lines = [f"<Comparison of {against}; different: {', '.join(counts)}>"]
        for pair in self.evaluations:
            about = f"{self.label(pair.second)} on {pair.name!r}"
            told = [verdict.text for verdict in pair.verdicts] or [f"no verdict: {pair.reason}"]
            lines += [f"  {about}: {text}" for text in told]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it; values stand in the order of the runs."""
        return {
            "runs": [
                {"id": run.id, "name": run.name, "experiment": run.experiment, "status": run.status}
                for run in self.runs
            ],
            "evaluations": [pair.to_dict() for pair in self.evaluations],
            **{
                name: [row.to_dict() for row in getattr(self, name)]
                for name in ("metrics", *SECTIONS)
            },
        }

    def _repr_html_(self) -> str:
        told = [
            (pair.name, self.label(pair.second), verdict.text)
            for pair in self.evaluations
            for verdict in pair.verdicts
        ]
        parts = [html_table("verdicts", ("evaluation", "run", "verdict"), told)] if told else []
        different = self.differing()
        tables: dict[str, list[tuple[str, tuple[str | float | None, ...]]]] = {
            "metrics": [(row.name, row.values) for row in different.metrics],
            **{n: [(row.name, row.values) for row in r] for n, r in different.sections().items()},
        }
        for name, rows in tables.items():
            if rows:
                cells = [(key, *("" if v is None else v for v in values)) for key, values in rows]
                parts.append(html_table(name, ("name", *self.labels), cells))
        return "".join(parts) or html_table("No differences", ("run",), [(n,) for n in self.labels])
