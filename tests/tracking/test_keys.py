"""What may be logged under which name, and what is said about everything else."""

from __future__ import annotations

import ntpath
import posixpath
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.store import as_datetime
from lite_mlops.tracking.keys import (
    checked_name,
    checked_path,
    checked_step,
    checked_text,
    checked_time,
    checked_value,
    shown,
)

# Control characters, halves of characters, line separators.
NOT_IN_NAMES: tuple[Literal["Cc", "Cs", "Zl", "Zp"], ...] = ("Cc", "Cs", "Zl", "Zp")


def test_a_value_is_shown_as_its_repr() -> None:
    assert shown("a\nb") == r"'a\nb'"


def test_a_long_value_is_shown_shortened_with_its_length() -> None:
    assert shown("x" * 5_000) == "'" + "x" * 59 + "... (5,002 characters)"


# -- names ---------------------------------------------------------------------------------------

names = st.text(st.characters(exclude_categories=NOT_IN_NAMES), min_size=1, max_size=250)


@given(names.filter(str.strip))
@example("val/übung ☂ 😀 \"quoted\" \\ 'x'")
@example("x" * 250)
def test_any_text_without_control_characters_is_a_name(name: str) -> None:
    assert checked_name(name, "metric name") == name


@given(st.text(max_size=300) | st.binary() | st.none() | st.integers() | st.lists(st.text()))
@example("x" * 251)
def test_everything_else_is_not_a_name(name: object) -> None:
    good = (
        isinstance(name, str)
        and bool(name.strip())
        and len(name) <= 250
        and not any(unicodedata.category(character) in NOT_IN_NAMES for character in name)
    )
    if good:
        assert checked_name(name, "tag name") == name
    else:
        with pytest.raises(Invalid, match=r"^tag name "):
            checked_name(name, "tag name")


@given(names.filter(str.strip), st.characters(categories=NOT_IN_NAMES), st.integers(0, 250))
def test_a_control_character_is_refused_wherever_it_stands(name: str, bad: str, at: int) -> None:
    at = min(at, len(name[:249]))
    text = name[:at] + bad + name[at:249]
    with pytest.raises(Invalid, match="contains the control character") as error:
        checked_name(text, "param name")
    assert f"{bad!r} at position {at + 1}." in str(error.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (5, "metric name is a text; 5 is a int."),
        (None, "metric name is a text; None is a NoneType."),
        ("", "metric name is empty."),
        (" \t ", "metric name is empty."),
        (
            "x" * 251,
            f"metric name {shown('x' * 251)} is too long: 251 characters, at most 250.",
        ),
        (
            "a\nb",
            (
                r"metric name 'a\nb' contains the control character '\n' at position 2. Names are "
                "text without control characters."
            ),
        ),
    ],
)
def test_a_refused_name_is_told_with_the_reason(name: object, text: str) -> None:
    with pytest.raises(Invalid) as error:
        checked_name(name, "metric name")
    assert str(error.value) == text


# -- texts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\nb", "a\nb"), (0.1, "0.1"), (None, "None"), ([1, 2], "[1, 2]"), ("\ud800x", "\ufffdx")],
)
def test_any_value_becomes_a_text(value: object, text: str) -> None:
    assert checked_text(value, "param 'a'", 10) == text


def test_a_text_may_be_as_long_as_the_limit() -> None:
    assert checked_text("x" * 10, "param 'a'", 10) == "x" * 10


def test_a_longer_text_is_refused_with_what_to_do() -> None:
    with pytest.raises(Invalid) as error:
        checked_text("x" * 6_001, "param 'a'", 6_000)
    assert str(error.value) == (
        "param 'a' is too long: 6,001 characters, at most 6,000 are kept. Log long texts as an "
        "artifact: log_text(text, 'name.txt')."
    )


# -- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [2, True, Decimal("0.5"), Fraction(1, 3), np.float32(0.1), np.int8(3), np.array(1.5)],
    ids=repr,
)
def test_every_kind_of_number_is_a_value(value: Any) -> None:
    checked = checked_value("loss", value)
    assert type(checked) is float
    assert checked == float(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1", "metric 'loss' needs a number; '1' is a str. Texts belong into params or tags."),
        (b"1", "metric 'loss' needs a number; b'1' is a bytes. Texts belong into params or tags."),
        (
            None,
            "metric 'loss' needs a number; None is a NoneType. Texts belong into params or tags.",
        ),
        (1j, "metric 'loss' needs a number; 1j is a complex. Texts belong into params or tags."),
    ],
)
def test_what_is_not_a_number_is_refused(value: object, text: str) -> None:
    with pytest.raises(Invalid) as error:
        checked_value("loss", value)
    assert str(error.value) == text


@pytest.mark.parametrize("value", [np.array([1.0, 2.0]), 10**400], ids=str)
def test_what_is_not_one_number_is_refused(value: object) -> None:
    with pytest.raises(Invalid, match=r"^metric 'loss' needs one number; ") as error:
        checked_value("loss", value)
    assert shown(value) in str(error.value)


# -- steps ---------------------------------------------------------------------------------------


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_whole_number_of_64_bits_is_a_step(step: int) -> None:
    assert checked_step("loss", step) == step


