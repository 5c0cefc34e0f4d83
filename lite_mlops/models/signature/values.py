"""What a signature is made of: columns or a tensor, and outputs; and how it is written as JSON.

signature = Signature((Column("age", "integer", low=18, high=90), Column("city", "text")))
signature.validate([{"age": 41, "city": "Rome"}]).frame()
signature.to_dict()
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from lite_mlops.errors import Invalid, suggestion
from lite_mlops.models.signature.kinds import NUMBERS, Type

if TYPE_CHECKING:
    from lite_mlops.models.signature.departures import Departure, Usual
    from lite_mlops.models.signature.table import Table
    from lite_mlops.models.signature.validating import Validator

# Of a column of the training data; the median is in the middle.
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MAX_CATEGORIES = 100

Inputs = Literal["full", "hash", "none"]
# Columns that tell about a person, and what is kept of each; a plain list means pseudonyms.
Personal: TypeAlias = Mapping[str, Inputs] | Collection[str]

OutputKind = Literal["label", "number", "cluster", "outlier", "any"]

_VERSION = 2


def _without_defaults(value: Any, *always: str) -> dict[str, Any]:
    """Return the fields of a dataclass that are not what they are by default."""
    found = {}
    for field in fields(value):
        one = getattr(value, field.name)
        if field.name in always or one != field.default:
            found[field.name] = list(one) if isinstance(one, tuple) else one
    return found


def _with_tuples(written: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """Return the written fields of a dataclass, without those that a later version added."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in written.items()
        if name in known
    }


