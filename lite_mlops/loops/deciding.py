"""Deciding: what a loop is to do next, from its story and from what is seen. Pure.

    next_step(loop, lines, seen, now=datetime.now(UTC))
    # Begin(why="3 new labels ...") | Train() | Judge() | Try() | Promote() | End(...) | Wait(...)

What was done is known by the story and by what is seen, never by what a process remembers: whoever
looks next goes on, wherever the one before was killed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from lite_mlops.data.wording import amount
from lite_mlops.loops.definition import Loop
from lite_mlops.loops.story import (
    BAD_ENDS,
    BEGUN,
    FAILED,
    PASSED,
    PROMOTED,
    ROLLED_BACK,
    STOPPED,
    TRAINED,
    TRAINING,
    UNDECIDED,
    WATCHING,
    Cycle,
    Line,
    cycles,
)
from lite_mlops.spans import span_text

MOST_TRAININGS = 3  # of one cycle, when whoever trained was killed again and again
_DAY = timedelta(days=1)
_UNTRIED = "It passed the gate, and nothing is tried first."


@dataclass(frozen=True)
class Trying:
    """What is tried at the endpoint, and how it does.

    Attributes:
        version: The canary; None: there is none.
        trial: Under which it is counted.
        how: What the latest decision about the endpoint was, such as "rolled back".
        why: The reason that was given for it.
        requests: What the canary has answered.
    """

    version: int | None = None
    trial: str | None = None
    how: str = ""
    why: str | None = None
    requests: int = 0


@dataclass(frozen=True)
class Seen:
    """What a loop sees.

    Attributes:
        present: The version that the alias points to; None: there is no such alias yet.
        newest: The number of the newest version of the model; 0: there is none.
        trying: What is tried at the endpoint of the alias.
        data: The hash of the newest version of the dataset that begins the loop.
        labels: How many recorded predictions of the model have a label.
        alerts: The incidents of its monitor that are alerts and go on, with what each says.
    """

    present: int | None
    newest: int = 0
    trying: Trying = field(default_factory=Trying)
    data: str | None = None
    labels: int = 0
    alerts: Mapping[str, str] = field(default_factory=dict)

    def known(self) -> dict[str, Any]:
        """Return what the next cycle is to be compared with."""
        return {"data": self.data, "labels": self.labels, "alerts": sorted(self.alerts)}


# -- steps --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Watch:
    """Write down what is seen, so that what is new can be told."""


@dataclass(frozen=True)
class Wait:
    """Do nothing for now; `until` is when something is to be done at the latest, if it is known."""

    why: str
    until: datetime | None = None


@dataclass(frozen=True)
class Begin:
    """Begin a cycle."""

    trigger: str
    why: str


@dataclass(frozen=True)
class Train:
    """Run the pipeline."""


@dataclass(frozen=True)
class Judge:
    """Ask the gate."""


@dataclass(frozen=True)
class Try:
    """Give the new version its share of the requests."""


@dataclass(frozen=True)
class Promote:
    """Move the alias to the new version."""

    why: str


@dataclass(frozen=True)
class End:
    """The cycle is over; `untry` says that the canary has to be taken away."""

    state: str
    why: str
    untry: bool = False


Step = Watch | Wait | Begin | Train | Judge | Try | Promote | End


# -- which is next ------------------------------------------------------------------------------


def next_step(
    loop: Loop,
    lines: Sequence[Line],
    seen: Seen,
    *,
    now: datetime,
    paused: bool = False,
    wanted: str | None = None,
) -> Step:
    """Return what a loop is to do next.

    Args:
        loop: The loop.
        lines: Its story, in order.
        seen: What is seen.
        now: The present time.
        paused: Whether it is paused: what is being tried goes on, and nothing moves.
        wanted: Why somebody wants a cycle to begin now, whatever was seen.
    """
    if paused:
        return Wait("It is paused.")
    if not lines:
        return Watch()
    found = cycles(lines)
    if found and not found[-1].ended:
        return _onwards(loop, found[-1], seen, now)
    return _beginning(loop, lines, found, seen, now, wanted)


def _onwards(loop: Loop, cycle: Cycle, seen: Seen, now: datetime) -> Step:
    if cycle.state in (BEGUN, TRAINING):
        if cycle.count(TRAINING) >= MOST_TRAININGS:
            return End(
                FAILED, f"The training was interrupted {MOST_TRAININGS} times; it is given up."
            )
        return Train()
    if cycle.state == TRAINED:
        return Judge()
    if cycle.state == PASSED:
        return _to_try(loop, cycle, seen)
    return _tried(loop, cycle, seen, now)


def _to_try(loop: Loop, cycle: Cycle, seen: Seen) -> Step:
    if seen.present == cycle.version:  # whoever promoted it was killed before it could say so
        return End(PROMOTED, f"It is {loop.reference} already.")
    if loop.canary is None or seen.present is None:
        return Promote(_UNTRIED)
    if seen.trying.version not in (None, cycle.version):
        return Wait(f"Another canary, {loop.model}/{seen.trying.version}, is tried.")
    return Try()


def _tried(loop: Loop, cycle: Cycle, seen: Seen, now: datetime) -> Step:
    name = f"{loop.model}/{cycle.version}"
    trying = seen.trying
    trial = cycle.lines[-1].evidence.get("trial")
    if trial is None:  # it waits for approval alone
        return _to_try(replace(loop, canary=None), cycle, seen)
    if trying.version != cycle.version or trying.trial != trial:
        if seen.present == cycle.version:
            return End(PROMOTED, f"{name} is {loop.reference} now.")
        if trying.how == "rolled back":
            return End(ROLLED_BACK, trying.why or f"{name} was rolled back.")
        told = trying.why or f"the endpoint says {trying.how!r}"
        return End(STOPPED, f"{name} is not tried any more: {told}.".replace("..", "."))
    passed = now - _tried_since(cycle)
    answered = f"{name} answered {amount(trying.requests, 'request')} and was not worse"
    if trying.requests >= loop.requests:
        return Promote(f"{answered}.")
    if passed < loop.within:
        wanted = amount(loop.requests, "request")
        return Wait(
            f"{name} is tried: {trying.requests:,} of {wanted}.", _tried_since(cycle) + loop.within
        )
    span = span_text(loop.within)
    if trying.requests >= loop.least:
        return Promote(f"{answered} in {span}.")
    return End(
        UNDECIDED,
        f"{name} got only {amount(trying.requests, 'request')} in {span}, of {loop.least:,} that "
        "it takes to tell anything.",
        untry=True,
    )


def _tried_since(cycle: Cycle) -> datetime:
    return next(one.at for one in cycle.lines if "trial" in one.evidence)


# -- beginning ----------------------------------------------------------------------------------


def _beginning(
    loop: Loop,
    lines: Sequence[Line],
    found: Sequence[Cycle],
    seen: Seen,
    now: datetime,
    wanted: str | None,
) -> Step:
    trigger = Begin("wanted", wanted) if wanted is not None else _trigger(loop, lines, seen, now)
    if trigger is None:
        due = None if loop.every is None else _last_beginning(lines) + loop.every
        return Wait(f"It waits for {' or '.join(loop.begins_with)}.", due)
    if wanted is not None:
        return trigger
    latest = [cycle.begun_at for cycle in found if now - cycle.begun_at < _DAY]
    if len(latest) >= loop.per_day:
        return Wait(
            f"{trigger.why} It has trained {amount(len(latest), 'time')} in 24 hours, which is "
            "all that it may.",
            min(latest) + _DAY,
        )
    until = resting_until(loop, found)
    if until is not None and now < until:
        bad = _bad_ones(found)
        return Wait(
            f"{trigger.why} It rests, as the last {amount(bad, 'time')} ended badly: "
            f"{found[-1].lines[-1].why}",
            until,
        )
    return trigger


def _bad_ones(found: Sequence[Cycle]) -> int:
    """Return how many cycles in a row ended badly, up to the latest; those without a say apart."""
    bad = 0
    for cycle in reversed(found):
        if cycle.state in BAD_ENDS:
            bad += 1
        elif cycle.state == PROMOTED:
            break
    return bad


def resting_until(loop: Loop, found: Sequence[Cycle]) -> datetime | None:
    """Return until when a loop begins nothing after what ended badly; None if nothing did."""
    bad = _bad_ones(found)
    if not bad:
        return None
    ended = max(cycle.lines[-1].at for cycle in found if cycle.state in BAD_ENDS)
    rest: timedelta = min(loop.pause * 2 ** min(bad - 1, 30), loop.longest_pause)
    return ended + rest


def _last_beginning(lines: Sequence[Line]) -> datetime:
    return next(one.at for one in reversed(lines) if one.state in (WATCHING, BEGUN))


def _trigger(loop: Loop, lines: Sequence[Line], seen: Seen, now: datetime) -> Begin | None:
    """Return what begins a cycle now, compared with when the last one began."""
    known = next(one.evidence["known"] for one in reversed(lines) if "known" in one.evidence)
    new = [text for one, text in seen.alerts.items() if one not in known["alerts"]]
    if loop.alerts is not None and new:
        return Begin("alert", f"The monitor {loop.alerts} alerts: {new[0].rstrip('.')}.")
    if loop.data is not None and seen.data not in (None, known["data"]):
        return Begin("data", f"There is a new version of {loop.data}, {str(seen.data)[:8]}.")
    came = seen.labels - known["labels"]
    if loop.labels is not None and came >= loop.labels:
        return Begin("labels", f"{amount(came, 'new label')} came.")
    if loop.every is not None and now - _last_beginning(lines) >= loop.every:
        return Begin("every", f"{span_text(loop.every)} have passed since it last began.")
    return None
