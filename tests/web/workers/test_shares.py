"""How connections are shared out, and how many deaths are too many."""

from __future__ import annotations

import math
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.web.workers.deaths import Deaths, cause_of
from lite_mlops.web.workers.shares import Share, shares

COUNTS = st.lists(st.integers(0, 300), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("connections", "kept"),
    [
        ([], []),
        ([5], [None]),
        ([0, 0], [None, None]),
        ([1, 0], [None, None]),
        ([2, 0], [1, None]),
        ([64, 0], [32, None]),
        ([10, 8], [None, None]),
        ([9, 3, 0], [4, None, None]),
    ],
)
def test_who_has_much_more_than_the_others_gives_some_away(
    connections: list[int], kept: list[int | None]
) -> None:
    assert [one.keep for one in shares(connections, 256)] == kept


def test_who_is_full_leaves_newcomers_to_those_who_are_not() -> None:
    assert shares([128, 126], 256) == [Share(128, 128), Share(128)]
    assert shares([128, 128], 256) == [Share(128), Share(128)]  # now they are told so


@given(COUNTS, st.integers(1, 512))
def test_shares_are_the_limit_of_the_server_and_nobody_falls_below_the_mean(
    connections: list[int], total: int
) -> None:
    found = shares(connections, total)
    assert sum(one.most for one in found) == max(total, len(connections))
    assert max(one.most for one in found) - min(one.most for one in found) <= 1
    mean = math.ceil(sum(connections) / len(connections))
    assert all(one.keep is None or one.keep >= min(mean, one.most) for one in found)
    # Somebody always takes who comes, so that nobody waits in vain.
    assert any(one.keep is None for one in found)


def test_more_than_five_deaths_within_a_minute_are_too_many() -> None:
    deaths = Deaths()
    assert [deaths.add(at) for at in (0, 10, 20, 30, 40, 59)] == [False] * 5 + [True]
    deaths = Deaths()
    assert not any(deaths.add(12.5 * number) for number in range(100))


def test_the_cause_of_a_death_is_told_in_words() -> None:
    assert cause_of(-signal.SIGSEGV) == "signal 11 (SIGSEGV)"
    assert cause_of(-1_000) == "signal 1000"
    assert cause_of(3) == "exit code 3"
