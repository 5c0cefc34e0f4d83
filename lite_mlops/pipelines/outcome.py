"""What is said of steps: why each would run, and what became of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lite_mlops.errors import LiteMlopsError
from lite_mlops.htmltext import html_table

State = Literal["up to date", "restore", "run", "waits"]
What = Literal["ran", "skipped", "restored", "failed", "not run"]


@dataclass(frozen=True)
class StepStatus:
    """How a step stands: what `pipe run` would do with it, and why."""

    step: str
    state: State
    reasons: tuple[str, ...]
    run_id: str | None = None  # the run that made what there is
    key: str | None = None  # the hash of what it depends on; None: not known before others ran

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return vars(self) | {"reasons": list(self.reasons)}


@dataclass(frozen=True)
class StepOutcome:
    """What became of a step."""

    step: str
    what: What
    reasons: tuple[str, ...] = ()
    run_id: str | None = None
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return vars(self) | {"reasons": list(self.reasons)}


@dataclass(frozen=True)
class PipelineRun:
    """What became of a pipeline; `run_id` is the run around its steps, if any of them ran."""

    pipeline: str
    steps: tuple[StepOutcome, ...]
    run_id: str | None
    params: Mapping[str, Any]
    seconds: float

    @property
    def ran(self) -> list[str]:
        """The steps that ran."""
        return [one.step for one in self.steps if one.what == "ran"]

    def count(self, what: What) -> int:
        """Return of how many steps that became."""
        return sum(one.what == what for one in self.steps)

    def __repr__(self) -> str:
        kinds: tuple[What, ...] = ("ran", "restored", "skipped", "failed", "not run")
        parts = [f"{self.count(kind)} {kind}" for kind in kinds if self.count(kind)]
        return f"<PipelineRun {self.pipeline}: {', '.join(parts) or 'no steps'}>"

    def _repr_html_(self) -> str:
        rows = [(one.step, one.what, "; ".join(one.reasons), one.run_id) for one in self.steps]
        return html_table(repr(self)[1:-1], ("step", "what", "why", "run"), rows)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "pipeline": self.pipeline,
            "run_id": self.run_id,
            "params": {name: str(value) for name, value in self.params.items()},
            "steps": [one.to_dict() for one in self.steps],
            "seconds": self.seconds,
        }


class StepFailed(LiteMlopsError):
    """A step of a pipeline did not end well; `report` tells what became of all of them."""

    def __init__(self, message: str, report: PipelineRun | None = None) -> None:
        super().__init__(message)
        self.report = report
