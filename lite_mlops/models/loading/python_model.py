"""Any Python object with `predict`, registered as a model: PyTorch, rules, several models in one.

    class Rules(lm.PythonModel):
        def load_context(self, context):
            self.table = json.loads(context.artifacts["table"].read_text())

        def predict(self, context, rows):
            return [self.table.get(row["kind"], 0.0) for row in rows]

The class lies in a module that can be imported where the model is loaded. Its files are kept
beside the model by their hashes.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lite_mlops.models.loading.files import ModelFile, Source, opened


@dataclass(frozen=True)
class ModelContext:
    """What a `PythonModel` is given: its files by name, each a proved copy of its own."""

    artifacts: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))


class PythonModel:
    """Base of models that are written in Python; override `predict`."""

    def load_context(self, context: ModelContext) -> None:
        """Prepare for predicting, once after loading, such as reading weights from a file."""

    def predict(self, context: ModelContext, rows: Any) -> Any:
        """Return one answer for each of `rows`."""
        raise NotImplementedError(f"{type(self).__name__} has no predict.")


class LoadedPythonModel:
    """A `PythonModel` with its context, so that it predicts as other models do."""

    def __init__(self, model: PythonModel, context: ModelContext) -> None:
        self.model = model
        self.context = context
        model.load_context(context)

    def __repr__(self) -> str:
        return f"<LoadedPythonModel {type(self.model).__name__}>"

    def predict(self, rows: Any) -> Any:
        """Return one answer for each of `rows`."""
        return self.model.predict(self.context, rows)


def with_context(
    model: PythonModel, source: Source, file: ModelFile, *, limit: int
) -> LoadedPythonModel:
    """Return the model with proved copies of its files, which go when the model goes.

    Raises:
        Damaged: a file is missing or is not the one that was registered.
        RefusedModel: a file is larger than `limit`.
    """
    if not file.artifacts:
        return LoadedPythonModel(model, ModelContext())
    folder = tempfile.TemporaryDirectory(prefix="lite-mlops-")
    paths: dict[str, Path] = {}
    try:
        for number, (name, (sha256, size)) in enumerate(sorted(file.artifacts.items())):
            wanted = ModelFile(sha256, size, referrer=f"{name!r} of {file.referrer}")
            path = Path(folder.name) / f"{number}{_suffix(name)}"
            with opened(source, wanted, limit=limit) as proved:
                path.write_bytes(proved.data)
            paths[name] = path
        loaded = LoadedPythonModel(model, ModelContext(MappingProxyType(paths)))
    except BaseException:
        folder.cleanup()
        raise
    weakref.finalize(loaded, folder.cleanup)
    return loaded


def _suffix(name: str) -> str:
    """Return the ending of a name, where it is a plain one: libraries go by it."""
    suffix = Path(name).suffix
    return suffix if suffix[1:].isascii() and suffix[1:].isalnum() and len(suffix) < 12 else ""
