"""What a signature says of inputs and outputs, as facts of a card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lite_mlops.models.cards.facts import InputFact

_NUMBER = "number"


def signature_facts(
    signature: Mapping[str, Any],
) -> tuple[tuple[InputFact, ...], tuple[InputFact, ...]]:
    """Return the inputs and the outputs of a signature in the form of its `to_dict`.

    Where it tells no more than names, every feature is a number, and only classes are known of
    the output.
    """
    told = signature.get("inputs") or signature.get("columns") or ()
    inputs = [_fact(column) for column in _records(told)]
    known = {fact.name for fact in inputs}
    inputs += [InputFact(name, _NUMBER) for name in signature["features"] if name not in known]
    outputs = [_fact(column) for column in _records(signature.get("outputs") or ())]
    classes = tuple(map(str, signature.get("classes") or ()))
    if classes and not any(output.categories for output in outputs):
        outputs.insert(0, InputFact("prediction", "class", categories=classes))
    return tuple(inputs), tuple(outputs)


def _records(columns: Any) -> Iterable[Mapping[str, Any]]:
    """Return descriptions of columns, which come in a list or by name."""
    if isinstance(columns, Mapping):
        return [{"name": name, **about} for name, about in columns.items()]
    return [column for column in columns if isinstance(column, Mapping)]


def _fact(column: Mapping[str, Any]) -> InputFact:
    low, high = column.get("min"), column.get("max")
    if isinstance(column.get("range"), list | tuple) and len(column["range"]) == 2:
        low, high = column["range"]
    missing = column.get("nullable", column.get("missing"))
    categories = column.get("categories") or column.get("classes") or ()
    return InputFact(
        name=str(column.get("name", "")),
        type=str(column.get("type") or column.get("dtype") or _NUMBER),
        missing=missing if isinstance(missing, bool) else None,
        low=low,
        high=high,
        categories=tuple(map(str, categories)),
    )
