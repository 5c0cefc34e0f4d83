"""Recorded requests as columns, with what was answered to them and what is known to be true.

    found = recorded(database, version, window, rows=1000, seed=0, sampled=True)
    found.columns["age"], found.then, found.labels, found.unknown

What was recorded as pseudonyms, or not at all, cannot be asked again: it is counted and left out.
Of texts Python gets as few as possible, as each of them is an object: answers come as the number
of the class, labels only of the rows that have some, of the probabilities only the one that
counts, and ids are looked up later, of the few rows that are told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.gates.case import last_of
from lite_mlops.gates.replay.coded import Array, Coded, Rows, coded
from lite_mlops.models import ModelVersion, Signature
from lite_mlops.monitoring.windows import Window
from lite_mlops.store import Database, as_stored

_PSEUDONYM = re.compile(r"[0-9a-f]{32}")
_LOOKED_AT = 100  # texts of a column, to know pseudonyms


@dataclass(frozen=True, eq=False)
class Recorded:
    """Requests that one version answered, as columns of equal length.

    Attributes:
        places: Of the rows in the table of all predictions.
        then: The answers.
        score: The probability of the positive class, NaN where none was recorded; None: none was.
        labels: What came as feedback, None where nothing did; None: nothing at all.
        latencies: In microseconds.
        columns: The inputs.
        unknown: Rows that were left out, because their inputs are not kept as they were.
    """

    version: ModelVersion
    places: NDArray[np.int64]
    then: Coded
    score: NDArray[np.float64] | None
    labels: Array | None
    latencies: NDArray[np.float64]
    columns: Mapping[str, Array]
    unknown: int = 0

    def __len__(self) -> int:
        return len(self.places)


_FROM = """
FROM (SELECT rowid AS row_place, prediction_id, value, latency_us, numbers, texts, scores
      FROM predictions
      WHERE model = $model AND version = $version
        AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until)
      {sample}) p
