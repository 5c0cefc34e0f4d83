"""Two tables against each other, without a model.

report = compare_tables(old, new)
report.drifted, str(report)
"""

from __future__ import annotations

from lite_mlops.data import Columns, typed
from lite_mlops.monitoring.drift.columns import Measured, measure
from lite_mlops.monitoring.drift.joint import joint_drift
from lite_mlops.monitoring.drift.quality import Broken
from lite_mlops.monitoring.drift.samples import sample
from lite_mlops.monitoring.drift.verdict import BALANCED, DriftReport, Floors, judge_columns


def _rows(columns: Columns) -> int:
    return len(next(iter(columns.values()))) if columns else 0


def compare_tables(
    reference: Columns,
    current: Columns,
    *,
    names: tuple[str, str] = ("reference", "present"),
    joint: bool = True,
    floors: Floors = BALANCED,
) -> DriftReport:
    """Return what changed from the columns of one table to those of another.

    A column that is gone, or whose type is another one, is an alert; a new one is told. `joint`
    says whether all of them together are looked at as well. Tables of any number of rows have a
    report; where there are too few for a verdict it says so.
    """
    old = {name: typed(values) for name, values in reference.items()}
    new = {name: typed(values) for name, values in current.items()}
    rows, new_rows = _rows(reference), _rows(current)
    found = []
    for name in old:
        if name in new:
            found.append(measure(name, sample(old[name]), sample(new[name])))
        else:
            gone = (Broken("gone", "the column is gone"),)
            found.append(Measured(name, "nothing", rows, 0, broken=gone))
    added = (name for name in new if name not in old)
    untold = "the reference has no such column"
    found += [Measured(name, "nothing", 0, new_rows, untold=untold) for name in added]
    # What names rows or times tells the sides apart by itself, and what changed its type as well.
    told = [
        one.column
        for one in found
        if one.kind in ("number", "category") and all(rule != "type" for rule, _ in one.broken)
    ]
    together = None
    if joint:
        sides = [{name: side[name] for name in told} for side in (old, new)]
        together = joint_drift(*sides)
    columns = tuple(judge_columns(found, floors))
    return DriftReport(names[0], names[1], rows, new_rows, columns, together, floors)
