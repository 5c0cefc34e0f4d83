"""Watching a served model: drift of what it is asked, and how right it was once labels come.

project.monitoring.drift("churn@champion").moved
project.monitoring.compare("patients@461a8a2d", "today.csv").drifted
project.monitoring.performance("churn@champion").accuracy
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lite_mlops.data import Datasets, DatasetVersion
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.models import Models, ModelVersion
from lite_mlops.store import Store, as_stored
from lite_mlops.store.events import Feedback

if TYPE_CHECKING:
    from lite_mlops.monitoring.drift import DriftReport
    from lite_mlops.monitoring.estimates import EstimateReport
    from lite_mlops.monitoring.fairness import FairnessReport
    from lite_mlops.monitoring.reports import ReportFacts
    from lite_mlops.monitoring.streams import StreamReport


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
        since: datetime | None = None,
        until: datetime | None = None,
        preset: str = "balanced",
    ) -> DriftReport:
        """Return what changed from the training data to what was asked, of each numeric feature.

        It is judged as two tables are, from the profile of the training data that the version's run
        logged and the counts of the recorded predictions in the same bins; see `measure_bins`.
        Features that are texts, or not recorded in full, are left out.

        Raises:
            Invalid: there is no such preset.
            NotFound: there is no such version, or its run logged no training data.
        """
        from lite_mlops.monitoring.drifting import drift_of

        version = self._models.get(model)
        return drift_of(
            self._store,
            version,
            self._reference(version),
            since=since,
            until=until,
            preset=preset,
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

    def estimates(
        self,
        model: str,
        *,
        reference: str | None = None,
        rows: int = 1_000,
        since: datetime | None = None,
        until: datetime | None = None,
        loss: bool = False,
    ) -> EstimateReport:
        """Return how well a version does by estimate, without labels of what it is asked now.

        The estimate assumes that the relation between inputs and outcome has not changed. Where
        labels have come they are held against it, which shows whether that is so.

        Args:
            model: The version, such as 'churn@champion'.
            reference: What is labelled already: 'evaluation' or 'evaluation=NAME', which the run of
                the version kept with scores, or 'labels' of earlier predictions. Default: the
                first, or else the second.
            rows: How many predictions a window has.
            since: The first time that is estimated; labelled predictions before it can be the
                reference. Without it the first half of the labelled ones is.
            until: Where it ends.
            loss: Estimate the loss of a regressor, by a second model of its error.

        Raises:
            Invalid: it has no probabilities, or is a regressor without `loss`; or the reference or
                the rows cannot be used.
            NotFound: there is no such version.
        """
        from lite_mlops.monitoring.estimating import estimates_of

        version = self._models.get(model)
        return estimates_of(
            self._store,
            version,
            reference=reference,
            rows=rows,
            since=since,
            until=until,
            loss=loss,
        )

    def fairness(
        self,
        model: str,
        columns: str | Sequence[str] | Mapping[str, Sequence[float] | None],
        *,
        positive: str | None = None,
        against: str | None = None,
        selection_ratio: float = 0.8,
        tpr_difference: float = 0.1,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> FairnessReport:
        """Return what a classifier did to groups of people, by recorded predictions and labels.

        Args:
            model: The version, such as 'loan@champion'.
            columns: The features by which groups are formed, alone and in pairs; `{"age": [30,
                60]}` says where numbers are cut. Default: at their quartiles.
            positive: The answer that selects; of two classes it is the second.
            against: The group that others are compared with; default: the largest of each column.
            selection_ratio: The ratio of selection rates beyond which a difference counts.
            tpr_difference: The same of true positive rates.
            since: The first time that is looked at.
            until: Where it ends.

        Raises:
            Invalid: a column, a class, a group or a limit cannot be used.
            NotFound: there is no such version.
        """
        from lite_mlops.monitoring.fairness import Limits
        from lite_mlops.monitoring.grouping import fairness_of

        limits = Limits(selection_ratio, tpr_difference)
        version = self._models.get(model)
        return fairness_of(
            self._store,
            version,
            columns,
            positive=positive,
            against=against,
            limits=limits,
            since=since,
            until=until,
        )

    def streams(
        self, model: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> StreamReport:
        """Return sudden changes of scores, errors and latency, in the order of the predictions.

        Raises:
            NotFound: there is no such version.
        """
        from lite_mlops.monitoring.streaming import streams_of

        return streams_of(self._store, self._models.get(model), since=since, until=until)

    def _reference(self, version: ModelVersion) -> DatasetVersion:
        reference = None
        if version.run_id is not None:
            reference = self._datasets.used_by(version.run_id, "training")
        if reference is None:
            raise NotFound(
                f"There is nothing to compare {version.name} with: its run logged no training "
                "data. Call log_dataset(data, name) in the run that trains."
            )
        return reference

    def report(self, model: str, **options: Any) -> ReportFacts:
        """Return everything that is known of a version, for a page, Markdown or JSON.

        `lite_mlops.monitoring.reports.write` writes it; for the options see `asked_for`.

        Raises:
            Invalid: a window or an option cannot be used.
            NotFound: there is no such version.
        """
        from lite_mlops.monitoring.reports.gathering import Reporting, asked_for

        return Reporting(self._store, self._models, self).of(asked_for(model, **options))

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
