"""Gating: an alias that has a gate moves only to a version that passed it.

    requirement = requirement_for(store, database, "churn", "champion")     # None: it has no gate
    judged = matching(requirement, verdicts, present=3, data=sha256)        # the one that counts
    objection(requirement, version, judged, approvals, mover="ann", now=now)    # None: it may move

A gate is a table `[gate.churn]` of the settings file, or was defined in code; the file goes first.
Here stands what the registry holds a move against: the verdicts on record. What the checks are and
how they are judged is the matter of `lite_mlops.gates`.

A verdict counts for exactly what it was given on: the version, the definition of the gate (by its
hash), the data that the definition names (by its content) and the version that the alias points
to, or did last. Where one of these is another now, the gate has to run again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from lite_mlops.data import Datasets
from lite_mlops.errors import Conflict, Denied, Invalid, NotFound
from lite_mlops.models.references import Reference, checked_model_name
from lite_mlops.models.versions import ModelVersion, resolve
from lite_mlops.settings import tables_of
from lite_mlops.spans import parse_span
from lite_mlops.store import Database, Store

PASSED, FAILED, CANNOT_TELL = "passed", "failed", "cannot tell"
CHAMPION = "champion"
VERDICT, APPROVAL, BETTER = "verdict", "approval", "better version"  # what a move may lack

_SHOWN = 3  # failed checks that a refusal names
_MANY = 1_000  # verdicts of one version that are looked at


# -- values --------------------------------------------------------------------------------------


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


@dataclass(frozen=True)
class Judged:
    """A verdict of a gate on record.

    Attributes:
        number: Of the decision.
        baseline: The version that the alias pointed to; None: none.
        digest: The hash of the definition of the gate then.
        data_name, data_sha256: What it was judged on.
        rows: Of the data.
        outcome: "passed", "failed" or "cannot tell".
        report: Everything that was found, check by check.
    """

    number: int
    judged_at: datetime
    gate: str
    model: str
    version: int
    alias: str
    baseline: int | None
    digest: str
    data_name: str | None
    data_sha256: str | None
    rows: int
    seed: int
    outcome: str
    report: Mapping[str, Any]
    actor: str
    reason: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Judged:
        """Return the verdict of a row of `gate_verdicts`."""
        values = dict(row)
        return cls(
            number=values.pop("decision"),
            judged_at=values.pop("judged_at").replace(tzinfo=UTC),
            rows=values.pop("row_count"),
            report=json.loads(values.pop("report")),
            **values,
        )

    @property
    def passed(self) -> bool:
        """Whether the version may get the alias, as far as the gate goes."""
        return self.outcome == PASSED

    @property
    def name(self) -> str:
        """The version as it is named everywhere, such as 'churn/4'."""
        return f"{self.model}/{self.version}"

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON can hold it."""
        return vars(self) | {"judged_at": self.judged_at.isoformat(), "report": dict(self.report)}


