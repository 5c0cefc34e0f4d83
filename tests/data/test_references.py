"""References to versions: what they mean, and a useful word about those that mean nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.data.references import resolve, split
from lite_mlops.errors import Invalid, NotFound

HASHES = ["461a8a2d" + "0" * 56, "461b" + "1" * 60, "99" * 32]


@pytest.mark.parametrize(
    ("reference", "meant"),
    [
        ("patients", ("patients", "latest")),
        ("patients@latest", ("patients", "latest")),
        ("patients@461A", ("patients", "461A")),
        ("odd@name", ("odd@name", "latest")),
        ("odd@name@9999", ("odd@name", "9999")),
    ],
)
def test_a_reference_is_a_name_and_a_version(reference: str, meant: tuple[str, str]) -> None:
    assert split(reference, ["patients", "odd@name"]) == meant


@pytest.mark.parametrize(
    ("reference", "error", "text"),
    [
        ("patient", NotFound, "There is no dataset 'patient'. Did you mean 'patients'?"),
        ("x@latest", NotFound, "There is no dataset 'x'. `lite-mlops data ls` lists those"),
        ("patients@461", Invalid, "at least 4 hexadecimal digits"),
        ("patients@newest", Invalid, "'patients@newest' names no version"),
        ("patients@", Invalid, "'patients@' names no version"),
    ],
)
def test_what_names_nothing_is_told(reference: str, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text.replace("?", r"\?")):
        split(reference, ["patients"])


def test_a_version_is_the_beginning_of_one_hash() -> None:
    assert resolve("d", "latest", HASHES) == HASHES[0]
    assert resolve("d", "461A", HASHES) == HASHES[0]
    assert resolve("d", "9999", HASHES) == HASHES[2]
    with pytest.raises(
        NotFound, match=r"d has no version abcd\. The latest are 461a8a2d, 461b1111"
    ):
        resolve("d", "abcd", HASHES)
    with pytest.raises(Invalid, match="d@461a is not unique: it means d@461a8a2d0000"):
        resolve("d", "461a", [*HASHES, "461a" + "f" * 60])


@given(st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), min_size=1, unique=True))
def test_every_whole_hash_means_itself(hashes: list[str]) -> None:
    assert [resolve("d", sha256, hashes) for sha256 in hashes] == hashes
