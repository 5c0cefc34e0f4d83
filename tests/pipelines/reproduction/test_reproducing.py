"""Runs are run again for real: a git repository, a script, a process, and the verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lite_mlops.errors import Conflict, Invalid, LiteMlopsError, NotFound
from lite_mlops.pipelines.reproduction import Tolerance
from lite_mlops.pipelines.reproduction.workplace import find_python, make_environment
from lite_mlops.project import Project
from lite_mlops.settings import PREFIX

SCRIPT = """
import os, random, sys
import lite_mlops as lm

random.seed(os.environ.get("SEED", "1"))
with lm.start_run("fit", params={"depth": 3, "seed": 1}) as run:
    lm.log_metric("first", random.random())
    for step in range(5):
        lm.log_metric("loss", random.random(), step=step)
    lm.log_text("made", "made.txt")
    NOTHING
"""
Git = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "sub").mkdir()
    (folder / ".gitignore").write_text(".lite-mlops\n*.csv\n")
    return folder


@pytest.fixture
def git(repository: Path) -> Git:
    """Runs git in the repository, untouched by the user's own settings."""
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main")

    def run(*arguments: str) -> str:
        command = ["git", *who, *arguments]
        done = subprocess.run(
            command, cwd=repository, env=os.environ | quiet, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    run("init", "--quiet")
    return run


@pytest.fixture
def committed(repository: Path, git: Git) -> Callable[[str], Path]:
    """Commits a script."""

    def commit(extra: str = "pass") -> Path:
        script = repository / "sub" / "fit.py"
        script.write_text(SCRIPT.replace("NOTHING", extra))
        git("add", "--all")
        git("commit", "--quiet", "--message", "x")
        return script

    return commit


@pytest.fixture
def whole(repository: Path) -> Iterator[Project]:
    """The project of the repository, with everything captured."""
    project = Project(repository)
    yield project
    project.close()


def run_script(script: Path, **variables: str) -> None:
    environment = os.environ | {PREFIX + "DIR": str(script.parents[1])} | variables
    command = [sys.executable, script.name]
    done = subprocess.run(command, cwd=script.parent, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def texts(whole: Project, path: str) -> list[str]:
    return [
        whole.runs.read_artifact(run.id, path).decode()
        for run in map(whole.runs.get, [one.id for one in whole.runs.page()])
        if any(artifact.path == path for artifact in run.artifacts)
    ]


def test_a_run_comes_out_the_same_from_its_commit_and_changes(
    whole: Project, committed: Callable[[str], Path], git: Git
) -> None:
    script = committed("pass")
    script.write_text(script.read_text() + "    lm.log_metric('uncommitted', 7)\n")
    run_script(script)
    script.write_text("raise SystemExit('not this one')")
    before = git("status", "--porcelain"), git("stash", "list"), git("worktree", "list")

    verdict = whole.reproducing.reproduce("fit")

    assert verdict.outcome == "identical", verdict
    assert {one.what for one in verdict.compared} == {
        "metric first",
        "metric loss",
        "metric uncommitted",
    }
    assert (verdict.causes, verdict.files) == ((), {})
    assert (git("status", "--porcelain"), git("stash", "list"), git("worktree", "list")) == before
    recorded, again = whole.runs.get(verdict.run_id), whole.runs.get(verdict.again_id)
    assert again.name == "fit again"
    assert again.tags == {"reproduction_of": recorded.id, "reproduction": "identical"}
    assert recorded.tags["reproduction"] == "identical"
    assert again.params == recorded.params
    assert again.source["git"]["commit"] == recorded.source["git"]["commit"]
    assert again.metrics["loss"].value == recorded.metrics["loss"].value
    assert again.metrics["loss"].points == 5
    assert whole.runs.read_artifact(again.id, "made.txt") == b"made"
    kept = texts(whole, f"reproductions/{again.id}.json")
    assert len(kept) == 2
    assert json.loads(kept[0]) == json.loads(kept[1]) == json.loads(json.dumps(verdict.to_dict()))


def test_other_results_are_told_with_what_differs(
    whole: Project, committed: Callable[[str], Path]
) -> None:
    run_script(committed("lm.log_metric('own', os.getpid())"))
    verdict = whole.reproducing.reproduce("fit")
    assert verdict.outcome == "different"
    assert [one.what for one in verdict.differing] == ["metric own"]
    assert whole.runs.get(verdict.run_id).tags["reproduction"] == "different"
    ignoring = Tolerance(ignored=("own",))
    assert whole.reproducing.reproduce(verdict.run_id, tolerance=ignoring).outcome == "identical"


def test_variables_that_were_recorded_are_set_again(
    whole: Project, committed: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = committed("lm.log_metric('hashed', hash('x') % 1000)")
    run_script(script, PYTHONHASHSEED="5")
    monkeypatch.setenv("PYTHONHASHSEED", "6")
    assert whole.reproducing.reproduce("fit").outcome == "identical"


@pytest.mark.slow
def test_registering_and_moving_aliases_touches_only_a_project_of_its_own(
    whole: Project, committed: Callable[[str], Path]
) -> None:
    run_script(
        committed(
            "from sklearn.dummy import DummyClassifier\n"
            "    model = DummyClassifier(strategy='constant', constant=1).fit([[0], [1]], [0, 1])\n"
            "    lm.log_dataset([[0.0], [1.0]], 'numbers', column_names=['x'])\n"
            "    version = lm.log_model(model, 'dummy', input_example={'x': 1})\n"
            "    models = lm.current_project().models\n"
            "    models.set_alias('dummy', 'champion', version.version, reason='first')"
        )
    )
    verdict = whole.reproducing.reproduce("fit")
    assert verdict.outcome == "identical"
    assert "model dummy" in {one.what for one in verdict.compared}
    assert [version.version for version in whole.models.all("dummy")] == [1]
    assert len(whole.models.history("dummy")) == 1
    with whole.store.reading() as database:
        uses = database.rows("data_of_run", run=verdict.again_id)
    assert [row[:2] for row in uses] == [("training", "numbers")]


@pytest.mark.slow
def test_a_model_with_other_bytes_is_asked(
    whole: Project, committed: Callable[[str], Path]
) -> None:
    run_script(
        committed(
            "from sklearn.dummy import DummyRegressor\n"
            "    model = DummyRegressor(strategy='constant', constant=2.0).fit([[0]], [0])\n"
            "    model.made_by = os.getpid()\n"
            "    lm.log_model(model, 'dummy', input_example={'x': 1})"
        )
    )
    verdict = whole.reproducing.reproduce("fit")
    assert verdict.outcome == "within tolerance"
    (model,) = verdict.differing
    assert model.again.endswith("answers 100.0% of 500 probes alike")


def test_a_wrapped_command_that_logs_nothing_is_run_again(
    whole: Project, repository: Path, git: Git
) -> None:
    (repository / "plain.py").write_text("import sys; print('depth', sys.argv[2])")
    git("add", "--all")
    git("commit", "--quiet", "--message", "x")
    command = [sys.executable, "-m", "lite_mlops", "run", "-n", "wrapped", "-P", "depth=3"]
    environment = os.environ | {PREFIX + "DIR": str(repository)}
    done = subprocess.run(
        [*command, "plain.py"], cwd=repository, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    verdict = whole.reproducing.reproduce("wrapped")
    assert verdict.outcome == "identical"
    assert whole.runs.get(verdict.again_id).params == {"depth": "3"}


READING = (
    "lm.log_dataset('rows.csv', 'rows'{})\n"
    "    lm.log_metric('total', sum(map(int, open('rows.csv').read().split()[1:])))"
)


def rows_of(repository: Path) -> Path:
    rows = repository / "sub" / "rows.csv"  # which git ignores
    rows.write_text("n\n1\n2\n")
    return rows


@pytest.mark.slow
def test_recorded_data_is_brought_back_from_its_copy(
    whole: Project, committed: Callable[[str], Path], repository: Path
) -> None:
    rows = rows_of(repository)
    run_script(committed(READING.format(", snapshot=True")))
    rows.unlink()
    verdict = whole.reproducing.reproduce("fit")
    assert (verdict.outcome, verdict.causes) == ("identical", ())
    assert whole.runs.get(verdict.again_id).metrics["total"].value == 3
    assert not rows.exists()


@pytest.mark.slow
def test_data_that_is_as_it_was_is_taken_from_where_it_is(
    whole: Project, committed: Callable[[str], Path], repository: Path
) -> None:
    rows = rows_of(repository)
    run_script(committed(READING.format("")))
    assert whole.reproducing.reproduce("fit").outcome == "identical"
    rows.write_text("n\n1\n3\n")
    before = untouched(whole)
    with pytest.raises(Conflict) as error:
        whole.reproducing.reproduce("fit")
    assert "nothing was run.\n- The data rows@" in str(error.value)
    assert "sub/rows.csv is not what it was and no copy of it was kept" in str(error.value)
    assert untouched(whole) == before


def test_the_folder_is_kept_where_one_is_named(
    whole: Project, committed: Callable[[str], Path], tmp_path: Path
) -> None:
    run_script(committed("print('seen')"))
    whole.reproducing.reproduce("fit", folder=tmp_path / "new" / "place")
    assert (tmp_path / "new" / "place" / "output.log").read_text() == "seen\n"
    assert (tmp_path / "new" / "place" / "code" / "sub" / "fit.py").is_file()
    with pytest.raises(Conflict, match="place exists; reproduce in a fresh folder"):
        whole.reproducing.reproduce("fit", folder=tmp_path / "new" / "place")
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid, match="cannot be made"):
        whole.reproducing.reproduce("fit", folder=tmp_path / "file" / "place")


# -- refusals ------------------------------------------------------------------------------------


def untouched(whole: Project) -> list[tuple[str, dict[str, str]]]:
    return [(run.id, dict(run.tags)) for run in whole.runs.page()]


def test_missing_pieces_are_all_named_and_nothing_runs(
    whole: Project, committed: Callable[[str], Path], tmp_path: Path
) -> None:
    script = committed("pass")
    (script.parent / "ran").unlink(missing_ok=True)
    run_script(script)
    other = tmp_path / "other"
    subprocess.run(["git", "init", "--quiet", str(other)], check=True)
    before = untouched(whole)
    with pytest.raises(Conflict) as error:
        whole.reproducing.reproduce("fit", repository=other)
    assert "cannot be run again; nothing was run.\n- The commit " in str(error.value)
    assert f"is not in {other}. Fetch it (git fetch), or name the repository" in str(error.value)
    with pytest.raises(Conflict, match="and there is no repository"):
        whole.reproducing.reproduce("fit", repository=tmp_path / "nowhere")
    assert untouched(whole) == before


def test_a_run_without_any_record_is_refused(project: Project) -> None:
    with project.start_run("bare"):
        pass
    with pytest.raises(Conflict, match="\n- Nothing of its code and environment was recorded"):
        project.reproducing.reproduce("bare")
    with pytest.raises(NotFound, match="There is no run 'nope'"):
        project.reproducing.reproduce("nope")


def test_a_run_that_is_going_on_is_refused(project: Project) -> None:
    with project.start_run("bare"), pytest.raises(Conflict, match="is going on; reproduce it when"):
        project.reproducing.reproduce("bare")


def test_a_script_that_fails_now_is_told_with_what_it_printed(
    whole: Project, committed: Callable[[str], Path], repository: Path
) -> None:
    (repository / "sub" / "rows.csv").write_text("1")
    run_script(committed("open('rows.csv')"))  # which git ignores
    verdict = whole.reproducing.reproduce("fit")
    assert verdict.outcome == "different"
    assert verdict.causes[0].startswith("the command failed: FileNotFoundError")


def test_a_script_that_logs_no_run_now_is_told(
    whole: Project, committed: Callable[[str], Path], repository: Path
) -> None:
    script = committed("pass")
    text = script.read_text()
    (repository / "sub" / "rows.csv").write_text("1")
    script.write_text(f"open('rows.csv')\n{text}")
    run_script(script)
    with pytest.raises(Conflict) as error:
        whole.reproducing.reproduce("fit")
    assert "ended with 1 and logged no run that can be compared" in str(error.value)
    assert str(error.value).endswith("No such file or directory: 'rows.csv'")


def test_changes_that_do_not_apply_are_told(
    whole: Project, committed: Callable[[str], Path]
) -> None:
    script = committed("pass")
    script.write_text(script.read_text() + "# changed\n")
    run_script(script)
    (run,) = whole.runs.page()
    diff = whole.runs.read_artifact(run.id, "source/uncommitted.diff")
    with whole.start_run(run_id=run.id) as active:
        active.log_text(diff.decode().replace(" pass", " other"), "source/uncommitted.diff")
    with pytest.raises(Conflict, match=r"changes cannot be applied: error: sub/fit\.py"):
        whole.reproducing.reproduce("fit")


# -- environments --------------------------------------------------------------------------------


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small package that pip finds without a network."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    with zipfile.ZipFile(folder / "tinything-1.5-py3-none-any.whl", "w") as file:
        info = "tinything-1.5.dist-info"
        file.writestr("tinything.py", "VALUE = 5\n")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinything\nVersion: 1.5\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


@pytest.mark.slow
@pytest.mark.usefixtures("wheel")
def test_an_environment_has_the_recorded_packages_and_ourselves(tmp_path: Path) -> None:
    packages = {"tinything": "1.5", "lite-mlops": "0.0.1", "pip": "1.0"}
    python = make_environment(tmp_path / "environment", packages, find_python(None))
    ask = "import lite_mlops, tinything; print(lite_mlops.__version__, tinything.VALUE)"
    done = subprocess.run([str(python), "-I", "-c", ask], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == "5"
    with pytest.raises(LiteMlopsError, match="The recorded packages cannot be installed: "):
        make_environment(tmp_path / "other", {"tinything": "2.0"}, find_python(None))


def test_the_recorded_python_is_looked_for() -> None:
    assert find_python("{}.{}.99".format(*sys.version_info[:2])) == sys.executable
    with pytest.raises(NotFound, match=r"The run had Python 3\.2\.1 and there is no python3\.2 on"):
        find_python("3.2.1")
