"""Batching: many requests are one question; large ones take turns; one that fails fails alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Busy, Invalid
from lite_mlops.models import Column, Signature, Table
from lite_mlops.serving import batching
from lite_mlops.serving.batching import Batching

SIGNATURE = Signature((Column("x", "float"), Column("y", "text", missing=True)))
FOREVER = float("inf")


def table(*values: float) -> Table:
    return SIGNATURE.validate([{"x": value, "y": str(float(value))} for value in values])


class Model:
    """Doubles x; refuses 13; keeps what it was asked together."""

    def __init__(self) -> None:
        self.calls: list[list[list[float]]] = []

    def ask(self, tables: Sequence[Table]) -> list[list[tuple[float, str]]]:
        self.calls.append([one["x"].tolist() for one in tables])
        joined = Table.joined(tables)
        if 13.0 in joined["x"]:
            raise Invalid("13 is unlucky.")
        answers = list(zip((joined["x"] * 2).tolist(), joined["y"].tolist(), strict=True))
        found = []
        for one in tables:
            found.append(answers[: len(one)])
            answers = answers[len(one) :]
        return found


def join(parts: Sequence[list[Any]]) -> list[Any]:
    return [answer for part in parts for answer in part]


def run(work: Batching[Any]) -> int:
    turns = 1
    while work.turn():
        turns += 1
    return turns


def test_what_waits_is_asked_at_once_and_everyone_gets_their_own() -> None:
    model, found = Model(), dict[int, Any]()
    work = Batching(model.ask, join)
    for number in range(5):
        work.add(table(number, number + 0.5), partial(found.__setitem__, number), FOREVER)
    assert work.waiting == 5
    assert run(work) == 1
    assert len(model.calls) == 1
    assert found == {n: [(2.0 * n, f"{float(n)}"), (2.0 * n + 1, f"{n + 0.5}")] for n in range(5)}


def test_one_that_fails_fails_alone() -> None:
    model, found = Model(), list[Any]()
    work = Batching(model.ask, join)
    for value in (1.0, 13.0, 2.0):
        work.add(table(value), found.append, FOREVER)
    run(work)
    assert found[0] == [(2.0, "1.0")]
    assert isinstance(found[1], Invalid)
    assert found[2] == [(4.0, "2.0")]
    assert [len(call) for call in model.calls] == [3, 1, 1, 1]


def test_one_that_waited_too_long_is_given_up_and_not_asked() -> None:
    model, found = Model(), list[Any]()
    work = Batching(model.ask, join)
    work.add(table(1), found.append, time.monotonic() - 1)
    work.add(table(2), found.append, FOREVER)
    run(work)
    assert isinstance(found[0], Busy)
    assert "waited too long" in str(found[0])
    assert model.calls == [[[2.0]]]


def test_large_and_small_requests_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "_FIRST_PIECE", 10)
    monkeypatch.setattr(batching, "_LARGEST_PIECE", 10)
    model, found = Model(), dict[str, Any]()
    work = Batching(model.ask, join)
    work.add(table(*range(50, 85)), lambda got: found.update(large=got), FOREVER)
    work.add(table(1), lambda got: found.update(first=got), FOREVER)
    assert work.turn()
    assert set(found) == {"first"}
    work.add(table(2), lambda got: found.update(second=got), FOREVER)
    assert work.turn()
    assert work.turn()
    assert set(found) == {"first", "second"}
    run(work)
    assert found["large"] == [(2.0 * n, f"{float(n)}") for n in range(50, 85)]
    assert [len(call[0]) for call in model.calls] == [1, 10, 1, 10, 10, 5]


def test_a_large_one_that_fails_ends_at_once() -> None:
    model, found = Model(), list[Any]()
    work = Batching(model.ask, join)
    work._piece = 2
    work.add(table(1, 2, 13, 4, 5, 6), found.append, FOREVER)
    work.add(table(*range(20, 26)), found.append, time.monotonic() - 1)
    run(work)
    assert isinstance(found[0], Invalid)
    assert isinstance(found[1], Busy)
    assert len(model.calls) == 2


@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.integers(1, 16), st.data())
def test_whatever_comes_in_everyone_gets_the_answers_to_their_rows(
    sizes: list[int], piece: int, data: st.DataObject
) -> None:
    model, found = Model(), dict[int, Any]()
    work = Batching(model.ask, join)
    start = 100
    expected = {}
    for number, size in enumerate(sizes):
        work._piece = piece
        values = [float(value) for value in range(start, start + size)]
        start += size
        expected[number] = [(2 * value, str(value)) for value in values]
        work.add(table(*values), partial(found.__setitem__, number), FOREVER)
        if data.draw(st.booleans()):
            work.turn()
    run(work)
    assert found == expected
    assert work.waiting == 0


def test_the_piece_follows_what_a_call_costs() -> None:
    work = Batching(Model().ask, join)
    before = work._piece
    work._learn(0.001, 1, before)
    assert work._piece == 2 * before
    for _ in range(20):
        work._learn(0.5, 1, work._piece)
    assert work._piece == batching.SMALLEST_PIECE


def test_the_piece_stays_where_a_single_row_takes_as_long() -> None:
    work = Batching(Model().ask, join)
    before = work._piece
    for rows in (1, before, 1, before):
        work._learn(0.03 + 0.00002 * rows, 1, rows)
    assert work._piece == before
    work._learn(0.2, 1, before)
    assert work._piece == before // 2
    assert work.slow


def test_waiting_for_stragglers_pays_only_where_a_call_is_dear_and_others_were_there() -> None:
    work = Batching(Model().ask, join)
    work._learn(0.004, 4, 4)
    work._learn(0.004, 4, 4)
    work.add(table(1), list[Any]().append, FOREVER)
    assert work.linger == pytest.approx(0.0002)
    for _ in range(7):
        work.add(table(1), list[Any]().append, FOREVER)
    assert work.linger == 0
    cheap = Batching(Model().ask, join)
    cheap._learn(0.0001, 4, 4)
    cheap.add(table(1), list[Any]().append, FOREVER)
    assert cheap.linger == 0


@given(
    st.lists(st.lists(st.sampled_from([1, 2.5, None]), min_size=1, max_size=4), min_size=1),
    st.data(),
)
def test_tables_are_joined_and_parted_without_loss(
    rows: list[list[float | None]], data: st.DataObject
) -> None:
    signature = Signature((Column("x", "float", missing=True), Column("y", "integer")))
    tables = [signature.validate([[value, 7] for value in each]) for each in rows]
    joined = Table.joined(tables)
    flat = [value for each in rows for value in each]
    assert len(joined) == len(flat)
    start = data.draw(st.integers(0, len(flat)))
    stop = data.draw(st.integers(start, len(flat) + 3))
    part = joined.part(start, stop)
    assert len(part) == len(flat[start:stop])
    np.testing.assert_array_equal(
        part["x"], np.array([np.nan if v is None else v for v in flat[start:stop]])
    )


def test_a_piece_of_a_plan_is_finer() -> None:
    whole, fine = Batching(Model().ask, join), Batching(Model().ask, join, piece_seconds=0.003)
    for _ in range(3):
        for work in (whole, fine):
            work._learn(0.0001, 1, 1)
            work._learn(0.012, 1, 1_000)
    assert whole._piece >= 1_000
    assert fine._piece == 500
