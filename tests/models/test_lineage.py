"""Lineage: what a version stands on and what stands on it, as text, JSON and a picture."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lite_mlops.project import Project
from tests.conftest import Prepared

X = np.array([[0.0], [1.0], [2.0], [3.0]])
SVG = "{http://www.w3.org/2000/svg}"


def _make_churn(project: Project) -> None:
    model = LogisticRegression().fit(X, ["no", "no", "yes", "yes"])
    with project.start_run("base <line>") as run:
        project.log_dataset({"visits": [0, 1, 2, 3]}, "customers")
        project.log_model(model, "churn", input_example={"visits": 1.0})
        project.log_model(model, "churn-small", input_example={"visits": 1.0})
    project.models.set_alias("churn", "champion", 1, reason="the only one")
    answers = project.endpoint("churn/1").predict([{"visits": 1}, {"visits": 2}])
    project.monitoring.feedback(answers[0].id, "no")
    project.sql("SELECT 1")
    assert run.id


@pytest.fixture
def churn(project: Project, prepared: Prepared) -> Project:
    return prepared(project, _make_churn)


def test_it_leads_from_the_data_to_the_predictions(churn: Project) -> None:
    version = churn.models.get("churn/1")
    data = churn.datasets.get("customers")
    found = churn.models.lineage("churn@champion")
    ids = {node.kind: node.id for node in found.nodes if node.id != "churn-small/1"}
    reference = f"customers@{data.sha256[:12]}"
    assert ids | {"process": ""} == {
        "data": reference,
        "run": version.run_id,
        "version": "churn/1",
        "alias": "churn@champion",
        "predictions": "2",
        "process": "",
    }
    edges = {(edge.source, edge.target, edge.label) for edge in found.edges}
    assert {
        (reference, version.run_id, "training"),
        (version.run_id, "churn/1", "trained by"),
        (version.run_id, "churn-small/1", "trained by"),
        ("churn/1", "churn@champion", "called"),
        ("churn/1", "2", "answered"),
    } <= edges
    (answered,) = (node for node in found.nodes if node.kind == "predictions")
    assert answered.facts["labelled"] == 1
    (alias,) = (node for node in found.nodes if node.kind == "alias")
    assert alias.facts["because"] == "the only one"


def test_it_is_told_as_text_and_json(churn: Project) -> None:
    found = churn.models.lineage("churn/1")
    text = found.to_text()
    assert "> version churn/1" in text
    assert f"    trained by {found.edges[0].target}" in text
    assert text.index("- data") < text.index("- run") < text.index("> version")
    told = json.loads(json.dumps(found.to_dict()))
    assert told["of"] == "churn/1"
    assert {node["kind"] for node in told["nodes"]} >= {"data", "run", "version", "alias"}


def test_the_picture_shows_every_node_and_edge_and_escapes_names(churn: Project) -> None:
    found = churn.models.lineage("churn/1")
    root = ET.fromstring(found.to_svg())  # noqa: S314  our own picture
    assert len(root.findall(f".//{SVG}rect")) == len(found.nodes)
    assert len(root.findall(f".//{SVG}path")) == len(found.edges)
    assert "name base <line>" in {text.text for text in root.iter(f"{SVG}text")}
    assert "<line>" not in found.to_svg()
    assert found._repr_html_() == found.to_svg()
