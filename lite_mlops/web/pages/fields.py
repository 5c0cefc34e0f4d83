"""The fields of a form, made from the columns of a signature. Pure functions.

for field in fields(signature, {"age": 41, "plan": "basic"}):
    field.kind, field.text, field.hint      # 'number', '41', '18 to 90 in training'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from lite_mlops.models import Column, Signature, Type

# More fields than this help nobody; the row is written as JSON then.
MAX_FIELDS = 200

Kind = Literal["number", "choice", "text", "moment"]


@dataclass(frozen=True)
class Field:
    """One field of a form.

    Attributes:
        column: The name of the column.
        argument: What it is called in an address.
        kind: How it is filled in.
        type: The type of the column.
        text: What it is filled with at first, as the browser keeps it.
        hint: What the training data was like.
        missing: Whether it may be left empty.
        options: What there is to choose, as texts.
        open: Whether something else may be typed instead of choosing.
        keyboard: Which keys a telephone shows; empty: those it thinks right.
    """

    column: str
    argument: str
    kind: Kind
    type: Type
    text: str
    hint: str
    missing: bool
    options: tuple[str, ...] = ()
    open: bool = False
    keyboard: str = ""


def fields(
    signature: Signature, row: Mapping[str, Any], arguments: Mapping[str, str] | None = None
) -> list[Field]:
    """Return a field for each column, filled with a row.

    `arguments` is what columns are called in an address, where it is not their name.
    """
    renamed = arguments or {}
    # Where it is true of each, the form says it once.
    all_missing = all(column.missing for column in signature.columns)
    return [
        _field(
            column,
            row.get(column.name),
            renamed.get(column.name, column.name),
            hint=_hint(column, tell_missing=not all_missing),
        )
        for column in signature.columns
    ]


def _field(column: Column, value: Any, argument: str, *, hint: str) -> Field:
    options: tuple[str, ...] = ()
    keyboard = ""
    kind: Kind = "text"
    if column.type == "boolean":
        kind, options = "choice", ("true", "false")
    elif column.categories:
        kind, options = "choice", tuple(map(text_of, column.categories))
    elif column.type == "datetime":
        kind = "moment"
    elif column.type in ("integer", "float"):
        kind = "number"
        # The number keys of some telephones have no minus.
        if isinstance(column.low, int | float) and column.low >= 0:
            keyboard = "numeric" if column.type == "integer" else "decimal"
    text = _moment(value) if kind == "moment" else text_of(value)
    may_be_typed = kind == "choice" and column.type != "boolean"
    if may_be_typed and text not in options and value is not None:
        options = (*options, text)
    return Field(
        column.name,
        argument,
        kind,
        column.type,
        text,
        hint,
        column.missing,
        options,
        may_be_typed,
        keyboard,
    )


def text_of(value: Any) -> str:
    """Return a value as a field holds it; a missing one is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _moment(value: Any) -> str:
    """Return a time in UTC, as the field of a browser holds it: without a zone."""
    if value is None:
        return ""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return ""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    exact = "seconds" if moment.second else "minutes"
    return moment.replace(tzinfo=None).isoformat(timespec=exact)


def _hint(column: Column, *, tell_missing: bool) -> str:
    """Return what the training data was like, in a few words."""
    told = []
    if column.type == "datetime":
        if column.low is not None and column.high is not None:
            told.append(f"{str(column.low)[:10]} to {str(column.high)[:10]} in training")
        told.append("UTC")
    elif isinstance(column.low, int | float) and isinstance(column.high, int | float):
        told.append(f"{number_text(column.low)} to {number_text(column.high)} in training")
    if column.missing and tell_missing:
        told.append("may be empty")
    return ", ".join(told)


def number_text(value: float) -> str:
    """Return a number as it is told to people: four digits, or all that stand before the point."""
    if 1e3 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"
