"""Bundles: a version with everything that it needs to answer, in one file, for another machine."""

from lite_mlops.models.bundles.importing import Bundling
from lite_mlops.models.bundles.manifest import BUNDLE, ENDING, Manifest, is_bundle
from lite_mlops.models.bundles.reading import Bundle
from lite_mlops.models.bundles.refusals import ChangedBundle, NoBundle
from lite_mlops.models.bundles.writing import write_bundle

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
