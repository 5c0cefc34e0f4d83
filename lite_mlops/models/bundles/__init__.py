"""Bundles: a version with everything that it needs to answer, in one file, for another machine.

Names are loaded on their first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_mlops.faces import loaded_on_use

if TYPE_CHECKING:
    from lite_mlops.models.bundles.importing import Bundling
    from lite_mlops.models.bundles.manifest import BUNDLE, ENDING, Manifest, is_bundle
    from lite_mlops.models.bundles.reading import Bundle
    from lite_mlops.models.bundles.refusals import ChangedBundle, NoBundle
    from lite_mlops.models.bundles.writing import write_bundle

# Where each name lives; the imports above say the same to type checkers.
_HOMES = {
    "importing": "Bundling",
    "manifest": "BUNDLE ENDING Manifest is_bundle",
    "reading": "Bundle",
    "refusals": "ChangedBundle NoBundle",
    "writing": "write_bundle",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "BUNDLE",
    "ENDING",
    "Bundle",
    "Bundling",
    "ChangedBundle",
    "Manifest",
    "NoBundle",
    "is_bundle",
    "write_bundle",
]

__getattr__ = loaded_on_use(__name__, _HOME_OF)
