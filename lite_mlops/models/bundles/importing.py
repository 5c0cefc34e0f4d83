"""Versions leave a project as bundles and come into one: nothing is loaded, all or nothing.

    project.models.export("churn@champion", "churn.lmz")
    project.models.import_bundle("churn.lmz", trust=["features:Cleaner"])

The same bundle gives the same version again: the hash of its manifest is kept as a tag. What reads
and writes bundles is loaded when one is, since every project has these methods.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from lite_mlops.errors import Invalid
from lite_mlops.models.lowering import attempted
from lite_mlops.models.references import Reference, checked_model_name
from lite_mlops.models.registering import Origin, Prepared, Trust, record_version
from lite_mlops.models.tagging import checked_tags
from lite_mlops.models.trusting import Trusting, checked_names, tell_needs
from lite_mlops.models.versions import ModelVersion, resolve
from lite_mlops.security import mask_reason
from lite_mlops.store import Database

if TYPE_CHECKING:
    from lite_mlops.models.bundles.manifest import Manifest
    from lite_mlops.models.bundles.reading import Bundle
    from lite_mlops.models.loading import Inspection


def confirmed(needed: Collection[str], trust: Trust, what: str) -> tuple[str, ...]:
    """Return what of the needed names is trusted. Raises `Invalid` for a name not among them."""
    if isinstance(trust, bool):
        return tuple(needed) if trust else ()
    return checked_names((trust,) if isinstance(trust, str) else trust, needed, f"in {what}")


def _known(database: Database, model: str, manifest: Manifest) -> ModelVersion | None:
    """Return the version that a bundle became before; None if it did not, or it was removed."""
    from lite_mlops.models.bundles.manifest import BUNDLE

    about = {"model": model, "tag": BUNDLE, "hash": manifest.sha256}
    number = database.value("version_of_bundle", **about)
    return None if number is None else resolve(database, Reference(model, version=number))


class Bundling(Trusting):
    """How versions of the models of a project leave it, and come into it."""

    def export(self, reference: str, path: str | Path, *, card: str | None = None) -> Manifest:
        """Write a version with all its files into one file, and return its manifest.

        The same version as it stands makes the same bytes. Its plan goes along, if it has one, so
        that it is answered from there as well. The name of the file ends with '.lmz'.

        Args:
            reference: The version, such as 'churn@champion'.
            path: Where the bundle is to be; one that is there is replaced when the new is whole.
            card: A text in Markdown that goes along.

        Raises:
            Invalid, NotFound: the reference names no registered version, or it fits no bundle.
            Damaged: one of its files is missing or not what was registered.
        """
        from lite_mlops.models.bundles.writing import write_bundle

        version = self.get(reference)
        if not version.version:
            raise Invalid(f"{reference} is not registered; bundles are made of versions.")
        with self._store.reading() as database:
            attempt = attempted(database, version, switched_off=False)
        objects = self._store.objects
        return write_bundle(objects, version, Path(path), card=card, attempt=attempt)

    def import_bundle(
        self,
        path: str | Path | Bundle,
        name: str | None = None,
        *,
        trust: Trust = (),
        reason: str | None = None,
    ) -> ModelVersion:
        """Register the version in a bundle; if that was done before, return the version it became.

        Nothing of it is loaded. What its file imports beyond the shipped list is trusted only if
        it is said here or by `trust`, also if it was confirmed for other versions of the model.

        Args:
            path: The bundle, or one that is open.
            name: The name of the model; None: the one that it had.
            trust: What its file may import beyond the shipped list, as 'module:name'; True: all.
            reason: Why; recorded with the decision.

        Raises:
            NotFound: there is no such file.
            Invalid: it is no bundle, or a name cannot be used.
            Damaged: the bundle is not what was written.
            Denied: its model file is none that is ever loaded.
        """
        from lite_mlops.models.bundles.reading import Bundle

        opened = nullcontext(path) if isinstance(path, Bundle) else Bundle.open_file(path)
        with opened as bundle:
            inspection = bundle.inspect()
            model = checked_model_name(name or bundle.version.model)
            trusted = confirmed(inspection.needs_trust, trust, str(bundle.path))
            made = self._prepared(bundle, inspection, trusted)
            for member in bundle.manifest.members:
                self._store.objects.put_blocks(bundle.proved_blocks(member))
            found = self._recorded(model, bundle.manifest, made, reason)
        further = [item for item in trusted if item not in found.trusted]
        if further:
            found = self.trust(found.name, further, reason=reason)
        tell_needs(found, inspection.needs_trust)
        return found

    def imported(self, manifest: Manifest, name: str | None = None) -> ModelVersion | None:
        """Return the version that a bundle became before; None if it was not imported yet."""
        if not self._store.layout.folder.is_dir():
            return None
        with self._store.reading() as database:
            return _known(database, name or manifest.version.model, manifest)

    def _prepared(
        self, bundle: Bundle, inspection: Inspection, trusted: tuple[str, ...]
    ) -> Prepared:
        from lite_mlops.models.bundles.manifest import BUNDLE

        version = bundle.version
        tags = checked_tags(dict(version.tags), self._store.settings.mask)
        return Prepared(
            sha256=version.sha256,
            size=version.size,
            signature=version.signature,
            requirements=version.requirements,
            format=version.format,
            class_name=version.class_name,
            example=version.example,
            members=version.members,
            needs=inspection.needs_trust,
            trusted=trusted,
            compression=version.compression,
            tags={key: str(text) for key, text in tags.items()} | {BUNDLE: bundle.manifest.sha256},
            origin=Origin(version.params, version.metrics, version.data, version.code),
            seals=version.seals,
            attempt=bundle.manifest.plan if self._store.settings.lower else None,
        )

    def _recorded(
        self, model: str, manifest: Manifest, made: Prepared, reason: str | None
    ) -> ModelVersion:
        version = manifest.version
        if reason is None:
            run = f" in run {version.run_id}" if version.run_id else ""
            reason = (
                f"imported: {version.name}, registered {version.created_at:%Y-%m-%d} by "
                f"{version.actor}{run}"
            )
        reason = mask_reason(reason, self._store.settings.mask)
        with self._store.deciding() as decisions:
            known = _known(decisions.database, model, manifest)
            if known is not None:
                return known
            number = record_version(decisions, model, made, reason)
            decisions.settle()
            return resolve(decisions.database, Reference(model, version=number))