@pytest.mark.parametrize("step", [np.int64(7), np.uint8(7), np.array(7)], ids=repr)
def test_whole_numbers_of_numpy_are_steps(step: Any) -> None:
    checked = checked_step("loss", step)
    assert type(checked) is int
    assert checked == 7


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (1.0, "the step of metric 'loss' is a whole number; 1.0 is not."),
        ("3", "the step of metric 'loss' is a whole number; '3' is not."),
        (2**63, "the step 9223372036854775808 of metric 'loss' does not fit into 64 bits."),
        (-(2**63) - 1, "the step -9223372036854775809 of metric 'loss' does not fit into 64 bits."),
    ],
)
def test_what_is_not_a_step_is_refused(step: object, text: str) -> None:
    with pytest.raises(Invalid) as error:
        checked_step("loss", step)
    assert str(error.value) == text


# -- times ---------------------------------------------------------------------------------------

MOMENT = datetime(2024, 5, 1, 12, 30, 15, 250_000, tzinfo=UTC)
MICROS = 1_714_566_615_250_000
FORMS = "a timestamp is a datetime, milliseconds as an int or seconds as a float"


@pytest.mark.parametrize(
    "moment",
    [
        MOMENT,
        MOMENT.astimezone(timezone(timedelta(hours=-7))),
        MOMENT.astimezone().replace(tzinfo=None),  # a naive time is local
        pd.Timestamp(MOMENT),
        MICROS // 1_000,
        MICROS / 1_000_000,
        np.float64(MICROS / 1_000_000),
    ],
    ids=repr,
)
def test_a_time_may_have_three_forms(moment: object) -> None:
    assert checked_time(moment) == MICROS


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        ("now", f"{FORMS}; 'now' is a str."),
        (True, f"{FORMS}; True is a bool."),
        (
            1_714_566_615,
            (
                "the timestamp 1714566615 would be in 1970 to 1973: integers are milliseconds. If "
                "these are seconds, pass 1714566615000 or the float 1714566615.0."
            ),
        ),
        (float("nan"), "the timestamp nan is not a time in seconds since 1970."),
        (float("inf"), "the timestamp inf is not a time in seconds since 1970."),
        (
            1_714_566_615_250.0,
            "the timestamp 1714566615250.0 is not a time in seconds since 1970.",
        ),
        (10**19, "the timestamp 10000000000000000000 lies too far away."),
    ],
)
def test_what_is_not_a_time_is_refused(moment: object, text: str) -> None:
    with pytest.raises(Invalid) as error:
        checked_time(moment)
    assert str(error.value) == text


@given(st.integers() | st.floats() | st.datetimes(timezones=st.just(UTC)))
@example(MICROS)  # microseconds by mistake
@example(1e12)
@example(-1e12)
def test_every_accepted_time_can_be_read_again(moment: object) -> None:
    try:
        micros = checked_time(moment)
    except Invalid:
        return
    assert 1 <= as_datetime(micros).year <= 9999


@pytest.mark.parametrize("moment", [pd.NaT, datetime.min], ids=str)  # noqa: DTZ901
def test_a_datetime_that_is_no_moment_is_refused(moment: object) -> None:
    with pytest.raises(Invalid, match=r"^the timestamp "):
        checked_time(moment)


# -- paths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "checked"),
    [
        ("roc.png", "roc.png"),
        ("plots/roc.png", "plots/roc.png"),
        ("plots\\roc.png", "plots/roc.png"),
        ("./plots//a/./roc.png", "plots/a/roc.png"),
        ("plots/", "plots"),
        ("...", "..."),
        (PurePosixPath("plots/roc.png"), "plots/roc.png"),
        (PureWindowsPath("plots/roc.png"), "plots/roc.png"),
        ("Übersicht 😀/a b.txt", "Übersicht 😀/a b.txt"),
    ],
    ids=str,
)
def test_a_relative_path_is_kept_with_forward_slashes(path: object, checked: str) -> None:
    assert checked_path(path) == checked


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "/",
        "/etc/passwd",
        "..",
        "../x",
        "a/../../x",
        "..\\x",
        "\\x",
        "C:x",
        "C:\\x",
        "\\\\h",
    ],
)
def test_a_path_that_leaves_the_run_is_refused(path: str) -> None:
    with pytest.raises(Invalid) as error:
        checked_path(path)
    assert str(error.value) == (
        f"artifact path {path!r} must be relative and stay below the run, such as 'plots/roc.png'."
    )


@pytest.mark.parametrize("path", ["a\0b", "a\nb", "a\ud800", "x" * 1_001])
def test_a_path_that_is_too_long_or_not_plain_text_is_refused(path: str) -> None:
    with pytest.raises(Invalid) as error:
        checked_path(path, "target")
    assert str(error.value) == (
        f"target {shown(path)} must have at most 1,000 characters, none of them a control "
        "character."
    )


@pytest.mark.parametrize("path", [None, 5, b"roc.png"])
def test_what_is_not_a_path_is_refused(path: object) -> None:
    with pytest.raises(Invalid, match=r"^artifact path "):
        checked_path(path)


@given(st.text(max_size=20) | st.text("a./\\~ \0", max_size=20))
def test_a_checked_path_never_leaves_the_run(text: str) -> None:
    try:
        path = checked_path(text)
    except Invalid:
        return
    assert posixpath.normpath(posixpath.join("/run", path)).startswith("/run/")


@given(st.lists(st.sampled_from(["C:", "a", ".", "..", "/", "\\", "~"]), max_size=8).map("".join))
@example("./C:x")
def test_a_checked_path_never_leaves_the_run_on_windows(text: str) -> None:
    try:
        path = checked_path(text)
    except Invalid:
        return
    assert ntpath.normpath(ntpath.join("D:\\run", path)).startswith("D:\\run\\")
    assert checked_path(path) == path
