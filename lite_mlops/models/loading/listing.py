"""What a pickle would import, without importing anything: nothing of it is called or made."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from lite_mlops.models.loading.pickles import Machine

_NOTHING: Final = object()  # stands for every object that loading would make
_SHORT = 64  # bytes of a payload that a NumPy type may need; others are not copied


class Listing(Machine):
    """Runs a stream for its imports; it keeps only the constants that the reading depends on."""

    def __init__(self, data: memoryview, at: int = 0, *, nested: bool = False) -> None:
        super().__init__(data, at, nested=nested)
        self.imports: dict[str, None] = {}

    def _global(self, name: str) -> Any:
        self.imports[name] = None
        return _NOTHING

    def _call(self, function: Any, arguments: tuple[Any, ...]) -> Any:  # noqa: ARG002
        return _NOTHING

    def _new(self, kind: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:  # noqa: ARG002
        return _NOTHING

    def _set_state(self, made: Any, state: Any) -> None:
        pass

    def _set_items(self, made: Any, pairs: list[tuple[Any, Any]]) -> None:
        if type(made) is dict:
            made.update((key, value) for key, value in pairs if type(key) is str)

    def _append(self, made: Any, items: list[Any]) -> None:
        pass

    def _add(self, made: Any, items: list[Any]) -> None:
        pass

    def _payload(self, view: memoryview) -> Any:
        return bytes(view) if len(view) <= _SHORT else b""

    def _raw_array(self, dtype: np.dtype[Any], shape: tuple[int, ...], order: str, at: int) -> Any:  # noqa: ARG002
        return _NOTHING

    def _inner(self, at: int) -> Machine:
        inner = Listing(self._data, at, nested=True)
        inner.imports = self.imports
        return inner


def pickle_imports(data: memoryview) -> tuple[str, ...]:
    """Return what the pickle or joblib stream `data` would import, as 'module:name', in order.

    Raises:
        UnreadableModel, RefusedModel: it is no such stream, or one that is never loaded.
    """
    listing = Listing(data)
    listing.run()
    return tuple(listing.imports)
