"""What is logged, and how much time that may take.

Options(budget_seconds=0.2, log_plots=False)
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lite_mlops.errors import Invalid, suggestion
from lite_mlops.tracking.keys import checked_name, shown

SHARE = 0.05  # of the time of a long fit, which may be used beyond the budget in seconds
_ANSWERS_SHARE = 0.4  # of the time that is left
_OF_FIT, _ANSWERS_LEAST = 0.015, 0.01


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is logged of each fit.

    Args:
        log_models: Keep the fitted model with the run, with signature and input example.
        log_datasets: Record the version of the training data: hash and profile.
        log_plots: Keep the numbers of the plots that the kind of model has.
        max_child_runs: Candidates of a parameter search that get a run of their own, best first.
        budget_seconds: Time after a fit in which its dear parts are logged; 5 % of the fit where
            that is longer.
        all_rows: Have training metrics rest on all rows if the budget allows for it. Otherwise they
            rest on a hundred, and on as many more as the model answers in 1.5 % of the time of
            the fit, or in 10 ms; `training_rows_sampled` says on how many, if not on all.
        registered_model_name: Register each fitted model under this name.
        silent: Say nothing of parts that were left out or failed.
    """

    log_models: bool = True
    log_datasets: bool = True
    log_plots: bool = True
    max_child_runs: int = 100
    budget_seconds: float = 1.0
    all_rows: bool = False
    registered_model_name: str | None = None
    silent: bool = False

    def __post_init__(self) -> None:
        for name in ("log_models", "log_datasets", "log_plots", "all_rows", "silent"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise Invalid(f"autolog: {name} is True or False; {shown(value)} is neither.")
        children = self.max_child_runs
        if isinstance(children, bool) or not isinstance(children, int) or children < 0:
            raise Invalid(
                f"autolog: max_child_runs is a whole number from 0; {shown(children)} is not."
            )
        budget = self.budget_seconds
        numeric = isinstance(budget, int | float) and not isinstance(budget, bool)
        if not numeric or not 0 <= budget < math.inf:
            raise Invalid(
                f"autolog: budget_seconds is a number of seconds from 0; {shown(budget)} is not."
            )
        if self.registered_model_name is not None:
            checked_name(self.registered_model_name, "autolog: registered_model_name")

    @classmethod
    def from_keywords(cls, keywords: Mapping[str, Any]) -> Options:
        """Return the options that keyword arguments name. Raises `Invalid`."""
        known = [field.name for field in dataclasses.fields(cls)]
        for name in keywords:
            if name not in known:
                near = suggestion(name, known) or f" There are {', '.join(known)} and disable."
                raise Invalid(f"autolog: there is no option {name!r}.{near}")
        return cls(**keywords)

    def seconds_for(self, fit_seconds: float) -> float:
        """Return how long logging may take after a fit of this length."""
        return max(self.budget_seconds, SHARE * fit_seconds)

    def seconds_for_answers(self, fit_seconds: float, left: float) -> float:
        """Return how long the model may be asked for its training metrics, of what is `left`."""
        most = _ANSWERS_SHARE * left
        return most if self.all_rows else min(most, max(_ANSWERS_LEAST, _OF_FIT * fit_seconds))
