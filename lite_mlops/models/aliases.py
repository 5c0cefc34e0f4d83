"""Aliases: names that move from version to version, with a history that is never rewritten.

    project.models.set_alias("churn", "champion", 3, reason="AUC 0.91 against 0.88", expect=2)
    project.models.rollback("churn", reason="too many false alarms")
    project.models.as_of(datetime(2026, 3, 1, tzinfo=UTC), "churn")

What an alias pointed to at any time, and who moved it why, is read from the decisions.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from lite_mlops.errors import Conflict, Invalid, NotFound, suggestion
from lite_mlops.models.gating import CHAMPION, Ahead, clear, look_ahead
from lite_mlops.models.references import Reference, checked_model_name
from lite_mlops.models.versions import ModelVersion, known_model, resolve
from lite_mlops.security import mask_reason
from lite_mlops.store import Database, Store
from lite_mlops.store.events import AliasRemoved, AliasSet, Decision, GateOverridden

How = Literal["rollback", "undo"]


@dataclass(frozen=True)
class AliasMove:
    """A move of an alias: who moved it, when, from where to where, and why."""

    number: int  # of the decision
    model: str
    alias: str
    version: int | None  # None: it was taken away
    previous: int | None  # None: it was not there
    moved_at: datetime
    actor: str
    reason: str | None
    how: How | None  # by a rollback, or by undoing one
    evidence: Mapping[str, Any] | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> AliasMove:
        """Return the move of a row of `alias_moves`."""
        evidence = row["evidence"]
        return cls(
            **{
                **row,
                "moved_at": row["moved_at"].replace(tzinfo=UTC),
                "evidence": None if evidence is None else json.loads(evidence),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the move as JSON can hold it."""
        return vars(self) | {"moved_at": self.moved_at.isoformat()}


@dataclass(frozen=True)
class Trail:
    """Where an alias has been: versions it would go back to, and those it was rolled back from."""

    behind: tuple[int | None, ...] = ()  # the last one is where it is
    ahead: tuple[int | None, ...] = ()  # the last one is where undoing leads


def trail_of(moves: Iterable[AliasMove]) -> Trail:
    """Return the trail that the moves of one alias, the oldest first, leave behind.

    A move goes on from where the alias is and forgets what it was rolled back from; a rollback goes
    one step back, and undoing it one step forward again.
    """
    behind: list[int | None] = []
    ahead: list[int | None] = []
    for move in moves:
        if move.how == "rollback" and behind:
            ahead.append(behind.pop())
        elif move.how == "undo" and ahead:
            behind.append(ahead.pop())
        elif not behind or behind[-1] != move.version:  # else it was only confirmed
            behind.append(move.version)
            ahead.clear()
    return Trail(tuple(behind), tuple(ahead))


def pointing_at(moves: Iterable[AliasMove], moment: datetime) -> list[AliasMove]:
    """Return the moves, the oldest first, that were the last ones of their aliases at a time."""
    last: dict[tuple[str, str], AliasMove] = {}
    for move in moves:
        if move.moved_at <= moment:
            last[move.model, move.alias] = move
    return [last[key] for key in sorted(last) if last[key].version is not None]


