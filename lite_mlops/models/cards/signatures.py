"""What a signature says of inputs and outputs, as facts of a card."""

from __future__ import annotations

from lite_mlops.models.cards.facts import InputFact
from lite_mlops.models.signature import Column, Output, Signature


def signature_facts(
    signature: Signature,
) -> tuple[tuple[InputFact, ...], tuple[InputFact, ...]]:
    """Return the inputs and the outputs of a signature."""
    inputs = [_input(column) for column in signature.columns]
    if signature.tensor is not None:
        tensor = signature.tensor
        shape = " x ".join(map(str, tensor.shape))
        kind = f"{tensor.type} array of {shape} per row" if shape else f"{tensor.type} per row"
        inputs.append(InputFact("rows", kind, tensor.missing, tensor.low, tensor.high))
    outputs = [_output(output, place) for place, output in enumerate(signature.outputs)]
    return tuple(inputs), tuple(outputs)


def _input(column: Column) -> InputFact:
    return InputFact(
        name=column.name,
        type=column.type,
        missing=column.missing,
        low=column.low,
        high=column.high,
        categories=tuple(map(str, column.categories or ())),
    )


def _output(output: Output, place: int) -> InputFact:
    name = "prediction" if place == 0 else f"prediction {place + 1}"
    return InputFact(
        name=name,
        type="class" if output.kind == "label" else f"{output.kind} ({output.type})",
        low=output.low,
        high=output.high,
        categories=tuple(map(str, output.classes)),
    )
