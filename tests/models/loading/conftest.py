"""What the tests of loading share: a store, and loading of bytes as if they were registered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lite_mlops.models.loading import ModelFile, load_model
from lite_mlops.store import Objects

Loads = Callable[..., Any]


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "objects")


@pytest.fixture
def load(objects: Objects) -> Loads:
    """Loads bytes from the object store, with the hash that they have."""

    def loaded(data: bytes, *, limit: int = 1 << 26, **options: Any) -> Any:
        fields = {
            name: options.pop(name) for name in ("trusted", "strict", "mapped") if name in options
        }
        stored = objects.put_bytes(data)
        file = ModelFile(stored.sha256, stored.size, referrer="model version churn/3", **options)
        return load_model(objects, file, limit=limit, **fields)

    return loaded


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
