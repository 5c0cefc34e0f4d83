"""Trust: what the file of a version may import, confirmed once by the owner and on record.

project.models.needs("churn/3")       # ("features:Cleaner",)
project.models.trust("churn/3")       # all of it
project.models.trust("churn/3", ["features:Cleaner"])
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from lite_mlops.errors import Invalid
from lite_mlops.models import loading
from lite_mlops.models.finding import Finding
from lite_mlops.models.references import parse_reference
from lite_mlops.models.versions import ModelVersion, resolve
from lite_mlops.security import mask_reason
from lite_mlops.store import Database
from lite_mlops.store.events import VersionTrusted

log = logging.getLogger("lite_mlops")


def trusted_before(database: Database, model: str) -> set[str]:
    """Return what was confirmed for any version of a model."""
    return {str(name) for (name,) in database.rows("trusted_before", model=model) if name}


def checked_names(names: Iterable[str], needed: Collection[str], whose: str) -> tuple[str, ...]:
    """Return names that are confirmed. Raises `Invalid` for one that the file does not need."""
    given = tuple(names)
    for name in given:
        if name not in needed:
            listed = ", ".join(needed) or "nothing beyond the shipped list"
            raise Invalid(f"The file {whose} does not need {name!r}; it needs {listed}.")
    return given


def tell_needs(version: ModelVersion, needed: Iterable[str]) -> None:
    """Say what the file of a version imports that nobody confirmed yet, if there is anything."""
    missing = [name for name in needed if name not in version.trusted]
    if missing:
        log.warning(
            "%s cannot be loaded yet: its file imports %s, which is not on the shipped list. "
            "If you know it, confirm it once: `lite-mlops models trust %s`, or trust=[...].",
            *(version.name, ", ".join(missing), version.name),
        )


class Trusting(Finding):
    """What the files of the models of a project may import."""

    def inspect(self, reference: str) -> loading.Inspection:
        """Return what the file of a version is and would import; nothing of it is loaded.

        Raises:
            Invalid, NotFound: the reference names no version.
            Damaged: the file is missing or is not the one that was registered.
        """
        version = self.get(reference)
        data = self._store.objects.read(version.sha256, version.file.referrer)
        return loading.inspect_model(data, format=version.format)

    def needs(self, reference: str) -> tuple[str, ...]:
        """Return what the file of a version imports that nobody confirmed yet."""
        trusted = self.get(reference).trusted
        return tuple(name for name in self.inspect(reference).needs_trust if name not in trusted)

    def trust(
        self, reference: str, names: Iterable[str] | None = None, *, reason: str | None = None
    ) -> ModelVersion:
        """Confirm what the file of a version imports beyond the shipped list; None: all of it.

        Raises:
            Invalid: the reference names no version, or the file does not import a name.
            NotFound: there is no such version.
            Damaged: the file is missing or is not the one that was registered.
        """
        parsed = parse_reference(reference)
        needed = self.inspect(reference).needs_trust
        wanted = needed if names is None else checked_names(names, needed, f"of {reference}")
        with self._store.deciding() as decisions:
            found = resolve(decisions.database, parsed)
            further = [name for name in wanted if name not in found.trusted]
            if further:
                decisions.record(
                    VersionTrusted(
                        model=found.model,
                        version=found.version,
                        trusted=further,
                        reason=mask_reason(reason, self._store.settings.mask),
                    )
                )
                decisions.settle()
            return resolve(decisions.database, parsed)
