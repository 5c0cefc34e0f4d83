"""A card as the README of a model hub: front matter in YAML, and the card as Markdown below it.

The fields are those that Hugging Face documents as "model card metadata". Every text stands in
double quotes with all but printable characters escaped (YAML 1.2, section 5.7), so that no text
can be read as anything else, by readers of YAML 1.1 neither.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from lite_mlops.documents import NOT_STATED
from lite_mlops.models.cards.facts import CardFacts, MetricFact
from lite_mlops.models.cards.licenses import spdx_id
from lite_mlops.models.cards.markdown import markdown

_LIBRARIES = {"sklearn": "sklearn"}  # of the names of modules those that the hub has others for
_ESCAPES = (("x", 2), ("u", 4), ("U", 8))


def hugging_face(facts: CardFacts) -> str:
    """Return the README: front matter and card."""
    return f"---\n{''.join(_lines(metadata(facts)))}---\n\n{markdown(facts)}"


def metadata(facts: CardFacts) -> dict[str, Any]:
    """Return the fields of the front matter; what is not recorded or stated has none."""
    found: dict[str, Any] = {}
    library = _library(facts)
    if library:
        found["library_name"] = library
    found["tags"] = [tag for tag in ("lite-mlops", "tabular", library, facts.task) if tag]
    if facts.task:
        found["pipeline_tag"] = facts.task
    stated = facts.statement("license")
    if stated is not None:
        known = spdx_id(stated)
        found["license"] = "other" if known is None else known.lower()
        if known is None:
            found["license_name"] = " ".join(stated.split())
    results = list(_results(facts))
    if results:
        found["metrics"] = list(dict.fromkeys(r["metrics"][0]["name"] for r in results))
        found["model-index"] = [{"name": facts.name, "results": results}]
    return found


def _library(facts: CardFacts) -> str | None:
    module = (facts.class_name or "").partition(".")[0]
    return None if module in ("", "builtins", "__main__") else _LIBRARIES.get(module, module)


def _results(facts: CardFacts) -> Iterator[dict[str, Any]]:
    """Return the results: those of kept evaluations, then what was only logged."""
    logged = (metric for metric in facts.metrics if metric.evaluation is None)
    for metric in (*facts.evaluations, *logged):
        if math.isfinite(metric.value):
            yield {
                "task": {"type": facts.task or "other"},
                "dataset": {
                    "type": "tabular",
                    "name": NOT_STATED if metric.evaluation is None else metric.evaluation,
                },
                "metrics": [_metric(metric)],
            }


def _metric(metric: MetricFact) -> dict[str, Any]:
    kind = metric.name.lower().replace(" ", "_")
    found: dict[str, Any] = {"type": kind, "name": metric.name, "value": metric.value}
    if metric.low is not None and metric.high is not None:
        found["args"] = {"interval": [metric.low, metric.high], "confidence": metric.confidence}
    return found


# -- YAML ---------------------------------------------------------------------------------------


def _lines(fields: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}:\n"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list):
            yield f"{indent}{name}:\n"
            for item in value:
                yield from _item(item, indent)
        else:
            yield f"{indent}{name}: {_scalar(value)}\n"


def _item(item: Any, indent: str) -> Iterator[str]:
    if not isinstance(item, Mapping):
        yield f"{indent}- {_scalar(item)}\n"
        return
    inner = indent + "  "
    first, *others = _lines(item, inner)
    yield f"{indent}- {first.removeprefix(inner)}"
    yield from others


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, float):
        return _number(value)
    return str(value)


def _number(value: float) -> str:
    """Return a number that YAML 1.1 reads as one as well: with a point before the exponent."""
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    digits, exponent, power = repr(value).partition("e")
    point = "" if "." in digits else ".0"
    return f"{digits}{point}{exponent}{power}"


def quoted(text: str) -> str:
    """Return a text as a YAML scalar in double quotes, on one line."""
    return f'"{"".join(map(_character, text))}"'


def _character(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    if one.isprintable() and one != "\ufeff":
        return one
    code = ord(one)
    letter, digits = next(form for form in _ESCAPES if code < 16 ** form[1])
    return f"\\{letter}{code:0{digits}x}"
