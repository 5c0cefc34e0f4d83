"""The model registry: numbered versions, and aliases that say which one is in use.

version = project.models.register(model, "churn", run=run.id)
project.models.set_alias("churn", "champion", version.version, reason="better AUC")
project.models.load("churn@champion")
"""

from __future__ import annotations

from typing import Any

from lite_mlops.models.aliases import Aliases
from lite_mlops.models.bundles import Bundling
from lite_mlops.models.loading import load_model
from lite_mlops.models.looking import Looking
from lite_mlops.models.registering import Registering
from lite_mlops.models.removing import Removing
from lite_mlops.models.tagging import Tagging
from lite_mlops.models.trusting import Trusting
from lite_mlops.models.versions import ModelVersion, known_model


class Models(Registering, Aliases, Tagging, Removing, Trusting, Looking, Bundling):
    """The models of a project; each concern of them stands in a file of its own."""

    def all(self, model: str | None = None, *, removed: bool = False) -> list[ModelVersion]:
        """Return all versions, of one model or of all, the newest first.

        Args:
            model: The name of the model; None: all models.
            removed: The removed versions instead.

        Raises:
            NotFound: there is no such model.
        """
        with self._store.reading() as database:
            if model is not None:
                known_model(database, model)
            rows = database.dicts("model_version_list", model=model, removed=removed)
        return [ModelVersion.from_row(row) for row in rows]

    def load(self, reference: str, *, strict: bool = False) -> Any:
        """Return the model itself, after its file was proved by its hash.

        Args:
            reference: The version, such as 'churn@champion'.
            strict: Refuse it if Python or a package has another version than at registration.

        Raises:
            Invalid, NotFound: the reference names no version.
            Damaged: the file is missing or is not the one that was registered.
            Denied: it imports what is not trusted, or versions differ with `strict`.
        """
        return load_model(self._store.objects, self.get(reference).file, strict=strict)
