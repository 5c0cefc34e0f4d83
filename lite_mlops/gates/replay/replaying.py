"""Replaying: the recorded requests of a window, asked again and compared."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.gates.replay.asking import Asker
from lite_mlops.gates.replay.changes import Pairs, compared, largest_changes, paired
from lite_mlops.gates.replay.recorded import Recorded, recorded
from lite_mlops.gates.replay.replayed import Replayed
from lite_mlops.models import Asking, Models, ModelVersion
from lite_mlops.monitoring.windows import Window
from lite_mlops.store import Store, as_stored

MOST_ROWS = 1_000_000
_EXAMPLE = 100  # rows that are kept as an example


@dataclass(frozen=True, eq=False)
class _Again:
    """What asking again came to; the seconds are those that the model itself took."""

    pairs: list[Pairs]
    failed: int
    why: str | None
    seconds: float


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
    total, found = _found(store, candidate.model, window, rows=rows, seed=seed)
    kept = [one for one in found if len(one)]
    if not kept:
        raise Invalid(
            f"none of {total:,} requests to {candidate.model} was recorded with its inputs as they "
            "were; pseudonyms cannot be asked again."
        )
    again = _again(asking, kept, positive, tolerance)
    verdicts, labelled = compared(again.pairs)
    count = sum(map(len, kept))
    latencies = np.concatenate([one.latencies for one in kept])
    return Replayed(
        candidate=candidate.name,
        window=window,
        recorded=total,
        rows=count,
        seed=seed,
        unknown=sum(one.unknown for one in found),
        failed=again.failed,
        why_failed=again.why,
        changed=sum(int(one.changed.sum()) for one in again.pairs),
        largest=largest_changes(again.pairs),
        compared=verdicts,
        labelled=labelled,
        rows_per_second=count / again.seconds if again.seconds else 0.0,
        seconds=time.perf_counter() - begin,
        latency_then_us=float(np.nanquantile(latencies, 0.95)),
        versions={one.version.name: len(one) for one in kept},
        example={name: values[:_EXAMPLE] for name, values in kept[0].columns.items()},
    )


def _found(
    store: Store, model: str, window: Window, *, rows: int, seed: int
) -> tuple[int, list[Recorded]]:
    """Return how many requests were recorded, and those that are asked again, by the version.

    Raises:
        NotFound: nothing was recorded in the window.
    """
    models = Models(store)
    with store.reading() as database:
        counted = database.dicts(
            "replay_versions",
            model=model,
            since=as_stored(window.since),
            until=as_stored(window.until),
        )
        total = sum(row["row_count"] for row in counted)
        sampled = total > rows
        found = []
        for row in counted:
            share = max(1, round(rows * row["row_count"] / total)) if sampled else row["row_count"]
            version = _version(models, model, row["version"])
            if version is None:
                continue
            found.append(
                recorded(database, version, window, rows=share, seed=seed, sampled=sampled)
            )
    if not total:
        raise NotFound(f"no request to {model} was recorded ({window}).")
    return total, found


def _version(models: Models, model: str, number: int) -> ModelVersion | None:
    """Return a version that answered, also if it was removed since; None if it is not here."""
    try:
        return models.get(f"{model}/{number}")
    except NotFound:
        removed = [one for one in models.all(model, removed=True) if one.version == number]
        return removed[0] if removed else None


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
