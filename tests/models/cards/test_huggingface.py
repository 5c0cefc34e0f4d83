"""The front matter: YAML that says what is meant, whatever the texts are."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_mlops.models.cards.facts import CardFacts, MetricFact
from lite_mlops.models.cards.huggingface import _number, hugging_face, metadata, quoted
from lite_mlops.models.cards.markdown import markdown
from lite_mlops.models.cards.stated import Stated
from lite_mlops.project import Project
from tests.models.cards.conftest import HOSTILE, bare, facts_of, texts


def front(facts: CardFacts) -> dict[str, Any]:
    """Read the front matter as the hub does, and check that the card follows it."""
    opening, matter, card = hugging_face(facts).split("---\n", 2)
    assert opening == ""
    assert card == "\n" + markdown(facts)
    found: dict[str, Any] = yaml.safe_load(matter)
    return found


def licensed(text: str) -> dict[str, Any]:
    facts = CardFacts(**vars(bare()) | {"stated": (Stated("license", text, "model"),)})
    return front(facts)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_yaml(text: str) -> None:
    assert yaml.safe_load(f"a: {quoted(text)}\nb: 1\n") == {"a": text, "b": 1}
    facts = facts_of(text or "x")
    assert front(facts) == metadata(facts)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_is_read_as_it_was(text: str) -> None:
    assert yaml.safe_load(f"- {quoted(text)}") == [text]


@given(st.floats())
def test_every_number_is_read_as_it_was(value: float) -> None:
    found = yaml.safe_load(f"- {_number(value)}")[0]
    assert isinstance(found, float)
    assert found == value or (math.isnan(found) and math.isnan(value))


@settings(max_examples=15)
@given(texts)
def test_front_matter_says_what_is_recorded(text: str) -> None:
    facts = facts_of(text)
    assert front(facts) == metadata(facts)


def test_results_come_with_their_interval(registered: Project) -> None:
    facts = registered.models.card("churn/2")
    found = front(facts)
    assert found["library_name"] == "sklearn"
    assert found["pipeline_tag"] == "tabular-classification"
    assert found["tags"] == ["lite-mlops", "tabular", "sklearn", "tabular-classification"]
    (index,) = found["model-index"]
    assert index["name"] == "churn/2"
    results = [(r["dataset"]["name"], r["metrics"][0]["name"]) for r in index["results"]]
    assert results == [
        ("holdout", "accuracy"),
        ("holdout", "balanced accuracy"),
        ("holdout", "macro F1"),
        ("holdout", "ROC AUC"),
        ("not stated", "auc"),
        ("not stated", "share"),
    ]
    accuracy = index["results"][0]["metrics"][0]
    metric = facts.evaluations[0]
    assert (accuracy["type"], accuracy["value"]) == ("accuracy", metric.value)
    assert accuracy["args"] == {"interval": [metric.low, metric.high], "confidence": 0.95}
    assert all(r["task"] == {"type": "tabular-classification"} for r in index["results"])


def test_what_is_not_known_is_left_out() -> None:
    assert front(bare()) == {"tags": ["lite-mlops", "tabular"]}
    assert front(bare(metrics=(MetricFact("loss", math.nan),))) == front(bare())


@pytest.mark.parametrize(
    ("stated", "fields"),
    [
        ("Apache-2.0", {"license": "apache-2.0"}),
        (" mit\n", {"license": "mit"}),
        ("ours alone", {"license": "other", "license_name": "ours alone"}),
        ("mit\n---\nx: 1", {"license": "other", "license_name": "mit --- x: 1"}),
    ],
)
def test_licenses_have_their_names_on_the_hub(stated: str, fields: dict[str, str]) -> None:
    found = licensed(stated)
    assert {key: found[key] for key in found if key.startswith("license")} == fields
