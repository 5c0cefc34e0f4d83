"""Pipelines in plain Python: values pass between steps, and come back without running."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lite_mlops as lm
from lite_mlops.errors import Invalid, NotFound
from lite_mlops.pipelines import PipelineFunction, StepFailed
from lite_mlops.project import Project
from tests.pipelines.conftest import Place, Started

FACTOR = 2


def note(name: str) -> None:
    with open("log.txt", "a") as log:
        log.write(f"{name}\n")


def helper(value: int) -> int:
    return value * FACTOR


@lm.step
def load(path: Path) -> tuple[list[str], int]:
    note("load")
    return path.read_text().split(), 3


@lm.step
def double(value: int) -> int:
    note("double")
    return helper(value)


@lm.step(outputs=["sums/{name}.txt"])
def total(words: list[str], number: int, name: str = "all") -> dict[str, int]:
    note("total")
    Path(f"sums/{name}.txt").write_text(str(number))
    lm.log_metric("number", number)
    return {"words": len(words), "number": number}


@lm.pipeline
def flow(path: Path = Path("raw.csv"), name: str = "all") -> Any:
    words, number = load(path)
    found = total(words, double(number), name)
    return found["number"], {"words": found["words"]}


@pytest.fixture(autouse=True)
def _nothing_called(place: Place, project: Project) -> None:
    lm.use_project(project)


def test_values_pass_between_steps_and_come_back(place: Place) -> None:
    assert flow() == (6, {"words": 1})
    assert place.logged() == ["load", "double", "total"]
    assert flow() == (6, {"words": 1})
    assert place.logged() == []
    place.write("raw.csv", "a b c")
    assert flow() == (6, {"words": 3})
    assert place.logged() == ["load", "double", "total"]  # a value counts as a whole
    place.write("raw.csv", " a  b c")  # the same words: the change ends there
    assert flow() == (6, {"words": 3})
    assert place.logged() == ["load"]


def test_a_value_that_is_lost_is_made_again(place: Place, project: Project) -> None:
    assert flow() == (6, {"words": 1})
    for path in project.store.objects.folder.glob("??/*"):
        path.unlink()
    place.logged()
    assert flow() == (6, {"words": 1})
    assert place.logged() == ["load", "double", "total"]


def test_params_choose_what_runs(place: Place) -> None:
    flow()
    assert flow(name="other") == (6, {"words": 1})
    assert place.logged() == ["load", "double", "total", "total"]
    assert place.read("sums/other.txt") == "6"
    (place.folder / "sums" / "all.txt").unlink()
    flow()
    assert (place.logged(), place.read("sums/all.txt")) == ([], "6")


def test_a_global_that_a_function_reaches_counts(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow()
    place.logged()
    monkeypatch.setitem(globals(), "FACTOR", 5)
    why = {one.step: "; ".join(one.reasons) for one in flow.status()}
    assert why["double"] == f"code {__name__}.FACTOR changed"
    assert flow()[0] == 15
    assert place.logged() == ["double", "total"]


def test_outside_of_a_pipeline_a_step_is_its_function(place: Place) -> None:
    assert double(4) == 8
    assert (double.name, repr(double)) == ("double", "<step 'double'>")


def test_steps_are_runs_and_their_logging_goes_there(project: Project) -> None:
    report = flow.run({"name": "all"})
    runs = {run.name: project.runs.get(run.id) for run in project.runs.page()}
    assert runs["total"].metrics["number"].value == 6
    assert {run.parent_id for name, run in runs.items() if name != "flow"} == {report.run_id}
    assert runs["total"].params["name"] == "all"
    assert lm.active_run() is None


@lm.step
def nested() -> None:
    with lm.start_run("inside") as run:
        run.log_metric("x", 1)
    lm.log_metric("y", 2)


@lm.pipeline
def nesting() -> None:
    nested()


def test_a_run_that_a_step_starts_is_nested_in_that_of_the_step(project: Project) -> None:
    with lm.start_run("outer") as outer:
        nesting()
        assert lm.active_run() is outer
    runs = {run.name: project.runs.get(run.id) for run in project.runs.page()}
    assert runs["inside"].parent_id == runs["nested"].id
    assert (runs["nested"].metrics["y"].value, runs["nested"].status) == (2, "finished")
    assert runs["nesting"].parent_id == outer.id


@lm.step
def broken(value: int) -> int:
    note("broken")
    raise ValueError(f"not {value}")


@lm.pipeline
def breaking() -> Any:
    return broken(double(1))


def test_an_error_of_a_function_is_told_and_is_the_cause(place: Place, project: Project) -> None:
    with pytest.raises(StepFailed, match="Step 'broken' failed: ValueError: not 2") as error:
        breaking()
    assert isinstance(error.value.__cause__, StepFailed)
    assert isinstance(error.value.__cause__.__cause__, ValueError)
    with pytest.raises(StepFailed):
        breaking()
    assert place.logged() == ["double", "broken", "broken"]
    assert {run.status for run in project.runs.page() if run.name == "broken"} == {"failed"}


@lm.step
def grow(values: list[int]) -> list[int]:
    values.append(9)
    return values


@lm.step
def first() -> list[int]:
    return [1]


@lm.pipeline
def growing() -> Any:
    made = first()
    return grow(made), made


def test_no_step_sees_what_another_did_to_a_value() -> None:
    assert growing() == ([1, 9], [1])


@lm.step
def lock() -> Any:
    import threading

    return threading.Lock()


def test_a_value_that_cannot_be_kept_is_refused() -> None:
    with pytest.raises(StepFailed, match=r"returned a lock that cannot be kept: .*Return plain"):
        PipelineFunction(lambda: lock(), lambda: lm.current_project().pipelines, name="p")()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (lambda: bool(double(1)), "cannot decide on the value of step 'double'"),
        (
            lambda: [*double(1)],  # type: ignore[misc]
            r"cannot unpack .*@step\(returns=2\)",
        ),
        (
            lambda: double(1).shape,  # type: ignore[attr-defined]
            "cannot ask for the shape of the value of step 'double'",
        ),
        (
            lambda: double([double(1)]),  # type: ignore[arg-type]
            "not inside of a list or dict",
        ),
        (
            lambda: double(),  # type: ignore[call-arg]
            "Step 'double' cannot be called like this: missing a required",
        ),
    ],
)
def test_what_cannot_be_done_while_it_is_laid_out(place: Place, body: Any, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        PipelineFunction(body, lambda: lm.current_project().pipelines, name="p")()
    assert place.logged() == []


def test_a_pipeline_that_cannot_be_called_like_this() -> None:
    with pytest.raises(Invalid, match="Pipeline 'flow' cannot be run like this: got an unexpected"):
        flow.run({"nam": 1})


def test_the_same_step_twice_has_two_names() -> None:
    function = PipelineFunction(
        lambda: double(double(1)), lambda: lm.current_project().pipelines, name="p"
    )
    assert list(function.graph().steps) == ["double", "double 2"]
    assert function() == 4


# -- files, and processes of their own -----------------------------------------------------------

FILE = """
import os
from pathlib import Path
import lite_mlops as lm
import tools