@dataclass(frozen=True)
class Approval:
    """That somebody approved a version for an alias, on what evidence."""

    number: int
    approved_at: datetime
    model: str
    version: int
    alias: str
    baseline: int | None
    digest: str
    data_sha256: str | None
    actor: str
    reason: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Approval:
        """Return the approval of a row of `approvals`."""
        values = dict(row)
        moment = values.pop("approved_at").replace(tzinfo=UTC)
        return cls(number=values.pop("decision"), approved_at=moment, **values)

    def is_of(self, judged: Judged) -> bool:
        """Whether it was given on the evidence of a verdict, or on the same found anew."""
        return (self.digest, self.data_sha256, self.baseline) == (
            judged.digest,
            judged.data_sha256,
            judged.baseline,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the approval as JSON can hold it."""
        return vars(self) | {"approved_at": self.approved_at.isoformat()}


# -- the definition, as far as the registry needs it -----------------------------------------------


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


# -- what stands against a move --------------------------------------------------------------------


def matching(
    requirement: Requirement, verdicts: Sequence[Judged], present: int | None, data: str | None
) -> Judged | str:
    """Return the latest verdict on exactly what is there now, or why there is none.

    Args:
        requirement: What is needed.
        verdicts: Those of the version for the alias, the latest first.
        present: The version that the alias points to, or did last; None: none.
        data: The hash of the data that the definition names.
    """
    if not verdicts:
        return f"the gate {requirement.gate!r} did not run for it yet"
    same = [one for one in verdicts if one.digest == requirement.digest]
    if not same:
        when = f"{verdicts[0].judged_at:%Y-%m-%d %H:%M} UTC"
        return f"the settings of the gate {requirement.gate!r} have changed since it ran, {when}"
    verdicts, last = same, same[0]
    if requirement.data is not None:
        same = [one for one in verdicts if one.data_sha256 == data]
        if not same:
            return (
                f"the gate ran on {last.data_name} ({_short(last.data_sha256)}), and "
                f"{requirement.data} is {_short(data)} now"
            )
    matches = [one for one in same if one.baseline == present]
    if not matches:
        compared = _version(requirement, same[0].baseline)
        return (
            f"the gate compared it with {compared}, and {requirement.model}@{requirement.alias} is "
            f"{_version(requirement, present)} now"
        )
    return matches[0]


def _short(sha256: str | None) -> str:
    return "no data" if sha256 is None else sha256[:12]


def _version(requirement: Requirement, version: int | None) -> str:
    return "nothing" if version is None else f"{requirement.model}/{version}"


def _unmet(judged: Judged) -> str:
    """Return what a gate had against a version, in words."""
    bad = [one for one in judged.report.get("verdicts", ()) if one.get("stops")]
    told = "; ".join(f"{one['name']}: {one['reason'].rstrip('.')}" for one in bad[:_SHOWN])
    more = f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    return f"its gate said {judged.outcome!r}" + (f" ({told}{more})" if told else "")


def approvers(
    version: ModelVersion, approvals: Sequence[Approval], judged: Judged, mover: str
) -> list[str]:
    """Return who approved a version beside who registered it and who moves the alias."""
    given = {one.actor for one in approvals if one.is_of(judged)}
    return sorted(given - {version.actor, mover})


class Objection(NamedTuple):
    """What stands against a move, in words; `lacks` is what it takes: a verdict or approval."""

    why: str
    lacks: str


def objection(
    requirement: Requirement,
    version: ModelVersion,
    judged: Judged | str,
    approvals: Sequence[Approval],
    *,
    mover: str,
    now: datetime,
) -> Objection | None:
    """Return what stands against giving a version an alias; None: nothing.

    Args:
        requirement: What is needed.
        version: The version.
        judged: The verdict that counts, or why there is none; see `matching`.
        approvals: Those that were given to the version for the alias.
        mover: Who moves it.
        now: The present time.
    """
    if isinstance(judged, str):
        return Objection(judged, VERDICT)
    if not judged.passed:
        return Objection(_unmet(judged), BETTER)
    if requirement.valid is not None and now - judged.judged_at > requirement.valid:
        return Objection(
            f"its gate passed {judged.judged_at:%Y-%m-%d %H:%M} UTC, which is longer ago than the "
            f"gate {requirement.gate!r} allows",
            VERDICT,
        )
    found = approvers(version, approvals, judged, mover)
    if len(found) < requirement.approvals:
        wanted = (
            "one approval" if requirement.approvals == 1 else f"{requirement.approvals} approvals"
        )
        own = " and ".join(sorted({version.actor, mover}))
        given = ", ".join(found) or "nobody"
        return Objection(
            f"it needs {wanted} by others than {own}, who registered it or moves the alias, and "
            f"{given} approved it",
            APPROVAL,
        )
    return None


@dataclass(frozen=True)
class Ahead:
    """What was looked up before the project was held: the content of a file takes time to read."""

    digest: str | None = None
    data: str | None = None
    missing: str | None = None  # why it could not be read


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
            f"{_advice(requirement, version, found)} Nothing was moved."
        )
    verdict = None if isinstance(judged, str) else judged
    by = [] if verdict is None else approvers(version, approvals, verdict, mover)
    return Cleared(requirement, verdict, tuple(by), None if found is None else found.why)


def _same_definition(requirement: Requirement, ahead: Ahead) -> None:
    """Do nothing if the definition is the one that was looked at before. Raises `Conflict`."""
    if requirement.digest != ahead.digest:
        raise Conflict(f"The gate {requirement.gate!r} was changed just now; try again.")


def _advice(requirement: Requirement, version: ModelVersion, found: Objection) -> str:
    if found.lacks == BETTER:
        return "An override with a reason moves it all the same, on record."
    if found.lacks == APPROVAL:
        return f"`lite-mlops approve {version.name} --for {requirement.alias}` gives one."
    target = f"{requirement.model}@{requirement.alias}"
    return f"`lite-mlops gate run {version.name} --against {target}` judges it."


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
