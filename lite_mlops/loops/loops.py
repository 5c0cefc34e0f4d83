"""The loops of a project: from "it drifted" to "a better version is live", with the evidence.

    project.loops.status()
    project.loops.run()             # all that is to be done now
    project.loops.history("churn")

Each step is recorded before the next is taken, with what shows it. Whoever runs it next reads from
there what is to be done (`deciding`): nothing is remembered that is not in the story.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lite_mlops.errors import Conflict, LiteMlopsError, NotFound, suggestion
from lite_mlops.loops.deciding import (
    Begin,
    End,
    Judge,
    Promote,
    Seen,
    Step,
    Train,
    Try,
    Trying,
    Wait,
    Watch,
    next_step,
)
from lite_mlops.loops.definition import Loop, loop_of
from lite_mlops.loops.rounds import Parts, Round, Say
from lite_mlops.loops.story import Cycle, Line, cycles
from lite_mlops.monitoring.findings import ALERT
from lite_mlops.security import mask_reason
from lite_mlops.settings import FILE_NAME, tables_of
from lite_mlops.store import Database, Store, alone
from lite_mlops.store.events import LoopSwitched

_LINES = 500  # of a story that are looked at; a cycle has some ten


def _silent(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class LoopState:
    """How a loop stands.

    Attributes:
        loop: The loop.
        paused: Whether it is paused.
        cycle: The latest time round; None: it has not begun one.
        why: What it does or waits for, in a sentence.
        until: When it does something at the latest, if that is known.
    """

    loop: Loop
    paused: bool
    cycle: Cycle | None
    why: str
    until: datetime | None = None

    @property
    def state(self) -> str:
        """How it stands, in a word or two."""
        if self.paused:
            return "paused"
        return "waiting" if self.cycle is None or self.cycle.ended else self.cycle.state

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON can hold it."""
        cycle = self.cycle
        return {
            "loop": self.loop.to_dict(),
            "state": self.state,
            "why": self.why,
            "until": None if self.until is None else self.until.isoformat(),
            "cycle": None if cycle is None else [one.to_dict() for one in cycle.lines],
        }


