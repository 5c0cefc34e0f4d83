"""Streams: the test of a mean, kept state, whole distributions, false alarms, and odd input."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.monitoring.drift import Floors
from lite_mlops.monitoring.streams import (
    Detection,
    Shape,
    Stream,
    Watched,
    logarithms,
    stream_findings,
    watch,
)
from lite_mlops.monitoring.streams.adwin import BLOCK, cut_bound
from tests.monitoring.streams_simulator import SCENARIOS, simulate

ERRORS = np.random.default_rng(91)
NUMBERS = st.lists(st.floats(-1e6, 1e6), max_size=300)


def errors(share: float, rows: int, seed: int) -> list[float]:
    drawn = np.random.default_rng([91, seed]).random(rows) < share
    return [float(one) for one in drawn]


# -- the mean -----------------------------------------------------------------------------------


def test_a_change_of_the_mean_is_placed_and_told() -> None:
    stream = Stream(span=1)
    assert stream.update(errors(0.1, 6_400, 1)) == []
    (found,) = stream.update(errors(0.4, 640, 2))
    assert abs(found.position - 6_400) <= 2 * BLOCK
    assert 6_400 < found.found_at <= 6_400 + 5 * BLOCK
    assert found.before == pytest.approx(0.1, abs=0.02)
    assert found.after == pytest.approx(0.4, abs=0.15)
    low, high = found.interval
    assert 0 < low < found.after - found.before < high
    assert str(found).startswith("mean 0.")
    assert str(found).endswith(f" from value {found.position:,} on")
    assert stream.mean == pytest.approx(0.4, abs=0.1)
    assert stream.width < 800


def test_the_bound_is_that_of_bernstein() -> None:
    older, newer = np.array([100.0, 900.0]), np.array([900.0, 100.0])
    bound = cut_bound(older, newer, 0.09, delta=0.002, span=1.0)
    level, inverse = math.log(2 * math.log(1_000) / 0.002), 1 / 100 + 1 / 900
    for found in bound:
        # exp(-t^2 / (2 (variance + span t / 3) inverse)) is the chance of a difference t.
        assert found**2 / (2 * (0.09 + found / 3) * inverse) == pytest.approx(level)
    theirs = np.sqrt(2 * 0.09 * level * inverse) + 2 * level * inverse / 3
    assert (bound < theirs).all()


@given(NUMBERS, st.integers(1, 50), st.sampled_from([None, 1.0]))
def test_state_and_pieces_make_no_difference(
    values: list[float], piece: int, span: float | None
) -> None:
    whole = Stream(span=span)
    found = whole.update(values)
    resumed, pieces = Stream(span=span), []
    for begin in range(0, len(values), piece):
        pieces += resumed.update(values[begin : begin + piece])
        kept = json.loads(json.dumps(resumed.to_dict(), allow_nan=False))
        resumed = Stream.from_dict(kept)
    assert pieces == found
    assert resumed.to_dict() == whole.to_dict()
    assert whole.seen == len(values)


@given(st.lists(st.floats(-100, 100), min_size=64, max_size=2_000))
def test_the_window_has_the_mean_of_its_values(values: list[float]) -> None:
    stream = Stream(span=1e9)  # nothing is ever found
    assert stream.update(values) == []
    whole = len(values) // BLOCK * BLOCK
    assert stream.width == whole
    assert stream.mean == pytest.approx(np.mean(values[:whole]), abs=1e-9)
    counts, means, spreads = stream._window()
    assert stream.mean is not None
    total = float(spreads.sum() + counts @ (means - stream.mean) ** 2)
    assert total == pytest.approx(np.var(values[:whole]) * whole, rel=1e-6, abs=1e-6)
    assert len(counts) <= 6 * (1 + math.log2(len(values) / BLOCK))


@given(st.floats(-1e9, 1e9), st.integers(0, 3_000))
def test_a_constant_never_changes(value: float, rows: int) -> None:
    for span in (None, 1.0):
        assert Stream(span=span).update(np.full(rows, value)) == []


def test_a_step_without_noise_is_seen_at_once() -> None:
    (found,) = Stream().update([0.0] * 320 + [1.0] * 320)
    assert (found.position, found.before, found.after) == (320, 0.0, 1.0)
    assert found.found_at <= 480


# -- rates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scenario", [one for one in SCENARIOS if one.at_most], ids=lambda one: one.name
)
def test_changes_are_seen_in_time(scenario: object) -> None:
    row = simulate(scenario, 16, seed=5_150, clean=4_000)  # type: ignore[arg-type]
    assert row.scenario.at_most is not None
    assert row.seen == 1
    assert row.delay <= row.scenario.at_most


def test_clean_streams_hardly_ever_raise_anything() -> None:
    raised = rows = 0
    for seed in range(8):
        chance = np.random.default_rng([717, seed])
        clean = {
            "normal": (chance.normal(size=10_000), None),
            "skewed": (chance.exponential(size=10_000), None),
            "rare": ((chance.random(10_000) < 0.005).astype(float), 1.0),
            "scores": (chance.beta(0.5, 0.5, 10_000), 1.0),
        }
        for values, span in clean.values():
            raised += len(Stream(span=span).update(values))
            raised += len(Shape(values[:2_000]).update(values[2_000:]))
            rows += 2 * len(values)
    assert raised / rows <= 0.2 / 10_000


# -- whole distributions ------------------------------------------------------------------------


def test_a_wider_spread_is_seen_by_the_shape_only() -> None:
    chance = np.random.default_rng(33)
    reference, clean, wide = (chance.normal(0, s, n) for s, n in ((1, 2_000), (1, 3_000), (2, 900)))
    assert Stream().update(np.concatenate([clean, wide])) == []
    shape = Shape(reference)
    assert shape.update(clean) == []
    (found,) = shape.update(wide)
    assert 2_500 <= found.position <= 3_100
    assert found.found_at <= 3_500
    assert found.p_value < 0.001
    assert found.kolmogorov_smirnov >= 0.05
    assert str(found).startswith("another distribution (KS 0.")
    assert shape.update(wide) == []  # told once
    assert shape.update(chance.normal(size=1_000)) == []
    (again,) = shape.update(wide)
    assert again.found_at > found.found_at


@given(st.lists(st.floats(0, 1), max_size=400), st.integers(1, 97))
def test_the_state_of_a_shape_goes_on(values: list[float], piece: int) -> None:
    reference = np.linspace(0, 1, 150)
    sides = [Shape(reference, window=60, step=20, floors=Floors(0.01)) for _ in range(2)]
    found = sides[0].update(values)
    pieces = []
    for begin in range(0, len(values), piece):
        pieces += sides[1].update(values[begin : begin + piece])
        sides[1] = Shape.from_dict(json.loads(json.dumps(sides[1].to_dict(), allow_nan=False)))
    assert pieces == found
    assert sides[1].to_dict() == sides[0].to_dict()
    assert len(sides[0]._last) <= 60


def test_a_long_reference_is_kept_by_its_quantiles() -> None:
    shape = Shape(np.random.default_rng(3).normal(size=50_000))
    assert len(shape.to_dict()["reference"]) == 2_048
    assert shape.reference_rows == 50_000
    assert shape.update(np.random.default_rng(4).normal(size=5_000)) == []


# -- input of any kind --------------------------------------------------------------------------


def test_odd_values_are_skipped_and_counted() -> None:
    odd = [math.nan, math.inf, -math.inf, 1e200]
    stream = Stream()
    assert stream.update(odd * 100 + [1e150, -1e150] * 100 + [5e-324] * 64) == []
    assert (stream.seen, stream.skipped) == (264, 400)
    json.dumps(stream.to_dict(), allow_nan=False)
    shape = Shape([*range(100), *odd])
    assert shape.update([math.nan, math.inf] * 700) == []
    assert shape.skipped == 1_400
    assert shape.update([1e308, -1e308] * 400)
    assert [stream.update(one) for one in ((), np.empty(0), 0.5)] == [[]] * 3
    assert Stream().mean is None
    constant = Shape([3.0] * 200)
    assert constant.update([3.0] * 1_000) == []
    assert len(constant.update([4.0] * 1_000)) == 1


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Stream(delta=0), "the delta of a stream is 0; expected a number between 0 and 1."),
        (lambda: Stream(delta=math.nan), "the delta of a stream is nan; expected a number between"),
        (lambda: Stream(span=0), "the span of a stream is 0; expected a number above 0."),
        (lambda: Stream(span=math.inf), "the span of a stream is inf; expected a number above 0."),
        (lambda: Stream().update(["a"]), "the values of a stream are numbers; these are not."),
        (lambda: Stream().update([[1.0]]), "are one row of numbers; these are 1 x 1."),
        (lambda: Stream.from_dict({}), "this is no state of a stream: KeyError('delta')."),
        (
            lambda: Stream.from_dict(Stream().to_dict() | {"pending": [0.0] * 32}),
            "this is no state of a stream: its blocks are not whole.",
        ),
        (
            lambda: Stream.from_dict(Stream().to_dict() | {"levels": [[1]]}),
            "this is no state of a stream: TypeError(",
        ),
        (
            lambda: Shape([1.0] * 99 + [math.nan]),
            "the reference of a stream has 99 finite values; at least 100 are needed.",
        ),
        (
            lambda: Shape(range(100), step=501),
            "a step of 501 does not fit into a window of 500 values.",
        ),
        (lambda: Shape.from_dict({"reference": 1}), "this is no state of a shape: "),
    ],
)
def test_a_wrong_call_says_why(make: object, text: str) -> None:
    with pytest.raises(Invalid) as error:
        make()  # type: ignore[operator]
    assert text in str(error.value)


# -- findings -----------------------------------------------------------------------------------


def test_what_streams_show_is_told_by_how_bad_it_is() -> None:
    chance = np.random.default_rng(17)
    half = 3_000
    report = watch(
        scores=chance.beta(2, 5, 2 * half),
        errors=np.array(errors(0.1, half, 3) + errors(0.3, half, 4)),
        latencies=np.concatenate([chance.gamma(4, 100, half), chance.gamma(4, 160, half)]),
        model="churn/3",
    )
    told = {one.subject: one for one in report.findings()}
    assert (told["score"].severity, told["score"].sentence) == (
        "none",
        "score: no change in 6,000 values.",
    )
    assert told["error"].severity == "alert"
    assert told["error"].sentence.startswith("mean error 0.")
    assert told["error"].value == pytest.approx(0.3, abs=0.15)
    assert told["error"].limit == pytest.approx(0.1, abs=0.02)
    assert told["latency"].severity == "warn"
    assert told["latency"].sentence.startswith("typical latency 3")
    assert report.fires
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["fires"] is True
    assert report["error"].mean == pytest.approx(0.3, abs=0.05)
    with pytest.raises(KeyError):
        report["nothing"]
    assert "no change" in str(report)


def test_what_got_better_does_not_fire() -> None:
    report = watch(
        scores=np.empty(0),
        errors=np.array(errors(0.4, 2_000, 5) + errors(0.1, 2_000, 6)),
        latencies=np.array([math.nan, 0.0, -1.0]),
    )
    told = {one.subject: (one.severity, one.sentence) for one in report.findings()}
    assert told["error"][0] == "info"
    assert told["score"] == ("unknown", "score: 0 values; 64 are needed.")
    assert told["latency"] == ("unknown", "latency: 2 values; 64 are needed.")
    assert not report.fires


def test_several_changes_and_shapes_are_told_together() -> None:
    change = Detection(640, 700, 0.1, 0.3, (0.1, 0.3))
    (finding,) = stream_findings(Watched("error", 900, 0.3, (change, change)))
    assert finding.sentence == (
        "mean error 0.1 -> 0.3 from value 640 of 900 on, the last of 2 changes."
    )
    (shape,) = Shape(range(200), window=60, step=60).update([300.0] * 120)
    (finding,) = stream_findings(Watched("speed", 120, 300.0, (), (shape,)))
    assert finding.severity == "warn"
    assert finding.sentence.startswith("speed: another distribution (KS 1.000, moved by 3.")
    assert logarithms(np.array([0.0, 1.0, math.e])).tolist() == [0.0, 0.0, 1.0]
