"""How many workers there should be: a rule from values to values, tried on made-up loads."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.processors import processors
from lite_mlops.web.workers import Bounds, Pace
from lite_mlops.web.workers.scaling import Look, Step, Trend, decide

PACE = Pace(up_seconds=1.0, down_seconds=60.0, look=0.25)
FIVE = Bounds(1, 5)


class Server:
    """Workers that share a load, looked at again and again.

    Attributes:
        load: How many workers would be busy all the time.
        steps: When their number changed, and to how many.
    """

    def __init__(self, load: float, bounds: Bounds = FIVE, pace: Pace = PACE) -> None:
        self.load = load
        self.at = 0.0
        self.workers = bounds.least
        self.steps: list[tuple[float, Step]] = []
        self._bounds = bounds
        self._pace = pace
        self._trend = Trend()

    def pass_(self, seconds: float) -> Server:
        """Let time go on."""
        for _ in range(round(seconds / self._pace.look)):
            self.at += self._pace.look
            busy = min(1.0, self.load / self.workers)
            delay = 0.05 if busy > 0.95 else 0.0
            look = Look(self.at, self.workers, delay, busy)
            self._trend, step = decide(self._trend, look, self._bounds, self._pace)
            if step is not None:
                assert abs(step.workers - self.workers) == 1
                self.workers = step.workers
                self.steps.append((self.at, step))
        return self


# -- bounds -------------------------------------------------------------------------------------


def test_bounds_are_a_number_two_of_them_or_auto() -> None:
    assert Bounds.parse("3") == Bounds(3, 3)
    assert Bounds.parse("1..4") == Bounds(1, 4)
    assert Bounds.parse("auto") == Bounds(1, processors())
    assert [str(Bounds.parse(text)) for text in ("3", "1..4", "2..2")] == ["3", "1..4", "2"]


@pytest.mark.parametrize("text", ["0", "0..2", "4..1", "-1", "x", "", "1..", "..4", "1.5", "65"])
def test_other_bounds_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as error:
        Bounds.parse(text)
    assert str(error.value) == (
        f"the workers are {text!r}; expected a number such as 4, bounds such as 1..4 (at most 64), "
        "or auto."
    )


# -- up and down --------------------------------------------------------------------------------


def test_a_load_gets_as_many_workers_as_it_needs_within_seconds() -> None:
    server = Server(load=2.0).pass_(5)
    assert server.workers == 3  # of which each is busy for two thirds of the time
    assert [step.workers for _, step in server.steps] == [2, 3]
    assert server.steps[0][1].because == "the queue delay was 50 ms"
    assert server.pass_(3_600).workers == 3


def test_being_busy_is_enough_to_grow() -> None:
    server = Server(load=0.9).pass_(5)
    assert [step for _, step in server.steps] == [Step(2, "the workers were busy 90 % of the time")]


def test_a_moment_of_load_changes_nothing() -> None:
    server = Server(load=5.0).pass_(0.75)
    server.load = 0.0
    assert server.pass_(10).steps == []


def test_idleness_takes_workers_away_slowly() -> None:
    server = Server(load=2.0).pass_(5)
    server.load = 0.1
    begun = server.at
    server.pass_(59)
    assert server.workers == 3
    server.pass_(120)
    assert server.workers == 1
    assert [round(at - begun) for at, _ in server.steps[2:]] == [60, 120]
    assert server.steps[-1][1].because == "the workers were busy 5 % of the time for 60 s"


def test_a_worker_that_is_needed_again_soon_is_taken_away_later() -> None:
    server = Server(load=0.9).pass_(5)
    lasted = []
    for _ in range(6):  # a load that comes whenever the second worker has gone
        server.load = 0.1
        begun = server.at
        while server.workers == 2:
            server.pass_(1)
        lasted.append(round(server.at - begun))
        server.load = 0.9
        server.pass_(5)
        assert server.workers == 2
    assert lasted == [61, 121, 241, 481, 961, 961]


# -- whatever the load --------------------------------------------------------------------------

LOADS = st.floats(0, 8)
BOUNDS = st.tuples(st.integers(1, 4), st.integers(0, 4)).map(lambda one: Bounds(one[0], sum(one)))


@given(LOADS, BOUNDS)
def test_under_a_steady_load_it_comes_to_rest(load: float, bounds: Bounds) -> None:
    server = Server(load, bounds).pass_(100)
    assert bounds.least <= server.workers <= bounds.most
    count = len(server.steps)
    assert count <= bounds.most - bounds.least  # only up, as it begins with the fewest
    assert server.pass_(1_000).steps[count:] == []
    if server.workers < bounds.most:
        assert load / server.workers <= PACE.busy


@given(st.lists(st.tuples(LOADS, st.floats(1, 300)), max_size=12), BOUNDS)
def test_however_a_load_changes_the_bounds_hold_and_it_never_flaps(
    phases: list[tuple[float, float]], bounds: Bounds
) -> None:
    server = Server(0.0, bounds)
    for load, seconds in phases:
        server.load = load
        server.pass_(seconds)
        assert bounds.least <= server.workers <= bounds.most
    for (before, _), (after, step) in zip(server.steps, server.steps[1:], strict=False):
        # Between two steps there is time to see what the first one has done.
        assert after - before >= PACE.up_seconds
        if "of the time for" in step.because:
            assert after - before >= PACE.down_seconds


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 5))
def test_who_ends_one_worker_does_not_press_the_others(
    delay: float, busy: float, workers: int
) -> None:
    pace = dataclasses.replace(PACE, idle=1.0, down_seconds=0.0)
    _, step = decide(Trend(), Look(0.0, workers, delay, busy), FIVE, pace)
    if step is not None and step.workers < workers:
        assert busy * workers / step.workers < pace.busy
        assert delay <= pace.delay
