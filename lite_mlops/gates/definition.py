"""The definition of a gate: which alias it keeps, what candidates are judged on, which checks.

    [gate.churn]                    # in lite-mlops.toml; the model, unless `model` says another
    alias = "champion"              # by default
    data = "holdout@latest"         # or a file
    label = "churned"
    approvals = 1

    [[gate.churn.check]]
    check = "not worse"
    metric = "ROC AUC"
    margin = 0.01

Pure: `gate_of` turns tables into values, or says what in them cannot be used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lite_mlops.errors import Invalid, suggestion
from lite_mlops.gates.conditions import parse_condition
from lite_mlops.models import Requirement, requirement_of
from lite_mlops.spans import parse_span

CONFIDENCE = 0.95
BATCH_ROWS = 10_000
REPLAYED = 1_000_000  # requests at most, unless the definition says otherwise

# By what is written, in lower case and without signs between the words.
METRICS = {
    "accuracy": "accuracy",
    "balanced accuracy": "balanced accuracy",
    "macro f1": "macro F1",
    "f1": "macro F1",
    "roc auc": "ROC AUC",
    "auc": "ROC AUC",
    "mae": "MAE",
    "rmse": "RMSE",
}
MEASURES = (
    "demographic parity",
    "equal opportunity",
    "equalized odds",
    "predictive parity",
    "accuracy",
)
NEVER_LOWER, NEVER_HIGHER = "never lower", "never higher"

Parse = Callable[[Any], Any]


# -- what a field may be --------------------------------------------------------------------------


def _number(low: float = -math.inf, high: float = math.inf) -> Parse:
    def parse(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("expected a number")
        if not low <= value <= high:
            raise ValueError(f"expected a number from {low:g} to {high:g}")
        return float(value)

    return parse


def _whole(low: int) -> Parse:
    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise ValueError(f"expected a whole number from {low} on")
        return value

    return parse


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("expected a text")
    return value


def _names(value: Any) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if (
        not isinstance(listed, list)
        or not listed
        or not all(isinstance(one, str) for one in listed)
    ):
        raise ValueError("expected a name, or a list of names")
    return tuple(listed)


def _choice(*allowed: str) -> Parse:
    def parse(value: Any) -> str:
        if value not in allowed:
            raise ValueError("expected " + " or ".join(map(repr, allowed)))
        return str(value)

    return parse


def _metric(value: Any) -> str:
    plain = re.sub(r"[\s_\-]+", " ", value).strip().lower() if isinstance(value, str) else ""
    if plain not in METRICS:
        raise ValueError(f"expected one of {', '.join(dict.fromkeys(METRICS.values()))}")
    return METRICS[plain]


def _condition(value: Any) -> Any:
    return parse_condition(_text(value))


def _function(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[\w.]+:[A-Za-z_]\w*", value):
        raise ValueError("expected module:function")
    return value


def _options(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("expected a table")
    return value


def _exchanged(value: Any) -> dict[str, list[Any]]:
    """Columns with the values that are put in their place."""
    if not isinstance(value, dict) or not value:
        raise ValueError("expected a table of columns, such as { sex = ['f', 'm'] }")
    for name, values in value.items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"expected a list of values for {name!r}")
    return value


_NEEDED = object()


def _share(value: Any) -> float:
    """Return a share such as 0.05 or '5%'."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value)
        if match is None:
            raise ValueError("expected a share such as 0.05 or '5%'")
        value = float(match[1]) / 100
    share: float = _number(0, 1)(value)
    return share


_POSITIVE = _number(low=1e-12)


@dataclass(frozen=True)
class _Field:
    """One field of a check: how it is read, and what it is by default."""

    parse: Parse
    default: Any = None


def _needed(parse: Parse) -> _Field:
    return _Field(parse, _NEEDED)


_ROWS = {"where": _Field(_condition), "by": _Field(_text)}
_RATE = {"at_most_share": _Field(_share, 0.0), "tolerance": _Field(_number(low=0), 0.0)}

