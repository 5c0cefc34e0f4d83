"""How a model version is named: a pure grammar, the same wherever a model is named.

models:/churn@champion   churn@champion   churn/3   churn:3   churn (its newest version)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lite_mlops.errors import Invalid

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}"
_REFERENCE = re.compile(
    rf"(?:models:/)?(?P<model>{_NAME})(?:@(?P<alias>{_NAME})|[/:]v?(?P<version>[0-9]{{1,9}}))?"
)
_WORDS = "letters, digits, '_', '.' and '-', beginning with a letter or digit, at most 100"


@dataclass(frozen=True)
class Reference:
    """A model with the alias or the version number that is meant; neither means the newest."""

    model: str
    alias: str | None = None
    version: int | None = None

    def __str__(self) -> str:
        if self.alias is not None:
            return f"{self.model}@{self.alias}"
        return self.model if self.version is None else f"{self.model}/{self.version}"


def parse_reference(text: str) -> Reference:
    """Return what `text` refers to. Raises `Invalid`."""
    match = _REFERENCE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise Invalid(
            f"{text!r} does not name a model version; write 'churn@champion', 'churn/3' or "
            "'churn' for its newest version."
        )
    version = match["version"]
    return Reference(match["model"], match["alias"], None if version is None else int(version))


def checked_model_name(name: str, what: str = "model name") -> str:
    """Return a name of a model or alias. Raises `Invalid`."""
    if not isinstance(name, str) or not re.fullmatch(_NAME, name):
        raise Invalid(f"{what} {name!r} cannot be used: it consists of {_WORDS}.")
    return name