"""


def class_place(classes: Sequence[Any], positive: Any) -> int | None:
    """Return the place of the positive class; None if there is none."""
    wanted = last_of(tuple(classes)) if positive is None else positive
    return list(classes).index(wanted) if wanted in classes else None


def _select(signature: Signature, score: int | None, *, few: bool) -> str:
    """Return what is selected: the inputs are v0, v1, ..., and answers numbers if they are few."""
    hidden = ["false"]
    answer = "coalesce(list_position($answers, p.value), 0) - 1" if few else "p.value"
    selected = [f"p.row_place, {answer} AS answer, p.latency_us AS latency"]
    for place, column in enumerate(signature.columns):
        at = place + 1
        if column.type in ("text", "datetime"):
            value = f"p.texts[{at}]"
            selected.append(
                f"TRY_CAST({value} AS TIMESTAMP) AS v{place}"
                if column.type == "datetime"
                else f"{value} AS v{place}"
            )
        else:
            selected.append(f"p.numbers[{at}] AS v{place}")
            hidden.append(f"p.texts[{at}] IS NOT NULL")  # a pseudonym
    selected.append(f"len(p.numbers) = 0 OR {' OR '.join(hidden)} AS hidden")
    if score is not None:
        selected.append(f"p.scores[{score + 1}] AS score")
    # Only places of columns and fixed texts, never a name from outside.
    return f"SELECT {', '.join(selected)}"


def _filled(values: Any) -> Array:
    """Return numbers with NaN, times with NaT and texts with None where nothing is."""
    missing, data = np.ma.getmaskarray(values), np.ma.getdata(values)
    if data.dtype.kind in "iuf":
        found: Array = data.astype(np.float64, copy=False)
        return np.where(missing, np.nan, found) if missing.any() else found
    if data.dtype.kind == "M":
        return np.where(missing, np.datetime64("NaT"), data.astype("datetime64[us]"))
    found = data.astype(object)
    found[missing] = None
    return found


def _typed(kind: str, values: Array) -> Array:
    """Return recorded numbers as the values that they stand for."""
    if kind != "boolean":
        return values
    missing = np.isnan(values)
    flags: Array = values > 0.5
    if missing.any():
        flags = flags.astype(object)
        flags[missing] = None
    return flags


def recorded(
    database: Database,
    version: ModelVersion,
    window: Window,
    *,
    rows: int,
    seed: int,
    sampled: bool,
    positive: Any = None,
) -> Recorded:
    """Return what a version was asked in a window, and what it said.

    Args:
        database: Where it was recorded.
        version: Which version.
        window: When.
        rows: How many requests, if they are sampled.
        seed: Of the sample.
        sampled: Whether not all are meant.
        positive: The class whose probability is the score; None: the one that sorts last.
    """
    signature = version.signature
    values: dict[str, Any] = {
        "model": version.model,
        "version": version.version,
        "since": as_stored(window.since),
        "until": as_stored(window.until),
    }
    source = _FROM.format(sample="")
    if sampled:
        source = _FROM.format(sample="ORDER BY hash(prediction_id || $seed) LIMIT $rows")
        values |= {"rows": rows, "seed": str(seed)}

    def fetched(select: str, answers: Sequence[str]) -> Mapping[str, Any]:
        more = {"answers": answers} if answers else {}
        database.command(select + source, values | more)
        found: Mapping[str, Any] = database.cursor.fetchnumpy()
        return found

    answers = [str(one) for one in signature.classes]
    score = class_place(signature.classes, positive)
    found = fetched(_select(signature, score, few=bool(answers)), answers)
    if answers and (found["answer"] < 0).any():  # another answer than one of the classes
        answers = []
        found = fetched(_select(signature, score, few=False), answers)
    return _kept(version, found, answers, _labels(database, source, values, found))


def _labels(
    database: Database, source: str, values: Mapping[str, Any], found: Mapping[str, Any]
) -> Array | None:
    """Return what came as feedback, row by row, None where nothing did; None: nothing at all."""
    database.command(
        f"SELECT p.row_place, f.label {source} JOIN feedback f USING (prediction_id)", values
    )
    told = database.cursor.fetchnumpy()
    if not len(told["row_place"]):
        return None
    labels = np.full(len(found["row_place"]), None, object)
    order = np.argsort(found["row_place"])
    nearest = np.searchsorted(found["row_place"], told["row_place"], sorter=order)
    at = order.take(nearest, mode="clip")
    ours = found["row_place"][at] == told["row_place"]
    labels[at[ours]] = _filled(told["label"])[ours]
    return labels


def _kept(
    version: ModelVersion,
    found: Mapping[str, Any],
    answers: Sequence[str],
    labels: Array | None,
) -> Recorded:
    columns = {
        column.name: _typed(column.type, _filled(found[f"v{place}"]))
        for place, column in enumerate(version.signature.columns)
    }
    score = _filled(found["score"]) if "score" in found else None
    if answers:
        then = Coded(answers, found["answer"])
    else:
        texts = _filled(found["answer"])
        then = coded(texts)
        then.codes[texts == None] = -1  # noqa: E711
    kept = Recorded(
        version,
        found["row_place"],
        then,
        None if score is None or np.isnan(score).all() else score,
        labels,
        _filled(found["latency"]).astype(np.float64),
        columns,
    )
    hidden = np.asarray(np.ma.filled(np.ma.asarray(found["hidden"]), True), np.bool_)
    if any(column.recorded != "full" for column in version.signature.columns) or any(
        _are_pseudonyms(values) for values in columns.values()
    ):
        hidden = np.ones_like(hidden)
    return _without(kept, hidden) if hidden.any() else kept


def _are_pseudonyms(values: Array) -> bool:
    if values.dtype != object:
        return False
    texts = [one for one in values[:_LOOKED_AT].tolist() if one is not None]
    return bool(texts) and all(
        isinstance(one, str) and _PSEUDONYM.fullmatch(one) is not None for one in texts
    )


def _without(kept: Recorded, hidden: Rows) -> Recorded:
    known = ~hidden
    return replace(
        kept,
        places=kept.places[known],
        then=kept.then.part(known),
        score=None if kept.score is None else kept.score[known],
        labels=None if kept.labels is None else kept.labels[known],
        latencies=kept.latencies[known],
        columns={name: values[known] for name, values in kept.columns.items()},
        unknown=int(hidden.sum()),
    )
