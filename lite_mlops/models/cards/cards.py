"""The cards of the models of a project: gathered, written, and what people state for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from lite_mlops.models.aliases import AliasMove
from lite_mlops.models.versions import ModelVersion
from lite_mlops.store import Store

if TYPE_CHECKING:  # cards are written rarely, and models registered often
    from lite_mlops.models.cards.facts import CardFacts


class _Registry(Protocol):
    """What a card is gathered from: the other concerns of `Models`."""

    _store: Store

    def card(self, reference: str) -> CardFacts: ...
    def get(self, reference: str) -> ModelVersion: ...
    def history(self, model: str, alias: str | None = None) -> list[AliasMove]: ...
    def model_tags(self, model: str) -> dict[str, str]: ...
    def set_tags(
        self, reference: str, tags: dict[str, Any], *, reason: str | None = None
    ) -> None: ...


class Cards:
    """The cards of the models of a project: questions first, then decisions."""

    def card(self: _Registry, reference: str) -> CardFacts:
        """Return the facts of the card of a version.

        Raises:
            Invalid, NotFound: the reference names no version.
            Damaged: its input example is missing or not what was stored.
        """
        from lite_mlops.models.cards.gathering import gather

        version = self.get(reference)
        registered = version.version > 0
        moves = self.history(version.model) if registered else []
        tags = self.model_tags(version.model) if registered else {}
        return gather(self._store, version, moves, tags)

    def card_text(self: _Registry, reference: str, form: str = "md") -> str:
        """Return the card of a version as text: md, html, hf, cyclonedx or json.

        "hf" is Markdown with the front matter of Hugging Face, "cyclonedx" an ML-BOM.

        Raises:
            Invalid, NotFound: the reference names no version, or there is no such form.
            Damaged: its input example is missing or not what was stored.
        """
        from lite_mlops.models.cards.forms import write

        return write(self.card(reference), form)

    def state(
        self: _Registry, reference: str, *, reason: str | None = None, **texts: str | None
    ) -> None:
        """State what only people know of a version, or of a model as a whole.

        Args:
            reference: Such as "churn/3"; without version or alias the model as a whole.
            reason: Why; recorded with the decision.
            texts: purpose, limits, out_of_scope, ethics, contact, license; None takes one away.

        Raises:
            Invalid: a card does not ask for it, or a text is empty or too long.
            NotFound: there is no such model or version.
        """
        from lite_mlops.models.cards.stated import statement_tags

        self.set_tags(reference, statement_tags(texts), reason=reason)
