"""Formats, models written in Python, compressed files, mappings, inspection."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lite_mlops.errors import Damaged, Invalid
from lite_mlops.models.loading import (
    LIMIT,
    LoadedPythonModel,
    ModelFile,
    OnnxModel,
    RefusedModel,
    UnreadableModel,
    Untrusted,
    inspect_model,
    load_model,
    save_model,
    write_model,
)
from lite_mlops.store import Objects
from tests.models.loading.conftest import Loads
from tests.models.loading.estimators import LABELS, ROWS
from tests.models.loading.hostile import joblib_bytes
from tests.models.loading.rules import NAME, Nothing, Rules

PIPELINE = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS)
FOREST = RandomForestClassifier(3, random_state=0).fit(ROWS, LABELS)


# -- joblib -------------------------------------------------------------------------------------


def test_what_registration_is_told(objects: Objects) -> None:
    saved = save_model(objects, PIPELINE, limit=LIMIT)
    assert saved.format == "joblib"
    assert saved.size == len(objects.read(saved.sha256, "it"))
    assert "sklearn.pipeline:Pipeline" in saved.imports
    assert saved.needs_trust == ()
    assert set(saved.requirements) == {"python", "scikit-learn", "numpy", "scipy", "joblib"}


def test_a_model_of_ones_own_needs_trust(objects: Objects) -> None:
    saved = save_model(objects, Rules(0.5), limit=LIMIT)
    assert saved.needs_trust == (NAME,)
    file = ModelFile(saved.sha256, saved.size)
    with pytest.raises(Untrusted, match=r"tests\.models\.loading\.rules:Rules\. Whoever trusts"):
        load_model(objects, file)
    model = load_model(objects, file, trusted=saved.needs_trust)
    assert model.predict([{"kind": "a"}]) == [0.5]


def test_large_arrays_are_mapped_and_never_written_back(objects: Objects) -> None:
    rows = np.random.default_rng(0).normal(size=(20_000, 6))
    data = joblib_bytes(KNeighborsClassifier(algorithm="brute").fit(rows, rows[:, 0] > 0))
    stored = objects.put_bytes(data)
    file = ModelFile(stored.sha256, stored.size)
    model = load_model(objects, file, mapped=True)
    base = model._fit_X
    while isinstance(base, np.ndarray):
        base = base.base
    assert type(base.obj if isinstance(base, memoryview) else base).__name__ == "mmap"
    model._fit_X[:] = 0
    assert objects.is_good(stored.sha256)
    again = load_model(objects, file)
    assert np.array_equal(again._fit_X, rows)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("zlib", zlib.compress),
        ("gzip", gzip.compress),
        ("bz2", bz2.compress),
        ("xz", lzma.compress),
        ("lzma", lambda data: lzma.compress(data, lzma.FORMAT_ALONE)),
    ],
)
def test_a_compressed_file_is_loaded_only_if_it_was_registered_as_such(
    load: Loads, name: str, pack: Callable[[bytes], bytes]
) -> None:
    plain = joblib_bytes(FOREST)
    data = pack(plain)
    with pytest.raises(RefusedModel, match=f"compressed with {name}, and was not registered"):
        load(data)
    model = load(data, compression=name)
    assert np.array_equal(model.predict_proba(ROWS), FOREST.predict_proba(ROWS))
    with pytest.raises(RefusedModel, match="it unpacks to more than"):
        load(data, compression=name, limit=len(plain) - 1)
    with pytest.raises(UnreadableModel, match=f"its {name} data"):
        load(data[: len(data) // 2], compression=name)
    with pytest.raises(RefusedModel, match="was registered as compressed with"):
        load(plain, compression=name)
    found = inspect_model(data)
    assert (found.compression, found.size, found.unpacked_size) == (name, len(data), len(plain))


def test_joblib_compresses_in_ways_that_are_known(load: Loads) -> None:
    for name in ("zlib", "gzip", "bz2", "xz", "lzma"):
        buffer = io.BytesIO()
        joblib.dump(PIPELINE, buffer, compress=(name, 3))
        model = load(buffer.getvalue(), compression=name)
        assert np.array_equal(model.predict(ROWS), PIPELINE.predict(ROWS))


def test_formats_are_a_closed_set(load: Loads) -> None:
    with pytest.raises(Invalid, match="there is no model format 'jolib'; there are joblib, skops"):
        load(b"", format="jolib")
    with pytest.raises(Invalid, match="no model format 'pickle'"):
        write_model(PIPELINE, io.BytesIO(), format="pickle")


def test_the_size_belongs_to_the_file(objects: Objects) -> None:
    stored = objects.put_bytes(joblib_bytes(PIPELINE))
    for size in (stored.size - 1, stored.size + 1, 0):
        with pytest.raises(Damaged, match="is damaged"):
            load_model(objects, ModelFile(stored.sha256, size))


# -- inspection ---------------------------------------------------------------------------------


def test_inspecting_tells_what_a_file_would_import() -> None:
    found = inspect_model(joblib_bytes([PIPELINE, Rules(1)]))
    assert found.format == "joblib"
    assert found.compression is None
    assert found.needs_trust == (NAME,)
    assert "sklearn.pipeline:Pipeline" in found.shipped
    assert set(found.shipped) | {NAME} == set(found.imports)
    assert found.to_dict()["needs_trust"] == [NAME]
    assert inspect_model(io.BytesIO(joblib_bytes(PIPELINE))).needs_trust == ()


def test_inspecting_what_is_no_model() -> None:
    for data in (b"", b"\x7fELF" + bytes(99), b"<html>", b"GIF89a"):
        with pytest.raises(UnreadableModel, match="its bytes begin as no model file does"):
            inspect_model(data)
    with pytest.raises(RefusedModel, match="at most 10 are loaded"):
        inspect_model(bytes(11), limit=10)


# -- models written in Python -------------------------------------------------------------------


def test_a_python_model_has_its_files(objects: Objects) -> None:
    table = objects.put_bytes(b'{"a": 2.5}')
    saved = save_model(objects, Rules(0.0), limit=LIMIT)
    file = ModelFile(saved.sha256, saved.size, artifacts={"table.json": (table.sha256, table.size)})
    model = load_model(objects, file, trusted=[NAME])
    assert isinstance(model, LoadedPythonModel)
    assert model.predict([{"kind": "a"}, {"kind": "b"}]) == [2.5, 0.0]
    path: Path = model.context.artifacts["table.json"]
    assert path.suffix == ".json"
    assert objects.folder not in path.parents
    del model
    assert not path.exists()


def test_a_damaged_file_of_a_python_model_is_told(objects: Objects) -> None:
    table = objects.put_bytes(b'{"a": 2.5}')
    objects.path(table.sha256).write_bytes(b'{"a": 9.9}')
    saved = save_model(objects, Rules(0.0), limit=LIMIT)
    file = ModelFile(
        saved.sha256,
        saved.size,
        referrer="model version churn/3",
        artifacts={"../../table": (table.sha256, table.size)},
    )
    with pytest.raises(Damaged, match=r"The file of '../../table' of model version churn/3 is dam"):
        load_model(objects, file, trusted=[NAME])


def test_a_python_model_without_predict_says_so(objects: Objects) -> None:
    saved = save_model(objects, Nothing(), limit=LIMIT)
    model = load_model(objects, ModelFile(saved.sha256, saved.size), trusted=saved.needs_trust)
    with pytest.raises(NotImplementedError, match="Nothing has no predict"):
        model.predict([])


def test_a_python_model_of_a_script_is_refused(python: Any) -> None:
    code = """