@lm.step
def left(number: int) -> int:
    '''Waits for the other side.'''
    Path("left.pid").write_text(str(os.getpid()))
    while not Path("right.pid").exists(): pass
    lm.log_metric("side", 1)
    return tools.add(number)

@lm.step
def right() -> int:
    Path("right.pid").write_text(str(os.getpid()))
    while not Path("left.pid").exists(): pass
    return 10

@lm.step
def both(one, two):
    Path("sum.txt").write_text(str(one + two))
    return one + two

@lm.pipeline
def sides(number=1):
    return both(left(number), right())

if __name__ == "__main__":
    print(sides())
"""


@pytest.fixture
def sides(place: Place) -> Place:
    place.write("flow.py", FILE)
    place.write("tools.py", "def add(n): return n + 1\n")
    return place


def said(process: subprocess.Popen[str], code: int = 0) -> str:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == code, out
    return out


@pytest.mark.slow
def test_independent_functions_run_side_by_side(
    sides: Place, started: Started, project: Project
) -> None:
    out = said(started("pipe", "run", "-f", "flow.py", "-j", "2"))
    assert "3 ran, in " in out
    assert sides.read("sum.txt") == "12"
    assert sides.read("left.pid") != sides.read("right.pid")
    runs = {run.name: project.runs.get(run.id) for run in project.runs.page()}
    assert runs["left"].metrics["side"].value == 1
    assert {run.status for run in runs.values()} == {"finished"}
    # The script itself, and the command line, mean the same pipeline.
    assert said(started(command=(sys.executable, "flow.py"))) == "12\n"
    assert "3 skipped, in " in said(started("pipe", "run", "-f", "flow.py:sides"))


@pytest.mark.slow
def test_a_changed_helper_in_another_module_counts(sides: Place, started: Started) -> None:
    said(started("pipe", "run", "-f", "flow.py", "-j", "2"))
    sides.write("tools.py", "# Adds.\n\n\ndef add(n):\n    '''Add one.'''\n    return n + 1\n")
    assert "3 skipped" in said(started("pipe", "run", "-f", "flow.py"))
    sides.write("tools.py", "def add(n): return n + 5\n")
    out = said(started("pipe", "run", "-f", "flow.py", "-P", "number=1"))
    assert "left runs: code tools.add changed\n" in out
    assert sides.read("sum.txt") == "16"


def test_files_that_cannot_be_run(place: Place) -> None:
    place.write("empty.py", "x = 1\n")
    place.write(
        "two.py",
        "import lite_mlops as lm\n@lm.pipeline\ndef a(): ...\n@lm.pipeline\ndef b(): ...\n",
    )
    place.write("json.py", "")
    with pytest.raises(NotFound, match=r"There is no file none\.py\."):
        place.run("none.py")
    with pytest.raises(NotFound, match=r"empty\.py has no pipeline; @lm\.pipeline makes"):
        place.run("empty.py")
    with pytest.raises(Invalid, match=r"several pipelines; name one: two\.py:a or two\.py:b"):
        place.run("two.py")
    with pytest.raises(NotFound, match=r"two\.py has no pipeline 'c'"):
        place.run("two.py:c")
    with pytest.raises(Invalid, match=r"json\.py has the name of another module"):
        place.run("json.py")
