"""Recorded predictions of a window as a table: what was asked, column by column, and answered.

    recorded = Recorded(store, version, pinned)
    recorded.features.read("age")           # as `typed` makes it, in the order of time
    recorded.answers.read(PREDICTION)

Some columns come with each scan, as many as fit into a stated size, so that memory stays small
however many predictions there are. No value passes through Python one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data import ColumnReader, Typed
from lite_mlops.errors import Conflict
from lite_mlops.models import ModelVersion
from lite_mlops.monitoring.windows import Pinned
from lite_mlops.store import Store

PREDICTION = "(prediction)"  # no feature is called so, in parentheses
MOST_CLASSES = 10  # whose probabilities are looked at
_VALUES = 1 << 23  # numbers that one scan brings; a text counts as ten

_WINDOW = """
FROM predictions
WHERE model = $model AND version = $version AND rowid <= $newest
  AND (ts > $first_at OR (ts = $first_at AND rowid >= $first_place))
  AND (ts < $last_at OR (ts = $last_at AND rowid <= $last_place))"""


def probability_of(label: Any) -> str:
    """Return the name of the column that holds the probability of a class."""
    return f"(probability of {label})"


class _Moments(NamedTuple):
    """When each prediction was made, in order, and where it stands in the table."""

    times: NDArray[Any]
    places: NDArray[np.int64]
    kept: NDArray[np.bool_]  # whether its inputs were
    order: NDArray[np.int64] | None  # of the table by time, if that differs


class Recorded:
    """The predictions of a version in a window, in the order of time."""

    def __init__(self, store: Store, version: ModelVersion, pinned: Pinned) -> None:
        self._store = store
        self._version = version
        self.pinned = pinned
        self._cached: dict[str, tuple[Any, ...]] = {}
        self.odd: dict[str, NDArray[np.bool_]] = {}  # texts where there should be numbers

    @cached_property
    def _moments(self) -> _Moments:
        if not self.pinned.rows:
            nothing = np.empty(0, np.int64)
            return _Moments(nothing.astype("datetime64[us]"), nothing, nothing == 1, None)
        with self._store.reading() as database:
            arrays = database.arrays("prediction_times", **self.pinned.values)
        times = self._checked(arrays["ts"]).astype("datetime64[us]")
        places = self._checked(arrays["place"])
        kept = np.ma.filled(arrays["kept"], False).astype(np.bool_)
        if (times[1:] >= times[:-1]).all():
            return _Moments(times, places, kept, None)
        order = np.argsort(times, kind="stable")
        return _Moments(times[order], places[order], kept[order], order)

    def _checked(self, column: Any) -> NDArray[Any]:
        if len(column) != self.pinned.rows:
            raise Conflict(
                f"Predictions of {self._version.name} changed while they were read; ask again."
            )
        return np.asarray(np.ma.getdata(column))

    # -- rows -----------------------------------------------------------------------------------

    def times(self, places: Sequence[int]) -> list[datetime]:
        """Return when predictions at these places were made."""
        found = self._moments.times[list(places)].tolist()
        return [one.replace(tzinfo=UTC) for one in found]

    def ids(self, places: Sequence[int]) -> list[str]:
        """Return the ids of predictions at these places."""
        if not places:
            return []
        wanted = self._moments.places[list(places)].tolist()
        with self._store.reading() as database:
            known = dict(database.rows("prediction_ids", places=wanted))
        return [known[place] for place in wanted]

    def repeats(self) -> tuple[int, list[str]]:
        """Return how many predictions have an id that another one has, and some of the ids."""
        if not self.pinned.rows:
            return 0, []
        with self._store.reading() as database:
            row = database.one("prediction_repeats", **self.pinned.values)
        assert row is not None
        return row["again"], row["ids"] or []

    # -- columns --------------------------------------------------------------------------------

    @cached_property
    def _kept(self) -> NDArray[np.int64] | None:
        """The places of the predictions whose inputs were kept; None if those are all."""
        kept = self._moments.kept
        return None if kept.all() else np.flatnonzero(kept)

    @cached_property
    def features(self) -> ColumnReader:
        """What was asked: the columns whose values are kept in full, where inputs were kept."""
        columns = self._version.signature.columns
        names = tuple(one.name for one in columns if one.recorded == "full")
        rows = self.pinned.rows if self._kept is None else len(self._kept)
        return ColumnReader(rows, names, self._feature)

    def place_of(self, place: int) -> int:
        """Return the place of a prediction from its place among those whose inputs were kept."""
        return place if self._kept is None else int(self._kept[place])

    def _feature(self, name: str) -> Typed:
        signature = self._version.signature
        kind = signature.column(name).type
        if not self.features.rows:
            empty = "text" if kind == "text" else "number"
            return Typed(
                empty, np.empty(0, object if empty == "text" else float), np.empty(0, bool)
            )
        if name not in self._cached:
            names = self.features.names
            self._fetch(names[names.index(name) :])
        values, missing, odd = self._cached.pop(name)
        if self._kept is not None:
            values, missing, odd = (one[self._kept] for one in (values, missing, odd))
        if kind == "text":
            return Typed("text", values, missing)
        if kind == "datetime":
            return Typed("time", np.zeros(len(values), "datetime64[us]"), missing)
        if kind == "integer":
            odd = odd | (np.isfinite(values) & ~missing & (values != np.floor(values)))
        if odd.any():
            self.odd[name] = odd
        if kind == "boolean":
            return Typed("boolean", values == 1, missing)
        return Typed("number", np.where(missing, np.nan, values), missing)

    def _fetch(self, names: Sequence[str]) -> None:
        """Bring the first of these columns, as many as one scan may."""
        self._cached.clear()
        signature = self._version.signature
        left, parts = _VALUES, []
        chosen: list[tuple[str, int, bool]] = []
        for name in names:
            textual = signature.column(name).type in ("text", "datetime")
            weight = self.pinned.rows * (10 if textual else 1)
            if chosen and weight > left:
                break
            left -= weight
            place = int(signature.features.index(name)) + 1  # lists begin at one
            number, text = f"numbers[{place}]", f"texts[{place}]"
            value = text if textual else f"CASE WHEN {text} IS NULL THEN {number} END"
            wrong = number if textual else text
            parts.append(f"{value} AS v{place}, {wrong} IS NOT NULL AS o{place}")
            chosen.append((name, place, textual))
        arrays = self._arrays(", ".join(parts))
        for name, place, textual in chosen:
            values, missing = self._in_order(arrays[f"v{place}"])
            odd, _ = self._in_order(arrays[f"o{place}"])
            if textual:
                values = np.where(missing, "", values)
            else:
                missing |= np.isnan(values)
            self._cached[name] = (values, missing, odd)

    def _arrays(self, selected: str) -> Any:
        """Return columns of the window: fixed texts with the numbers of places in them."""
        with self._store.reading() as database:
            database.command(f"SELECT {selected} {_WINDOW}", self.pinned.values)
            return database.cursor.fetchnumpy()

    def _in_order(self, column: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        values, missing = self._checked(column), np.ma.getmaskarray(column)
        order = self._moments.order
        return (values, missing) if order is None else (values[order], missing[order])

    # -- answers --------------------------------------------------------------------------------

    @cached_property
    def answers(self) -> ColumnReader:
        """What was answered: the label or number, and the probabilities of classes.

        Of two classes that of the second is looked at; of more those of the first ten. A model that
        answers with several values for a row has no column here.
        """
        signature = self._version.signature
        if len(signature.outputs) != 1:
            return ColumnReader(self.pinned.rows, (), self._answer)
        names = [PREDICTION]
        if signature.probabilities and signature.classes:
            names += [probability_of(label) for _, label in self._classes()]
        return ColumnReader(self.pinned.rows, tuple(names), self._answer)

    def _classes(self) -> list[tuple[int, Any]]:
        classes = [*enumerate(self._version.signature.classes, start=1)]
        return classes[1:] if len(classes) == 2 else classes[:MOST_CLASSES]

    def _answer(self, name: str) -> Typed:
        output = self._version.signature.outputs[0]
        if name == PREDICTION:
            numeric = output.kind == "number"
            selected = "try_cast(value AS DOUBLE)" if numeric else "value"
        else:
            numeric = True
            place = next(at for at, label in self._classes() if probability_of(label) == name)
            selected = f"scores[{place}]"
        if not self.pinned.rows:
            return Typed("empty", np.empty(0), np.empty(0, np.bool_))
        values, missing = self._in_order(self._arrays(f"{selected} AS v")["v"])
        if numeric:
            return Typed("number", np.where(missing, np.nan, values), missing | np.isnan(values))
        return Typed("text", np.where(missing, "", values), missing)
