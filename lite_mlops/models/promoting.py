"""Promoting: a version gets an alias by what its gate found, and by who approved it.

    project.models.promote("churn/4", "champion", reason="no worse on 5,000 rows")
    project.models.approve("churn/4", "champion", reason="read the report")
    project.models.hindrance("churn/4", "champion")      # None: it can be promoted

Where the alias has no gate, promoting is setting it. Going back to what it pointed to before is
`rollback`, which needs no gate: that version was live, and whoever goes back is in a hurry.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lite_mlops.errors import Conflict, Denied
from lite_mlops.models.aliases import Aliases
from lite_mlops.models.finding import Finding
from lite_mlops.models.gating import (
    CHAMPION,
    Approval,
    Objection,
    Requirement,
    look_ahead,
    objection,
    requirement_for,
    standing,
)
from lite_mlops.models.references import checked_model_name, parse_reference
from lite_mlops.models.versions import ModelVersion, resolve
from lite_mlops.security import mask_reason
from lite_mlops.store.events import VersionApproved


class Promoting(Aliases, Finding):
    """What stands between versions and aliases, and taking it."""

    # -- questions ------------------------------------------------------------------------------

    def requirement(self, model: str, alias: str = CHAMPION) -> Requirement | None:
        """Return what an alias needs before it moves; None: it has no gate. Raises `Invalid`."""
        with self._store.reading() as database:
            return requirement_for(self._store, database, model, alias)

    def hindrance(self, reference: str, alias: str = CHAMPION) -> Objection | None:
        """Return what stands against promoting a version at present; None: it can be.

        Raises:
            Invalid, NotFound: the reference names no version, or the gate cannot be read.
        """
        parsed = parse_reference(reference)
        ahead = look_ahead(self._store, parsed.model, alias)
        with self._store.reading() as database:
            version = resolve(database, parsed)
            requirement = requirement_for(self._store, database, parsed.model, alias)
            if requirement is None or alias in version.aliases:
                return None
            judged, approvals = standing(self._store, database, requirement, version, ahead)
        mover = self._store.settings.who()
        return objection(
            requirement, version, judged, approvals, mover=mover, now=datetime.now(UTC)
        )

    def approvals(self, reference: str, alias: str = CHAMPION) -> list[Approval]:
        """Return who approved a version for an alias, the oldest first. Raises `NotFound`."""
        version = self.decided(reference)
        with self._store.reading() as database:
            rows = database.dicts(
                "approvals", model=version.model, version=version.version, alias=alias
            )
        return [Approval.from_row(row) for row in rows]

    # -- decisions ------------------------------------------------------------------------------

    def promote(
        self,
        reference: str,
        to: str = CHAMPION,
        *,
        reason: str | None = None,
        evidence: Mapping[str, Any] | None = None,
        expect: int | None = None,
        override: bool = False,
    ) -> ModelVersion:
        """Have an alias point to a version, if its gate lets it; see `Aliases.set_alias`.

        Raises:
            Denied: the gate of the alias has not passed for exactly this version, data and
                settings, or approvals are missing.
            Invalid, NotFound: the reference names no version, or an override has no reason.
            Conflict: the alias does not point to `expect`.
        """
        version = self.decided(reference)
        return self.set_alias(
            version.model,
            to,
            version.version,
            reason=reason,
            evidence=evidence,
            expect=expect,
            override=override,
        )

    def approve(
        self, reference: str, alias: str = CHAMPION, *, reason: str | None = None
    ) -> Approval:
        """Approve a version for an alias, on the evidence that its gate found.

        Who registered a version cannot approve it, and an approval does not count for who moves
        the alias: there are always two people. It holds for what the gate was run on; if other
        data, settings or another present version come, the gate has to pass again, and somebody to
        approve again. Names are those of the setting `actor`, default the login name.

        Raises:
            Denied: the person registered the version, or its gate has not passed.
            Conflict: the alias asks for no approval, or this person gave it already.
            Invalid, NotFound: the reference names no version, or the gate cannot be read.
        """
        alias = checked_model_name(alias, "alias")
        parsed = parse_reference(reference)
        ahead = look_ahead(self._store, parsed.model, alias)
        actor = self._store.settings.who()
        with self._store.deciding() as decisions:
            database = decisions.database
            version = resolve(database, parsed)
            requirement = requirement_for(self._store, database, version.model, alias)
            if requirement is None or not requirement.approvals:
                raise Conflict(f"{version.model}@{alias} asks for no approval.")
            if requirement.digest != ahead.digest:
                raise Conflict(f"The gate {requirement.gate!r} was changed just now; try again.")
            if actor == version.actor:
                raise Denied(
                    f"{actor} registered {version.name} and cannot approve it as well; somebody "
                    "else has to. Nothing was recorded."
                )
            judged, given = standing(self._store, database, requirement, version, ahead)
            if isinstance(judged, str) or not judged.passed:
                found = objection(
                    requirement, version, judged, given, mover=actor, now=datetime.now(UTC)
                )
                why = "" if found is None else found.why
                raise Denied(f"{version.name} cannot be approved for @{alias} yet: {why}.")
            if any(one.actor == actor and one.is_of(judged) for one in given):
                raise Conflict(f"{actor} approved {version.name} for @{alias} already.")
            decisions.record(
                VersionApproved(
                    model=version.model,
                    version=version.version,
                    alias=alias,
                    baseline=judged.baseline,
                    digest=judged.digest,
                    data_sha256=judged.data_sha256,
                    reason=mask_reason(reason, self._store.settings.mask),
                )
            )
            decisions.settle()
            rows = database.dicts(
                "approvals", model=version.model, version=version.version, alias=alias
            )
        return Approval.from_row(rows[-1])
