"""Versions of models: what one is, and how a reference finds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lite_mlops.errors import NotFound, suggestion
from lite_mlops.htmltext import html_facts
from lite_mlops.models.loading import ModelFile
from lite_mlops.models.references import Reference
from lite_mlops.models.signature import Signature
from lite_mlops.store import Database


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

    @property
    def file(self) -> ModelFile:
        """Its file, as `load_model` takes it."""
        return ModelFile(
            sha256=self.sha256,
            size=self.size,
            referrer=f"model version {self.name}",
            requirements=self.requirements,
        )

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


def known_model(database: Database, model: str) -> None:
    """Do nothing if there is such a model. Raises `NotFound`."""
    if database.value("last_version", model=model) is None:
        known = [name for (name,) in database.rows("model_names")]
        raise NotFound(f"There is no model {model!r}.{suggestion(model, known)}")


def resolve(database: Database, reference: Reference) -> ModelVersion:
    """Return the version that a reference names. Raises `NotFound`."""
    known_model(database, reference.model)
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
