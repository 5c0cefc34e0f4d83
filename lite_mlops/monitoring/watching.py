"""Watching a served model: drift of what it is asked, and how right it was once labels come.

project.monitoring.drift("churn@champion").moved
project.monitoring.compare("patients@461a8a2d", "today.csv").drifted
project.monitoring.performance("churn@champion").accuracy
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lite_mlops.data import Datasets
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.models import Models
from lite_mlops.store import Store, as_stored
from lite_mlops.store.events import Feedback

if TYPE_CHECKING:
    from lite_mlops.monitoring.drift import DriftReport
    from lite_mlops.monitoring.operation import ServiceReport


@dataclass(frozen=True)
class Performance:
    """How a version did on what it was asked: counts, and accuracy where labels have come."""

    model: str
    predictions: int
    labelled: int
    right: int
    median_latency_us: float | None

    @property
    def accuracy(self) -> float | None:
        """The share of right answers among those with a label; None without labels."""
        return self.right / self.labelled if self.labelled else None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        return vars(self) | {"accuracy": self.accuracy}


class Monitoring:
    """What is known of the predictions of a project."""

    def __init__(self, store: Store, models: Models, datasets: Datasets) -> None:
        self._store = store
        self._models = models
        self._datasets = datasets

    # -- questions ------------------------------------------------------------------------------

    def compare(
        self, reference: Any, current: Any, *, preset: str = "balanced", joint: bool = True
    ) -> DriftReport:
        """Return what changed from one table to another, without a model.

        Args:
            reference: A DataFrame or columns, the path of a file, or a version as NAME@VERSION.
            current: The same, of the present.
            preset: How small a change counts: 'balanced', 'sensitive' or 'calm'; see `Floors`.
            joint: Whether all columns together are looked at as well, by a classifier.

        Raises:
            Invalid: one is no table, or there is no such preset.
            NotFound: there is no such file or version, or nothing is kept of it.
        """
        from lite_mlops.monitoring.drifting import compare  # a server that only serves needs none

        return compare(self._datasets, reference, current, preset=preset, joint=joint)

    def drift(
        self,
        model: str,
        *,
        reference: str | None = None,
        reference_window: str | None = None,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        last: int | str | timedelta | None = None,
        preset: str = "balanced",
        joint: bool = True,
    ) -> DriftReport:
        """Return what changed in what a model is asked and answers, column by column.

        Numbers and texts are judged as those of two tables, and ranked by the size of the change
        times the importance of the column to the model, where it tells that. Columns that are not
        recorded in full are left out. The answers are compared with those of a past window, else
        with an evaluation that the run logged.

        Args:
            model: A version, such as 'churn@champion'.
            reference: A dataset that it is compared with, as NAME or NAME@VERSION; default: the
                profile of the training data that the version's run logged.
            reference_window: Past predictions to compare with instead, such as
                '2026-11-01..2026-11-08' or 'first 5000'. The present is all that came later,
                unless `since` or `last` say where it begins.
            since: The beginning of the window; default: the first prediction.
            until: Its end, which does not belong to it; default: now.
            last: Only the last ones: a count, such as 5000, or a span of time, such as '7d'.
            preset: How small a change counts: 'balanced', 'sensitive' or 'calm'; see `Floors`.
            joint: Whether all columns together are looked at as well, where rows are kept.

        Raises:
            Invalid: a window cannot be read, or there is no such preset.
            NotFound: there is no such version or dataset, or its run logged no training data.
        """
        from lite_mlops.monitoring.drifting import Drifting

        return Drifting(self._store, self._models, self._datasets).of(
            model,
            reference=reference,
            reference_window=reference_window,
            since=since,
            until=until,
            last=last,
            preset=preset,
            joint=joint,
        )

    def service(
        self,
        model: str,
        *,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        last: str | timedelta | None = None,
        reference_window: str | None = None,
    ) -> ServiceReport:
        """Return how a model served: requests, latencies, versions, trials, and late traffic.

        Args:
            model: A model, whichever of its versions answered, or a version such as 'churn/3'.
            since: The beginning of the window; default: the first prediction.
            until: Its end, which does not belong to it; default: now.
            last: Instead of `since`, a span of time, such as '7d'.
            reference_window: The time to compare with, such as '2026-11-01..2026-11-08'; default:
                as much time before the window as it has, if it has a beginning.

        Raises:
            Invalid: a window cannot be read, or is one by count.
            NotFound: there is no such model or version.
        """
        from lite_mlops.monitoring.operation import Operation

        return Operation(self._store, self._models).of(
            model, since=since, until=until, last=last, reference_window=reference_window
        )

    def performance(
        self, model: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> Performance:
        """Return how a version did on the predictions recorded. Raises `NotFound`."""
        version = self._models.get(model)
        with self._store.reading() as database:
            row = database.one(
                "prediction_performance",
                model=version.model,
                version=version.version,
                since=as_stored(since),
                until=as_stored(until),
            )
        assert row is not None
        return Performance(
            model=version.name,
            predictions=row["predictions"],
            labelled=row["labelled"],
            right=row["right_ones"],
            median_latency_us=row["median_latency_us"],
        )

    # -- facts ----------------------------------------------------------------------------------

    def feedback(self, prediction_id: str, label: Any) -> None:
        """Record the true label of an earlier prediction; a later one replaces it.

        Raises:
            NotFound: there is no such prediction.
            Invalid: there is no label.
        """
        self.feedback_all([(prediction_id, label)])

    def feedback_all(self, labels: Sequence[tuple[str, Any]]) -> None:
        """Record the true labels of several predictions: all of them or none.

        Raises:
            NotFound: one of the predictions does not exist.
            Invalid: one of the labels is missing.
        """
        for prediction_id, label in labels:
            if label is None or not str(label):
                raise Invalid(f"feedback to {prediction_id!r} needs the true label.")
            if hasattr(label, "__len__") and not isinstance(label, str):
                kind = type(label).__name__
                raise Invalid(
                    f"feedback to {prediction_id!r} needs one label; {label!r} is a {kind}."
                )
        wanted = [prediction_id for prediction_id, _ in labels]
        with self._store.reading() as database:
            known = {found for (found,) in database.rows("known_predictions", ids=wanted)}
        for prediction_id in wanted:
            if prediction_id not in known:
                raise NotFound(f"There is no prediction {prediction_id!r}.")
        events = [Feedback(prediction=found, text=str(label)) for found, label in labels]
        for event in events:
            event.body()  # refuses what is too long, before any of them is recorded
        for event in events:
            self._store.append(event)