# The kinds of checks, and the fields that each has beside those of all.
FIELDS: Mapping[str, Mapping[str, _Field]] = {
    "metric": {
        "metric": _needed(_metric),
        "at_least": _Field(_number()),
        "at_most": _Field(_number()),
        "sure": _Field(_flag, False),
        **_ROWS,
    },
    "recorded": {
        "metric": _needed(_text),
        "at_least": _Field(_number()),
        "at_most": _Field(_number()),
    },
    "not worse": {"metric": _needed(_metric), "margin": _needed(_POSITIVE), **_ROWS},
    "better": {"metric": _needed(_metric), "margin": _Field(_number(low=0), 0.0), **_ROWS},
    "fairness": {
        "group": _needed(_text),
        "measure": _needed(_choice(*MEASURES)),
        "at_most": _needed(_share),
        "least_rows": _Field(_whole(1), 30),
        "where": _Field(_condition),
    },
    "calibration": {
        "at_most": _needed(_share),
        "bins": _Field(_whole(2), 10),
        "where": _Field(_condition),
    },
    "latency": {
        "one_row_ms": _Field(_POSITIVE),
        "batch_ms": _Field(_POSITIVE),
        "batch_rows": _Field(_whole(1), BATCH_ROWS),
        "times": _Field(_POSITIVE),
    },
    "memory": {"at_most_mb": _needed(_POSITIVE)},
    "size": {"at_most_mb": _needed(_POSITIVE)},
    "signature": {},
    "expectations": {"dataset": _Field(_text)},
    "freshness": {"at_most": _needed(parse_span), "column": _Field(_text)},
    "leakage": {
        "training": _Field(_text),
        "time": _Field(_text),
        "key": _Field(_names, ()),
        "group": _Field(_names, ()),
    },
    "reproducible": {"exactly": _Field(_flag, False)},
    "safe": {},
    "invariance": {"change": _needed(_exchanged), "rows": _Field(_text), **_RATE},
    "directional": {
        "column": _needed(_text),
        "add": _Field(_number()),
        "times": _Field(_number()),
        "score": _needed(_choice(NEVER_LOWER, NEVER_HIGHER)),
        "rows": _Field(_text),
        **_RATE,
    },
    "python": {"function": _needed(_function), "options": _Field(_options)},
    "replay": {
        "window": _Field(_text),
        "rows": _Field(_whole(1), REPLAYED),
        "changed": _Field(_share),
        "failed": _Field(_share, 0.0),
        "worse": _Field(_share),
        "times": _Field(_POSITIVE),
        "tolerance": _Field(_number(low=0), 0.0),
    },
}

# Of these at least one is needed.
_ONE_OF: Mapping[str, tuple[str, ...]] = {
    "metric": ("at_least", "at_most"),
    "recorded": ("at_least", "at_most"),
    "latency": ("one_row_ms", "batch_ms", "times"),
    "directional": ("add", "times"),
    "replay": ("changed", "failed", "worse", "times"),
}
_COMMON = {"name": _Field(_text), "blocks": _Field(_flag, True), "lenient": _Field(_flag, False)}
_HEAD = {
    "label": _Field(_text),
    "positive": _Field(lambda value: value),
    "seed": _Field(_whole(0), 0),
    "confidence": _Field(_number(0.5, 0.9999), CONFIDENCE),
    "replay": _Field(_text),
}
_KEPT_ELSEWHERE = ("model", "alias", "data", "approvals", "valid")  # read by `requirement_of`


# -- values ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """One check of a gate: its kind, its name, and the fields of its kind as they were read."""

    kind: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    blocks: bool = True
    lenient: bool = False

    def __getitem__(self, name: str) -> Any:
        return self.options[name]


