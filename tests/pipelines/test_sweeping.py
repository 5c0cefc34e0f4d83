"""Sweeps: every trial is a run, the best is found, and one that was cut short goes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import joblib
import pytest

import lite_mlops as lm
from lite_mlops.errors import Conflict, Invalid
from lite_mlops.pipelines import Trial
from lite_mlops.project import Project
from tests.conftest import wait_until
from tests.pipelines.conftest import COMMAND, Place, Started, is_alive, pid_in


@pytest.fixture(autouse=True)
def _here(place: Place, project: Project) -> None:
    lm.use_project(project)


def bowl(x: float, y: int = 0) -> float:
    with open("log.txt", "a") as log:
        log.write(f"{x:g},{y}\n")
    return (x - 3) ** 2 + y


def test_a_grid_is_run_and_ranked(project: Project, place: Place) -> None:
    seen: list[tuple[Trial, int, int]] = []
    found = lm.sweep(
        bowl,
        {"x": "1..4", "y": [0, 1]},
        metric="loss",
        minimize=True,
        progress=lambda *told: seen.append(told),
    )
    assert found.best is not None
    assert (found.best.params, found.best.value) == ({"x": 3, "y": 0}, 0.0)
    assert [trial.value for trial in found.ranked] == [0, 1, 1, 1, 2, 2, 4, 5]
    assert [(done, total) for _, done, total in seen] == [(number, 8) for number in range(1, 9)]
    whole = project.runs.get(found.run_id)
    assert whole.name == "bowl"
    assert whole.metrics["best_loss"].value == 0
    assert whole.tags["best_run"] == found.best.run_id
    best = project.runs.get(found.best.run_id)
    assert (best.parent_id, best.status) == (found.run_id, "finished")
    assert (best.params, best.metrics["loss"].value) == ({"x": "3", "y": "0"}, 0)
    assert lm.active_run() is None
    assert len(place.logged()) == 8


def test_the_same_sweep_again_runs_nothing_and_more_trials_only_add(place: Place) -> None:
    space = {"x": "0..6.0", "y": ["a"]}

    def judged(x: float, y: str) -> dict[str, float]:
        assert y == "a"
        bowl(x)
        return {"score": -x, "other": 1}

    options = {"metric": "score", "name": "more"}
    first = lm.sweep(judged, space, trials=3, **options)
    assert len(place.logged()) == 3
    again = lm.sweep(judged, space, trials=3, **options)
    assert (again.trials, again.run_id, place.logged()) == (first.trials, first.run_id, [])
    more = lm.sweep(judged, space, trials=5, **options)
    assert (more.trials[:3], len(place.logged())) == (first.trials, 2)
    anew = lm.sweep(judged, space, trials=3, fresh=True, **options)
    assert anew.run_id != first.run_id
    assert len(place.logged()) == 3


def test_trials_that_fail_do_not_end_a_sweep(project: Project, place: Place) -> None:
    def odd(x: int) -> float:
        bowl(x)
        if x == 1:
            raise ValueError("not one")
        return float("nan") if x == 2 else x

    found = lm.sweep(odd, {"x": "1..4"}, metric="m")
    assert [trial.value for trial in found.trials] == [None, None, 3, 4]
    assert found.best is not None
    assert found.best.params == {"x": 4}
    problems = [project.runs.get(trial.run_id).tags["problem"] for trial in found.failed]
    assert problems == [
        "ValueError: not one",
        "Invalid: m is nan, by which nothing can be judged.",
    ]
    assert b"not one" in project.runs.read_artifact(found.failed[0].run_id, "error.txt")
    assert {trial.status for trial in found.failed} == {"failed"}
    place.logged()
    lm.sweep(odd, {"x": "1..4"}, metric="m")
    assert place.logged() == ["1,0", "2,0"]  # what failed is tried again


def test_what_is_logged_counts_where_nothing_is_returned() -> None:
    def logging(x: int) -> None:
        for step in range(3):
            lm.log_metric("auc", x * step, step=step)

    found = lm.sweep(logging, {"x": [1, 2]}, metric="auc")
    assert [trial.value for trial in found.trials] == [2, 4]
    silent = lm.sweep(lambda x: print(x), {"x": [1]}, metric="auc", name="silent")
    assert silent.best is None
    assert repr(silent) == f"<Sweep {silent.run_id}: 1 trials>"


def where(x: int) -> float:
    Path(f"pid-{x}").write_text(f"{os.getpid()}\n")
    while not Path(f"pid-{3 - x}").exists():  # until the other one runs as well
        pass
    return x


def test_trials_run_side_by_side_where_joblib_says(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = lm.sweep(where, {"x": [1, 2]}, jobs=2)
    pids = {place.read("pid-1"), place.read("pid-2")}
    assert len(pids | {f"{os.getpid()}\n"}) == 3
    assert [trial.value for trial in found.trials] == [1, 2]
    (place.folder / "pid-1").unlink()
    (place.folder / "pid-2").unlink()
    elsewhere = place.folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)  # the same worker processes go along
    lm.sweep(where, {"x": [1, 2]}, jobs=2, fresh=True)
    assert {(elsewhere / f"pid-{x}").read_text() for x in (1, 2)} == pids
    monkeypatch.chdir(place.folder)
    with joblib.parallel_config("threading", n_jobs=2):
        lm.sweep(where, {"x": [1, 2]}, fresh=True)
    assert place.read("pid-1") == place.read("pid-2") == f"{os.getpid()}\n"
    with pytest.raises(Invalid, match="joblib has no backend 'nowhere' here"):
        lm.sweep(where, {"x": [1, 2]}, backend="nowhere", name="n")


def test_optuna_learns_and_goes_on(place: Place) -> None:
    space = {"x": "-10..10.0", "y": "0..5"}
    options = {"metric": "loss", "minimize": True, "method": "optuna"}
    first = lm.sweep(bowl, space, trials=12, **options)
    assert len(place.logged()) == 12
    found = lm.sweep(bowl, space, trials=30, **options)
    assert (found.trials[:12], len(place.logged())) == (first.trials, 18)
    late = [trial.value or 0.0 for trial in found.trials[20:]]
    early = [trial.value or 0.0 for trial in found.trials[:10]]
    assert sum(late) / len(late) < sum(early) / len(early)


def test_a_sweep_that_goes_on_elsewhere_is_left_alone() -> None:
    def inside(x: int) -> float:
        with pytest.raises(Conflict, match=r"This sweep is going on, as run .*--fresh"):
            lm.sweep(inside, {"x": [1]}, name="twice")
        return 1

    assert lm.sweep(inside, {"x": [1]}, name="twice").best is not None


# -- scripts -------------------------------------------------------------------------------------

FIT = """
import argparse, os, time
import lite_mlops as lm
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--depth", type=int)
asked = parser.parse_args()
with open("log.txt", "a") as log: log.write(f"{asked.lr:g}-{asked.depth}\\n")
with open("own.pid", "w") as file: file.write(f"{os.getpid()}\\n")
while asked.depth == 3 and not os.path.exists("go"): time.sleep(0.01)
lm.log_metric("loss", asked.lr + asked.depth)
"""
LINE = ("sweep", "fit.py", "-P", "lr=0.1,0.01", "-P", "depth=2..3", "--metric", "loss")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_sweep_that_was_cut_short_goes_on(
    place: Place, started: Started, project: Project, number: int
) -> None:
    place.write("fit.py", FIT)
    process = started(*LINE, "--minimize", "-j", "1")
    log = place.folder / "log.txt"
    wait_until(lambda: log.exists() and len(log.read_text().split()) == 2)
    pid = pid_in(place.folder / "own.pid")
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else -9), out
    if number == signal.SIGINT:
        assert not is_alive(pid)
        assert project.runs.page(count=1)[0].status == "killed"
    else:
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid))
    assert place.logged() == ["0.1-2", "0.1-3"]
    place.write("go", "")
    process = started(*LINE, "--minimize", "-j", "1")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert place.logged() == ["0.1-3", "0.01-2", "0.01-3"]
    lines = out.splitlines()
    assert lines[0].split() == ["trial", "lr", "depth", "loss", "run"]
    assert lines[1].split()[:4] == ["2", "0.01", "2", "2.01"]
    assert lines[-1].startswith("4 trials. Run ")


def test_a_command_without_python_gets_params_in_its_words(place: Place, started: Started) -> None:
    place.write("fit.sh", 'echo "$1" >> log.txt; exit 3')
    process = started("sweep", "sh", "fit.sh", "a={x}", "-P", "x=1,2", "--metric", "m", "-j", "2")
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, sorted(place.logged())) == (1, ["a=1", "a=2"])
    assert out.splitlines()[-1].startswith("2 trials, 2 failed. Run ")


@pytest.mark.slow
def test_a_bar_shows_how_far_it_is(place: Place) -> None:
    from tests.cli.conftest import in_terminal

    place.write("fit.py", FIT.replace("asked.depth == 3", "False"))
    line = [*COMMAND, *LINE, "--minimize", "-j", "1"]
    code, shown = in_terminal(line, LITE_MLOPS_DIR=str(place.folder))
    assert code == 0, shown
    assert "[######..................] 1/4  best loss 2.1" in shown
    assert "[########################] 4/4  best loss 2.01" in shown
