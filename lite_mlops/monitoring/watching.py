"""Watching a served model: drift of what it is asked, and how right it was once labels come.

project.monitoring.drift("churn@champion").moved
project.monitoring.compare("patients@461a8a2d", "today.csv").drifted
project.monitoring.performance("churn@champion").accuracy
project.monitoring.performance_of("churn@champion", window="1d", by="city").findings()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lite_mlops.data import Datasets
from lite_mlops.errors import Invalid
from lite_mlops.models import Models, parse_reference
from lite_mlops.store import Store, as_stored

if TYPE_CHECKING:
    from lite_mlops.monitoring.drift import DriftReport
    from lite_mlops.monitoring.estimates import EstimateReport
    from lite_mlops.monitoring.fairness import FairnessReport
    from lite_mlops.monitoring.labels import Received
    from lite_mlops.monitoring.operation import ServiceReport
    from lite_mlops.monitoring.performance import PerformanceReport, Rules
    from lite_mlops.monitoring.reports import ReportFacts
    from lite_mlops.monitoring.streams import StreamReport
    from lite_mlops.monitoring.windows import Size, Window


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
        reference_window: str | Window | None = None,
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
        reference_window: str | Window | None = None,
        silence: timedelta | None = None,
    ) -> ServiceReport:
        """Return how a model served: requests, latencies, versions, trials, and late traffic.

        Args:
            model: A model, whichever of its versions answered, or a version such as 'churn/3'.
            since: The beginning of the window; default: the first prediction.
            until: Its end, which does not belong to it; default: now.
            last: Instead of `since`, a span of time, such as '7d'.
            reference_window: The time to compare with, such as '2026-11-01..2026-11-08'; default:
                as much time before the window as it has, if it has a beginning.
            silence: How long nothing may be asked; default: judged by the silences there were.

        Raises:
            Invalid: a window cannot be read, or is one by count.
            NotFound: there is no such model or version.
        """
        from lite_mlops.monitoring.operation import Operation

        return Operation(self._store, self._models).of(
            model,
            since=since,
            until=until,
            last=last,
            reference_window=reference_window,
            silence=silence,
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
            self._models,
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

    def performance_of(
        self,
        model: str,
        *,
        window: str | int | timedelta | Size | None = None,
        by: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        positive: Any = None,
        reference: Mapping[str, float] | None = None,
        rules: Rules | None = None,
    ) -> PerformanceReport:
        """Return how good the answers of a version were, with what fires.

        Args:
            model: The version, such as 'churn@champion'.
            window: A number of predictions (1000), or a time ('6h', '1d', '1w'): the metrics of
                each window, of which the last one that has enough labels is judged. Default: all
                predictions are one window.
            by: A recorded column: also the metrics of each of its values, or of ranges of it.
            since: The time from which on predictions are looked at.
            until: The time before which they are.
            positive: The positive class, of two; default: the one that sorts last.
            reference: Metrics to compare with; default: those of the evaluation that the run of the
                version kept, else those that it logged.
            rules: What is judged, and how strictly; see `Rules`.

        Raises:
            Invalid: a window, column or class cannot be used; or the model answers with several
                values.
            NotFound: there is no such version.
        """
        from lite_mlops.monitoring.performance.measuring import performance_of
        from lite_mlops.monitoring.performance.windows import BALANCED

        return performance_of(
            self._store,
            self._models,
            self._models.get(model),
            window=window,
            by=by,
            since=since,
            until=until,
            positive=positive,
            reference=reference,
            rules=rules or BALANCED,
        )

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

    def feedback(self, ids: Any, labels: Any, times: Any = None) -> Received:
        """Record the true labels of earlier predictions, all of them or none.

        Of several labels of one prediction the one that was known last stands; earlier ones are
        kept in `earlier_labels`.

        Args:
            ids: The id of a prediction, or a column of ids.
            labels: The label, or a column of labels.
            times: When each was known, as times or ISO 8601 texts, in UTC if they name no zone; a
                date means the end of its day. Default: now.

        Raises:
            NotFound: one of the predictions does not exist.
            Invalid: a label is missing, or cannot be one of the model, such as a text for a number.
        """
        from lite_mlops.monitoring.labels import receive, told_pairs

        return receive(self._store, told_pairs(ids, labels, times), strict=True)

    def feedback_all(self, labels: Sequence[tuple[str, Any]]) -> Received:
        """Record the true labels of pairs of an id and a label; see `feedback`."""
        return self.feedback([one for one, _ in labels], [label for _, label in labels])

    def feedback_table(
        self,
        data: Any,
        *,
        label: str | None = None,
        prediction_id: str | None = None,
        key: str | None = None,
        model: str | None = None,
        time: str | None = None,
        every: bool = False,
        strict: bool = False,
    ) -> Received:
        """Record the labels of a table: a DataFrame, columns, or a CSV, Parquet or JSON lines file.

        Rows from which no label can be taken are left out and told; nothing is half recorded.

        Args:
            data: The table, or the path of a file.
            label: The column of the labels; default: 'label'.
            prediction_id: The column of the ids; default: 'id' or 'prediction_id'.
            key: A column that the model was asked with, which stands for the ids. A label is of the
                latest prediction with that value that was made before it was known, in each
                version.
            model: The model whose predictions are meant; needed with `key`.
            time: The column that says when each label was known, as for `feedback`; default: now.
            every: Whether a label is of all predictions with a value of the key.
            strict: Whether rows that cannot be taken are refused, and all others with them.

        Raises:
            Invalid: it is no such table; a column, a time or the key cannot be used; or `strict`.
            NotFound: there is no such file or model; or, with `strict`, no such prediction.
        """
        from lite_mlops.monitoring.labels import Key, read_told, receive, told_table

        if (key is None) != (model is None):
            raise Invalid(
                "a key needs the model whose predictions are meant, and a model is needed only for "
                "a key; give both or none."
            )
        if key is not None and prediction_id is not None:
            raise Invalid("labels are told by ids or by a key; give one of the two.")
        wanted = {"label": label, "prediction_id": prediction_id, "key": key, "time": time}
        if isinstance(data, str | PathLike):
            with TemporaryDirectory(prefix="lite-mlops-") as folder:
                path = Path(data).expanduser()
                told = read_told(self._store.settings, Path(folder), path, **wanted)
        else:
            told = told_table(data, **wanted)
        meant = None
        if key is not None and model is not None:
            meant = Key(parse_reference(model).model, key, every)
        return receive(self._store, told, key=meant, strict=strict)