import lite_mlops as lm
class Mine(lm.PythonModel):
    def predict(self, context, rows):
        return rows
from lite_mlops.models.loading import LIMIT, save_model
from lite_mlops.store import Objects
from pathlib import Path
try:
    save_model(Objects(Path("objects")), Mine(), limit=LIMIT)
except lm.Invalid as error:
    print(error, Path("objects").exists())
"""
    told = python(code).stdout
    assert "this Mine needs Mine from the script or notebook that runs now" in told
    assert told.endswith("import it from there. False\n")


# -- skops --------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [PIPELINE, FOREST], ids=["pipeline", "forest"])
def test_skops(objects: Objects, model: Any) -> None:
    pytest.importorskip("skops")
    saved = save_model(objects, model, format="skops", limit=LIMIT)
    assert saved.needs_trust == ()
    file = ModelFile(saved.sha256, saved.size, format="skops")
    again = load_model(objects, file)
    assert again.predict_proba(ROWS).tobytes() == model.predict_proba(ROWS).tobytes()
    assert inspect_model(objects.read(saved.sha256, "it")).format == "skops"


def test_skops_asks_for_trust_in_the_same_names(objects: Objects) -> None:
    pytest.importorskip("skops")
    saved = save_model(objects, Rules(0.5), format="skops", limit=LIMIT)
    assert saved.needs_trust == (NAME,)
    file = ModelFile(saved.sha256, saved.size, format="skops")
    with pytest.raises(Untrusted, match=r"tests\.models\.loading\.rules:Rules"):
        load_model(objects, file)
    assert load_model(objects, file, trusted=[NAME]).predict([{"kind": 1}]) == [0.5]


# -- ONNX ---------------------------------------------------------------------------------------


def field(number: int, value: bytes | int) -> bytes:
    """One field of a Protocol Buffers message."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    size = len(value)
    length = b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    key = number << 3 | 2
    head = bytes([key]) if key < 128 else bytes([key & 127 | 128, key >> 7])
    return head + length + bytes([size]) + value


