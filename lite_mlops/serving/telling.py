"""Telling: what a process counted in a trial becomes evidence that everyone can read.

    telling = Telling(store, "churn@champion")
    telling.arm(trial_id, "canary", arm, arm.counts(), judge)
    project.sql("SELECT version, requests, failed, detail FROM endpoint_evidence")

What did not change is not written again. There are numbers and kinds of exceptions in it, never a
value of a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lite_mlops.serving.trials.arm import Arm
from lite_mlops.serving.trials.counts import Counts
from lite_mlops.serving.trials.judging import Judge
from lite_mlops.serving.trials.shadow import Comparison
from lite_mlops.store import Store
from lite_mlops.store.events import TrialSeen


class Telling:
    """Writes down what was counted beside one endpoint."""

    def __init__(self, store: Store, reference: str) -> None:
        self._store = store
        self._reference = reference
        self._written: dict[tuple[str, str], TrialSeen] = {}

    def arm(
        self, trial_id: str, role: str, arm: Arm, counts: Counts, judge: Judge | None = None
    ) -> None:
        """Write down what was counted of a version that answers, and the evidence of its judge."""
        detail: dict[str, Any] = {name: getattr(counts, name) for name in _FURTHER}
        detail["failures"] = arm.failures
        if judge is not None:
            detail |= {"e": dict(judge.evidence), "needed": judge.rules.needed}
        self._write(trial_id, role, arm.loaded.version.name, counts, detail)

    def shadow(self, trial_id: str, name: str, comparison: Comparison) -> None:
        """Write down how a shadow compares."""
        detail = asdict(comparison)
        counts = Counts(requests=detail.pop("requests"), failed=detail.pop("failed"))
        self._write(trial_id, "shadow", name, counts, detail)

    def _write(
        self, trial_id: str, role: str, name: str, counts: Counts, detail: Mapping[str, Any]
    ) -> None:
        event = TrialSeen(
            reference=self._reference,
            trial=trial_id,
            writer=self._store.journal.writer,
            role=role,
            name=name,
            requests=counts.requests,
            failed=counts.failed,
            slow=counts.slow,
            doubtful=counts.doubtful,
            detail=dict(detail),
        )
        if self._written.get((role, trial_id)) != event:
            self._written[role, trial_id] = event
            self._store.append(event)


_FURTHER = ("rows", "calls", "microseconds")
