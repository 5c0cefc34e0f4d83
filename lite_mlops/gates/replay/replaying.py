"""Replaying: the recorded requests of a window, asked again and compared."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lite_mlops.errors import Busy, Invalid, NotFound
from lite_mlops.gates.replay.asking import Asker
from lite_mlops.gates.replay.changes import Change, Pairs, compared, largest_changes, paired
from lite_mlops.gates.replay.recorded import Recorded, recorded
from lite_mlops.gates.replay.replayed import ChangedRow, Replayed
from lite_mlops.models import Asking, Models, ModelVersion
from lite_mlops.monitoring.windows import Window
from lite_mlops.store import Store, as_stored

MOST_ROWS = 1_000_000
_EXAMPLE = 100  # rows that are kept as an example


@dataclass(frozen=True, eq=False)
class Requests:
    """What was recorded of a model in a window, and is to be asked again.

    Attributes:
        candidate: The version that is to be asked.
        window: When the requests were asked.
        total: How many there were.
        seed: Of the sample, where not all are asked again.
        positive: The class whose probability is the score; None: the one that sorts last.
        parts: The requests, by the version that answered them.
        file: Of the database, in which they have their places.
    """

    candidate: ModelVersion
    window: Window
    total: int
    seed: int
    positive: Any
    parts: Sequence[Recorded]
    file: Hashable

    @property
    def unknown(self) -> int:
        """How many were not kept as they were."""
        return sum(one.unknown for one in self.parts)


@dataclass(frozen=True, eq=False)
class _Again:
    """What asking again came to; the seconds are those that the model itself took."""

    pairs: list[Pairs]
    failed: int
    why: str | None
    seconds: float


# -- what was recorded --------------------------------------------------------------------------


def recorded_requests(
    store: Store,
    candidate: ModelVersion,
    window: Window,
    *,
    rows: int = MOST_ROWS,
    seed: int = 0,
    positive: Any = None,
) -> Requests:
    """Return the requests that were recorded of the model of a candidate in a window.

    Args:
        store: The store of the project.
        candidate: The version that is to be asked.
        window: When the requests were asked.
        rows: How many are asked again at most; of more, a sample is drawn.
        seed: Of the sample.
        positive: The class whose probability is the score; None: the one that sorts last.

    Raises:
        NotFound: nothing was recorded in the window.
        Invalid: the inputs were not kept as they were, or the candidate takes no columns.
    """
    if not candidate.signature.columns:
        raise Invalid(f"{candidate.name} takes arrays; only rows of columns are replayed.")
    with store.reading() as database:
        counted = database.dicts(
            "replay_versions",
            model=candidate.model,
            since=as_stored(window.since),
            until=as_stored(window.until),
        )
        total = sum(row["row_count"] for row in counted)
        sampled = total > rows
        found = []
        for row in counted:
            share = max(1, round(rows * row["row_count"] / total)) if sampled else row["row_count"]
            version = _version(store, candidate, row["version"])
            if version is None:
                continue
            found.append(
                recorded(
                    database,
                    version,
                    window,
                    rows=share,
                    seed=seed,
                    sampled=sampled,
                    positive=positive,
                )
            )
        file = store.file
    if not total:
        raise NotFound(f"no request to {candidate.model} was recorded ({window}).")
    if not any(map(len, found)):
        raise Invalid(
            f"none of {total:,} requests to {candidate.model} was recorded with its inputs as they "
            "were; pseudonyms cannot be asked again."
        )
    return Requests(candidate, window, total, seed, positive, found, file)


def _version(store: Store, candidate: ModelVersion, number: int) -> ModelVersion | None:
    """Return a version that answered, also if it was removed since; None if it is not here."""
    if number == candidate.version:
        return candidate
    models = Models(store)
    try:
        return models.get(f"{candidate.model}/{number}")
    except NotFound:
        every = models.all(candidate.model, removed=True)
        return next((one for one in every if one.version == number), None)


# -- asking again -------------------------------------------------------------------------------


def replay(store: Store, asking: Asking, requests: Requests, *, tolerance: float = 0.0) -> Replayed:
    """Return what a candidate says to recorded requests.

    Args:
        store: The store of the project.
        asking: The candidate, loaded.
        requests: What it is asked.
        tolerance: By how much a number may differ and count as the same answer.

    Raises:
        Invalid: the candidate does not answer with one value for each row.
        Busy: the database was replaced meanwhile.
    """
    begin = time.perf_counter()
    kept = [one for one in requests.parts if len(one)]
    again = _again(asking, kept, requests.positive, tolerance)
    verdicts, labelled = compared(again.pairs)
    count = sum(map(len, kept))
    latencies = np.concatenate([one.latencies for one in kept])
    return Replayed(
        candidate=requests.candidate.name,
        window=requests.window,
        recorded=requests.total,
        rows=count,
        seed=requests.seed,
        unknown=requests.unknown,
        failed=again.failed,
        why_failed=again.why,
        changed=sum(int(one.changed.sum()) for one in again.pairs),
        largest=_told(store, requests, largest_changes(again.pairs)),
        compared=verdicts,
        labelled=labelled,
        rows_per_second=count / again.seconds if again.seconds else 0.0,
        seconds=time.perf_counter() - begin,
        latency_then_us=float(np.nanquantile(latencies, 0.95)),
        versions={one.version.name: len(one) for one in kept},
        example={name: values[:_EXAMPLE] for name, values in kept[0].columns.items()},
    )


def _told(store: Store, requests: Requests, changes: Sequence[Change]) -> tuple[ChangedRow, ...]:
    """Return changes with the ids of their predictions. Raises `Busy`."""
    if not changes:
        return ()
    with store.reading(folded=True) as database:
        # Rows of predictions keep their places, as none is ever removed; in a copy they may not.
        if store.file != requests.file:
            raise Busy("The database was replaced while requests were replayed; run it again.")
        rows = database.rows("replayed_ids", places=[one.place for one in changes])
    ids = dict(rows)
    return tuple(
        ChangedRow(ids[one.place], one.then, one.now, one.score_then, one.score_now)
        for one in changes
    )


def _again(asking: Asking, kept: list[Recorded], positive: Any, tolerance: float) -> _Again:
    """Ask a candidate what other versions were asked."""
    pairs, failed, why, seconds = [], 0, None, 0.0
    for one in kept:
        asker = Asker(asking, one.columns, len(one))
        said = asker.ask()
        seconds += asker.seconds
        failed += int(said.failed.sum())
        why = why or said.why
        pairs.append(paired(one, said, asking.signature, positive=positive, tolerance=tolerance))
    return _Again(pairs, failed, why, seconds)
