"""One fit as a run: begun before it, told afterwards part by part, ended.

fit = Fit(place, run, options, call, own=True, prefix="")
fit.begin()
fit.log(result)
fit.end()
"""

from __future__ import annotations

import inspect
import io
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from lite_mlops.autologging import callers, plots, searches, tables, training
from lite_mlops.autologging.estimators import (
    is_search,
    iterations_of,
    kind_of,
    params_of,
)
from lite_mlops.autologging.options import Options
from lite_mlops.autologging.parts import OverBudgetError, Parts, harmless
from lite_mlops.autologging.patching import Call
from lite_mlops.autologging.training import Answers, Training
from lite_mlops.errors import Invalid
from lite_mlops.models import (
    built_in_importances,
    class_of,
    infer_signature,
    names_of_features,
    write_model,
)
from lite_mlops.tracking import ActiveRun, ArtifactLog

if TYPE_CHECKING:
    from lite_mlops.autologging.switch import Place

_COPIED_BYTES = 16_000_000  # tables up to here are hashed and profiled in the background
_PERMUTED_ROWS = 200


def training_of(call: Call) -> Training:
    """Return the data, target and weights that a call passes, whatever their names are."""
    try:
        signature = inspect.signature(call.original)
        bound = signature.bind(call.estimator, *call.args, **call.kwargs).arguments
    except TypeError:  # a wrong call, which will say so itself
        return Training(None)
    given = dict(islice(bound.items(), 1, None))
    extra = given.pop("kwargs", {}) or given.pop("fit_params", {}) or given.pop("params", {})
    data = next(iter(given.values()), None)
    target = next((given[name] for name in ("y", "Y") if given.get(name) is not None), None)
    weight = given.get("sample_weight", extra.get("sample_weight"))
    return Training(data, target, weight)


