"""Running pipelines of commands: what runs, what comes back, and what is recorded."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lite_mlops.errors import Busy, Invalid, NotFound
from lite_mlops.pipelines import StepFailed
from lite_mlops.pipelines.alone import alone
from lite_mlops.project import Project
from lite_mlops.settings import FILE_NAME
from lite_mlops.store.cleaning import clean
from tests.pipelines.conftest import TRAIN, TWO_STEPS, Place

ECHO = "echo train >> log.txt; echo {rate} > model.txt"


def test_steps_run_once_in_their_order(place: Place) -> None:
    report = place.run()
    assert repr(report) == "<PipelineRun pipeline: 2 ran>"
    assert place.logged() == ["clean", "train"]
    assert place.read("model.txt") == "A,B\n0.1"
    again = place.run()
    assert (repr(again), again.run_id) == ("<PipelineRun pipeline: 2 skipped>", None)
    assert place.logged() == []


def test_every_step_is_a_run_below_the_one_of_the_whole(place: Place, project: Project) -> None:
    place.write("train.py", TRAIN + "import lite_mlops as lm\nlm.log_metric('loss', 0.5)\n")
    report = place.run(params={"rate": 0.2})
    runs = {run.name: project.runs.get(run.id) for run in project.runs.page()}
    whole, step = runs["pipeline"], runs["train"]
    assert (whole.id, whole.params, whole.parent_id) == (report.run_id, {"rate": "0.2"}, None)
    assert (step.parent_id, step.status, step.params) == (whole.id, "finished", {"rate": "0.2"})
    assert (step.metrics["loss"].value, step.tags["step"]) == (0.5, "train")
    assert project.runs.read_artifact(runs["clean"].id, "output.log") == b"cleaned\n"
    told = json.loads(project.runs.read_artifact(whole.id, "pipeline.json"))
    assert [(one["step"], one["what"]) for one in told["steps"]] == [
        ("clean", "ran"),
        ("train", "ran"),
    ]
    assert place.logged() == ["clean", "train"]
    place.run(params={"rate": 0.2})
    assert len(project.runs.page()) == 3  # where nothing ran there is no run


@pytest.mark.parametrize("harm", ["delete", "alter", "folder"])
def test_outputs_come_back_without_running(place: Place, harm: str) -> None:
    place.run()
    place.logged()
    model = place.folder / "model.txt"
    model.unlink()
    if harm == "alter":
        model.write_text("something else")
    if harm == "folder":
        model.mkdir()
    why = "is missing" if harm == "delete" else "is altered"
    assert place.why()["train"] == ("restore", f"output model.txt {why}")
    report = place.run()
    assert [(one.step, one.what) for one in report.steps] == [
        ("clean", "skipped"),
        ("train", "restored"),
    ]
    assert (place.logged(), place.read("model.txt")) == ([], "A,B\n0.1")


def test_earlier_results_come_back_as_well(place: Place) -> None:
    place.run()
    place.run(params={"rate": 0.2})
    assert place.logged() == ["clean", "train", "train"]
    assert place.run().count("restored") == 1
    assert (place.logged(), place.read("model.txt")) == ([], "A,B\n0.1")


def test_a_step_above_that_makes_the_same_again_ends_the_work(place: Place) -> None:
    place.run()
    place.logged()
    place.write("clean.py", place.read("clean.py") + "\nx = 1\n")
    assert place.why() == {
        "clean": ("run", "code clean.py changed"),
        "train": ("waits", "clean would run"),
    }
    report = place.run()
    assert (place.logged(), report.ran) == (["clean"], ["clean"])


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("raw.csv", "c\n", "input raw.csv changed"),
        ("clean.py", "open('clean.csv', 'w').close()\n", "code clean.py changed"),
        (FILE_NAME, TWO_STEPS.replace("clean.py", "clean.py x"), "code of the command changed"),
        (
            FILE_NAME,
            TWO_STEPS.replace('["raw.csv"]', '["raw.csv", "train.py"]'),
            "input train.py is new",
        ),
    ],
)
def test_status_says_why_a_step_would_run(place: Place, file: str, text: str, why: str) -> None:
    assert place.why()["clean"] == ("run", "it did not run yet")
    place.run()
    assert place.why() == {"clean": ("up to date", ""), "train": ("up to date", "")}
    place.write(file, text)
    assert place.why()["clean"] == ("run", why)
    assert place.why(params={"rate": 7})["train"] == ("waits", "clean would run")


def test_params_are_told_with_both_values(place: Place) -> None:
    place.run()
    state = place.why(params={"rate": 0.25})
    assert state["train"] == ("run", "param rate changed: 0.1 -> 0.25")
    assert state["clean"] == ("up to date", "")


def test_comments_and_layout_are_no_change(place: Place) -> None:
    place.run()
    place.write(
        "train.py", "'''Trains.'''\n# a comment\n" + TRAIN.replace("import sys", "import  sys")
    )
    assert place.why()["train"] == ("up to date", "")


def test_modules_that_a_script_imports_count(place: Place) -> None:
    place.write("parts/__init__.py", "")
    place.write("parts/shapes.py", "SIDES = 3\n")
    place.write("parts/other.py", "x = 1\n")
    place.write("train.py", "from parts import shapes\n" + TRAIN)
    place.run()
    place.write("parts/other.py", "x = 2\n")
    assert place.why()["train"] == ("up to date", "")
    place.write("parts/shapes.py", "SIDES = 4\n")
    assert place.why()["train"] == ("run", "code parts/shapes.py changed")


def test_only_what_a_target_stands_on_runs(place: Place) -> None:
    assert place.run("clean").ran == ["clean"]
    assert place.run(targets=["clean"], force=True).ran == ["clean"]
    assert place.run("train").ran == ["train"]
    assert place.run("train", force=True).ran == ["train"]
    assert place.run(force=True).ran == ["clean", "train"]
    with pytest.raises(NotFound, match=r"no step 'trian'\. Did you mean 'train'"):
        place.run("trian")


def test_a_failed_pipeline_goes_on_where_it_failed(place: Place, project: Project) -> None:
    place.run()
    place.write("raw.csv", "x\n")
    place.write(
        "train.py", "open('model.txt', 'w').write('ha'); print('no luck'); raise SystemExit(3)"
    )
    place.logged()
    with pytest.raises(StepFailed) as error:
        place.run()
    run = next(run for run in project.runs.page() if run.status == "failed" and run.name == "train")
    assert str(error.value) == (
        "Step 'train' failed: it ended with exit code 3. The last it printed:\nno luck\nWhat was "
        f"done before is kept; the next run goes on from there. Its run is {run.id}."
    )
    assert error.value.report is not None
    assert [one.what for one in error.value.report.steps] == ["ran", "failed"]
    assert place.read("model.txt") == "A,B\n0.1"  # what was there before, and no half of the new
    place.write("train.py", TRAIN)
    assert (place.run().ran, place.logged()) == (["train"], ["clean", "train"])
    assert place.read("model.txt") == "X\n0.1"


def test_an_output_that_is_not_made_is_a_failure(place: Place) -> None:
    place.write("clean.py", "print('nothing to do')")
    with pytest.raises(StepFailed, match=r"ended well and did not make clean\.csv, which it names"):
        place.run()
    assert place.names() == {FILE_NAME, "raw.csv", "clean.py", "train.py"}


def test_an_input_that_is_not_there_is_told_before_anything_runs(place: Place) -> None:
    (place.folder / "raw.csv").unlink()
    with pytest.raises(NotFound) as error:
        place.run()
    assert str(error.value) == (
        "Step 'clean' reads raw.csv, which is not there, and no step makes it. It would lie at "
        f"{place.folder / 'raw.csv'}."
    )
    assert place.logged() == []


def test_an_input_that_changes_meanwhile_spoils_the_step(place: Place) -> None:
    place.write("clean.py", place.read("clean.py") + "\nPath('raw.csv').write_text('new')\n")
    with pytest.raises(StepFailed, match=r"while it ran, input raw\.csv changed\. Run it again\."):
        place.run()
    assert not (place.folder / "clean.csv").exists()
    assert place.why()["clean"] == ("run", "it did not run yet")


def test_folders_and_patterns_count_by_what_is_in_them(place: Place) -> None:
    place.write(
        FILE_NAME,
        """
