"""What a report says, section by section, before it is a page or Markdown. Pure functions.

    for section in sections(facts):
        section.title, section.blocks

So all forms say the same. A part that was not looked at has no section.
"""

from __future__ import annotations

from collections.abc import Iterator

from lite_mlops.charts import Estimate as Interval
from lite_mlops.charts import Line, bar_chart, estimate_chart, line_chart, reliability_diagram
from lite_mlops.data.wording import amount
from lite_mlops.documents import (
    Block,
    Cell,
    Drawn,
    Figures,
    Fold,
    Grid,
    Items,
    Pairs,
    Remark,
    Section,
    Word,
)
from lite_mlops.monitoring.findings import UNKNOWN
from lite_mlops.monitoring.reports.columns import column_blocks, quality_blocks
from lite_mlops.monitoring.reports.facts import ReportFacts
from lite_mlops.monitoring.reports.performance import performance_blocks
from lite_mlops.monitoring.reports.verdict import MOST, TONES, WORDS, Pressing, to_look_at
from lite_mlops.monitoring.reports.wording import day, figure, interval, moment


def word(severity: str) -> Word:
    """Return a severity as a verdict."""
    return Word(WORDS[severity], TONES[severity])


def sections(facts: ReportFacts) -> tuple[Section, ...]:
    """Return the sections of a report in their order."""
    parts = {
        "What to look at": _look_at,
        "Performance": performance_blocks,
        "Columns": column_blocks,
        "Quality": quality_blocks,
        "All columns together": _joint,
        "Answers": _answers,
        "Slices": _slices,
        "Fairness": _fairness,
        "Calibration": _calibration,
        "Sudden changes": _jumps,
        "Alerts": _alerts,
        "Service": _service,
        "How this was decided": _how,
    }
    found = ((title, tuple(part(facts))) for title, part in parts.items())
    return tuple(Section(title, blocks) for title, blocks in found if blocks)


def _with_time(one: Pressing) -> str:
    """Return what is found, and since when."""
    text = one.sentence if one.sentence.endswith((".", "!", "?")) else f"{one.sentence}."
    return f"{text} Since {one.since}." if one.since and one.since not in text else text


def _look_at(facts: ReportFacts) -> Iterator[Block]:
    pressing = to_look_at(facts)
    if not pressing:
        told = tuple((word(UNKNOWN), one.sentence, "") for one in facts.findings)[:MOST]
        if facts.severity != UNKNOWN:
            yield Remark("Nothing that was checked asks for anybody.")
        elif told:  # all of them could not tell
            yield Items(told)
        else:
            yield Remark("Nothing could be checked.")
    else:
        yield Items(
            tuple(
                (
                    word(one.severity),
                    _with_time(one),
                    one.next_step,
                )
                for one in pressing
            )
        )
    firing = sum(one.fires for one in facts.findings)
    if firing > len(pressing):
        yield Remark(f"{amount(firing, 'finding')} in all; the rest is in the sections below.")
    if facts.notes:
        yield Items(tuple((Word("not checked", "soft"), note, "") for note in facts.notes))


def _joint(facts: ReportFacts) -> Iterator[Block]:
    joint = facts.joint
    if joint is None:
        return
    yield Items(((word(joint.severity), joint.sentence, ""),))
    yield Remark(
        "A classifier tries to tell rows of the present from rows of the reference; an AUC of 0.5 "
        "says that it cannot. Only this sees a lost correlation."
    )
    if joint.features:
        told = ", ".join(f"{name} {figure(size)}" for name, size in joint.features.items())
        chart = bar_chart("AUC lost when a column is shuffled", list(joint.features.items()))
        yield Figures((("What carries it (AUC lost when shuffled)", Drawn(chart, told)),))


def _answers(facts: ReportFacts) -> Iterator[Block]:
    if facts.answers:
        yield from column_blocks(facts, facts.answers)


def _slices(facts: ReportFacts) -> Iterator[Block]:
    figures = []
    rows: list[tuple[Cell, ...]] = []
    for by, metric in dict.fromkeys((one.by, one.metric) for one in facts.slices):
        parts = [one for one in facts.slices if (one.by, one.metric) == (by, metric)]
        against = next((m.whole.value for m in facts.metrics if m.name == metric), None)
        title = f"{metric} by {by}"
        chart = estimate_chart(
            title,
            [
                Interval(p.part, p.value, p.low, p.high, f"{p.labelled:,} rows", p.provisional)
                for p in parts[:12]
            ],
            against=against,
        )
        told = ", ".join(f"{p.part} {interval(p.value, p.low, p.high)}" for p in parts[:12])
        caption = title if against is None else f"{title} (dotted: all)"
        figures.append((caption, Drawn(chart, told)))
        rows += [
            (
                f"{by} = {p.part}",
                metric,
                interval(p.value, p.low, p.high),
                f"{p.labelled:,}",
                f"{p.predictions:,}",
                Word("provisional", "soft") if p.provisional else word(p.severity),
            )
            for p in parts
        ]
    if not figures:
        return
    yield Figures(tuple(figures))
    head = ("slice", "metric", "value", "labelled", "answers", "verdict")
    yield Fold(amount(len(rows), "slice"), (Grid("Slices", head, tuple(rows), right=head[3:5]),))


