"""The move of an alias that has a gate: it is cleared, refused, or made past an objection.

ahead = look_ahead(store, "churn", "champion")                  # before the project is held
cleared = clear(store, database, version, "champion", ahead, override=False, reason=None)
cleared.evidence                                                # recorded with the move
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lite_mlops.errors import Conflict, Denied, Invalid, NotFound
from lite_mlops.models.gating.evidence import Approval, Judged, matching
from lite_mlops.models.gating.objection import advice, approvers, objection
from lite_mlops.models.gating.requirement import Requirement, present_data, requirement_for
from lite_mlops.models.references import Reference
from lite_mlops.models.versions import ModelVersion, resolve
from lite_mlops.store import Database, Store

_MANY = 1_000  # verdicts of one version that are looked at


@dataclass(frozen=True)
class Ahead:
    """What was looked up before the project was held: the content of a file takes time to read."""

    digest: str | None = None
    data: str | None = None
    missing: str | None = None  # why it could not be read


@dataclass(frozen=True)
class Cleared:
    """That an alias may move: by which verdict and whose approval, or past what objection."""

    requirement: Requirement | None = None
    judged: Judged | None = None
    approved_by: tuple[str, ...] = ()
    objection: str | None = None  # what it is moved past

    @property
    def evidence(self) -> dict[str, Any]:
        """What is recorded with the move."""
        if self.requirement is None:
            return {}
        found: dict[str, Any] = {"name": self.requirement.gate, "digest": self.requirement.digest}
        if self.objection is not None:
            found["overridden"] = self.objection
        if self.judged is not None:
            found["verdict"] = self.judged.number
        if self.approved_by:
            found["approved_by"] = list(self.approved_by)
        return {"gate": found}


def look_ahead(store: Store, model: str, alias: str) -> Ahead:
    """Return what a move needs that takes time, before the project is held. Raises `Invalid`."""
    if not store.layout.folder.is_dir():
        return Ahead()
    with store.reading(folded=True) as database:
        requirement = requirement_for(store, database, model, alias)
    if requirement is None:
        return Ahead()
    if not requirement.names_file:
        return Ahead(requirement.digest)
    try:
        return Ahead(requirement.digest, present_data(store, requirement))
    except (Invalid, NotFound) as error:
        return Ahead(requirement.digest, missing=str(error))


def held_last(database: Database, model: str, alias: str) -> ModelVersion | None:
    """Return the version that an alias points to, or did last; None: it never did to one here.

    That is what a candidate is compared with: taking an alias away first opens no way around.
    """
    moves = database.dicts("alias_moves", model=model, alias=alias)
    number = (moves[-1]["version"] or moves[-1]["previous"]) if moves else None
    if number is None:
        return None
    try:
        return resolve(database, Reference(model, version=number))
    except NotFound:  # it was removed since
        return None


def standing(
    store: Store,
    database: Database,
    requirement: Requirement,
    version: ModelVersion,
    ahead: Ahead,
) -> tuple[Judged | str, list[Approval]]:
    """Return the verdict on a version that counts now, or why there is none, and its approvals."""
    about = {"model": version.model, "version": version.version, "alias": requirement.alias}
    rows = database.dicts("gate_verdicts", **about, gate=requirement.gate, rows=_MANY)
    verdicts = [Judged.from_row(row) for row in rows]
    approvals = [Approval.from_row(row) for row in database.dicts("approvals", **about)]
    held = held_last(database, version.model, requirement.alias)
    present = None if held is None else held.version
    data, missing = ahead.data, ahead.missing
    if requirement.data is not None and not requirement.names_file:
        try:
            data = present_data(store, requirement)
        except (Invalid, NotFound) as error:
            missing = str(error)
    if missing is not None:
        return f"the data of its gate cannot be read: {missing.rstrip('.')}", approvals
    return matching(requirement, verdicts, present, data), approvals


def clear(
    store: Store,
    database: Database,
    version: ModelVersion,
    alias: str,
    ahead: Ahead,
    *,
    override: bool,
    reason: str | None,
) -> Cleared:
    """Return that an alias may move to a version; the project is held.

    An alias that points to the version already needs nothing.

    Raises:
        Denied: its gate has not passed for exactly what is there now, or approvals are missing.
        Conflict: the definition of the gate changed just now.
        Invalid: the definition cannot be read, or an override has no reason.
    """
    if override and not (reason or "").strip():
        raise Invalid("an override of a gate needs a reason, which is recorded. Nothing was moved.")
    requirement = requirement_for(store, database, version.model, alias)
    present = database.value("alias_version", model=version.model, alias=alias)
    if requirement is None or present == version.version:
        return Cleared()
    _same_definition(requirement, ahead)
    judged, approvals = standing(store, database, requirement, version, ahead)
    mover = store.settings.who()
    found = objection(requirement, version, judged, approvals, mover=mover, now=datetime.now(UTC))
    if found is not None and not override:
        raise Denied(
            f"{version.name} was not made {version.model}@{alias}: {found.why}. "
            f"{advice(requirement, version, found)} Nothing was moved."
        )
    verdict = None if isinstance(judged, str) else judged
    by = [] if verdict is None else approvers(version, approvals, verdict, mover)
    return Cleared(requirement, verdict, tuple(by), None if found is None else found.why)


def _same_definition(requirement: Requirement, ahead: Ahead) -> None:
    """Do nothing if the definition is the one that was looked at before. Raises `Conflict`."""
    if requirement.digest != ahead.digest:
        raise Conflict(f"The gate {requirement.gate!r} was changed just now; try again.")


def refuse_if_gated(store: Store, database: Database, model: str, alias: str | None) -> None:
    """Do nothing if an alias can be given to a version at once. Raises `Denied`."""
    if alias is None:
        return
    requirement = requirement_for(store, database, model, alias)
    if requirement is not None:
        raise Denied(
            f"{model}@{alias} has the gate {requirement.gate!r}, which a new version cannot have "
            "passed. Register it without the alias, run the gate, and promote it. Nothing was "
            "registered."
        )
