"""The frame of every page that is written to a file: it needs nothing else, no network, no script.

    framed("Comparison of a and b", "<main>...</main>", style="h2 { color: var(--accent); }")

It forbids the browser everything but its own style, so that even markup that slipped through could
load and run nothing.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Sequence

from lite_mlops.charts import CHART_STYLE, PALETTE
from lite_mlops.htmltext import visible

# Of every page: colours, texts, tables, pictures, what is folded, and how it prints.
STYLE = (
    "\n:root { color-scheme: light dark; }\n"
    + PALETTE
    + CHART_STYLE
    + """* { box-sizing: border-box; }
body { background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif;
  max-width: 76rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
h1 { font-size: 1.6rem; font-weight: 650; letter-spacing: -.01em; line-height: 1.25;
  overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.kind { color: var(--soft); font-size: .8rem; letter-spacing: .08em; text-transform: uppercase; }
h3 { font-size: .95rem; font-weight: 600; margin: 1.5rem 0 .35rem; overflow-wrap: anywhere; }
p { margin: .35rem 0; max-width: 46rem; overflow-wrap: anywhere; }
.wide { margin: .5rem 0; overflow-x: auto; }
.wide:focus-visible, pre:focus-visible, summary:focus-visible { outline: 2px solid var(--accent);
  outline-offset: 2px; }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid var(--rule); max-width: min(28rem, 75vw);
  overflow-wrap: break-word; padding: .3rem .7rem; text-align: left; vertical-align: top; }
th:first-child, td:first-child { padding-left: 0; }
thead th { color: var(--soft); font-size: .87em; font-weight: 550; white-space: nowrap; }
tbody th { font-weight: 500; min-width: 6.5rem; }
.number, .right { font-variant-numeric: tabular-nums; white-space: nowrap; }
.right { text-align: right; }
.prose { white-space: pre-line; } .unsaid { color: var(--soft); font-style: italic; }
.soft { color: var(--soft); } .good { color: var(--good); } .warn { color: var(--warn); }
.bad { color: var(--bad); } .good, .warn, .bad { font-weight: 600; }
dl { display: grid; gap: .2rem 1.5rem; grid-template-columns: minmax(7rem, max-content) 1fr;
  margin: .5rem 0; }
dt { color: var(--soft); overflow-wrap: anywhere; } dd { margin: 0; overflow-wrap: anywhere; }
.charts { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fill, minmax(min(20rem,
  100%), 1fr)); margin: .75rem 0; }
figure { margin: 0; min-width: 0; } figcaption { overflow-wrap: anywhere; }
.chart { display: block; height: auto; max-width: 27rem; width: 100%; }
.chart.square { max-width: 20rem; }
.chart.key { display: inline-block; height: .7rem; margin-right: .4rem; vertical-align: middle;
  width: 2.2rem; }
.chart.mini { margin-top: .2rem; width: 9.4em; }
pre { background: var(--tint); border-radius: .4rem; font: .84rem/1.5 ui-monospace, monospace;
  margin: .4rem 0; overflow-x: auto; padding: .75rem 1rem; }
details { margin: .6rem 0; } summary { cursor: pointer; overflow-wrap: anywhere; }
ul.items { list-style: none; margin: .5rem 0; padding: 0; }
ul.items li { border-left: 3px solid var(--rule); margin: .7rem 0; max-width: 50rem;
  overflow-wrap: anywhere; padding-left: .9rem; }
@media (max-width: 48rem) { body { padding: 1.25rem 1rem 3rem; } table { width: max-content; } }
@media (max-width: 30rem) { dl { display: block; } dd { margin-bottom: .5rem; } }
@media print { body { font-size: 10.5pt; max-width: none; padding: 0; } pre { white-space: pre-wrap;
  overflow-wrap: anywhere; } .wide { overflow: visible; } h2, h3 { break-after: avoid; }
  tr, dl, figure { break-inside: avoid; } }
"""
)


def text(value: str) -> str:
    """Return a text as HTML; what could steer a terminal that shows the file is made visible."""
    return html.escape(visible(value))


def policy(style: str) -> str:
    """Return a content security policy: nothing but this style, by its hash."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def framed(title: str, body: str, *, style: str = "") -> str:
    """Return a page; the title is text, the body ready HTML, `style` comes after that of all."""
    whole = STYLE + style
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(whole)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{whole}</style></head>\n"
        f"<body>{body}</body></html>\n"
    )


def table(caption: str, head: Sequence[str], rows: Iterable[str]) -> str:
    """Return a table of ready rows under ready cells; the caption is text.

    What is wider than the window is scrolled, by the keyboard as well.
    """
    name = f'aria-label="{text(caption)}"'
    return (
        f'<div class="wide" role="region" tabindex="0" {name}><table {name}>'
        f"<thead><tr>{''.join(head)}</tr></thead><tbody>\n{''.join(rows)}</tbody></table></div>"
    )
