"""A run is started anew, resumed after its end, or joined while it goes on elsewhere."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lite_mlops.errors import Busy, Conflict, Invalid, NotFound
from lite_mlops.project import Project
from lite_mlops.settings import PREFIX, environment_for_child
from lite_mlops.store.filelock import ProjectLock

Told = Callable[[], list[str]]
Python = Callable[..., subprocess.CompletedProcess[str]]


# -- anew ----------------------------------------------------------------------------------------


def test_a_run_is_started_with_all_that_is_given(project: Project) -> None:
    run = project.start_run(
        "baseline", experiment="churn", params={"p": 1}, tags={"t": 2}, note="first try"
    )
    found = project.runs.get(run.id)
    assert (found.name, found.experiment, found.status) == ("baseline", "churn", "running")
    assert (found.params, found.tags, found.note) == ({"p": "1"}, {"t": "2"}, "first try")
    assert project.active_run() is run


def test_running_a_cell_again_ends_its_earlier_run_with_a_notice(
    project: Project, warnings_of: Told
) -> None:
    first = project.start_run("cell")
    second = project.start_run("cell")
    assert warnings_of() == [f"Run {first.id} (cell) was still active and is ended."]
    assert project.active_run() is second
    assert project.runs.get(first.id).status == "finished"
    assert project.runs.get(second.id).status == "running"
    assert project.runs.get(second.id).parent_id is None


def test_running_a_cell_again_ends_all_its_earlier_runs(project: Project) -> None:
    for _ in range(2):
        outer = project.start_run("outer")
        inner = project.start_run("inner", nested=True)
    assert [run.id for run in project.runs.page(status="running")] == [inner.id, outer.id]
    assert project.runs.get(inner.id).parent_id == outer.id
    project.end_run()
    project.end_run()
    assert project.active_run() is None


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"name": ""}, "run name is empty."),
        ({"name": 5}, "run name is a text; 5 is a int."),
        ({"experiment": "a\nb"}, r"experiment name 'a\nb' contains the control character '\n' "),
        ({"params": {"": 1}}, "param name is empty."),
        ({"params": {"p": "x" * 6_001}}, "param 'p' is too long: 6,001 characters"),
        ({"params": "depth=3"}, "params are a dictionary of names and values; 'depth=3' is a str."),
        ({"tags": {"t": "x" * 8_001}}, "tag 't' is too long: 8,001 characters"),
        ({"tags": ["a"]}, "tags are a dictionary of names and values; ['a'] is a list."),
        ({"note": "x" * 100_001}, "the note is too long: 100,001 characters"),
    ],
    ids=str,
)
def test_what_is_refused_leaves_no_half_started_run(
    project: Project, given: dict[str, Any], text: str
) -> None:
    project.create()
    with pytest.raises(Invalid) as error:
        project.start_run(**given)
    assert str(error.value).startswith(text)
    assert project.active_run() is None
    assert project.runs.page() == []
    assert project.experiments.all(empty=True) == []


# -- after the end -------------------------------------------------------------------------------


def test_an_ended_run_goes_on_where_it_stood(project: Project) -> None:
    with project.start_run("baseline", params={"depth": 3}) as first:
        first.log_metric("loss", 1.0)
        first.log_metric("loss", 0.5, step=7)
    run = project.start_run(run_id=first.id)
    assert (run.id, run.name, run.experiment) == (first.id, "baseline", "default")
    found = project.runs.get(run.id)
    assert (found.status, found.ended_at) == ("running", None)
    with pytest.raises(Conflict, match="is '3' and cannot become '4'"):
        run.log_param("depth", 4)
    run.log_param("depth", 3)
    run.log_metric("loss", 0.25)
    run.end("failed")
    assert project.runs.get(run.id).status == "failed"
    assert project.runs.history(run.id, "loss").steps.tolist() == [0, 7, 8]


def test_a_run_can_be_resumed_by_its_name(project: Project) -> None:
    with project.start_run("baseline") as first:
        pass
    with project.start_run(run_id="baseline") as run:
        assert run.id == first.id


def test_resuming_ends_the_run_that_is_active(project: Project, warnings_of: Told) -> None:
    with project.start_run("first"):
        pass
    second = project.start_run("second")
    project.start_run(run_id="first")
    assert warnings_of() == [f"Run {second.id} (second) was still active and is ended."]


def test_what_is_given_to_a_resumed_run_is_logged(project: Project) -> None:
    with project.start_run("baseline", tags={"stage": "draft"}):
        pass
    with project.start_run(
        run_id="baseline", params={"p": 1}, tags={"stage": "done"}, note="again"
    ) as run:
        pass
    found = project.runs.get(run.id)
    assert (found.params, found.tags, found.note) == ({"p": "1"}, {"stage": "done"}, "again")


def test_an_unknown_run_is_not_resumed(project: Project) -> None:
    with project.start_run("baseline"):
        pass
    with pytest.raises(NotFound) as error:
        project.start_run(run_id="basline")
    assert str(error.value) == "There is no run 'basline'. Did you mean 'baseline'?"
    assert project.active_run() is None


# -- while it goes on elsewhere ------------------------------------------------------------------

ELSEWHERE = """
import sys
from lite_mlops.project import Project

