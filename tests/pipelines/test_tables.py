"""The [[step]] tables: what is understood, and how what is not is refused."""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Invalid, LiteMlopsError
from lite_mlops.pipelines.steps import Graph, Step, checked_place
from lite_mlops.pipelines.tables import graph_of, parsed_pairs, parsed_value

ROOT = Path("/place")


def graph(*tables: dict[str, Any], params: Any = None, **given: Any) -> Graph:
    return graph_of(list(tables), params or {}, ROOT, given)


def test_a_table_is_a_step() -> None:
    found = graph(
        {
            "name": "train",
            "command": "fit --rate {rate} {print}",
            "inputs": ["./data/{day}.csv"],
            "outputs": ["out/../model.txt"],
            "params": ["rate", "day"],
            "param_files": {"params.yaml": ["a.b"]},
            "folder": "sub",
        },
        params={"rate": 0.1, "day": "monday", "unused": 1},
        rate=0.5,
    ).steps["train"]
    assert found.command == "fit --rate 0.5 {print}"
    assert found.written == "fit --rate {rate} {print}"
    assert (found.inputs, found.outputs) == (("data/monday.csv",), ("model.txt",))
    assert found.params == {"rate": 0.5, "day": "monday"}
    assert (found.folder, found.param_files[0].keys) == ("sub", ("a.b",))


GOOD = {"name": "s", "command": "x"}


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ([{"command": "x"}], "a [[step]] has no name"),
        ([{"name": ""}], "step name is empty"),
        ([{"name": "s"}], "step 's': command is a line for the shell or a list of words, not None"),
        ([GOOD | {"command": []}], "not []"),
        ([GOOD | {"input": ["a"]}], "there is no key 'input'. Did you mean 'inputs'"),
        ([GOOD | {"inputs": "a"}], "step 's': inputs is a list of texts; 'a' is none"),
        ([GOOD | {"inputs": ["a", "./a"]}], "a stands twice among its inputs"),
        ([GOOD | {"outputs": ["/etc/x"]}], "the output /etc/x does not lie inside of the project"),
        ([GOOD | {"outputs": ["a/../../x"]}], "the output ../x does not lie inside"),
        ([GOOD | {"outputs": ["*.csv"]}], "the output *.csv is a pattern"),
        ([GOOD | {"params": ["rte"]}], "there is no 'rte' in [params]. Did you mean 'rate'"),
        ([GOOD | {"always": 1}], "always is true or false; 1 is neither"),
        ([GOOD | {"after": ["t"]}], "Step 's' comes after 't', which is no step."),
        ([GOOD | {"param_files": ["x"]}], "param_files is a table of files"),
        ([GOOD | {"inputs": ["a"], "outputs": ["a"]}], "Step 's' makes what it reads: a."),
        ([GOOD, GOOD], "Two steps have the name 's'"),
        (
            [GOOD | {"outputs": ["a"]}, GOOD | {"name": "t", "outputs": ["a"]}],
            "Both steps 's' and 't' make a.",
        ),
        (
            [GOOD | {"outputs": ["a/b"]}, GOOD | {"name": "t", "outputs": ["a"]}],
            "Step 's' makes a/b, which lies in a, which step 't' makes.",
        ),
        (
            [
                GOOD | {"inputs": ["b"], "outputs": ["a"]},
                GOOD | {"name": "t", "inputs": ["a"], "outputs": ["b"]},
            ],
            "Steps wait for each other in a circle: ",
        ),
        ([{**GOOD, "inputs": [""]}], "'' is no path"),
        ("x", "steps stand in tables [[step]]"),
    ],
)
def test_refusals_name_the_step_and_the_key(tables: Any, told: str) -> None:
    with pytest.raises(Invalid) as error:
        graph_of(tables, {"rate": 1}, ROOT)
    assert told in str(error.value)


def test_an_unknown_param_is_refused() -> None:
    with pytest.raises(Invalid, match=r"There is no param 'rat' in any step\. Did you mean 'rate'"):
        graph(GOOD | {"params": {"rate": 1}}, rat=2)


def test_a_param_of_a_file_is_changed_there() -> None:
    with pytest.raises(Invalid) as error:
        graph(GOOD | {"param_files": {"params.yaml": ["depth"]}}, depth=2)
    assert str(error.value) == (
        "'depth' stands in params.yaml, which the command of step 's' reads: change it there."
    )


