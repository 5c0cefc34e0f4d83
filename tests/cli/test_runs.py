"""`lite-mlops runs`: list, show, tag, note, put away and bring back."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from lite_mlops.project import Project
from tests.cli.conftest import Cli, logged

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]


# -- ls -----------------------------------------------------------------------------------------


def test_runs_are_listed_newest_first(cli: Cli, project: Project) -> None:
    ids = [logged(project, f"run-{number}") for number in range(3)]
    done = cli("runs", "ls")
    said, header, *rows = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert said == "experiment churn"  # said once is enough
    assert header.split() == ["id", "name", "status", "started", "metrics"]
    assert [row.split()[:3] for row in rows] == [
        [ids[number], f"run-{number}", "finished"] for number in (2, 1, 0)
    ]
    assert all(row.rstrip().endswith("auc=0.91  loss=0.25") for row in rows)


def test_runs_of_several_experiments_are_told_apart(cli: Cli, project: Project) -> None:
    logged(project, experiment="one")
    logged(project, experiment="two")
    header, *rows = cli("runs", "ls").out.splitlines()
    assert header.split() == ["id", "name", "experiment", "status", "started", "metrics"]
    assert [row.split()[2] for row in rows] == ["two", "one"]


def test_system_metrics_and_what_is_too_much_are_left_out_of_the_list(
    cli: Cli, project: Project
) -> None:
    with project.start_run() as run:
        run.log_metrics({"system/cpu": 9.0, **{f"m{number}": number for number in range(5)}})
    assert cli("runs", "ls").out.rstrip().endswith("m0=0  m1=1  m2=2  ...")


CHOSEN = {
    ("-e", "one"): ["d", "a"],
    ("-e", "first"): ["d", "a"],  # its former name
    ("-s", "failed"): ["c"],
    ("-s", "failed", "-e", "one"): [],
    ("-n", "2"): ["d", "c"],
    ("-n", "2", "--skip", "1"): ["c", "b"],
    ("-n", "0"): [],
    ("--skip", "9"): [],
    ("--deleted",): ["e"],
}


def test_runs_are_chosen(cli: Cli, project: Project) -> None:
    logged(project, "e", "two")
    project.runs.delete("e")
    logged(project, "a", "first")
    project.experiments.rename("first", "one")
    logged(project, "b", "two")
    with pytest.raises(ZeroDivisionError), project.start_run("c", experiment="two"):
        raise ZeroDivisionError
    logged(project, "d", "one")
    for options, names in CHOSEN.items():
        found = json.loads(cli("runs", "ls", *options, "--json").out)
        assert [run["name"] for run in found] == names, options
    assert cli("runs", "ls", "-n", "0").out == "No runs.\n"


def test_csv_has_a_row_a_run_with_the_latest_of_each_metric(cli: Cli, project: Project) -> None:
    with project.start_run("a", params={"depth": 3}, tags={"stage": "draft"}) as run:
        for step in range(3):
            run.log_metric("loss", 1.0 / (step + 1), step=step)
    logged(project, "b")
    newer, older = csv.DictReader(io.StringIO(cli("runs", "ls", "--csv").out))
    assert (newer["name"], newer["metrics.auc"], newer["params.depth"]) == ("b", "0.91", "3")
    assert (older["name"], older["tags.stage"]) == ("a", "draft")
    assert float(older["metrics.loss"]) == 1 / 3
    assert older["metrics.auc"] == ""


# -- search -------------------------------------------------------------------------------------


@pytest.fixture
def three(project: Project) -> dict[str, str]:
    """Ids of three runs by name, the first one without a metric."""
    found = {}
    for name, depth in (("a", None), ("b", 10), ("c", 9)):
        with project.start_run(name, experiment="churn") as run:
            if depth:
                run.log_params({"depth": depth})
                run.log_metrics({"auc": depth / 20, "loss": 1.0})
        found[name] = run.id
    return found


def test_a_filter_and_an_order_show_what_they_ask_for(cli: Cli, three: dict[str, str]) -> None:
    done = cli(
        "runs", "ls", "--filter", "name != 'x'", "-o", "metrics.auc DESC", "-o", "params.depth"
    )
    said, header, *rows = done.out.splitlines()
    assert (done.code, done.err, said) == (0, "", "experiment churn")
    assert header.split() == ["id", "name", "status", "started", "metrics.auc", "params.depth"]
    assert [row.split()[1] for row in rows] == ["b", "c", "a"]
    assert [row.split()[4:] for row in rows] == [["0.5", "10"], ["0.45", "9"], []]


def test_a_name_that_looks_like_markup_is_shown_as_it_is(cli: Cli, project: Project) -> None:
    with project.start_run("a") as run:
        run.log_metric("[bold]x[/bold]", 1.0)
    header = cli("runs", "ls", "-o", "metrics.`[bold]x[/bold]`").out.splitlines()[1]
    assert header.split()[-1] == "metrics.[bold]x[/bold]"


def test_lists_go_on_by_their_token(cli: Cli, three: dict[str, str]) -> None:
    asked = ("runs", "ls", "-o", "name", "--limit", "2", "--json")
    first = cli(*asked)
    told, token = first.err.split("--page-token ")
    assert (first.code, told) == (0, "There are more: ")
    second = cli(*asked, "--page-token", token.strip())
    assert second.err == ""
    found = json.loads(first.out) + json.loads(second.out)
    assert [run["name"] for run in found] == ["a", "b", "c"]


def test_a_search_goes_with_experiment_deleted_and_csv(
    cli: Cli, project: Project, three: dict[str, str]
) -> None:
    logged(project, "other", "two")
    project.runs.delete(three["b"])
    done = cli("runs", "ls", "-f", "metrics.auc > 0", "-e", "churn", "--csv")
    assert [row["name"] for row in csv.DictReader(io.StringIO(done.out))] == ["c"]
    done = cli("runs", "ls", "-f", "metrics.auc > 0", "--deleted", "--csv")
    assert [row["name"] for row in csv.DictReader(io.StringIO(done.out))] == ["b"]
    assert cli("runs", "ls", "-f", "metrics.auc > 2").out == "No runs.\n"


def test_a_wrong_filter_is_shown_with_the_place(cli: Cli, three: dict[str, str]) -> None:
    done = cli("runs", "ls", "--filter", "metrics.auc > 0.5 AND statsu = 'failed'")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "Error: A run has no attribute 'statsu'. Did you mean 'status'?\n"
        "  metrics.auc > 0.5 AND statsu = 'failed'\n"
        "                        ^^^^^^\n"
    )


WRONG = {
    ("-s", "failed"): "Write the status into the filter: status = 'failed'.",
    ("--skip", "1"): "--skip counts from the newest run; use --page-token instead.",
    ("--limit", "0"): "max_results is 1 to 50,000; it is 0.",
    ("--page-token", "x"): "page_token 'x' was not given for this filter",
}


def test_what_does_not_go_with_a_search_is_refused(cli: Cli, three: dict[str, str]) -> None:
    for options, message in WRONG.items():
        done = cli("runs", "ls", "-f", "metrics.auc > 0", *options)
        assert (done.code, done.out) == (2, "")
        assert message in done.err


# -- show ---------------------------------------------------------------------------------------


def test_everything_of_a_run_is_shown(cli: Cli, project: Project) -> None:
    parent = logged(project, "parent")
    with project.start_run("child", experiment="churn", params={"depth": 3}, note="warm") as run:
        run.set_tag("stage", "draft")
        for step in range(4):
            run.log_metric("loss", 1 - step / 8, step=step)
        run.log_text("hello", "notes/a.txt")
    done = cli("runs", "show", run.id)
    told = re.sub(r" +$", "", done.out, flags=re.MULTILINE)
    assert (done.code, done.err) == (0, "")
    assert told.startswith(
        f"run         {run.id}  child\nexperiment  churn\nstatus      finished\n"
    )
    assert "\nnote        warm\n" in told
    assert "\nparams\ndepth  3\n" in told
    assert "\ntags\nstage  draft\n" in told
    assert (
        "\nname  latest  step  lowest  highest  points\nloss   0.625     3   0.625        1" in told
    )
    assert "\npath         bytes  type\nnotes/a.txt      5  text/plain\n" in told
    assert "parent" not in told
    assert parent not in told


def test_a_run_answers_to_its_name_and_to_the_ends_of_its_id(cli: Cli, project: Project) -> None:
    run = logged(project)
    for word in (run, run[:10], run[-6:], "baseline"):
        assert json.loads(cli("runs", "show", word, "--json").out)["id"] == run


def test_json_of_a_run_is_what_the_library_returns(cli: Cli, project: Project) -> None:
    run = logged(project)
    told = json.loads(cli("runs", "show", run, "--json").out)
    assert told == project.runs.get(run).to_dict()


def test_numbers_that_json_has_not_are_words(cli: Cli, project: Project) -> None:
    with project.start_run("a") as run:
        run.log_metrics({"nan": float("nan"), "inf": float("-inf")})
    metrics = json.loads(cli("runs", "show", "a", "--json").out)["metrics"]
    assert metrics["nan"]["value"] == "NaN"
    assert metrics["inf"]["value"] == "-Infinity"


def test_a_deleted_run_says_so(cli: Cli, project: Project) -> None:
    project.runs.delete(logged(project))
    assert "finished (deleted)" in cli("runs", "show", "baseline").out


# -- tag, note ----------------------------------------------------------------------------------


def test_tags_are_set_and_taken_away(cli: Cli, project: Project) -> None:
    run = logged(project)
    done = cli("runs", "tag", run, "stage=draft", "owner=ann=bob")
    assert (done.code, done.out) == (0, f"Set 2 tags of run {run}.\n")
    assert project.runs.get(run).tags == {"stage": "draft", "owner": "ann=bob"}
    assert cli("runs", "tag", run, "stage=").out == f"Set 1 tag of run {run}.\n"
    assert project.runs.get(run).tags == {"owner": "ann=bob"}


def test_the_note_is_set(cli: Cli, project: Project) -> None:
    run = logged(project)
    done = cli("runs", "note", run, "the one in the paper")
    assert (done.code, done.out) == (0, f"Set the note of run {run}.\n")
    assert project.runs.get(run).note == "the one in the paper"


# -- rm, restore, purge -------------------------------------------------------------------------


def test_runs_are_put_away_and_brought_back_with_a_reason(cli: Cli, project: Project) -> None:
    one, two = logged(project, "one"), logged(project, "two")
    done = cli("runs", "rm", "one", two, "--reason", "wrong data")
    assert (done.code, done.out) == (0, f"Deleted run {one}.\nDeleted run {two}.\n")
    assert project.runs.page() == []
    done = cli("runs", "restore", "one", "--reason", "right after all")
    assert (done.code, done.out) == (0, f"Restored run {one}.\n")
    assert [run.id for run in project.runs.page()] == [one]
    told = project.sql("SELECT kind, actor, record->>'reason' FROM decisions ORDER BY number")
    assert told.rows == (
        ("run_deleted", "ann", "wrong data"),
        ("run_deleted", "ann", "wrong data"),
        ("run_restored", "ann", "right after all"),
    )


@pytest.mark.parametrize(("options", "answer"), [(["-y"], ""), ([], "y\n")])
def test_a_purge_leaves_no_byte(
    cli: Cli, project: Project, options: list[str], answer: str
) -> None:
    run = logged(project, "gone", depth="a-telling-value")
    project.runs.delete(run)
    project.close()
    done = cli("runs", "purge", run, *options, answer=answer)
    assert done.code == 0
    assert done.out.endswith(f"Purged {run}. `lite-mlops gc` frees their files.\n")
    for path in project.folder.rglob("*"):
        assert not path.is_file() or b"a-telling-value" not in path.read_bytes(), path


def test_a_purge_that_is_not_wanted_changes_nothing(
    cli: Cli, project: Project, tables: Tables
) -> None:
    run = logged(project)
    project.runs.delete(run)
    before = tables()
    for answer in ("n\n", "\n", ""):
        done = cli("runs", "purge", run, answer=answer)
        assert done.code == 130
        assert done.out.startswith("Remove 1 runs for good? [y/N]: ")
    assert tables() == before


# -- wrong calls --------------------------------------------------------------------------------

NEAR = "There is no run 'basline'. Did you mean 'baseline'?"
REFUSED = {
    ("ls", "-e", "chrun"): (3, "There is no experiment 'chrun'. Did you mean 'churn'?"),
    ("ls", "-n", "-1"): (2, "count and skip are not negative; they are -1 and 0."),
    ("ls", "--skip", "-1"): (2, "count and skip are not negative; they are 20 and -1."),
    ("show", "basline"): (3, NEAR),
    ("show", ""): (3, "There is no run ''."),
    ("show", "\x1b[31m"): (3, r"There is no run '\x1b[31m'."),
    ("show", "twice"): (2, "'twice' names 2 runs: {twice}. Use more of the id."),
    ("tag", "basline", "a=1"): (3, NEAR),
    ("tag", "baseline", "a"): (2, "'a' is not KEY=VALUE."),
    ("tag", "baseline", "=1"): (2, "tag name is empty."),
    ("tag", "baseline", "a=1", "b"): (2, "'b' is not KEY=VALUE."),
    ("tag", "baseline"): (2, "Missing argument 'KEY=VALUE...'."),
    ("note", "basline", "x"): (3, NEAR),
    ("note", "baseline", "x" * 100_001): (
        2,
        (
            "the note is too long: 100,001 characters, at most 100,000 are kept. Log long texts as "
            "an artifact: log_text(text, 'name.txt')."
        ),
    ),
    ("rm", "basline"): (3, NEAR),
    ("rm", "away"): (4, "Run {away} is deleted already; `runs restore` brings it back."),
    ("rm", "going"): (4, "Run {going} is going on; end it before it is deleted."),
    ("restore", "basline"): (3, NEAR),
    ("restore", "baseline"): (4, "Run {baseline} is not deleted."),
    ("purge", "-y", "basline"): (3, NEAR),
    ("purge", "-y", "baseline"): (
        4,
        "Run {baseline} is not deleted; only deleted runs are purged.",
    ),
}
REFUSED_LATER = {
    ("tag", "baseline", "a=1", "=1"): (2, "tag name is empty."),
    ("rm", "baseline", "basline"): (3, NEAR),
    ("rm", "baseline", "away"): (
        4,
        "Run {away} is deleted already; `runs restore` brings it back.",
    ),
    ("restore", "away", "basline"): (3, NEAR),
    ("purge", "-y", "away", "basline"): (3, NEAR),
}


@pytest.fixture
def known(project: Project) -> dict[str, str]:
    """The ids of runs of every kind by their names."""
    twice = [logged(project, "twice") for _ in range(2)]
    ids = {name: logged(project, name) for name in ("baseline", "away")}
    project.runs.delete("away")
    ids["twice"] = ", ".join(f"{run} (twice)" for run in reversed(twice))
    return ids | {"going": project.start_run("going").id}


def test_a_wrong_call_says_why_and_changes_nothing(
    cli: Cli, tables: Tables, known: dict[str, str]
) -> None:
    before = tables()
    for line, (code, text) in REFUSED.items():
        done = cli("runs", *line)
        assert (done.code, done.out) == (code, ""), line
        assert done.err.endswith(f"Error: {text.format_map(known)}\n"), line
        assert tables() == before, line


@pytest.mark.parametrize("line", REFUSED_LATER, ids=" ".join)
def test_of_several_wishes_all_are_done_or_none(
    cli: Cli, tables: Tables, known: dict[str, str], line: tuple[str, ...]
) -> None:
    before = tables()
    code, text = REFUSED_LATER[line]
    done = cli("runs", *line)
    assert (done.code, done.err) == (code, f"Error: {text.format_map(known)}\n")
    assert tables() == before
    assert done.out == ""