[[step]]
name = "split"
command = ["python", "split.py"]
inputs = ["data/*.csv"]
outputs = ["parts"]

[[step]]
name = "join"
command = "cat parts/* > joined.txt"
inputs = ["parts"]
outputs = ["joined.txt"]
""",
    )
    place.write("data/a.csv", "a")
    place.write("data/b.txt", "b")
    place.write(
        "split.py",
        "import glob, os\nos.mkdir('parts')\n"
        "for path in glob.glob('data/*.csv'):\n"
        "    open('parts/' + os.path.basename(path), 'w').write(open(path).read() * 2)\n",
    )
    assert place.run().ran == ["split", "join"]
    assert place.read("joined.txt") == "aa"
    place.write("data/b.txt", "changed")
    assert place.run().ran == []
    place.write("data/c.csv", "c")
    assert place.run().ran == ["split", "join"]
    assert place.read("joined.txt") == "aacc"
    (place.folder / "parts" / "c.csv").unlink()
    assert [one.what for one in place.run().steps] == ["restored", "skipped"]
    assert place.read("parts/c.csv") == "cc"
    (place.folder / "data" / "c.csv").unlink()  # as it was: both come back
    assert [one.what for one in place.run().steps] == ["restored", "restored"]
    assert (place.read("joined.txt"), (place.folder / "parts" / "c.csv").exists()) == ("aa", False)


def test_independent_steps_run_side_by_side(place: Place) -> None:
    # Each waits until the other one has started.
    meet = "touch {0}.here; while [ ! -e {1}.here ]; do :; done; echo {0} > {0}.txt; rm -f {1}.here"
    place.write(
        FILE_NAME,
        "".join(
            f'[[step]]\nname = "{one}"\ncommand = "timeout 20 sh {one}.sh"\n'
            f'outputs = ["{one}.txt"]\n'
            for one in ("left", "right")
        ),
    )
    for one, other in (("left", "right"), ("right", "left")):
        place.write(f"{one}.sh", meet.format(one, other).replace("; rm -f", "; : "))
    assert sorted(place.run(jobs=2).ran) == ["left", "right"]


def test_what_steps_print_is_told_line_by_line(place: Place) -> None:
    told: list[tuple[str, str]] = []
    place.run("clean", tell=lambda step, text: told.append((step, text)))
    assert told == [("clean", "runs: it did not run yet"), ("clean", "| cleaned")]


def test_params_of_files_count_by_their_keys(place: Place) -> None:
    place.write("params.yaml", "train:\n  depth: 3\n  other: [1, 2]\n")
    place.write(FILE_NAME, TWO_STEPS + 'param_files = {"params.yaml" = ["train.depth"]}\n')
    place.run()
    place.write("params.yaml", "train: {depth: 3, other: x}\n")
    assert place.why()["train"] == ("up to date", "")
    place.write("params.yaml", "train: {depth: 4}\n")
    assert place.why()["train"] == ("run", "param params.yaml:train.depth changed: 3 -> 4")


def test_numbers_that_a_command_wrote_are_metrics_of_its_run(
    place: Place, project: Project
) -> None:
    place.write(FILE_NAME, TWO_STEPS + 'metrics = ["scores.json"]\n')
    scores = '{"auc": 0.9, "loss": {"train": 2, "kind": "log", "done": true}}'
    writing = f"Path('scores.json').write_text('{scores}')\n"
    place.write("train.py", TRAIN + writing)
    assert place.run().ran == ["clean", "train"]
    run = project.runs.get("train")
    assert {key: one.value for key, one in run.metrics.items()} == {"auc": 0.9, "loss.train": 2.0}
    (place.folder / "scores.json").unlink()
    assert place.run().count("restored") == 1  # they are outputs as well
    assert place.read("scores.json") == scores
    place.write("train.py", TRAIN + writing.replace(scores, "[1, 2]"))
    with pytest.raises(StepFailed, match="holds no metrics: it is no table of names and numbers"):
        place.run()
    assert place.read("scores.json") == scores


def test_a_step_that_always_runs(place: Place) -> None:
    place.write(FILE_NAME, TWO_STEPS.replace('name = "clean"', 'name = "clean"\nalways = true'))
    place.run()
    assert place.run().ran == ["clean"]
    assert place.why()["clean"] == ("run", "it always does")


def test_a_value_with_blanks_is_one_word_of_the_command(place: Place) -> None:
    place.run(params={"rate": "a b; touch harm"})
    assert place.read("model.txt") == "A,B\na b; touch harm"
    assert not (place.folder / "harm").exists()


def test_two_runs_at_once_are_one_too_many(place: Place, project: Project) -> None:
    with alone(project.store.layout, "pipeline"), pytest.raises(Busy, match="running already"):
        place.run()
    assert place.logged() == []


@pytest.mark.slow
def test_outputs_are_kept_from_cleaning_and_old_ones_go(place: Place, project: Project) -> None:
    place.write("train.py", "")
    place.write(FILE_NAME, TWO_STEPS.replace("python train.py {rate}", ECHO))
    place.run()
    assert clean(project.store, grace_seconds=-1).objects == 0
    for number in range(21):  # the twenty latest results are kept
        place.run(params={"rate": number})
    assert clean(project.store, grace_seconds=-1).objects > 0
    place.logged()
    assert place.run(params={"rate": 20}).count("skipped") == 2
    place.run(params={"rate": 3})
    assert place.logged() == []
    place.run()
    assert place.logged() == ["train"]
    clean(project.store, grace_seconds=-1)
    assert not project.examine()


def test_what_is_damaged_is_made_again(place: Place, project: Project) -> None:
    place.run()
    (place.folder / "model.txt").unlink()
    for path in project.store.objects.folder.glob("??/*"):
        if path.read_bytes() == b"A,B\n0.1":
            path.chmod(0o600)
            path.write_bytes(b"A,B\n9.9")
    place.logged()
    report = place.run()
    assert (place.logged(), report.steps[1].reasons) == (
        ["train"],
        ("what was kept of it is damaged",),
    )
    assert place.read("model.txt") == "A,B\n0.1"


def test_a_lost_cache_costs_only_reading(place: Place, project: Project) -> None:
    place.run()
    for path in project.store.layout.pipelines.glob("*.json"):
        path.write_text("{")
    assert place.run().count("skipped") == 2


def test_a_file_that_changed_at_the_same_size_and_time_is_seen(place: Place) -> None:
    status = (place.folder / "raw.csv").stat()
    place.run()
    place.write("raw.csv", "x,y\n")
    os.utime(place.folder / "raw.csv", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert place.why()["clean"] == ("run", "input raw.csv changed")


def test_a_whole_project_that_moved_runs_nothing(place: Place, tmp_path: Path) -> None:
    place.run()
    place.pipelines._store.close()
    os.rename(tmp_path / "work", tmp_path / "moved")
    (tmp_path / "work").mkdir()
    moved = Project(tmp_path / "moved", capture_code=False, capture_environment=False)
    assert moved.pipelines.run().count("skipped") == 2
    moved.close()


def test_a_project_without_steps_says_so(place: Place) -> None:
    place.write(FILE_NAME, "")
    with pytest.raises(NotFound, match=r"There are no steps: .*has no \[\[step\]\] tables"):
        place.run()


def test_no_steps_at_a_time_cannot_be(place: Place) -> None:
    with pytest.raises(Invalid, match="jobs = 0"):
        place.run(jobs=0)


def test_a_process_of_its_own_runs_it_with_a_lower_priority(place: Place) -> None:
    place.write(
        "clean.py", place.read("clean.py") + "import os\nopen('nice', 'w').write(str(os.nice(0)))\n"
    )
    before = os.nice(0)
    child = place.pipelines.start("train", params={"rate": 0.5}, nice=3)
    assert child.wait(60) == 0
    assert place.read("model.txt") == "A,B\n0.5"
    assert int(place.read("nice")) == min(before + 3, 19)
