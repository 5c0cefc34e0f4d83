"""Importing: what was logged with other tools becomes part of a project."""

from lite_mlops.importing.imports import Imported, Imports

__all__ = ["Imported", "Imports"]
