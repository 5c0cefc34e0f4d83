"""The bill of materials: valid by the published schema, complete, and the same every time."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings

from lite_mlops.models.cards.cyclonedx import package_url
from lite_mlops.models.cards.facts import CardFacts
from lite_mlops.models.cards.forms import write
from lite_mlops.models.cards.stated import Stated
from lite_mlops.project import Project
from tests.models.cards.conftest import HOSTILE, bare, facts_of, texts


@cache
def validator() -> JsonStrictValidator:
    return JsonStrictValidator(SchemaVersion.V1_6)


def checked(facts: CardFacts) -> dict[str, Any]:
    text = write(facts, "cyclonedx")
    problem = validator().validate_str(text)
    assert problem is None, problem
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_schema_refuses_what_is_wrong() -> None:
    found = checked(bare()) | {"serialNumber": "urn:uuid:none"}
    assert validator().validate_str(json.dumps(found)) is not None


def test_the_bill_of_a_version(registered: Project) -> None:
    models = registered.models
    models.state("churn", license="apache-2.0", purpose="p", out_of_scope="o", ethics="e")
    version = models.get("churn/2")
    found = checked(models.card("churn/2"))
    model = found["metadata"]["component"]
    assert model["type"] == "machine-learning-model"
    assert (model["name"], model["version"]) == ("churn", "2")
    assert model["hashes"] == [{"alg": "SHA-256", "content": version.sha256}]
    assert model["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    card = model["modelCard"]
    assert card["considerations"] == {
        "useCases": ["p"],
        "technicalLimitations": ["Out of scope: o"],
        "ethicalConsiderations": [{"name": "e"}],
    }
    assert card["modelParameters"]["task"] == "tabular-classification"
    metrics = card["quantitativeAnalysis"]["performanceMetrics"]
    assert [m["type"] for m in metrics[:2]] == ["accuracy", "balanced accuracy"]
    assert metrics[0]["slice"] == "evaluation holdout"
    bounds = metrics[0]["confidenceInterval"]
    assert float(bounds["lowerBound"]) < float(metrics[0]["value"]) < float(bounds["upperBound"])


def test_what_it_depends_on(registered: Project) -> None:
    version = registered.models.get("churn/2")
    found = checked(registered.models.card("churn/2"))
    components = {one["bom-ref"]: one for one in found["components"]}
    purls = {one["purl"] for one in components.values() if one["type"] == "library"}
    expected = {k: v for k, v in version.requirements.items() if k != "python"}
    assert purls == {package_url(name, v) for name, v in expected.items()}
    data = [one for one in components.values() if one["type"] == "data"]
    assert {one["name"] for one in data} == {"customers", "holdout"}
    used = found["metadata"]["component"]["modelCard"]["modelParameters"]["datasets"]
    assert {one["ref"] for one in used} == {one["bom-ref"] for one in data}
    model, *others = found["dependencies"]
    assert model["ref"] == found["metadata"]["component"]["bom-ref"]
    assert set(model["dependsOn"]) == set(components) == {one["ref"] for one in others}


def test_the_serial_number_is_that_of_the_version(registered: Project) -> None:
    models = registered.models
    first = checked(models.card("churn/1"))
    assert write(models.card("churn/1"), "cyclonedx") == write(models.card("churn/1"), "cyclonedx")
    models.state("churn", purpose="now it is known")
    assert checked(models.card("churn/1"))["serialNumber"] == first["serialNumber"]
    assert checked(models.card("churn/2"))["serialNumber"] != first["serialNumber"]


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
def test_hostile_texts_are_values(text: str) -> None:
    found = checked(facts_of(text))
    model = found["metadata"]["component"]
    assert model["description"] == text
    assert model["modelCard"]["considerations"]["useCases"] == [text]
    assert model["supplier"]["contact"] == [{"name": text}]


@settings(max_examples=20)
@given(texts)
def test_every_text_makes_a_valid_bill(text: str) -> None:
    assert checked(facts_of(text))["metadata"]["component"]["description"] == text


def test_the_bill_of_what_is_hardly_known() -> None:
    found = checked(bare())
    assert found["components"] == []
    assert "licenses" not in found["metadata"]["component"]
    other = CardFacts(**vars(bare()) | {"stated": (Stated("license", "ours", "model"),)})
    assert checked(other)["metadata"]["component"]["licenses"] == [{"license": {"name": "ours"}}]


@pytest.mark.parametrize(
    ("name", "version", "url"),
    [
        ("scikit-learn", "1.8.0", "pkg:pypi/scikit-learn@1.8.0"),
        ("Some_Thing.else", "1.0+cpu", "pkg:pypi/some-thing-else@1.0%2Bcpu"),
        ("a b/c?", "1 2", "pkg:pypi/a%20b%2Fc%3F@1%202"),
    ],
)
def test_package_urls(name: str, version: str, url: str) -> None:
    assert package_url(name, version) == url
