"""`lite-mlops feedback` and `performance`: what came of labels, and how good answers were."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest

from lite_mlops.project import Project
from tests.cli.conftest import RED, Cli, trained
from tests.monitoring.asked import asked


@pytest.fixture
def answered(project: Project) -> list[str]:
    """The ids of 600 answers of `churn`; of the last 300 most are wrong."""
    trained(project)
    p = np.random.default_rng(5).uniform(size=600)
    answers = np.where(p > 0.5, "yes", "no").tolist()
    days = np.concatenate([np.arange(300) / 300, 1 + np.arange(300) / 300])
    shares = np.column_stack([1 - p, p])
    ids = asked(
        project, answers, days=days, shares=shares, inputs=[[float(n % 4), 1.0] for n in range(600)]
    )
    project.store.fold()  # commands read through a store of their own
    return ids


def write(path: Path, ids: list[str], labels: list[str], header: str = "id,label") -> Path:
    lines = [header, *(f"{one},{label}" for one, label in zip(ids, labels, strict=True))]
    path.write_text("\n".join(lines))
    return path


def truth(project: Project) -> list[str]:
    """Labels of which 9 of 10 agree with the answers of the first day, and half of the second."""
    rows = project.sql("SELECT value FROM predictions ORDER BY ts", rows=1_000).rows
    other = {"yes": "no", "no": "yes"}
    wrong = [place % 10 == 0 if place < 300 else place % 2 == 0 for place in range(600)]
    return [other[value] if bad else value for (value,), bad in zip(rows, wrong, strict=True)]


def test_labels_of_a_file_are_recorded(
    cli: Cli, project: Project, answered: list[str], tmp_path: Path
) -> None:
    path = write(tmp_path / "labels.csv", [*answered[:3], f"{RED}gone"], ["yes", "no", "", "no"])
    done = cli("feedback", path)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "2 of 4 labels recorded.",
        r"No such prediction, left out: 1 row ('\x1b[31mgone').",
        "No label, left out: 1 row (row 2).",
    ]
    again = cli("feedback", path, "--json")
    told = json.loads(again.out)
    assert (told["recorded"], told["repeated"], told["unknown"]["count"]) == (2, 2, 1)
    refused = cli("feedback", path, "--strict")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        "Error: Nothing was recorded: 1 row of 4 has no label or names nothing (row 2).\n"
    )
    assert project.sql("SELECT count(*) FROM feedback").rows == ((2,),)


def test_labels_are_told_by_a_column_of_the_model(
    cli: Cli, project: Project, answered: list[str], tmp_path: Path
) -> None:
    path = write(tmp_path / "labels.csv", ["0", "1", "9"], ["yes", "no", "no"], "person,left")
    path.write_text(path.read_text().replace("person", "age"))
    options = ("--key", "age", "--model", "churn", "--label", "left")
    done = cli("feedback", path, *options)
    assert done.out.splitlines()[0] == "2 of 3 labels recorded."
    assert {one for (one,) in project.sql("SELECT prediction_id FROM feedback").rows} == {
        answered[596],
        answered[597],
    }
    every = json.loads(cli("feedback", path, *options, "--every", "--json").out)
    assert (every["recorded"], every["labels"]) == (2, 300)
    assert cli("feedback", path, *options, "--time", "when").code == 2
    assert cli("feedback", tmp_path / "gone.csv").code == 3
    assert cli("feedback", path, "--key", "age").code == 2


def test_what_fell_is_told_and_exits_with_4(
    cli: Cli, project: Project, answered: list[str], tmp_path: Path
) -> None:
    path = write(tmp_path / "labels.csv", answered, truth(project))
    assert cli("feedback", path).out == "600 of 600 labels recorded.\n"
    done = cli("performance", "churn/1")
    assert done.code == 4
    assert done.out.splitlines()[2] == (
        "ALERT: auc 0.701 (0.656 to 0.742), against 0.910 in the metrics of its run: worse by more "
        "than the tolerated 0.020."
    )
    assert "Labels came after" in done.out
    assert cli("performance", "churn/1", "--until", "2026-03-02").code == 0


def test_the_tables_of_performance_read_well(
    cli: Cli, project: Project, answered: list[str], tmp_path: Path
) -> None:
    model = project.models.load("churn")
    project.models.register(
        model,
        "late",
        metrics={"accuracy": 0.9},
        input_example={"age": 0.0, "visits": 0.0},
    )
    p = np.random.default_rng(6).uniform(size=600)
    ids = asked(
        project,
        np.where(p > 0.5, "yes", "no").tolist(),
        model="late",
        days=np.concatenate([np.arange(300) / 300, 1 + np.arange(200) / 300, 2 + np.arange(100)]),
        shares=np.column_stack([1 - p, p]),
        inputs=[[float(n % 4), 1.0] for n in range(600)],
    )
    project.store.fold()
    labels = np.where((p > 0.5) ^ (np.arange(600) % 10 == 0), "yes", "no")
    labels[300:500] = np.where((p > 0.5) ^ (np.arange(600) % 2 == 0), "yes", "no")[300:500]
    cli("feedback", write(tmp_path / "labels.csv", ids[:500], labels[:500].tolist()))
    done = cli("performance", "late", "--window", "1d", "--by", "age", "--until", "2026-03-06")
    assert (done.code, done.err) == (4, "")
    lines = [line.strip() for line in done.out.splitlines() if line.strip()]
    assert lines[0].startswith("late/1: 50")
    assert "since (UTC)" in lines[lines.index("Windows") + 1]
    first, second, third = lines[lines.index("Windows") + 2 : lines.index("By age")][:3]
    assert first.startswith("2026-03-02")
    assert "0.900 (0.861 to 0.929)" in first
    assert first.endswith("fine")
    assert second.startswith("2026-03-03")
    assert second.endswith("much worse")
    assert third.startswith("2026-03-04")
    assert "provisional: 0 % of the predictions have a label, 30 % are needed" in third
    assert [line.split()[0] for line in lines[lines.index("By age") + 2 :][:4]] == [*"0123"]
    assert any(line.startswith("ALERT: accuracy from 2026-03-03 on 0.500") for line in lines)
    whole = cli("performance", "late", "--json", "--until", "2026-03-03T00:00:00")
    told = json.loads(whole.out)
    assert told["fired"] is (whole.code == 4)
    rows = list(
        csv.DictReader(io.StringIO(cli("performance", "late", "--window", 250, "--csv").out))
    )
    assert [row["predictions"] for row in rows] == ["250", "250", "100"]


def test_without_predictions_it_says_so(cli: Cli, project: Project) -> None:
    trained(project)
    done = cli("performance", "churn")
    assert (done.code, done.out) == (
        0,
        "churn/1: no predictions were recorded.\nNone of 0 predictions has a label by now.\n",
    )
    assert cli("performance", "chrun").code == 3
    assert cli("performance", "churn", "--window", "soon").code == 2
    assert cli("performance", "churn", "--by", "nothing").code == 2
