"""Leakage: does the training know what the test is to find out?

    found = leakage(train, test, target="churned", time="day", key="customer")
    found.passed, found.leaks

Looked for are rows in both tables, keys and groups in both, single features that are the target in
disguise, and test rows from before the end of the training. Each finding says with numbers what was
found and what to do. After the taxonomy of Kaufman et al., "Leakage in Data Mining" (2012).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.association import auc, correlation, goodman_kruskal_lambda
from lite_mlops.data.kinds import NUMERIC, Loaded, Typed, known_column, load, typed
from lite_mlops.data.wording import amount, percent, values
from lite_mlops.errors import Invalid
from lite_mlops.htmltext import html_table
from lite_mlops.settings import Settings
from lite_mlops.store import Workbench

EXAMPLES = 5

# When a single feature is called the target in disguise. What honest features reach lies clearly
# below: the best of the breast cancer data has an AUC of 0.975, the petal width of the iris data
# takes 0.94 of the errors away.
MIN_AUC = 0.995
MIN_LAMBDA = 0.97  # share of the errors of guessing the commonest class that it takes away
MIN_CORRELATION = 0.995
MIN_ROWS = 50  # with fewer, chance alone makes features perfect
MIN_CLASS_ROWS = 10  # of a class, or of an interval in which it is the commonest
MIN_ROWS_A_VALUE = 5  # a feature with fewer is a name of rows, which determines anything
_MOST_CLASSES = 20  # a whole number with more different values is a quantity


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: rows, features, key, group, target or time.
        column: The column it is about, if it is about one.
        leak: Whether it is a leak; else it is clean, or told for its own sake.
        text: What was found, with numbers.
        advice: What to do about it.
        rows: How many rows of the test it concerns.
    """

    check: str
    leak: bool
    text: str
    advice: str = ""
    column: str = ""
    rows: int = 0

    def __str__(self) -> str:
        return f"{self.text} {self.advice}".strip()

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON can hold it."""
        return dict(vars(self))


@dataclass(frozen=True)
class LeakageReport:
    """What was looked at, leaks first."""

    rows_train: int
    rows_test: int
    findings: tuple[Finding, ...]

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """The findings that are leaks."""
        return tuple(one for one in self.findings if one.leak)

    @property
    def passed(self) -> bool:
        """Whether no leak was found."""
        return not self.leaks

    def __str__(self) -> str:
        if self.passed:
            return f"No leak found by {amount(len(self.findings), 'check')}."
        return "\n".join(map(str, self.leaks))

    def __repr__(self) -> str:
        return f"<LeakageReport {amount(len(self.leaks), 'leak')}: {self}>"

    def _repr_html_(self) -> str:
        rows = [
            (one.check, "leak" if one.leak else "", one.text, one.advice) for one in self.findings
        ]
        return html_table("Leakage", ("check", "", "found", "what to do"), rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return {
            "passed": self.passed,
            "rows_train": self.rows_train,
            "rows_test": self.rows_test,
            "findings": [one.to_dict() for one in self.findings],
        }


# -- rows in both --------------------------------------------------------------------------------


class _Tables(NamedTuple):
    """Both tables in the database, and the columns that both have."""

    scratch: Workbench
    train: Loaded
    test: Loaded

    @property
    def common(self) -> list[str]:
        return [name for name in self.train.names if name in self.test.names]

    def places(self, table: Loaded, names: Sequence[str]) -> list[str]:
        """Return the columns of a table, as texts where the other table has another kind."""
        found = []
        for name in names:
            kinds = {self.train.kind(name), self.test.kind(name)}
            numbers = kinds <= set(NUMERIC)
            cast = "" if len(kinds) == 1 else "::DOUBLE" if numbers else "::VARCHAR"
            found.append(f"c{table.place(name)}{cast}")
        return found

    def shared(self, names: Sequence[str]) -> tuple[int, int]:
        """Return how many rows of the test, and how many of the training, have a twin in training.

        Missing values are like each other. A row of the training is not its own twin.
        """
        keys = [f"k{place}" for place in range(len(names))]
        named = ", ".join(keys)
        sides = [
            f"SELECT {', '.join(f'{p} AS {k}' for p, k in zip(places, keys, strict=True))}, "  # noqa: S608
            f"{training} AS training FROM {table.table}"
            for table, training in ((self.train, 1), (self.test, 0))
            for places in [self.places(table, names)]
        ]
        ((test, train),) = self.scratch.rows(
            "SELECT coalesce(sum(test) FILTER (WHERE train > 0), 0)::BIGINT, "  # noqa: S608
            "coalesce(sum(train) FILTER (WHERE train > 1), 0)::BIGINT FROM "
            "(SELECT sum(training) AS train, count(*) - sum(training) AS test "
            f"FROM ({' UNION ALL '.join(sides)}) GROUP BY {named})"
        )
        return test, train

    def values_in_both(self, names: Sequence[str]) -> tuple[int, int, list[Any]]:
        """Return how many values are in both tables, in how many test rows, and some of them."""
        sides = [
            f"SELECT {', '.join(self.places(table, names))}, count(*) FROM {table.table} "  # noqa: S608
            f"WHERE {' AND '.join(f'c{table.place(name)} IS NOT NULL' for name in names)} "
            "GROUP BY ALL"
            for table in (self.train, self.test)
        ]
        keys = ", ".join(f"k{place}" for place in range(len(names)))
        joined = (
            f"FROM ({sides[1]}) AS test({keys}, n) "
            f"SEMI JOIN ({sides[0]}) AS train({keys}, n) USING ({keys})"
        )
        ((count, rows),) = self.scratch.rows(
            f"SELECT count(*), coalesce(sum(n), 0)::BIGINT {joined}"
        )
        examples = self.scratch.rows(f"SELECT {keys} {joined} ORDER BY ALL LIMIT {EXAMPLES}")
        return count, rows, [row[0] if len(row) == 1 else row for row in examples]

    def column(self, name: str) -> Typed:
        """Return a column of the training."""
        array = self.scratch.arrays(f"SELECT c{self.train.place(name)} AS v FROM train")["v"]  # noqa: S608
        raw = np.ma.getdata(array)
        missing = np.ma.getmaskarray(array)
        if missing.any():
            raw = raw.astype(object)
            raw[missing] = None
        elif raw.dtype.kind == "M":
            raw = raw.astype("datetime64[us]").astype(object)
        return typed(raw)


def _twins(tables: _Tables, check: str, names: Sequence[str], what: str) -> Finding:
    test, train = tables.shared(names)
    share = test / tables.test.rows
    if not test:
        return Finding(check, leak=False, text=f"No row of the test is in the training {what}.")
    found = (
        f"{amount(test, 'row')} of {tables.test.rows:,} in the test ({percent(share)}) "
        f"{'is' if test == 1 else 'are'} in the training as well {what}."
    )
    # Where a table has few different rows, twins come by chance: as many within the training.
    chance = train / tables.train.rows
    spread = np.sqrt(chance * (1 - chance) / tables.test.rows)
    if chance and share <= chance + 3 * spread + 0.01:
        found += f" So are {percent(chance)} within the training: they may be alike by chance."
        return Finding(check, leak=False, text=found, rows=test)
    advice = (
        "Remove twins before splitting, or split so that they stay on one side: a score on them "
        "measures memory."
    )
    return Finding(check, leak=True, text=found, advice=advice, rows=test)


def _shared_rows(tables: _Tables, target: str | None, left_out: Sequence[str]) -> Iterator[Finding]:
    names = tables.common
    whole = _twins(tables, "rows", names, "with every value the same")
    yield whole
    features = [name for name in names if name != target and name not in left_out]
    if features and len(features) < len(names):
        alike = _twins(tables, "features", features, "with the same features")
        if not (alike.leak and whole.leak and alike.rows == whole.rows):  # it would be said twice
            yield alike


def _shared_values(tables: _Tables, check: str, names: Sequence[str]) -> Finding:
    named = " and ".join(map(repr, names))
    column = names[0] if len(names) == 1 else ""
    count, rows, examples = tables.values_in_both(names)
    if not count:
        text = f"No value of the {check} {named} is in both."
        return Finding(check, leak=False, text=text, column=column)
    text = (
        f"{amount(count, 'value')} of the {check} {named} {'is' if count == 1 else 'are'} in both, "
        f"in {amount(rows, 'row')} of the test: {values(examples)}."
    )
    advice = f"Split by {named}, so that each value is on one side (GroupKFold, GroupShuffleSplit)."
    return Finding(check, leak=True, text=text, advice=advice, column=column, rows=rows)


# -- the target in disguise ----------------------------------------------------------------------


class _Coded(NamedTuple):
    """A column with each value that is there by its place among the distinct ones.

    Numbers and times are in their order, so that places are ranks.
    """

    column: Typed
    codes: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        return len(self.counts)

    @property
    def all_codes(self) -> NDArray[np.int64]:
        """The codes of all rows; what is missing has one of its own."""
        return self.spread(self.codes, self.distinct)

    def spread(self, codes: NDArray[np.int64], missing: int) -> NDArray[np.int64]:
        """Return codes of the values that are there as codes of all rows."""
        found = np.full(len(self.column.values), missing, np.int64)
        found[~self.column.missing] = codes
        return found

    @property
    def mid_ranks(self) -> NDArray[np.float64]:
        """The ranks of the values that are there; equal ones have their mean."""
        ranks: NDArray[np.float64] = (np.cumsum(self.counts) - (self.counts - 1) / 2)[self.codes]
        return ranks

    @property
    def is_quantity(self) -> bool:
        """Whether it is a number rather than a class."""
        if self.column.kind in ("number", "time"):
            return self.distinct > 2
        return self.column.kind in NUMERIC and self.distinct > _MOST_CLASSES

    @property
    def only_names_rows(self) -> bool:
        """Whether it only tells rows apart: running numbers, or texts that hardly repeat."""
        present, kind = self.column.present, self.column.kind
        if kind in ("integer", "unsigned"):
            span = int(present.max()) - int(present.min())
            return self.distinct == len(present) and span < 2 * self.distinct
        return kind in ("text", "mixed") and len(present) < MIN_ROWS_A_VALUE * self.distinct


def _coded(column: Typed) -> _Coded:
    present = column.present
    if present.dtype != object:
        _, codes, counts = np.unique(present, return_inverse=True, return_counts=True)
        return _Coded(column, codes.astype(np.int64), counts.astype(np.int64))
    places = {one: place for place, one in enumerate(dict.fromkeys(present))}
    codes = np.fromiter(map(places.__getitem__, present), np.int64, len(present))
    return _Coded(column, codes, np.bincount(codes, minlength=len(places)).astype(np.int64))


def _as_floats(column: Typed) -> NDArray[np.float64]:
    present = column.present
    floats = present.astype(np.int64) if column.kind == "time" else present
    return floats.astype(np.float64)


class _Strength(NamedTuple):
    """How well a feature alone tells the target, and from where on that is too well."""

    measure: str
    value: float
    limit: float


def _intervals(feature: _Coded, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the codes of a number joined to intervals in which one class is the commonest.

    Those of fewer rows than make a class are joined to one: they may come by chance.
    """
    width = int(labels.max()) + 1
    there = labels[~feature.column.missing]
    pairs, counts = np.unique(feature.codes * width + there, return_counts=True)
    order = np.lexsort((counts, pairs // width))
    last = np.append(np.diff(pairs[order] // width) > 0, True)
    commonest = (pairs % width)[order][last]
    interval = np.append(0, np.cumsum(np.diff(commonest) != 0))
    rows = np.bincount(interval, weights=feature.counts)
    interval = np.where(rows[interval] < MIN_CLASS_ROWS, len(rows), interval)
    joined: NDArray[np.int64] = interval[feature.codes]
    return joined


def _tells_class(feature: _Coded, labels: NDArray[np.int64]) -> Iterator[_Strength]:
    """Yield how well a feature tells the class; `labels` are codes from 0 on."""
    column, codes = feature.column, feature.all_codes
    if column.kind in (*NUMERIC, "time"):
        one = labels[~column.missing] == 1
        positive = np.bincount(feature.codes[one], minlength=feature.distinct)
        negative = feature.counts - positive
        if int(labels.max()) == 1 and min(positive.sum(), negative.sum()) >= MIN_CLASS_ROWS:
            area = auc(positive, negative)
            yield _Strength("AUC", max(area, 1 - area), MIN_AUC)
        if len(codes) < MIN_ROWS_A_VALUE * feature.distinct:
            codes = feature.spread(_intervals(feature, labels), feature.distinct)
    saved = goodman_kruskal_lambda(codes, labels)
    yield _Strength("share of errors saved", saved, MIN_LAMBDA)


def _tells_number(feature: _Coded, answer: _Coded) -> Iterator[_Strength]:
    """Yield how well a feature tells a number."""
    column, target = feature.column, _as_floats(answer.column)
    if column.kind in (*NUMERIC, "time"):
        there, numbers = target[~column.missing], _as_floats(column)
        finite = np.isfinite(numbers)
        if finite.sum() >= MIN_ROWS:
            linear = correlation(numbers[finite], there[finite])
            ranked = correlation(feature.mid_ranks, answer.mid_ranks[~column.missing])
            yield _Strength("correlation", max(abs(linear), abs(ranked)), MIN_CORRELATION)
        return
    codes = feature.all_codes
    means = np.bincount(codes, weights=target) / np.maximum(np.bincount(codes), 1)
    # The correlation ratio: the correlation of the target with its mean for each value.
    yield _Strength("correlation ratio", correlation(means[codes], target), MIN_CORRELATION)


def _disguised(tables: _Tables, target: str, left_out: Sequence[str]) -> Iterator[Finding]:
    whole = tables.column(target)
    known = ~whole.missing
    if whole.kind == "number":
        known &= np.isfinite(whole.values)
    if known.sum() < MIN_ROWS:
        yield Finding(
            "target",
            leak=False,
            column=target,
            text=f"Features were not held against {target!r}: it takes {MIN_ROWS} rows, and "
            f"{int(known.sum())} have one.",
        )
        return

    def coded(column: Typed) -> _Coded:
        return _coded(Typed(column.kind, column.values[known], column.missing[known]))

    answer = coded(whole)
    features = [name for name in tables.common if name != target and name not in left_out]
    leaks = 0
    for name in features:
        strengths = _strengths(coded(tables.column(name)), answer)
        worst = next((one for one in strengths if one.value >= one.limit), None)
        if worst is None:
            continue
        leaks += 1
        yield Finding(
            "target",
            leak=True,
            column=name,
            text=f"The feature {name!r} alone tells {target!r}: {worst.measure} "
            f"{worst.value:.4g}, suspect from {worst.limit:g} on.",
            advice="See whether it is known when the prediction is made; if it comes from the "
            "target or after it, leave it out.",
        )
    if not leaks:
        text = f"None of {amount(len(features), 'feature')} alone tells {target!r}."
        yield Finding("target", leak=False, text=text, column=target)


def _strengths(feature: _Coded, answer: _Coded) -> list[_Strength]:
    column, target = feature.column, answer.column
    whole = not column.missing.any()
    if answer.distinct < 2 or feature.distinct < (2 if whole else 1):
        return []  # a constant tells nothing
    if whole and column.kind == target.kind and bool((column.values == target.values).all()):
        return [_Strength("share of equal values", 1.0, 1.0)]
    if feature.only_names_rows:
        return []
    if answer.is_quantity:
        return list(_tells_number(feature, answer))
    return list(_tells_class(feature, answer.codes))


# -- time ----------------------------------------------------------------------------------------


def _time_order(tables: _Tables, time: str) -> Finding:
    kinds = {tables.train.kind(time), tables.test.kind(time)}
    if not (kinds <= {"time"} or kinds <= set(NUMERIC)):
        raise Invalid(
            f"The column {time!r} is {' and '.join(sorted(kinds))}, no time. Give it as dates, "
            "times or numbers."
        )
    train, test = (f"c{table.place(time)}" for table in (tables.train, tables.test))
    ((latest,),) = tables.scratch.rows(f"SELECT max({train}) FROM train")  # noqa: S608
    ((early, missing, earliest),) = tables.scratch.rows(
        f"SELECT count(*) FILTER (WHERE {test} < ?), count(*) FILTER (WHERE {test} IS NULL), "  # noqa: S608
        f"min({test}) FROM test",
        latest,
    )
    rest = f" {amount(missing, 'row')} of the test have no {time!r}." if missing else ""
    if not early:
        text = f"No test row is from before the end of the training, {latest}.{rest}"
        return Finding("time", leak=False, text=text, column=time)
    share = percent(early / tables.test.rows)
    return Finding(
        "time",
        leak=True,
        column=time,
        rows=early,
        text=f"{amount(early, 'row')} of {tables.test.rows:,} in the test ({share}) "
        f"{'is' if early == 1 else 'are'} from before the end of the training, {latest}; the "
        f"earliest is from {earliest}.{rest}",
        advice="Split by time, with the test after the training: the model would otherwise be "
        "asked about a past whose future it has seen.",
    )


# -- the whole -----------------------------------------------------------------------------------


def _names(given: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if given is None else (given,) if isinstance(given, str) else tuple(given)


def leakage(
    train: Any,
    test: Any,
    *,
    target: str | None = None,
    time: str | None = None,
    key: str | Sequence[str] | None = None,
    group: str | Sequence[str] | None = None,
    settings: Settings | None = None,
) -> LeakageReport:
    """Return what of the test leaks into the training, leaks first.

    - Rows in both: whole rows, and rows by their features, without target, key and group. Where
      rows of the training have as many twins among themselves, it is told as chance.
    - Keys and groups in both.
    - Features that alone tell the target in the training. A class: AUC of a number for two classes
      from 0.995 on, or 0.97 of the errors of guessing saved (Goodman and Kruskal's lambda, numbers
      in intervals of 10 rows or more). A number: a linear or rank correlation from 0.995 on, or
      as large a correlation ratio of a text. Constant columns, running numbers and texts that
      hardly repeat are left out, and so is everything below 50 rows.
    - Time: test rows from before the latest row of the training.

    A table is whatever `as_columns` takes, or the path of a file. Columns that only one has are not
    compared.

    Raises:
        Invalid: one is no table or has no rows, or `time` is no time.
        NotFound: there is no such file or column.
    """
    keys, groups = _names(key), _names(group)
    with Workbench(settings) as scratch:
        tables = _Tables(scratch, load(scratch, "train", train), load(scratch, "test", test))
        for table in (tables.train, tables.test):
            if not table.rows:
                raise Invalid(f"The data {table.table} has no rows; there is nothing to compare.")
            for name in (*keys, *groups, *([time] if time else [])):
                known_column(name, table.names, table.table)
        if target is not None:
            known_column(target, tables.train.names, "train")
        if not tables.common:
            raise Invalid("The two tables have no column in common.")
        findings = list(_shared_rows(tables, target, (*keys, *groups)))
        if keys:
            findings.append(_shared_values(tables, "key", keys))
        if groups:
            findings.append(_shared_values(tables, "group", groups))
        if target is not None:
            findings += _disguised(tables, target, (*keys, *groups))
        if time is not None:
            findings.append(_time_order(tables, time))
        rows = tables.train.rows, tables.test.rows
    return LeakageReport(*rows, tuple(sorted(findings, key=lambda one: not one.leak)))
