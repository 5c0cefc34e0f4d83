"""Coded answers: compared as numbers, they differ where their texts do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.gates.replay.coded import Coded, coded

VALUES = st.one_of(
    st.lists(st.sampled_from(["no", "yes", "nan", "1"]), max_size=30),
    st.lists(st.integers(-40, 40), max_size=60),
    st.lists(st.booleans(), max_size=10),
    st.lists(st.floats(), max_size=20),
    st.lists(st.sampled_from([1, 1.0, True, "1", None]), max_size=20),
)


def as_array(values: list[Any], *, objects: bool) -> Any:
    kinds = {type(one) for one in values}
    if not objects and len(kinds) == 1:
        return np.array(values)
    made = np.empty(len(values), object)
    made[:] = values
    return made


@given(values=VALUES, objects=st.booleans(), data=st.data())
def test_codes_say_what_the_texts_say(*, values: list[Any], objects: bool, data: Any) -> None:
    found = coded(as_array(values, objects=objects))
    texts = [str(one) for one in values]
    assert found.texts(np.arange(len(values))).tolist() == texts
    assert len(set(found.different)) == len(found.different)
    several = st.sampled_from([*texts, "other", None])
    others = data.draw(st.lists(several, min_size=len(texts), max_size=len(texts)))
    places = {text: place for place, text in enumerate(dict.fromkeys(filter(None, others)))}
    before = Coded(list(places), np.array([places.get(one, -1) for one in others], np.int64))
    assert before.unlike(found).tolist() == [a != b for a, b in zip(others, texts, strict=True)]


def test_texts_as_numbers() -> None:
    found = Coded(["1.5", "x"], np.array([1, 0, -1, 0])).numbers()
    assert found.tolist() == pytest.approx([np.nan, 1.5, np.nan, 1.5], nan_ok=True)
