"""`lite-mlops models`: the versions there are, and everything about one."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from lite_mlops.cli.output import size, when
from lite_mlops.project import Project
from tests.cli.conftest import Cli, trained

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def registered(project: Project) -> Project:
    """A project with two versions of one model and one of another."""
    for name in ("churn", "churn", "fraud"):
        trained(project, name)
    project.models.set_alias("churn", "champion", 2, reason="first of all")
    project.models.set_alias("churn", "champion", 1, reason="AUC 0.91 against 0.90")
    return project


def test_versions_are_listed_newest_first(cli: Cli, registered: Project) -> None:
    done = cli("models", "ls")
    header, *rows = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert header.split() == ["version", "aliases", "registered", "size", "metrics"]
    assert [row.split()[0] for row in rows] == ["churn/2", "churn/1", "fraud/1"]
    assert rows[1].split()[1] == "@champion"
    assert all(row.rstrip().endswith("auc=0.91") for row in rows)


def test_the_versions_of_one_model_are_listed(cli: Cli, registered: Project) -> None:
    told = json.loads(cli("models", "ls", "churn", "--json").out)
    assert told == [version.to_dict() for version in registered.models.all("churn")]
    rows = list(csv.DictReader(io.StringIO(cli("models", "ls", "churn", "--csv").out)))
    assert [(row["version"], row["aliases"]) for row in rows] == [
        ("2", "[]"),
        ("1", '["champion"]'),
    ]


def test_no_models_are_told(cli: Cli, project: Project) -> None:
    project.create()
    assert cli("models", "ls").out == "No models.\n"
    assert json.loads(cli("models", "ls", "--json").out) == []


def test_everything_of_a_version_is_shown(cli: Cli, registered: Project) -> None:
    version = registered.models.get("churn/1")
    done = cli("models", "show", "churn@champion")
    told = re.sub(r" +$", "", done.out, flags=re.MULTILINE)
    assert (done.code, done.err) == (0, "")
    facts = dict(re.findall(r"^(\S+(?: \S+)*)  +(\S.*)$", told.partition("\n\n")[0], re.MULTILINE))
    requirements = facts.pop("made with")
    assert facts == {
        "version": "churn/1",
        "aliases": "@champion",
        "registered": f"{when(version.created_at)}  by {version.actor}",
        "run": version.run_id,
        "file": f"{size(version.size)}, SHA-256 {version.sha256}",
        "features": "2: age, visits",
        "classes": "no, yes",
    }
    assert re.search(r"python 3\S+, scikit-learn \d", requirements)
    assert "\nmetrics of its run\nauc  0.91\n" in told
    header, newer, older = told.partition("\naliases of churn\n")[2].splitlines()
    assert header.split() == ["alias", "to", "version", "moved", "by", "reason"]
    assert newer.split()[:2] == ["@champion", "1"]
    assert newer.endswith("AUC 0.91 against 0.90")
    assert older.split()[:2] == ["@champion", "2"]
    assert older.endswith("first of all")


def test_a_version_is_shown_by_any_of_its_names(cli: Cli, registered: Project) -> None:
    for reference, name in {
        "churn": "churn/2",
        "churn/1": "churn/1",
        "churn:1": "churn/1",
        "churn@champion": "churn/1",
        "models:/churn@champion": "churn/1",
        "models:/fraud/1": "fraud/1",
    }.items():
        told = json.loads(cli("models", "show", reference, "--json").out)
        assert f"{told['model']}/{told['version']}" == name


FORM = "; write 'churn@champion', 'churn/3' or 'churn' for its newest version."
REFUSED = {
    ("ls", "chrun"): (3, "There is no model 'chrun'. Did you mean 'churn'?"),
    ("ls", "\x1b[31m"): (3, r"There is no model '\x1b[31m'."),
    ("show", "chrun"): (3, "There is no model 'chrun'. Did you mean 'churn'?"),
    ("show", "churn@champoin"): (
        3,
        "The model 'churn' has no alias 'champoin'. Did you mean 'champion'?",
    ),
    ("show", "fraud@champion"): (3, "The model 'fraud' has no alias 'champion'."),
    ("show", "churn/3"): (3, "The model 'churn' has no version 3; its newest is 2."),
    ("show", "churn/0"): (3, "The model 'churn' has no version 0; its newest is 2."),
    ("show", ""): (2, f"'' does not name a model version{FORM}"),
    ("show", "a b"): (2, f"'a b' does not name a model version{FORM}"),
    ("show", "\x1b[31mchurn"): (2, rf"'\x1b[31mchurn' does not name a model version{FORM}"),
    ("show", "churn/x"): (2, f"'churn/x' does not name a model version{FORM}"),
    ("show",): (2, "Missing argument 'REFERENCE'."),
}


def test_a_wrong_call_says_why_and_changes_nothing(
    cli: Cli, registered: Project, tables: Tables
) -> None:
    before = tables()
    for line, (code, text) in REFUSED.items():
        done = cli("models", *line)
        assert (done.code, done.out) == (code, "")
        assert done.err.endswith(f"Error: {text}\n")
    assert tables() == before
