"""`import dvc`: stages become steps that run, and what is not understood is named."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Conflict, Invalid, NotFound
from lite_mlops.pipelines import FromDvc, add_to_settings, read_dvc
from lite_mlops.settings import FILE_NAME
from tests.pipelines.conftest import Place

WHOLE = """
# A pipeline as people write it.
vars:
  - models: {us: {epochs: 3}, gb: {epochs: 10}}
  - more.yaml
  - some.json:size
stages:
  prepare:
    desc: Splits the data.
    wdir: src
    cmd:
      - python prepare.py --seed ${prepare.seed} \\${HOME}
      - echo "done ${size}"
    deps: [../raw.csv, prepare.py]
    params:
    - prepare.split
    - other.json:
        - x.y
    - whole.toml:
    outs:
    - ../data:
        cache: false
  train:
    foreach: ${models}
    do:
      cmd: >-
        python train.py ${key}
        ${item.epochs} ${flags[1]}
      deps:
        - data
      metrics:
      - ${key}.json:
          cache: false
      plots: ["${key}.csv"]
  grid:
    matrix:
      a: [1, 2]
      b: [{n: x}]
    cmd: touch g-${item.a}${item.b.n}
    outs:
    - g-${item.a}${item.b.n}
  each:
    foreach: [left, right]
    do:
      cmd: touch ${item}
      outs: ["${item}"]
      always_changed: true
"""


@pytest.fixture
def whole(tmp_path: Path) -> FromDvc:
    (tmp_path / "dvc.yaml").write_text(WHOLE)
    (tmp_path / "params.yaml").write_text("prepare: {seed: 7, split: 0.2}\n")
    (tmp_path / "more.yaml").write_text("flags: [--slow, --fast]\n")
    (tmp_path / "some.json").write_text('{"size": "big", "left_out": 1}')
    return read_dvc(tmp_path / "dvc.yaml")


def test_stages_become_steps(whole: FromDvc) -> None:
    tables = {table["name"]: table for table in whole.tables}
    assert tables["prepare"] == {
        "name": "prepare",
        "command": 'python prepare.py --seed {prepare.seed} ${HOME} && echo "done {size}"',
        "inputs": ["raw.csv", "src/prepare.py"],
        "outputs": ["data"],
        "param_files": {
            "src/params.yaml": ["prepare.split"],
            "src/other.json": ["x.y"],
            "src/whole.toml": [],
        },
        "folder": "src",
        "params": {"prepare.seed": 7, "size": "big"},
    }
    assert tables["train@us"] == {
        "name": "train@us",
        "command": "python train.py us 3 --fast",
        "inputs": ["data"],
        "outputs": ["us.csv"],
        "metrics": ["us.json"],
    }
    assert tables["train@gb"]["command"] == "python train.py gb 10 --fast"
    assert tables["grid@1-b0"]["outputs"] == ["g-1x"]
    assert tables["each@right"] == {
        "name": "each@right",
        "command": "touch right",
        "outputs": ["right"],
        "always": True,
    }
    assert len(tables) == 7
    assert whole.told == ()


def test_tables_are_written_as_they_are(whole: FromDvc, tmp_path: Path) -> None:
    assert tomllib.loads(whole.to_toml())["step"] == [*whole.tables]
    graph = whole.graph(tmp_path)
    assert graph.upstream("train@us") == {"prepare"}
    assert graph.steps["train@us"].outputs == ("us.csv", "us.json")
    assert graph.steps["prepare"].command == (
        'python prepare.py --seed 7 ${HOME} && echo "done big"'
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("frozen: true", "Stage 's': it is frozen in DVC; here it runs when something changed."),
        ("color: red", "Stage 's': color is not understood, and left out."),
        ("vars: [x.yaml]", "Stage 's': vars of a stage are not taken over."),
        ("deps: ['s3://b/x']", "Stage 's': the dep s3://b/x lies elsewhere, and is left out."),
        ("deps: [{a: 1}]", "Stage 's': the dep {'a': 1} is not understood, and left out."),
        ("outs: ['s3://b/x']", "Stage 's': the output s3://b/x lies elsewhere, and is left out."),
        (
            "outs: [{x: {persist: true}}]",
            "Stage 's': the output x is removed before its step runs, although DVC lets it stay.",
        ),
    ],
)
def test_what_is_otherwise_is_named(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "dvc.yaml").write_text(f"stages:\n  s:\n    cmd: x\n    {text}\n")
    found = read_dvc(tmp_path / "dvc.yaml")
    assert found.told == (told,)
    assert found.tables[0]["command"] == "x"


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ("{cmd: 'x ${no}'}", "it is left out: ${no} has no value in its vars or in params.yaml."),
        ("{cmd: 'x ${l}'}", "it is left out: ${l} is a list, which is not written out here."),
        ("{deps: [a]}", "it is left out: it has no cmd."),
        ("{foreach: '${no}', do: {cmd: x}}", "it is left out, as its foreach cannot be followed."),
        ("{foreach: [1], cmd: x}", "it is left out, as its foreach cannot be followed."),
        ("{matrix: {a: '${no}'}, cmd: x}", "it is left out, as its matrix cannot be followed."),
        ("x", "it is left out, as it is not a mapping."),
    ],
)
def test_stages_that_cannot_be_steps_are_left_out(tmp_path: Path, stage: str, told: str) -> None:
    (tmp_path / "dvc.yaml").write_text(
        f"vars: [{{l: [1]}}]\nartifacts: {{}}\nstages:\n  s: {stage}\n  t: {{cmd: y}}\n"
    )
    found = read_dvc(tmp_path / "dvc.yaml")
    assert found.told == ("artifacts of the file is not taken over.", f"Stage 's': {told}")
    assert [table["name"] for table in found.tables] == ["t"]


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no file"):
        read_dvc(tmp_path / "dvc.yaml")
    (tmp_path / "dvc.yaml").write_text("plots: []\n")
    with pytest.raises(Invalid, match=r"has no stages: it is no dvc\.yaml of a pipeline"):
        read_dvc(tmp_path / "dvc.yaml")
    (tmp_path / "dvc.yaml").write_text("stages: &x\n")
    with pytest.raises(Invalid, match=r"dvc\.yaml: line 1 of the YAML, .*'&' is not read here"):
        read_dvc(tmp_path / "dvc.yaml")


DVC = """
stages:
  count:
    cmd: wc -l < raw.csv > count.txt
    deps: [raw.csv]
    outs: [count.txt]
  double:
    cmd: cat count.txt count.txt | sed "s/^/${mark}/" > double.txt
    deps: [count.txt]
    outs: [double.txt]
