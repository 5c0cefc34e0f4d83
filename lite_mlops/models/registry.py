"""The model registry: numbered versions, and aliases that say which one is in use.

version = project.models.register(model, "churn", run=run.id)
project.models.set_alias("churn", "champion", version.version, reason="better AUC")
project.models.load("churn@champion")
"""

from __future__ import annotations

from typing import Any

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.models.aliases import Aliases
from lite_mlops.models.loading import FORMATS, load_model, save_model
from lite_mlops.models.references import checked_model_name, parse_reference
from lite_mlops.models.signature import infer_signature
from lite_mlops.models.versions import ModelVersion, known_model, resolve
from lite_mlops.security import mask_reason
from lite_mlops.store.events import VersionRegistered


class Models(Aliases):
    """The models of a project and their versions; what concerns aliases stands in `aliases.py`."""

    # -- questions ------------------------------------------------------------------------------

    def all(self, model: str | None = None) -> list[ModelVersion]:
        """Return all versions, of one model or of all, the newest first.

        Raises:
            NotFound: there is no such model.
        """
        with self._store.reading() as database:
            if model is not None:
                known_model(database, model)
            rows = database.dicts("model_version_list", model=model)
        return [ModelVersion.from_row(row) for row in rows]

    def get(self, reference: str) -> ModelVersion:
        """Return the version that a reference such as 'churn@champion' names.

        Raises:
            Invalid: it is not a reference.
            NotFound: there is no such model, alias or version.
        """
        with self._store.reading() as database:
            return resolve(database, parse_reference(reference))

    def load(self, reference: str) -> Any:
        """Return the model itself, after its file was proved by its hash.

        Raises:
            Invalid, NotFound: the reference names no version.
            Damaged: the file is missing or is not the one that was registered.
        """
        return load_model(
            self._store.objects,
            self.get(reference).file,
            limit=self._store.settings.model_bytes,
        )

    # -- decisions ------------------------------------------------------------------------------

    def register(
        self,
        model: Any,
        name: str,
        *,
        run: str | None = None,
        input_example: Any = None,
        reason: str | None = None,
    ) -> ModelVersion:
        """Store a fitted model and give it the next version number of `name`.

        Raises:
            Invalid: the name cannot be used, the model cannot be written, or its features are
                not known.
            NotFound: there is no such run.
        """
        name = checked_model_name(name)
        signature = infer_signature(model, input_example)
        if not callable(getattr(model, "predict", None)):
            raise Invalid(f"this {type(model).__name__} is no model: it has no predict.")
        stored = save_model(self._store.objects, model, limit=self._store.settings.model_bytes)
        with self._store.deciding() as decisions:
            if run is not None and not decisions.database.value("run_is_known", run=run):
                raise NotFound(f"There is no run {run!r}.")
            last = decisions.database.value("last_version", model=name) or 0
            decisions.record(
                VersionRegistered(
                    model=name,
                    version=last + 1,
                    sha256=stored.sha256,
                    size=stored.size,
                    media=FORMATS[stored.format].media,
                    run=run,
                    signature=signature.to_dict(),
                    requirements=dict(stored.requirements),
                    reason=mask_reason(reason, self._store.settings.mask),
                )
            )
        return self.get(f"{name}/{last + 1}")
