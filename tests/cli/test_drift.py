"""`lite-mlops drift`: the verdict on each feature, in words and for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lite_mlops.project import Project
from tests.cli.conftest import Cli, trained

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def asked(project: Project) -> Project:
    """A project whose model was asked of people who are much older than in its training."""
    trained(project)
    rows = np.random.default_rng(2).normal(size=(100, 2)) + np.array([3.0, 0.0])
    project.endpoint("churn").predict(rows.tolist())
    project.store.background.wait()  # commands read through a store of their own
    return project


def test_the_verdicts_are_a_table_the_most_severe_first(cli: Cli, asked: Project) -> None:
    done = cli("drift", "churn")
    header, first, second, *notes, said = done.out.splitlines()
    age, visits = asked.monitoring.drift("churn")
    assert (done.code, done.err) == (4, "")
    assert header.split() == "column verdict score adjusted p effect importance why".split()
    figures = [f"{age.score:.3f}", f"{age.adjusted_p:.2g}", f"{age.effect:.1f}"]
    figures.append(f"{age.importance:.2f}")
    assert first.split(maxsplit=6) == ["age", "drifted", *figures, "; ".join(age.reasons)]
    figures = [f"{visits.score:.3f}", f"{visits.adjusted_p:.2g}", f"{visits.effect:.1f}"]
    figures.append(f"{visits.importance:.2f}")
    assert second.split() == ["visits", "stable", *figures]
    assert said == "1 of 2 columns has drifted."
    assert [note.partition(":")[0] for note in notes] == [
        "So few rows can hardly show a shift below 0.54 standard deviations.",
        "Its answers are not compared",
        "All columns together are compared where rows of both sides are kept",
    ]


def test_programs_get_the_figures_whole(cli: Cli, asked: Project) -> None:
    report = asked.monitoring.drift("churn")
    done = cli("drift", "churn/1", "--json")
    assert (done.code, json.loads(done.out)) == (4, report.to_dict())
    assert report.to_dict()["columns"][0]["reasons"] == list(report["age"].reasons)
    rows = list(csv.DictReader(io.StringIO(cli("drift", "churn/1", "--csv").out)))
    assert [(row["column"], row["severity"], row["drifted"]) for row in rows] == [
        ("age", "alert", "True"),
        ("visits", "none", "False"),
    ]


def test_without_predictions_nothing_can_be_judged(cli: Cli, project: Project) -> None:
    trained(project)
    done = cli("drift", "churn", "--json")
    told = json.loads(done.out)
    assert (done.code, told["drifted"], told["current_rows"]) == (0, False, 0)
    assert {one["severity"] for one in told["columns"]} == {"unknown"}
    said = cli("drift", "churn").out.splitlines()[-1]
    assert said == "0 of 2 columns have drifted, 2 cannot be judged."


def test_windows_and_references_are_chosen(cli: Cli, asked: Project) -> None:
    done = cli("drift", "churn", "--last", "60", "--reference-window", "first 60", "--json")
    told = json.loads(done.out)
    assert (told["reference"], told["reference_rows"], told["current_rows"]) == (
        "churn/1, first 60",
        60,
        60,
    )
    assert told["notes"][0] == "The window and its reference have predictions in common."
    assert [one["column"] for one in told["answers"]] != []
    done = cli("drift", "churn", "--since", "2031-01-01", "--json")
    assert (done.code, json.loads(done.out)["current_rows"]) == (0, 0)
    for line, code, text in (
        (["--reference-window", "first"], 2, "Error: 'first' is no window of predictions; write "),
        (["--last", "x"], 2, "Error: The last 'x' cannot be looked at: expected rows, or a time"),
        (["--reference", "nobody"], 3, "Error: There is no dataset 'nobody'."),
        (["b.csv", "--last", "5"], 2, "Error: --last is for a model; two tables have no windows."),
    ):
        done = cli("drift", "churn", *line)
        assert (done.code, done.out) == (code, "")
        assert text in done.err


# -- two tables ---------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """CSV files: a reference, one like it, and one whose people are older and new in town."""
    chance = np.random.default_rng(5)
    paths = {}
    for name, shift in (("reference", 0), ("like", 0), ("other", 9)):
        ages = chance.normal(40 + shift, 9, 400).round(1).tolist()
        towns = chance.choice(["Bern", "Chur"], 400).tolist()
        towns[: 20 * bool(shift)] = ["Visp"] * 20 * bool(shift)
        path = tmp_path / f"{name}.csv"
        lines = [f"{age},{town}" for age, town in zip(ages, towns, strict=True)]
        path.write_text("\n".join(["age,town", *lines]) + "\n")
        paths[name] = str(path)
    return paths


def test_two_files_are_compared_without_a_project(
    cli: Cli, project: Project, files: dict[str, str]
) -> None:
    done = cli("drift", files["reference"], files["like"])
    assert (done.code, done.err) == (0, "")
    said = done.out.splitlines()[-1]
    assert said.startswith("0 of 2 columns have drifted. Together they have not (AUC 0.")
    done = cli("drift", files["reference"], files["other"])
    assert (done.code, done.err) == (4, "")
    header, *rows, said = done.out.splitlines()
    assert header.split() == "column verdict score adjusted p effect why".split()
    why = {row.split()[0]: row.split(maxsplit=5)[5] for row in rows}
    assert why["age"].startswith("median 39.4 -> 49.4 (KS 0.440, moved by 1.0")
    assert why["town"].startswith("not in the reference: 'Visp' in 5 % of the rows")
    assert said.startswith("2 of 2 columns have drifted. Together they have (AUC 0.")
    assert "carried by age 0." in said
    assert not project.exists


def test_versions_of_a_dataset_are_compared(
    cli: Cli, project: Project, files: dict[str, str]
) -> None:
    for name in ("reference", "other"):
        project.datasets.add(files[name], "people", snapshot=True)
    old, new = (one.reference for one in reversed(project.datasets.all("people")))
    for path in files.values():
        Path(path).unlink()  # what was kept is read
    found = json.loads(cli("drift", old, new, "--json").out)
    assert (found["reference"], found["current"]) == (old, new)
    assert {one["column"] for one in found["columns"] if one["drifted"]} == {"age", "town"}
    same = cli("drift", old, old, "--json")
    assert (same.code, json.loads(same.out)["drifted"]) == (0, False)


def test_a_wrong_call_says_why_and_changes_nothing(
    cli: Cli, asked: Project, tables: Tables
) -> None:
    model = asked.models.load("churn")
    asked.models.register(model, "bare", input_example={"age": 0.0, "visits": 0.0})
    before = tables()
    for line, code, text in (
        (["chrun"], 3, "There is no model 'chrun'. Did you mean 'churn'?"),
        (["churn@best"], 3, "The model 'churn' has no alias 'best'."),
        (["churn/2"], 3, "The model 'churn' has no version 2; its newest is 1."),
        (["chu rn"], 2, "'chu rn' does not name a model version; write 'churn@champion', "),
        (
            ["bare"],
            3,
            (
                "There is nothing to compare bare/1 with: its run logged no training data. Call "
                "log_dataset(data, name) in the run that trains."
            ),
        ),
        ([], 2, "Missing argument 'REFERENCE'."),
        (["nothing.csv", "churn@1"], 3, "There is no file nothing.csv."),
        (["nothing@latest", "nothing.csv"], 3, "There is no dataset 'nothing'."),
        (["churn", "--preset", "deaf"], 2, "Invalid value for '--preset': 'deaf' is not one of"),
    ):
        done = cli("drift", *line)
        assert (done.code, done.out) == (code, "")
        assert f"Error: {text}" in done.err
    assert tables() == before
