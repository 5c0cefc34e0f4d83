"""The facts of a model card: everything that is recorded of a version, in one frozen value.

    facts = project.models.card("churn@champion")
    facts.stated, facts.metrics, facts.data[0].columns

Every form of a card is a pure function of these. None means that it was not recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Any

from lite_mlops.documents import NOT_STATED
from lite_mlops.htmltext import html_facts
from lite_mlops.models.aliases import AliasMove
from lite_mlops.models.cards.stated import Stated
from lite_mlops.models.cards.wording import number
from lite_mlops.models.gate_results import GateResult

# A text column with more different values than these may hold names or notes of people: a card,
# which is made to be shown around, tells how many there are and not which.
MOST_CATEGORIES = 20


@dataclass(frozen=True)
class ColumnFact:
    """A column of data as its profile tells it."""

    name: str
    type: str
    missing: int
    distinct: int | None = None
    low: float | str | None = None
    high: float | str | None = None
    mean: float | None = None
    quantiles: Mapping[str, float | str | None] = field(default_factory=dict)
    categories: Mapping[str, int] = field(default_factory=dict)  # and how often each occurs

    @classmethod
    def from_profile(cls, name: str, profile: Mapping[str, Any]) -> ColumnFact:
        """Return the facts of a column of a profile; see `lite_mlops/data/profile.py`."""
        top = profile.get("top", {})
        distinct = profile.get("distinct")
        told = distinct == len(top) <= MOST_CATEGORIES and any(count > 1 for count in top.values())
        return cls(
            name=name,
            type=profile.get("type", profile["kind"]),
            missing=profile["missing"],
            distinct=distinct,
            low=profile.get("min"),
            high=profile.get("max"),
            mean=profile.get("mean"),
            quantiles=profile.get("quantiles", {}),
            categories=top if told else {},
        )


@dataclass(frozen=True)
class DataFact:
    """A version of data that the model was made with."""

    name: str
    sha256: str
    roles: str
    form: str | None = None  # None: it is not recorded here
    rows: int | None = None
    size: int | None = None
    columns: tuple[ColumnFact, ...] = ()

    @property
    def reference(self) -> str:
        """The reference to it, with twelve digits of its hash."""
        return f"{self.name}@{self.sha256[:12]}"


@dataclass(frozen=True)
class MetricFact:
    """A metric, with its interval where an evaluation allows one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    rows: int | None = None
    evaluation: str | None = None  # on which the interval rests
    higher_is_better: bool | None = None
    without: str | None = None  # why there is no interval
    group: str | None = None  # the slice of the rows


@dataclass(frozen=True)
class RunFact:
    """The training run."""

    id: str
    name: str
    experiment: str
    status: str
    actor: str
    started_at: datetime
    seconds: float | None
    note: str | None
    params: Mapping[str, str]
    system: Mapping[str, str]


@dataclass(frozen=True)
class InputFact:
    """A column that the model takes, or an output that it gives."""

    name: str
    type: str
    missing: bool | None = None  # whether it may be
    low: float | str | None = None
    high: float | str | None = None
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class CardFacts:
    """Everything that a card tells of a version."""

    model: str
    version: int
    sha256: str
    size: int
    format: str
    created_at: datetime
    actor: str
    class_name: str | None = None
    aliases: tuple[str, ...] = ()
    description: str | None = None
    reason: str | None = None
    removed_at: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    stated: tuple[Stated, ...] = ()
    metrics: tuple[MetricFact, ...] = ()
    evaluations: tuple[MetricFact, ...] = ()
    unread: tuple[str, ...] = ()  # evaluations that could not be used, and why
    slices: tuple[MetricFact, ...] = ()
    data: tuple[DataFact, ...] = ()
    run_id: str | None = None
    run: RunFact | None = None  # None: there is none, or it is not recorded here
    params: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[InputFact, ...] = ()
    outputs: tuple[InputFact, ...] = ()
    gates: tuple[GateResult, ...] = ()
    moves: tuple[AliasMove, ...] = ()
    requirements: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, tuple[str, int]] = field(default_factory=dict)  # SHA-256 and size
    trusted: tuple[str, ...] = ()
    example: tuple[Any, ...] | None = None  # some rows as a caller sends them
    made_by: str = "lite-mlops"

    @property
    def name(self) -> str:
        """The version as it is named everywhere, such as 'churn/3'."""
        return f"{self.model}/{self.version}" if self.version else self.model

    def __repr__(self) -> str:
        return f"<CardFacts {self.name}>"

    def _repr_html_(self) -> str:
        said = {stated.title: stated.text or NOT_STATED for stated in self.stated}
        measured = {metric.name: number(metric.value) for metric in self.metrics}
        return html_facts(f"Model card {self.name}", said | measured)

    @property
    def task(self) -> str | None:
        """Classification or regression, where what is recorded tells; the hub's words for it."""
        if any(output.categories for output in self.outputs):
            return "tabular-classification"
        errors = any(metric.higher_is_better is False for metric in self.evaluations)
        return "tabular-regression" if errors else None

    def statement(self, name: str) -> str | None:
        """Return what was stated as `name`, such as "license"; None: nothing."""
        return next((stated.text for stated in self.stated if stated.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON can hold them."""
        found: dict[str, Any] = _plain(self)
        return {"name": self.name} | found


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value
