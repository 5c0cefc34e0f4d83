"""Replaying: what would have changed for those who asked, judged; see `lite_mlops.gates.replay`.

judge_replay(replayed, changed=0.05, failed=0.0, worse=0.01)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lite_mlops.data.wording import amount, percent
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.gates.case import Case
from lite_mlops.gates.checks.comparing import judge_not_worse
from lite_mlops.gates.checks.speed import measure_latency
from lite_mlops.gates.definition import Check
from lite_mlops.gates.replay import Replayed, recorded_requests, replay, replay_window
from lite_mlops.gates.verdicts import MIN_ROWS, Found, cannot_tell, failed, passed
from lite_mlops.models import CANNOT_TELL, FAILED, PASSED

_NAMED = 3  # changes that the sentence names


def judge_replay(
    found: Replayed,
    *,
    changed: float | None = None,
    failed_share: float | None = 0.0,
    worse: float | None = None,
    times: float | None = None,
    one_row_us: float | None = None,
    confidence: float = 0.95,
) -> Found:
    """Return whether a candidate would have done as well.

    Args:
        found: What it says to the recorded requests.
        changed: The share of requests that may get another answer.
        failed_share: The share of requests that it may not be able to answer.
        worse: The margin by which it may be worse where the true answers are known.
        times: How many times as long as it was recorded 95 of 100 requests may take.
        one_row_us: What they take now, in microseconds.
        confidence: Of the comparison.
    """
    parts = [_answers(found, changed), _failures(found, failed_share)]
    if worse is not None:
        parts.append(_quality(found, worse, confidence))
    if times is not None:
        parts.append(_speed(found, times, one_row_us))
    outcome = _worst([one.outcome for one in parts])
    reason = " ".join(one.reason for one in parts)
    warnings = [one.warning for one in parts if one.warning]
    if found.unknown:
        warnings.append(f"{amount(found.unknown, 'request')} without inputs left out")
    if found.rows < MIN_ROWS:
        outcome = FAILED if outcome == FAILED else CANNOT_TELL
        reason = f"{amount(found.rows, 'request')} are too few to tell. {reason}"
    return Found(
        outcome,
        reason,
        value=found.changed_share,
        limit=changed,
        rows=found.rows,
        warning="; ".join(warnings) or None,
        evidence=found.to_dict(),
    )


def _worst(outcomes: Sequence[str]) -> str:
    return next(one for one in (FAILED, CANNOT_TELL, PASSED) if one in outcomes)


def _answers(found: Replayed, changed: float | None) -> Found:
    reason = (
        f"of {amount(found.rows, 'recorded request')} ({found.window}) "
        f"{percent(found.changed_share)} get another answer"
    )
    if found.largest:
        told = ", ".join(
            f"{one.prediction_id}: {one.then} -> {one.now}"
            for one in found.largest[:_NAMED]
            if one.then != one.now
        )
        reason += f" ({told})" if told else ""
    if changed is None:
        return passed(f"{reason}.")
    reason += f"; at most {percent(changed)} may."
    return passed(reason) if found.changed_share <= changed else failed(reason)


def _failures(found: Replayed, allowed: float | None) -> Found:
    if not found.failed:
        return passed("It answers all of them.")
    reason = f"It cannot answer {amount(found.failed, 'request')}: {found.why_failed}"
    over = allowed is not None and found.failed_share > allowed
    return failed(reason) if over else passed(reason)


def _quality(found: Replayed, margin: float, confidence: float) -> Found:
    if found.labelled < MIN_ROWS:
        return cannot_tell(
            f"Only {amount(found.labelled, 'request')} have feedback; {MIN_ROWS} are needed."
        )
    return judge_not_worse(found.compared[0], margin=margin, confidence=confidence)


def _speed(found: Replayed, times: float, one_row_us: float | None) -> Found:
    if one_row_us is None or not found.latency_then_us:
        return cannot_tell("How long requests took was not recorded.")
    ratio = one_row_us / found.latency_then_us
    reason = (
        f"95 of 100 take {one_row_us / 1000:.3g} ms, {ratio:.2g} times what was recorded; "
        f"{times:g} times are allowed."
    )
    return passed(reason) if ratio <= times else failed(reason)


def check_replay(case: Case, check: Check) -> Found:
    """Return whether the candidate would have done as well on recorded requests."""
    text = check["window"] or case.replay
    if text is None:
        raise Invalid(
            "which requests to replay is not said; do it by --replay, `replay` of the gate or "
            "`window` of the check."
        )
    try:
        requests = recorded_requests(
            case.store,
            case.candidate,
            replay_window(text),
            rows=check["rows"],
            seed=case.seed,
            positive=case.gate.positive,
        )
    except NotFound as error:
        if case.current is None:
            return passed(f"{case.gate.target} points to nothing yet, and {error}")
        return cannot_tell(str(error))
    found = replay(case.store, case.asking, requests, tolerance=check["tolerance"])
    one_row_us = None
    if check["times"] is not None and found.answered:
        one_row_us = _one_row_us(case, found)
    return judge_replay(
        found,
        changed=check["changed"],
        failed_share=check["failed"],
        worse=check["worse"],
        times=check["times"],
        one_row_us=one_row_us,
        # The intervals of a replay are two-sided ones of 95 %: 97.5 % on the side that matters.
        confidence=0.975,
    )


def _one_row_us(case: Case, found: Replayed) -> float | None:
    """Return what 95 of 100 single requests take here, in microseconds."""
    example: Any = found.example
    try:
        table = case.signature.validate(example, ignore_unknown=True)
        (latency,) = measure_latency([case.asking], [table], batch_rows=len(table))
    except Invalid:  # some of the rows are among those that it cannot answer
        return None
    return 1000 * latency.one_row_ms
