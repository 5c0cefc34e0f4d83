"""What a filter can ask about: a metric, param or tag by its key, or an attribute of every run.

metrics.auc      the latest value; a number
params.depth     a text; a number where it is compared with one
tags.team        as a param
start_time       an attribute, also as attributes.start_time
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from lite_mlops.errors import Invalid
from lite_mlops.tracking.keys import checked_time, shown

Part = Literal["metrics", "params", "tags", "attributes"]
Kind = Literal["number", "text", "either", "time"]
Value = float | str

# Every name by which a part is known to users of MLflow.
PARTS: dict[str, Part] = {
    **dict.fromkeys(("metrics", "metric"), "metrics"),
    **dict.fromkeys(("params", "param", "parameters", "parameter"), "params"),
    **dict.fromkeys(("tags", "tag"), "tags"),
    **dict.fromkeys(("attributes", "attribute", "attr", "run"), "attributes"),
}


@dataclass(frozen=True)
class Subject:
    """What is searched: how one of it is called, its attributes, and other names of these."""

    one: str
    attributes: Mapping[str, Kind]
    aliases: Mapping[str, str]

    def attribute(self, name: str) -> Field | None:
        """Return the attribute that a name in any case means; None if there is none."""
        plain = name.strip().lower().replace(" ", "_")
        key = self.aliases.get(plain, plain)
        kind = self.attributes.get(key)
        return None if kind is None else Field("attributes", key, kind)


ATTRIBUTES: dict[str, Kind] = {
    "run_id": "text",
    "name": "text",
    "experiment": "text",
    "status": "text",
    "actor": "text",
    "start_time": "time",
    "end_time": "time",
    "duration": "number",  # seconds
    "parent": "text",
    "note": "text",
}

# Other names of attributes: those of MLflow, and those of a `Run`.
ALIASES = {
    "id": "run_id",
    "run_name": "name",
    "experiment_name": "experiment",
    "user": "actor",
    "user_id": "actor",
    "created": "start_time",
    "started_at": "start_time",
    "ended_at": "end_time",
    "seconds": "duration",
    "parent_id": "parent",
    "parent_run_id": "parent",
    "description": "note",
}

_EARLIEST_MS = 10**11  # a smaller number is a time in seconds by mistake
_PART_KINDS: dict[Part, Kind] = {"metrics": "number", "params": "either", "tags": "either"}
_BARE = re.compile(r"[\w./:@#$+\-]*[\w/:@#$+\-]")  # a dot at the end would quote what follows


@dataclass(frozen=True)
class Field:
    """A metric, param, tag or attribute; of an attribute the key is its one true name."""

    part: Part
    key: str
    of_attribute: Kind | None = field(default=None, compare=False, repr=False)  # of runs if None

    @property
    def kind(self) -> Kind:
        """What its values are."""
        if self.part != "attributes":
            return _PART_KINDS[self.part]
        return self.of_attribute or ATTRIBUTES[self.key]

    def __str__(self) -> str:
        if self.part == "attributes":
            return self.key
        if _BARE.fullmatch(self.key):
            return f"{self.part}.{self.key}"
        quoted = self.key.replace("`", "``")
        return f"{self.part}.`{quoted}`"


RUNS = Subject("run", ATTRIBUTES, ALIASES)


def attribute(name: str) -> Field | None:
    """Return the attribute of a run that a name in any case means; None if there is none."""
    return RUNS.attribute(name)


def moment(value: Value) -> int:
    """Return a time in microseconds since 1970 UTC.

    A text is a date or a time of ISO 8601, local time if it does not say its zone; a number is
    milliseconds, as in MLflow.

    Raises:
        Invalid: it is neither.
    """
    if isinstance(value, str):
        try:
            return checked_time(datetime.fromisoformat(value))
        except (ValueError, OSError) as error:
            if isinstance(error, Invalid):
                raise
            raise Invalid(
                f"{shown(value)} is no time; write it as '2026-01-31', '2026-01-31T18:00:00Z' or "
                "in milliseconds since 1970."
            ) from None
    if value != int(value):
        raise Invalid(f"{value!r} is no time: milliseconds are a whole number.")
    if abs(value) < _EARLIEST_MS:
        raise Invalid(
            f"{value:.0f} would be in 1970 to 1973: numbers are milliseconds. If these are "
            f"seconds, write {value * 1000:.0f}; a day is written as '2026-01-31'."
        )
    return checked_time(int(value))
