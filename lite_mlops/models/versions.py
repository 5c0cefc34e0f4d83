"""Versions of models: what one is, and how a reference finds it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lite_mlops.errors import NotFound, suggestion
from lite_mlops.htmltext import html_facts
from lite_mlops.models.loading import ModelFile
from lite_mlops.models.references import Reference
from lite_mlops.models.signature import Signature
from lite_mlops.store import Database

DESCRIPTION = "description"  # the tag that holds it


class Member(NamedTuple):
    """A further file of a version, such as the weights that an own class loads."""

    sha256: str
    size: int


class Seal(NamedTuple):
    """A signature of a version: made with which key, and recorded when and by whom."""

    public: str  # the key that proves it, such as 'ed25519:11qYAY...'
    signature: str  # base64
    signed_at: datetime
    actor: str

    def to_dict(self) -> dict[str, Any]:
        """Return the signature as JSON can hold it."""
        return self._asdict() | {"signed_at": self.signed_at.isoformat()}


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model: its file and origin never change; aliases and tags move."""

    model: str
    version: int  # 0: not registered, a model that a run kept
    sha256: str
    size: int
    run_id: str | None
    signature: Signature
    requirements: Mapping[str, str]
    created_at: datetime
    actor: str
    aliases: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    format: str = "joblib"
    class_name: str | None = None
    reason: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)  # versions of data, and their roles
    code: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    example: str | None = None  # the object that holds the input example
    members: Mapping[str, Member] = field(default_factory=dict)
    trusted: tuple[str, ...] = ()  # what its file may import beyond the shipped list
    compression: str | None = None  # of its file
    seals: tuple[Seal, ...] = ()
    removed_at: datetime | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> ModelVersion:
        """Return the version of a row of `model_version_list`.

        Metrics and params are those of the run as it stands now, and those given with the version.
        """
        members = _json(row["members"])
        tags: dict[str, str] = row["tags"] or {}
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
            metrics=(row["run_metrics"] or {}) | _json(row["metrics"]),
            params=(row["run_params"] or {}) | _json(row["params"]),
            format=row["format"],
            class_name=row["class_name"],
            reason=row["reason"],
            data=_json(row["data"]),
            code=_json(row["code"]),
            tags=tags,
            example=row["example"],
            members={name: Member(**about) for name, about in members.items()},
            trusted=tuple(sorted({*(row["trusted"] or ()), *(row["confirmed"] or ())})),
            compression=row["compression"],
            seals=tuple(
                Seal(**seal | {"signed_at": seal["signed_at"].replace(tzinfo=UTC)})
                for seal in row["seals"] or ()
            ),
            removed_at=row["decided_at"].replace(tzinfo=UTC) if row["removed"] else None,
        )

    @property
    def name(self) -> str:
        """The version as it is named everywhere, such as 'churn/3'."""
        return f"{self.model}/{self.version}" if self.version else self.model

    @property
    def description(self) -> str | None:
        """What somebody wrote about it."""
        return self.tags.get(DESCRIPTION)

    @property
    def file(self) -> ModelFile:
        """Its file, as `load_model` takes it."""
        return ModelFile(
            sha256=self.sha256,
            size=self.size,
            format=self.format,
            referrer=f"model version {self.name}",
            compression=self.compression,
            requirements=self.requirements,
            artifacts=self.members,
            trusted=self.trusted,
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
            "trusted": list(self.trusted),
            "seals": [seal.to_dict() for seal in self.seals],
            "members": {name: member._asdict() for name, member in self.members.items()},
            "removed_at": None if self.removed_at is None else self.removed_at.isoformat(),
            **{name: dict(getattr(self, name)) for name in ("metrics", "params", "data", "tags")},
        }


def _json(text: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {} if text is None else json.loads(text)
    return found


def known_model(database: Database, model: str) -> None:
    """Do nothing if there is such a model. Raises `NotFound`."""
    if database.value("last_version", model=model) is None:
        raise _unknown_model(database, model)


def _unknown_model(database: Database, model: str) -> NotFound:
    known = [name for (name,) in database.rows("model_names")]
    return NotFound(f"There is no model {model!r}.{suggestion(model, known)}")


def _facts(database: Database, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands around one version, as in a row of `model_version_list`."""
    about = {"model": row["model"], "version": row["version"]}
    run = row["run_id"]
    return {
        "tags": dict(database.rows("version_tags", **about)),
        "aliases": [alias for (alias,) in database.rows("version_aliases", **about)],
        "confirmed": [name for (name,) in database.rows("version_confirmed", **about)],
        "seals": database.dicts("version_seals", **about),
        "run_metrics": dict(database.rows("version_metrics", run=run)) if run else {},
        "run_params": dict(database.rows("version_params", run=run)) if run else {},
    }


def _not_there(database: Database, reference: Reference) -> NotFound:
    """Return why a reference names no version."""
    model = reference.model
    if database.value("last_version", model=model) is None:
        return _unknown_model(database, model)
    if reference.alias is not None:
        known = [alias for (alias,) in database.rows("alias_names", model=model)]
        near = suggestion(reference.alias, known)
        return NotFound(f"The model {model!r} has no alias {reference.alias!r}.{near}")
    newest = database.value("newest_version", model=model)
    present = "all were removed" if newest is None else f"its newest is {newest}"
    which = "versions" if reference.version is None else f"version {reference.version}"
    return NotFound(f"The model {model!r} has no {which}; {present}.")


def resolve(database: Database, reference: Reference, *, removed: bool = False) -> ModelVersion:
    """Return the version that a reference names; with `removed` also one that was removed.

    Raises:
        NotFound: there is no such model, alias or version, or it was removed.
    """
    model, number = reference.model, reference.version
    if reference.alias is not None:
        number = database.value("alias_version", model=model, alias=reference.alias)
    elif number is None:
        number = database.value("newest_version", model=model)
    row = None
    if number is not None:
        row = database.one("model_version_row", model=model, version=number)
    if row is None:
        raise _not_there(database, reference)
    found = ModelVersion.from_row(row | _facts(database, row))
    if found.removed_at is not None and not removed:
        raise NotFound(
            f"{found.name} was removed {found.removed_at:%Y-%m-%d %H:%M} UTC; "
            f"`lite-mlops models restore {found.name}` brings it back."
        )
    return found
