"""A comparison as one HTML page that needs nothing else: no network, no script. Pure functions.

page(comparison, {run_id: {"loss": history}})
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from lite_mlops.htmltext import visible
from lite_mlops.tracking.comparing.drawing import COLOURS, Line, chart
from lite_mlops.tracking.comparing.values import (
    BETTER,
    WORSE,
    Comparison,
    MetricSideBySide,
    SideBySide,
)
from lite_mlops.tracking.values import History, Run

Histories = Mapping[str, Mapping[str, History]]  # by run and metric

# Colours that differ for colour-blind eyes as well (Okabe and Ito), as light and as dark ones.
_STYLE = """
:root { color-scheme: light dark; --back: #fff; --text: #1b1b1f; --soft: #62626d; --rule: #d9d9e0;
  --good: #00684a; --bad: #a8340a; --mark: #fff6d6;
  --c0: #0072b2; --c1: #c2410c; --c2: #007a5a; --c3: #a83f7f; --c4: #8a6d00; --c5: #1b1b1f; }
@media (prefers-color-scheme: dark) { :root { --back: #17171a; --text: #ececf1; --soft: #a0a0ad;
  --rule: #3a3a43; --good: #5fd3ac; --bad: #ff9d6e; --mark: #3a3420;
  --c0: #56b4e9; --c1: #ff9d5c; --c2: #3fcf9f; --c3: #e79ac4; --c4: #f0e442; --c5: #ececf1; } }
body { background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif;
  max-width: 76rem; margin: 0 auto; padding: 1.5rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem; max-width: 28rem;
  border-bottom: 1px solid var(--rule); overflow-wrap: break-word; }
th:first-child, td:first-child { padding-left: 0; }
.number { white-space: nowrap; font-variant-numeric: tabular-nums; }
thead th { color: var(--soft); font-weight: 600; } tbody th { font-weight: 500; }
tr.differs td { background: var(--mark); }
.soft { color: var(--soft); } .better { color: var(--good); } .worse { color: var(--bad); }
.better, .worse { font-weight: 600; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem; }
figure { margin: 0; } figcaption { overflow-wrap: anywhere; } svg { width: 100%; height: auto; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
.axes { fill: none; stroke: var(--rule); }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.key { width: 2.2rem; height: .7rem; vertical-align: middle; margin-right: .4rem; }
details summary { cursor: pointer; }
"""
_DASHES = ("none", "7 4", "2 4", "9 3 2 3", "none", "5 5")


def _style() -> str:
    lines = "".join(
        f".line-{number} {{ stroke: var(--c{number}); stroke-dasharray: {_DASHES[number]}; }}\n"
        for number in range(COLOURS)
    )
    return _STYLE + lines


def _key(number: int) -> str:
    """Return the sample of a line that stands before the name of a run."""
    return (
        '<svg class="key" viewBox="0 0 36 10" aria-hidden="true">'
        f'<path class="line line-{number % COLOURS}" d="M2 5H34"/></svg>'
    )


def _table(caption: str, head: Sequence[str], rows: Iterable[str]) -> str:
    """Return a table of ready rows; `head` is ready HTML."""
    columns = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    name = f'aria-label="{html.escape(caption)}"'
    return (  # what is wider than the window is scrolled, by the keyboard as well
        f'<div class="wide" role="region" tabindex="0" {name}><table {name}>'
        f"<thead><tr>{columns}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


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
        f'<tr><th scope="row">{_key(number)}{html.escape(label)}</th><td>{run.id}</td>'
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
            kind = {BETTER: "better", WORSE: "worse"}.get(verdict.word, "soft")
            cells = (
                label,
                html.escape(verdict.metric),
                f'<span class="{kind}">{html.escape(verdict.word)}</span>',
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
            Line(label, found[name].steps, found[name].values) if name in found else None
            for label, found in zip(
                comparison.labels, (histories[run.id] for run in comparison.runs), strict=True
            )
        ]
        figures.append(
            f"<figure><figcaption>{html.escape(name)}</figcaption>{chart(name, lines)}</figure>"
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
    title = html.escape(" and ".join(comparison.labels))
    parts = [
        _runs(comparison),
        _verdicts(comparison),
        _metrics(comparison),
        _curves(comparison, histories, left_out),
        *(_section(name, r, comparison.labels) for name, r in comparison.sections().items()),
    ]
    text = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{_style()}</style></head>"
        f"<body><main><h1>Comparison of {title}</h1>{''.join(parts)}</main></body></html>\n"
    )
    return visible(text)
