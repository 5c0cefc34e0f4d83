"""Charts: valid SVG inside of its frame, escaped, with gaps, intervals and words for values."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.charts import (
    CHART_STYLE,
    COLOURS,
    PALETTE,
    Band,
    Below,
    Estimate,
    Limit,
    Line,
    Mark,
    Pair,
    Reliability,
    bar_chart,
    beside,
    category_chart,
    estimate_chart,
    in_notebook,
    key,
    line_chart,
    matrix_chart,
    mini_pair,
    pair_chart,
    point_chart,
    reliability_diagram,
    shares,
    spark_words,
    sparkline,
    spread,
    standing_alone,
)
from lite_mlops.charts.picture import moments, short, ticks

HOSTILE = "</title><script>alert(1)</script>\"'&\x1b[31m\u202e"
DAY = 86_400.0

numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.one_of(st.none(), st.floats())
unit = st.floats(0, 1)
texts = st.text(st.characters(exclude_categories=["Cs"]))


def read(picture: str) -> ET.Element:
    """The element of a picture, which has a title and lies inside of its frame."""
    root = ET.fromstring(picture)  # noqa: S314
    assert root.attrib["role"] == "img"
    assert root[0].tag.endswith("title")
    for one in root.iter():
        placed = " ".join(one.attrib.get(name, "") for name in ("d", "x", "y", "width", "height"))
        assert "nan" not in placed
        assert "inf" not in placed
    _, top, width, height = map(float, root.attrib["viewBox"].split())
    moved = {id(one) for group in root.iter() if "transform" in group.attrib for one in group}
    for one in root.iter():
        if id(one) in moved:
            continue
        for name, most in (("x", width), ("y", height), ("cx", width), ("cy", height)):
            if name in one.attrib:
                assert top - 1 <= float(one.attrib[name]) <= most + 1
    return root


def texts_of(root: ET.Element) -> list[str]:
    return [one.text or "" for one in root.iter() if one.tag.endswith("text")]


def by_class(root: ET.Element, kind: str) -> list[dict[str, str]]:
    return [one.attrib for one in root.iter() if one.attrib.get("class") == kind]


def everything(words: str, ys: Sequence[float | None]) -> list[str]:
    """A chart of each kind with these words and values."""
    xs = [float(place) for place in range(len(ys))]
    known = [y for y in ys if y is not None and math.isfinite(y)]
    parts = [1 / len(ys)] * len(ys)
    line = Line(words, xs, ys, ys, list(reversed(ys)), [y is None for y in ys])
    return [
        line_chart(words, [None, line], x=words, legend=True, limit=Limit(0.0, words)),
        line_chart(
            words,
            [line, Line(words, xs, ys, ys, ys, shaded=True)],
            x=None,
            band=Band(-1.0, 1.0, words),
            marks=[Mark(xs[-1], words)],
            below=Below(parts, words),
            legend=True,
            from_zero=True,
        ),
        point_chart(words, [line], x=words, y=words),
        bar_chart(words, [(words, y) for y in known]),
        matrix_chart(words, [words], [words] * len(ys), [[3] * len(ys)], sides=(words, words)),
        estimate_chart(words, [Estimate(words, y, y, y, words) for y in ys], against=0.5),
        sparkline(words, ys, limit=1.0),
        pair_chart(words, Pair([words] * len(ys), parts, parts)),
        mini_pair(words, Pair([words] * len(ys), parts, parts)),
        category_chart(words, Pair([words] * len(ys), parts, parts)),
        reliability_diagram(words, [Reliability(part, part, part, part, 9) for part in parts]),
        spread(words, [0.0, 0.2, 0.5, 0.9, 1.0]),
        shares(words, parts),
    ]


@given(texts, st.lists(values, min_size=1, max_size=30))
def test_whatever_is_drawn_is_valid_svg_inside_of_its_frame(
    words: str, ys: list[float | None]
) -> None:
    for picture in everything(words, ys):
        read(picture)
        read(standing_alone(picture))


def test_no_word_is_markup() -> None:
    for picture in everything(HOSTILE, [1.0, 2.0]):
        root = read(picture)
        assert not [one for one in root.iter() if one.tag.endswith("script")]
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", picture)


# -- lines --------------------------------------------------------------------------------------


def test_lines_keep_the_colours_of_their_places() -> None:
    lines = [None, *[Line(str(n), [0, 1], [n, n]) for n in range(COLOURS)]]
    root = read(line_chart("x", lines))
    drawn = [one.attrib["class"] for one in root.iter() if "line-" in one.attrib.get("class", "")]
    assert drawn == [f"line line-{place % COLOURS}" for place in range(1, COLOURS + 1)]
    assert "line line-1" in key(COLOURS + 1)


def test_intervals_are_strokes_and_provisional_points_are_hollow() -> None:
    ys, low, high = [0.5, None, 0.7], [0.4, None, 0.6], [0.6, None, 0.8]
    line = Line("accuracy", [0, 1, 2], ys, low, high, [False, False, True])
    root = read(line_chart("accuracy", [line], legend=True))
    (strokes,) = by_class(root, "line thin line-0")
    assert strokes["d"].count("M") == strokes["d"].count("V") == 2
    dots = [one.attrib["class"] for one in root.iter() if one.tag.endswith("circle")]
    assert dots == ["hollow edge-0", "fill-0", "hollow edge-0"]  # the first is of the legend
    assert "provisional" in texts_of(root)
    (points,) = by_class(root, "line line-0")[-1:]
    assert points["d"].count("M") == 2  # there is a gap


def test_a_shaded_interval_is_an_area_for_each_part_without_a_gap() -> None:
    ys = [1.0, 2.0, None, 3.0]
    root = read(line_chart("x", [Line("x", range(4), ys, ys, ys, shaded=True)]))
    assert [area["d"].count("L") for area in by_class(root, "area fill-0")] == [3, 3]
    assert not [one for one in root.iter() if one.tag.endswith("circle")]


def test_what_is_behind_and_below_the_lines() -> None:
    line = Line("x", [0.0, DAY, 2 * DAY], [1.0, 2.0, 3.0])
    picture = line_chart(
        "x",
        [line],
        x=None,
        band=Band(1.5, 2.5),
        limit=Limit(2.8, "most"),
        marks=[Mark(DAY, "churn/4"), Mark(-DAY, "before all of it")],
        below=Below([0.1, None, 1.0]),
    )
    root = read(picture)
    assert len(by_class(root, "reference")) == len(by_class(root, "limit")) == 1
    assert len(by_class(root, "past")) == 2
    assert {"churn/4", "labelled"} <= set(texts_of(root))
    assert "before all of it" not in picture
    # The axis reaches half a window beyond the first and the last middle of one.
    assert [words for words in texts_of(root) if words[:2] in ("12", "01")] == [
        *("12-31", "01-01", "01-02", "01-03"),
    ]


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        (0.0, 0.0, ["00:00:00"]),
        (0.0, 60.0, ["00:00:00", "00:00:30", "00:01:00"]),
        (0.0, 6 * 3600.0, ["01-01 00:00", "01-01 03:00", "01-01 06:00"]),
        (0.0, 6 * DAY, ["01-01", "01-03", "01-05", "01-07"]),
        (0.0, 900 * DAY, ["1970-01-01", "1971-03-27", "1972-06-19"]),
    ],
)
def test_times_are_written_as_short_as_they_can_be(
    first: float, last: float, told: list[str]
) -> None:
    assert [words for _, words in moments(first, last)] == told


@given(numbers, numbers)
def test_round_numbers_enclose_a_range(one: float, other: float) -> None:
    low, high = sorted((one, other))
    found = ticks(low, high)
    slack = 1e-6 * (high - low) if math.isfinite(high - low) else 0.0
    assert found == sorted(found)
    assert found[0] <= low + slack
    assert found[-1] >= high - slack
    assert 1 <= len(found) <= 7


def test_numbers_at_an_axis_are_short() -> None:
    told = {0.25: "0.25", -9999.0: "-9999", 25_000.0: "25k", -1.5e6: "-1.5M", 2e9: "2G"}
    assert {number: short(number) for number in told} == told
    assert short(1e300) == "1e+300"


def test_numbers_at_an_axis_are_round() -> None:
    assert ticks(0.03, 1.1) == [0, 0.5, 1, 1.5]
    assert ticks(0.81, 0.89) == pytest.approx([0.8, 0.85, 0.9])
    assert ticks(-3.0, 700.0) == [-250, 0, 250, 500, 750]
    assert ticks(2.0, 2.0) == [2.0]


# -- distributions ------------------------------------------------------------------------------


def test_two_sides_share_their_scale() -> None:
    root = read(mini_pair("age", Pair(["low", "high"], [0.5, 0.5], [0.0, 1.0])))
    heights = {
        kind: [float(tall) for tall in re.findall(r"v-([\d.]+)", one["d"])]
        for kind in ("past", "present")
        for one in by_class(root, kind)
    }
    assert heights["past"] == pytest.approx([heights["present"][0] / 2] * 2, abs=0.1)
    assert len(heights["present"]) == 1  # there is no bar of nothing


def test_the_largest_changes_are_told_in_words() -> None:
    pair = Pair(["a", "b", "c", "d"], [0.4, 0.3, 0.2, 0.1], [0.4, 0.1, 0.2, 0.3])
    assert pair.told == "b 30.0% -> 10.0%, d 10.0% -> 30.0%, a 40.0% -> 40.0%"
    title = read(mini_pair("plan", pair))[0].text
    assert title == f"plan: {pair.told}"


def test_categories_beyond_a_bound_are_put_together() -> None:
    pair = Pair([f"c{n}" for n in range(40)], [1 / 40] * 40, [1 / 40] * 40)
    shown = texts_of(read(category_chart("city", pair)))
    assert "31 more" in shown
    assert shown.count("77.5%") == 2
    assert len(pair.bars()) == 24


def test_edges_of_bins_stand_at_the_axis() -> None:
    pair = Pair(["", ""], [0.5, 0.5], [0.1, 0.9], edges=[-1.5, 0.0, 40.0])
    assert {"-1.5", "0", "40"} <= set(texts_of(read(pair_chart("age", pair))))


# -- others -------------------------------------------------------------------------------------


def test_a_small_line_tells_its_last_values() -> None:
    assert read(sparkline("effect", [None, 0.25, 1.5]))[0].text == "effect: 0.25, 1.5"
    assert read(sparkline("effect", [None, math.nan]))[0].text == "effect: no value"
    root = read(sparkline("effect", [0.2, None, 1.5, 2.0], marked=[False, True, True]))
    assert len([one for one in root.iter() if one.tag.endswith("circle")]) == 1
    assert spark_words([0.0, 0.5, None, 1.0]) == "▁▅ █ 1"
    root = read(sparkline("effect", [0.2, None, 1.5, 2.0], marked=[False, True, True]))
    assert len([one for one in root.iter() if one.tag.endswith("circle")]) == 1
    assert spark_words([None]) == "no value"


def test_a_matrix_tells_its_counts_in_words() -> None:
    root = read(matrix_chart("m", ["no", "yes"], ["no", "yes"], [[9, 1], [2, 8]]))
    assert root[1].text == "no: no 9, yes 1; yes: no 2, yes 8"
    assert {"9", "1", "2", "8", "true", "predicted"} <= set(texts_of(root))


def test_bars_below_zero_have_another_colour() -> None:
    root = read(bar_chart("b", [("a", 2.0), ("b", -1.0)]))
    widths = [float(one.attrib["width"]) for one in root.iter() if one.tag.endswith("rect")]
    assert widths == pytest.approx([widths[0], widths[0] / 2])
    assert len(by_class(root, "fill-1")) == 1


def test_an_estimate_without_a_value_is_told() -> None:
    root = read(estimate_chart("e", [Estimate("f", 0.5, 0.4, 0.6, "9 rows"), Estimate("m", None)]))
    assert root[1].text == "f: 0.5 (0.4 to 0.6), 9 rows; m: not known"


# -- style --------------------------------------------------------------------------------------


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
def test_lines_and_texts_have_the_contrast_of_text(scheme: int) -> None:
    palettes = re.findall(r":root\{([^}]*)\}", PALETTE)
    assert len(palettes) == 2
    colours = dict(re.findall(r"--(\w+):(#\w+)", palettes[scheme]))
    for name in ("text", "soft", "accent", "good", "warn", "bad", *(f"c{n}" for n in range(6))):
        assert _contrast(colours[name], colours["back"]) >= 4.5, name
    assert _contrast(colours["text"], colours["highlight"]) >= 4.5


def test_the_style_of_a_chart_says_nothing_of_what_is_outside() -> None:
    for rule in re.findall(r"([^{}]+)\{", CHART_STYLE):
        assert all(one.strip().startswith(".chart") for one in rule.split(","))
    in_cell = in_notebook(beside([sparkline("a < b", [1.0])]))
    assert in_cell.count("<figcaption>a &lt; b: 1</figcaption><svg") == 1
    for rule in re.findall(r"^([^{}@\n]+)\{", in_cell.partition("</style>")[0], re.MULTILINE)[1:]:
        assert ".chart" in rule or ".lite-mlops" in rule
    assert beside([]) == ""


def test_a_picture_that_stands_alone_brings_its_style_and_shows_its_title() -> None:
    alone = read(standing_alone(line_chart("a < b", [Line("x", [0, 1], [0, 1])])))
    assert [one for one in alone.iter() if one.tag.endswith("style")]
    assert texts_of(alone)[0] == "a < b"
    assert alone.tag == "{http://www.w3.org/2000/svg}svg"


def test_charts_need_no_numpy() -> None:
    code = "import lite_mlops.charts, lite_mlops.documents, sys; print('numpy' in sys.modules)"
    done: Any = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"
