"""A card as one HTML page that needs nothing else: no network, no script. Pure functions.

The page forbids the browser everything but its own style, so that even markup that slipped through
could load and run nothing.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterator

from lite_mlops.htmltext import visible
from lite_mlops.models.cards.blocks import (
    Block,
    Cell,
    Code,
    Grid,
    Heading,
    Pairs,
    Prose,
    Remark,
    Section,
    Shares,
    Spread,
)
from lite_mlops.models.cards.facts import CardFacts
from lite_mlops.models.cards.sections import sections
from lite_mlops.models.cards.wording import NOT_RECORDED, NOT_STATED

_STYLE = """
:root { color-scheme: light dark; --back: #fcfcfb; --text: #1d1d20; --soft: #66666f;
  --rule: #e2e2e0; --tint: #f3f3f0; --mark: #2f5d8a; --band: #a9c3dc; --faint: #dbe5ee; }
@media (prefers-color-scheme: dark) { :root { --back: #161719; --text: #e8e8ea; --soft: #9c9ca6;
  --rule: #303136; --tint: #1f2024; --mark: #8fbce6; --band: #456a8d; --faint: #2a3744; } }
* { box-sizing: border-box; }
body { background: var(--back); color: var(--text); margin: 0 auto; max-width: 72rem;
  padding: 3.5rem 2rem 4rem; font: 15px/1.55 system-ui, sans-serif; }
header { margin: 0 0 2.5rem; }
.kind { color: var(--soft); font-size: .8rem; letter-spacing: .08em; text-transform: uppercase; }
h1 { font-size: 2.1rem; font-weight: 650; letter-spacing: -.015em; line-height: 1.2;
  margin: .1rem 0 .5rem; overflow-wrap: anywhere; }
section { border-top: 1px solid var(--rule); display: grid; gap: 0 2rem; padding: 1.5rem 0 2rem;
  grid-template-columns: 9rem minmax(0, 1fr); }
h2 { color: var(--mark); font-size: 1rem; font-weight: 600; margin: 0; }
h3 { font-size: .92rem; font-weight: 600; margin: 1.5rem 0 .35rem; overflow-wrap: anywhere; }
section > div > :first-child { margin-top: 0; }
p { margin: .35rem 0; max-width: 44rem; overflow-wrap: anywhere; }
.prose { white-space: pre-line; } .lead { font-size: 1.1rem; }
.soft { color: var(--soft); } .unsaid { color: var(--soft); font-style: italic; }
.alias { border: 1px solid var(--mark); border-radius: 1rem; color: var(--mark);
  display: inline-block; font-size: .85rem; margin: 0 .4rem .4rem 0; padding: .05rem .65rem; }
dl { display: grid; gap: .2rem 1.5rem; grid-template-columns: minmax(7rem, max-content) 1fr;
  margin: .5rem 0; }
dt { color: var(--soft); overflow-wrap: anywhere; } dd { margin: 0; overflow-wrap: anywhere; }
.wide { margin: .6rem 0; overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; }
th, td { border-bottom: 1px solid var(--rule); max-width: 24rem; overflow-wrap: break-word;
  padding: .35rem 1.2rem .35rem 0; text-align: left; vertical-align: top; }
thead th { color: var(--soft); font-size: .82rem; font-weight: 500; white-space: nowrap; }
tbody th { font-weight: 500; } tbody tr:last-child > * { border-bottom: 0; }
.right { font-variant-numeric: tabular-nums; text-align: right; white-space: nowrap; }
svg { display: block; height: 14px; margin-top: .3rem; width: 150px; }
.line { stroke: var(--rule); } .outer { fill: var(--faint); } .inner { fill: var(--band); }
.middle { fill: var(--mark); } .share { fill: var(--mark); }
pre { background: var(--tint); border-radius: .4rem; font: .84rem/1.5 ui-monospace, monospace;
  margin: .4rem 0; overflow-x: auto; padding: .75rem 1rem; }
footer { border-top: 1px solid var(--rule); font-size: .85rem; padding-top: 1rem; }
@media (max-width: 48rem) { body { padding: 1.5rem 1rem; } section { display: block; }
  h2 { margin-bottom: .75rem; } }
@media (max-width: 30rem) { dl { display: block; } dd { margin-bottom: .5rem; } }
@media print { body { font-size: 10.5pt; max-width: none; padding: 0; } pre { white-space: pre-wrap;
  overflow-wrap: anywhere; } .wide { overflow: visible; } h2, h3 { break-after: avoid; }
  section { display: block; } h2 { margin-bottom: .5rem; } tr, dl { break-inside: avoid; } }
"""
_WIDTH, _HEIGHT = 150, 14
_FAINTER = 0.65  # than the share before
_UNSAID = (NOT_STATED, NOT_RECORDED)


def policy() -> str:
    """Return the content security policy: nothing but the style of the page, by its hash."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def page(facts: CardFacts) -> str:
    """Return the card as an HTML page."""
    name = _text(facts.name)
    *body, about = sections(facts)
    description = ""
    if facts.description:
        description = f'<p class="prose lead">{_text(facts.description)}</p>'
    aliases = "".join(f'<span class="alias">@{_text(alias)}</span>' for alias in facts.aliases)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy()}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Model card: {name}</title><style>{_STYLE}</style></head>\n"
        f'<body><header><div class="kind">Model card</div><h1>{name}</h1>{aliases}{description}'
        f"</header>\n<main>\n{''.join(map(_section, body))}</main>\n"
        f"<footer>{''.join(map(_block, about.blocks))}</footer></body></html>\n"
    )


def _text(value: str) -> str:
    return html.escape(visible(value))


def _section(section: Section) -> str:
    blocks = "\n".join(map(_block, section.blocks))
    return f"<section><h2>{_text(section.title)}</h2>\n<div>{blocks}</div></section>\n"


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h3>{_text(block.text)}</h3>"
    if isinstance(block, Prose):
        if block.text is None:
            return f'<p class="unsaid">{NOT_STATED}</p>'
        return f'<p class="prose">{_text(block.text)}</p>'
    if isinstance(block, Remark):
        return f'<p class="soft">{_text(block.text)}</p>'
    if isinstance(block, Code):
        return f'<pre tabindex="0"><code>{_text(block.text)}</code></pre>'
    if isinstance(block, Pairs):
        pairs = (f"<dt>{_text(k)}</dt><dd>{_value(v)}</dd>" for k, v in block.pairs.items())
        return f"<dl>{''.join(pairs)}</dl>"
    return _grid(block)


def _value(value: str) -> str:
    return f'<span class="unsaid">{value}</span>' if value in _UNSAID else _text(value)


def _grid(grid: Grid) -> str:
    title = f'aria-label="{_text(grid.title)}"'
    head = "".join(f'<th scope="col"{_side(name, grid)}>{_text(name)}</th>' for name in grid.head)
    rows = "".join(f"<tr>{''.join(_cells(row, grid))}</tr>\n" for row in grid.rows)
    return (  # what is wider than the window is scrolled, by the keyboard as well
        f'<div class="wide" role="region" tabindex="0" {title}><table {title}>'
        f"<thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>"
    )


def _cells(row: tuple[Cell, ...], grid: Grid) -> Iterator[str]:
    for place, (name, cell) in enumerate(zip(grid.head, row, strict=True)):
        if isinstance(cell, Spread):
            yield f"<td>{_spread(cell)}</td>"
        elif isinstance(cell, Shares):
            yield f"<td>{_shares(cell)}</td>"
        elif place == 0:
            yield f'<th scope="row"{_side(name, grid)}>{_text(cell)}</th>'
        else:
            yield f"<td{_side(name, grid)}>{_value(cell)}</td>"


def _side(name: str, grid: Grid) -> str:
    return ' class="right"' if name in grid.right else ""


# -- pictures -----------------------------------------------------------------------------------


def _svg(words: str, shapes: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"><title>{_text(words)}</title>'
        f"{shapes}</svg>"
    )


def _box(kind: str, start: float, end: float, height: int, more: str = "") -> str:
    up = (_HEIGHT - height) / 2
    return (
        f'<rect class="{kind}" x="{start:.1f}" y="{up:.1f}" width="{max(end - start, 1.5):.1f}" '
        f'height="{height}" rx="1"{more}/>'
    )


def _spread(spread: Spread) -> str:
    """Return a line over the range, with bands of the middle 90 and 50 % and the median."""
    low, first, median, third, high = (at * (_WIDTH - 1.5) for at in spread.quantiles)
    middle = _HEIGHT / 2
    shapes = f'<path class="line" d="M0 {middle:g}H{_WIDTH}"/>'
    shapes += _box("outer", low, high, 6) + _box("inner", first, third, 10)
    return _svg(spread.words, shapes + _box("middle", median, median, _HEIGHT))


def _shares(shares: Shares) -> str:
    """Return the shares side by side, each fainter than the one before."""
    start, shapes = 0.0, []
    for number, share in enumerate(shares.shares):
        end = start + share * _WIDTH
        opacity = f' opacity="{0.85**number * 0.9 - 0.06 * number:.2f}"'
        shapes.append(_box("share", start, max(end - 1, start), 10, opacity))
        start = end
    return _svg(shares.words, "".join(shapes))
