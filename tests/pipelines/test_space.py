"""The space of a sweep: how it is written, and which points are chosen of it."""

from __future__ import annotations

import itertools
import math
from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.pipelines.sweeps.space import (
    Choice,
    Span,
    dimension_of,
    grid,
    parsed_dimension,
    random_points,
    space_of,
)
from lite_mlops.pipelines.sweeps.sweeping import chosen_method


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.1,0.01", Choice((0.1, 0.01))),
        ("gini, entropy", Choice(("gini", "entropy"))),
        ("true,false", Choice((True, False))),
        ("5", Choice((5,))),
        ("2..8", Span(2, 8, whole=True)),
        ("-3..-1", Span(-3, -1, whole=True)),
        ("0..1.5", Span(0, 1.5)),
        ("1e-4..1e-1 log", Span(1e-4, 1e-1, log=True)),
        ("1..1000 log", Span(1, 1000, whole=True, log=True)),
    ],
)
def test_what_texts_say(text: str, found: object) -> None:
    assert parsed_dimension(text) == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("8..2", "'8..2' begins above its end"),
        ("0..1 log", "a span over magnitudes begins above zero"),
        ("a..b", "goes from one number to another; 'a' is none"),
        ("1..inf", "goes from one number to another; inf is none"),
    ],
)
def test_texts_that_say_nothing(text: str, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        parsed_dimension(text)


def test_what_values_say() -> None:
    assert dimension_of(range(2, 4)) == Choice((2, 3))
    assert dimension_of([None, "a..b"]) == Choice((None, "a..b"))
    assert dimension_of(7) == Choice((7,))
    with pytest.raises(Invalid, match="at least one value"):
        dimension_of([])
    with pytest.raises(Invalid, match="A sweep needs a param"):
        space_of({})


def test_a_grid_has_every_combination_once() -> None:
    space = space_of({"a": "1..2", "b": ["x", "y"]})
    assert [tuple(point.values()) for point in grid(space)] == [
        (1, "x"),
        (1, "y"),
        (2, "x"),
        (2, "y"),
    ]
    with pytest.raises(Invalid, match="a may be any number from 0 to 1, which is no grid"):
        grid(space_of({"a": "0..1.0"}))
    with pytest.raises(Invalid, match="The grid has 1,000,000 points"):
        grid(space_of({"a": "1..1000", "b": "1..1000"}))


@pytest.mark.parametrize(
    ("text", "method", "trials", "found"),
    [
        ("1..4", None, None, ("grid", 4)),
        ("1..4", None, 4, ("grid", 4)),
        ("1..4", None, 9, ("grid", 4)),
        ("1..4", None, 3, ("random", 3)),
        ("1..4", "grid", 3, ("grid", 3)),
        ("1..4", "random", 9, ("random", 9)),
        ("0..1.5", None, 9, ("random", 9)),
    ],
)
def test_how_points_are_chosen(
    text: str, method: str | None, trials: int | None, found: tuple[str, int]
) -> None:
    assert chosen_method(space_of({"a": text}), method, trials) == found


@pytest.mark.parametrize(
    ("text", "method", "trials", "told"),
    [
        ("0..1.5", None, None, "which is no grid"),
        ("1..2", "random", None, "A random search goes on for ever"),
        ("1..2", "magic", 1, "'magic' is none of them"),
        ("1..2", None, 0, "at least one trial"),
    ],
)
def test_what_cannot_be_chosen(
    text: str, method: str | None, trials: int | None, told: str
) -> None:
    with pytest.raises(Invalid, match=told):
        chosen_method(space_of({"a": text}), method, trials)


NUMBERS = st.floats(1e-6, 1e6)


@given(NUMBERS, NUMBERS, st.sampled_from(["", "whole", "log", "whole log"]), st.integers())
def test_what_is_drawn_lies_within(one: float, other: float, kind: str, seed: int) -> None:
    whole, log = "whole" in kind, "log" in kind
    low, high = sorted((one, other))
    if whole:
        low, high = math.ceil(low), math.ceil(high)
    value = Span(low, high, whole=whole, log=log).drawn(Random(seed))
    assert low <= value <= high
    assert isinstance(value, int) == whole


def test_magnitudes_are_drawn_evenly() -> None:
    points = itertools.islice(random_points(space_of({"a": "1e-4..1 log"}), 0), 4000)
    values = sorted(point["a"] for point in points)
    # Half of them lie below the middle of the magnitudes, within 4 standard errors.
    below = sum(value < 1e-2 for value in values) / 4000
    assert abs(below - 0.5) < 4 * 0.5 / math.sqrt(4000)


def test_the_same_seed_draws_the_same_and_more_only_adds() -> None:
    space = space_of({"a": "0..1.0", "b": ["x", "y"]})
    first, again = ([*itertools.islice(random_points(space, 3), n)] for n in (5, 9))
    assert again[:5] == first
    assert [*itertools.islice(random_points(space, 4), 5)] != first


@given(st.text(alphabet="0123456789.,-eE log", max_size=14))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(Invalid):
        parsed_dimension(text).drawn(Random(0))