@dataclass(frozen=True)
class Gate:
    """A gate: what it keeps, what candidates are judged on, and by which checks.

    Attributes:
        requirement: The alias, the data and the approvals.
        label: The column of the data that holds the true answers; None: the one column that is no
            feature.
        positive: The class that counts as positive; None: the one that sorts last.
        seed: Of everything that is drawn at random.
        confidence: With which a comparison has to be sure, on the one side that matters.
        replay: The window of recorded requests that `replay` checks answer, such as '7d'.
        checks: In their order.
    """

    requirement: Requirement
    label: str | None = None
    positive: Any = None
    seed: int = 0
    confidence: float = CONFIDENCE
    replay: str | None = None
    checks: tuple[Check, ...] = ()

    @property
    def name(self) -> str:
        """Its name."""
        return self.requirement.gate

    @property
    def target(self) -> str:
        """The alias that it keeps, such as 'churn@champion'."""
        return f"{self.requirement.model}@{self.requirement.alias}"

    def to_dict(self) -> dict[str, Any]:
        """Return what it is, as JSON can hold it."""
        return {
            "gate": self.name,
            "model": self.requirement.model,
            "alias": self.requirement.alias,
            "data": self.requirement.data,
            "label": self.label,
            "approvals": self.requirement.approvals,
            "digest": self.requirement.digest,
            "checks": [one.name for one in self.checks],
        }


# -- reading --------------------------------------------------------------------------------------


def _read(
    where: str, given: Mapping[str, Any], fields: Mapping[str, _Field], beside: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the fields of a table, with defaults. Raises `Invalid`."""
    for name in given:
        if name not in fields and name not in beside:
            near = suggestion(name, [*fields, *beside])
            raise Invalid(f"{where}: there is no {name!r} here.{near}")
    found = {}
    for name, one in fields.items():
        if name not in given:
            if one.default is _NEEDED:
                raise Invalid(f"{where} needs {name!r}.")
            found[name] = one.default
            continue
        try:
            found[name] = one.parse(given[name])
        except ValueError as error:  # also `Invalid`, which says more
            text = str(error).rstrip(".")
            raise Invalid(f"{where}: {name} = {given[name]!r} cannot be used: {text}.") from None
    return found


def _default_name(kind: str, options: Mapping[str, Any]) -> str:
    """Return what a check is called that has no name of its own."""
    about = {
        "metric": "{metric}",
        "recorded": "recorded {metric}",
        "not worse": "{metric} not worse",
        "better": "{metric} better",
        "fairness": "{measure} by {group}",
        "directional": "{column}: {score}",
        "python": "{function}",
    }.get(kind, kind)
    if kind == "invariance":
        about = f"same answer whatever {' and '.join(options['change'])} is"
    name = about.format_map(options)
    if options.get("where") is not None:
        name += f" where {options['where']}"
    return f"{name} for each {options['by']}" if options.get("by") else name


def _check(where: str, given: Any) -> Check:
    if not isinstance(given, Mapping):
        raise Invalid(f"{where} is no table.")
    kind = str(given.get("check", ""))
    if kind not in FIELDS:
        near = suggestion(kind, FIELDS) or f" There are {', '.join(map(repr, FIELDS))}."
        raise Invalid(f"{where}: check = {kind!r} is no kind of check.{near}")
    found = _read(where, given, {**FIELDS[kind], **_COMMON}, ("check",))
    name, blocks, lenient = (found.pop(one) for one in _COMMON)
    one_of = _ONE_OF.get(kind, ())
    if one_of and all(found[one] is None for one in one_of):
        raise Invalid(f"{where} needs {' or '.join(map(repr, one_of))}.")
    return Check(kind, name or _default_name(kind, found), found, blocks, lenient)


def gate_of(name: str, definition: Mapping[str, Any]) -> Gate:
    """Return the gate that a table defines.

    Raises:
        Invalid: a name in it is unknown, a value cannot be used, or two checks have one name.
    """
    requirement = requirement_of(name, definition)
    where = f"[gate.{name}]"
    head = _read(where, definition, _HEAD, (*_KEPT_ELSEWHERE, "check"))
    given = definition.get("check", [])
    if not isinstance(given, list | tuple):
        raise Invalid(f"{where}: check is a list of tables; write [[gate.{name}.check]].")
    if not given and not requirement.approvals:
        raise Invalid(f"{where} has no checks and asks for no approval; it would keep nothing.")
    checks = tuple(
        _check(f"{where}, check {number}", one) for number, one in enumerate(given, start=1)
    )
    names = [one.name for one in checks]
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise Invalid(f"{where} has two checks called {twice!r}; give them a name each.")
    return Gate(requirement, **head, checks=checks)
