"""Groups of the people that a model was asked about: what `Monitoring.fairness` tells.

fairness_of(store, version, ["sex", "age"], positive="granted")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from lite_mlops.errors import Invalid, suggestion
from lite_mlops.models import ModelVersion
from lite_mlops.monitoring.answers import (
    Floats,
    Recorded,
    class_texts,
    recorded_answers,
    recorded_column,
)
from lite_mlops.monitoring.fairness.groups import Groups, group_numbers, group_texts
from lite_mlops.monitoring.fairness.measuring import Decisions
from lite_mlops.monitoring.fairness.report import FairnessReport, Limits, compare_groups
from lite_mlops.store import Store

Cuts = Mapping[str, Sequence[float] | None]


def fairness_of(
    store: Store,
    version: ModelVersion,
    columns: str | Sequence[str] | Cuts,
    *,
    positive: str | None,
    against: str | None,
    limits: Limits,
    since: datetime | None,
    until: datetime | None,
) -> FairnessReport:
    """Return what a version did to groups of people; see `Monitoring.fairness`."""
    wanted = _wanted(version, columns)
    place = _positive(version, positive)
    with store.reading() as database:
        recorded = recorded_answers(database, version, since, until)
        values = {name: recorded_column(database, version, name, since, until) for name in wanted}
    groups = [_grouped(name, *values[name], cuts) for name, cuts in wanted.items()]
    return compare_groups(
        groups,
        _decisions(recorded, place),
        model=version.name,
        positive=class_texts(version)[place],
        against=against,
        limits=limits,
    )


def _wanted(version: ModelVersion, columns: str | Sequence[str] | Cuts) -> Cuts:
    """Return the columns that were named, each with its cuts. Raises `Invalid`."""
    if isinstance(columns, str):
        columns = [columns]
    wanted: Cuts = columns if isinstance(columns, Mapping) else dict.fromkeys(columns)
    if not wanted:
        raise Invalid("name at least one column by which groups are compared.")
    for name in wanted:
        if name not in version.signature.features:
            near = suggestion(name, version.signature.features)
            raise Invalid(f"{name!r} is none of the columns of {version.name}.{near}")
        if version.signature.column(name).recorded == "none":
            raise Invalid(
                f"nothing is recorded of the column {name!r} of {version.name}. Register it with "
                f"personal={{{name!r}: 'hash'}}: groups are then told apart by pseudonyms."
            )
    return wanted


def _positive(version: ModelVersion, positive: str | None) -> int:
    """Return the place of the answer that selects: of two classes the second. Raises `Invalid`."""
    classes = class_texts(version)
    if not classes:
        raise Invalid(f"{version.name} has no classes; groups are compared by what it answers.")
    told = ", ".join(classes)
    if positive is None:
        if len(classes) != 2:
            raise Invalid(f"say which answer of {version.name} selects: positive={told}.")
        return 1
    if positive not in classes:
        near = suggestion(positive, classes)
        raise Invalid(f"{positive!r} is none of the classes of {version.name}: {told}.{near}")
    return classes.index(positive)


def _decisions(recorded: Recorded, place: int) -> Decisions:
    answers = recorded.answers
    scores = answers.scores
    return Decisions(
        selected=answers.predicted == place,
        labelled=answers.labels >= 0,
        positive=answers.labels == place,
        scores=scores[:, place] if scores.shape[1] > place else np.full(len(scores), np.nan),
    )


def _grouped(
    name: str, numbers: Floats, texts: list[str | None], cuts: Sequence[float] | None
) -> Groups:
    if any(one is not None for one in texts):
        if cuts is not None:
            raise Invalid(f"{name!r} holds texts; only numbers can be cut.")
        return group_texts(name, texts)
    return group_numbers(name, numbers, cuts)
