"""A report as one HTML page that needs nothing else: no network, no script. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator

from lite_mlops.charts import in_notebook
from lite_mlops.documents import block_html, framed, section_html, text
from lite_mlops.monitoring.reports.facts import ReportFacts
from lite_mlops.monitoring.reports.sections import sections
from lite_mlops.monitoring.reports.verdict import TONES, sentence
from lite_mlops.monitoring.reports.wording import moment

_STYLE = """
header { margin-bottom: 1.5rem; }
h1 { margin: .1rem 0 .75rem; }
.verdict { border-left: 5px solid var(--soft); font-size: 1.2rem; line-height: 1.45;
  max-width: 56rem; padding: .15rem 0 .15rem 1rem; }
.verdict.good { border-color: var(--good); } .verdict.warn { border-color: var(--warn); }
.verdict.bad { border-color: var(--bad); }
.verdict.good, .verdict.warn, .verdict.bad, .verdict.soft { color: var(--text); font-weight: 500; }
section { border-top: 1px solid var(--rule); padding-top: .4rem; margin-top: 1.8rem; }
h2 { margin-top: 1rem; }
td .chart.mini { margin: 0; max-width: none; width: 7.5em; }
figcaption { font-size: .92rem; font-weight: 550; margin-bottom: .2rem; }
table { font-size: .92rem; }
"""


def page(facts: ReportFacts) -> str:
    """Return the report as an HTML page."""
    body = "".join(map(section_html, sections(facts)))
    title = f"{facts.name}: monitoring report"
    return framed(
        title,
        f'<main><header><div class="kind">Monitoring report</div><h1>{text(facts.name)}</h1>'
        f'{_verdict(facts)}<p class="soft">{text(" · ".join(_about(facts)))}</p></header>\n'
        f"{body}</main>",
        style=_STYLE,
    )


def _verdict(facts: ReportFacts) -> str:
    return f'<p class="verdict {TONES[facts.severity]}">{text(sentence(facts))}</p>'


def _about(facts: ReportFacts) -> Iterator[str]:
    yield facts.model
    if facts.since is not None and facts.until is not None:
        yield f"{moment(facts.since)} to {moment(facts.until)} UTC"
    yield f"{facts.predictions:,} answers"
    yield f"{facts.labelled:,} labelled"
    if facts.reference:
        rows = "" if facts.reference_rows is None else f" ({facts.reference_rows:,} rows)"
        yield f"against {facts.reference}{rows}"


def notebook(facts: ReportFacts) -> str:
    """Return the verdict and the first sections, for a cell of a notebook."""
    first = [section for section in sections(facts) if section.title in _SHOWN]
    body = "".join(
        f"<h4>{text(section.title)}</h4>{''.join(map(block_html, section.blocks))}"
        for section in first
    )
    return in_notebook(f"<p><strong>{text(sentence(facts))}</strong></p>{body}")


_SHOWN = ("What to look at", "Performance", "Columns")
