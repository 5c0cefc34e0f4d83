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
from lite_mlops.jsontext import compact_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('abc é\\"'), inner),
)


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
