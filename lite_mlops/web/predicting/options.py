"""What can be asked for beside a prediction, in the address of the request.

    /predict?proba=1&keep=1
    /predict?age=41&plan=basic&proba=1      # of GET, columns stand there too

The names of the options are reserved: a column that is called `proba` is written `col.proba`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from lite_mlops.errors import Invalid, suggestion

_VALUES = {"1": True, "true": True, "": True, "0": False, "false": False}
_PREFIX = "col."


@dataclass(frozen=True, slots=True)
class Options:
    """What a request asks for.

    Attributes:
        proba: The probability of each class.
        explain: What each column contributed.
        keep: The columns of the request before the answers.
        ignore_unknown: Columns that the model does not know are left out instead of refused.
    """

    proba: bool = False
    explain: bool = False
    keep: bool = False
    ignore_unknown: bool = False


NAMES = tuple(field.name for field in fields(Options))
_NONE = Options()

_ABOUT = {
    "proba": "Also answer with the probability of each class.",
    "explain": "Also answer with what each column contributed.",
    "keep": "Also answer with the columns of the request, as they were sent.",
}


def options_of(arguments: Mapping[str, str]) -> Options:
    """Return what the address of a request asks for.

    Raises:
        Invalid: it names no option, or its value is not one of 1, true, 0 and false.
    """
    if not arguments:
        return _NONE
    for name in arguments:
        if name not in NAMES:
            near = suggestion(name, NAMES) or f" There are {', '.join(NAMES)}."
            raise Invalid(f"the address has no option {name!r}.{near}")
    return Options(**{name: _flag(name, value) for name, value in arguments.items()})


def options_and_columns(arguments: Mapping[str, str]) -> tuple[Options, dict[str, str]]:
    """Return what an address asks for, and the columns that stand in it. Raises `Invalid`."""
    options = {name: value for name, value in arguments.items() if name in NAMES}
    columns = {
        name.removeprefix(_PREFIX): value for name, value in arguments.items() if name not in NAMES
    }
    return options_of(options), columns


def argument_of(column: str) -> str:
    """Return how a column is called in an address."""
    return _PREFIX + column if column in NAMES or column.startswith(_PREFIX) else column


def parameters(*names: str) -> tuple[dict[str, Any], ...]:
    """Return options as the OpenAPI document has them."""
    return tuple(
        {
            "name": name,
            "in": "query",
            "description": _ABOUT[name],
            "schema": {"type": "string", "enum": list(_VALUES)},
        }
        for name in names
    )


def _flag(name: str, value: str) -> bool:
    if value.lower() not in _VALUES:
        raise Invalid(f"the option {name} is {value[:60]!r}; expected 1, true, 0 or false.")
    return _VALUES[value.lower()]
