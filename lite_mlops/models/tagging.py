"""Tags and descriptions of versions and models: what people say of them, changeable, on record.

    project.models.set_tags("churn/3", {"owner": "growth", "reviewed": None})
    project.models.describe("churn", "Who leaves within 30 days.")

A tag set to None is taken away. A reference without version or alias means the model as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.models.references import Reference, parse_reference
from lite_mlops.models.versions import DESCRIPTION, known_model, resolve
from lite_mlops.security import mask_reason
from lite_mlops.store import Store
from lite_mlops.store.events import VersionTagged
from lite_mlops.tracking.keys import checked_tag

MAX_TAG = 5_000  # characters
WHOLE_MODEL = 0  # the version that stands for it


def checked_tags(tags: Mapping[str, Any], further: tuple[str, ...] = ()) -> dict[str, str | None]:
    """Return tags as texts, with what looks like a secret masked; None stays None.

    Raises:
        Invalid: it is no dictionary, or a name or a text cannot be used.
    """
    if not isinstance(tags, Mapping):
        raise Invalid(f"tags are a dictionary; {tags!r} is a {type(tags).__name__}.")
    return dict(checked_tag(key, value, further, MAX_TAG) for key, value in tags.items())


class Tagging:
    """The tags of the models of a project."""

    _store: Store

    def tags(self, reference: str) -> dict[str, str]:
        """Return the tags of a version, or of a model as a whole.

        Raises:
            Invalid, NotFound: there is no such model or version.
        """
        found = parse_reference(reference)
        if found == Reference(found.model):
            return self.model_tags(found.model)
        with self._store.reading() as database:
            return dict(resolve(database, found).tags)

    def model_tags(self, model: str) -> dict[str, str]:
        """Return the tags of a model as a whole. Raises `NotFound`."""
        with self._store.reading() as database:
            known_model(database, model)
            return dict(database.rows("version_tags", model=model, version=WHOLE_MODEL))

    def set_tags(
        self, reference: str, tags: Mapping[str, Any], *, reason: str | None = None
    ) -> None:
        """Set tags of a version, or of a model as a whole; None takes one away.

        Raises:
            Invalid: the reference, a name or a text cannot be used.
            NotFound: there is no such model or version.
        """
        found = parse_reference(reference)
        mask = self._store.settings.mask
        texts = checked_tags(tags, mask)
        if not texts:
            return
        with self._store.deciding() as decisions:
            version = WHOLE_MODEL
            if found == Reference(found.model):
                known_model(decisions.database, found.model)
            else:
                version = resolve(decisions.database, found).version
            decisions.record(
                VersionTagged(
                    model=found.model,
                    version=version,
                    keys=list(texts),
                    texts=list(texts.values()),
                    reason=mask_reason(reason, mask),
                )
            )

    def describe(self, reference: str, text: str | None, *, reason: str | None = None) -> None:
        """Set the description of a version, or of a model as a whole; see `set_tags`."""
        self.set_tags(reference, {DESCRIPTION: text}, reason=reason)