"""


def test_what_was_imported_runs(place: Place) -> None:
    place.write("params.yaml", "mark: '> '\n")
    path = place.write("dvc.yaml", DVC.replace('"s/^/${mark}/"', "s/^/${mark}/"))
    before = place.read(FILE_NAME)
    found = read_dvc(path, place.folder)
    add_to_settings(found, place.folder)
    assert place.read(FILE_NAME).startswith(before)
    assert place.run("double").ran == ["count", "double"]
    assert place.read("count.txt").strip() == "1"
    assert place.run("double").ran == []
    assert place.run("double", params={"mark": "x"}).ran == ["double"]
    with pytest.raises(Conflict, match="has a step 'count' already; nothing was written"):
        add_to_settings(found, place.folder)
    clash = FromDvc(({"name": "other", "command": "x", "outputs": ["clean.csv"]},), ())
    text = place.read(FILE_NAME)
    with pytest.raises(Invalid, match=r"Both steps 'clean' and 'other' make clean\.csv"):
        add_to_settings(clash, place.folder)
    with pytest.raises(Conflict, match="No stage became a step"):
        add_to_settings(FromDvc((), ()), place.folder)
    assert place.read(FILE_NAME) == text


def test_a_file_in_a_folder_of_the_project(place: Place) -> None:
    path = place.write("sub/dvc.yaml", DVC.replace("${mark}", "-"))
    place.write("sub/raw.csv", "1\n2\n")
    found = read_dvc(path, place.folder)
    assert found.tables[0]["inputs"] == ["sub/raw.csv"]
    add_to_settings(found, place.folder)
    assert place.run("count").ran == ["count"]
    assert place.read("sub/count.txt").strip() == "2"
    with pytest.raises(Invalid, match="does not lie inside of the project"):
        read_dvc(path, place.folder / "sub" / "other")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
TOML = st.recursive(
    TEXTS | st.booleans() | st.integers(-(2**62), 2**62) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.sampled_from(["name", "x"]), TOML, min_size=1), max_size=3))
def test_whatever_is_written_is_read_back(tables: list[dict[str, Any]]) -> None:
    text = FromDvc(tuple(tables), ()).to_toml()
    assert tomllib.loads(text).get("step", []) == tables
