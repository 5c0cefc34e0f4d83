"""The sections of a report about columns: a table with pictures, and the rules of quality."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lite_mlops.charts import category_chart, mini_pair, pair_chart, spark_words, sparkline
from lite_mlops.data.wording import amount, percent
from lite_mlops.documents import Block, Cell, Drawn, Figures, Fold, Grid, Remark, Word
from lite_mlops.monitoring.findings import NONE, SEVERITIES
from lite_mlops.monitoring.reports.facts import ColumnFact, ReportFacts
from lite_mlops.monitoring.reports.verdict import TONES, WORDS
from lite_mlops.monitoring.reports.wording import day, figure, probability

_ANSWERS = "What the model says"
_LARGE = 6  # columns whose distribution is drawn large
_FOLDED_PICTURES = 200  # columns that are fine and have pictures; a page has to stay small


def column_blocks(
    facts: ReportFacts, columns: Sequence[ColumnFact] | None = None
) -> Iterator[Block]:
    """Return the columns: those that moved in pictures, then as a table, what is fine folded."""
    answers = columns is not None
    columns = facts.columns if columns is None else columns
    if not columns:
        return
    ordered = sorted(columns, key=lambda one: (-SEVERITIES.index(one.severity), -one.rank))
    moved = [one for one in ordered if one.drifted or answers]
    fine = [one for one in ordered if not (one.drifted or answers)]
    large = [one for one in moved if one.distribution is not None][:_LARGE]
    if large:
        yield Figures(tuple((_caption(one), _large(one)) for one in large))
    if moved:
        yield _table(_ANSWERS if answers else "Columns that moved", moved)
    elif not answers:
        yield Remark("No column has moved.")
    if fine:
        yield Fold(f"{amount(len(fine), 'column')} without a warning", (_table("Columns", fine),))
    if answers:
        return
    yield Remark(
        "The effect is in units of the least change that counts; a column is told only if it is "
        "1 or more and no chance (q, the p-value adjusted over all columns). Grey is the "
        "reference, colour the present; dots are windows in which it moved."
    )


def _caption(one: ColumnFact) -> str:
    since = "" if one.since is None else f", since {day(one.since)}"
    return f"{one.name}: effect {figure(one.effect, 2) or 'not known'}{since}"


def _large(one: ColumnFact) -> Drawn:
    assert one.distribution is not None
    draw = pair_chart if one.numeric else category_chart
    return Drawn(draw(one.name, one.distribution), one.distribution.told)


def _table(title: str, columns: Sequence[ColumnFact]) -> Grid:
    important = title != _ANSWERS and any(one.importance is not None for one in columns)
    lines = any(one.effects for one in columns)
    first = "answer" if title == _ANSWERS else "column"
    head = [first, "verdict", "type", "effect", "q"]
    head += ["importance"] if important else []
    head += ["over time"] if lines else []
    head += ["distribution", "missing", "why"]
    rows = [_row(one, head, place) for place, one in enumerate(columns)]
    filled = [place for place, name in enumerate(head) if any(row[place] for row in rows)]
    return Grid(
        title,
        tuple(head[place] for place in filled),
        tuple(tuple(row[place] for place in filled) for row in rows),
        right=("effect", "q", "importance", "missing"),
    )


def _row(one: ColumnFact, head: Sequence[str], place: int) -> tuple[Cell, ...]:
    cells: dict[str, Cell] = {
        head[0]: one.name,
        "verdict": Word(WORDS[one.severity], TONES[one.severity]),
        "type": one.kind,
        "effect": figure(one.effect, 2),
        "q": probability(one.adjusted_p),
        "importance": "" if one.importance is None else percent(one.importance),
        "over time": "",
        "distribution": "",
        "missing": _missing(one),
        "why": "; ".join(one.reasons),
    }
    if one.effects:
        svg = sparkline(f"effect of {one.name}", one.effects, limit=1, marked=one.moved)
        cells["over time"] = Drawn(svg, spark_words(one.effects))
    if one.distribution is not None and place < _FOLDED_PICTURES:
        told = one.distribution.told.partition(", ")[0]
        cells["distribution"] = Drawn(mini_pair(one.name, one.distribution), told)
    return tuple(cells[name] for name in head)


def _missing(one: ColumnFact) -> str:
    if not (one.missing_before or one.missing_now):
        return ""
    before, now = percent(one.missing_before), percent(one.missing_now)
    return before if before == now else f"{before} → {now}"


def quality_blocks(facts: ReportFacts) -> Iterator[Block]:
    """Return the rules of quality that are broken, with rows that show it."""
    if not facts.columns:
        return
    rows: list[tuple[Cell, ...]] = []
    for one in facts.columns:
        for place, rule in enumerate(one.broken):
            told = one.reasons[place] if place < len(one.reasons) else ""
            examples = ", ".join(map(str, one.examples.get(rule, ())))
            rows.append(
                (one.name, rule, told, "" if one.since is None else day(one.since), examples)
            )
    for found in facts.rules:
        if found.severity == NONE:
            continue
        rules = ", ".join(map(str, found.evidence.get("rules", ())))
        shown = (row for some in dict(found.evidence.get("examples", {})).values() for row in some)
        rows.append(("all", rules, found.sentence, "", ", ".join(map(str, shown))))
    if not rows:
        yield Remark(
            "No rule is broken: missing, unseen, out of range, negative, constant, stuck, type and "
            f"unit of {amount(len(facts.columns), 'column')} are as in the reference."
        )
        return
    head = ("column", "rule", "what was found", "since", "for example")
    yield Grid("Rules that are broken", head, tuple(rows))
