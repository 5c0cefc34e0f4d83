"""Levels: does a figure lie within its limits, such as an ROC AUC of at least 0.9?

judge_level("ROC AUC", 0.91, at_least=0.9, at_most=None)
"""

from __future__ import annotations

import math
from typing import Any

from lite_mlops.gates.case import Case
from lite_mlops.gates.checks.groups import Part, over_parts, parts_of, with_unlabelled
from lite_mlops.gates.definition import Check
from lite_mlops.gates.verdicts import Found, cannot_tell, failed, passed


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

    return with_unlabelled(
        case, over_parts(parts_of(case, check, compared=False), judge, check["by"])
    )


def check_recorded(case: Case, check: Check) -> Found:
    """Return whether a metric that was recorded with the version lies within its limits."""
    name = check["metric"]
    value = case.candidate.metrics.get(name)
    if value is None:
        known = ", ".join(sorted(case.candidate.metrics)[:10]) or "none"
        return cannot_tell(f"{case.candidate.name} has no metric {name!r}; it has {known}.")
    return judge_level(name, value, at_least=check["at_least"], at_most=check["at_most"])