class Aliases:
    """The aliases of the models of a project: questions first, then decisions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- questions ------------------------------------------------------------------------------

    def history(self, model: str, alias: str | None = None) -> list[AliasMove]:
        """Return every move of the aliases of a model, or of one, the newest first.

        Raises:
            NotFound: there is no such model, or it never had this alias.
        """
        with self._store.reading() as database:
            known_model(database, model)
            moves = _moves(database, model, alias)
        if alias is not None and not moves:
            raise NotFound(f"The model {model!r} never had an alias {alias!r}.")
        return moves[::-1]

    def as_of(self, moment: datetime, model: str | None = None) -> list[AliasMove]:
        """Return where the aliases of a model, or of all, pointed at a time: their last moves.

        Raises:
            Invalid: the time says no zone.
            NotFound: there is no such model.
        """
        if moment.tzinfo is None:
            raise Invalid(f"the time {moment} says no zone; write it with one, such as UTC.")
        with self._store.reading() as database:
            if model is not None:
                known_model(database, model)
            moves = _moves(database, model)
        return pointing_at(moves, moment)

    # -- decisions ------------------------------------------------------------------------------

    def set_alias(
        self,
        model: str,
        alias: str,
        version: int,
        *,
        reason: str | None = None,
        evidence: Mapping[str, Any] | None = None,
        expect: int | None = None,
        override: bool = False,
    ) -> ModelVersion:
        """Have an alias point to a version of a model.

        Where the alias has a gate, it must have passed for exactly this version, the data and the
        settings as they are, and against the version that the alias points to: that is looked at
        in the same decision.

        Args:
            model: The name of the model.
            alias: The name of the alias, such as "champion"; it need not exist yet.
            version: The number of the version.
            reason: Why; recorded with the decision.
            evidence: What it rests on, such as metrics: anything that JSON can hold.
            expect: The version that the alias points to now; 0: it does not exist. It is not moved
                if it points elsewhere, as when another process moved it meanwhile.
            override: Move it past its gate. It needs a reason, and is on record by itself.

        Raises:
            Invalid: the alias cannot be used, a version is no number, the evidence is no JSON, or
                an override has no reason.
            NotFound: there is no such model or version.
            Conflict: the alias does not point to `expect`.
            Denied: its gate has not passed, or approvals are missing.
        """
        alias = checked_model_name(alias, "alias")
        version = _checked_version(version)
        expected = None if expect is None else _checked_version(expect)
        facts = _checked_evidence(evidence)
        reason = mask_reason(reason, self._store.settings.mask)
        ahead = look_ahead(self._store, model, alias)
        with self._store.deciding() as decisions:
            moves = alias_moves(
                self._store,
                decisions.database,
                alias_move(decisions.database, model, alias, version, expect=expected),
                ahead,
                evidence=facts,
                reason=reason,
                override=override,
            )
            decisions.record_together(*moves)
            decisions.settle()
            return resolve(decisions.database, Reference(model, version=version))

    def remove_alias(self, model: str, alias: str, *, reason: str | None = None) -> int:
        """Take an alias away; return the version it pointed to. A rollback brings it back.

        Raises:
            NotFound: there is no such model or alias.
        """
        with self._store.deciding() as decisions:
            found = resolve(decisions.database, Reference(model, alias=alias))
            decisions.record(
                AliasRemoved(
                    model=model,
                    alias=alias,
                    previous=found.version,
                    reason=mask_reason(reason, self._store.settings.mask),
                )
            )
        return found.version

    def rollback(
        self, model: str, alias: str = CHAMPION, *, reason: str | None = None, undo: bool = False
    ) -> AliasMove:
        """Move an alias back to what it pointed to before; again goes further back.

        With `undo` the last rollback is taken back. Both are decisions like any other move.

        Raises:
            NotFound: there is no such model, or it never had this alias.
            Conflict: there is nothing to go back to, or no rollback to undo.
        """
        with self._store.deciding() as decisions:
            database = decisions.database
            known_model(database, model)
            moves = _moves(database, model, alias)
            if not moves:
                known = sorted({move.alias for move in _moves(database, model)})
                raise NotFound(
                    f"The model {model!r} never had an alias {alias!r}.{suggestion(alias, known)}"
                )
            trail = trail_of(moves)
            if undo and not trail.ahead:
                raise Conflict(f"No rollback of {model}@{alias} is there to be undone.")
            if not undo and len(trail.behind) < 2:
                raise Conflict(
                    f"{model}@{alias} pointed to nothing before version {trail.behind[-1]}; "
                    "set it to another version, or remove it."
                )
            target = trail.ahead[-1] if undo else trail.behind[-2]
            reason = mask_reason(reason, self._store.settings.mask)
            decisions.record(_step(moves[-1], target, "undo" if undo else "rollback", reason))
        return self.history(model, alias)[0]


def alias_move(
    database: Database, model: str, alias: str, version: int, *, expect: int | None = None
) -> AliasSet:
    """Return the decision that moves an alias to a version; see `Aliases.set_alias`.

    Raises:
        NotFound: there is no such model or version.
        Conflict: the alias does not point to `expect`.
    """
    found = resolve(database, Reference(model, version=version))
    moves = _moves(database, model, alias)
    present = moves[-1].version if moves else None
    if expect is not None and (present or 0) != expect:
        raise Conflict(_elsewhere(model, alias, expect, moves))
    return AliasSet(model=model, alias=alias, version=found.version, previous=present)


def alias_moves(
    store: Store,
    database: Database,
    move: AliasSet,
    ahead: Ahead,
    *,
    evidence: Mapping[str, Any] | None,
    reason: str | None,
    override: bool = False,
) -> list[Decision]:
    """Return the decisions that move an alias if its gate lets it; the project is held.

    Args:
        store: The store.
        database: Its database.
        move: As `alias_move` gives it.
        ahead: What `look_ahead` told before the project was held.
        evidence: What the move rests on; the verdict of the gate is added to it.
        reason: Why.
        override: Move it past its gate, which is a decision of its own.

    Raises:
        Denied: its gate has not passed for exactly what is there now, or approvals are missing.
        Conflict, Invalid: the gate changed just now, cannot be read, or an override has no reason.
    """
    version = resolve(database, Reference(move.model, version=move.version))
    cleared = clear(store, database, version, move.alias, ahead, override=override, reason=reason)
    found: list[Decision] = []
    if cleared.objection is not None and cleared.requirement is not None:
        found.append(
            GateOverridden(
                gate=cleared.requirement.gate,
                model=move.model,
                version=move.version,
                alias=move.alias,
                why=cleared.objection,
                reason=reason,
            )
        )
    facts = {**(evidence or {}), **cleared.evidence}
    return [*found, move.replaced(evidence=facts or None, reason=reason)]


def _step(
    last: AliasMove, target: int | None, how: How, reason: str | None
) -> AliasSet | AliasRemoved:
    """Return the decision that moves an alias from where its last move left it."""
    if target is not None:
        return AliasSet(
            model=last.model,
            alias=last.alias,
            version=target,
            previous=last.version,
            how=how,
            reason=reason,
        )
    assert last.version is not None  # an alias is not taken away twice in a row
    return AliasRemoved(
        model=last.model, alias=last.alias, previous=last.version, how=how, reason=reason
    )


def _moves(database: Database, model: str | None, alias: str | None = None) -> list[AliasMove]:
    rows = database.dicts("alias_moves", model=model, alias=alias)
    return [AliasMove.from_row(row) for row in rows]


def _elsewhere(model: str, alias: str, expected: int, moves: list[AliasMove]) -> str:
    """Return why an alias is not moved that does not point to where it was expected."""
    wanted = f"version {expected}" if expected else "nothing"
    if not moves:
        return f"{model}@{alias} does not exist; it was expected to point to {wanted}."
    last = moves[-1]
    where = "was taken away" if last.version is None else f"points to version {last.version}"
    because = f" ({last.reason})" if last.reason else ""
    return (
        f"{model}@{alias} {where} since {last.moved_at:%Y-%m-%d %H:%M:%S} UTC, by {last.actor}"
        f"{because}; it was expected to point to {wanted}. Nothing was moved."
    )


def _checked_version(version: Any) -> int:
    try:
        return operator.index(version)
    except TypeError:
        kind = type(version).__name__
        raise Invalid(f"a version is a whole number; {version!r} is a {kind}.") from None


def _checked_evidence(evidence: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if evidence is None:
        return None
    try:
        found = json.loads(json.dumps(evidence, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid(f"the evidence cannot be written as JSON: {error}.") from None
    if not isinstance(found, dict):
        raise Invalid(f"the evidence is a dictionary; {evidence!r} is a {type(evidence).__name__}.")
    return found
