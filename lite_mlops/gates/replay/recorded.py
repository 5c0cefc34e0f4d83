"""Recorded requests as columns, with what was answered to them and what is known to be true.

    found = recorded(database, version, window, rows=1000, seed=0, sampled=True)
    found.columns["age"], found.then, found.labels, found.unknown

What was recorded as pseudonyms, or not at all, cannot be asked again: it is counted and left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models import ModelVersion, Signature
from lite_mlops.monitoring.windows import Window
from lite_mlops.store import Database, as_stored

_PSEUDONYM = re.compile(r"[0-9a-f]{32}")
_LOOKED_AT = 100  # texts of a column, to know pseudonyms

Array = NDArray[Any]
Rows = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Recorded:
    """Requests that one version answered, as columns of equal length.

    Attributes:
        ids: Of the predictions.
        then: The answers, as texts.
        scores: Shape (rows, classes), NaN where none was recorded; None: none was.
        labels: What came as feedback; None where nothing did.
        latencies: In microseconds.
        columns: The inputs.
        unknown: Rows that were left out, because their inputs are not kept as they were.
    """

    version: ModelVersion
    ids: Array
    then: Array
    scores: NDArray[np.float64] | None
    labels: Array
    latencies: NDArray[np.float64]
    columns: Mapping[str, Array]
    unknown: int = 0

    def __len__(self) -> int:
        return len(self.ids)


_FROM = """
FROM (SELECT prediction_id, value, latency_us, numbers, texts, scores FROM predictions
      WHERE model = $model AND version = $version
        AND ($since IS NULL OR ts >= $since) AND ($until IS NULL OR ts < $until)
      {sample}) p
LEFT JOIN feedback f USING (prediction_id)
"""


def _select(signature: Signature, *, sampled: bool) -> str:
    """Return the statement that fetches inputs as columns: numbers n0, n1, ... and texts t0, ..."""
    hidden = ["false"]
    selected = ["p.prediction_id AS id, p.value AS answer, p.latency_us AS latency, f.label"]
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
    selected += [f"p.scores[{at + 1}] AS s{at}" for at in range(len(signature.classes))]
    sample = "ORDER BY hash(prediction_id || $seed) LIMIT $rows" if sampled else ""
    # Only places of columns and fixed texts, never a name from outside.
    return f"SELECT {', '.join(selected)} {_FROM.format(sample=sample)}"


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
) -> Recorded:
    """Return what a version was asked in a window, and what it said."""
    signature = version.signature
    database.command(
        _select(signature, sampled=sampled),
        {
            "model": version.model,
            "version": version.version,
            "since": as_stored(window.since),
            "until": as_stored(window.until),
            **({"rows": rows, "seed": str(seed)} if sampled else {}),
        },
    )
    found = database.cursor.fetchnumpy()
    hidden = np.asarray(np.ma.filled(np.ma.asarray(found["hidden"]), True), np.bool_)
    if any(column.recorded != "full" for column in signature.columns):
        hidden = np.ones_like(hidden)
    columns = {
        column.name: _typed(column.type, _filled(found[f"v{place}"]))
        for place, column in enumerate(signature.columns)
    }
    if any(_are_pseudonyms(values) for values in columns.values()):
        hidden = np.ones_like(hidden)
    scores = [_filled(found[f"s{at}"]) for at in range(len(signature.classes))]
    matrix = np.column_stack(scores).astype(np.float64) if scores else None
    kept = Recorded(
        version,
        _filled(found["id"]),
        _filled(found["answer"]),
        None if matrix is None or np.isnan(matrix).all() else matrix,
        _filled(found["label"]),
        _filled(found["latency"]).astype(np.float64),
        columns,
    )
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
        ids=kept.ids[known],
        then=kept.then[known],
        scores=None if kept.scores is None else kept.scores[known],
        labels=kept.labels[known],
        latencies=kept.latencies[known],
        columns={name: values[known] for name, values in kept.columns.items()},
        unknown=int(hidden.sum()),
    )
