"""Writes `lite_mlops/models/loading/shipped.txt`: what the files of real models import.

    python -m tests.models.loading.shipped_list

Every model of `estimators.py` is dumped with joblib and with pickle, and loaded while noting what
each name is used for. Names that are on the list already stay, so that those of other versions of
scikit-learn can be added by running it with them.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np

import lite_mlops.models.loading as loading
from lite_mlops.models.loading.constructing import Construction
from lite_mlops.models.loading.listing import pickle_imports
from tests.models.loading.estimators import every_model

PATH = Path(loading.__file__).with_name("shipped.txt")

# Seen in models, and not shipped: each with what could be done with it.
NEVER = {
    "functools:partial": "hides one call in another",
    "pyarrow.lib:_restore_array": "compiled code that believes whatever offsets it is given",
    "pyarrow.lib:py_buffer": "only for the one above",
    "pyarrow.lib:type_for_alias": "only for the one above",
    "pandas.arrays:ArrowStringArray": "only for the one above",
}


class Noting(Construction):
    """Loads whatever a file imports, and notes what each name is used for."""

    def __init__(self, data: memoryview, uses: dict[str, set[str]], at: int = 0) -> None:
        super().__init__(data, at, trusted=pickle_imports(data) if at == 0 else (), nested=at > 0)
        self.uses = uses

    def _global(self, name: str) -> Any:
        self.uses.setdefault(name, set())
        return super()._global(name)

    def _may(self, found: Any, right: str) -> None:
        name = self._names[id(found)][0]
        self.uses[name].add(right)

    def _inner(self, at: int) -> Construction:
        inner = Noting(self._data, self.uses, at)
        inner._trusted = self._trusted
        return inner


def joblib_bytes(model: Any) -> bytes:
    """A model as joblib writes it."""
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue()


def seen() -> dict[str, set[str]]:
    """Every name in files of every model, with what it is used for."""
    uses: dict[str, set[str]] = {}
    for model in every_model():
        forms = [joblib_bytes(model)] + [pickle.dumps(model, number) for number in (2, 4, 5)]
        for data in forms:
            Noting(memoryview(data), uses).run()
    return uses


def listed(uses: dict[str, set[str]]) -> list[str]:
    """The lines of the list."""
    return sorted(" ".join([name, *sorted(found)]) for name, found in uses.items())


def main() -> None:
    """Add what is seen to the list."""
    uses = {name: set(may) for name, *may in map(str.split, PATH.read_text("utf-8").splitlines())}
    for name, may in seen().items():
        if name not in NEVER:
            uses.setdefault(name, set()).update(may)
    PATH.write_text("\n".join(listed(uses)) + "\n", "utf-8")
    print(f"{len(uses)} names, NumPy {np.__version__}")


if __name__ == "__main__":
    main()
