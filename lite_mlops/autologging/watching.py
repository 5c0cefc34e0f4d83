"""What happens at an observed call: a fit becomes a run, a later score goes to that run."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from lite_mlops.autologging import callers
from lite_mlops.autologging.links import Link, Links
from lite_mlops.autologging.options import Options
from lite_mlops.autologging.parts import harmless
from lite_mlops.autologging.patching import Call
from lite_mlops.tracking import context

if TYPE_CHECKING:
    from lite_mlops.autologging.fits import Fit
    from lite_mlops.autologging.switch import Place
    from lite_mlops.tracking import ActiveRun


class Predicted(NamedTuple):
    """Where predictions come from: the run of the model, and the name of the data."""

    link: Link
    data: str | None


# The runs that autologging started: another thread's fit does not join them.
_own_runs: weakref.WeakSet[ActiveRun] = weakref.WeakSet()


def _run_to_join() -> ActiveRun | None:
    """Return the run of the user that a fit belongs to."""
    run = context.active()
    return None if run is None or (run in _own_runs and run is not context.own()) else run


class Watch:
    """Logs what it sees; `place` returns the project at the time of a fit."""

    def __init__(self, place: Callable[[], Place], options: Options) -> None:
        self.options = options
        self._place = place
        self._models = Links()
        self._predictions = Links()
        self._steps = Links()
        self._fits_of: weakref.WeakKeyDictionary[ActiveRun, dict[str, int]] = (
            weakref.WeakKeyDictionary()
        )

    # -- fits -----------------------------------------------------------------------------------

    def fit(self, call: Call) -> Any:
        """Make a call that fits; if it is the outermost one, it becomes a run or joins one."""
        by_worker = callers.in_worker()
        if not callers.outermost() or (by_worker and callers.belongs_to_another()):
            return call.made()
        with callers.entered(by_worker=by_worker):
            fit = harmless("start of a fit", lambda: self._begun(call), silent=self._silent)
            try:
                result = call.made()
            except BaseException as error:
                if fit is not None:
                    self._failed(fit, error)
                raise
            if fit is not None:
                harmless("fit", lambda: self._done(fit, call, result), silent=self._silent)
            return result

    def partial_fit(self, call: Call) -> Any:
        """Make a call that learns a piece: the first is as a fit, each other is a step of its run.

        What the model is inside of learns itself, as with a fit.
        """
        link = self._models.find(call.estimator)
        if link is None:
            return self.fit(call)
        if not callers.outermost():
            return call.made()
        with callers.entered():
            began = time.perf_counter()
            result = call.made()
            seconds = time.perf_counter() - began
            harmless("step", lambda: self._learned(call, link, seconds), silent=self._silent)
            return result

    def _learned(self, call: Call, link: Link, seconds: float) -> None:
        from lite_mlops.autologging.fits import training_of
        from lite_mlops.autologging.steps import Steps

        steps = self._steps.find(call.estimator)
        if steps is None or steps.link is not link:
            steps = Steps(link)
            self._steps.add(call.estimator, steps)
        steps.take(call.estimator, training_of(call), seconds)

    @property
    def _silent(self) -> bool:
        return self.options.silent

    def _begun(self, call: Call) -> Fit:
        from lite_mlops.autologging.fits import Fit  # NumPy and scikit-learn

        place = self._place()
        joined = _run_to_join()
        run = joined or place.start_run()
        own = joined is None and not run.joined
        if own:
            _own_runs.add(run)
        prefix = "" if own else self._prefix(run, call.estimator)
        try:
            fit = Fit(place, run, self.options, call, own=own, prefix=prefix)
        except BaseException:
            if own:
                run.end("failed")
            raise
        harmless("params", fit.begin, silent=self._silent)
        return fit

    def _prefix(self, run: ActiveRun, estimator: Any) -> str:
        """Return what names begin with in a run of the user: nothing for its first model.

        What only transforms, and each further model, has its class before its names.
        """
        counts = self._fits_of.setdefault(run, {})
        kind = type(estimator).__name__
        first_model = hasattr(estimator, "predict") and not counts.get("")
        if first_model:
            counts[""] = 1
        number = counts[kind] = counts.get(kind, 0) + 1
        if first_model:
            return ""
        return f"{kind}." if number == 1 else f"{kind}-{number}."

    def _failed(self, fit: Fit, error: BaseException) -> None:
        harmless("failure of a fit", lambda: fit.fail(error), silent=self._silent)

    def _done(self, fit: Fit, call: Call, result: Any) -> None:
        in_pieces = call.method == "partial_fit"
        seconds = fit.seconds if in_pieces else 0.0
        try:
            if not in_pieces:
                fit.log(result)
        finally:
            fit.end()
        link = Link(fit.run.id, fit.place.store, fit.prefix)
        self._models.add(call.estimator, link)
        if in_pieces:
            self._learned(call, link, seconds)
        best = getattr(call.estimator, "best_estimator_", None)
        if best is not None:
            self._models.add(best, link)
        if call.method == "fit_predict":
            self._predictions.add(result, Predicted(link, fit.data_name))

    # -- what follows ---------------------------------------------------------------------------

    def answer(self, call: Call) -> Any:
        """Make a call that predicts or scores; that of a known model is remembered or logged."""
        link = self._models.find(call.estimator)
        if link is None or not callers.outermost():
            return call.made()
        with callers.entered():
            result = call.made()
            harmless("score", lambda: self._answered(call, link, result), silent=self._silent)
            return result

    def _answered(self, call: Call, link: Link, result: Any) -> None:
        data = call.args[0] if call.args else next(iter(call.kwargs.values()), None)
        name = None if data is None else callers.name_of(data)
        if call.method == "score":
            link.log(_joined("score", name), float(result))
        else:
            self._predictions.add(result, Predicted(link, name))

    def metric(
        self, name: str, original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Make a call of a metric; that of known predictions is logged to the run of the model."""
        with callers.entered():
            result = original(*args, **kwargs)
            harmless(
                "metric", lambda: self._measured(name, args, kwargs, result), silent=self._silent
            )
            return result

    def _measured(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        if isinstance(result, bool | str) or not hasattr(result, "__float__"):
            return
        if getattr(result, "ndim", 0):
            return
        for value in (*args, *kwargs.values()):
            predicted = self._predictions.find_array(value)
            if predicted is not None:
                average = kwargs.get("average")
                which = average if isinstance(average, str) else None
                predicted.link.log(_joined(name, which, predicted.data), float(result))
                return


def _joined(*words: str | None) -> str:
    return "_".join(word for word in words if word)
