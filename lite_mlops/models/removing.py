"""Removing versions with care: put away first, freed later by `gc`, brought back in between.

project.models.remove("churn/2", reason="trained on the wrong month")
project.models.restore("churn/2")
"""

from __future__ import annotations

from lite_mlops.errors import Conflict, NotFound
from lite_mlops.models.references import parse_reference
from lite_mlops.models.versions import ModelVersion, resolve
from lite_mlops.security import mask_reason
from lite_mlops.store import Store
from lite_mlops.store.events import VersionRemoved, VersionRestored


class Removing:
    """Which versions of the models of a project are put away."""

    _store: Store

    def remove(self, reference: str, *, reason: str | None = None) -> ModelVersion:
        """Put a version away; return it. `gc` frees its bytes, until then `restore` brings it back.

        Raises:
            Invalid, NotFound: the reference names no version.
            Conflict: an alias points to it, or a process answers with it.
        """
        with self._store.deciding() as decisions:
            found = resolve(decisions.database, parse_reference(reference))
            if found.aliases:
                names = ", ".join(f"@{alias}" for alias in found.aliases)
                raise Conflict(
                    f"{found.name} is {names}; move the alias or take it away first. "
                    "Nothing was removed."
                )
            writers = decisions.database.rows(
                "serving_writers", model=found.model, version=found.version
            )
            if writers:
                pid, program = writers[0]
                raise Conflict(
                    f"{found.name} is answering in process {pid} ({program}); stop it first. "
                    "Nothing was removed."
                )
            decisions.record(
                VersionRemoved(
                    model=found.model,
                    version=found.version,
                    reason=mask_reason(reason, self._store.settings.mask),
                )
            )
        return found

    def restore(self, reference: str, *, reason: str | None = None) -> ModelVersion:
        """Bring a removed version back; return it.

        Raises:
            Invalid, NotFound: the reference names no version, or its bytes were freed meanwhile.
            Conflict: it is not removed.
        """
        with self._store.deciding() as decisions:
            found = resolve(decisions.database, parse_reference(reference), removed=True)
            if found.removed_at is None:
                raise Conflict(f"{found.name} is not removed.")
            kept = [found.sha256, *(member.sha256 for member in found.members.values())]
            # Refreshed, so that a cleaning that runs now spares them.
            if not all(map(self._store.objects.refresh, kept)):
                raise NotFound(
                    f"The bytes of {found.name} were freed by `gc`; it cannot come back."
                )
            decisions.record(
                VersionRestored(
                    model=found.model,
                    version=found.version,
                    reason=mask_reason(reason, self._store.settings.mask),
                )
            )
            decisions.settle()
            return resolve(decisions.database, parse_reference(reference))
