"""Monitor: what is watched, against what, how often, and when somebody is told.

    [monitor.churn]                          # in lite-mlops.toml
    window = "1d"
    every = "1h"
    checks = { drift = { preset = "calm" }, service = false }

    project.monitors.set("churn", window="1d", every="1h", checks={...})     # the same, in code

Whatever is not said has a default. Values only; they are read, checked and written here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from lite_mlops.errors import Invalid, suggestion
from lite_mlops.monitoring.alerts.rules import Rules
from lite_mlops.monitoring.windows import Size
from lite_mlops.spans import parse_span, span_text

TRAINING = "training"
IN_CODE = "code"
LEAST_ROWS, _MOST_ROWS = 50, 1_000_000  # of a window
_LEAST_EVERY = timedelta(seconds=1)
_EVERY_ROWS = timedelta(minutes=5)

# The options of each check: what turns the value that was given into the one that is used.
Options = Mapping[str, Callable[[object], Any]]


@dataclass(frozen=True)
class Monitor:
    """One monitor.

    Attributes:
        name: Under which its results are kept.
        model: A version, such as churn@champion, which is followed; '': the champion of the model
            that is called as the monitor is, or its latest version.
        reference: 'training' (the data that the version was trained on), a dataset such as
            customers@461a8a2d, or the answers of a time before the window, such as 'past 7d'.
        window: What is looked at.
        every: How often, while a server runs.
        columns: Those that are judged; none: all.
        checks: The options of each check; None: it is left out.
        channels: Who is told; None: all channels there are.
        rules: When somebody is told.
        source: Where it was said: 'code', or the name of the file.
    """

    name: str
    model: str = ""
    reference: str = TRAINING
    window: Size = field(default_factory=lambda: Size(rows=1000))
    every: timedelta = _EVERY_ROWS
    columns: tuple[str, ...] = ()
    checks: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)
    channels: tuple[str, ...] | None = None
    rules: Rules = field(default_factory=Rules)
    source: str = IN_CODE

    def runs_check(self, name: str) -> bool:
        """Return whether a check is made."""
        return self.checks.get(name, {}) is not None

    def options_of(self, check: str) -> Mapping[str, Any]:
        """Return the options that were given for a check."""
        return self.checks.get(check) or {}

    def to_dict(self) -> dict[str, Any]:
        """Return the monitor as JSON can hold it."""
        return {"name": self.name, **self.definition(), "source": self.source}

    def definition(self) -> dict[str, Any]:
        """Return what `monitor_of` makes the same monitor of."""
        rules = self.rules
        return {
            "model": self.model,
            "reference": self.reference,
            "window": str(self.window),
            "every": span_text(self.every),
            "columns": list(self.columns),
            "checks": {
                name: False
                if options is None
                else {key: _plain(value) for key, value in options.items()}
                for name, options in self.checks.items()
            },
            "channels": None if self.channels is None else list(self.channels),
            "windows": f"{rules.firing} of {rules.of}",
            "quiet_windows": rules.quiet,
            "cooldown": span_text(rules.cooldown),
        }


def _plain(value: Any) -> Any:
    return span_text(value) if isinstance(value, timedelta) else value


def monitor_of(
    name: str,
    values: Mapping[str, Any],
    known: Mapping[str, Options],
    *,
    place: str,
    source: str = IN_CODE,
) -> Monitor:
    """Return the monitor that these values say.

    Args:
        name: Its name.
        values: As they stand in the file or were given in code.
        known: The checks that there are, and the options of each.
        place: Where the values stand, for what is told of them.
        source: What `Monitor.source` is to be.

    Raises:
        Invalid: a key or check is unknown, or a value cannot be used.
    """
    if not name or not all(sign.isalnum() or sign in "-_." for sign in name):
        raise Invalid(f"{place}: the name {name!r} cannot be used: letters, digits, '-_.'.")
    found: dict[str, Any] = {}
    rules: dict[str, Any] = {}
    for key, value in values.items():
        if key not in _PARSERS:
            raise Invalid(f"{place}: there is no option {key!r}.{suggestion(key, _PARSERS)}")
        if value is None:
            continue
        try:
            if key == "checks":
                found[key] = _checks(value, known, place)
            elif key == "windows":
                rules["firing"], rules["of"] = _windows(value)
            elif key in ("quiet_windows", "cooldown"):
                rules[key.removesuffix("_windows")] = _PARSERS[key](value)
            else:
                found[key] = _PARSERS[key](value)
        except ValueError as error:
            if isinstance(error, Invalid):
                raise
            raise checked(place, key, value, error) from None
    window: Size = found.get("window", Size(rows=1000))
    found.setdefault("every", default_every(window))
    return Monitor(name=name, source=source, rules=Rules(**rules), **found)


def default_every(window: Size) -> timedelta:
    """Return how often a window is looked at if nothing is said: a time, 24 times in its course."""
    if window.span is None:
        return _EVERY_ROWS
    return min(max(window.span / 24, timedelta(minutes=1)), timedelta(days=1))


def checked(place: str, name: str, value: object, error: ValueError) -> Invalid:
    """Return the error to raise for an option that cannot be used."""
    return Invalid(f"{place}: {name} = {value!r} cannot be used: {error}.")


# -- reading values ------------------------------------------------------------------------------


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a text")
    return value.strip()


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return tuple(value)
    raise ValueError("expected a list of names")


def _size(value: object) -> Size:
    found = Size.parse(value)
    if found.rows is not None and not LEAST_ROWS <= found.rows <= _MOST_ROWS:
        raise ValueError(f"expected {LEAST_ROWS} to {_MOST_ROWS:,} rows")
    return found


def _every(value: object) -> timedelta:
    found = parse_span(value)
    if found < _LEAST_EVERY:
        raise ValueError("expected at least '1s'")
    return found


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100:
        raise ValueError("expected a whole number from 1 to 100")
    return value


def _windows(value: object) -> tuple[int, int]:
    firing, _, of = str(value).partition(" of ")
    if not (firing.isdigit() and of.isdigit() and 1 <= int(firing) <= int(of) <= 20):
        raise ValueError("expected such as '2 of 3', at most 20")
    return int(firing), int(of)


def _reference(value: object) -> str:
    text = _text(value)
    if text.startswith("past "):
        return f"past {span_text(parse_span(text.removeprefix('past ')))}"
    if text != TRAINING and "@" not in text:
        raise ValueError("expected 'training', a dataset as NAME@VERSION, or such as 'past 7d'")
    return text


_PARSERS: dict[str, Callable[[object], Any]] = {
    "model": _text,
    "reference": _reference,
    "window": _size,
    "every": _every,
    "columns": _names,
    "checks": _text,  # read by `_checks`
    "channels": _names,
    "windows": _text,  # read by `_windows`
    "quiet_windows": _count,
    "cooldown": parse_span,
}


def _checks(
    value: object, known: Mapping[str, Options], place: str
) -> dict[str, Mapping[str, Any] | None]:
    """Return what is said of checks: a list of those to make, or a table of options."""
    if isinstance(value, list | tuple):
        only = _names(value)
        named: dict[str, Any] = dict.fromkeys(only, True)
        named |= {name: False for name in known if name not in only}
    elif isinstance(value, Mapping):
        named = dict(value)
    else:
        raise ValueError("expected a list of checks, or a table of them")
    found: dict[str, Mapping[str, Any] | None] = {}
    for name, given in named.items():
        if name not in known:
            raise Invalid(f"{place}: there is no check {name!r}.{suggestion(name, known)}")
        if isinstance(given, bool):
            found[name] = {} if given else None
        elif isinstance(given, Mapping):
            found[name] = _options(name, given, known[name], place)
        else:
            raise checked(
                place, f"checks.{name}", given, ValueError("expected true, false or a table")
            )
    return found


def _options(
    check: str, given: Mapping[str, object], known: Options, place: str
) -> Mapping[str, Any]:
    found = {}
    for key, value in given.items():
        if key not in known:
            near = suggestion(key, known)
            raise Invalid(f"{place}: the check {check!r} has no option {key!r}.{near}")
        try:
            found[key] = known[key](value)
        except ValueError as error:
            raise checked(place, f"checks.{check}.{key}", value, error) from None
    return found
