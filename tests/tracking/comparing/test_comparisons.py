"""Runs side by side: what differs between them, and verdicts where they are on the same rows."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lite_mlops
from lite_mlops import verbs
from lite_mlops.errors import Damaged, Invalid, NotFound
from lite_mlops.project import Project
from lite_mlops.tracking.comparing import Comparison
from lite_mlops.tracking.comparing.comparisons import side_by_side
from lite_mlops.tracking.comparing.values import (
    BETTER,
    SECTIONS,
    WORSE,
    MetricSideBySide,
    SideBySide,
)

LABELS = np.tile([0, 1], 200)


def answers(wrong: int) -> Any:
    """Answers of which so many are wrong."""
    return np.where(np.arange(len(LABELS)) < wrong, 1 - LABELS, LABELS)


def logged(project: Project, name: str, wrong: int = 0, **params: object) -> str:
    with project.start_run(name, params=params) as run:
        run.log_metric("accuracy", 1 - wrong / len(LABELS))
        run.log_evaluation(LABELS, answers(wrong))
    return run.id


def differing(comparison: Comparison) -> dict[str, dict[str, tuple[Any, ...]]]:
    found = comparison.differing()
    return {
        name: {row.name: row.values for row in rows}
        for name in ("metrics", *SECTIONS)
        if (rows := getattr(found, name))
    }


# -- side by side --------------------------------------------------------------------------------


def test_what_differs_stands_side_by_side(project: Project) -> None:
    with project.start_run("a", params={"depth": 3, "seed": 1}, tags={"team": "x"}) as run:
        run.log_metrics({"auc": 0.5, "same": 1.0, "only a": 2.0})
        project.log_dataset(np.eye(3), "rows")
    with project.start_run("b", params={"depth": 4, "seed": 1, "lr": 0.1}) as run:
        run.log_metrics({"auc": 0.75, "same": 1.0})
        project.log_dataset(np.eye(4), "rows")
        project.log_dataset(np.eye(2), "rows", role="test")
    found = project.compare("a", "b")
    different = differing(found)
    data = different.pop("data")
    assert different == {
        "metrics": {"auc": (0.5, 0.75), "only a": (2.0, None)},
        "params": {"depth": ("3", "4"), "lr": (None, "0.1")},
        "tags": {"team": ("x", None)},
    }
    assert [re.sub(r" [0-9a-f]{12} ", " ", text) for text in data["training"]] == [
        "rows 3x3",
        "rows 4x4",
    ]
    assert data["test"][0] is None
    assert {row.name for row in found.params} == {"depth", "seed", "lr"}
    assert found.metrics[0].differences == (0.25,)


def test_runs_are_named_as_everywhere(project: Project) -> None:
    ids = [logged(project, name) for name in ("a", "b", "c")]
    found = project.compare(ids[0], "b", ids[2][-6:])
    assert [run.id for run in found.runs] == ids
    assert found.labels == ("a", "b", "c")


def test_runs_of_one_name_are_told_apart(project: Project) -> None:
    ids = [logged(project, "same") for _ in range(2)]
    assert project.compare(*ids).labels == tuple(f"same {run[-6:]}" for run in ids)


def test_the_code_is_compared(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=ann", "-c", "user.email=ann@example.org")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=work, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    work = tmp_path / "work"
    script = work / "train.py"
    git("init", "-q", "-b", "main")
    script.write_text("1\n")
    git("add", "train.py")
    git("commit", "-q", "-m", "first")
    project = Project(work, capture_environment=False)
    for name, text in (("a", "1\n"), ("b", "2\n"), ("c", "3\n")):
        script.write_text(text)
        project._starter._capture_code._known.clear()  # as if seconds had gone by
        project.start_run(name, argv=[str(script)]).end()
    rows = {row.name: row for row in project.compare("a", "b", "c").code}
    project.close()
    assert rows["git commit"].values == (git("rev-parse", "HEAD"),) * 3
    assert rows["git branch"].values == ("main",) * 3
    clean, two, three = rows["uncommitted changes"].values
    assert clean == "none"
    assert two is not None
    assert re.fullmatch("[0-9a-f]{12}", two)
    assert three not in (None, two)


def test_the_environment_and_the_packages_are_compared(project: Project) -> None:
    for name, text in (("a", "numpy==2.1\nrich==14\n# own\n"), ("b", "numpy==2.2\nduckdb==2\n")):
        with project.start_run(name) as run:
            run.log_text(text, "source/requirements.txt")
    found = project.compare("a", "b")
    assert {row.name: row.values for row in found.packages} == {
        "duckdb": (None, "2"),
        "numpy": ("2.1", "2.2"),
        "rich": ("14", None),
    }
    assert found.environment == ()


def test_what_is_recorded_of_the_environment_is_there(tmp_path: Path) -> None:
    project = Project(tmp_path / "work", capture_code=False)
    for name in ("a", "b"):
        project.start_run(name).end()
    found = project.compare("a", "b")
    project.close()
    names = {row.name for row in found.environment}
    assert {"python", "system", "machine", "cpus"} <= names
    assert "pid" not in names
    assert "numpy" in {row.name for row in found.packages}
    assert found.differing().environment == found.differing().packages == ()


def test_values_are_aligned_by_name() -> None:
    rows = side_by_side([{"b": "1", "a": None}, {"a": None, "c": "2", "b": "1"}])
    assert rows == (SideBySide("b", ("1", "1")), SideBySide("c", (None, "2")))
    ordered = side_by_side([{"b": "1"}, {"a": "2"}], ordered=True)
    assert [row.name for row in ordered] == ["b", "a"]


def test_nan_is_like_nan() -> None:
    nan = float("nan")
    assert not MetricSideBySide("loss", (nan, nan)).differs
    row = MetricSideBySide("loss", (nan, 1.0, None))
    assert row.differs
    assert row.to_dict()["values"] == ["NaN", 1.0, None]
    assert row.to_dict()["differences"] == ["NaN", None]


# -- verdicts ------------------------------------------------------------------------------------


def test_an_evaluation_on_the_same_rows_gives_verdicts(project: Project) -> None:
    bad, good = logged(project, "bad", 80), logged(project, "good", 20)
    (pair,) = project.compare("bad", "good").evaluations
    assert (pair.name, pair.first, pair.second, pair.reason) == ("test", bad, good, None)
    accuracy = pair.verdicts[0]
    assert (accuracy.first, accuracy.second) == (0.8, 0.95)
    assert accuracy.word == BETTER
    assert accuracy.rows_that_differ == 60


def test_exchanged_runs_mirror_each_other(project: Project) -> None:
    logged(project, "bad", 80, depth=1)
    logged(project, "good", 20, depth=2)
    there, back = project.compare("bad", "good"), project.compare("good", "bad")
    for one, other in zip(there.evaluations[0].verdicts, back.evaluations[0].verdicts, strict=True):
        assert (one.low, one.high) == (-other.high, -other.low)
        assert (one.word, other.word) == (BETTER, WORSE)
    assert differing(back) == {
        section: {name: values[::-1] for name, values in rows.items()}
        for section, rows in differing(there).items()
    }


def test_several_runs_are_judged_against_the_first(project: Project) -> None:
    first, *others = (
        logged(project, name, wrong) for name, wrong in zip("abc", (60, 20, 100), strict=True)
    )
    pairs = project.compare("a", "b", "c").evaluations
    assert [(pair.first, pair.second) for pair in pairs] == [(first, run) for run in others]
    assert [pair.verdicts[0].word for pair in pairs] == [BETTER, WORSE]


def test_only_evaluations_that_both_have_are_judged(project: Project) -> None:
    with project.start_run("a") as run:
        run.log_evaluation(LABELS, LABELS)
        run.log_evaluation(LABELS, LABELS, name="validation")
        run.log_text("no evaluation", "evaluations/notes.txt")
    with project.start_run("b") as run:
        run.log_evaluation(LABELS, LABELS, name="validation")
        run.log_text("no evaluation", "evaluations/notes.txt")
    assert [pair.name for pair in project.compare("a", "b").evaluations] == ["validation"]


def test_other_rows_give_a_reason_instead(project: Project) -> None:
    with project.start_run("a") as run:
        run.log_evaluation([0, 1], [0, 1])
    with project.start_run("b") as run:
        run.log_evaluation([0, 1, 1], [0, 1, 1])
    (pair,) = project.compare("a", "b").evaluations
    assert (pair.verdicts, pair.reason) == ((), "they are on 2 and 3 rows.")


def test_rows_in_another_order_are_aligned_by_ids(project: Project) -> None:
    order = np.random.default_rng(0).permutation(len(LABELS))
    ids = np.array([f"row {number}" for number in range(len(LABELS))])
    scores = np.linspace(0, 1, len(LABELS))
    with project.start_run("a") as run:
        run.log_evaluation(LABELS, answers(80), y_score=scores, ids=ids)
    with project.start_run("b") as run:
        run.log_evaluation(LABELS[order], answers(80)[order], y_score=scores[order], ids=ids[order])
    (pair,) = project.compare("a", "b").evaluations
    assert [verdict.metric for verdict in pair.verdicts][-1] == "ROC AUC"
    assert {verdict.rows_that_differ for verdict in pair.verdicts} == {0}


def test_a_file_that_is_no_evaluation_gives_a_reason(project: Project) -> None:
    logged(project, "a")
    with project.start_run("b") as run:
        run.log_text("something else", "evaluations/test.npz")
    (pair,) = project.compare("a", "b").evaluations
    assert pair.reason == (
        f"evaluations/test.npz of run {run.id} cannot be used: it is no file of columns as "
        "log_evaluation writes it."
    )


# -- refusals ------------------------------------------------------------------------------------


def test_a_run_is_not_compared_with_itself_or_with_nothing(project: Project) -> None:
    run = logged(project, "a")
    with pytest.raises(Invalid) as error:
        project.compare("a", run)
    assert str(error.value) == f"run {run} (a) is compared with itself; name others."
    with pytest.raises(Invalid, match=r"^a comparison needs two runs at least; there is only 'a'"):
        project.compare("a")
    with pytest.raises(NotFound, match=r"^There is no run 'x'\."):
        project.compare("a", "x")
    with pytest.raises(Invalid, match=r"^a run is named by a text; 3 is a int\."):
        project.compare("a", 3)  # type: ignore[arg-type]


def test_a_lost_file_is_told(project: Project) -> None:
    run = logged(project, "a")
    logged(project, "b", 10)
    (artifact,) = project.runs.get(run).artifacts
    project.store.objects.path(artifact.sha256).unlink()
    with pytest.raises(Damaged, match=rf"artifact 'evaluations/test.npz' of run {run}"):
        project.compare("a", "b")


def test_there_is_no_project_yet(project: Project) -> None:
    with pytest.raises(NotFound, match=r"^There is no project in "):
        project.compare("a", "b")


# -- the value -----------------------------------------------------------------------------------


def test_a_comparison_is_json(project: Project) -> None:
    logged(project, "a", 80, depth=1)
    logged(project, "b", 20, depth=2)
    told = project.compare("a", "b").to_dict()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert [run["name"] for run in told["runs"]] == ["a", "b"]
    assert told["params"] == [{"name": "depth", "differs": True, "values": ["1", "2"]}]
    assert told["evaluations"][0]["verdicts"][0]["word"] == BETTER


def test_a_comparison_says_what_it_found(project: Project) -> None:
    logged(project, "a", 80, depth=1)
    logged(project, "b", 20, depth=2)
    first, second, *_ = repr(project.compare("a", "b")).splitlines()
    assert first == (
        "<Comparison of 'a' and 'b'; different: 1 metrics, 1 params, 0 tags, 0 data, 0 code, "
        "0 environment, 0 packages>"
    )
    assert second.startswith("  b on 'test': better: accuracy 0.95 against 0.8, +0.15 (95%")


def test_a_comparison_without_verdict_says_why(project: Project) -> None:
    with project.start_run("a") as run:
        run.log_evaluation([0, 1], [0, 1])
    logged(project, "b")
    assert repr(project.compare("a", "b")).endswith(
        "b on 'test': no verdict: they are on 2 and 400 rows."
    )


def test_a_notebook_shows_it_escaped(project: Project) -> None:
    logged(project, "<i>a", 80, note="<script>x</script>")
    logged(project, "b", 20, note="y")
    shown = project.compare("<i>a", "b")._repr_html_()
    assert "&lt;script&gt;x&lt;/script&gt;" in shown
    assert "&lt;i&gt;a" in shown
    assert "<script" not in shown
    assert "<i>" not in shown


def test_a_notebook_shows_that_nothing_differs(project: Project) -> None:
    for name in ("a", "b"):
        project.start_run(name, params={"depth": 1}).end()
    assert "No differences" in project.compare("a", "b")._repr_html_()


def test_the_module_has_the_same_verbs(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs._Current, "project", project)
    for name, wrong in (("a", 80), ("b", 20)):
        with lite_mlops.start_run(name):
            lite_mlops.log_evaluation(LABELS, answers(wrong), name="held out")
    found = lite_mlops.compare("a", "b")
    assert isinstance(found, lite_mlops.Comparison)
    assert [pair.name for pair in found.evaluations] == ["held out"]
