"""Input examples: the first rows that a model was shown, kept beside it as JSON.

    {"columns": ["age", "plan"], "data": [[41, "basic"], [23, null]], "answers": ["no", "yes"]}

Rows without names have no "columns". It is the layout that pandas calls "split". The answers are
those of the model when it was registered, to the first rows: what is loaded later has to reproduce
them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid

if TYPE_CHECKING:
    from lite_mlops.models.versions import ModelVersion
    from lite_mlops.store import Objects

MAX_ROWS = 1_000
MAX_BYTES = 1_000_000
ANSWERED = 20  # of the rows, by the model when it is registered


@dataclass(frozen=True)
class Example:
    """Some rows of what a model takes."""

    columns: tuple[str, ...] | None
    rows: list[list[Any]]
    answers: tuple[Any, ...] = ()

    def with_answers(self, predicted: NDArray[Any]) -> Example:
        """Return the example with what a model answers to its first rows, as JSON can hold it."""
        answers = predicted.tolist()
        plain = all(isinstance(one, bool | int | float | str | list) for one in answers)
        return replace(self, answers=tuple(answers) if plain else ())

    def differs(self, predicted: NDArray[Any]) -> str | None:
        """Return how answers to the first rows differ from those that were kept; None: not at all.

        Numbers may differ by a millionth, as sums in another order do.
        """
        for row, (kept, found) in enumerate(zip(self.answers, predicted.tolist(), strict=False)):
            if not _alike(kept, found):
                return f"row {row} of its example is answered {found!r}, and was {kept!r}"
        return None

    def records(self) -> list[Any]:
        """Return the rows as a caller would send them: by name where they have names."""
        if self.columns is None:
            return self.rows
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def to_bytes(self) -> bytes:
        """Return the example as JSON. Raises `Invalid` if it is too large or no JSON."""
        head = {} if self.columns is None else {"columns": list(self.columns)}
        try:
            answers = {"answers": list(self.answers)} if self.answers else {}
            whole = head | {"data": self.rows} | answers
            text = json.dumps(whole, default=_plain, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise Invalid(f"the input_example cannot be kept as JSON: {error}.") from None
        if len(text) > MAX_BYTES:
            raise Invalid(
                f"the input_example takes {len(text):,} bytes; at most {MAX_BYTES:,} are kept. "
                "Pass fewer rows."
            )
        return text.encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Example:
        """Return the example that `to_bytes` wrote."""
        found = json.loads(data)
        columns = found.get("columns")
        answers = tuple(found.get("answers", ()))
        return cls(None if columns is None else tuple(columns), found["data"], answers)


def kept_with(objects: Objects, version: ModelVersion) -> Example | None:
    """Return the rows that were kept with a version; None if there are none.

    Raises:
        Damaged: the stored rows are missing or not what was stored.
    """
    return kept_rows(objects, version.example, version.name)


def kept_rows(objects: Objects, sha256: str | None, what: str) -> Example | None:
    """Return the rows that an object holds; None if there is none. Raises `Damaged`."""
    if sha256 is None:
        return None
    return Example.from_bytes(objects.read(sha256, f"input example of {what}"))


def example_of(example: Any) -> Example:
    """Return the first rows of a frame, an array, a row by name, or a list of rows.

    Raises:
        Invalid: it is none of these.
    """
    if hasattr(example, "to_pandas") and not hasattr(example, "iloc"):  # polars, Arrow
        example = example.to_pandas()
    if hasattr(example, "columns") and hasattr(example, "iloc"):
        head = example.iloc[:MAX_ROWS]
        values = [head[name].astype(object).tolist() for name in head.columns]
        names = tuple(map(str, example.columns))
        return Example(names, [list(map(_missing, row)) for row in zip(*values, strict=True)])
    if hasattr(example, "toarray"):  # a sparse matrix
        example = example[:MAX_ROWS].toarray()
    if isinstance(example, Mapping):
        if all(
            isinstance(column, Sequence | np.ndarray) and not isinstance(column, str)
            for column in example.values()
        ):
            columns = [list(column[:MAX_ROWS]) for column in example.values()]
            names = tuple(map(str, example))
            return Example(names, [list(map(_missing, row)) for row in zip(*columns, strict=True)])
        example = [example]
    rows = np.asarray(example).tolist() if isinstance(example, np.ndarray) else example
    if isinstance(rows, Sequence) and not isinstance(rows, str | bytes) and len(rows):
        rows = rows[:MAX_ROWS]
        if isinstance(rows[0], Mapping):
            names = tuple(map(str, rows[0]))
            return Example(names, [[_missing(row.get(name)) for name in names] for row in rows])
        if not isinstance(rows[0], Sequence) or isinstance(rows[0], str):
            rows = [rows]  # one row, or one text
        return Example(None, [list(map(_missing, row)) for row in rows])
    raise Invalid(
        f"the input_example is a {type(example).__name__}; pass rows: a frame, an array, a list, "
        "or a dictionary of one row."
    )


def _alike(kept: Any, found: Any) -> bool:
    if isinstance(kept, list) and isinstance(found, list):
        return len(kept) == len(found) and all(map(_alike, kept, found))
    if isinstance(kept, float) and isinstance(found, float):
        both_missing = math.isnan(kept) and math.isnan(found)
        return both_missing or math.isclose(kept, found, rel_tol=1e-6, abs_tol=1e-12)
    return bool(kept == found)


def _missing(value: Any) -> Any:
    """Return None for the many ways to say that a value is missing."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    return None if isinstance(value, float) and math.isnan(value) else value


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} is no JSON")
