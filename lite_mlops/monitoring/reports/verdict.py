"""The verdict of a report in one sentence, and what to look at first. Pure functions.

sentence(facts)     # "Look: 2 of 30 columns drifted; accuracy 0.83 (0.81 to 0.85), ..."
to_look_at(facts)   # at most five, the most pressing first, each with what to do next
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from lite_mlops.data.wording import amount, percent
from lite_mlops.monitoring.findings import ALERT, INFO, NONE, SEVERITIES, UNKNOWN, WARN, Finding
from lite_mlops.monitoring.reports.facts import MetricFact, ReportFacts
from lite_mlops.monitoring.reports.wording import day, figure, interval, moment

MOST = 5
_OF_COLUMNS = ("drift", "quality")
TONES = {ALERT: "bad", WARN: "warn", INFO: "soft", NONE: "good", UNKNOWN: "soft"}
WORDS = {ALERT: "alert", WARN: "warning", INFO: "small", NONE: "fine", UNKNOWN: "cannot tell"}

# What to do about a finding of each check.
_NEXT = {
    "drift": "See whether {subject} changed in the world or on its way here; if in the world, "
    "train on newer data.",
    "quality": "Ask who delivers {subject}: what broke is in the data, not in the model.",
    "answers": "Look at the columns that moved: its answers follow them, and labels will tell "
    "whether they are still right.",
    "concept": "Train on recent labels: it answers as surely as ever, and labels say otherwise.",
    "joint": "Look at the columns that carry it together; each alone may be as it was.",
    "performance": "Compare with the version before, and roll back or train again.",
    "calibration": "Do not read its probabilities as chances until it is recalibrated.",
    "estimates": "Get labels for this time soon: estimates cannot see a changed relation.",
    "fairness": "Look at the groups with their counts before anything is decided by it.",
    "streams": "Look at what arrived at that moment: releases, sources, outages.",
    "service": "Look at the load and the machine with lite-mlops endpoint show.",
    "traffic": "See whether the caller still asks, and whether the server is up.",
}
_OPENING = {
    ALERT: "Alert",
    WARN: "Look",
    INFO: "Fine",
    NONE: "Fine",
    UNKNOWN: "Cannot tell",
}


@dataclass(frozen=True)
class Pressing:
    """Something to look at, and what to do about it."""

    severity: str
    check: str
    subject: str
    sentence: str
    since: str
    next_step: str


def _importance(facts: ReportFacts, subject: str) -> float | None:
    for one in facts.columns:
        if one.name == subject:
            return one.importance
    return None


def _size(facts: ReportFacts, finding: Finding) -> float:
    """Return by what findings of one severity are ranked."""
    size = 1.0
    if finding.value is not None and finding.limit:
        size = min(abs(finding.value / finding.limit), 100.0)
    if finding.check == "quality":
        size = max(size, 2.0)
    if finding.check in ("performance", "estimates"):  # what all the rest is watched for
        return 1000.0 + size
    importance = _importance(facts, finding.subject)
    if importance is None:
        return size
    return size * importance * max(len(facts.columns), 1)  # 1 is the importance of a mean column


def _since(facts: ReportFacts, finding: Finding) -> str:
    told = finding.evidence.get("since")
    if isinstance(told, str):
        try:
            return day(datetime.fromisoformat(told))
        except ValueError:
            return told
    for one in (*facts.columns, *facts.answers):
        if one.name == finding.subject and one.since is not None:
            return day(one.since)
    return ""


def _topic(facts: ReportFacts, finding: Finding) -> tuple[str, str]:
    """Return what a finding is about; of those that are about the same thing the first is told.

    Of a column a rule that is broken and its drift are one thing; so are all answers, and of other
    checks the worst subject stands for all.
    """
    if any(finding.subject == one.name for one in facts.answers):
        return "answers", ""
    if finding.check in _OF_COLUMNS and finding.subject:
        return "column", finding.subject
    if finding.check == "estimates" and "concept drift" in finding.sentence:
        return "concept", ""
    return finding.check, "" if finding.subject else finding.sentence


def to_look_at(facts: ReportFacts) -> list[Pressing]:
    """Return the findings that fire, at most five, ranked; a subject comes once."""
    firing = [one for one in facts.findings if one.fires]
    largest: dict[str, float] = {}
    for one in firing:
        if one.check in _OF_COLUMNS:
            largest[one.subject] = max(_size(facts, one), largest.get(one.subject, 0.0))
    firing.sort(
        key=lambda one: (
            -SEVERITIES.index(one.severity),
            -(largest[one.subject] if one.check in _OF_COLUMNS else _size(facts, one)),
            one.check != "quality",  # before the drift that it may be the cause of
        )
    )
    found: dict[tuple[str, str], Pressing] = {}
    for one in firing:
        key = _topic(facts, one)
        if key not in found:
            step = key[0] if key[0] in ("answers", "concept") else one.check
            next_step = _NEXT.get(step, "").format(subject=one.subject or "the data")
            found[key] = Pressing(
                one.severity, one.check, one.subject, one.sentence, _since(facts, one), next_step
            )
        elif key[0] == "column":
            told = f"{found[key].sentence} {one.sentence.removeprefix(f'{one.subject}: ')}"
            found[key] = replace(found[key], sentence=told)
    return list(found.values())[:MOST]


def _metric(metric: MetricFact) -> Iterator[str]:
    whole = metric.whole
    reference = "" if metric.reference is None else f", {figure(metric.reference)} at registration"
    if whole.value is not None:
        told = interval(whole.value, whole.low, whole.high)
        early = " (provisional)" if whole.provisional else ""
        yield f"{metric.name} {told}{early}{reference}"
    elif metric.estimated.value is not None:
        estimated = metric.estimated
        told = interval(estimated.value, estimated.low, estimated.high)
        yield f"estimated {metric.name} {told}{reference}"


def _parts(facts: ReportFacts) -> Iterator[str]:
    if facts.columns:
        moved = sum(one.drifted for one in facts.columns)
        verb = "has" if moved == 1 else "have"
        yield f"{moved or 'none'} of {amount(len(facts.columns), 'column')} {verb} moved"
        broken = sum(len(one.broken) for one in facts.columns) + len(facts.rules)
        if broken:
            yield f"{amount(broken, 'rule')} of quality {'is' if broken == 1 else 'are'} broken"
    if facts.joint is not None and facts.joint.severity in (WARN, ALERT):
        yield f"all columns together have moved (AUC {facts.joint.auc:.2f})"
    for metric in facts.metrics[:1]:
        yield from _metric(metric)
    if facts.predictions and facts.labelled < facts.predictions:
        share = percent(facts.labelled / facts.predictions) if facts.labelled else "none"
        yield f"labels for {share} so far"
    worst = {one.check for one in facts.findings if one.fires} - {
        *("drift", "quality", "joint", "performance", "estimates")
    }
    if worst:
        yield f"to look at as well: {', '.join(sorted(worst))}"


def sentence(facts: ReportFacts) -> str:
    """Return the verdict on the whole."""
    if not facts.predictions:
        return f"Cannot tell: {facts.model} was asked nothing{_when(facts)}."
    parts = list(_parts(facts))
    return f"{_OPENING[facts.severity]}: {'; '.join(parts) or 'nothing was checked'}."


def _when(facts: ReportFacts) -> str:
    if facts.since is not None and facts.until is not None:
        return f" from {moment(facts.since)} to {moment(facts.until)}"
    return "" if facts.since is None else f" since {moment(facts.since)}"
