"""The model registry: numbered versions, and aliases that say which one is in use.

version = project.models.register(model, "churn", run=run.id)
project.models.set_alias("churn", "champion", version.version, reason="better AUC")
project.models.load("churn@champion")
"""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from platform import python_version
from typing import Any

from lite_mlops.errors import Invalid, NotFound, suggestion
from lite_mlops.htmltext import html_facts
from lite_mlops.models.files import MEDIA, load_model, save_model
from lite_mlops.models.references import Reference, checked_model_name, parse_reference
from lite_mlops.models.signature import Signature, infer_signature
from lite_mlops.security import mask_reason
from lite_mlops.store import Database, Store
from lite_mlops.store.events import AliasSet, VersionRegistered


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model; it never changes, only aliases move."""

    model: str
    version: int
    sha256: str
    size: int
    run_id: str | None
    signature: Signature
    requirements: Mapping[str, str]
    created_at: datetime
    actor: str
    aliases: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> ModelVersion:
        """Return the version of a row of `model_version_list`."""
        return cls(
            model=row["model"],
            version=row["version"],
            sha256=row["sha256"],
            size=row["size"],
            run_id=row["run_id"],
            signature=Signature.from_dict(json.loads(row["signature"])),
            requirements=json.loads(row["requirements"]),
            created_at=row["created_at"].replace(tzinfo=UTC),
            actor=row["actor"],
            aliases=tuple(row["aliases"] or ()),
            metrics=row["metrics"] or {},
        )

    @property
    def name(self) -> str:
        """The version as it is named everywhere, such as 'churn/3'."""
        return f"{self.model}/{self.version}"

    def __repr__(self) -> str:
        aliases = "".join(f" @{alias}" for alias in self.aliases)
        return f"<ModelVersion {self.name}{aliases}>"

    def _repr_html_(self) -> str:
        facts = self.to_dict()
        facts["signature"] = ", ".join(self.signature.features)
        return html_facts(f"Model version {self.name}", facts)

    def to_dict(self) -> dict[str, Any]:
        """Return the version as JSON can hold it."""
        return vars(self) | {
            "signature": self.signature.to_dict(),
            "created_at": self.created_at.isoformat(),
            "aliases": list(self.aliases),
            "metrics": dict(self.metrics),
        }


@dataclass(frozen=True)
class AliasMove:
    """A move of an alias: who moved it, when, to which version and why."""

    alias: str
    version: int
    moved_at: datetime
    actor: str
    reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the move as JSON can hold it."""
        return vars(self) | {"moved_at": self.moved_at.isoformat()}


def _requirements() -> dict[str, str]:
    """Return the versions of what a scikit-learn model is made of, from installed metadata."""
    names = ("scikit-learn", "numpy", "scipy", "joblib")
    return {"python": python_version()} | {name: metadata.version(name) for name in names}


class Models:
    """The models of a project: questions first, then decisions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- questions ------------------------------------------------------------------------------

    def all(self, model: str | None = None) -> list[ModelVersion]:
        """Return all versions, of one model or of all, the newest first.

        Raises:
            NotFound: there is no such model.
        """
        with self._store.reading() as database:
            if model is not None:
                _known_model(database, model)
            rows = database.dicts("model_version_list", model=model)
        return [ModelVersion.from_row(row) for row in rows]

    def get(self, reference: str) -> ModelVersion:
        """Return the version that a reference such as 'churn@champion' names.

        Raises:
            Invalid: it is not a reference.
            NotFound: there is no such model, alias or version.
        """
        with self._store.reading() as database:
            return _resolve(database, parse_reference(reference))

    def history(self, model: str) -> list[AliasMove]:
        """Return every move of the aliases of a model, the newest first. Raises `NotFound`."""
        with self._store.reading() as database:
            _known_model(database, model)
            rows = database.dicts("alias_history", model=model)
        return [
            AliasMove(
                alias=row["alias"],
                version=row["version"],
                moved_at=row["moved_at"].replace(tzinfo=UTC),
                actor=row["actor"],
                reason=row["reason"],
            )
            for row in rows
        ]

    def load(self, reference: str) -> Any:
        """Return the model itself, after its file was proved by its hash.

        Raises:
            Invalid, NotFound: the reference names no version.
            Damaged: the file is missing or is not the one that was registered.
        """
        version = self.get(reference)
        return load_model(self._store.objects, version.sha256, f"model version {version.name}")

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
        stored = save_model(self._store.objects, model)
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
                    media=MEDIA,
                    run=run,
                    signature=signature.to_dict(),
                    requirements=_requirements(),
                    reason=mask_reason(reason, self._store.settings.mask),
                )
            )
        return self.get(f"{name}/{last + 1}")

    def set_alias(
        self, model: str, alias: str, version: int, *, reason: str | None = None
    ) -> ModelVersion:
        """Have an alias point to a version of a model.

        Raises:
            Invalid: the alias cannot be used, or the version is no number.
            NotFound: there is no such model or version.
        """
        alias = checked_model_name(alias, "alias")
        version = _checked_version(version)
        with self._store.deciding() as decisions:
            found = _resolve(decisions.database, Reference(model, version=version))
            reason = mask_reason(reason, self._store.settings.mask)
            decisions.record(
                AliasSet(model=model, alias=alias, version=found.version, reason=reason)
            )
        return self.get(f"{model}/{version}")


def _checked_version(version: Any) -> int:
    try:
        return operator.index(version)
    except TypeError:
        kind = type(version).__name__
        raise Invalid(f"a version is a whole number; {version!r} is a {kind}.") from None


def _known_model(database: Database, model: str) -> None:
    if database.value("last_version", model=model) is None:
        known = [name for (name,) in database.rows("model_names")]
        raise NotFound(f"There is no model {model!r}.{suggestion(model, known)}")


def _resolve(database: Database, reference: Reference) -> ModelVersion:
    """Return the version that a reference names. Raises `NotFound`."""
    _known_model(database, reference.model)
    number = reference.version
    if reference.alias is not None:
        number = database.value("alias_version", model=reference.model, alias=reference.alias)
        if number is None:
            known = [alias for (alias,) in database.rows("alias_names", model=reference.model)]
            raise NotFound(
                f"The model {reference.model!r} has no alias {reference.alias!r}."
                f"{suggestion(reference.alias, known)}"
            )
    rows = database.dicts("model_version_list", model=reference.model)
    for row in rows:  # the newest first
        if number is None or row["version"] == number:
            return ModelVersion.from_row(row)
    raise NotFound(
        f"The model {reference.model!r} has no version {number}; its newest is "
        f"{rows[0]['version']}."
    )
