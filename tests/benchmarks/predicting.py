"""Predicting over whole files beside pandas in chunks, and bundles beside copies of their bytes.

pandas does what a script would do: it reads the file in pieces of as many rows, asks the model and
writes the answers, without a look at the types. The floor of a bundle is to copy the model file, to
hash it, and to bring the copy to the disk.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from lite_mlops.models import infer_signature
from lite_mlops.project import Project
from lite_mlops.serving import predict_file
from lite_mlops.serving.files import BATCH_ROWS
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of

_FEATURES = 12
_CHUNKS = "pandas in chunks, types not looked at"
_COPIED = "copy, SHA-256 and sync of the file"


def _timed(repetitions: int, *actions: Callable[[], object]) -> list[list[float]]:
    return interleaved(repetitions, *(partial(seconds_of, action) for action in actions))


def _by_pandas(model: Any, source: Path, target: Path) -> None:
    with target.open("w") as file:
        file.write("prediction\n")
        for chunk in pd.read_csv(source, chunksize=BATCH_ROWS):
            answers = model.predict(chunk.to_numpy())
            pd.DataFrame(answers).to_csv(file, header=False, index=False)


def _files(folder: Path, rows: int, repetitions: int) -> list[Figure]:
    table = np.random.default_rng(0).normal(size=(rows, _FEATURES))
    model = LogisticRegression().fit(table[:1000], table[:1000, 0] > 0)
    signature = infer_signature(model, table[:5])
    frame = pd.DataFrame(table, columns=list(signature.features))
    csv, parquet, target = (folder / name for name in ("in.csv", "in.parquet", "out.csv"))
    frame.to_csv(csv, index=False)
    frame.to_parquet(parquet)
    ours, theirs, columns = _timed(
        repetitions,
        lambda: predict_file(model, signature, csv, target),
        lambda: _by_pandas(model, csv, target),
        lambda: predict_file(model, signature, parquet, folder / "out.parquet"),
    )
    return [
        compared(f"predict {rows:,} rows of CSV", ours, theirs, floor_is=_CHUNKS, within=1.5),
        compared("the same rows of Parquet", columns),
    ]


def _copied(source: Path, target: Path) -> None:
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("wb") as file:
        while block := read.read(1 << 20):
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def _bundles(folder: Path, size: int, repetitions: int) -> list[Figure]:
    first, second = (Project(folder / name) for name in ("first", "second"))
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    weights = folder / "weights.bin"
    weights.write_bytes(np.random.default_rng(0).bytes(size))
    first.models.register(model, "churn", artifacts={"weights.bin": weights})
    bundle = folder / "churn.lmz"

    def bring() -> None:
        stored = first.models.get("churn").members["weights.bin"].sha256
        second.store.objects.remove(stored)
        second.models.import_bundle(bundle)

    written, taken, copied = _timed(
        repetitions,
        lambda: first.models.export("churn", bundle),
        bring,
        lambda: _copied(weights, folder / "copy"),
    )
    return [
        compared(f"export {size // 10**6} MB", written, copied, floor_is=_COPIED, within=2),
        compared("import them", taken, copied, floor_is=_COPIED, within=4),
    ]


def measure(*, quick: bool) -> list[Figure]:
    """Measure a file of numbers, and a bundle of a model with large weights."""
    with scratch() as folder:
        for name in ("first", "second"):
            (folder / name).mkdir()
        figures = _files(folder, 20_000 if quick else 1_000_000, 2 if quick else 5)
        return figures + _bundles(folder, (10 if quick else 200) * 10**6, 2 if quick else 5)
