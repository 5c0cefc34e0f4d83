"""Loop: what `[loop.churn]` in lite-mlops.toml says, checked.

    [loop.churn]
    pipeline = "train"          # a step, or FILE.py:NAME; without it all steps
    alerts = "churn"            # begin when this monitor alerts,
    data = "patients"           # when there is a new version of this dataset,
    labels = 500                # when so many new labels have come,
    every = "7d"                # and at the latest after this time
    canary = "10%"
    requests = 500              # that the canary answers before it is promoted,
    within = "1h"               # or for so long

It trains, registers, asks the gate, tries the new version on live requests, and promotes it or
rolls it back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any

from lite_mlops.errors import Invalid, suggestion
from lite_mlops.models import CHAMPION, checked_model_name
from lite_mlops.serving import parse_share
from lite_mlops.spans import parse_span, span_text

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Loop:
    """A loop as it was written.

    Attributes:
        name: Of the table.
        model, alias: What it looks after.
        pipeline: What trains: a step of the `[[step]]` tables, or FILE.py:NAME; None: all steps.
        params: Of the pipeline.
        force: Train even if nothing that the steps stand on has changed.
        alerts: The monitor whose alerts begin it.
        data: The dataset whose new versions begin it.
        labels: So many new labels begin it.
        every: The time after which it begins anyway.
        canary: The share of the requests that the new version gets; None: it is promoted at once.
        requests: What the canary answers before it is promoted.
        within: For how long it is tried at most.
        least: Fewer answers than these in that time do not tell anything.
        per_day: How often it may train in 24 hours.
        pause: How long it waits after a failure; twice as long after each further one in a row.
        longest_pause: The most of it.
    """

    name: str
    model: str
    alias: str = CHAMPION
    pipeline: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    force: bool = False
    alerts: str | None = None
    data: str | None = None
    labels: int | None = None
    every: timedelta | None = None
    canary: float | None = 0.1
    requests: int = 500
    within: timedelta = timedelta(hours=1)
    least: int = 30
    per_day: int = 4
    pause: timedelta = timedelta(minutes=10)
    longest_pause: timedelta = _DAY

    @property
    def reference(self) -> str:
        """The alias that it looks after, such as churn@champion."""
        return f"{self.model}@{self.alias}"

    @property
    def dataset(self) -> str | None:
        """The name of the dataset whose new versions begin it."""
        return None if self.data is None else self.data.partition("@")[0]

    @property
    def begins_with(self) -> tuple[str, ...]:
        """What begins it, in words."""
        told = [
            ("an alert of {}", self.alerts),
            ("a new version of {}", self.data),
            ("{} new labels", self.labels),
            ("every {}", None if self.every is None else span_text(self.every)),
        ]
        return tuple(text.format(value) for text, value in told if value is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return the loop as JSON can hold it."""
        return {
            name: span_text(value) if isinstance(value, timedelta) else value
            for name, value in vars(self).items()
        }


def _name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("expected a name")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def _count(least: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"expected a whole number of at least {least}")
        return value

    return parse


def _share(value: object) -> float | None:
    if value is False:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected a share such as '10%', or false")
    try:
        return parse_share(str(value))
    except Invalid as error:
        raise ValueError(str(error).rstrip(".")) from None


def _params(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("expected a table of params")
    return value


_READ: Mapping[str, Callable[[object], Any]] = {
    "model": lambda value: checked_model_name(_name(value)),
    "alias": lambda value: checked_model_name(_name(value), "alias"),
    "pipeline": _name,
    "params": _params,
    "force": _flag,
    "alerts": _name,
    "data": _name,
    "labels": _count(1),
    "every": parse_span,
    "canary": _share,
    "requests": _count(1),
    "within": parse_span,
    "least": _count(0),
    "per_day": _count(1),
    "pause": parse_span,
    "longest_pause": parse_span,
}
assert _READ.keys() == {one.name for one in fields(Loop)} - {"name"}


def loop_of(name: str, values: Mapping[str, Any], place: str) -> Loop:
    """Return the loop that a table says; without `model`, its name is that of the model.

    Raises:
        Invalid: something in it is unknown or cannot be used; `place` says where it stands.
    """
    found: dict[str, Any] = {}
    for key, value in {"model": name, **values}.items():
        if key not in _READ:
            raise Invalid(f"{place}: a loop has no {key!r}.{suggestion(key, _READ)}")
        try:
            found[key] = _READ[key](value)
        except ValueError as error:
            why = str(error).rstrip(".")
            raise Invalid(f"{place}: {key} = {value!r} cannot be used: {why}.") from None
    found.setdefault("least", min(Loop.least, found.get("requests", Loop.requests)))
    loop = Loop(name, **found)
    if not loop.begins_with:
        raise Invalid(
            f'{place}: nothing begins the loop. Say when it is to train: alerts = "MONITOR", '
            'data = "DATASET", labels = 500 or every = "7d".'
        )
    if loop.longest_pause < loop.pause:
        raise Invalid(f"{place}: longest_pause is shorter than pause.")
    if loop.least > loop.requests:
        raise Invalid(f"{place}: least is more than requests.")
    return loop
