"""The reader of MLflow's YAML: what is written comes back, anything else is refused."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.yamltext import read_yaml

MODEL = """\
artifact_path: model
flavors:
  python_function:
    env:
      conda: conda.yaml
    python_version: 3.11.7
  sklearn:
    code: null
    pickled_model: model.pkl
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}, {"type": "double",
    "name": "it''s"}]'
  params: null
tags: []
more: {}
list:
- a: 1
  b: 'x'
- - -3
  - .nan
-
  deep: true
- plain text that
  goes on
utc_time_created: '2026-11-25 22:09:45.544372'
"""


def test_reads_what_mlflow_writes() -> None:
    found = read_yaml(MODEL)
    assert found["flavors"]["python_function"] == {
        "env": {"conda": "conda.yaml"},
        "python_version": "3.11.7",
    }
    assert found["signature"]["inputs"] == (
        '[{"type": "double", "name": "age", "required": true}, {"type": "double", "name": "it\'s"}]'
    )
    assert (found["tags"], found["more"], found["flavors"]["sklearn"]["code"]) == ([], {}, None)
    first, (number, nan), deep, plain = found["list"]
    assert (first, number, deep, plain) == (
        {"a": 1, "b": "x"}, -3, {"deep": True}, "plain text that goes on",
    )  # fmt: skip
    assert math.isnan(nan)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 1e3\n", {"a": "1e3"}),  # as in YAML 1.1
        ("a: 1.5e+3\n", {"a": 1500.0}),
        ("a: 007\n", {"a": 7}),
        ("a: 2026-11-25\n", {"a": "2026-11-25"}),
        ("'a: b': c # said so\n", {"a: b": "c"}),
        ('a: "one\\\n  \\ two\\n\\x41\\u00e9"\n', {"a": "one two\nAé"}),
        ("a: 'one\n\n  two'\n", {"a": "one\ntwo"}),
        ("- \n- x\n", [None, "x"]),
        ("---\na: b\r\n...\n", {"a": "b"}),
    ],
)
def test_small_documents(text: str, value: Any) -> None:
    assert read_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: &x 1\n", "line 1 of the YAML, 'a: &x 1': '&' is not read here"),
        ("a: !!python/object/apply:os.system ['true']\n", "'!' is not read here"),
        ("a: [1, 2]\n", "'[' is not read here"),
        ("a: |\n  text\n", "'|' is not read here"),
        ("a: *x\n", "'*' is not read here"),
        ("a: x: y\n", "a second colon stands in it"),
        ("a: 1\na: 2\n", "line 2 of the YAML, 'a: 2': the key 'a' comes twice"),
        ("a: 'open\nb: 1\n", "the text that begins with ' does not end"),
        ("a: 'x' y\n", "something stands behind the closing quote"),
        ("a: 1\n- b\n", "it does not belong to what stands before"),
        ("- " * 60 + "x\n", "levels deep"),
    ],
)
def test_refusals_name_the_line(text: str, told: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_yaml(text)
    assert told in str(caught.value)


BY_HAND = """
vars:
  - params.yaml
  - models: {a: 1, b: [2, 'x: y', "#"]}   # a note
stages:
  prep:
    cmd: >-
      python prep.py
      --x 1

      --y
        deeper
      end
    deps: [a.csv, "b c.csv", # first
       d.csv]
  multi:
    foreach: {us: {epochs: 3}, gb: {}}
    do:
      cmd: |
        echo ${item.epochs}

          echo b

      keep: |+
        x

      last: |2-
          y
      empty: []
"""


@pytest.mark.parametrize(
    "text",
    [
        BY_HAND,
        "a: [1, [2, {b: c}], null, ~, 1.5, true]\n",
        "a: {b, c: }\n",
        "- {x: 'it''s', y: \"q\\n\"}\n- [ ]\n",
        "a: >\n  one\n  two\n\n  three\nb: |\n  x\n",
        "a: [\n  x,\n  y,\n]\nb: 1\n",
    ],
)
def test_what_people_write_is_read_as_others_read_it(text: str) -> None:
    assert read_yaml(text, by_hand=True) == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1, 2\n\n", "what begins with [ does not end"),
        ("a: [1, 2] x\n", "something stands behind the closing bracket"),
        ("a: {b: c}}\n", "something stands behind the closing bracket"),
        ("a: {? b: 1}\n", "these brackets are not read here"),
        ("a: [&x 1]\n", "these brackets are not read here"),
        ("a: {b: 1, b: 2}\n", "these brackets are not read here"),
        ("a: " + "[" * 5000 + "]" * 5000 + "\n", "these brackets are not read here"),
        ("a: |x\n  b\n", "this is no block of text"),
        ("a: &x 1\n", "'&' is not read here"),
    ],
)
def test_what_is_written_by_hand_and_wrong_is_refused(text: str, told: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_yaml(text, by_hand=True)
    assert told in str(caught.value)


FLOWS = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(alphabet="abé 1-'\",:#{}[]", max_size=8),
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(alphabet="ab1 :'", min_size=1, max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.lists(FLOWS, min_size=1) | st.dictionaries(st.just("k"), FLOWS, min_size=1))
def test_brackets_are_read_as_others_write_them(value: Any) -> None:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)
    assert read_yaml(text, by_hand=True) == value


@given(st.text(alphabet="ab:- '\"\n\\#{}[]&|>?~1.,", max_size=60))
def test_any_text_by_hand_is_read_or_refused(text: str) -> None:
    with suppress(Invalid):
        read_yaml(text, by_hand=True)


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=40))
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def written(value: Any, indent: int = 0) -> str:
    """Return a value as YAML in blocks, texts in single quotes where that can be."""
    space = " " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{space}{word(key)}:{below(one, indent)}" for key, one in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{space}-{below(one, indent)}" for one in value)
    return f"{space}{word(value)}\n"


def below(value: Any, indent: int) -> str:
    if isinstance(value, dict | list) and value:
        return "\n" + written(value, indent + 2)
    return f" {word(value)}\n"


def word(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if not isinstance(value, str):
        return "{}" if value == {} else "[]" if value == [] else str(value)
    if value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


@given(VALUES)
def test_what_is_written_comes_back(value: Any) -> None:
    assert read_yaml(written(value)) == value


@given(st.text(alphabet="ab:- '\"\n\\#{}[]&|>?~1.", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(Invalid):
        read_yaml(text)
