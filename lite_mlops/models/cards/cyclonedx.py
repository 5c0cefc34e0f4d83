"""A card as a bill of materials of CycloneDX 1.6 (ECMA-424) in JSON: an ML-BOM. Pure functions.

The model is the component that the bill is about; its data, further files and requirements are the
components it depends on. The serial number comes from the hash of the model file and its name: the
same version has the same number wherever its bill is written.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from lite_mlops.models.cards.facts import CardFacts, DataFact, InputFact, MetricFact
from lite_mlops.models.cards.licenses import spdx_id

SPECIFICATION = "1.6"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://cyclonedx.org/")
_PREFIX = "lite-mlops:"  # of properties, which the specification leaves to each tool


def bill_of_materials(facts: CardFacts) -> dict[str, Any]:
    """Return the bill as JSON can hold it."""
    parts = [*map(_data, facts.data), *_files(facts), *_requirements(facts)]
    # One of each name: references in a bill are unique.
    components = list({part["bom-ref"]: part for part in parts}.values())
    model = _model(facts)
    refs = [component["bom-ref"] for component in components]
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, f'{facts.name} {facts.sha256}')}",
        "version": 1,
        "metadata": {
            "timestamp": facts.created_at.isoformat(),
            "tools": {"components": [_tool(facts)]},
            "component": model,
        },
        "components": components,
        "dependencies": [
            {"ref": model["bom-ref"], "dependsOn": refs},
            *({"ref": ref} for ref in refs),
        ],
    }


def _tool(facts: CardFacts) -> dict[str, Any]:
    name, _, version = facts.made_by.partition(" ")
    return {"type": "application", "name": name} | ({"version": version} if version else {})


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields without those that hold nothing."""
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}


def _hashes(sha256: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": sha256}]


def _properties(pairs: Mapping[str, object]) -> list[dict[str, str]]:
    return [
        {"name": _PREFIX + name, "value": str(value)}
        for name, value in pairs.items()
        if value not in (None, "", ())
    ]


# -- the model ----------------------------------------------------------------------------------


def _model(facts: CardFacts) -> dict[str, Any]:
    contact, license_text = facts.statement("contact"), facts.statement("license")
    known = None if license_text is None else spdx_id(license_text)
    named = {"name": license_text} if known is None else {"id": known}
    return _filled(
        {
            "type": "machine-learning-model",
            "bom-ref": f"model:{facts.name}",
            "supplier": {"contact": [{"name": contact}]} if contact else None,
            "name": facts.model,
            "version": str(facts.version),
            "description": facts.description,
            "hashes": _hashes(facts.sha256),
            "licenses": [{"license": named}] if license_text else None,
            "modelCard": _card(facts),
            "properties": _properties(
                {
                    "format": facts.format,
                    "size": facts.size,
                    "registered-by": facts.actor,
                    "aliases": " ".join(f"@{alias}" for alias in facts.aliases),
                    "run": facts.run_id,
                    "commit": facts.code.get("commit"),
                    "uncommitted-changes": "yes" if facts.code.get("dirty") else None,
                    "trusted-imports": " ".join(facts.trusted),
                }
            ),
        }
    )


def _card(facts: CardFacts) -> dict[str, Any]:
    considerations = {
        "useCases": _listed(facts.statement("purpose")),
        "technicalLimitations": _listed(facts.statement("limits"))
        + [f"Out of scope: {text}" for text in _listed(facts.statement("out_of_scope"))],
        "ethicalConsiderations": [{"name": text} for text in _listed(facts.statement("ethics"))],
    }
    measured = [m for m in facts.metrics if m.evaluation is None]
    return _filled(
        {
            "modelParameters": _filled(
                {
                    "task": facts.task,
                    "modelArchitecture": facts.class_name,
                    "datasets": [{"ref": ref} for ref in dict.fromkeys(map(_ref, facts.data))],
                    "inputs": [{"format": _described(one)} for one in facts.inputs],
                    "outputs": [{"format": _described(one)} for one in facts.outputs],
                }
            ),
            "quantitativeAnalysis": _filled(
                {
                    "performanceMetrics": [
                        _metric(m) for m in (*facts.evaluations, *measured, *facts.slices)
                    ]
                }
            ),
            "considerations": _filled(considerations),
            "properties": _properties({f"parameter:{k}": v for k, v in facts.params.items()}),
        }
    )


def _listed(text: str | None) -> list[str]:
    return [] if text is None else [text]


def _described(column: InputFact) -> str:
    values = f" ({', '.join(column.categories)})" if column.categories else ""
    return f"{column.name}: {column.type}{values}"


def _metric(metric: MetricFact) -> dict[str, Any]:
    found: dict[str, Any] = {"type": metric.name, "value": repr(metric.value)}
    where = metric.group or (metric.evaluation and f"evaluation {metric.evaluation}")
    if where:
        found["slice"] = where
    if metric.low is not None and metric.high is not None:
        bounds = {"lowerBound": repr(metric.low), "upperBound": repr(metric.high)}
        found["confidenceInterval"] = bounds
    return found


# -- what it was made of ------------------------------------------------------------------------


def _ref(data: DataFact) -> str:
    return f"data:{data.name}@{data.sha256}"


def _data(data: DataFact) -> dict[str, Any]:
    is_file = data.form == "file"  # else the hash is that of what the rows mean, not of bytes
    properties = {
        "roles": data.roles,
        "content-sha256": None if is_file else data.sha256,
        "rows": data.rows,
        "size": data.size,
    } | {f"column:{column.name}": column.type for column in data.columns}
    return _filled(
        {
            "type": "data",
            "bom-ref": _ref(data),
            "name": data.name,
            "version": data.sha256[:12],
            "hashes": _hashes(data.sha256) if is_file else None,
            "data": [{"type": "dataset", "name": data.name}],
            "properties": _properties(properties),
        }
    )


def _files(facts: CardFacts) -> Iterator[dict[str, Any]]:
    for name, (sha256, count) in facts.members.items():
        yield {
            "type": "file",
            "bom-ref": f"file:{name}",
            "name": name,
            "hashes": _hashes(sha256),
            "properties": _properties({"size": count}),
        }


def _requirements(facts: CardFacts) -> Iterator[dict[str, Any]]:
    for name, version in facts.requirements.items():
        if name == "python":
            yield {
                "type": "platform",
                "bom-ref": f"python@{version}",
                "name": "python",
                "version": version,
            }
            continue
        url = package_url(name, version)
        yield {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url}


def package_url(name: str, version: str) -> str:
    """Return the package URL of a Python package (purl specification, type `pypi`)."""
    normalised = re.sub(r"[-_.]+", "-", name).lower()
    return f"pkg:pypi/{quote(normalised, safe='')}@{quote(version, safe='')}"
