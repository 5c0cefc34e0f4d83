"""The outputs of steps: kept in the object store, compared with it, and brought back from it.

    with Aside(step, files):              # what was there waits beside, until the step has ended
        ...
    outputs = keep_outputs(store, step, files)
    is_there(output, files)               # unaltered?
    bring_output_back(store, output, files)

While a step runs, its former outputs lie beside under hidden names. If it fails, is interrupted or
killed, they come back, at once or with the next run: nobody ever finds half of an output.
"""

from __future__ import annotations

import io
import os
import pickle
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from lite_mlops.data.sources import FileState
from lite_mlops.errors import Conflict, Damaged, Invalid
from lite_mlops.pipelines.cache import Output, Result
from lite_mlops.pipelines.files import Files
from lite_mlops.pipelines.steps import Step
from lite_mlops.store import Store, bring_back, keep

_ASIDE = ".before-step"  # the ending of what waits beside
_NOTHING = ".nothing-before-step"  # the ending of the mark that there was nothing


class OutputMissing(Conflict):
    """A step has ended and did not make what it says it makes."""


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _beside(path: Path, ending: str = _ASIDE) -> Path:
    return path.with_name(f".{path.name}{ending}")


def put_back(paths: Iterable[Path]) -> None:
    """Put back what waits beside, in the place of what a step that did not end well made."""
    for path in paths:
        beside, nothing = _beside(path), _beside(path, _NOTHING)
        if os.path.lexists(beside):
            _remove(path)
            os.replace(beside, path)
        elif nothing.exists():
            _remove(path)
        nothing.unlink(missing_ok=True)


class Aside:
    """Moves the former outputs of a step out of its way, and back unless it ended well."""

    def __init__(self, step: Step, files: Files) -> None:
        self._paths = [files.path(output) for output in step.outputs]
        self._ended_well = False

    def __enter__(self) -> Self:
        put_back(self._paths)
        try:
            for path in self._paths:
                path.parent.mkdir(parents=True, exist_ok=True)
                if os.path.lexists(path):
                    os.replace(path, _beside(path))
                else:
                    _beside(path, _NOTHING).touch()
        except OSError as error:
            put_back(self._paths)
            raise Invalid(f"{error.filename} cannot be moved: {error.strerror}.") from None
        return self

    def keep_new(self) -> None:
        """Have what the step made stay."""
        self._ended_well = True

    def __exit__(self, *_: object) -> None:
        if not self._ended_well:
            put_back(self._paths)
            return
        for path in self._paths:
            _beside(path, _NOTHING).unlink(missing_ok=True)
            _remove(_beside(path))


# -- keeping ------------------------------------------------------------------------------------


def keep_outputs(store: Store, step: Step, files: Files) -> tuple[Output, ...]:
    """Keep copies of what a step made.

    Raises:
        OutputMissing: it did not make one of them.
        Invalid: one cannot be read.
    """
    files.forget(step.outputs)
    return tuple(_kept(store, step, path, files) for path in step.outputs)


def _kept(store: Store, step: Step, path: str, files: Files) -> Output:
    place = files.path(path)
    if not os.path.lexists(place):
        raise OutputMissing(
            f"Step {step.name!r} ended well and did not make {path}, which it names as an output."
        )
    try:
        if place.is_dir():
            content = files.content(path)
            assert content is not None
            kept = keep(store.objects, {name: place / name for name in content.states})
            return Output(path, content.sha256, kept.manifest, kept.size, "folder")
        moment, state = time.time_ns(), FileState.of(place)
        stored = store.objects.put_file(place)
    except OSError as error:
        raise Invalid(f"{error.filename or place} cannot be read: {error.strerror}.") from None
    files.learn(path, state, stored.sha256, moment)
    return Output(path, stored.sha256, stored.sha256, stored.size, "file")


def is_there(output: Output, files: Files) -> bool:
    """Return whether an output lies where it was made, unaltered."""
    content = files.content(output.path)
    return content is not None and (content.sha256, content.form) == (output.sha256, output.form)


def bring_output_back(store: Store, output: Output, files: Files) -> None:
    """Write an output back to its place.

    Raises:
        Damaged: what is kept of it is missing or not what was stored.
        Invalid: it cannot be written.
    """
    place = files.path(output.path)
    referrer = f"the output {output.path}"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if output.form == "folder":
            if place.exists() and not place.is_dir():
                place.unlink()
            bring_back(store.objects, output.object, place, referrer, force=True)
        else:
            if place.is_dir():
                shutil.rmtree(place)
            store.objects.copy_out(output.object, place, referrer)
            files.learn(output.path, FileState.of(place), output.sha256, time.time_ns())
    except OSError as error:
        raise Invalid(f"{error.filename or place} cannot be written: {error.strerror}.") from None
    finally:
        files.forget([output.path])


def is_kept(store: Store, result: Result) -> bool:
    """Return whether all that a result needs to come back is in the object store."""
    wanted = [one.object for one in result.outputs] + ([result.value] if result.value else [])
    return all(store.objects.file_of(sha256).exists() for sha256 in wanted)


# -- values -------------------------------------------------------------------------------------


def keep_value(store: Store, step: str, value: Any) -> dict[str, Any]:
    """Keep what a function returned; return the object that holds it, as an event tells it.

    Raises:
        Invalid: it cannot be pickled.
    """
    import joblib

    written = io.BytesIO()
    try:
        joblib.dump(value, written)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise Invalid(
            f"Step {step!r} returned a {type(value).__name__} that cannot be kept: {error}. Return "
            "plain values, arrays, tables or models, of classes that stand in a module."
        ) from error
    return vars(store.objects.put_bytes(written.getbuffer()))


def kept_value(store: Store, result: Result) -> Any:
    """Return what the function of a step returned.

    Raises:
        Damaged: what is kept of it is missing or damaged, or needs code that is not there.
    """
    import joblib

    assert result.value is not None
    data = store.objects.read(result.value, f"the value of step {result.step!r}")
    try:
        return joblib.load(io.BytesIO(data))
    except (ImportError, AttributeError) as error:
        raise Damaged(
            f"The value of step {result.step!r} cannot be loaded any more: {error}. "
            "`pipe run --force` makes it anew."
        ) from None
