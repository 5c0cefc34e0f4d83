"""What gates said of a version stands on its card and in its lineage, if it is on record."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

from lite_mlops.project import Project
from lite_mlops.store.events import AliasSet
from tests.gates.conftest import GATE
from tests.gates.test_promoting import FOUR_EYES, by

Write = Callable[[str], None]


def test_the_card_and_the_lineage_tell_which_gate_let_a_version_in(
    churn: Project, settings_file: Write
) -> None:
    settings_file(FOUR_EYES)
    report = churn.gates.run("churn/2")
    waiting = churn.models.card("churn/2").gates
    assert [(one.result, one.moved_at, one.approvals) for one in waiting] == [("passed", None, ())]
    by(churn, "bob").models.approve("churn/2", reason="looked at it")
    by(churn, "cem").models.promote("churn/2", reason="no worse")

    (result,) = churn.models.card("churn@champion").gates
    assert (result.gate, result.target, result.result) == ("churn", "churn@champion", "passed")
    assert (result.against, result.moved_by, result.reason) == ("churn/1", "cem", "no worse")
    assert (result.data, result.rows) == ("holdout@latest", 600)
    assert result.data_sha256 == report.data_sha256
    assert result.judged_on is not None
    assert [actor for actor, _ in result.approvals] == ["bob"]
    text = churn.models.card_text("churn/2")
    for line in (
        "### churn: passed",
        f"- **data**: {result.judged_on}",
        "- **against**: churn/1",
        "- **found**: 1 of 1 checks passed",
        "- **reason**: no worse",
    ):
        assert line in text
    assert "accuracy not worse" in text

    lineage = churn.models.lineage("churn/2")
    (gate,) = (node for node in lineage.nodes if node.kind == "gate")
    assert gate.facts["approved by"] == "bob"
    edges = {(one.source, one.target, one.label) for one in lineage.edges}
    assert {
        ("churn/2", gate.id, "judged by"),
        (gate.id, "churn@champion", "let in by"),
        ("churn/2", "churn@champion", "called"),
    } <= edges
    assert f"let in by {gate.id}" in lineage.to_text()
    assert "result passed" in {one.text for one in ET.fromstring(lineage.to_svg()).iter()}  # noqa: S314


def test_an_override_is_told_with_what_stood_against_it(
    churn: Project, settings_file: Write
) -> None:
    settings_file(GATE)
    churn.models.promote("churn/2", override=True, reason="the old one leaks")
    (unjudged,) = churn.models.card("churn/2").gates
    assert (unjudged.result, unjudged.outcome, unjudged.judged_at) == (
        "overridden", "not run", None,
    )  # fmt: skip
    assert unjudged.overridden == "the gate 'churn' did not run for it yet"
    text = churn.models.card_text("churn/2", "html")
    assert "churn: overridden" in text
    assert "the old one leaks" in text
    lineage = churn.models.lineage("churn/2")
    assert "let in past" in {one.label for one in lineage.edges}


def test_evidence_that_only_speaks_of_a_gate_is_none(churn: Project) -> None:
    gate = {"name": "churn", "verdict": 7, "overridden": "nothing"}
    churn.models.set_alias("churn", "champion", 2, evidence={"gate": gate})
    with churn.store.deciding() as decisions:
        for odd in ("it", {"verdict": [1]}):
            decisions.record(AliasSet(model="churn", alias="x", version=2, evidence={"gate": odd}))
    assert churn.models.card("churn/2").gates == ()
    assert "No gate was run." in churn.models.card_text("churn/2")
