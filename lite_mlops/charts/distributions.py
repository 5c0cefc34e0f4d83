"""How values lie: the reference in grey behind the present in colour, and small ones for tables.

    pair = Pair(["up to 3", "above 3"], [0.5, 0.5], [0.2, 0.8])
    mini_pair("age", pair), pair_chart("age", pair)

Bars are shares of rows. Bins are drawn equally wide, so that long tails leave room for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lite_mlops.charts.picture import label, picture, short

_MINI_WIDTH, _MINI_HEIGHT = 120, 30
_WIDTH, _HEIGHT = 360, 150
_SMALL = (150, 14)  # of a picture in a table
_MOST_BARS = 24
_ROW = 30
_NAMES = 120


@dataclass(frozen=True)
class Pair:
    """Shares of the same bins or categories, of a reference and of the present.

    What one side does not have is 0; a whole side may be empty. Bins of numbers have `edges`, one
    more than bars, which are what stands at the axis.
    """

    names: Sequence[str]
    reference: Sequence[float]
    current: Sequence[float]
    edges: Sequence[float] = ()

    def bars(self, most: int = _MOST_BARS) -> list[tuple[str, float, float]]:
        """Return the bars, those beyond `most` put together."""
        found = list(zip(self.names, self.reference, self.current, strict=True))
        if len(found) <= most:
            return found
        rest = found[most - 1 :]
        name = f"{len(rest):,} more"
        return [
            *found[: most - 1],
            (name, sum(r for _, r, _ in rest), sum(c for _, _, c in rest)),
        ]

    @property
    def told(self) -> str:
        """The shares in words, the largest changes first."""
        changes = sorted(self.bars(), key=lambda bar: -abs(bar[2] - bar[1]))[:3]
        return ", ".join(f"{name} {old:.1%} -> {new:.1%}" for name, old, new in changes)


def _heights(bars: Sequence[tuple[str, float, float]]) -> float:
    return max((share for _, *sides in bars for share in sides), default=0.0) or 1.0


def _bar(x: float, width: float, tall: float, floor: float) -> str:
    """Return a bar as a part of a path, which is shorter than an element; nothing of no height."""
    return f"M{x:.1f} {floor:g}v-{max(tall, 0.6):.1f}h{width:.1f}V{floor:g}z" if tall else ""


def _columns(
    bars: Sequence[tuple[str, float, float]], left: float, right: float, floor: float, tall: float
) -> str:
    """Return upright bars: grey ones, and narrower ones in colour before them."""
    wide = (right - left) / max(len(bars), 1)
    scale = tall / _heights(bars)
    old, new = "", ""
    for place, (_, before, now) in enumerate(bars):
        x = left + place * wide
        old += _bar(x, max(wide - 1, 0.5), before * scale, floor)
        new += _bar(x + wide * 0.25, max(wide * 0.5 - 1, 0.5), now * scale, floor)
    return f'<path class="past" d="{old}"/><path class="present" d="{new}"/>'


def mini_pair(title: str, pair: Pair) -> str:
    """Return both sides as a picture for a table."""
    floor = _MINI_HEIGHT - 1
    shapes = _columns(pair.bars(), 0, _MINI_WIDTH, floor, _MINI_HEIGHT - 3)
    base = f'<path class="axes" d="M0 {floor}H{_MINI_WIDTH}"/>'
    return picture(f"{title}: {pair.told}", _MINI_WIDTH, _MINI_HEIGHT, (base, shapes), kind="mini")


def _legend(x: float) -> str:
    return (
        f'<rect class="past" x="{x}" y="3" width="10" height="10"/>'
        f"{label(x + 14, 12, 'reference', 'start')}"
        f'<rect class="present" x="{x + 80}" y="3" width="10" height="10"/>'
        f"{label(x + 94, 12, 'present', 'start')}"
    )


def pair_chart(title: str, pair: Pair) -> str:
    """Return numbers of both sides by their bins."""
    bars = pair.bars()
    floor = _HEIGHT - 20
    wide = (_WIDTH - 10) / max(len(bars), 1)
    parts = [_legend(5), _columns(bars, 5, _WIDTH - 5, floor, floor - 22)]
    parts.append(f'<path class="axes" d="M5 {floor}H{_WIDTH - 5}"/>')
    if len(pair.edges) == len(bars) + 1:
        places, names, across = range(len(pair.edges)), [*map(short, pair.edges)], 0.0
    else:
        places, names, across = range(len(bars)), [name for name, *_ in bars], 0.5
    for place in {0, len(names) // 2, len(names) - 1} & set(places):
        anchor = "start" if place == 0 else "end" if place == len(names) - 1 else "middle"
        at = {"start": 5.0, "end": _WIDTH - 5.0}.get(anchor, 5 + (place + across) * wide)
        parts.append(label(at, _HEIGHT - 5, names[place], anchor, longest=22))
    return picture(title, _WIDTH, _HEIGHT, parts, told=pair.told)


def category_chart(title: str, pair: Pair, *, most: int = 10) -> str:
    """Return categories of both sides as bars that lie under each other."""
    bars = pair.bars(most)
    longest = _heights(bars)
    room = _WIDTH - _NAMES - 60
    parts = [_legend(_NAMES)]
    for place, (name, old, new) in enumerate(bars):
        top = 20 + place * _ROW
        parts.append(label(_NAMES - 6, top + 16, name, "end", longest=18))
        for kind, share, y in (("past", old, top), ("present", new, top + 12)):
            wide = max(share / longest * room, 0.8 if share else 0)
            parts.append(
                f'<rect class="{kind}" x="{_NAMES}" y="{y}" width="{wide:.1f}" height="11"/>'
            )
            parts.append(label(_NAMES + wide + 4, y + 9.5, f"{share:.1%}", "start"))
    return picture(title, _WIDTH, 20 + max(len(bars), 1) * _ROW, parts, told=pair.told)


# -- one side alone ------------------------------------------------------------------------------


def _box(kind: str, start: float, end: float, height: int, more: str = "") -> str:
    up = (_SMALL[1] - height) / 2
    return (
        f'<rect class="{kind}" x="{start:.1f}" y="{up:g}" width="{max(end - start, 1.5):.1f}" '
        f'height="{height}" rx="1"{more}/>'
    )


def spread(title: str, quantiles: Sequence[float]) -> str:
    """Return a line over a range, with bands of the middle 90 and 50 % and the median.

    The quantiles at 5, 25, 50, 75 and 95 % are places from 0 to 1 of the range.
    """
    width, height = _SMALL
    low, first, median, third, high = (at * (width - 1.5) for at in quantiles)
    shapes = f'<path class="axes" d="M0 {height / 2:g}H{width}"/>'
    shapes += _box("outer", low, high, 6) + _box("inner", first, third, 10)
    shapes += _box("middle", median, median, height)
    return picture(title, width, height, (shapes,), kind="mini")


def shares(title: str, parts: Sequence[float]) -> str:
    """Return shares of a whole side by side, each fainter than the one before."""
    width, height = _SMALL
    start, shapes = 0.0, []
    for number, share in enumerate(parts):
        end = start + share * width
        opacity = f' opacity="{max(0.85**number * 0.9 - 0.06 * number, 0.1):.2f}"'
        shapes.append(_box("share", start, max(end - 1, start), 10, opacity))
        start = end
    return picture(title, width, height, shapes, kind="mini")
