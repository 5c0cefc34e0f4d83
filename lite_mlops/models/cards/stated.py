"""What only people know of a model, such as its purpose and limits: asked for, never invented.

    project.models.state("churn", purpose="Who leaves within 30 days.", license="Apache-2.0")
    project.models.state("churn/3", limits="Not for customers of less than a month.")

Each is a tag `card.NAME` of the version; where the version says nothing, that of the model as a
whole counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lite_mlops.errors import Invalid, suggestion

PREFIX = "card."

# What a card asks for, and what it calls it.
ASKED = {
    "purpose": "Purpose and intended use",
    "limits": "Limits",
    "out_of_scope": "Out of scope",
    "ethics": "Ethical notes",
    "contact": "Contact",
    "license": "License",
}


@dataclass(frozen=True)
class Stated:
    """What somebody stated, of the version or of the model as a whole; None: nobody did."""

    name: str
    text: str | None = None
    about: Literal["version", "model"] | None = None

    @property
    def title(self) -> str:
        """What a card calls it."""
        return ASKED[self.name]


def statement_tags(texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stated as tags; None takes a statement away.

    Raises:
        Invalid: a card does not ask for it, or the text is empty.
    """
    tags = {}
    for name, text in texts.items():
        if name not in ASKED:
            near = suggestion(name, ASKED) or f" It asks for {', '.join(ASKED)}."
            raise Invalid(f"a model card does not ask for {name!r}.{near}")
        if text is not None and not str(text).strip():
            raise Invalid(f"what is stated as {name} is empty; None takes it away.")
        tags[PREFIX + name] = text
    return tags


def statements(of_version: Mapping[str, str], of_model: Mapping[str, str]) -> Iterator[Stated]:
    """Return everything that a card asks for, with what the tags say of it."""
    for name in ASKED:
        key = PREFIX + name
        if key in of_version:
            yield Stated(name, of_version[key], "version")
        elif key in of_model:
            yield Stated(name, of_model[key], "model")
        else:
            yield Stated(name)
