"""Faces of packages whose names are loaded on their first use, so that who needs one pays for one.

    _HOME_OF = {"Server": "kernel.server"}      # by name, the module below the package
    __getattr__ = loaded_on_use(__name__, _HOME_OF)

What type checkers are to see stands beside it, imported under TYPE_CHECKING.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def loaded_on_use(package: str, home_of: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package. It raises `AttributeError` for any other name."""

    def load(name: str) -> Any:
        home = home_of.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{home}"), name)
        setattr(sys.modules[package], name, value)  # so that the next use finds it at once
        return value

    return load
