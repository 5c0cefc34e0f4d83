"""What a loop does next, in a simulated world in which whoever does it is killed at any moment."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.loops.deciding import (
    MOST_TRAININGS,
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
    resting_until,
)
from lite_mlops.loops.definition import Loop
from lite_mlops.loops.story import (
    BAD_ENDS,
    BEGUN,
    ENDS,
    FAILED,
    PASSED,
    PROMOTED,
    REFUSED,
    ROLLED_BACK,
    TRAINED,
    TRAINING,
    TRYING,
    UNDECIDED,
    WATCHING,
    Line,
    cycles,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LOOP = Loop(
    "churn",
    "churn",
    alerts="churn",
    data="rows",
    labels=100,
    every=timedelta(days=7),
    requests=50,
    least=10,
    within=timedelta(hours=1),
    per_day=3,
    pause=timedelta(minutes=10),
)
KNOWN = {"data": "a", "labels": 0, "alerts": ["old"]}
QUIET = Seen(1, 1, data="a", alerts={"old": "age has drifted."})


def line(
    state: str,
    at: datetime = NOW,
    cycle: str = "1",
    version: int | None = None,
    **evidence: Any,
) -> Line:
    return Line(at, "churn", cycle, state, version, f"{state}.", evidence, "ann")


WATCHED = [line(WATCHING, cycle="", known=KNOWN)]


def step(
    seen: Seen = QUIET, lines: list[Line] = WATCHED, after: timedelta = timedelta(0), **more: Any
) -> Step:
    return next_step(LOOP, lines, seen, now=NOW + after, **more)


# -- what begins it -----------------------------------------------------------------------------


def test_each_thing_that_is_new_begins_it_and_nothing_else_does() -> None:
    assert step(lines=[]) == Watch()
    waits = step()
    assert isinstance(waits, Wait)
    assert waits.until == NOW + timedelta(days=7)
    assert waits.why == (
        "It waits for an alert of churn or a new version of rows or 100 new labels or every 1w."
    )
    alerts = {**QUIET.alerts, "new": "income has drifted."}
    assert step(replace(QUIET, alerts=alerts)) == Begin(
        "alert", "The monitor churn alerts: income has drifted."
    )
    assert step(replace(QUIET, data="b" * 64)) == Begin(
        "data", "There is a new version of rows, bbbbbbbb."
    )
    assert step(replace(QUIET, labels=100)) == Begin("labels", "100 new labels came.")
    assert isinstance(step(replace(QUIET, labels=99)), Wait)
    assert step(after=timedelta(days=7)) == Begin("every", "1w have passed since it last began.")
    assert step(wanted="ann asked.") == Begin("wanted", "ann asked.")
    assert step(paused=True, wanted="ann asked.") == Wait("It is paused.")


def ended(state: str, at: datetime, cycle: str) -> list[Line]:
    return [line(BEGUN, at, cycle, known=KNOWN, newest=1), line(state, at, cycle)]


def test_no_more_than_so_many_in_a_day() -> None:
    lines = [*WATCHED]
    for hour in range(3):
        lines += ended(PROMOTED, NOW + timedelta(hours=hour), str(hour))
    found = step(replace(QUIET, data="b"), lines, timedelta(hours=3))
    assert isinstance(found, Wait)
    assert "It has trained 3 times in 24 hours, which is all that it may." in found.why
    assert found.until == NOW + timedelta(days=1)
    assert isinstance(step(replace(QUIET, data="b"), lines, timedelta(days=1)), Begin)


def test_each_failure_in_a_row_has_it_rest_twice_as_long() -> None:
    lines = [*WATCHED]
    for count, minutes in enumerate((10, 20, 40)):
        at = NOW + timedelta(days=count)
        lines += ended(BAD_ENDS[count], at, str(count))
        rest = timedelta(minutes=minutes)
        assert resting_until(LOOP, cycles(lines)) == at + rest
        early = at - NOW + rest - timedelta(seconds=1)
        found = step(replace(QUIET, data="b"), lines, early)
        assert isinstance(found, Wait)
        assert f"It rests, as the last {count + 1} time{'s' * bool(count)} ended badly" in found.why
        assert isinstance(
            step(replace(QUIET, data="b"), lines, early + timedelta(seconds=1)), Begin
        )
    lines += ended(PROMOTED, NOW + timedelta(days=4), "4")
    assert resting_until(LOOP, cycles(lines)) is None
    many = [one for n in range(40) for one in ended(FAILED, NOW, str(n))]
    assert resting_until(LOOP, cycles(many)) == NOW + LOOP.longest_pause


# -- the canary ---------------------------------------------------------------------------------


def tried(trying: Trying, present: int = 1, after: timedelta = timedelta(0)) -> Step:
    lines = [*WATCHED, line(BEGUN, known=KNOWN, newest=1), line(TRYING, version=2, trial="t")]
    return step(Seen(present, 2, trying), lines, after)


def test_a_canary_is_promoted_when_it_has_shown_enough_and_else_ends() -> None:
    assert isinstance(tried(Trying(2, "t", "canary", None, 49)), Wait)
    assert tried(Trying(2, "t", "canary", None, 50)) == Promote(
        "churn/2 answered 50 requests and was not worse."
    )
    hour = timedelta(hours=1)
    assert tried(Trying(2, "t", "canary", None, 10), after=hour) == Promote(
        "churn/2 answered 10 requests and was not worse in 1h."
    )
    few = tried(Trying(2, "t", "canary", None, 9), after=hour)
    assert isinstance(few, End)
    assert (few.state, few.untry) == (UNDECIDED, True)
    assert tried(Trying(None, None, "rolled back", "errors: 9 of 20.")) == End(
        ROLLED_BACK, "errors: 9 of 20."
    )
    assert tried(Trying(None, None, "canary off", "no.")) == End(
        "stopped", "churn/2 is not tried any more: no."
    )
    assert tried(Trying(3, "other", "canary", None, 500)) == End(
        "stopped", "churn/2 is not tried any more: the endpoint says 'canary'."
    )
    assert tried(Trying(None, None, "promoted"), present=2) == End(
        PROMOTED, "churn/2 is churn@champion now."
    )


def test_a_canary_of_somebody_else_is_waited_for() -> None:
    lines = [*WATCHED, line(BEGUN, known=KNOWN, newest=1), line(PASSED, version=2)]
    assert step(Seen(1, 2, Trying(3, "x", "canary")), lines) == Wait(
        "Another canary, churn/3, is tried."
    )
    assert step(Seen(1, 2), lines) == Try()
    assert step(Seen(None, 2), lines) == Promote("It passed the gate, and nothing is tried first.")
    assert step(Seen(2, 2), lines) == End(PROMOTED, "It is churn@champion already.")


# -- a world, in which whoever looks after the loop is killed again and again -------------------


@dataclass
class World:
    """The registry, the endpoint and the story, and somebody who is killed now and then."""

    now: datetime = NOW
    lines: list[Line] = field(default_factory=list)
    versions: dict[int, bool] = field(default_factory=lambda: {1: True})  # passes its gate?
    passed: set[int] = field(default_factory=lambda: {1})
    present: int = 1
    data: int = 0
    trying: Trying = field(default_factory=Trying)
    moves: list[int] = field(default_factory=list)

    def seen(self) -> Seen:
        return Seen(self.present, max(self.versions), self.trying, data=str(self.data))

    def tell(self, state: str, cycle: str, version: int | None = None, **evidence: Any) -> None:
        self.lines.append(line(state, self.now, cycle, version, **evidence))

    def look(self, killed: int, *, good: bool) -> None:
        """Take one step; `killed` in 1 or 2: before its effect is recorded, or before it began."""
        step = next_step(LOOP, self.lines, self.seen(), now=self.now)
        if killed == 2:
            return
        found = cycles(self.lines)
        cycle = found[-1] if found else None
        if isinstance(step, Watch):
            self.tell(WATCHING, "", known=self.seen().known())
        elif isinstance(step, Begin):
            assert cycle is None or cycle.ended, "two at once"
            known, newest = self.seen().known(), max(self.versions)
            self.tell(BEGUN, str(len(found)), known=known, newest=newest)
        elif isinstance(step, Train):
            assert cycle is not None
            newest = cycle.line(BEGUN).evidence["newest"]
            done = max(self.versions) > newest and cycle.state == TRAINING
            self.tell(TRAINING, cycle.id)
            if not done:
                self.versions[max(self.versions) + 1] = good
            if not killed:
                self.tell(TRAINED, cycle.id, max(self.versions))
        elif cycle is not None and not isinstance(step, Wait):
            self._further(step, cycle.id, cycle.version or 0, killed)

    def _further(self, step: Step, cycle: str, version: int, killed: int) -> None:
        state, evidence = self._effect(step, version)
        if not killed:
            self.tell(state, cycle, version, **evidence)

    def _effect(self, step: Step, version: int) -> tuple[str, dict[str, Any]]:
        if isinstance(step, Judge):
            self.passed |= {version} if self.versions[version] else set()
            return PASSED if self.versions[version] else REFUSED, {}
        if isinstance(step, Try):
            if self.trying.version != version:
                self.trying = Trying(version, f"trial {version}", "canary")
            return TRYING, {"trial": self.trying.trial}
        if isinstance(step, Promote):
            assert version in self.passed
            self.moves.append(version)
            self.present, self.trying = version, Trying(how="promoted")
            return PROMOTED, {}
        assert isinstance(step, End)
        self.trying = Trying(how="canary off") if step.untry else self.trying
        return step.state, {}


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["look", "data", "requests", "worse", "time"]),
        st.sampled_from([0, 0, 0, 1, 2]),
        st.booleans(),
    ),
    max_size=80,
)


@given(ACTS)
def test_whatever_happens_only_what_passed_is_promoted_and_one_at_a_time(
    acts: list[tuple[str, int, bool]],
) -> None:
    world = World()
    for act, killed, good in acts:
        world.now += timedelta(minutes=1)
        if act == "look":
            world.look(killed, good=good)
        elif act == "data":
            world.data += 1
        elif act == "requests" and world.trying.version is not None:
            world.trying = replace(world.trying, requests=world.trying.requests + 30)
        elif act == "worse" and world.trying.version is not None:
            world.trying = Trying(how="rolled back", why="it was worse.")
        elif act == "time":
            world.now += timedelta(hours=2)
        assert world.present in world.passed
    # Left alone, it comes to an end: nothing hangs half done.
    for _ in range(4 * MOST_TRAININGS + 12):
        world.now += timedelta(hours=2)
        world.look(0, good=True)
    found = cycles(world.lines)
    assert all(cycle.ended for cycle in found)
    assert all(one.state in ENDS or not one.cycle for one in world.lines[-1:])
    for cycle in found:
        assert len({one.version for one in cycle.lines if one.version is not None}) <= 1
        assert sum(one.state in ENDS for one in cycle.lines) == 1
        begun = [one for one in found if abs(one.begun_at - cycle.begun_at) < timedelta(days=1)]
        assert len([one for one in begun if one.begun_at <= cycle.begun_at]) <= LOOP.per_day
    promoted = [cycle.version for cycle in found if cycle.state == PROMOTED]
    assert promoted == world.moves
    assert not promoted or world.present == promoted[-1]
