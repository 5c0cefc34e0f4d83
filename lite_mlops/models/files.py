"""Model files: pickles that joblib loads, and that are never read before their hash was checked.

A pickle is a program: whoever can change the file can run code. So there is one function that
loads, and it loads the very bytes whose hash was compared with the registry.
"""

from __future__ import annotations

import io
import pickle
from typing import IO, Any

import joblib

from lite_mlops.errors import Invalid
from lite_mlops.store import Objects, Stored

MEDIA = "application/x-joblib"


def write_model(model: Any, file: IO[bytes]) -> None:
    """Write a model to an open file; what the file itself raises as `TimeoutError` passes.

    Raises:
        Invalid: it cannot be pickled.
    """
    try:
        pickle.Pickler(file, protocol=5).dump(model)  # many times as fast as that of joblib
    except TimeoutError:
        raise
    except (TypeError, AttributeError, ImportError) as error:
        raise Invalid(
            f"this {type(model).__name__} cannot be written to a file: {error}."
        ) from None
    except Exception as error:
        raise Invalid(f"this {type(model).__name__} cannot be pickled: {error!r}.") from error


def save_model(objects: Objects, model: Any) -> Stored:
    """Store a model in the object store.

    Raises:
        Invalid: it cannot be pickled.
    """
    buffer = io.BytesIO()
    write_model(model, buffer)
    return objects.put_bytes(buffer.getvalue())


def load_model(objects: Objects, sha256: str, referrer: str) -> Any:
    """Load a model after its bytes were proved.

    Raises:
        Damaged: the file is missing or is not the one that was registered; nothing of it was run.
    """
    return joblib.load(io.BytesIO(objects.read(sha256, referrer)))
