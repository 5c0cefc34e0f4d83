"""The numbers of a run. Logging one is the hot path of a training loop: it is kept short.

The constant part of a metric's line is made once; a call adds step and value and appends.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from lite_mlops.errors import Invalid, LiteMlopsError, raise_first
from lite_mlops.store.events import Metric, Metrics
from lite_mlops.tracking.keys import (
    checked_name,
    checked_step,
    checked_time,
    checked_value,
    items,
)

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_MOST_GROUPS = 1000


def _number(value: float) -> str:
    """Return a float as JSON; NaN and infinities as the words that JSON readers know."""
    return repr(value) if math.isfinite(value) else json.dumps(value)


class MetricLogging:
    """What an active run does with numbers."""

    def __init__(
        self, run_id: str, append: Callable[[str], int], next_steps: Mapping[str, int]
    ) -> None:
        self.id = run_id
        self._append = append
        # What each metric needs at every call: the constant part of its line, and its next step.
        self._series: dict[str, list[Any]] = {}
        self._next_steps = dict(next_steps)
        # What each set of metrics needs: the constant part of its line, and its series.
        self._groups: dict[tuple[str, ...], tuple[str, list[list[Any]]]] = {}
        self._log_step = 0

    def log_metric(
        self, key: str, value: float, step: int | None = None, timestamp: Any = None
    ) -> None:
        """Log one value of a metric.

        Without `step` it is the one after the highest so far, beginning with 0. `timestamp` is a
        datetime, milliseconds as an int or seconds as a float; default: now.

        Raises:
            Invalid: the key is not a name, or the value is not a number.
        """
        try:
            series = self._series.get(key) or self._new_series(key)
        except TypeError:  # unhashable
            series = self._new_series(key)
        if type(value) is not float:
            value = checked_value(key, value)
        if step is None:
            step = series[1]
        if type(step) is not int or not _LOWEST <= step <= _HIGHEST:
            step = checked_step(key, step)
        # A product with zero is zero unless the value is NaN or infinite.
        number = repr(value) if value * 0.0 == 0.0 else _number(value)
        if timestamp is None:
            self._append(f'{series[0]}{step},"value":{number}')
        else:
            self._append(f'{series[0]}{step},"value":{number},"time":{checked_time(timestamp)}')
        if step >= series[1]:
            series[1] = step + 1

    def _new_series(self, key: object) -> list[Any]:
        name = checked_name(key, "metric name")
        series = self._series[name] = [Metric.prefix(self.id, name), self._next_steps.get(name, 0)]
        return series

    def log_metrics(
        self, metrics: Mapping[str, float], step: int | None = None, timestamp: Any = None
    ) -> None:
        """Log values of several metrics at one step.

        Raises:
            Invalid: a key or value cannot be logged; all others are.
        """
        moment = None if timestamp is None else checked_time(timestamp)
        if type(metrics) is dict and (keys := tuple(metrics)) in self._groups:
            numbers = list(metrics.values())
            if set(map(type, numbers)) == {float}:  # the usual case: nothing is to be checked
                self._log_numbers(keys, numbers, step, moment)
                return
        values: dict[str, float] = {}
        problems: list[LiteMlopsError] = []
        for key, value in items(metrics, "metrics"):
            try:
                if key not in self._series:
                    self._new_series(key)
                values[key] = value if type(value) is float else checked_value(key, value)
            except Invalid as problem:
                problems.append(problem)
        if values:
            self._log_numbers(tuple(values), list(values.values()), step, moment)
        raise_first(problems)

    def _log_numbers(
        self, keys: tuple[str, ...], numbers: list[float], step: int | None, moment: int | None
    ) -> None:
        header, series = self._groups.get(keys) or self._new_group(keys)
        if step is None:
            step = max(one[1] for one in series)
        step = checked_step(keys[0], step)
        # str() of a list of floats is JSON, unless one of them is NaN or infinite.
        text = str(numbers) if math.isfinite(sum(numbers)) else json.dumps(numbers)
        time_field = "" if moment is None else f',"time":{moment}'
        self._append(f'{header}{step},"numbers":{text}{time_field}')
        following = step + 1
        for one in series:
            if one[1] < following:
                one[1] = following

    def _new_group(self, keys: tuple[str, ...]) -> tuple[str, list[list[Any]]]:
        names = json.dumps(keys, ensure_ascii=False)
        header = Metrics.frame(f'"run":"{self.id}","keys":{names},"step":')
        if len(self._groups) >= _MOST_GROUPS:  # other keys at every call
            self._groups.clear()
        group = self._groups[keys] = (header, [self._series[key] for key in keys])
        return group

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Log values at one step; without `step` it grows by one with each call.

        Raises:
            Invalid: a value is not a number; all others are logged.
        """
        chosen = self._log_step if step is None else step
        try:
            self.log_metrics(values, step=chosen)
        finally:
            if isinstance(chosen, int):
                self._log_step = chosen + 1
