"""JSON without spaces is the same with orjson and without it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops import jsontext
from lite_mlops.jsontext import compact_json, read_json

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def values(whole: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none() | st.booleans() | whole | st.floats() | TEXTS,
        lambda inner: st.lists(inner) | st.dictionaries(st.text('abc é\\"'), inner),
    )


VALUES = values(st.integers())


@pytest.fixture(params=[False, True], ids=["json", "orjson"], scope="module")
def _either(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param:
        pytest.importorskip("orjson")
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsontext, "_orjson", lambda: None)
        yield


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_finite(one) for one in value]
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return value


@pytest.mark.usefixtures("_either")
@given(VALUES)
def test_what_is_written_reads_the_same_and_what_is_not_finite_is_null(value: Any) -> None:
    assert json.loads(compact_json(value)) == _finite(value)


@pytest.mark.usefixtures("_either")
def test_it_has_no_spaces_and_keeps_what_is_not_ascii() -> None:
    assert compact_json({"é": [1, 2.5, "a b"]}) == '{"é":[1,2.5,"a b"]}'
    assert compact_json([2**80, 0.1]) == "[1208925819614629174706176,0.1]"


@pytest.mark.usefixtures("_either")
@pytest.mark.parametrize("value", [object(), [{1, 2}], b"bytes"])
def test_what_is_not_plain_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        compact_json(value)


# -- reading ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_either")
@given(values(st.integers(-(2**63), 2**64 - 1)))
def test_what_is_read_is_what_was_written(value: Any) -> None:
    plain = _finite(value)
    assert read_json(json.dumps(plain).encode()) == plain


@pytest.mark.usefixtures("_either")
@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[1,]", b"nul", b"[NaN]", b"[-Infinity]", b"[01]", b"'a'", b'"\xff"', b'{"a":1'],
)
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_json(data)


@pytest.mark.usefixtures("_either")
def test_a_deep_one_is_refused() -> None:
    with pytest.raises(RecursionError):
        read_json(b"[" * 100_000)


def test_a_refusal_has_the_same_words_in_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("orjson")
    told = []
    for _ in range(2):
        with pytest.raises(ValueError, match="Expecting value") as error:
            read_json(b'{"a": }')
        told.append(str(error.value))
        monkeypatch.setattr(jsontext, "_orjson", lambda: None)
    assert told[0] == told[1]
