"""Judging by cumulative counts, and what is slow beside what is usual."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.serving.trials import Rules, parse_canary, parse_share
from lite_mlops.serving.trials.counts import Counts
from lite_mlops.serving.trials.judging import Judge
from lite_mlops.serving.trials.pace import Pace
from lite_mlops.settings import Settings


def judged(present: Counts, canary: Counts, looks: int = 100, **rules: float) -> str:
    """Look again and again while counts grow evenly; return what is found, if anything."""
    judge = Judge("churn/3", "churn/4", Rules(**rules))

    def part(counts: Counts, look: int) -> Counts:
        values = {name: value * look // looks for name, value in counts.to_dict().items()}
        return Counts(**values)

    for look in range(1, looks + 1):
        verdict = judge.look(part(present, look), part(canary, look))
        if verdict is not None:
            return str(verdict)
    return ""


GOOD = Counts(requests=9_000, failed=9, doubtful=90, rows=9_000, calls=5_000, slow=50)


def test_one_that_is_as_good_is_let_be() -> None:
    assert judged(GOOD, GOOD) == ""
    assert judged(GOOD, Counts(requests=1_000, doubtful=10, calls=500, slow=4)) == ""


@pytest.mark.parametrize(
    ("canary", "told"),
    [
        (Counts(requests=1_000, failed=100), "of its requests "),
        (Counts(requests=1_000, calls=1_000, slow=300), "of its calls "),
        (Counts(requests=1_000, doubtful=200), "of its answered requests "),
    ],
)
def test_one_that_is_worse_is_told_with_its_counts(canary: Counts, told: str) -> None:
    text = judged(GOOD, canary)
    assert text.startswith("churn/4 is worse than churn/3 beyond chance: ")
    assert told in text
    assert "300 needed" in text


def test_less_than_matters_is_let_be() -> None:
    doubtful = Counts(requests=90_000, doubtful=5_400)  # 6 % against 1 %
    assert "quality" in judged(GOOD, doubtful)
    assert judged(GOOD, doubtful, quality=0.06) == ""


def test_counts_that_fall_are_no_evidence() -> None:
    judge = Judge("churn/3", "churn/4")
    judge.look(Counts(requests=500), Counts(requests=500))
    for requests in range(10, 200, 10):  # a process died, and its counts with it
        assert judge.look(Counts(requests=requests), Counts(requests=requests)) is None
    assert max(judge.evidence.values()) <= 1
    # while fewer requests are counted than before, more of them failed
    for _ in range(20):
        assert judge.look(Counts(requests=600), Counts(requests=600)) is None
        assert judge.look(Counts(requests=50), Counts(requests=50, failed=40)) is None
    assert max(judge.evidence.values()) <= 1


def test_the_rules_are_those_of_the_settings() -> None:
    rules = Rules.of(Settings(canary_alpha=0.05, canary_slow=0.1, canary_tolerance=3.0))
    assert (rules.alpha, rules.latency, rules.tolerance) == (0.05, 0.1, 3.0)
    assert rules.needed == pytest.approx(60)
    assert Rules() == Rules.of(Settings())


# -- what is slow -------------------------------------------------------------------------------


def is_slow(pace: Pace, rows: int, microseconds: float) -> bool:
    return pace.slow([(rows, int(microseconds))]) == 1


def test_nothing_is_slow_before_it_is_known_what_is_usual() -> None:
    pace = Pace()
    pace.saw([(1, 500)] * 19)
    pace.learn()
    assert not is_slow(pace, 1, 10_000_000)
    pace.saw([(1, 500)])
    assert not is_slow(pace, 1, 10_000_000)  # it has to be learned first
    pace.learn()
    assert is_slow(pace, 1, 10_000_000)


@given(st.integers(1, 10_000), st.integers(10, 5_000_000))
def test_slow_is_twice_as_long_as_usual_and_a_millisecond_more(rows: int, usual: int) -> None:
    pace = Pace()
    pace.saw([(rows, usual)] * 100)
    pace.learn()
    assert not is_slow(pace, rows, usual)
    assert not is_slow(pace, rows, 1.9 * usual)
    assert not is_slow(pace, rows, usual + 900)
    assert is_slow(pace, rows, max(2.5 * usual, 1.3 * usual + 1_010))


def test_calls_are_compared_with_those_of_as_many_rows() -> None:
    pace = Pace()
    pace.saw([(1, 100), (1_000, 100_000)] * 100)
    pace.learn()
    assert is_slow(pace, 1, 5_000)
    assert not is_slow(pace, 1_000, 150_000)
    assert not is_slow(pace, 30, 150_000)  # of so many nothing is known: more of them tell
    assert not is_slow(pace, 100_000, 1e12)
    assert pace.slow([(1, 5_000), (1, 100), (1_000, 150_000), (1, 9_000)]) == 2


def test_a_few_slow_ones_among_the_usual_are_not_usual() -> None:
    pace = Pace()
    pace.saw([(1, 50_000 if number % 33 == 0 else 500) for number in range(100)])
    pace.learn()
    assert is_slow(pace, 1, 3_000)


# -- words --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "share"), [("10%", 0.1), ("0.1", 0.1), (" 2.5 %", 0.025), ("1e-3", 0.001)]
)
def test_a_share_is_a_part_or_a_percentage(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)
    name, found = parse_canary(f"churn/4={text}")
    assert name == "churn/4"
    assert found == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "churn/4", "=10%", "=", "10%"])
def test_what_is_no_canary_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="write a version and its share, such as churn/4=10%"):
        parse_canary(text)


@pytest.mark.parametrize("text", ["0", "1", "100%", "150%", "-1", "nan", "many", ""])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match=r"^(the|a) share"):
        parse_share(text)
