"""Recorded answers as columns: what a version was asked in a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lite_mlops.models import ModelVersion
from lite_mlops.store import Store, as_stored

MOST_ROWS = 200_000  # that are looked at; of more the latest


def recorded_columns(
    store: Store, version: ModelVersion, since: datetime, until: datetime
) -> dict[str, Any]:
    """Return the inputs of a version in a time by column, as NumPy arrays.

    Columns that are not recorded in full are left out, as a pseudonym is no value.
    """
    names = {
        place: column.name
        for place, column in enumerate(version.signature.columns, start=1)
        if column.recorded == "full"
    }
    if not names:
        return {}
    # Only places, which are whole numbers, are written into the statement.
    picked = ", ".join(f"numbers[{at}] AS n{at}, texts[{at}] AS t{at}" for at in names)
    sql = (
        f"SELECT {picked} FROM predictions WHERE model = ? AND version = ? AND ts >= ? AND ts < ? "  # noqa: S608
        f"ORDER BY ts DESC LIMIT {MOST_ROWS}"
    )
    with store.reading() as database:
        database.execute(sql, version.model, version.version, as_stored(since), as_stored(until))
        found = database.cursor.fetchnumpy()
    return {name: _column(found[f"n{at}"], found[f"t{at}"]) for at, name in names.items()}


def _column(numbers: Any, texts: Any) -> Any:
    """Return the numbers of a column, or its texts if there are any; what is missing is masked."""
    import numpy as np

    is_text = ~np.ma.getmaskarray(texts)
    if not is_text.any():
        return np.ma.filled(np.ma.asarray(numbers, np.float64), np.nan)[::-1]
    found = np.full(len(texts), None, np.object_)
    found[is_text] = np.ma.getdata(texts)[is_text]
    apart = ~np.ma.getmaskarray(numbers)
    found[apart & ~is_text] = np.ma.getdata(numbers)[apart & ~is_text].astype(str)
    return found[::-1]
