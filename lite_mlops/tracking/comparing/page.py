"""A comparison as one HTML page that needs nothing else: no network, no script. Pure functions.

page(comparison, {run_id: {"loss": history}})
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from lite_mlops.charts import Line, key, line_chart
from lite_mlops.documents import framed, table
from lite_mlops.htmltext import visible
from lite_mlops.tracking.comparing.values import (
    BETTER,
    WORSE,
    Comparison,
    MetricSideBySide,
    SideBySide,
)
from lite_mlops.tracking.values import History, Run

Histories = Mapping[str, Mapping[str, History]]  # by run and metric

_STYLE = """
tr.differs td { background: var(--highlight); }
"""
_TONES = {BETTER: "good", WORSE: "bad"}


def _table(caption: str, head: Sequence[str], rows: Iterable[str]) -> str:
    """Return a table of ready rows; `head` is ready HTML."""
    return table(caption, [f'<th scope="col">{cell}</th>' for cell in head], rows)


def _row(name: str, cells: Iterable[str], kind: str = "") -> str:
    """Return a row of ready cells under an escaped name."""
    kind = f' class="{kind}"' if kind else ""
    filled = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr{kind}><th scope="row">{html.escape(name)}</th>{filled}</tr>'


def _text(value: object) -> str:
    return '<span class="soft">absent</span>' if value is None else html.escape(str(value))


def _number(value: float | None, form: str = ".6g") -> str:
    return f'<span class="number">{_text(None if value is None else format(value, form))}</span>'


def _runs(comparison: Comparison) -> str:
    def moment(run: Run) -> str:
        return run.started_at.strftime("%Y-%m-%d %H:%M:%S UTC")

    rows = (
        f'<tr><th scope="row">{key(number)}{html.escape(label)}</th><td>{run.id}</td>'
        f"<td>{html.escape(run.experiment)}</td><td>{html.escape(run.status)}</td>"
        f"<td>{moment(run)}</td></tr>"
        for number, (run, label) in enumerate(zip(comparison.runs, comparison.labels, strict=True))
    )
    return _table("Runs", ("run", "id", "experiment", "status", "started"), rows)


def _verdicts(comparison: Comparison) -> str:
    rows = []
    for pair in comparison.evaluations:
        label = html.escape(comparison.label(pair.second))
        if pair.reason is not None:
            why = f"no verdict: {html.escape(pair.reason)}"
            rows.append(_row(pair.name, (label, "", why, *[""] * 6)))
        for verdict in pair.verdicts:
            tone = _TONES.get(verdict.word, "soft")
            cells = (
                label,
                html.escape(verdict.metric),
                f'<span class="{tone}">{html.escape(verdict.word)}</span>',
                _number(verdict.second),
                _number(verdict.first),
                _number(verdict.difference, "+.3g"),
                f"{_number(verdict.low, '+.3g')} to {_number(verdict.high, '+.3g')}",
                "" if verdict.p_value is None else _number(verdict.p_value, ".2g"),
                _number(verdict.rows, ",d"),
            )
            rows.append(_row(pair.name, cells))
    if not rows:
        return ""
    first = html.escape(comparison.labels[0])
    head = ("evaluation", "run", "metric", "verdict", "value", f"value of {first}", "difference")
    confidence = next(
        (f"{v.confidence:.0%} " for p in comparison.evaluations for v in p.verdicts), ""
    )
    note = (
        f'<p class="soft">Each run against {first}, on the same rows: the {confidence}interval of '
        "the difference is that of the paired bootstrap, p that of McNemar's test.</p>"
    )
    return "<h2>Verdicts</h2>" + note + _table("Verdicts", (*head, "interval", "p", "rows"), rows)


def _metrics(comparison: Comparison) -> str:
    def row(metric: MetricSideBySide) -> str:
        signed = (_number(d, "+.4g") for d in metric.differences)
        cells = (*map(_number, metric.values), *signed)
        return _row(metric.name, cells, "differs" if metric.differs else "")

    if not comparison.metrics:
        return ""
    labels = [html.escape(label) for label in comparison.labels]
    head = ("metric", *labels, *(f"difference of {label}" for label in labels[1:]))
    return "<h2>Metrics</h2>" + _table("Metrics", head, map(row, comparison.metrics))


def _curves(comparison: Comparison, histories: Histories, left_out: int) -> str:
    names = dict.fromkeys(name for found in histories.values() for name in found)
    figures = []
    for name in names:
        lines = [
            Line(label, found[name].steps.tolist(), found[name].values.tolist())
            if name in found
            else None
            for label, found in zip(
                comparison.labels, (histories[run.id] for run in comparison.runs), strict=True
            )
        ]
        figures.append(
            f"<figure><figcaption>{_text(name)}</figcaption>{line_chart(name, lines)}</figure>"
        )
    if not figures:
        return ""
    more = f'<p class="soft">{left_out:,} more are not drawn.</p>' if left_out else ""
    return f'<h2>Curves</h2><div class="charts">{"".join(figures)}</div>{more}'


def _section(name: str, rows: Sequence[SideBySide], labels: Sequence[str]) -> str:
    """Return what differs as a table, and what is the same folded away below it."""
    if not rows:
        return ""
    head = ("name", *(html.escape(label) for label in labels))
    differing = [_row(row.name, map(_text, row.values)) for row in rows if row.differs]
    same = [_row(row.name, map(_text, row.values)) for row in rows if not row.differs]
    shown = _table(name, head, differing) if differing else '<p class="soft">No differences.</p>'
    if same:
        table = _table(f"{name}, the same", head, same)
        shown += f"<details><summary>{len(same):,} the same</summary>{table}</details>"
    return f"<h2>{html.escape(name.capitalize())}</h2>{shown}"


def page(comparison: Comparison, histories: Histories, *, left_out: int = 0) -> str:
    """Return the page; `histories` are the curves to draw, by run id and metric.

    `left_out` is how many more metrics have a history.
    """
    title = " and ".join(comparison.labels)
    parts = [
        f"<h1>Comparison of {html.escape(title)}</h1>",
        _runs(comparison),
        _verdicts(comparison),
        _metrics(comparison),
        _curves(comparison, histories, left_out),
        *(_section(name, r, comparison.labels) for name, r in comparison.sections().items()),
    ]
    return framed(title, f"<main>{visible(''.join(parts))}</main>", style=_STYLE)
