"""`lite-mlops models card`: written to the screen or a file, and what people state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lite_mlops.cli import model_cards
from lite_mlops.models.cards.forms import FORMS
from lite_mlops.models.cards.stated import ASKED
from lite_mlops.project import Project
from tests.cli.conftest import Cli, trained
from tests.cli.test_output import STEERING
from tests.conftest import Prepared


def _make_registered(project: Project) -> None:
    trained(project)


@pytest.fixture
def registered(project: Project, prepared: Prepared) -> Project:
    """A project with a version of a model."""
    return prepared(project, _make_registered)


def test_a_card_is_markdown(cli: Cli, registered: Project) -> None:
    done = cli("models", "card", "churn")
    assert (done.code, done.err) == (0, "")
    assert done.out == registered.models.card_text("churn/1")


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_printed(cli: Cli, registered: Project, form: str) -> None:
    done = cli("models", "card", "churn/1", "--format", form)
    assert (done.code, done.out) == (0, registered.models.card_text("churn/1", form))


def test_json_tells_the_facts(cli: Cli, registered: Project) -> None:
    told = json.loads(cli("models", "card", "churn/1", "--json").out)
    assert told == json.loads(registered.models.card_text("churn/1", "json"))
    assert (told["name"], told["data"][0]["name"]) == ("churn/1", "customers")


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("card.HTML", "html"),
        ("bom.cdx.json", "cyclonedx"),
        ("card.json", "json"),
        ("README.md", "md"),
        ("README", "md"),
    ],
)
def test_the_ending_of_the_file_tells_the_form(
    cli: Cli, registered: Project, name: str, form: str
) -> None:
    done = cli("models", "card", "churn/1", "-o", name)
    assert (done.code, done.out) == (0, f"Wrote {name}.\n")
    assert Path(name).read_text(encoding="utf-8") == registered.models.card_text("churn/1", form)


def test_a_chosen_form_goes_before_the_ending(cli: Cli, registered: Project) -> None:
    cli("models", "card", "churn/1", "-o", "README.md", "--format", "hf")
    assert Path("README.md").read_text(encoding="utf-8").startswith("---\nlibrary_name:")


def test_stating_records_and_writes_only_what_is_asked_for(cli: Cli, registered: Project) -> None:
    done = cli("models", "card", "churn", "--state", "purpose=a=b", "--state", "license= MIT ")
    assert (done.code, done.out) == (0, "")
    assert done.err == "Recorded for churn: purpose, license.\n"
    assert registered.models.model_tags("churn") == {"card.license": "MIT", "card.purpose": "a=b"}
    done = cli("models", "card", "churn/1", "--state", "limits=none", "--format", "md")
    assert done.err == "Recorded for churn/1: limits.\n"
    assert "### Limits\n\nnone\n" in done.out
    assert "### License\n\nMIT\n" in done.out


def test_a_statement_is_taken_away(cli: Cli, registered: Project) -> None:
    cli("models", "card", "churn/1", "--state", "contact=ops", "--reason", "known now")
    done = cli("models", "card", "churn/1", "--state", "contact=")
    assert done.err == "Recorded for churn/1: contact taken away.\n"
    assert registered.models.get("churn/1").tags == {}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("churn/9",), 3, "The model 'churn' has no version 9"),
        (("churn/1", "--state", "purpose"), 2, "'purpose' has no '='. The names are purpose, lim"),
        (("churn/1", "--state", "goal=x"), 2, "a model card does not ask for 'goal'."),
        (("churn/1", "--reason", "x"), 2, "--reason goes with --state."),
        (("churn/1", "--format", "pdf"), 2, "'pdf' is not one of"),
        (("churn/1", "-o", "no/folder/card.md"), 1, "no/folder/card.md: No such file"),
    ],
)
def test_what_cannot_be_done(
    cli: Cli, registered: Project, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = cli("models", "card", *arguments)
    assert done.code == code
    assert message in done.err
    assert done.out == ""
    assert registered.models.get("churn/1").tags == {}


def test_a_hostile_project_steers_no_terminal(cli: Cli, hostile: Path) -> None:
    for form in FORMS:
        done = cli("models", "card", "churn@champion", "--format", form, dir=hostile)
        assert done.code == 0
        assert not STEERING.search(done.out)


def test_the_help_names_what_there_is() -> None:
    assert tuple(FORMS) == model_cards.FORMS
    assert tuple(ASKED) == model_cards.ASKED
