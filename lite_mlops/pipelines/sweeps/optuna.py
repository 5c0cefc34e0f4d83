"""Points that Optuna chooses, where it is installed: each learns from the trials before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lite_mlops.errors import NotFound
from lite_mlops.pipelines.sweeps.space import Choice, Dimension, Space
from lite_mlops.pipelines.sweeps.trials import Trial


class Chooser:
    """A study of Optuna that is asked for points and told what they came to.

    Args:
        space: What may be chosen.
        minimize: Whether less is better.
        seed: Makes it choose the same again.
        before: Trials of an earlier start of the same sweep.

    Raises:
        NotFound: Optuna is not installed.
    """

    def __init__(
        self, space: Space, *, minimize: bool, seed: int, before: Sequence[Trial] = ()
    ) -> None:
        try:
            import optuna
        except ImportError:
            raise NotFound(
                "Optuna is not installed: pip install optuna. Or search at random or by a grid."
            ) from None
        self._optuna = optuna
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # With what came before in it, or an earlier start would be repeated point by point.
        sampler = optuna.samplers.TPESampler(seed=seed + len(before))
        directions = optuna.study.StudyDirection
        direction = directions.MINIMIZE if minimize else directions.MAXIMIZE
        self._study = optuna.create_study(sampler=sampler, direction=direction)
        self._asked: dict[int, Any] = {}
        self._space = {name: self._distribution(one) for name, one in space.items()}
        self._choices = {name: one for name, one in space.items() if isinstance(one, Choice)}
        for trial in before:
            if trial.value is not None:
                self._study.add_trial(self._past(trial))

    def _distribution(self, one: Dimension) -> Any:
        kinds = self._optuna.distributions
        if isinstance(one, Choice):  # by their places: values may be of any type
            return kinds.CategoricalDistribution([*range(len(one.values))])
        if one.whole:
            return kinds.IntDistribution(int(one.low), int(one.high), log=one.log)
        return kinds.FloatDistribution(one.low, one.high, log=one.log)

    def _past(self, trial: Trial) -> Any:
        params = {
            name: self._choices[name].values.index(value) if name in self._choices else value
            for name, value in trial.params.items()
        }
        return self._optuna.trial.create_trial(
            params=params, distributions=self._space, value=trial.value
        )

    def ask(self, number: int) -> dict[str, Any]:
        """Return the point of a trial."""
        trial = self._asked[number] = self._study.ask(self._space)
        found: Mapping[str, Any] = trial.params
        return {
            name: self._choices[name].values[value] if name in self._choices else value
            for name, value in found.items()
        }

    def tell(self, number: int, value: float | None) -> None:
        """Take in what a trial came to; None: it failed."""
        trial = self._asked.pop(number)
        if value is None:
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(trial, value)
