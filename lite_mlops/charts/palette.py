"""The colours of charts and of the pages around them, light and dark, and what uses them.

The colours of lines are those of Okabe and Ito (2008), darkened or lightened until they have the
contrast of text; they differ for colour-blind eyes as well, and dashes tell lines apart without.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from lite_mlops.charts.picture import text

COLOURS = 6  # further lines begin again

_LIGHT = {
    "back": "#fcfcfb",
    "text": "#1b1b1f",
    "soft": "#60606a",
    "rule": "#dededf",
    "tint": "#f3f3f0",
    "accent": "#2f5d8a",
    "highlight": "#fff4cf",
    "band": "#a9c3dc",
    "faint": "#dbe5ee",
    "past": "#c3c3c9",
    "good": "#00684a",
    "warn": "#8a5a00",
    "bad": "#a8340a",
    "c0": "#0072b2",
    "c1": "#c2410c",
    "c2": "#007a5a",
    "c3": "#a83f7f",
    "c4": "#8a6d00",
    "c5": "#1b1b1f",
}
_DARK = {
    "back": "#161719",
    "text": "#e9e9ec",
    "soft": "#a0a0ab",
    "rule": "#35363c",
    "tint": "#1f2024",
    "accent": "#8fbce6",
    "highlight": "#3a3420",
    "band": "#456a8d",
    "faint": "#2a3744",
    "past": "#5a5b63",
    "good": "#5fd3ac",
    "warn": "#f2c14e",
    "bad": "#ff9d6e",
    "c0": "#56b4e9",
    "c1": "#ff9d5c",
    "c2": "#3fcf9f",
    "c3": "#e79ac4",
    "c4": "#f0e442",
    "c5": "#e9e9ec",
}
_DASHES = ("none", "7 4", "2 4", "9 3 2 3", "none", "5 5")


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


def _lines() -> str:
    return "".join(
        f".chart .line-{n}{{stroke:var(--c{n});stroke-dasharray:{_DASHES[n]}}}"
        f".chart .fill-{n}{{fill:var(--c{n})}}"
        f".chart .edge-{n}{{stroke:var(--c{n})}}\n"
        for n in range(COLOURS)
    )


def _palette(where: str) -> str:
    dark = f"@media (prefers-color-scheme: dark){{{where}{{{_variables(_DARK)}}}}}"
    return f"{where}{{{_variables(_LIGHT)}}}\n{dark}\n"


# The variables of a page.
PALETTE = _palette(":root")

# What the parts of a chart look like; it says nothing of what is outside of one.
CHART_STYLE = """.chart text{fill:var(--soft);font:11px system-ui,sans-serif}
.chart .strong{fill:var(--text)}
.chart .axes{fill:none;stroke:var(--rule)}
.chart .grid{fill:none;stroke:var(--rule);stroke-opacity:.6}
.chart .line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}
.chart .thin{stroke-width:1.2;stroke-dasharray:none;stroke-opacity:.75}
.chart .area{fill-opacity:.17}
.chart .hollow{fill:var(--back);stroke-width:1.5}
.chart .reference{fill:var(--faint)}
.chart .limit{fill:none;stroke:var(--bad);stroke-dasharray:3 3}
.chart .mark{fill:none;stroke:var(--soft);stroke-dasharray:2 3}
.chart .diagonal{fill:none;stroke:var(--soft);stroke-dasharray:4 4}
.chart .past{fill:var(--past)}
.chart .present{fill:var(--c0);fill-opacity:.85}
.chart .outer{fill:var(--faint)}.chart .inner{fill:var(--band)}
.chart .middle,.chart .share{fill:var(--accent)}
""" + _lines()

# Of a chart as `picture` writes it: what is before its view, its size, its title, and the rest.
_ROOT = re.compile(r'(<svg[^>]*) viewBox="0 0 (\S+) (\S+)"><title>(.*?)</title>(.*)', re.DOTALL)


# Notebooks have a light and a dark of their own, which goes before that of the machine.
def palette_of(kind: str) -> str:
    """Return the variables of all elements of a class, in a page of anybody or alone."""
    return (
        _palette(f".{kind}")
        + f"[data-jp-theme-light=false] .{kind},.vscode-dark .{kind}{{{_variables(_DARK)}}}\n"
        + f"[data-jp-theme-light=true] .{kind},.vscode-light .{kind}{{{_variables(_LIGHT)}}}\n"
    )


_ALONE = palette_of("chart") + CHART_STYLE
_NOTEBOOK = (
    palette_of("lite-mlops")
    + CHART_STYLE
    + """.lite-mlops .chart{height:auto;max-width:22rem;width:100%}
.lite-mlops .chart.mini{max-width:none;width:7.5rem}
.lite-mlops .charts{display:flex;flex-wrap:wrap;gap:1rem}
.lite-mlops figure{margin:0;max-width:100%;width:22rem}
.lite-mlops .good{color:var(--good)}.lite-mlops .warn{color:var(--warn)}
.lite-mlops .bad{color:var(--bad)}
.lite-mlops .good,.lite-mlops .warn,.lite-mlops .bad{font-weight:600}
"""
)


_HEADING = 24
_MOST_LETTERS = 56


def standing_alone(picture: str) -> str:
    """Return a chart that brings its style with it and shows its title, for a file or an answer."""
    found = _ROOT.match(picture)
    assert found is not None
    before, wide, tall, title, rest = found.groups()
    words = text(html.unescape(title), _MOST_LETTERS)
    width, height = float(wide), float(tall) + _HEADING
    return (
        f'{before} xmlns="http://www.w3.org/2000/svg" viewBox="0 {-_HEADING} {width:g} {height:g}">'
        f"<title>{title}</title><style>{_ALONE}</style>"
        f'<text class="strong" x="{width / 2:g}" y="{10 - _HEADING}" text-anchor="middle">{words}'
        f"</text>{rest}"
    )


def beside(pictures: Iterable[str]) -> str:
    """Return charts beside each other under their titles, for a cell of a notebook."""
    found = "".join(
        f"<figure><figcaption>{_title(one)}</figcaption>{one}</figure>" for one in pictures
    )
    return f'<div class="charts">{found}</div>' if found else ""


def _title(picture: str) -> str:
    found = _ROOT.match(picture)
    assert found is not None
    return found[4]


def in_notebook(markup: str) -> str:
    """Return HTML with charts in it together with their style, for a cell of a notebook."""
    return f'<div class="lite-mlops"><style>{_NOTEBOOK}</style>{markup}</div>'
