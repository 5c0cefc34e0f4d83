"""Drift of tables, and of what a model is asked: what `Monitoring` tells of it.

compare(datasets, "patients@461a8a2d", "today.csv").drifted
drift_of(store, version, training).moved

Apart from the rest, because a server that takes labels needs nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from os import PathLike
from typing import Any

from lite_mlops.data import Datasets, DatasetVersion
from lite_mlops.errors import Invalid, suggestion
from lite_mlops.models import ModelVersion
from lite_mlops.monitoring.drift import (
    PRESETS,
    BinCounts,
    Bins,
    DriftReport,
    Floors,
    compare_tables,
    judge_columns,
    measure_bins,
)
from lite_mlops.monitoring.drift.quality import margins
from lite_mlops.store import Store, as_stored


def _floors(preset: str) -> Floors:
    if preset not in PRESETS:
        known = ", ".join(PRESETS)
        near = suggestion(preset, PRESETS)
        raise Invalid(f"There is no preset {preset!r} of what counts as drift: {known}.{near}")
    return PRESETS[preset]


def _name(data: Any, otherwise: str) -> str:
    return str(data) if isinstance(data, str | PathLike) else otherwise


def _bins(facts: Mapping[str, Any], rows: int) -> Bins:
    """Return what a profile says of the numbers of a column."""
    return Bins(
        edges=facts["edges"],
        counts=facts["counts"],
        missing=facts["missing"],
        lowest=facts["min"],
        highest=facts["max"],
        infinite=max(0, rows - facts["missing"] - sum(facts["counts"])),
    )


def compare(
    datasets: Datasets, reference: Any, current: Any, *, preset: str, joint: bool
) -> DriftReport:
    """Return what changed from one table to another; see `Monitoring.compare`."""
    floors = _floors(preset)
    old, new = datasets.columns(reference), datasets.columns(current)
    names = _name(reference, "reference"), _name(current, "present")
    return compare_tables(old, new, names=names, joint=joint, floors=floors)


def drift_of(
    store: Store,
    version: ModelVersion,
    training: DatasetVersion,
    *,
    since: datetime | None,
    until: datetime | None,
    preset: str,
) -> DriftReport:
    """Return what changed from the training data to what was asked; see `Monitoring.drift`."""
    floors = _floors(preset)
    known = {
        column.name: training.profile[column.name]
        for column in version.signature.columns
        if column.recorded == "full" and training.profile.get(column.name, {}).get("edges")
    }
    places = {
        place: name
        for place, name in enumerate(version.signature.features, start=1)
        if name in known
    }
    bounds = [margins(facts["min"], facts["max"]) for facts in known.values()]
    with store.reading() as database:
        rows = database.rows(
            "prediction_bins",
            model=version.model,
            version=version.version,
            features=list(places),
            edges=[facts["edges"] for facts in known.values()],
            lowest=[low for low, _ in bounds],
            highest=[high for _, high in bounds],
            since=as_stored(since),
            until=as_stored(until),
        )
        asked = database.one(
            "prediction_performance",
            model=version.model,
            version=version.version,
            since=as_stored(since),
            until=as_stored(until),
        )
    assert asked is not None
    counted = {places[place]: BinCounts(*facts) for place, *facts in rows}
    found = []
    for name, facts in known.items():
        reference = _bins(facts, training.rows)
        nothing = BinCounts(counts=[0] * len(reference.counts), missing=0)
        found.append(measure_bins(name, reference, counted.get(name, nothing)))
    return DriftReport(
        reference=training.reference,
        current=version.name,
        reference_rows=training.rows,
        current_rows=asked["predictions"],
        columns=tuple(judge_columns(found, floors)),
        joint=None,
        floors=floors,
    )
