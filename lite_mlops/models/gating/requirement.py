"""What an alias needs before it moves: the gate that keeps it, as far as the registry reads it.

requirement_for(store, database, "churn", "champion")       # None: it has no gate
present_data(store, requirement)                            # the hash of the data, as it is now
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from lite_mlops.data import Datasets
from lite_mlops.errors import Invalid
from lite_mlops.models.references import checked_model_name
from lite_mlops.settings import tables_of
from lite_mlops.spans import parse_span
from lite_mlops.store import Database, Store

CHAMPION = "champion"


@dataclass(frozen=True)
class Requirement:
    """What an alias needs before it moves.

    Attributes:
        gate: The name of the gate.
        model, alias: What it keeps.
        digest: The SHA-256 of the whole definition.
        data: The data that candidates are to be judged on: a version of a dataset or a file.
        approvals: How many people have to approve, besides who registered the version.
        valid: How long a verdict counts; None: as long as nothing changes.
    """

    gate: str
    model: str
    alias: str
    digest: str
    data: str | None = None
    approvals: int = 0
    valid: timedelta | None = None

    @property
    def names_file(self) -> bool:
        """Whether its data is a file, whose content takes time to read."""
        return self.data is not None and "@" not in self.data


def digest_of(definition: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a definition, whatever the order of its keys."""
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def requirement_of(gate: str, definition: Mapping[str, Any]) -> Requirement:
    """Return what a definition says of the alias that it keeps. Raises `Invalid`."""
    where = f"[gate.{gate}]"
    approvals = definition.get("approvals", 0)
    if isinstance(approvals, bool) or not isinstance(approvals, int) or approvals < 0:
        raise Invalid(
            f"{where}: approvals = {approvals!r} cannot be used: expected a whole number."
        )
    data = definition.get("data")
    if data is not None and (not isinstance(data, str) or not data.strip()):
        raise Invalid(
            f"{where}: data = {data!r} cannot be used: expected NAME@VERSION of a dataset, or a "
            "file."
        )
    valid = definition.get("valid")
    return Requirement(
        gate=gate,
        model=checked_model_name(definition.get("model", gate), f"{where}: model"),
        alias=checked_model_name(definition.get("alias", CHAMPION), f"{where}: alias"),
        digest=digest_of(definition),
        data=data,
        approvals=approvals,
        valid=None if valid is None else _span(valid, f"{where}: valid"),
    )


def _span(value: Any, where: str) -> timedelta:
    try:
        return parse_span(value)
    except ValueError as error:
        raise Invalid(f"{where} = {value!r} cannot be used: {error}.") from None


def definitions(store: Store, database: Database) -> dict[str, dict[str, Any]]:
    """Return all gates by name: those of the settings file, and those that code defined.

    Raises:
        Invalid: the settings file cannot be read.
    """
    coded = {name: json.loads(text) for name, text in database.rows("gate_definitions")}
    return coded | tables_of(store.layout.folder.parent, "gate")


def requirement_for(store: Store, database: Database, model: str, alias: str) -> Requirement | None:
    """Return what an alias of a model needs before it moves; None: nothing.

    Raises:
        Invalid: a gate cannot be read, or two of them keep this alias.
    """
    every = [requirement_of(*one) for one in definitions(store, database).items()]
    found = [one for one in every if (one.model, one.alias) == (model, alias)]
    if len(found) > 1:
        names = " and ".join(f"[gate.{one.gate}]" for one in found)
        raise Invalid(f"{model}@{alias} has two gates, {names}; leave one.")
    return found[0] if found else None


def data_path(store: Store, data: str) -> Path:
    """Return where a file lies that a definition names: below the folder of the settings file."""
    return store.layout.folder.parent / Path(data).expanduser()


def present_data(store: Store, requirement: Requirement) -> str | None:
    """Return the hash of the data that a definition names, as it is now; None: it names none.

    Raises:
        Invalid, NotFound: it is not there, or is no table.
    """
    if requirement.data is None:
        return None
    datasets = Datasets(store)
    if requirement.names_file:
        return datasets.fingerprint(data_path(store, requirement.data))
    return datasets.fingerprint(requirement.data)
