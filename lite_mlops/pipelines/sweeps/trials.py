"""What a sweep came to: its trials, and the best of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lite_mlops.htmltext import html_table


@dataclass(frozen=True)
class Trial:
    """One run of a sweep; `value` is what it is judged by, if it came that far."""

    number: int
    params: Mapping[str, Any]
    run_id: str
    status: str  # of its run
    value: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return vars(self) | {"params": dict(self.params)}


@dataclass(frozen=True)
class Sweep:
    """All trials of a sweep, by their numbers; `run_id` is the run around theirs."""

    run_id: str
    metric: str
    minimize: bool
    trials: tuple[Trial, ...]

    @property
    def ranked(self) -> list[Trial]:
        """The trials that have a value, the best first."""
        judged = [trial for trial in self.trials if trial.value is not None]
        sign = 1 if self.minimize else -1
        return sorted(judged, key=lambda trial: (sign * (trial.value or 0.0), trial.number))

    @property
    def best(self) -> Trial | None:
        """The best trial; None if none came to a value."""
        return next(iter(self.ranked), None)

    @property
    def failed(self) -> list[Trial]:
        """The trials that came to no value."""
        return [trial for trial in self.trials if trial.value is None]

    def __repr__(self) -> str:
        best = self.best
        told = "" if best is None else f", best {self.metric} {best.value:.6g} by {best.params}"
        return f"<Sweep {self.run_id}: {len(self.trials)} trials{told}>"

    def _repr_html_(self) -> str:
        names = sorted({name for trial in self.trials for name in trial.params})
        rows = [
            (trial.number, *(trial.params.get(name) for name in names), trial.value, trial.run_id)
            for trial in self.ranked
        ]
        return html_table(repr(self)[1:-1], ("trial", *names, self.metric, "run"), rows)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        best = self.best
        return {
            "run_id": self.run_id,
            "metric": self.metric,
            "minimize": self.minimize,
            "best": None if best is None else best.to_dict(),
            "trials": [trial.to_dict() for trial in self.trials],
        }
