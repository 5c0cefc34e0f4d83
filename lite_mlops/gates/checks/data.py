"""Data: is what the candidate is judged on sound, recent, and new to it?

judge_expectations(report), judge_leakage(report), judge_age(seconds, at_most=timedelta(days=7))
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from lite_mlops.data import typed
from lite_mlops.data.wording import amount
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.gates.case import Case
from lite_mlops.gates.conditions import column_of
from lite_mlops.gates.definition import Check
from lite_mlops.gates.verdicts import Found, cannot_tell, met

if TYPE_CHECKING:
    from lite_mlops.data import CheckReport, DatasetVersion, LeakageReport

_TOLD = 3
_DAY = 86_400


# -- pure -----------------------------------------------------------------------------------------


def judge_expectations(report: CheckReport) -> Found:
    """Return whether the data is as it is expected to be."""
    told = "; ".join(str(one) for one in report.failed[:_TOLD])
    count = amount(len(report.outcomes), "expectation")
    bad = len(report.failed)
    reason = f"{bad} of {count} not met: {told}." if bad else f"all {count} are met."
    return met(report.passed, reason, value=float(bad), limit=0.0, rows=report.rows)


def judge_leakage(report: LeakageReport) -> Found:
    """Return whether nothing of the data leaked into the training."""
    leaks = "; ".join(one.text.rstrip(".") for one in report.leaks[:_TOLD])
    checks = amount(len(report.findings), "check")
    reason = f"{leaks}." if leaks else f"{checks} found no leak from {report.rows_train:,} rows."
    return met(
        report.passed, reason, value=float(len(report.leaks)), limit=0.0, rows=report.rows_test
    )


def judge_age(what: str, newest: datetime, now: datetime, *, at_most: timedelta) -> Found:
    """Return whether something is recent enough."""
    age = (now - newest).total_seconds()
    reason = (
        f"{what} is from {newest:%Y-%m-%d %H:%M} UTC, {age / _DAY:.3g} days old; at most "
        f"{at_most.total_seconds() / _DAY:.3g} are allowed."
    )
    return met(age <= at_most.total_seconds(), reason, value=age, limit=at_most.total_seconds())


# -- gathering ------------------------------------------------------------------------------------


def check_expectations(case: Case, check: Check) -> Found:
    """Return whether the data is as it is expected of its dataset."""
    name = check["dataset"]
    if name is None:
        named = case.data_name or ""
        if "@" not in named:
            return cannot_tell("the data is no version of a dataset; say whose by `dataset`.")
        name = named.rpartition("@")[0]
    return judge_expectations(case.datasets.check(case.columns, name))


def check_freshness(case: Case, check: Check) -> Found:
    """Return whether the data is recent: by a column of it, or the training data by its record."""
    now, column = datetime.now(UTC), check["column"]
    if column is None:
        training = _training(case)
        what = f"the training data {training.reference}"
        return judge_age(what, training.logged_at, now, at_most=check["at_most"])
    found = typed(column_of(case.columns, column))
    if found.kind != "time" or not len(found.present):
        return cannot_tell(f"{column!r} holds no times.")
    newest = np.max(found.present).astype("datetime64[us]").item()
    what = f"the newest {column!r}"
    return judge_age(what, newest.replace(tzinfo=UTC), now, at_most=check["at_most"])


def _training(case: Case) -> DatasetVersion:
    run = case.candidate.run_id
    training = None if run is None else case.datasets.used_by(run, "training")
    if training is None:
        raise NotFound(
            f"the run of {case.candidate.name} logged no training data; log_dataset(data, name) "
            "in the run that trains does."
        )
    return training


def check_leakage(case: Case, check: Check) -> Found:
    """Return whether nothing of the data leaked into what the candidate was trained on."""
    training = check["training"] or _training(case).reference
    try:
        train = case.datasets.columns(training)
    except NotFound as error:
        raise NotFound(f"the training data cannot be read: {error}") from None
    try:
        target = case.label
    except Invalid:  # then only rows are compared
        target = None
    report = case.datasets.leakage(
        train,
        case.columns,
        target=target if target in train else None,
        time=check["time"],
        key=check["key"] or None,
        group=check["group"] or None,
    )
    return judge_leakage(report)
