"""How versions are named: every form that is meant, and nothing else."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.models.references import Reference, checked_model_name, parse_reference

FIRST = string.ascii_letters + string.digits
NAMES = st.builds(
    str.__add__, st.sampled_from(FIRST), st.text(FIRST + "_.-", max_size=99)
)  # what names consist of
VERSIONS = st.integers(0, 999_999_999)
REFERENCES = st.builds(Reference, NAMES) | st.builds(Reference, NAMES, NAMES) | st.builds(
    Reference, NAMES, st.none(), VERSIONS
)  # fmt: skip


@given(REFERENCES, st.sampled_from(["", "models:/"]))
def test_what_a_reference_writes_is_read_again(reference: Reference, scheme: str) -> None:
    assert parse_reference(scheme + str(reference)) == reference


@given(NAMES, VERSIONS, st.sampled_from(["/", ":", "/v", ":v"]))
def test_a_version_is_written_in_several_ways(name: str, version: int, mark: str) -> None:
    assert parse_reference(f"{name}{mark}{version}") == Reference(name, version=version)


@given(st.text())
def test_any_other_text_is_refused_with_the_text(text: str) -> None:
    try:
        reference = parse_reference(text)
    except Invalid as error:
        assert str(error) == (  # noqa: PT017
            f"{text!r} does not name a model version; write 'churn@champion', 'churn/3', 'churn' "
            "for its newest version, or 'runs:/ID/model' for what a run kept."
        )
    else:
        assert parse_reference(str(reference)) == reference


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "a b",
            "a@",
            "@a",
            "a/",
            "/1",
            "a/x",
            "a/-1",
            "a/1.5",
            "a@b@c",
            "a/1/2",
            "a@b/1",
        ),
        *("a\n", "\na", "a/1\n", "a/1234567890", "ä", "_a", ".a", "-a", "models:/", "model:/a"),
        *("../a", "a/../b", "a@../b", "a" * 101, "a@" + "b" * 101, "a;b", "a\0"),
        "a/\u0661",
        *(None, 5, b"a", ["a"]),
    ],
)
def test_what_is_no_reference_is_refused(text: Any) -> None:
    with pytest.raises(Invalid, match="does not name a model version"):
        parse_reference(text)


@given(NAMES)
def test_names_of_letters_and_digits_can_be_used(name: str) -> None:
    assert checked_model_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a@b", "a:b", "ä", ".a", "a" * 101, "a\n", 5])
def test_a_name_that_no_reference_could_hold_is_refused(name: Any) -> None:
    with pytest.raises(Invalid) as error:
        checked_model_name(name, "alias")
    assert str(error.value) == (
        f"alias {name!r} cannot be used: it consists of letters, digits, '_', '.' and '-', "
        "beginning with a letter or digit, at most 100."
    )