class Loops:
    """The loops of a project: questions first, then what takes them further, then decisions."""

    def __init__(self, store: Store, parts: Parts) -> None:
        self._store = store
        self._parts = parts
        self._root = store.layout.folder.parent

    # -- questions ------------------------------------------------------------------------------

    def all(self) -> list[Loop]:
        """Return the loops of the settings file, by name. Raises `Invalid`."""
        place = self._root / FILE_NAME
        return [
            loop_of(name, values, f"{place}: loop.{name}")
            for name, values in sorted(tables_of(self._root, "loop").items())
        ]

    def get(self, name: str) -> Loop:
        """Return a loop. Raises `NotFound`, `Invalid`."""
        known = {one.name: one for one in self.all()}
        if name not in known:
            raise NotFound(
                f"There is no loop {name!r}.{suggestion(name, known)} A table [loop.{name}] in "
                f"{FILE_NAME} makes one."
            )
        return known[name]

    def history(self, name: str, *, rows: int = _LINES) -> list[Line]:
        """Return what a loop did, in order: the latest `rows` lines."""
        with self._store.reading() as database:
            return _story(database, name, rows)

    def status(self, name: str | None = None) -> list[LoopState]:
        """Return how each loop stands, or one. Raises `NotFound`, `Invalid`."""
        return [self._state(loop) for loop in self._chosen(name)]

    def _chosen(self, name: str | None) -> list[Loop]:
        found = self.all() if name is None else [self.get(name)]
        if not found:
            raise NotFound(f"There is no loop. A table [loop.churn] in {FILE_NAME} makes one.")
        return found

    def _state(self, loop: Loop) -> LoopState:
        lines, seen, paused = self._look(loop)
        step = next_step(loop, lines, seen, now=datetime.now(UTC), paused=paused)
        found = cycles(lines)
        why, until = (step.why, step.until) if isinstance(step, Wait) else (_next(step), None)
        return LoopState(loop, paused, found[-1] if found else None, why, until)

    # -- what is seen ---------------------------------------------------------------------------

    def _look(self, loop: Loop) -> tuple[list[Line], Seen, bool]:
        with self._store.reading() as database:
            lines = _story(database, loop.name, _LINES)
            switch = database.one("loop_switch", loop=loop.name)
            newest = database.value("loop_newest_version", model=loop.model) or 0
            labels = (
                database.value("loop_labels", model=loop.model) if loop.labels is not None else 0
            )
            data = database.value("loop_data", name=loop.dataset) if loop.data is not None else None
        seen = Seen(
            present=self._present(loop),
            newest=newest,
            trying=self._trying(loop),
            data=data,
            labels=labels,
            alerts=self._alerting(loop),
        )
        return lines, seen, switch is not None and switch["how"] == "paused"

    def _present(self, loop: Loop) -> int | None:
        try:
            return self._parts.models.decided(loop.reference).version
        except NotFound:
            return None

    def _trying(self, loop: Loop) -> Trying:
        trial = self._parts.endpoints.trials().get(loop.reference)
        if trial is None:
            return Trying()
        requests = 0
        if trial.id is not None:
            with self._store.reading() as database:
                requests = database.value("loop_canary", trial=trial.id)
        return Trying(trial.canary, trial.id, trial.how, trial.reason, requests)

    def _alerting(self, loop: Loop) -> Mapping[str, str]:
        if loop.alerts is None:
            return {}
        found = self._parts.alerts.all(loop.alerts)
        return {one.id: one.sentence for one in reversed(found) if one.severity == ALERT}

    # -- taking them further --------------------------------------------------------------------

    def run(
        self, name: str | None = None, *, wanted: str | None = None, say: Say = _silent
    ) -> list[LoopState]:
        """Do all that is to be done now, for each loop or one; return how they stand then.

        A training is waited for; a canary is not, as whoever runs this next goes on with it.

        Args:
            name: Which loop; None: all, one after the other.
            wanted: Why a cycle of the loop is to begin now, whatever was seen.
            say: Is told each step.

        Raises:
            NotFound, Invalid: there is no such loop, or one cannot be used.
            Busy: another process does it already.
        """
        loops = self._chosen(name)
        with self._alone(self._store.settings.wait_seconds):
            return self._run(loops, wanted, say)

    def run_due(self, say: Say = _silent) -> list[LoopState]:
        """Do what `run` does; nothing if another process does it already. Raises `Invalid`."""
        with self._alone(None) as held:
            return self._run(self.all(), None, say) if held else []

    def _alone(self, wait_seconds: float | None) -> AbstractContextManager[bool]:
        self._store.layout.make()
        return alone(self._store.layout.looping, "The loops are taken further", wait_seconds)

    def _run(self, loops: list[Loop], wanted: str | None, say: Say) -> list[LoopState]:
        troubles: list[LiteMlopsError] = []
        for loop in loops:
            try:
                self._go(loop, wanted, say)
            except LiteMlopsError as error:  # one that cannot go on must not hold up the others
                troubles.append(error)
        self._parts.alerts.deliver()
        if troubles:
            raise troubles[0]
        return [self._state(loop) for loop in loops]

    def _go(self, loop: Loop, wanted: str | None, say: Say) -> None:
        """Take a loop as far as it goes without waiting."""
        while True:
            lines, seen, paused = self._look(loop)
            step = next_step(loop, lines, seen, now=datetime.now(UTC), paused=paused, wanted=wanted)
            if isinstance(step, Wait):
                return
            round_ = Round(self._store, self._parts, loop, lines, seen, say)
            if isinstance(step, Begin):
                wanted = None
            if not round_.take(step):
                return

    # -- decisions ------------------------------------------------------------------------------

    def pause(self, name: str, *, reason: str | None = None) -> None:
        """Have a loop begin nothing and move nothing; a canary that is tried goes on answering.

        Raises:
            NotFound: there is no such loop.
            Conflict: it is paused already.
        """
        self._switch(name, "paused", reason)

    def resume(self, name: str, *, reason: str | None = None) -> None:
        """Have a paused loop go on where it was.

        Raises:
            NotFound: there is no such loop.
            Conflict: it is not paused.
        """
        self._switch(name, "resumed", reason)

    def _switch(self, name: str, how: str, reason: str | None) -> None:
        loop = self.get(name)
        reason = mask_reason(reason, self._store.settings.mask)
        with self._store.deciding() as decisions:
            row = decisions.database.one("loop_switch", loop=loop.name)
            before = "resumed" if row is None else row["how"]
            if before == how:
                word = "paused already" if how == "paused" else "not paused"
                raise Conflict(f"The loop {name} is {word}.")
            decisions.record(LoopSwitched(loop=loop.name, how=how, reason=reason))


def _story(database: Database, name: str, rows: int) -> list[Line]:
    found = database.dicts("loop_story", loop=name, rows=rows)
    return [Line.from_row(row) for row in reversed(found)]


def _next(step: Step) -> str:
    """Return what a loop does as soon as somebody runs it."""
    words: dict[type[Any], str] = {
        Watch: "It has not begun to watch",
        Train: "It is to train",
        Judge: "It is to ask the gate",
        Try: "The new version is to be tried",
        Promote: "The new version is to be promoted",
        End: "It is to end this time round",
    }
    if isinstance(step, Begin):
        return f"{step.why} It is to train."
    return f"{words[type(step)]}: `lite-mlops loop run`, or a server with --loop, does it."
