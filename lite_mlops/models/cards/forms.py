"""The forms of a card: each a pure function from its facts to a text."""

from __future__ import annotations

from collections.abc import Callable

from lite_mlops.errors import Invalid, suggestion
from lite_mlops.models.cards.calling import json_line
from lite_mlops.models.cards.cyclonedx import bill_of_materials
from lite_mlops.models.cards.facts import CardFacts
from lite_mlops.models.cards.huggingface import hugging_face
from lite_mlops.models.cards.markdown import markdown
from lite_mlops.models.cards.page import page


def _json(facts: CardFacts) -> str:
    return json_line(facts.to_dict(), indent=2) + "\n"


def _cyclonedx(facts: CardFacts) -> str:
    return json_line(bill_of_materials(facts), indent=2) + "\n"


FORMS: dict[str, Callable[[CardFacts], str]] = {
    "md": markdown,
    "html": page,
    "hf": hugging_face,
    "cyclonedx": _cyclonedx,
    "json": _json,
}


def write(facts: CardFacts, form: str = "md") -> str:
    """Return a card in one of the forms md, html, hf, cyclonedx, json. Raises `Invalid`."""
    if form not in FORMS:
        near = suggestion(form, FORMS) or f" There are {', '.join(FORMS)}."
        raise Invalid(f"a model card has no form {form!r}.{near}")
    return FORMS[form](facts)