class _TimedFile(io.BytesIO):
    """A file in memory that takes nothing more after the deadline."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts

    def write(self, data: Any) -> int:
        """Write as a file does. Raises `OverBudgetError`."""
        if self._parts.left < 0:
            raise OverBudgetError
        return super().write(data)


class Fit:
    """A fit that goes on, and the run that it is logged to."""

    def __init__(
        self,
        place: Place,
        run: ActiveRun,
        options: Options,
        call: Call,
        *,
        own: bool,
        prefix: str,
    ) -> None:
        self.place = place
        self.run = run
        self.prefix = prefix
        self._own = own
        self._options = options
        self._model = call.estimator
        self._method = call.method
        self._training = training_of(call)
        data = self._training.data
        self.data_name = None if data is None else callers.name_of(data)
        self._behind_us: deque[tuple[Callable[[ArtifactLog], None], int]] = deque()
        self._patience = 0.0  # seconds that the end of the process waits for what is written
        self._began = time.perf_counter()

    # -- begin and end --------------------------------------------------------------------------

    def begin(self) -> None:
        """Log what is known before the fit."""
        kind = type(self._model).__name__
        tags = {"estimator": kind, "estimator_class": class_of(self._model)}
        self.run.set_tags({self.prefix + name: value for name, value in tags.items()})
        params = params_of(self._model)
        self.run.log_params({self.prefix + name: text for name, text in params.items()})
        self._began = time.perf_counter()

    def end(self) -> None:
        """End the run, if it is that of this fit alone."""
        try:
            self._begin_writing()
        finally:
            if self._own:
                self.run.end()

    def fail(self, error: BaseException) -> None:
        """Record that the fit failed; a run of the user goes on."""
        try:
            self.run.set_tag(f"{self.prefix}fit_error", f"{type(error).__name__}: {error}"[:500])
        finally:
            if self._own:
                self.run.__exit__(type(error), error, None)

    @property
    def seconds(self) -> float:
        """How long ago the fit began."""
        return time.perf_counter() - self._began

    # -- after the fit --------------------------------------------------------------------------

    def log(self, result: Any) -> None:
        """Log everything of a fit that is over; `result` is what it returned."""
        seconds = self.seconds
        options, name = self._options, type(self._model).__name__
        parts = Parts(name, options.seconds_for(seconds), silent=options.silent)
        self._patience = parts.seconds
        parts.do("facts of the fit", lambda: self._log_facts(seconds), expected=float("-inf"))
        if is_search(self._model):
            parts.do("candidates", self._log_search, expected=float("-inf"))
        asking = options.seconds_for_answers(seconds, parts.left)
        answers = parts.do("training metrics", lambda: self._log_metrics(asking, result))
        model = self._kept()
        if options.log_models and model is not None:
            parts.do("model", lambda: self._log_model(model, answers, parts))
        if options.log_datasets and self._training.rows:
            parts.do("dataset", self._log_dataset, expected=tables.seconds_for(self._training))
        if options.log_plots and model is not None:
            parts.do("plots", lambda: self._log_plots(answers))
            parts.do("importances", lambda: self._log_importances(answers, parts))
        if options.registered_model_name is not None and model is not None:
            register = self._register(model, options.registered_model_name)
            parts.do("registration", register, expected=float("-inf"))
        parts.tell()

    def _behind(self, part: str, action: Callable[[ArtifactLog], object], size: int = 0) -> None:
        """Have `action` write in the background; it holds nothing that may change meanwhile."""

        def done(files: ArtifactLog) -> None:
            with callers.entered():
                harmless(part, lambda: action(files), silent=self._options.silent)

        self._behind_us.append((done, size))

    def _begin_writing(self) -> None:
        """Let the background begin, which would only have been in the way before."""
        while self._behind_us:
            action, size = self._behind_us.popleft()
            self.run.behind(action, size=size, seconds=self._patience)

    def _kept(self) -> Any:
        """Return the model to keep: the winner of a search; None if none was fitted again."""
        without = None if is_search(self._model) else self._model
        return getattr(self._model, "best_estimator_", without)

    def _log_numbers(self, numbers: dict[str, float]) -> None:
        if numbers:
            self.run.log_metrics({self.prefix + name: value for name, value in numbers.items()})

    def _path(self, path: str) -> str:
        return self.prefix.replace(".", "/") + path

    def _log_facts(self, seconds: float) -> None:
        facts = {"fit_seconds": seconds}
        if self._training.rows:
            facts["training_rows"] = float(self._training.rows)
        if self._training.columns:
            facts["training_columns"] = float(self._training.columns)
        self._log_numbers(facts)
        for name, values in iterations_of(self._model).items():
            for step, value in enumerate(values):
                self.run.log_metric(self.prefix + name, value, step=step)

    def _log_search(self) -> None:
        params, metrics = searches.best_of(self._model)
        self.run.log_params({self.prefix + name: text for name, text in params.items()})
        self._log_numbers(metrics)
        table, path = searches.table_of(self._model), self._path(searches.TABLE_PATH)
        self._behind("candidates", lambda files: files.add_table(table, path))
        most = self._options.max_child_runs
        experiment = self.run.experiment or self.place.experiment
        searches.log_candidates(self._model, self.place.store, experiment, self.run.id, most)

    # -- how it does on its training data -------------------------------------------------------

    def _log_metrics(self, seconds: float, result: Any) -> Answers | None:
        kind, data = kind_of(self._model), self._training
        if not data.rows:
            return None
        if kind in ("clusterer", "outlier detector"):
            labels = self._labels(kind, seconds, result)
            if labels is not None and kind == "clusterer":
                self._log_numbers(training.metrics_of_clusters(self._model, data, labels))
            elif labels is not None:
                self._log_numbers(training.share_of_outliers(labels))
            return None
        if kind == "other" or data.target is None or not hasattr(self._model, "predict"):
            return None
        answers = self._answers(seconds, with_scores=kind == "classifier")
        self._log_numbers(training.metrics_of(kind, self._model, answers))
        return answers

    def _answers(self, seconds: float, *, with_scores: bool) -> Answers:
        answers = training.answers_of(
            self._model,
            self._training,
            seconds=seconds,
            with_scores=with_scores,
            all_rows=self._options.all_rows,
        )
        if answers.sampled:
            self._log_numbers({"training_rows_sampled": float(answers.rows)})
        return answers

    def _labels(self, kind: str, seconds: float, result: Any) -> Any:
        """Return the label of each row; None where the estimator tells none of those it saw."""
        if self._method == "fit_predict":
            return result
        if kind == "clusterer" and (labels := getattr(self._model, "labels_", None)) is not None:
            return labels
        if hasattr(self._model, "predict"):
            return self._answers(seconds, with_scores=False).predicted
        if hasattr(self._model, "negative_outlier_factor_"):  # LocalOutlierFactor
            return np.where(self._model.negative_outlier_factor_ < self._model.offset_, -1, 1)
        return None

    # -- model and data -------------------------------------------------------------------------

    def _log_model(self, model: Any, answers: Answers | None, parts: Parts) -> None:
        file = _TimedFile(parts)
        write_model(model, file)
        example = tables.example_of(self._training)
        try:
            signature = infer_signature(
                model,
                training=self._training.data,
                answers=None if answers is None else answers.predicted,
            ).to_dict()
        except Invalid:  # it takes values that no signature has a type for
            signature = None

        def write(files: ArtifactLog) -> None:
            files.put_bytes(file.getvalue(), self._path("model/model.joblib"))
            if example is not None:
                files.add_table(example, self._path("model/input_example.json"))
            if signature is not None:
                files.add_dict(signature, self._path("model/signature.json"))

        self._behind("model", write, file.tell())

    def _register(self, model: Any, name: str) -> Callable[[], None]:
        def register() -> None:
            self.place.models.register(
                model,
                name,
                run=self.run.id,
                input_example=tables.head_of(self._training),
                reason="autologging",
            )

        return register

    def _log_dataset(self) -> None:
        """Record the version of data and target, as one table."""
        table = tables.table_of(self._training)
        if table is None:
            return
        size = tables.size_of(table)
        datasets, run, called = self.place.datasets, self.run.id, self.data_name or "training data"
        if size > _COPIED_BYTES:
            datasets.log(run, table, called)
            return
        copied = {name: column.copy() for name, column in table.items()}
        self._behind("dataset", lambda _: datasets.log(run, copied, called), size)

    # -- plots ----------------------------------------------------------------------------------

    def _log_plots(self, answers: Answers | None) -> None:
        if answers is None:
            return
        kind, classes = kind_of(self._model), getattr(self._model, "classes_", ())

        def write(files: ArtifactLog) -> None:
            for name, plot in plots.plots_of(kind, classes, answers).items():
                files.add_dict(plot, self._path(f"plots/{name}.json"))

        self._behind("plots", write)

    def _log_importances(self, answers: Answers | None, parts: Parts) -> None:
        model, how = self._model, "built-in"
        values = built_in_importances(model)
        if values is None:
            if answers is None or not self._can_be_shuffled():
                return
            values = self._permuted(answers, parts)
            how = f"drop of the score when shuffled, {self._permuted_rows(answers)} rows"
        columns = getattr(self._training.data, "columns", None)
        names = [] if columns is None else [str(name) for name in columns]
        if how == "built-in":
            names = list(names_of_features(model, names))
        plot, path = plots.importances(values, names, how), self._path("plots/importances.json")
        self._behind("importances", lambda files: files.add_dict(plot, path))

    def _can_be_shuffled(self) -> bool:
        data = self._training.data
        return len(getattr(data, "shape", ())) == 2 and (
            isinstance(data, np.ndarray) or hasattr(data, "iloc")
        )

    @staticmethod
    def _permuted_rows(answers: Answers) -> int:
        return min(_PERMUTED_ROWS, answers.first.rows)

    def _permuted(self, answers: Answers, parts: Parts) -> Any:
        rows = self._permuted_rows(answers)
        # A call costs something for few rows too, so not less than a tenth of the whole.
        once = answers.seconds * max(rows / answers.rows, 0.1)
        if once * (self._training.columns + 1) > 0.5 * parts.left:
            raise OverBudgetError
        return plots.permuted_importances(self._model, answers, rows)
