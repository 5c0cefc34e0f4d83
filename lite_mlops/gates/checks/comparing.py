"""Comparing: is a candidate no worse than the version it may replace, or better?

    judge_not_worse(compared, margin=0.01, confidence=0.95)     # non-inferiority
    judge_better(compared, margin=0.0, confidence=0.95)         # superiority

Two versions are compared on the same rows by the paired bootstrap (`tracking.comparing`). With the
confidence c a candidate passes "not worse by the margin m" if the one-sided bound of its loss lies
within m: the interval of which (1 - c) is left out on either side. So one that is worse by m or
more passes with a chance of at most 1 - c (Piaggio et al., "Reporting of noninferiority and
equivalence randomized trials", JAMA 308, 2012). How often one passes that is truly equal is the
power, which depends on the rows; it is stated with each verdict, by the normal approximation from
the width of the interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

from lite_mlops.data.wording import amount, percent
from lite_mlops.gates.case import Case
from lite_mlops.gates.checks.groups import Part, over_parts, parts_of, with_unlabelled
from lite_mlops.gates.definition import Check
from lite_mlops.gates.verdicts import Found, cannot_tell, failed, passed
from lite_mlops.tracking.comparing import Verdict

FEW_DIFFERENT = 6  # rows; the bootstrap of fewer says nothing of what was not seen
_POWER = 0.9
_ERRORS = ("MAE", "RMSE")


def unseen_share(seen: int, rows: int, confidence: float) -> float:
    """Return the one-sided upper bound of a share of which `seen` of `rows` were found.

    That of Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case
    of the binomial", Biometrika 26, 1934.
    """
    if seen >= rows:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):  # halving, to the last digit
        middle = (low + high) / 2
        tail = sum(
            math.comb(rows, k) * middle**k * (1 - middle) ** (rows - k) for k in range(seen + 1)
        )
        low, high = (middle, high) if tail > 1 - confidence else (low, middle)
    return high


@dataclass(frozen=True)
class Loss:
    """By how much a candidate is worse in a metric, with the bounds that a test looks at.

    Both are one-sided of the stated confidence; less than 0 is better.
    """

    value: float
    low: float
    high: float
    confidence: float
    rows: int

    @classmethod
    def of(cls, compared: Verdict, confidence: float) -> Loss:
        """Return the loss that a comparison found; its interval leaves 1 - c out on either side.

        Where the versions differ on fewer than 6 rows, the bootstrap cannot know of the rows that
        were not drawn. The bound is then at least what such a share of rows could cost.
        """
        sign = -1.0 if compared.higher_is_better else 1.0
        ends = sorted((sign * compared.low, sign * compared.high))
        high = ends[1]
        if compared.rows_that_differ < FEW_DIFFERENT and compared.metric not in _ERRORS:
            share = unseen_share(compared.rows_that_differ, compared.rows, confidence)
            high = max(high, share)
        value = sign * compared.difference + 0.0  # never -0
        return cls(value, ends[0], high, confidence, compared.rows)

    @property
    def error(self) -> float:
        """The standard error, from the width of the interval."""
        return (self.high - self.low) / (2 * _z(self.confidence))

    def power(self, margin: float) -> float:
        """Return how often a candidate that is truly equal passes with such rows, 0 to 1."""
        if self.error <= 0:
            return 1.0
        return NormalDist().cdf(margin / self.error - _z(self.confidence))

    def rows_for(self, margin: float) -> int:
        """Return how many rows it takes for an equal candidate to pass nine times out of ten."""
        wanted = margin / (_z(self.confidence) + _z(_POWER))
        return math.ceil(self.rows * (self.error / wanted) ** 2)


def _z(share: float) -> float:
    return NormalDist().inv_cdf(share)


def _told(compared: Verdict, loss: Loss) -> str:
    return (
        f"{compared.metric} {compared.second:.4g} against {compared.first:.4g}; the loss is "
        f"{loss.value:+.3g} (at most {loss.high:+.3g} with {loss.confidence:.3g} confidence)"
    )


def judge_not_worse(compared: Verdict, *, margin: float, confidence: float) -> Found:
    """Return whether a candidate is not worse by a margin or more.

    `compared` has the two-sided interval of confidence 2c - 1.
    """
    loss = Loss.of(compared, confidence)
    evidence = {
        "low": loss.low,
        "high": loss.high,
        "power": round(loss.power(margin), 4),
        "rows_that_differ": compared.rows_that_differ,
    }
    more = {"value": loss.value, "limit": margin, "rows": loss.rows, "evidence": evidence}
    if not all(map(math.isfinite, (loss.value, loss.low, loss.high))):
        return cannot_tell(f"{compared.metric} is not defined on these rows.", **more)
    text = f"{_told(compared, loss)}, and {margin:g} is allowed"
    chance = f"An equal candidate passes in {percent(round(loss.power(margin), 3))} of cases"
    if loss.high <= margin:
        warning = "worse beyond chance, though within the margin" if loss.low > 0 else None
        return passed(f"{text}. {chance}.", warning=warning, **more)
    if loss.low > 0 or loss.value > margin:
        return failed(f"{text}.", **more)
    wanted = max(loss.rows_for(margin), loss.rows + 1)
    return cannot_tell(
        f"{text}. {chance} with {amount(loss.rows, 'row')}; {wanted:,} make it 90 %.", **more
    )


def judge_better(compared: Verdict, *, margin: float, confidence: float) -> Found:
    """Return whether a candidate is better by more than a margin, beyond chance."""
    loss = Loss.of(compared, confidence)
    gain, least, most = 0.0 - loss.value, 0.0 - loss.high, 0.0 - loss.low
    evidence = {"low": least, "high": most, "rows_that_differ": compared.rows_that_differ}
    more = {"value": gain, "limit": margin, "rows": loss.rows, "evidence": evidence}
    if not all(map(math.isfinite, (gain, least, most))):
        return cannot_tell(f"{compared.metric} is not defined on these rows.", **more)
    text = (
        f"{compared.metric} {compared.second:.4g} against {compared.first:.4g}; the gain is "
        f"{gain:+.3g} (at least {least:+.3g} with {confidence:.3g} confidence), and more than "
        f"{margin:g} is needed."
    )
    if least > margin:
        return passed(text, **more)
    return (failed if gain <= margin else cannot_tell)(text, **more)


def _against(case: Case, check: Check, judge: Callable[[Verdict], Found], nothing: str) -> Found:
    if case.current is None:
        return passed(f"{case.gate.target} points to nothing yet; {nothing}")
    if case.sample.current is None:
        return cannot_tell(f"{case.sample.why_alone}")

    def of(part: Part) -> Found:
        if part.compared is None:
            return cannot_tell(part.why)
        return judge(part.compared)

    found = over_parts(parts_of(case, check, compared=True), of, check["by"])
    return with_unlabelled(case, found)


def check_not_worse(case: Case, check: Check) -> Found:
    """Return whether the candidate is not worse than the present version by a margin."""
    confidence = case.gate.confidence
    return _against(
        case,
        check,
        lambda one: judge_not_worse(one, margin=check["margin"], confidence=confidence),
        "there is nothing to be worse than.",
    )


def check_better(case: Case, check: Check) -> Found:
    """Return whether the candidate is better than the present version, beyond chance."""
    confidence = case.gate.confidence
    return _against(
        case,
        check,
        lambda one: judge_better(one, margin=check["margin"], confidence=confidence),
        "there is nothing to be better than.",
    )
