"""The model registry: numbered versions, and aliases that say which one is in use.

version = project.models.register(model, "churn", run=run.id)
project.models.set_alias("churn", "champion", version.version, reason="better AUC")
project.models.load("churn@champion")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lite_mlops.models.bundles import Bundling
from lite_mlops.models.cards import Cards
from lite_mlops.models.looking import Looking
from lite_mlops.models.lowering import Plans
from lite_mlops.models.promoting import Promoting
from lite_mlops.models.registering import Registering
from lite_mlops.models.removing import Removing
from lite_mlops.models.signing import Signing, open_version
from lite_mlops.models.tagging import Tagging
from lite_mlops.models.versions import ModelVersion, known_model

if TYPE_CHECKING:
    from lite_mlops.models.search import VersionPage


class Models(Registering, Promoting, Tagging, Removing, Signing, Looking, Cards, Bundling, Plans):
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
            rows = database.dicts("model_version_list", model=model, names=None, removed=removed)
        return [ModelVersion.from_row(row) for row in rows]

    def search(
        self,
        filter: str | None = None,  # noqa: A002  (the word of MLflow)
        order_by: str | Sequence[str] | None = None,
        max_results: int = 50,
        page_token: str | None = None,
    ) -> VersionPage:
        """Return the first versions that a filter finds, the newest first unless it is sorted.

        `search("model = 'churn' AND metrics.auc > 0.9 AND tags.team LIKE 'a%'")`: the language is
        that of `Runs.search`; attributes are model, version, alias, class, format, size, run_id,
        actor, created and description. Removed versions are left out.

        Raises:
            Invalid: the filter or an order cannot be understood, and the message points at the
                place; the number is not 1 to 50,000; or the token is not of this question.
        """
        from lite_mlops.models.search import search_versions  # who serves never searches

        return search_versions(self._store, filter, order_by, max_results, page_token)

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
        version = self.get(reference)
        return open_version(self._store.objects, version, self._store.settings, strict=strict)
