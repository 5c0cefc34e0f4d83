"""What came of labels that were told: how many were taken, what they changed, what was left out.

print(received)   # 9,950 of 10,000 labels recorded, 12 of them replace another one; ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lite_mlops.data.wording import amount
from lite_mlops.htmltext import html_facts, visible

EXAMPLES = 5


@dataclass(frozen=True)
class LeftOut:
    """Rows from which no label was taken: how many, and the first few of them."""

    count: int = 0
    examples: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.count > 0

    def __str__(self) -> str:
        more = self.count - len(self.examples)
        return ", ".join(self.examples) + (f" and {more:,} more" if more > 0 else "")

    def to_dict(self) -> dict[str, Any]:
        """Return the rows as JSON can hold them."""
        return {"count": self.count, "examples": list(self.examples)}


@dataclass(frozen=True)
class Received:
    """What came of labels that were told.

    Attributes:
        rows: How many rows were told.
        recorded: Rows whose label was taken.
        labels: Labels of predictions that this gave; more or fewer than `recorded` where a key
            names several predictions, or rows repeat each other.
        repeated: Of the labels, those that say again what stood; they are not stored again.
        replaced: Those that another label stood in place of.
        outdated: Those that were known before the one that stands, which goes on to stand.
        contradictory: Predictions of which the rows themselves say different things.
        unknown: Rows that name no recorded prediction.
        unlabelled: Rows without a label, or without what names the prediction.
        unreadable: Rows whose label cannot be one of the model, such as a text for a number.
        unseen: Classes that the model never saw in training, and how often; these are taken.
    """

    rows: int
    recorded: int
    labels: int
    repeated: int = 0
    replaced: int = 0
    outdated: int = 0
    contradictory: int = 0
    unknown: LeftOut = field(default_factory=LeftOut)
    unlabelled: LeftOut = field(default_factory=LeftOut)
    unreadable: LeftOut = field(default_factory=LeftOut)
    unseen: Mapping[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether a label was taken from every row."""
        return self.recorded == self.rows

    def remarks(self) -> Iterator[str]:
        """Yield what is worth a word, in sentences."""
        if self.labels != self.recorded:
            yield f"They are labels of {amount(self.labels, 'prediction')}."
        if self.replaced:
            yield f"{self.replaced:,} replaced another label, which is kept in earlier_labels."
        if self.repeated:
            yield f"{self.repeated:,} said again what was known."
        if self.outdated:
            yield f"{self.outdated:,} were known before the label that stands, which goes on to."
        if self.contradictory:
            named = amount(self.contradictory, "prediction")
            yield f"Of {named} the rows say different things; the last one stands."
        if self.unseen:
            named = ", ".join(f"{name!r} ({count:,})" for name, count in self.unseen.items())
            yield f"Never seen in training, and taken all the same: {named}."
        left_out = {
            "No such prediction": self.unknown,
            "No label": self.unlabelled,
            "Not readable": self.unreadable,
        }
        for why, rows in left_out.items():
            if rows:
                yield f"{why}, left out: {amount(rows.count, 'row')} ({rows})."

    def __str__(self) -> str:
        first = f"{self.recorded:,} of {amount(self.rows, 'label')} recorded."
        return visible("\n".join((first, *self.remarks())))

    def __repr__(self) -> str:
        return f"<Received {' '.join(str(self).splitlines())}>"

    def _repr_html_(self) -> str:
        return html_facts("Labels", {name: str(value) for name, value in self.counts().items()})

    def counts(self) -> dict[str, int]:
        """Return how many rows, labels or predictions there were of each sort, by its name."""
        return {
            name: value if isinstance(value, int) else getattr(value, "count", 0)
            for name, value in vars(self).items()
            if name != "unseen"
        } | {"unseen": sum(self.unseen.values())}

    def to_dict(self) -> dict[str, Any]:
        """Return what came of the labels as JSON can hold it."""
        left_out = ("unknown", "unlabelled", "unreadable")
        shown = {name: getattr(self, name).to_dict() for name in left_out}
        return vars(self) | shown | {"unseen": dict(self.unseen), "complete": self.complete}