def _fairness(facts: ReportFacts) -> Iterator[Block]:
    if not facts.groups:
        return
    names = list(dict.fromkeys(name for group in facts.groups for name in group.rates))
    figures = []
    for name in names:
        known = [group for group in facts.groups if name in group.rates]
        intervals = [
            Interval(f"{g.group}", *g.rates[name], f"{g.predictions:,} rows") for g in known[:12]
        ]
        told = ", ".join(f"{g.group} {interval(*g.rates[name])}" for g in known[:12])
        figures.append((name, Drawn(estimate_chart(name, intervals), told)))
    yield Figures(tuple(figures))
    head = ("group", *names, "answers", "labelled", "verdict")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            f"{group.by} = {group.group}",
            *(interval(*group.rates.get(name, (None, None, None))) for name in names),
            f"{group.predictions:,}",
            f"{group.labelled:,}",
            Word(group.remark, TONES[group.severity]) if group.remark else word(group.severity),
        )
        for group in facts.groups
    )
    yield Grid("Groups", head, rows, right=("answers", "labelled"))
    yield Remark(
        "No figure here says that a model is fair; it says where to look. Intervals of 95 %."
    )


def _calibration(facts: ReportFacts) -> Iterator[Block]:
    found = facts.calibration
    if found is None:
        return
    pairs = {
        "expected calibration error": figure(found.error),
        "of that by chance alone": figure(found.by_chance),
        "slope": figure(found.slope),
        "intercept": figure(found.intercept),
        "labelled answers": f"{found.rows:,}",
    }
    yield Pairs({name: value for name, value in pairs.items() if value})
    told = ", ".join(f"{b.predicted:.2f} -> {b.observed:.2f}" for b in found.bins)
    chart = reliability_diagram("How often what was given a probability came true", found.bins)
    yield Figures((("Came true, against what was predicted", Drawn(chart, told)),))
    yield Remark("A slope of 1 and an intercept of 0 are those of chances that are kept.")


def _jumps(facts: ReportFacts) -> Iterator[Block]:
    if facts.jumps:
        yield Items(tuple((word(one.severity), one.sentence, "") for one in facts.jumps))


def _alerts(facts: ReportFacts) -> Iterator[Block]:
    if not facts.alerts:
        return
    head = ("alert", "about", "severity", "state", "since", "what")
    rows = tuple(
        (
            one.id,
            one.about,
            word(one.severity),
            one.state if one.until is None else f"{one.state} {moment(one.until)}",
            moment(one.since),
            one.sentence,
        )
        for one in facts.alerts
    )
    yield Grid("Alerts", head, rows)


def _service(facts: ReportFacts) -> Iterator[Block]:
    found = facts.service
    if found is None:
        return
    if found.facts:
        yield Pairs(found.facts)
    if len(found.versions) > 1:
        head = ("version", "requests", "latency")
        rows = tuple((name, f"{count:,}", told) for name, count, told in found.versions)
        yield Grid("Versions", head, rows, right=("requests",))
    if found.trials:
        yield Items(tuple((Word(what, "soft"), told, "") for what, told in found.trials))
    at = [moment.timestamp() for moment in found.at]
    if len(at) < 2:
        return
    requests = [float(number) for number in found.requests]
    drawn = {"requests": [Line("requests", at, requests)]}
    if found.median:
        drawn["latency in ms"] = [Line("median", at, found.median)]
        if found.slow:
            drawn["latency in ms"].append(Line("95 % below", at, found.slow))
    yield Figures(
        tuple(
            (
                name,
                Drawn(
                    line_chart(name, lines, x=None, legend=len(lines) > 1, from_zero=True),
                    "; ".join(line.told for line in lines),
                ),
            )
            for name, lines in drawn.items()
        )
    )


def _how(facts: ReportFacts) -> Iterator[Block]:
    pairs = {
        "version": facts.model,
        "answers": f"{facts.predictions:,}, {facts.labelled:,} of them with a label",
        "from": "" if facts.since is None else day(facts.since),
        "until": "" if facts.until is None else day(facts.until),
        "reference": facts.reference,
        "rows of the reference": (
            "" if facts.reference_rows is None else f"{facts.reference_rows:,}"
        ),
        "windows of the time lines": str(len(facts.spans) or ""),
        **facts.how,
        "written": f"{moment(facts.written_at)} UTC",
    }
    yield Pairs({name: value for name, value in pairs.items() if value})
