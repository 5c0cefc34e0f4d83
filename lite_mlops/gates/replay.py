"""Replay: recorded requests are answered by a candidate off-line, and compared with what was said.

    found = replay(store, asking, candidate, replay_window("7d"))
    found.changed_share, found.failed, found.largest[0].prediction_id, found.compared

Requests come out of the database as columns and go into the model as columns; nothing is done row
by row. What was recorded as pseudonyms, or not at all, cannot be asked again and is counted.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.gates.case import asked, last_of
from lite_mlops.models import Asking, InvalidRows, Models, ModelVersion, Signature
from lite_mlops.monitoring.windows import Window, window_of
from lite_mlops.store import Database, Store, as_stored
from lite_mlops.tracking.comparing import Verdict
from lite_mlops.tracking.comparing.verdicts import verdicts

BATCH_ROWS = 1 << 16
LARGEST = 20  # changes that are listed
MOST_ROWS = 1_000_000
_TRIES = 200  # batches that are asked to find the rows that fail; what is left counts as failed
_SAME = 1e-9  # numbers that differ by less, of their size, are the same
_PSEUDONYM = re.compile(r"[0-9a-f]{32}")
_LOOKED_AT = 100  # texts of a column, to know pseudonyms

Array = NDArray[Any]
Rows = NDArray[np.bool_]


# -- values ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ChangedRow:
    """A request that the candidate answers otherwise."""

    prediction_id: str
    then: str
    now: str
    score_then: float | None
    score_now: float | None

    @property
    def change(self) -> float | None:
        """By how much the score is higher now."""
        if self.score_then is None or self.score_now is None:
            return None
        return self.score_now - self.score_then

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return vars(self) | {"change": self.change}


@dataclass(frozen=True)
class Replayed:
    """What a candidate says to recorded requests.

    Attributes:
        candidate: The version.
        window: When they were asked.
        recorded: Requests in the window.
        rows: Those that were asked again.
        seed: Of the sample, where not all were.
        unknown: Those of which the inputs are not kept as they were.
        failed: Those that the candidate could not answer.
        why_failed: The first reason.
        changed: Those that get another answer.
        largest: The largest changes, the largest first.
        compared: On the rows with feedback, the candidate against what was answered.
        labelled: How many these are.
        rows_per_second: The speed of the candidate in batches.
        seconds: How long all of it took.
        latency_then_us: Of 95 of 100 requests, as it was recorded.
        versions: Which versions had answered, and how many of the rows.
    """

    candidate: str
    window: Window
    recorded: int
    rows: int
    seed: int
    unknown: int
    failed: int
    why_failed: str | None
    changed: int
    largest: tuple[ChangedRow, ...]
    compared: tuple[Verdict, ...]
    labelled: int
    rows_per_second: float
    seconds: float
    latency_then_us: float | None
    versions: Mapping[str, int] = field(default_factory=dict)
    example: Mapping[str, Any] = field(default_factory=dict)  # columns of some of the rows

    @property
    def answered(self) -> int:
        """How many rows the candidate answered."""
        return self.rows - self.failed

    @property
    def changed_share(self) -> float:
        """The share of the answered rows that gets another answer."""
        return self.changed / self.answered if self.answered else 0.0

    @property
    def failed_share(self) -> float:
        """The share of rows that the candidate could not answer."""
        return self.failed / self.rows if self.rows else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        found = {name: value for name, value in vars(self).items() if name != "example"}
        return found | {
            "window": {
                "since": _iso(self.window.since),
                "until": _iso(self.window.until),
            },
            "largest": [one.to_dict() for one in self.largest],
            "compared": [one.to_dict() for one in self.compared],
            "changed_share": self.changed_share,
            "failed_share": self.failed_share,
            "versions": dict(self.versions),
        }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def replay_window(text: str) -> Window:
    """Return the window that a text means: '7d', '24h', 'all', or 'FROM..TO'.

    Raises:
        Invalid: it means none, or a count of requests.
    """
    window = window_of(text)
    if window.first or window.last:
        raise Invalid(f"A replay is of a time; the window {text!r} is a count. Write 7d, or all.")
    return window


# -- reading what was recorded --------------------------------------------------------------------


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


# -- asking again ---------------------------------------------------------------------------------


@dataclass(eq=False)
class _Asked:
    """What the candidate answered, row by row; nothing where it failed."""

    predicted: Array
    scores: NDArray[np.float64] | None
    failed: Rows
    why: str | None = None


class _Asker:
    """Asks the candidate batch by batch, and finds the rows that it cannot answer by halving."""

    def __init__(self, asking: Asking, columns: Mapping[str, Array], rows: int) -> None:
        self._asking = asking
        self._columns = columns
        self._rows = rows
        self._tries = _TRIES
        self.why: str | None = None
        self.seconds = 0.0  # that the model itself took

    def ask(self) -> _Asked:
        parts = [
            part
            for start in range(0, self._rows, BATCH_ROWS)
            for part in self._asked(start, min(start + BATCH_ROWS, self._rows))
        ]
        good = [one for one in parts if one[2] is not None]
        failed = np.zeros(self._rows, np.bool_)
        for start, stop, answers in parts:
            failed[start:stop] = answers is None
        if not good:
            return _Asked(np.empty(0), None, failed, self.why)
        predicted = np.concatenate([one[2].predicted for one in good])
        scored = [one[2].probabilities for one in good if one[2].probabilities is not None]
        scores = np.concatenate(scored) if len(scored) == len(good) else None
        return _Asked(predicted, scores, failed, self.why)

    def _asked(self, start: int, stop: int) -> Iterator[tuple[int, int, Any]]:
        """Return pieces of the rows with their answers, or None where there are none."""
        part = {name: values[start:stop] for name, values in self._columns.items()}
        begin = time.perf_counter()
        try:
            table = self._asking.signature.validate(part, ignore_unknown=True)
            answers = asked(self._asking, table)
        except Invalid as error:
            self.why = self.why or str(error)
            yield from self._halved(start, stop, error)
            return
        finally:
            self.seconds += time.perf_counter() - begin
        if answers.predicted.ndim != 1 or len(answers.predicted) != stop - start:
            raise Invalid("the candidate does not answer with one value for each row.")
        yield start, stop, answers

    def _halved(self, start: int, stop: int, error: Invalid) -> Iterator[tuple[int, int, Any]]:
        whole = isinstance(error, InvalidRows) and any(one.row is None for one in error.problems)
        self._tries -= 1
        if stop - start == 1 or whole or self._tries <= 0:
            yield start, stop, None
            return
        middle = (start + stop) // 2
        yield from self._asked(start, middle)
        yield from self._asked(middle, stop)


def _texts(answers: Array) -> Array:
    """Return answers as they are recorded: as texts; each different one is written once."""
    if answers.dtype.kind in "US":
        return answers.astype(object)
    if answers.dtype.kind in "biu":
        different, places = np.unique(answers, return_inverse=True)
        written = np.array([str(one) for one in different.tolist()], object)
        found: Array = written[places]
        return found
    written = np.empty(len(answers), object)
    written[:] = [str(one) for one in answers.tolist()]
    return written


def _as_numbers(texts: Array) -> NDArray[np.float64]:
    """Return texts as numbers, NaN where one is none."""
    try:
        return texts.astype(np.float64)
    except (ValueError, TypeError):
        return np.array([_as_number(one) for one in texts.tolist()], np.float64)


def _as_number(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return float("nan")


@dataclass(frozen=True, eq=False)
class _Pairs:
    """What was said then and what the candidate says, of the rows that it answered."""

    ids: Array
    then: Array  # texts
    now: Array  # texts, or numbers of what answers with numbers
    score_then: NDArray[np.float64] | None
    score_now: NDArray[np.float64] | None
    changed: Rows
    labels: Array


def _pairs(
    kept: Recorded, said: _Asked, signature: Signature, positive: Any, tolerance: float
) -> _Pairs:
    good = ~said.failed
    then, ids, labels = (
        (one[good] if said.failed.any() else one) for one in (kept.then, kept.ids, kept.labels)
    )
    if not len(said.predicted):
        nothing = np.zeros(0, np.bool_)
        return _Pairs(ids, then, then, None, None, nothing, labels)
    if not signature.classes and said.predicted.dtype.kind in "iuf":
        before, now = _as_numbers(then), said.predicted.astype(np.float64)
        gap = np.abs(now - before)
        changed = ~(gap <= np.maximum(tolerance, _SAME * np.abs(before)))
        return _Pairs(ids, then, now, before, now, changed, labels)
    now = _texts(said.predicted)
    before_scores = None if kept.scores is None else kept.scores[good]
    score_then = _score(before_scores, kept.version.signature.classes, positive)
    score_now = _score(said.scores, signature.classes, positive)
    return _Pairs(ids, then, now, score_then, score_now, np.asarray(then != now, np.bool_), labels)


def _score(
    scores: NDArray[np.float64] | None, classes: Sequence[Any], positive: Any
) -> NDArray[np.float64] | None:
    """Return the probability of the positive class; None if there is none."""
    if scores is None or not classes:
        return None
    wanted = last_of(tuple(classes)) if positive is None else positive
    return scores[:, list(classes).index(wanted)] if wanted in classes else None


def _largest(pairs: _Pairs) -> list[ChangedRow]:
    """Return the rows that changed most: by their scores, else those that get another answer."""
    then, now = pairs.score_then, pairs.score_now
    if then is None or now is None:
        places = np.flatnonzero(pairs.changed)[:LARGEST]
    else:
        size = np.nan_to_num(np.abs(now - then), nan=-1.0) + pairs.changed  # others come last
        size[~pairs.changed & (size <= 0)] = -1.0
        count = min(LARGEST, int((size > 0).sum()))
        places = np.argpartition(-size, count - 1)[:count] if count else np.zeros(0, np.int64)
        places = places[np.argsort(-size[places], kind="stable")]
    return [
        ChangedRow(
            str(pairs.ids[place]),
            str(pairs.then[place]),
            str(pairs.now[place]),
            _plain(then, place),
            _plain(now, place),
        )
        for place in places.tolist()
    ]


def _plain(values: NDArray[np.float64] | None, place: int) -> float | None:
    if values is None or np.isnan(values[place]):
        return None
    return float(values[place])


def _compared(pairs: Sequence[_Pairs]) -> tuple[tuple[Verdict, ...], int]:
    """Return verdicts on the candidate where the true answers are known, and on how many rows."""
    labels = np.concatenate([one.labels for one in pairs])
    known = np.asarray(labels != None, np.bool_)  # noqa: E711
    count = int(known.sum())
    if not count:
        return (), 0
    then = np.concatenate([one.then for one in pairs])[known]
    now = np.concatenate([one.now for one in pairs])[known]
    truth = labels[known]
    if now.dtype.kind == "f":
        columns = [_as_numbers(one) for one in (truth, then, now)]
        fine = ~np.isnan(np.column_stack(columns)).any(axis=1)
        columns = [one[fine] for one in columns]
        return (verdicts(*columns), int(fine.sum())) if fine.any() else ((), 0)
    columns = [one.astype(str) for one in (truth, then, now)]
    scores: tuple[NDArray[np.float64], ...] = ()
    if all(one.score_then is not None and one.score_now is not None for one in pairs):
        both = [
            np.concatenate([part for one in pairs if (part := getattr(one, name)) is not None])
            for name in ("score_then", "score_now")
        ]
        scores = tuple(one[known] for one in both)
        if len(np.unique(columns[0])) != 2 or any(np.isnan(one).any() for one in scores):
            scores = ()
    return verdicts(*columns, *scores), count


# -- the whole ------------------------------------------------------------------------------------


def replay(
    store: Store,
    asking: Asking,
    candidate: ModelVersion,
    window: Window,
    *,
    rows: int = MOST_ROWS,
    seed: int = 0,
    positive: Any = None,
    tolerance: float = 0.0,
) -> Replayed:
    """Return what a candidate says to the requests that were recorded of its model in a window.

    Args:
        store: The store of the project.
        asking: The candidate, loaded.
        candidate: Its version.
        window: When the requests were asked.
        rows: How many are asked again at most; of more, a sample is drawn.
        seed: Of the sample.
        positive: The class whose probability is the score; None: the one that sorts last.
        tolerance: By how much a number may differ and count as the same answer.

    Raises:
        NotFound: nothing was recorded in the window.
        Invalid: the inputs were not kept as they were, or the candidate takes no columns.
    """
    begin = time.perf_counter()
    if not candidate.signature.columns:
        raise Invalid(f"{candidate.name} takes arrays; only rows of columns are replayed.")
    models = Models(store)
    with store.reading() as database:
        counted = database.dicts(
            "replay_versions",
            model=candidate.model,
            since=as_stored(window.since),
            until=as_stored(window.until),
        )
        total = sum(row["row_count"] for row in counted)
        sampled = total > rows
        kept = []
        for row in counted:
            share = max(1, round(rows * row["row_count"] / total)) if sampled else row["row_count"]
            version = _version(models, candidate.model, row["version"])
            if version is None:
                continue
            kept.append(recorded(database, version, window, rows=share, seed=seed, sampled=sampled))
    unknown = sum(one.unknown for one in kept)
    kept = [one for one in kept if len(one)]
    if not total:
        raise NotFound(f"no request to {candidate.model} was recorded ({window}).")
    if not kept:
        raise Invalid(
            f"none of {total:,} requests to {candidate.model} was recorded with its inputs as they "
            "were; pseudonyms cannot be asked again."
        )
    pairs, failed, why, seconds = [], 0, None, 0.0
    for one in kept:
        asker = _Asker(asking, one.columns, len(one))
        said = asker.ask()
        seconds += asker.seconds
        failed += int(said.failed.sum())
        why = why or said.why
        pairs.append(_pairs(one, said, asking.signature, positive, tolerance))
    largest = [row for one in pairs for row in _largest(one)]
    largest.sort(key=lambda row: (row.then == row.now, -abs(row.change or 0.0)))
    compared, labelled = _compared(pairs)
    latencies = np.concatenate([one.latencies for one in kept])
    count = sum(map(len, kept))
    return Replayed(
        candidate=candidate.name,
        window=window,
        recorded=total,
        rows=count,
        seed=seed,
        unknown=unknown,
        failed=failed,
        why_failed=why,
        changed=sum(int(one.changed.sum()) for one in pairs),
        largest=tuple(largest[:LARGEST]),
        compared=compared,
        labelled=labelled,
        rows_per_second=count / seconds if seconds else 0.0,
        seconds=time.perf_counter() - begin,
        latency_then_us=float(np.nanquantile(latencies, 0.95)) if count else None,
        versions={one.version.name: len(one) for one in kept},
        example={name: values[:_LOOKED_AT] for name, values in kept[0].columns.items()},
    )


def _version(models: Models, model: str, number: int) -> ModelVersion | None:
    """Return a version that answered, also if it was removed since; None if it is not here."""
    try:
        return models.get(f"{model}/{number}")
    except NotFound:
        removed = [one for one in models.all(model, removed=True) if one.version == number]
        return removed[0] if removed else None