def test_what_hangs_together() -> None:
    found = graph(
        GOOD | {"name": "a", "outputs": ["data"]},
        GOOD | {"name": "b", "inputs": ["data/x.csv"], "outputs": ["b/one.txt"]},
        GOOD | {"name": "c", "inputs": ["b", "raw.csv"], "outputs": ["c.txt"]},
        GOOD | {"name": "d", "inputs": ["b/*.txt"], "after": ["c"]},
        GOOD | {"name": "e", "inputs": ["b/*.json"]},
    )
    assert set(found.edges()) == {
        ("a", "b", "data"),
        ("b", "c", "b/one.txt"),
        ("b", "d", "b/one.txt"),
        ("c", "d", "after"),
    }
    assert found.order(["c"]) == ["a", "b", "c"]
    assert found.layers() == [["a", "e"], ["b"], ["c"], ["d"]]
    assert found.to_text({"b": "run"}).splitlines()[:6] == [
        "- a",
        "    makes data",
        "- e",
        "    reads b/*.json",
        "- b  (run)",
        "    data from a",
    ]


def test_a_picture_shows_names_as_they_are() -> None:
    svg = graph(GOOD | {"name": "<b>", "outputs": ["x&y"]}).to_svg({"<b>": "run"})
    assert "&lt;b&gt;" in svg
    assert "makes x&amp;y" in svg
    assert "is run" in svg
    assert "<b>" not in svg


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("0.5", 0.5),
        ("1e-3", 0.001),
        ("true", True),
        ("False", False),
        ("x", "x"),
        ("", ""),
    ],
)
def test_values_of_the_command_line(text: str, value: object) -> None:
    found = parsed_value(text)
    assert (found, type(found)) == (value, type(value))


def test_pairs_of_the_command_line() -> None:
    assert parsed_pairs(["a=1", "b=x=y"]) == {"a": 1, "b": "x=y"}
    with pytest.raises(Invalid, match="-P needs KEY=VALUE; 'a' is not"):
        parsed_pairs(["a"])


WORDS = st.text(alphabet="ab./ *-{}'\"$", max_size=8)
TABLES = st.lists(
    st.dictionaries(
        st.sampled_from(["name", "command", "inputs", "outputs", "params", "after", "folder", "x"]),
        st.one_of(WORDS, st.lists(WORDS, max_size=3), st.integers(), st.booleans()),
    ),
    max_size=3,
)


@given(TABLES)
def test_any_tables_are_read_or_refused(tables: list[dict[str, Any]]) -> None:
    with suppress(LiteMlopsError):
        found = graph_of(tables, {"a": 1}, ROOT)
        assert sorted(found.order()) == sorted(table["name"] for table in tables)


@given(st.text(min_size=1).filter(lambda text: "\0" not in text))
def test_a_value_is_one_word_for_the_shell(value: str) -> None:
    found = graph(GOOD | {"command": "run {v}", "params": {"v": value}}).steps["s"].command
    assert isinstance(found, str)
    assert shlex.split(found) == ["run", value]


@given(st.lists(st.sampled_from(["a", "b", ".", "..", "c d"]), min_size=1, max_size=6))
def test_a_place_has_no_detours(parts: list[str]) -> None:
    import os

    path = "/".join(parts)
    assert checked_place(path, "it") == os.path.normpath(path)
    assert checked_place(checked_place(path, "it"), "it") == checked_place(path, "it")


@st.composite
def dags(draw: st.DrawFn) -> list[Step]:
    count = draw(st.integers(1, 7))
    steps = []
    for number in range(count):
        above = draw(st.lists(st.integers(0, max(number - 1, 0)), unique=True)) if number else []
        inputs = tuple(f"{one}/out" for one in above)
        steps.append(Step(f"s{number}", command="x", inputs=inputs, outputs=(f"{number}/out",)))
    return draw(st.permutations(steps))


@given(dags(), st.data())
def test_an_order_has_what_is_needed_before_and_nothing_else(
    steps: list[Step], data: st.DataObject
) -> None:
    found = Graph("p", ROOT, steps)
    target = data.draw(st.sampled_from(sorted(found.steps)))
    order = found.order([target])
    for place, name in enumerate(order):
        assert found.upstream(name) <= set(order[:place])
    needed, waiting = set(), {target}
    while waiting:
        needed |= waiting
        waiting = set().union(*(found.upstream(name) for name in waiting)) - needed
    assert set(order) == needed