with Project(sys.argv[1]).start_run("shared", params={"depth": 3}) as run:
    run.log_metric("loss", 1.0)
    print(run.id, flush=True)
    sys.stdin.readline()
"""


@contextmanager
def running_elsewhere(folder: Path) -> Iterator[str]:
    """A run that another process has started, and ends afterwards."""
    command = [sys.executable, "-W", "error", "-c", ELSEWHERE, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.communicate("\n", timeout=30)
    assert process.returncode == 0


def test_a_run_of_another_process_is_joined(project: Project) -> None:
    with running_elsewhere(project.folder) as run_id:
        with project.start_run(run_id=run_id) as run:
            assert (run.id, run.name) == (run_id, "shared")
            with pytest.raises(Conflict, match="is '3' and cannot become '4'"):
                run.log_param("depth", 4)
            run.log_metric("loss", 0.5)
        assert project.active_run() is None
        assert project.runs.get(run_id).status == "running"  # it ends where it began
    assert project.runs.get(run_id).status == "finished"
    assert project.runs.history(run_id, "loss").steps.tolist() == [0, 1]


JOINING = """
import lite_mlops as lm

with lm.start_run("a name of its own", params={"depth": 3}, tags={"stage": "draft"}):
    lm.log_metric("loss", 0.5)
with lm.start_run("second") as second:
    lm.log_metric("loss", 0.25)
"""


def test_a_script_that_was_started_for_a_run_joins_it_once(
    project: Project, python: Python, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = project.start_run("first")
    for name, value in environment_for_child(project.folder, run.id).items():
        monkeypatch.setenv(name, value)
    python(JOINING)
    assert project.runs.get(run.id).status == "running"
    assert project.runs.get(run.id).metrics["loss"].value == 0.5
    assert project.runs.get("second").metrics["loss"].value == 0.25


def test_what_a_joining_script_gives_is_logged(
    project: Project, python: Python, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = project.start_run("first")
    monkeypatch.setenv(PREFIX + "RUN_ID", run.id)
    python(JOINING)
    found = project.runs.get(run.id)
    assert (found.params, found.tags) == ({"depth": "3"}, {"stage": "draft"})


def test_a_script_started_for_something_that_is_no_id_says_so(
    python: Python, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PREFIX + "RUN_ID", "baseline")
    done = python("import lite_mlops as lm; lm.start_run()", check=False)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "lite_mlops.errors." in last
    assert "'baseline'" in last


@contextmanager
def held(project: Project) -> Iterator[None]:
    """The project, while somebody holds it."""
    with ProjectLock(project.folder).exclusive("a long backup", 5):
        yield


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Project]:
    """A project that does not wait for the lock."""
    options = {"capture_code": False, "capture_environment": False, "wait_seconds": 0}
    made = Project(tmp_path / "work", **options)
    yield made
    made.close()


def test_a_lock_does_not_keep_a_run_from_being_resumed(
    impatient: Project, warnings_of: Told
) -> None:
    with impatient.start_run("baseline") as first:
        first.log_metric("loss", 1.0)
    with held(impatient), impatient.start_run(run_id=first.id) as run:
        run.log_metric("loss", 0.5, step=1)
    (told,) = warnings_of()
    assert told.startswith(f"Run {first.id} is joined without looking it up: The project in ")
    assert impatient.runs.history(first.id, "loss").values.tolist() == [1.0, 0.5]


def test_a_run_named_otherwise_than_by_its_id_is_not_resumed_under_a_lock(
    impatient: Project,
) -> None:
    with impatient.start_run("baseline"):
        pass
    text = r"'baseline'|a long backup"
    with held(impatient), pytest.raises((Busy, Invalid, NotFound), match=text):
        impatient.start_run(run_id="baseline")
