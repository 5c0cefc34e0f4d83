"""Lines over steps or times: gaps, intervals, hollow points, a band to compare with, marks.

    line_chart("loss", [Line("baseline", steps, values), None, Line("deeper", steps, values)])
    line_chart("accuracy", [Line("realised", days, found, low, high, provisional)],
               x=None, band=Band(0.83, 0.85), marks=[Mark(day, "churn/4")], below=Below(coverage))

The first line has the first colour and so on; one that is None keeps its colour for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite

from lite_mlops.charts.palette import COLOURS
from lite_mlops.charts.picture import (
    Number,
    Scale,
    known,
    label,
    moments,
    picture,
    range_of,
    short,
    text,
    ticks,
)

WIDTH, HEIGHT = 360, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 10, 10, 22  # room for the numbers
_STRIP = 26  # height of the bars below
_LEGEND = 18  # height of a line of the legend
_MOST_DOTS = 60
_LETTER = 6.1  # mean width of a letter


@dataclass(frozen=True)
class Line:
    """The points of a line, and if they are known its intervals and which are provisional.

    What is None or not finite is a gap. Points are marked if there are few of them and they have
    intervals, which are strokes through them, or with `shaded` an area.
    """

    name: str
    xs: Sequence[float]
    ys: Sequence[Number]
    low: Sequence[Number] = ()
    high: Sequence[Number] = ()
    hollow: Sequence[bool] = ()
    shaded: bool = False

    @property
    def reach(self) -> list[float]:
        """The numbers that an axis has to hold: not the wide intervals of provisional points."""
        hollow = self.hollow or [False] * len(self.ys)
        sides = (
            limit
            for side in (self.low, self.high)
            for limit, open_ in zip(side, hollow, strict=False)
            if not open_
        )
        return known((*self.ys, *sides))

    @property
    def told(self) -> str:
        """The line in words."""
        numbers = known(self.ys)
        if not numbers:
            return f"{self.name}: no finite value"
        return (
            f"{self.name}: starts at {short(numbers[0])}, ends at {short(numbers[-1])}, "
            f"lowest {short(min(numbers))}, highest {short(max(numbers))}"
        )


@dataclass(frozen=True)
class Mark:
    """Something that happened at a place of the axis."""

    x: float
    name: str


@dataclass(frozen=True)
class Band:
    """A range to compare with, drawn behind the lines."""

    low: float
    high: float
    name: str = "reference"


@dataclass(frozen=True)
class Limit:
    """A value that matters, drawn as a dashed line."""

    at: float
    name: str = "limit"


@dataclass(frozen=True)
class Below:
    """Shares from 0 to 1 as bars below the lines, one for each point of the first line."""

    shares: Sequence[Number]
    name: str = "labelled"


@dataclass(frozen=True)
class _Frame:
    """Where things are: the scales of both axes, and the height of what is above and below."""

    x: Scale
    y: Scale
    height: float

    @property
    def floor(self) -> float:
        return self.y.start


def key(number: int) -> str:
    """Return a sample of a line, to stand before its name."""
    return (
        '<svg class="chart key" viewBox="0 0 36 10" aria-hidden="true">'
        f'<path class="line line-{number % COLOURS}" d="M2 5H34"/></svg>'
    )


def _path(points: Sequence[tuple[float, Number]]) -> str:
    """Return the path through points; one that stands alone becomes a dot."""
    parts: list[str] = []
    apart = True
    for across, up in points:
        if up is None:
            apart = True
            continue
        parts.append(f"M{across:.1f} {up:.1f}h0" if apart else f"L{across:.1f} {up:.1f}")
        apart = False
    return "".join(parts)


def _placed(values: Sequence[Number], scale: Scale) -> list[Number]:
    return [scale(one) if one is not None and isfinite(one) else None for one in values]


def _intervals(line: Line, number: int, frame: _Frame) -> Iterator[str]:
    """Return each interval as a stroke through its point."""
    lows, highs = (
        [None if up is None else min(max(up, frame.y.end), frame.floor) for up in side]
        for side in (_placed(line.low, frame.y), _placed(line.high, frame.y))
    )
    if line.shaded:
        sides = zip(map(frame.x, line.xs), lows, highs, strict=False)
        yield from _areas(list(sides), number)
        return
    strokes = [
        f"M{frame.x(x):.1f} {low:.1f}V{high:.1f}"
        for x, low, high in zip(line.xs, lows, highs, strict=False)
        if low is not None and high is not None
    ]
    if strokes:
        yield f'<path class="line thin line-{number}" d="{"".join(strokes)}"/>'


def _areas(sides: Sequence[tuple[float, Number, Number]], number: int) -> Iterator[str]:
    """Return an area for each run of known intervals; one that stands alone is a thin one."""
    for known_ones, run in groupby(sides, lambda side: None not in side):
        points = list(run) if known_ones else []
        if len(points) == 1:
            points = [(points[0][0] - 1.5, *points[0][1:]), (points[0][0] + 1.5, *points[0][1:])]
        there = [f"{x:.1f} {low:.1f}" for x, low, _ in points]
        back = [f"{x:.1f} {high:.1f}" for x, _, high in reversed(points)]
        if points:
            yield f'<path class="area fill-{number}" d="M{"L".join(there + back)}Z"/>'


def _dots(line: Line, number: int, points: Sequence[tuple[float, Number]]) -> Iterator[str]:
    hollow = line.hollow or [False] * len(points)
    if len(points) > _MOST_DOTS or line.shaded or not (line.hollow or line.low):
        return
    for (x, y), open_, value in zip(points, hollow, line.ys, strict=True):
        if y is not None:
            kind = f"hollow edge-{number}" if open_ else f"fill-{number}"
            size = 3 if open_ else 2.4
            title = f"<title>{text(f'{line.name} {short(value or 0.0)}')}</title>"
            yield f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{size}">{title}</circle>'


def _drawn(lines: Sequence[Line | None], frame: _Frame) -> Iterator[str]:
    for place, line in enumerate(lines):
        if line is None:
            continue
        number = place % COLOURS
        ups = _placed(line.ys, frame.y)
        points = [(frame.x(x), y) for x, y in zip(line.xs, ups, strict=True)]
        yield from _intervals(line, number, frame)
        yield f'<path class="line line-{number}" d="{_path(points)}"/>'
        yield from _dots(line, number, points)


def _axes(x_name: str | None, frame: _Frame, marks: Sequence[float]) -> Iterator[str]:
    x, left, right = frame.x, frame.x.start, frame.x.end
    for number in marks:
        up = frame.y(number)
        yield f'<path class="grid" d="M{left} {up:.1f}H{right}"/>'
        yield label(left - 6, up + 4, short(number), "end")
    yield f'<path class="axes" d="M{left} {frame.y.end}V{frame.floor}H{right}"/>'
    foot = frame.height - 6
    if x_name is None:
        for place, (at, words) in enumerate(told := moments(x.low, x.high)):
            anchor = "start" if place == 0 else "end" if place == len(told) - 1 else "middle"
            yield label(x(at), foot, words, anchor if len(told) > 1 else "middle")
        return
    if x.low < x.high:
        yield label(left, foot, short(x.low), "start")
    yield label(right, foot, short(x.high), "end")
    yield label((left + right) / 2, foot, x_name, longest=30)


def _bars(below: Below, xs: Sequence[float], frame: _Frame) -> str:
    """Return bars from 0 to 1 between the lines and the axis of times."""
    floor = frame.floor + 8 + _STRIP
    width = min(14.0, 0.7 * (frame.x.end - frame.x.start) / max(len(xs), 1))
    bars = []
    for x, share in zip(xs, below.shares, strict=True):
        if share is not None:
            tall = max(share * _STRIP, 0.8)
            bars.append(
                f'<rect class="past" x="{frame.x(x) - width / 2:.1f}" y="{floor - tall:.1f}" '
                f'width="{width:.1f}" height="{tall:.1f}"><title>{share:.0%}</title></rect>'
            )
    return label(frame.x.start - 6, floor - 2, below.name, "end", longest=9) + "".join(bars)


def _legend(entries: Sequence[tuple[str, str]]) -> tuple[list[str], float]:
    """Return samples with their names, and the height of the lines that they take."""
    parts, x, y = [], float(_LEFT), 10.0
    for sample, name in entries:
        words = text(name, 34)
        wide = 34 + _LETTER * min(len(name), 34)
        if x > _LEFT and x + wide > WIDTH:
            x, y = float(_LEFT), y + _LEGEND
        parts.append(f'<g transform="translate({x:.0f} {y:.0f})">{sample}')
        parts.append(f'<text x="24" y="4">{words}</text></g>')
        x += wide
    return parts, y + _LEGEND - 4 if entries else 0.0


def _entries(
    lines: Sequence[Line | None], band: Band | None, limit: Limit | None, marks: Sequence[Mark]
) -> Iterator[tuple[str, str]]:
    for place, line in enumerate(lines):
        if line is not None:
            yield f'<path class="line line-{place % COLOURS}" d="M0 0H18"/>', line.name
    if any(any(line.hollow) for line in lines if line is not None):
        yield '<circle class="hollow edge-0" cx="9" cy="0" r="3"/>', "provisional"
    if band is not None:
        yield '<rect class="reference" x="0" y="-5" width="18" height="10"/>', band.name
    if limit is not None:
        yield '<path class="limit" d="M0 0H18"/>', limit.name
    if marks:
        yield '<path class="mark" d="M9 -6V6"/>', "new version"


def _marked(marks: Sequence[Mark], frame: _Frame) -> Iterator[str]:
    for mark in marks:
        if frame.x.low <= mark.x <= frame.x.high:
            x = frame.x(mark.x)
            anchor = "end" if x > (frame.x.start + frame.x.end) / 2 else "start"
            beside = -3 if anchor == "end" else 3
            yield f'<path class="mark" d="M{x:.1f} {frame.y.end}V{frame.floor}"/>'
            yield label(x + beside, frame.y.end + 9, mark.name, anchor, longest=16)


def _behind(band: Band | None, frame: _Frame) -> Iterator[str]:
    if band is not None:
        top, bottom = frame.y(max(band.low, band.high)), frame.y(min(band.low, band.high))
        yield (
            f'<rect class="reference" x="{_LEFT}" y="{top:.1f}" '
            f'width="{WIDTH - _RIGHT - _LEFT}" height="{max(bottom - top, 1):.1f}"/>'
        )


def line_chart(
    title: str,
    lines: Sequence[Line | None],
    *,
    x: str | None = "step",
    band: Band | None = None,
    limit: Limit | None = None,
    marks: Sequence[Mark] = (),
    below: Below | None = None,
    legend: bool = False,
    from_zero: bool = False,
) -> str:
    """Return lines as an `svg` element with title and description; at least one is not None.

    `x` is what the axis across is; None: times, as seconds since 1970. With `legend` the names
    stand above the lines; with `from_zero` the upright axis has a zero.
    """
    drawn = [line for line in lines if line is not None]
    numbers = [number for line in drawn for number in line.reach]
    numbers += [] if band is None else [band.low, band.high]
    numbers += [] if limit is None else [limit.at]
    round_ones = ticks(*range_of([*numbers, 0.0] if from_zero else numbers))
    told, above = _legend(list(_entries(lines, band, limit, marks))) if legend else ([], 0.0)
    # Windows with bars reach half of their width beyond the middle of the first and of the last.
    framed = drawn[:1] if below else drawn
    first, last = range_of([float(at) for line in framed for at in line.xs])
    beside = (last - first) / max(len(drawn[0].xs) - 1, 1) / 2 if below else 0.0
    frame = _Frame(
        Scale(first - beside, last + beside, _LEFT, WIDTH - _RIGHT),
        Scale(round_ones[0], round_ones[-1], HEIGHT + above - _BOTTOM, _TOP + above),
        HEIGHT + above + (_STRIP + 8 if below else 0),
    )
    parts = [*told, *_behind(band, frame), *_axes(x, frame, round_ones)]
    if limit is not None:
        up = frame.y(limit.at)
        parts.append(f'<path class="limit" d="M{_LEFT} {up:.1f}H{WIDTH - _RIGHT}"/>')
    parts += _marked(marks, frame)
    if below is not None:
        parts.append(_bars(below, drawn[0].xs, frame))
    parts += _drawn(lines, frame)
    return picture(title, WIDTH, frame.height, parts, told="; ".join(one.told for one in drawn))


def point_chart(title: str, lines: Sequence[Line], *, x: str, y: str) -> str:
    """Return points that no line connects."""
    numbers = [ticks(*range_of(known(v for line in lines for v in line.ys)))]
    frame = _Frame(
        Scale(*range_of(known(v for line in lines for v in line.xs)), _LEFT, WIDTH - _RIGHT),
        Scale(numbers[0][0], numbers[0][-1], HEIGHT - _BOTTOM, _TOP),
        HEIGHT,
    )
    parts = list(_axes(x, frame, numbers[0]))
    for place, line in enumerate(lines):
        ups = _placed(line.ys, frame.y)
        dots = "".join(
            f'<circle cx="{frame.x(across):.1f}" cy="{up:.1f}" r="2"/>'
            for across, up in zip(line.xs, ups, strict=True)
            if up is not None
        )
        parts.append(f'<g class="fill-{place % COLOURS}">{dots}</g>')
    return picture(f"{title}: {y}", WIDTH, HEIGHT, parts, told="; ".join(o.told for o in lines))
