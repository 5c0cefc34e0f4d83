"""`lite-mlops models`: the versions there are, and everything about one."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sklearn.dummy import DummyClassifier

from lite_mlops.cli.output import size, when
from lite_mlops.project import Project
from tests.cli.conftest import Cli, trained
from tests.conftest import Prepared

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]


def _make_registered(project: Project) -> None:
    for name in ("churn", "churn", "fraud"):
        trained(project, name)
    project.models.set_alias("churn", "champion", 2, reason="first of all")
    project.models.set_alias("churn", "champion", 1, reason="AUC 0.91 against 0.90")


@pytest.fixture
def registered(project: Project, prepared: Prepared) -> Project:
    """A project with two versions of one model and one of another."""
    return prepared(project, _make_registered)


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
    data = registered.datasets.get("customers")
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
        "data": f"customers@{data.sha256[:12]} (training)",
        "model": "sklearn.linear_model._logistic.LogisticRegression",
        "file": f"joblib, {size(version.size)}, SHA-256 {version.sha256}",
        "answered by": "a plan, bit for bit",
        "answers": "no, yes",
    }
    assert re.search(r"python 3\S+, .*scikit-learn \d", requirements)
    assert "\ntakes 2 columns\ncolumn  type" in told
    assert "\nmetrics\nauc  0.91\n" in told
    header, newer, older = told.partition("\naliases of churn\n")[2].splitlines()
    assert header.split() == ["alias", "from", "to", "moved", "by", "reason"]
    assert newer.split()[:3] == ["@champion", "2", "1"]
    assert newer.endswith("AUC 0.91 against 0.90")
    assert older.split()[:3] == ["@champion", "none", "2"]
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


FORM = (
    "; write 'churn@champion', 'churn/3', 'churn' for its newest version, or 'runs:/ID/model' "
    "for what a run kept."
)
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


# -- aliases -------------------------------------------------------------------------------------


def _make_two(project: Project) -> None:
    model = DummyClassifier(strategy="prior").fit([[0.0], [1.0]], [0, 1])
    for _ in range(2):
        project.models.register(model, "churn", input_example={"x": 1.0})


@pytest.fixture
def two(project: Project, prepared: Prepared) -> Project:
    """A project with two versions of `churn`."""
    return prepared(project, _make_two)


def test_aliases_are_set_rolled_back_and_taken_away(cli: Cli, two: Project) -> None:
    lines = {
        ("alias", "set", "churn", "champion", 1, "--reason", "first", "--expect", 0): (
            "churn@champion points to version 1."
        ),
        ("alias", "set", "churn", "champion", 2): "churn@champion points to version 2.",
        ("rollback", "churn", "--reason", "worse"): (
            "churn@champion points to version 1 again; it was 2."
        ),
        ("rollback", "churn", "--undo"): "churn@champion points to version 2 again; it was 1.",
        ("alias", "rm", "churn", "champion"): (
            "churn@champion is taken away; it pointed to version 2."
        ),
        ("rollback", "churn"): "churn@champion points to version 2 again; it was away.",
    }
    for words, text in lines.items():
        done = cli("models", *words)
        assert (done.code, done.out, done.err) == (0, f"{text}\n", "")
    told = cli("models", "history", "churn").out
    assert [line.split()[:3] for line in told.splitlines()[1:]] == [
        ["@champion", "none", "2"],
        ["@champion", "2", "none"],
        ["@champion", "1", "2"],
        ["@champion", "2", "1"],
        ["@champion", "1", "2"],
        ["@champion", "none", "1"],
    ]
    assert "rollback: worse" in told
    moves = json.loads(cli("models", "history", "churn", "--alias", "champion", "--json").out)
    assert [one["how"] for one in moves] == ["rollback", None, "undo", "rollback", None, None]


def test_aliases_as_of_a_day_and_a_time(cli: Cli, two: Project) -> None:
    two.models.set_alias("churn", "champion", 1, reason="first")
    today = f"{datetime.now():%Y-%m-%d}"  # noqa: DTZ005  as it is shown
    assert re.search(r"churn@champion +1 ", cli("models", "as-of", today).out)
    assert json.loads(cli("models", "as-of", today, "churn", "--json").out)[0]["version"] == 1
    done = cli("models", "as-of", "2020-01-01T10:00", "churn")
    assert (done.code, done.out) == (0, "No alias pointed to anything then.\n")
    assert cli("models", "history", "churn").out.startswith("alias ")


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("alias", "set", "churn", "champion", 2, "--expect", 2), 4, "Nothing was moved."),
        (("alias", "set", "churn", "champion", "x"), 2, "'x' is not a valid integer"),
        (("alias", "set", "churn", "champion", 7), 3, "has no version 7"),
        (("alias", "rm", "churn", "nope"), 3, "has no alias 'nope'"),
        (("rollback", "churn"), 4, "pointed to nothing before version 1"),
        (("rollback", "churn", "--undo"), 4, "No rollback of churn@champion"),
        (("rollback", "chrun"), 3, "Did you mean 'churn'?"),
        (("history", "churn", "--alias", "x"), 3, "never had an alias 'x'"),
        (("as-of", "yesterday"), 2, "'yesterday' does not match the formats"),
    ],
)
def test_wrong_moves_say_why_and_move_nothing(
    cli: Cli, two: Project, words: tuple[object, ...], code: int, text: str
) -> None:
    two.models.set_alias("churn", "champion", 1)
    done = cli("models", *words)
    assert (done.code, done.out) == (code, "")
    assert text in done.err
    assert len(two.models.history("churn")) == 1


def test_a_plan_is_made_switched_and_explained(cli: Cli, registered: Project) -> None:
    answered = "churn/1 is answered by a plan, bit for bit.\n"
    assert cli("models", "lower", "churn/1").out == answered
    off = cli("models", "lower", "churn/1", "--off", "--reason", "a doubt")
    undo = "`lite-mlops models lower churn/1 --on` undoes it"
    assert off.out == f"churn/1 is answered by the model itself (switched off; {undo}).\n"
    again = cli("models", "lower", "churn/1", "--off")
    assert (again.code, again.out) == (4, "")
    assert again.err == "Error: The plan of churn/1 is switched off already.\n"
    shown = json.loads(cli("models", "show", "churn/1", "--json").out)["plan"]
    assert (shown["used"], shown["switched_off"], shown["exact"]) == (False, True, "bits")
    assert cli("models", "lower", "churn/1", "--on").out == answered
    parts = json.loads(cli("models", "lower", "churn/1", "--why", "--json").out)
    assert parts == [{"where": "LogisticRegression", "why": None}]
    wrong = cli("models", "lower", "churn/1", "--why", "--on")
    assert (wrong.code, "exclude each other" in wrong.err) == (2, True)
