"""Comparing: is a candidate good enough, and no worse than the version it may replace?

    judge_level("ROC AUC", 0.91, at_least=0.9, at_most=None)
    judge_not_worse(compared, margin=0.01, confidence=0.95)     # non-inferiority
    judge_better(compared, margin=0.0, confidence=0.95)         # superiority

Two versions are compared on the same rows by the paired bootstrap (`tracking.comparing`). With the
confidence c a candidate passes "not worse by the margin m" if the one-sided bound of its loss lies
within m: the interval of which (1 - c) is left out on either side. So one that is worse by m or
more passes with a chance of at most 1 - c (Piaggio et al., "Reporting of noninferiority and
equivalence randomized trials", JAMA 308, 2012). How often one passes that is truly equal is the
power, which depends on the rows; it is stated with each verdict, by the normal approximation from
the width of the interval.

Over several groups each has to pass by itself: that keeps the chance for a candidate that is worse
in any of them (Berger, "Multiparameter hypothesis testing and acceptance sampling", Technometrics
24, 1982).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from lite_mlops.data.wording import amount, percent
from lite_mlops.errors import Invalid
from lite_mlops.gates.case import Answered, Case, Sample
from lite_mlops.gates.definition import Check
from lite_mlops.gates.verdicts import (
    MIN_ROWS,
    Found,
    about_rows,
    cannot_tell,
    failed,
    met,
    passed,
)
from lite_mlops.models import CANNOT_TELL, FAILED, PASSED
from lite_mlops.tracking.comparing import Measured, Verdict
from lite_mlops.tracking.comparing.measuring import measure
from lite_mlops.tracking.comparing.verdicts import verdicts

FEW_DIFFERENT = 6  # rows; the bootstrap of fewer says nothing of what was not seen
_POWER = 0.9
_NAMED = 3  # groups that a sentence names
_ERRORS = ("MAE", "RMSE")


@dataclass(frozen=True)
class Part:
    """A metric of some rows: of the candidate, or beside the present version.

    `name` is the value that makes the group; empty: the whole. Without a metric `why` says why,
    such as an ROC AUC of rows with one class only; of fewer than 30 rows none is computed.
    """

    name: str
    rows: int
    measured: Measured | None = None
    compared: Verdict | None = None
    why: str = ""


# -- pure: the level of a metric ------------------------------------------------------------------


def judge_level(
    metric: str,
    value: float,
    *,
    at_least: float | None,
    at_most: float | None,
    bounds: tuple[float, float] | None = None,
    sure: bool = False,
) -> Found:
    """Return whether a figure lies within its limits.

    Args:
        metric: Its name.
        value: What was found.
        at_least: The lower limit; None: there is none.
        at_most: The upper limit; None: there is none.
        bounds: The interval of the figure.
        sure: Whether the whole interval has to lie within.
    """
    span = f" ({bounds[0]:.4g} to {bounds[1]:.4g})" if bounds is not None else ""
    pairs = (("at least", at_least), ("at most", at_most))
    limits = [f"{word} {limit:g}" for word, limit in pairs if limit is not None]
    text = f"{metric} is {value:.4g}{span}; {' and '.join(limits)} is needed"
    more: dict[str, Any] = {
        "value": value,
        "limit": at_least if at_least is not None else at_most,
        "evidence": {} if bounds is None else {"low": bounds[0], "high": bounds[1]},
    }
    if not math.isfinite(value):
        return cannot_tell(f"{metric} is not defined on these rows.", **more)
    if not _within(value, value, at_least, at_most):
        return failed(f"{text}.", **more)
    if sure and bounds is not None and not _within(*bounds, at_least, at_most):
        return cannot_tell(f"{text}, by the whole interval.", **more)
    return passed(f"{text}.", **more)


def _within(low: float, high: float, at_least: float | None, at_most: float | None) -> bool:
    return (at_least is None or low >= at_least) and (at_most is None or high <= at_most)


# -- pure: two versions on the same rows ----------------------------------------------------------


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


# -- pure: several groups -------------------------------------------------------------------------


def over_parts(parts: Sequence[Part], judge: Callable[[Part], Found], by: str | None) -> Found:
    """Return what a judgement of each group comes to: all have to pass.

    Groups of fewer than 30 rows are told and left out; if there are no others, it cannot tell.
    """
    if by is None:
        (part,) = parts
        return about_rows(judge(part), part.rows)
    small = [part for part in parts if part.rows < MIN_ROWS]
    judged = {part.name: judge(part) for part in parts if part not in small}
    order = (FAILED, CANNOT_TELL, PASSED)
    ranked = sorted(judged.items(), key=lambda one: order.index(one[1].outcome))
    warning = None
    if small:
        told = ", ".join(f"{part.name!r} ({part.rows})" for part in small[:_NAMED])
        warning = f"left out, with fewer than {MIN_ROWS} rows: {told}"
        warning += f" and {len(small) - _NAMED} more" if len(small) > _NAMED else ""
    if not ranked:
        return cannot_tell(f"No group of {by!r} has {MIN_ROWS} rows.", warning=warning)
    worst = ranked[0][1]
    evidence = {
        one: {"outcome": found.outcome, "value": found.value, "rows": found.rows}
        for one, found in judged.items()
    }
    rows = sum(part.rows for part in parts)
    if worst.outcome == PASSED:
        reason = f"All {amount(len(judged), 'group')} of {by!r} pass."
    else:
        bad = [(one, f) for one, f in ranked if f.outcome != PASSED]
        told = " ".join(f"{by} {one!r}: {found.reason}" for one, found in bad[:_NAMED])
        reason = f"{len(bad)} of {amount(len(judged), 'group')} do not pass. {told}"
    return Found(
        worst.outcome, reason, worst.value, worst.limit, rows, warning, {"groups": evidence}
    )


# -- gathering ------------------------------------------------------------------------------------


def parts_of(case: Case, check: Check, *, compared: bool) -> list[Part]:
    """Return the metric of the rows that a check is about, group by group.

    Raises:
        Unanswered: the candidate cannot answer the data.
        Invalid, NotFound: there is no data, no label, no such column, or no row is meant.
    """
    sample = case.sample
    where, by = check.options.get("where"), check.options.get("by")
    if where is not None:
        rows = where.rows(sample.columns)
        if not rows.any():
            raise Invalid(f"no row of the data meets {where}.")
        sample = sample.part(rows)
    if by is None:
        return [_part(case, check, "", sample, compared=compared)]
    groups = sample.groups(by)
    return [
        _part(case, check, name, sample.part(rows), compared=compared)
        for name, rows in groups.items()
    ]


def _part(case: Case, check: Check, name: str, sample: Sample, *, compared: bool) -> Part:
    if len(sample) < MIN_ROWS:
        return Part(name, len(sample))
    two_sided = 2 * case.gate.confidence - 1
    ours, metric = sample.evaluation(sample.candidate), check["metric"]
    if not compared:
        found = measure(ours, confidence=two_sided, only=metric)
        why = "" if found else _not_had(metric, [one.name for one in measure(ours)])
        return Part(name, len(sample), found[0] if found else None, why=why)
    assert sample.current is not None
    theirs = sample.evaluation(sample.current)
    columns = (ours.y_true, theirs.y_pred, ours.y_pred, theirs.y_score, ours.y_score)
    pair = verdicts(*columns, confidence=two_sided, only=metric)
    why = "" if pair else _not_had(metric, [one.metric for one in verdicts(*columns)])
    return Part(name, len(sample), compared=pair[0] if pair else None, why=why)


def _not_had(metric: str, known: Sequence[str]) -> str:
    return f"{metric} cannot be had of these labels and answers; there is {', '.join(known)}."


def check_metric(case: Case, check: Check) -> Found:
    """Return whether a metric of the candidate on the data lies within its limits."""

    def judge(part: Part) -> Found:
        found = part.measured
        if found is None:
            return cannot_tell(part.why)
        return judge_level(
            found.name,
            found.value,
            at_least=check["at_least"],
            at_most=check["at_most"],
            bounds=(found.low, found.high),
            sure=check["sure"],
        )

    return _with_unlabelled(
        case, over_parts(parts_of(case, check, compared=False), judge, check["by"])
    )


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
    return _with_unlabelled(case, found)


def _with_unlabelled(case: Case, found: Found) -> Found:
    """Return what was found with a word on the rows that have no label."""
    left_out = case.sample.unlabelled
    if not left_out:
        return found
    told = f"{amount(left_out, 'row')} without a label left out"
    warning = told if found.warning is None else f"{found.warning}; {told}"
    return Found(**{**vars(found), "warning": warning})


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


def check_recorded(case: Case, check: Check) -> Found:
    """Return whether a metric that was recorded with the version lies within its limits."""
    name = check["metric"]
    value = case.candidate.metrics.get(name)
    if value is None:
        known = ", ".join(sorted(case.candidate.metrics)[:10]) or "none"
        return cannot_tell(f"{case.candidate.name} has no metric {name!r}; it has {known}.")
    return judge_level(name, value, at_least=check["at_least"], at_most=check["at_most"])


# -- calibration ----------------------------------------------------------------------------------


def calibration_error(
    right: np.ndarray[Any, np.dtype[np.bool_]],
    said: np.ndarray[Any, np.dtype[np.float64]],
    bins: int,
) -> float:
    """Return the expected calibration error: how far probabilities are from what comes true.

    Over bins with equally many rows (Naeini, Cooper and Hauskrecht, "Obtaining well calibrated
    probabilities using Bayesian binning", AAAI 2015; equal masses as in Nixon et al., "Measuring
    calibration in deep learning", CVPR workshops 2019).
    """
    order = np.argsort(said, kind="stable")
    edges = np.unique(np.linspace(0, len(said), bins + 1).astype(np.int64))[:-1]
    gaps = np.add.reduceat((right[order] - said[order]), edges)
    return float(np.abs(gaps).sum() / len(said))


def judge_calibration(
    right: np.ndarray[Any, np.dtype[np.bool_]],
    said: np.ndarray[Any, np.dtype[np.float64]],
    *,
    at_most: float,
    bins: int,
    seed: int,
) -> Found:
    """Return whether probabilities are calibrated.

    The error of few rows is never 0. So it is held beside that of perfectly calibrated
    probabilities, whose truth is drawn at random 200 times: above the limit, and yet no more than
    95 of 100 of these, it cannot tell.

    Args:
        right: Whether what the probabilities are of came true.
        said: The probabilities.
        at_most: The limit.
        bins: Of equally many rows.
        seed: Of the draws.
    """
    value = calibration_error(right, said, bins)
    random = np.random.default_rng(seed)
    perfect = [calibration_error(random.random(len(said)) < said, said, bins) for _ in range(200)]
    chance = float(np.quantile(perfect, 0.95))
    text = (
        f"the calibration error is {value:.3f}; at most {at_most:g} is needed. Perfect "
        f"probabilities stay below {chance:.3f} on {amount(len(said), 'row')}."
    )
    more = {"value": value, "limit": at_most, "evidence": {"by_chance": chance, "bins": bins}}
    if value > at_most and value <= chance:
        return cannot_tell(text, **more)
    return met(value <= at_most, text, **more)


def check_calibration(case: Case, check: Check) -> Found:
    """Return whether the probabilities of the candidate are calibrated."""
    sample = case.sample
    if check["where"] is not None:
        sample = sample.part(check["where"].rows(sample.columns))
    answered: Answered = sample.candidate
    if answered.scores is None or not len(sample):
        return cannot_tell(f"{case.candidate.name} has no probabilities, or no row is meant.")
    if len(answered.classes) == 2:
        positive = case.gate.positive
        if positive is None:
            positive = max(answered.classes)
        said, right = answered.score_of(positive), sample.labels == positive
    else:  # of the class that it answers with
        said, right = answered.scores.max(axis=1), sample.labels == answered.predicted
    assert said is not None
    found = judge_calibration(
        np.asarray(right, np.bool_),
        said,
        at_most=check["at_most"],
        bins=check["bins"],
        seed=case.seed,
    )
    return about_rows(found, len(sample))