def onnx(graph: bytes) -> bytes:
    return field(1, 8) + field(7, graph) + field(8, field(2, 13)) + bytes(0)


@pytest.mark.parametrize(
    "graph",
    [
        field(5, field(13, field(1, b"location") + field(2, b"/etc/passwd"))),
        field(5, field(14, 1)),
        field(1, field(5, field(5, field(14, 1)))),
        field(1, field(5, field(6, field(5, field(14, 1))))),
        field(15, field(1, field(14, 1))),
    ],
    ids=["path", "location", "attribute", "subgraph", "sparse"],
)
def test_an_onnx_model_with_other_files_is_refused(load: Loads, graph: bytes) -> None:
    with pytest.raises(RefusedModel, match="it keeps tensors in other files, which are not read"):
        load(onnx(graph), format="onnx")


def test_what_is_no_onnx_model(load: Loads) -> None:
    deep = b""
    for _ in range(200):
        deep = field(1, field(5, field(6, deep)))
    with pytest.raises(RefusedModel, match="nested too deeply"):
        load(onnx(deep), format="onnx")
    for data in (b"", b"\x08\x08", b"\xff" * 40, onnx(b"")[:3], b"\x08\x08\x3a\xff\xff\xff\x7f"):
        with pytest.raises(UnreadableModel, match="it is no ONNX model"):
            load(data, format="onnx")
    with pytest.raises(Invalid, match="this int is no ONNX model"):
        write_model(5, io.BytesIO(), format="onnx")


def test_onnx(objects: Objects) -> None:
    pytest.importorskip("onnxruntime")
    convert = pytest.importorskip("skl2onnx")
    made = convert.to_onnx(PIPELINE, ROWS[:1].astype(np.float32), options={"zipmap": False})
    saved = save_model(objects, made, format="onnx", limit=LIMIT)
    assert saved.imports == ()
    model = load_model(objects, ModelFile(saved.sha256, saved.size, format="onnx"))
    assert isinstance(model, OnnxModel)
    assert np.array_equal(model.predict(ROWS), PIPELINE.predict(ROWS))
    columns = {f"x{place}": column for place, column in enumerate(ROWS.T)}
    assert np.array_equal(model.predict(columns), PIPELINE.predict(ROWS))
    assert np.allclose(model.run(ROWS)["probabilities"], PIPELINE.predict_proba(ROWS), atol=1e-5)
    with pytest.raises(Invalid, match="the model cannot answer these rows"):
        model.predict(ROWS[:, :2])
    assert inspect_model(objects.read(saved.sha256, "it")).format == "onnx"
