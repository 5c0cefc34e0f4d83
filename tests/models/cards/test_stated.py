"""What people state: asked for, recorded as tags, of the version before the model as a whole."""

from __future__ import annotations

from typing import Any

import pytest

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.models.cards.stated import ASKED
from lite_mlops.project import Project


def said(project: Project, reference: str) -> dict[str, tuple[str | None, str | None]]:
    return {one.name: (one.text, one.about) for one in project.models.card(reference).stated}


def test_nothing_is_invented(registered: Project) -> None:
    assert said(registered, "churn/1") == dict.fromkeys(ASKED, (None, None))
    assert registered.models.card_text("churn/1").count("*not stated*") == len(ASKED)


def test_the_version_goes_before_the_model(registered: Project) -> None:
    models = registered.models
    models.state("churn", purpose="for all", contact="ops")
    models.state("churn/2", purpose="for two", limits="none known")
    assert said(registered, "churn/1")["purpose"] == ("for all", "model")
    two = said(registered, "churn/2")
    assert two["purpose"] == ("for two", "version")
    assert two["contact"] == ("ops", "model")
    assert two["limits"] == ("none known", "version")
    models.state("churn@champion", purpose=None)
    assert said(registered, "churn/2")["purpose"] == ("for all", "model")


def test_it_is_kept_as_tags(registered: Project) -> None:
    registered.models.state("churn/1", license="MIT", reason="asked the author")
    assert registered.models.get("churn/1").tags == {"card.license": "MIT"}
    assert registered.models.card("churn/1").tags == {}
    table = registered.sql("SELECT record ->> 'reason' FROM decisions ORDER BY number DESC LIMIT 1")
    assert list(table.rows) == [("asked the author",)]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"purpse": "x"}, "does not ask for 'purpse'. Did you mean 'purpose'?"),
        ({"zzz": "x"}, "'zzz'. It asks for purpose, limits, out_of_scope, ethics, contact, lic"),
        ({"limits": " \n"}, "what is stated as limits is empty; None takes it away."),
        ({"limits": "x" * 5001}, "tag 'card.limits' is too long"),
    ],
)
def test_what_cannot_be_stated(registered: Project, texts: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message.replace("?", r"\?")):
        registered.models.state("churn/1", contact="ops", **texts)
    assert registered.models.get("churn/1").tags == {}


def test_of_what_is_not_there(registered: Project) -> None:
    with pytest.raises(NotFound, match="The model 'churn' has no version 9"):
        registered.models.state("churn/9", purpose="x")
    with pytest.raises(NotFound, match=r"There is no model 'chrn'\. Did you mean 'churn'"):
        registered.models.card("chrn")


@pytest.mark.parametrize("form", ["md", "html", "hf", "cyclonedx", "json"])
def test_what_looks_like_a_secret_is_masked(registered: Project, form: str) -> None:
    registered.models.state("churn/1", contact="https://ann:hunter2@example.org/team")
    text = registered.models.card_text("churn/1", form)
    assert "hunter2" not in text
    assert "example.org/team" in text
