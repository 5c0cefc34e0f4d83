"""Curves as text: inside their room, with their extremes, and in `runs show`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lite_mlops.cli import curves
from lite_mlops.cli.curves import curve
from lite_mlops.cli.runs import MOST_CURVES
from lite_mlops.project import Project
from tests.cli.conftest import RED, Cli, logged

ROOM = st.integers(1, 100), st.integers(1, 12)
STYLES = re.compile(r"\x1b\[[0-9;]*m")


def dots(line: str, *, plain: bool) -> tuple[bool, bool]:
    """Whether a line has anything in its top and in its bottom row of dots."""
    if plain:
        return any(c in "^|" for c in line), any(c in "_|" for c in line)
    bits = 0
    for character in line:
        bits |= ord(character) - 0x2800 if 0x2800 < ord(character) <= 0x28FF else 0
    return bool(bits & 0x09), bool(bits & 0xC0)


@given(st.lists(st.floats()), *ROOM, st.booleans())
@example([1.7e308, -1.7e308], 40, 3, False)
@example([5e-324, 0.0], 9, 1, True)
@example([math.nan, 1.0, math.inf, -math.inf], 3, 2, False)
def test_a_curve_keeps_to_its_room(
    values: list[float],
    width: int,
    height: int,
    plain: bool,  # noqa: FBT001
) -> None:
    lines = curve(values, width, height, plain=plain)
    assert len(lines) == height
    assert max(map(len, lines)) <= width
    if plain:
        assert all(line.isascii() for line in lines)


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2),
    st.integers(40, 80),
    st.integers(2, 8),
    st.booleans(),
)
def test_the_extremes_are_seen_and_told(
    values: list[float],
    width: int,
    height: int,
    plain: bool,  # noqa: FBT001
) -> None:
    low, high = min(values), max(values)
    lines = curve(values, width, height, plain=plain)
    axis = "|" if plain else "┤"
    labels, drawn = zip(*(line.split(axis, 1) for line in lines), strict=True)
    if low == high:
        assert [label.strip() for label in labels if label.strip()] == [f"{low:.4g}"]
        return
    assert (labels[0].strip(), labels[-1].strip()) == (f"{high:.4g}", f"{low:.4g}")
    assert dots(drawn[0], plain=plain)[0]
    assert dots(drawn[-1], plain=plain)[1]


@pytest.mark.parametrize(
    ("values", "plain", "expected"),
    [
        (range(9), True, ["8 |      _-^", "  |   _-^", "0 |_-^"]),
        (range(8, -1, -1), True, ["8 |^-_", "  |   ^-_", "0 |      ^-_"]),
        ([3, 3, 3], True, ["  |", "3 |---------", "  |"]),
        ([2, 2], False, ["  ┤", "2 ┤⠤⠤⠤⠤⠤⠤⠤⠤⠤", "  ┤"]),
        ([1, 0, 1], False, ["1 ┤⠑⡄     ⢠⠊", "  ┤ ⠈⢆  ⢀⠔⠁", "0 ┤   ⠱⡠⠊"]),
        ([], True, ["no finite va", "", ""]),
        ([math.nan] * 9, False, ["no finite va", "", ""]),
    ],
)
def test_curves_look_like_this(values: Sequence[float], plain: bool, expected: list[str]) -> None:  # noqa: FBT001
    assert curve(values, 12, 3, plain=plain) == expected


def test_what_is_not_finite_is_a_gap() -> None:
    (line,) = curve([1.0, 1.0, math.nan, math.inf, 1.0], 13, 1, plain=True)
    assert line == "1 |---      -"


def test_steps_say_where_values_lie() -> None:
    (line,) = curve([0, math.nan, 0], 13, 1, steps=[0, 1, 10], plain=True)
    assert line == "0 |-        -"
    with pytest.raises(ValueError, match="there are 1 steps for 2 values"):
        curve([0, 1], 9, 1, steps=[0])


def test_narrow_curves_go_without_numbers() -> None:
    assert curve([0, 1], 4, 2, plain=True)[1].startswith("_")


@pytest.mark.parametrize(("width", "height"), [(0, 1), (1, 0), (-3, 2)])
def test_a_curve_without_room_is_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match=f"it has {width} x {height} characters"):
        curve([1.0], width, height)


def test_a_single_spike_is_seen() -> None:
    values = [0.0] * 5000
    values[1234] = 1.0
    top, *_, bottom = curve(values, 80, 4)
    assert dots(top, plain=False)[0]
    assert dots(bottom, plain=False)[1]


def test_what_it_is_drawn_with_is_what_is_asked_for() -> None:
    drawn = set("".join(curve([math.sin(n) for n in range(99)], 60, 5))) - set(" -.0123456789")
    assert all(0x2800 < ord(c) <= 0x28FF or c in curves.DRAWN_WITH for c in drawn)


# -- runs show -----------------------------------------------------------------------------------


def trained(project: Project, metrics: int = 1, steps: int = 100) -> str:
    with project.start_run("trained") as run:
        for step in range(steps):
            run.log_metrics({f"loss{n}": 0.97**step for n in range(metrics)}, step=step)
            run.log_metric("system/cpu", step, step=step)
    return run.id


def test_a_run_is_shown_with_its_curves(cli: Cli, project: Project) -> None:
    trained(project)
    told = cli("runs", "show", "trained").out
    curves_of = told[told.index("\ncurves\n") :].splitlines()
    assert curves_of[2] == "loss0  steps 0 to 99"
    assert curves_of[3].startswith("      1 ┤⠉")
    assert curves_of[6].startswith("0.04902 ┤ ")
    assert max(map(len, curves_of[3:7])) == 80
    assert "system/cpu  steps" not in told


def test_curves_are_left_out_where_they_are_not_wanted(cli: Cli, project: Project) -> None:
    trained(project)
    assert "curves" not in cli("runs", "show", "trained", "--no-curves").out


def test_few_points_need_no_curve(cli: Cli, project: Project) -> None:
    trained(project, steps=4)
    assert "curves" not in cli("runs", "show", "trained").out


def test_json_and_csv_have_no_curves(cli: Cli, project: Project) -> None:
    run = trained(project)
    assert json.loads(cli("runs", "show", run, "--json").out) == project.runs.get(run).to_dict()
    assert "curves" not in cli("runs", "show", run, "--csv").out


def test_many_curves_are_small_and_counted(cli: Cli, project: Project) -> None:
    trained(project, metrics=MOST_CURVES + 2)
    told = cli("runs", "show", "trained").out
    assert told.count("  steps 0 to 99\n") == MOST_CURVES
    assert "and 2 metrics more\n" in told
    assert told.count("┤") == 2 * MOST_CURVES


def test_what_is_not_finite_is_counted(cli: Cli, project: Project) -> None:
    with project.start_run("odd") as run:
        for step, value in enumerate([1.0, math.nan, 2.0, math.inf, 3.0, 4.0]):
            run.log_metric("loss", value, step=step)
        for step in range(5):
            run.log_metric("never", math.nan, step=step)
    told = cli("runs", "show", "odd").out
    assert "loss  steps 0 to 5, not finite: 2 of the 6 drawn\n" in told
    assert "never  steps 0 to 4, not finite: 5 of the 5 drawn\nno finite value\n" in told


def test_a_terminal_without_braille_gets_plain_curves(
    terminal: Callable[..., list[str]], project: Project
) -> None:
    trained(project)
    project.close()
    (told,) = terminal(("runs", "show", "trained"), PYTHONIOENCODING="ascii")
    assert told.isascii()
    assert "\n      1 |^|" in STYLES.sub("", told)


@pytest.mark.parametrize("columns", [20, 80, 120])
def test_curves_fit_into_the_terminal(
    terminal: Callable[..., list[str]], project: Project, columns: int
) -> None:
    trained(project)
    with project.start_run("long") as run:
        for step in range(9):
            run.log_metric("a/very/long/name" * 9, step % 3, step=step)
    project.close()
    for told in terminal(("runs", "show", "trained"), ("runs", "show", "long"), columns=columns):
        plain = STYLES.sub("", told)
        drawn = [line for line in plain.splitlines() if "┤" in line or "steps" in line]
        assert drawn
        assert max(map(len, drawn)) <= min(columns, max(80, columns))


def test_runs_without_curves_are_shown_as_before(cli: Cli, project: Project) -> None:
    logged(project, colour=f"{RED}red")
    assert "curves" not in cli("runs", "show", "baseline").out
