"""How a model is named: a pure grammar, the same wherever a model is named.

models:/churn@champion   churn@champion   churn/3   churn:3   churn (its newest version)
runs:/6ba7b810/model     (what a run kept as `model`, or registered)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lite_mlops.errors import Invalid

_NAME = r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}"
_REFERENCE = re.compile(
    rf"(?:models:/)?(?P<model>{_NAME})(?:@(?P<alias>{_NAME})|[/:]v?(?P<version>[0-9]{{1,9}}))?"
)
_OF_RUN = re.compile(rf"runs:/(?P<run>[A-Za-z0-9]{{1,64}})/(?P<folder>{_NAME}(?:/{_NAME})*)")
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


@dataclass(frozen=True)
class RunReference:
    """What a run kept in a folder of its artifacts, or registered under a name."""

    run: str
    folder: str

    def __str__(self) -> str:
        return f"runs:/{self.run}/{self.folder}"


def parse_reference(text: str) -> Reference:
    """Return which registered version `text` refers to. Raises `Invalid`."""
    found = parse_any_reference(text)
    if isinstance(found, RunReference):
        raise Invalid(f"{text!r} names a model of a run; a registered version is needed here.")
    return found


def parse_any_reference(text: str) -> Reference | RunReference:
    """Return what `text` refers to, registered or kept by a run. Raises `Invalid`."""
    if isinstance(text, str):
        if match := _OF_RUN.fullmatch(text):
            return RunReference(match["run"], match["folder"])
        if match := _REFERENCE.fullmatch(text):
            version = match["version"]
            number = None if version is None else int(version)
            return Reference(match["model"], match["alias"], number)
    raise Invalid(
        f"{text!r} does not name a model version; write 'churn@champion', 'churn/3', 'churn' for "
        "its newest version, or 'runs:/ID/model' for what a run kept."
    )


def checked_model_name(name: str, what: str = "model name") -> str:
    """Return a name of a model or alias. Raises `Invalid`."""
    if not isinstance(name, str) or not re.fullmatch(_NAME, name):
        raise Invalid(f"{what} {name!r} cannot be used: it consists of {_WORDS}.")
    return name
