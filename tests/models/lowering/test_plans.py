"""Plans as bytes: what is written is read, what is odd is refused, and nothing of it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_mlops.models import infer_signature
from lite_mlops.models.lowering import parts
from lite_mlops.models.lowering.lower import lower
from lite_mlops.models.lowering.plan import MAGIC, OPS, BadPlan, Plan
from lite_mlops.models.lowering.running import Running
from lite_mlops.models.signature import Table
from tests.models.lowering.configurations import fitted


@cache
def written(name: str = "forest") -> bytes:
    model, data = fitted(name)
    signature = infer_signature(model, data.rows[:5], data.rows)
    return lower(model, signature, "ab" * 32)[0].to_bytes()


@cache
def some_rows() -> Table:
    model, known = fitted("histograms, categories")
    signature = infer_signature(model, known.rows[:5], known.rows)
    return signature.validate(known.rows[:3])


def changed(**about: Any) -> bytes:
    """The plan with something else in its header."""
    data = written()
    length = int.from_bytes(data[8:16], "little")
    header = json.loads(data[16 : 16 + length]) | about
    text = json.dumps(header).encode()
    arrays = Plan.from_bytes(data).arrays
    whole = MAGIC + len(text).to_bytes(8, "little") + text
    for one in arrays:
        whole += b"\0" * (-len(whole) % 64) + one.tobytes("A")
    return whole


def root(**fields: Any) -> dict[str, Any]:
    """The root, with other fields of the forest."""
    found: dict[str, Any] = json.loads(json.dumps(Plan.from_bytes(written()).root))
    found["model"] |= fields
    return found


def test_arrays_come_back_as_they_lie_in_memory() -> None:
    arrays = (
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(["é", "longer"]),
        np.array([True, False]),
        np.empty((0, 4), np.float32),
    )
    plan = Plan.from_bytes(Plan({"op": "any"}, arrays, "ab" * 32, "1 ulp").to_bytes())
    assert (plan.model_sha256, plan.exact, plan.here) == ("ab" * 32, "1 ulp", True)
    for one, other in zip(arrays, plan.arrays, strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tolist() == other.tolist()
        assert not other.flags.writeable
    assert plan.arrays[0].flags.f_contiguous


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "does not begin as plans do"),
        (b"\x80\x04\x95", "does not begin as plans do"),
        (MAGIC + b"\xff" * 8, "cut off"),
        (MAGIC + (2).to_bytes(8, "little") + b"[]", "header is another one"),
        (MAGIC + (4).to_bytes(8, "little") + b"{{{{", "header is no JSON"),
        (MAGIC + (90_000).to_bytes(8, "little") + b"[" * 90_000, "header is no JSON"),
        (written()[:-1], "cut off"),
        (written() + b"\0", "more after its end"),
        (changed(exact="nearly"), "how exact"),
        (changed(arrays=[["|O", [1], "C"]]), "dtype '|O'"),
        (changed(arrays=[["<f8", [1 << 39], "C"]]), "cut off"),
        (changed(arrays=[["<f8", [-1], "C"]]), "no known shape"),
        (changed(arrays=[["<f8", [True], "C"]]), "no known shape"),
        (changed(arrays=[["<U99999", [1], "C"]]), "dtype '<U99999'"),
        (changed(arrays="many"), "its arrays is a str"),
    ],
)
def test_what_is_no_plan_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadPlan, match=why.replace("|", r"\|")):
        Plan.from_bytes(data)


def _deep(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {"op": "chain", "steps": []}
    for _ in range(depth):
        found = {"op": "chain", "steps": [found]}
    return found


@pytest.mark.parametrize(
    ("node", "why"),
    [
        ({"op": "eval", "code": "1"}, "there is no op 'eval'"),
        ({"op": ["rows"]}, "there is no op"),
        ({"op": "rows", "form": "pickle"}, "form of a node rows is 'pickle'"),
        ({"op": "rows"}, "does not have the fields"),
        ({"op": "any", "more": 1}, "does not have the fields"),
        (_deep(100), "no tree of known size"),
        (root(feature=99), "feature of a node forest is no array"),
        (root(feature=True), "feature of a node forest is no array"),
        (root(feature=-1), "feature of a node forest is no array"),
        (root(values=0), "values of a node forest is an array of"),
        (root(depth=10**12), "its trees have no shape"),
        (root(features=1), "its trees lead nowhere"),
        (root(left=3), "its trees have no shape"),
        (root(classes=["one"]), "other classes"),
        (root(mean=1), "mean of a node forest is '1'"),
        (root(mean=False), "its leaves have no values"),
    ],
)
def test_a_description_that_leads_nowhere_is_refused(node: Any, why: str) -> None:
    plan = Plan(node, Plan.from_bytes(written()).arrays)
    with pytest.raises(BadPlan, match=why):
        Running(Plan.from_bytes(plan.to_bytes()))


@pytest.mark.parametrize("name", ["histograms, categories", "svc of columns"])
@settings(max_examples=50)
@given(data=st.data())
def test_damaged_bytes_are_refused_or_answer_numbers(name: str, data: st.DataObject) -> None:
    whole = bytearray(written(name))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        running = Running(Plan.from_bytes(bytes(whole)))
    except BadPlan:
        return
    try:
        running.predict(some_rows())
        running.predict(some_rows().part(0, 1))
    except (ValueError, TypeError):  # as for rows that a model does not take
        return


def test_running_a_plan_loads_numpy_alone(tmp_path: Path) -> None:
    (tmp_path / "plan").write_bytes(written("sparse one-hot"))
    code = (
        "import sys\n"
        "from lite_mlops.models.lowering.plan import Plan\n"
        "from lite_mlops.models.lowering.running import Running\n"
        "from lite_mlops.models.signature import Column, Signature\n"
        "columns = [Column('age', 'integer'), Column('income', 'float'), Column('city', 'text'),\n"
        "           Column('plan', 'text'), Column('active', 'boolean'),\n"
        "           Column('grade', 'integer')]\n"
        f"running = Running(Plan.from_bytes(open({str(tmp_path / 'plan')!r}, 'rb').read()))\n"
        "table = Signature(tuple(columns)).validate([[41, 3e4, 'Rome', 'pro', True, 2]])\n"
        "print(running.predict(table), running.predict_proba(table).shape)\n"
        "heavy = ('sklearn', 'scipy', 'joblib', 'pandas', 'duckdb')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    answer, loaded = done.stdout.splitlines()
    assert answer in ("[False] (1, 2)", "[ True] (1, 2)")
    assert loaded == "[]", "joblib is loaded by whoever loads models, and not by a plan"


def test_classes_that_cannot_be_lowered_are_there() -> None:
    for name in parts._WHY_NOT:
        module, _, cls = name.rpartition(".")
        assert hasattr(import_module(module), cls), name
        assert parts.why_not(name) == parts._WHY_NOT[name]


def test_ops_have_different_names_and_fields_that_are_described() -> None:
    assert len(OPS) > 15
    assert all(op.fields or name == "any" for name, op in OPS.items())
