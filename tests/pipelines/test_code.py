"""The code of a step: what counts as a change of it, and what does not."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.pipelines.code import function_code, script_code, value_hash
from lite_mlops.pipelines.files import Files

BASE = """
import functools
import json
import logging
RATE = 0.5
NAMES = {"b": 1, "a": 2}
log = logging.getLogger("x")
class Base:
    def area(self): return 1
class Shape(Base):
    def sides(self): return count()
@functools.cache
def count(): return 3
def logged(function):
    @functools.wraps(function)
    def wrapper(*args): return function(*args)
    return wrapper
@logged
def scaled(x): return x * RATE
def unused(): return 0
def fit(x, shape=Shape):
    def inner(y): return scaled(y) + len(NAMES)
    log.info("fit")
    return json.dumps(inner(x))
"""

WRAPPER = "some_module.logged.<locals>.wrapper"
_NUMBERS = itertools.count()
Load = Callable[[str], Any]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Imports a text as a module, each time in a folder of its own."""

    def loaded(text: str) -> Any:
        folder = tmp_path / str(next(_NUMBERS))
        folder.mkdir()
        (folder / "some_module.py").write_text(text)
        sys.modules.pop("some_module", None)
        monkeypatch.syspath_prepend(folder)
        importlib.invalidate_caches()
        return importlib.import_module("some_module")

    return loaded


def test_all_that_a_function_reaches_is_named(load: Load) -> None:
    assert sorted(function_code(load(BASE).fit)) == [
        "some_module.Base",
        "some_module.NAMES",
        "some_module.RATE",
        "some_module.Shape",
        "some_module.count",
        "some_module.fit",
        WRAPPER,
        "some_module.scaled",
    ]


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("RATE = 0.5", "RATE = 0.25", ["some_module.RATE"]),
        ('{"b": 1, "a": 2}', '{"a": 2, "b": 1}', []),
        ('{"b": 1, "a": 2}', '{"b": 1, "a": 3}', ["some_module.NAMES"]),
        ("return 3", "return 4", ["some_module.count"]),
        ("return 1", "return 2", ["some_module.Base"]),
        ("return 0", "return 9", []),
        (
            "def count(): return 3\n",
            "def count():\n    '''Counts.'''\n    # so\n    return 3\n",
            [],
        ),
        ("inner(x)", "inner(x + 1)", ["some_module.fit"]),
        ("return function(*args)", "return function(*args) + 1", [WRAPPER]),
        ("x * RATE", "RATE * x", ["some_module.scaled"]),
    ],
)
def test_what_counts_as_a_change(load: Load, before: str, after: str, changed: list[str]) -> None:
    first = function_code(load(BASE).fit)
    assert before in BASE
    second = function_code(load(BASE.replace(before, after)).fit)
    assert [name for name in first if first[name] != second.get(name)] == changed
    assert first.keys() == second.keys()


def test_what_is_imported_inside_counts(load: Load, tmp_path: Path) -> None:
    text = "def fit():\n    import other_module\n    return other_module.x\n"
    (tmp_path / "other_module.py").write_text("x = 1\n")
    sys.path.insert(0, str(tmp_path))
    try:
        first = function_code(load(text).fit)
        (tmp_path / "other_module.py").write_text("x = 2\n")
        second = function_code(load(text).fit)
    finally:
        sys.path.remove(str(tmp_path))
    assert first["some_module.fit"] == second["some_module.fit"]
    assert first["module other_module"] != second["module other_module"]


def test_what_a_function_closes_over_counts() -> None:
    def made(number: int) -> Callable[[], int]:
        return lambda: number

    one, two = function_code(made(1)), function_code(made(2))
    assert one.keys() == two.keys()
    assert sum(one[name] != two[name] for name in one) == 1


def test_functions_without_a_source_count_by_their_code() -> None:
    spaces: list[dict[str, Any]] = [{}, {}, {}]
    for space, text in zip(spaces, ("x + 1", "x + 1", "x + 2"), strict=True):
        exec(f"def fit(x): return {text}", space)  # noqa: S102
    first, same, other = (function_code(space["fit"]) for space in spaces)
    assert first == same != other


def test_scripts_follow_what_they_import(tmp_path: Path) -> None:
    for name, text in {
        "run.py": "import one, json\nfrom pack.deep import thing\nfrom pack import side\n",
        "one.py": "import two\n",
        "two.py": "import one\n",
        "pack/__init__.py": "from . import near\n",
        "pack/near.py": "",
        "pack/deep.py": "from ..lost import x\nthing = 1\n",
        "pack/side.py": "this is no Python",
        "pack/none.py": "",
        "three.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    files = Files(tmp_path, tmp_path / "cache")
    found = script_code("run.py", files)
    assert sorted(found) == [
        "one.py",
        "pack/__init__.py",
        "pack/deep.py",
        "pack/near.py",
        "pack/side.py",
        "run.py",
        "two.py",
    ]
    assert found["pack/side.py"] == files.hash_of("pack/side.py")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(VALUES, VALUES)
def test_equal_values_have_equal_hashes(one: Any, other: Any) -> None:
    assert (value_hash(one) == value_hash(other)) == (_exactly(one) == _exactly(other))


def _exactly(value: Any) -> Any:
    """Return a value that tells 1, 1.0 and True apart, and 0.0 from -0.0."""
    if isinstance(value, dict):
        return {key: _exactly(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_exactly(one) for one in value]
    return type(value).__name__, repr(value)


def test_sets_and_arrays_count_by_what_is_in_them() -> None:
    import numpy as np

    assert value_hash({"a", "b", "c"}) == value_hash({"c", "b", "a"})
    assert value_hash(np.arange(3)) == value_hash(np.array([0, 1, 2]))
    assert value_hash(np.arange(3)) != value_hash(np.arange(4))
