"""What differs between two signatures, and what of it breaks those who ask the model.

[change.text for change in compatible(old, new) if change.breaking]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lite_mlops.models.signature.values import Column, Output, Signature


@dataclass(frozen=True)
class Change:
    """A difference between two signatures.

    `breaking`: rows that the old one took are refused by the new one, or an answer may be what the
    old one never gave. `what` is the column, `inputs` or `outputs`.
    """

    what: str
    text: str
    breaking: bool

    def __str__(self) -> str:
        return f"{self.what}: {self.text}"

    def to_dict(self) -> dict[str, Any]:
        """Return the change as JSON can hold it."""
        return dict(vars(self))


def _wider(old: str, new: str) -> bool:
    return (old, new) == ("integer", "float")


def _of_column(old: Column, new: Column) -> Iterator[Change]:
    if old.type != new.type:
        text = f"the type {old.type} became {new.type}"
        yield Change(old.name, text, not _wider(old.type, new.type))
    if old.missing != new.missing:
        text = "may be missing now" if new.missing else "may not be missing any more"
        yield Change(old.name, text, old.missing)
    if (old.low, old.high) != (new.low, new.high):
        text = f"the training range {old.low} to {old.high} became {new.low} to {new.high}"
        yield Change(old.name, text, breaking=False)
    if old.categories != new.categories:
        before, after = set(old.categories or ()), set(new.categories or ())
        gone, added = sorted(before - after, key=str), sorted(after - before, key=str)
        text = f"categories: {len(added)} new {added[:5]}, {len(gone)} gone {gone[:5]}"
        yield Change(old.name, text, breaking=False)
    if (old.categorical, old.zone) != (new.categorical, new.zone):
        yield Change(old.name, "is made ready for the model in another way", breaking=False)


def _inputs(old: Signature, new: Signature) -> Iterator[Change]:
    if (old.tensor is None) != (new.tensor is None):
        forms = ("columns", "an array")
        before, after = forms if old.tensor is None else reversed(forms)
        yield Change("inputs", f"{before} became {after}", breaking=True)
        return
    if old.tensor is not None and new.tensor is not None:
        if old.tensor.shape != new.tensor.shape:
            text = f"the shape {list(old.tensor.shape)} became {list(new.tensor.shape)}"
            yield Change("inputs", text, breaking=True)
        one = Column("inputs", old.tensor.type, old.tensor.missing, old.tensor.low, old.tensor.high)
        two = Column("inputs", new.tensor.type, new.tensor.missing, new.tensor.low, new.tensor.high)
        yield from _of_column(one, two)
        return
    after_by_name = {column.name: column for column in new.columns}
    for column in old.columns:
        if column.name in after_by_name:
            yield from _of_column(column, after_by_name[column.name])
        else:
            yield Change(column.name, "is not taken any more", breaking=True)
    for name in new.features:
        if name not in old.features:
            yield Change(name, "is asked for now", breaking=True)
    if set(old.features) == set(new.features) and old.features != new.features:
        yield Change("inputs", "the order of the columns changed", breaking=True)


def _of_output(what: str, old: Output, new: Output) -> Iterator[Change]:
    if old.kind != new.kind:
        yield Change(what, f"a {old.kind} became a {new.kind}", breaking=True)
    if old.type != new.type:
        yield Change(what, f"the type {old.type} became {new.type}", breaking=True)
    gone = [one for one in old.classes if one not in new.classes]
    added = [one for one in new.classes if one not in old.classes]
    if added:
        yield Change(what, f"new classes: {', '.join(map(str, added[:10]))}", breaking=True)
    if gone:
        yield Change(what, f"classes gone: {', '.join(map(str, gone[:10]))}", breaking=False)
    if not added and not gone and old.classes != new.classes:
        yield Change(what, "the order of the classes changed", breaking=False)
    if old.probabilities != new.probabilities:
        text = "probabilities came" if new.probabilities else "there are no probabilities any more"
        yield Change(what, text, old.probabilities)


def _outputs(old: Signature, new: Signature) -> Iterator[Change]:
    if len(old.outputs) != len(new.outputs):
        text = f"{len(old.outputs)} values for each row became {len(new.outputs)}"
        yield Change("outputs", text, breaking=True)
        return
    several = len(old.outputs) > 1
    for place, (one, two) in enumerate(zip(old.outputs, new.outputs, strict=True)):
        yield from _of_output(f"output {place}" if several else "outputs", one, two)


def compatible(old: Signature, new: Signature) -> list[Change]:
    """Return what differs; the new signature can replace the old one if nothing is breaking.

    Quantiles, and the counts of values that are too many to list, are not compared.
    """
    return [*_inputs(old, new), *_outputs(old, new)]
