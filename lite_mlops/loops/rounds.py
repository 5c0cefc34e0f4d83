"""Taking a loop one step further: each is carried out, and recorded with what shows it.

    round_ = Round(store, parts, loop, lines, seen, say)
    while round_.take(next_step(...)): ...

Every step may be taken again: who carried it out before may have been killed before it could say
so. What was begun is found again by what it left: a version, a trial, an alias that has moved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from lite_mlops.errors import Denied
from lite_mlops.gates import Gates
from lite_mlops.loops.deciding import Begin, End, Judge, Promote, Seen, Step, Train, Try, Watch
from lite_mlops.loops.definition import Loop
from lite_mlops.loops.story import (
    AWAITING,
    BEGUN,
    FAILED,
    PASSED,
    PROMOTED,
    REFUSED,
    STOPPED,
    TRAINED,
    TRAINING,
    TRYING,
    UNCHANGED,
    WATCHING,
    Line,
    cycles,
)
from lite_mlops.loops.telling import told
from lite_mlops.loops.training import train
from lite_mlops.models import APPROVAL, Models
from lite_mlops.monitoring.alerts import Alerts
from lite_mlops.pipelines import Pipelines
from lite_mlops.security import mask_text
from lite_mlops.serving import Endpoints
from lite_mlops.store import Store, new_id
from lite_mlops.store.events import LoopStepped

Say = Callable[[str], None]


@dataclass(frozen=True)
class Parts:
    """What a loop works with."""

    models: Models
    endpoints: Endpoints
    gates: Gates
    pipelines: Pipelines
    alerts: Alerts


class Round:
    """One step of a loop, carried out and recorded."""

    def __init__(
        self, store: Store, parts: Parts, loop: Loop, lines: list[Line], seen: Seen, say: Say
    ) -> None:
        self._store = store
        self._parts = parts
        self._loop = loop
        self._seen = seen
        self._say = say
        found = cycles(lines)
        self._cycle = found[-1] if found and not found[-1].ended else None

    def take(self, step: Step) -> bool:
        """Carry out a step and record what came of it; return whether there may be more to do."""
        taken: dict[type[Any], Callable[[Any], bool]] = {
            Watch: self._watch,
            Begin: self._begin,
            Train: self._train,
            Judge: self._judge,
            Try: self._try,
            Promote: self._promote,
            End: self._end,
        }
        return taken[type(step)](step)

    @property
    def _version(self) -> str:
        assert self._cycle is not None
        return f"{self._loop.model}/{self._cycle.version}"

    def _watch(self, _: Watch) -> bool:
        begins = " or ".join(self._loop.begins_with)
        return self._record("", WATCHING, f"It waits for {begins}.", known=self._seen.known())

    def _begin(self, step: Begin) -> bool:
        self._parts.gates.of(self._loop.model, self._loop.alias)  # without one nothing is trained
        known, newest = self._seen.known(), self._seen.newest
        return self._record(
            new_id(),
            BEGUN,
            step.why,
            trigger=step.trigger,
            known=known,
            newest=newest,
            present=self._seen.present,
        )

    def _train(self, _: Train) -> bool:
        assert self._cycle is not None
        newest = self._cycle.line(BEGUN).evidence["newest"]
        if self._seen.newest > newest and self._cycle.state == TRAINING:
            # Whoever trained was killed after it had registered the version.
            return self._trained(newest)
        again = self._cycle.state == TRAINING
        why = "The training was interrupted and goes on." if again else "It trains."
        outcome = train(
            self._parts.pipelines, self._loop, partial(self._tell, TRAINING, why), again=again
        )
        if outcome.busy:
            self._say("The pipeline is running in another process.")
            return False
        if not outcome.done:
            why = f"The training ended with exit code {outcome.code}: {outcome.last}"
            return self._tell(FAILED, why, code=outcome.code, said=outcome.said)
        return self._trained(newest)

    def _trained(self, newest: int) -> bool:
        with self._store.reading() as database:
            found = database.value("loop_newest_version", model=self._loop.model) or 0
        if found <= newest:
            return self._tell(
                UNCHANGED,
                f"The pipeline registered no new version of {self._loop.model}.",
                known=self._known(None),
            )
        version = self._parts.models.get(f"{self._loop.model}/{found}")
        return self._tell(
            TRAINED,
            f"{version.name} was registered.",
            version=found,
            run=version.run_id,
            sha256=version.sha256,
            known=self._known(version.run_id),
        )

    def _known(self, run_id: str | None) -> dict[str, Any]:
        """Return what was known when it began, and the data that the training itself recorded."""
        assert self._cycle is not None
        known = dict(self._cycle.line(BEGUN).evidence["known"])
        if self._loop.data is not None:
            with self._store.reading() as database:
                used = database.value("loop_data_of_run", run=run_id, name=self._loop.dataset)
            known["data"] = used or known["data"]
        return known

    def _judge(self, _: Judge) -> bool:
        report = self._parts.gates.run(self._version, self._loop.reference, reason="its loop")
        failed = [f"{one.name}: {one.reason.rstrip('.')}" for one in report.verdicts if one.stops]
        evidence: dict[str, Any] = {
            "report": report.number,
            "outcome": report.outcome,
            "against": report.against,
        }
        if report.passed:
            return self._tell(PASSED, f"{self._version} passed its gate.", **evidence)
        why = f"{self._version} did not pass its gate: {'; '.join(failed) or report.outcome}."
        return self._tell(REFUSED, why, **evidence)

    def _try(self, _: Try) -> bool:
        assert self._loop.canary is not None
        trial = self._parts.endpoints.canary(
            self._loop.reference, self._version, self._loop.canary, reason=self._why_tried()
        )
        share = f"{100 * self._loop.canary:.4g} %"
        return self._tell(TRYING, f"{self._version} gets {share} of the requests.", trial=trial.id)

    def _why_tried(self) -> str:
        assert self._cycle is not None
        return f"loop {self._loop.name}: {self._cycle.line(BEGUN).why}"

    def _promote(self, step: Promote) -> bool:
        assert self._cycle is not None
        trial = self._cycle.lines[-1].evidence.get("trial")
        reason = f"loop {self._loop.name}: {step.why}"
        try:
            if trial is not None:
                self._parts.endpoints.promote(self._loop.reference, reason=reason)
            else:
                self._parts.models.promote(self._version, self._loop.alias, reason=reason)
        except Denied as error:
            return self._denied(error, trial)
        return self._tell(
            PROMOTED,
            f"{self._version} is {self._loop.reference} now. {step.why}",
            previous=self._seen.present,
            requests=self._seen.trying.requests,
        )

    def _denied(self, error: Denied, trial: str | None) -> bool:
        """Wait for approval if that is all that is missing; otherwise end."""
        assert self._cycle is not None
        hindrance = self._parts.models.hindrance(self._version, self._loop.alias)
        if hindrance is not None and hindrance.lacks == APPROVAL:
            if self._cycle.state != AWAITING:
                self._tell(AWAITING, f"{self._version} waits: {hindrance.why}.", trial=trial)
            return False
        self._untry()
        return self._tell(STOPPED, f"{self._version} may not be promoted: {error}")

    def _end(self, step: End) -> bool:
        if step.untry:
            self._untry()
        return self._tell(step.state, step.why, requests=self._seen.trying.requests)

    def _untry(self) -> None:
        assert self._cycle is not None
        if self._seen.trying.version == self._cycle.version:
            self._parts.endpoints.stop_canary(
                self._loop.reference, reason=f"loop {self._loop.name}"
            )

    # -- recording ------------------------------------------------------------------------------

    def _tell(self, state: str, why: str, version: int | None = None, **evidence: Any) -> bool:
        assert self._cycle is not None
        version = self._cycle.version if version is None else version
        return self._record(self._cycle.id, state, why, version, **evidence)

    def _record(
        self, cycle: str, state: str, why: str, version: int | None = None, **evidence: Any
    ) -> bool:
        """Record a line of the story, and with it what is told to people."""
        channels = [one.name for one in self._parts.alerts.known_channels().values()]
        step = LoopStepped(
            loop=self._loop.name,
            cycle=cycle,
            state=state,
            version=version,
            why=mask_text(why, self._store.settings.mask),
            evidence=evidence,
        )
        with self._store.deciding() as decisions:
            incident = told(decisions.database, self._loop, state, why, channels)
            decisions.record_together(step, *([] if incident is None else [incident]))
        self._say(f"{state}: {why}")
        return True