@dataclass(frozen=True)
class Column:
    """One column that a model takes, and what it was like in the training data.

    Attributes:
        name: Its name; `x0`, `x1`, ... where the data had none.
        type: `boolean`, `integer`, `float`, `text` or `datetime`.
        missing: Whether a value may be missing: None, NaN or null.
        low, high: The smallest and the largest number or time, a time as ISO 8601 in UTC.
        quantiles: Of numbers, at the shares `QUANTILES`, from a sample of at most 10,000 rows.
        categories: The values seen, if they are few; None where they are numbers or too many.
        distinct: How many different texts, booleans or whole numbers were seen in the sample.
        missing_share: The share of rows that had no value; None without training data.
        categorical: Whether the training data declared it a categorical of pandas.
        zone: The time zone of the training data; None if its times had none.
        recorded: What is kept of its values with predictions: `full`, `hash` (a pseudonym) or
            `none`; less than `full` for what tells about a person.
    """

    name: str
    type: Type
    missing: bool = False
    low: float | str | None = None
    high: float | str | None = None
    quantiles: tuple[float, ...] = ()
    categories: tuple[Any, ...] | None = None
    distinct: int | None = None
    missing_share: float | None = None
    categorical: bool = False
    zone: str | None = None
    recorded: Inputs = "full"

    def example(self) -> Any:
        """Return a value that fits: the median, the first category, or the earliest time."""
        if self.categories:
            return self.categories[0]
        if self.type in NUMBERS:
            median = self.quantiles[len(QUANTILES) // 2] if self.quantiles else 0.0
            return round(median) if self.type == "integer" else median
        if self.type == "datetime":
            return self.low or "2026-01-31T12:00:00Z"
        return self.type == "boolean" or ""

    def to_dict(self) -> dict[str, Any]:
        """Return the column as JSON can hold it, without what is as by default."""
        return _without_defaults(self, "name", "type")

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> Column:
        """Return the column that `to_dict` wrote."""
        return cls(**_with_tuples(written, cls.__dataclass_fields__))


@dataclass(frozen=True)
class Tensor:
    """An array that a model takes whose rows are no flat rows of columns.

    `shape` is that of one row: `(28, 28)` for pictures, `()` for a text in each row. The first
    dimension of the array, the rows, is free.
    """

    type: Type
    shape: tuple[int, ...] = ()
    missing: bool = False
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the tensor as JSON can hold it."""
        return _without_defaults(self, "type", "shape")

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> Tensor:
        """Return the tensor that `to_dict` wrote."""
        return cls(**_with_tuples(written, cls.__dataclass_fields__))


@dataclass(frozen=True)
class Output:
    """One value that a model answers with for each row.

    Attributes:
        kind: `label` of a classifier, `number` of a regressor, `cluster`, `outlier` (-1 and 1), or
            `any` where nothing tells.
        type: The type of the value.
        classes: The labels there are, as values of that type, in the order of the probabilities.
        probabilities: Whether the model has a probability for each class.
        low, high: The smallest and the largest number answered to the training data, if asked.
    """

    kind: OutputKind
    type: Type
    classes: tuple[Any, ...] = ()
    probabilities: bool = False
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the output as JSON can hold it, without what is as by default."""
        return _without_defaults(self, "kind", "type")

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> Output:
        """Return the output that `to_dict` wrote."""
        return cls(**_with_tuples(written, cls.__dataclass_fields__))


@dataclass(frozen=True)
class Signature:
    """What a model takes, as columns or as a tensor, and what it answers.

    `outputs` has one entry for each value that the model answers with for a row, so its length is
    the width of the output. `framed` is whether the model was fitted on a frame and is to be asked
    with one.
    """

    columns: tuple[Column, ...] = ()
    outputs: tuple[Output, ...] = ()
    tensor: Tensor | None = None
    framed: bool = False

    # -- questions ------------------------------------------------------------------------------

    @cached_property
    def features(self) -> tuple[str, ...]:
        """The names of the columns in their order; none for a tensor."""
        return tuple(column.name for column in self.columns)

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels of a classifier, as values; none of another model, or one of many outputs."""
        return self.outputs[0].classes if len(self.outputs) == 1 else ()

    @property
    def probabilities(self) -> bool:
        """Whether the model has a probability for each of the classes."""
        return len(self.outputs) == 1 and self.outputs[0].probabilities

    @cached_property
    def numeric(self) -> bool:
        """Whether the model takes nothing but numbers."""
        kinds = [column.type for column in self.columns]
        kinds += [] if self.tensor is None else [self.tensor.type]
        return all(kind in NUMBERS for kind in kinds)

    def column(self, name: str) -> Column:
        """Return a column by its name. Raises `KeyError`."""
        return self.columns[self._places[name]]

    @cached_property
    def usual(self) -> Usual:
        """What the training data were like, prepared for a look at many rows."""
        from lite_mlops.models.signature.departures import Usual

        return Usual(self)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.features)}

    def example_row(self) -> dict[str, Any]:
        """Return a row that fits, as JSON can hold it: medians, and the first categories.

        Empty for a tensor.
        """
        return {column.name: column.example() for column in self.columns}

    def with_recorded(self, personal: Personal) -> Signature:
        """Return the signature with less kept of the values of some columns.

        Raises:
            Invalid: there is no such column, or what is to be kept is none of the choices.
        """
        chosen: Mapping[str, Inputs]
        chosen = personal if isinstance(personal, Mapping) else dict.fromkeys(personal, "hash")
        for name, inputs in chosen.items():
            if name not in self._places:
                near = suggestion(name, self.features)
                raise Invalid(f"{name!r} is none of the columns of the model.{near}")
            if inputs not in get_args(Inputs):
                choices = ", ".join(map(repr, get_args(Inputs)))
                raise Invalid(f"column {name!r} cannot be recorded as {inputs!r}; it is {choices}.")
        columns = (
            replace(one, recorded=chosen[one.name]) if one.name in chosen else one
            for one in self.columns
        )
        return replace(self, columns=tuple(columns)) if chosen else self

    # -- rows -----------------------------------------------------------------------------------

    @cached_property
    def _validator(self) -> Validator:
        from lite_mlops.models.signature.validating import Validator

        return Validator(self)

    def validate(self, rows: Any, *, ignore_unknown: bool = False) -> Table:
        """Return rows as typed arrays, one for each column, if all of them fit.

        `rows` is a list of dictionaries or of lists in the order of the columns, a dictionary of
        columns or a single row, a frame of pandas or polars, a table of Arrow, an array of NumPy,
        or a sparse matrix of SciPy. Every column has to be there, also if it may be missing (as
        None, NaN or null then). A column that the signature does not have is refused, since it is
        a misspelling more often than not, unless `ignore_unknown`. Values outside the training
        range are no problem here; `outside` tells them.

        Raises:
            InvalidRows: carries the problems: row, column, value, and what was expected.
        """
        return self._validator.validate(rows, ignore_unknown=ignore_unknown)

    def outside(self, table: Table) -> list[Departure]:
        """Return how a table departs from the training data, which is no error.

        Each entry is a column with what departs (`range`, `category` or `missing`) and the numbers
        of the rows.
        """
        from lite_mlops.models.signature.departures import departures

        return departures(self, table)

    def input_for(self, model: Any) -> Callable[[Table], Any]:
        """Return what makes a table into what `model` takes: a frame, or an array.

        A frame if it was fitted on one. Without pandas it is an array, whose order of columns is
        right without names.
        """
        from lite_mlops.models.signature.table import input_for

        return input_for(self, model)

    def json_schema(self, *, rows: bool = False) -> dict[str, Any]:
        """Return the JSON Schema (draft 2020-12) of one row, or of a request with rows."""
        from lite_mlops.models.signature import json_schema

        return json_schema.of_rows(self) if rows else json_schema.of_row(self)

    # -- as JSON --------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return the signature as JSON can hold it."""
        written: dict[str, Any] = {"version": _VERSION}
        if self.tensor is None:
            written["columns"] = [column.to_dict() for column in self.columns]
        else:
            written["tensor"] = self.tensor.to_dict()
        written["outputs"] = [output.to_dict() for output in self.outputs]
        if self.framed:
            written["framed"] = True
        return written

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> Signature:
        """Return the signature that `to_dict` wrote.

        The first form knew the names of features and classes only: its features are floats that
        may be missing, its classes texts.

        Raises:
            Invalid: a newer version of this package wrote it.
        """
        if "version" not in written:
            return _first_form(written["features"], written["classes"])
        if written["version"] > _VERSION:
            raise Invalid(
                f"this signature is of version {written['version']}; this version of lite-mlops "
                f"reads versions up to {_VERSION}. Install a newer one."
            )
        tensor = written.get("tensor")
        return cls(
            columns=tuple(Column.from_dict(one) for one in written.get("columns", ())),
            outputs=tuple(Output.from_dict(one) for one in written["outputs"]),
            tensor=None if tensor is None else Tensor.from_dict(tensor),
            framed=written.get("framed", False),
        )


def _first_form(features: Iterable[str], classes: Iterable[str]) -> Signature:
    columns = tuple(Column(name, "float", missing=True) for name in features)
    labels = tuple(classes)
    output = Output("label", "text", labels, probabilities=True) if labels else None
    return Signature(columns, (Output("number", "float"),) if output is None else (output,))
