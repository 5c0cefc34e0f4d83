"""`lite-mlops run`: any script becomes a tracked run, and ends as the script does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lite_mlops.project import Project
from lite_mlops.security.secrets import MASKED
from lite_mlops.tracking import Run
from tests.cli.conftest import COMMAND, RED, Cli

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]

ARGUMENTS = "import sys; print(sys.argv[1:])"


@pytest.fixture
def only_run(project: Project) -> Callable[[], Run]:
    """Returns the one run there is."""

    def found() -> Run:
        (run,) = project.runs.page()
        return project.runs.get(run.id)

    return found


def script(text: str, name: str = "fit.py") -> str:
    Path(name).write_text(text)
    return name


def output(project: Project) -> bytes:
    (run,) = project.runs.page()
    return project.runs.read_artifact(run.id, "output.log")


# -- what becomes of a script -------------------------------------------------------------------


def test_a_script_without_a_change_becomes_a_run(
    cli: Cli, project: Project, only_run: Callable[[], Run]
) -> None:
    line = ("run", "-n", "first", "-e", "churn", "-t", "stage=draft", "-P", "lr=0.1")
    done = cli(*line, script('print("trained")'))
    run = only_run()
    assert (done.code, done.out) == (0, "trained\n")
    assert done.err == f"Run {run.id} (first) finished.\n"
    assert (run.name, run.experiment, run.status) == ("first", "churn", "finished")
    assert (run.params, run.actor) == ({"lr": "0.1"}, "ann")
    assert run.tags == {"stage": "draft", "exit_code": "0"}
    assert output(project) == b"trained\n"


def test_a_command_becomes_a_run(cli: Cli, only_run: Callable[[], Run]) -> None:
    done = cli("run", "sh", "-c", "echo from a shell", capture_environment=1)
    assert (done.code, done.out) == (0, "from a shell\n")
    run = only_run()
    assert run.source["argv"] == ["sh", "-c", "echo from a shell"]
    assert "-" in run.name  # a name is made up
    assert run.experiment == "default"


def test_what_is_printed_passes_through_and_is_kept(cli: Cli, project: Project) -> None:
    text = """
import sys
print("a", flush=True); print("b", file=sys.stderr, flush=True)
sys.stdout.buffer.write(b"\\xff\\x00\\n")
"""
    done = cli("run", script(text))
    assert done.out == "a\n\N{REPLACEMENT CHARACTER}\x00\n"  # as the test decodes it
    assert done.err.startswith("b\nRun ")
    assert sorted(output(project).splitlines()) == [b"a", b"b", b"\xff\x00"]


def test_lines_of_both_streams_are_kept_whole(cli: Cli, project: Project) -> None:
    text = """
import sys
for number in range(200):
    for stream, letter in ((sys.stdout, "a"), (sys.stderr, "b")):
        stream.write(letter); stream.flush(); stream.write(f"{number}\\n"); stream.flush()
sys.stdout.write("the end")
"""
    assert cli("run", script(text)).code == 0
    lines = output(project).splitlines()
    for letter in (b"a", b"b"):
        wanted = [letter + b"%d" % number for number in range(200)]
        assert [line for line in lines if line.startswith(letter)] == wanted
    assert lines[-1] == b"the end"


def test_nothing_is_kept_of_a_silent_script(cli: Cli, only_run: Callable[[], Run]) -> None:
    assert cli("run", script("pass")).code == 0
    assert only_run().artifacts == ()


def test_without_capture_nothing_is_kept(command: Cli, only_run: Callable[[], Run]) -> None:
    done = command("run", "--no-capture", script('print("secret of the house")'))
    assert (done.code, done.out) == (0, "secret of the house\n")
    assert only_run().artifacts == ()


def test_system_metrics_are_recorded_on_demand(cli: Cli, only_run: Callable[[], Run]) -> None:
    assert cli("run", "--system-metrics", script("pass"), system_metrics_seconds=0.1).code == 0
    assert any(key.startswith("system/") for key in only_run().metrics)


def test_what_the_script_logs_goes_to_the_same_run(cli: Cli, only_run: Callable[[], Run]) -> None:
    text = """
import lite_mlops as lm
with lm.start_run("another name", experiment="another", params={"depth": 3}):
    lm.log_metric("loss", 0.5)
    lm.end_run("failed")
"""
    done = cli("run", "-n", "mine", "-P", "lr=1", script(text))
    run = only_run()
    assert done.code == 0
    assert (run.name, run.experiment) == ("mine", "default")
    assert run.params == {"lr": "1", "depth": "3"}
    assert run.metrics["loss"].value == 0.5
    assert run.status == "finished"  # the exit code decides


def test_what_the_script_logs_after_its_own_end_goes_to_the_same_run(
    cli: Cli, only_run: Callable[[], Run]
) -> None:
    text = """
import lite_mlops as lm
with lm.start_run():
    lm.log_metric("loss", 0.5)
lm.log_metric("late", 1.0)
"""
    assert cli("run", script(text)).code == 0
    assert set(only_run().metrics) == {"loss", "late"}


# -- params -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "arguments", "params"),
    [
        (["-P", "lr=0.1", "fit.py"], ["--lr", "0.1"], {"lr": "0.1"}),
        (["fit.py", "-P", "lr=0.1"], ["--lr", "0.1"], {"lr": "0.1"}),
        (["fit.py", "x", "-P", "lr=1", "y"], ["x", "y", "--lr", "1"], {"lr": "1"}),
        (
            ["-P", "a=1", "fit.py", "x", "-P", "b=2"],
            ["x", "--a", "1", "--b", "2"],
            {"a": "1", "b": "2"},
        ),
        (["-P", "lr=1", "fit.py", "rate:{lr}/{lr}"], ["rate:1/1"], {"lr": "1"}),
        (
            ["-P", "a=1", "-P", "b=2", "fit.py", "--x={a}"],
            ["--x=1", "--b", "2"],
            {"a": "1", "b": "2"},
        ),
        (["fit.py", "{b}"], ["{b}"], {}),
        (["-P", "q=a=b", "fit.py"], ["--q", "a=b"], {"q": "a=b"}),
        (["-P", "q=", "fit.py"], ["--q", ""], {"q": ""}),
        (["fit.py", "-e", "own", "--", "-P", "own"], ["-e", "own", "-P", "own"], {}),
        (
            ["-P", "a={b}", "-P", "b=1", "fit.py", "{a}"],
            ["{b}", "--b", "1"],
            {"a": "{b}", "b": "1"},
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_params_are_logged_and_handed_on(
    cli: Cli,
    only_run: Callable[[], Run],
    line: list[str],
    arguments: list[str],
    params: dict[str, str],
) -> None:
    script(ARGUMENTS)
    assert cli("run", *line).out == f"{arguments}\n"
    assert only_run().params == params


@pytest.mark.parametrize(
    ("key", "arguments"),
    [("db_password", []), ("db_password", ["{db_password}"]), ("api_key", ["--key={api_key}"])],
)
def test_secrets_reach_the_script_and_not_the_project(
    cli: Cli, project: Project, only_run: Callable[[], Run], key: str, arguments: list[str]
) -> None:
    script("import sys; sys.exit('hunter2' not in sys.argv[-1])")
    done = cli("run", "-P", f"{key}=hunter2", "fit.py", *arguments, capture_environment=1)
    assert done.code == 0
    assert only_run().params == {key: MASKED}
    for path in project.folder.rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path


# -- how it ends --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        ("import sys; sys.exit(3)", 3, "failed"),
        ("raise SystemExit", 0, "finished"),
        ("1 / 0", 1, "failed"),
        ("import os; os.kill(os.getpid(), 9)", 137, "failed"),
        ("import os; os.kill(os.getpid(), 2)", 130, "killed"),
    ],
)
def test_the_exit_code_is_that_of_the_script(
    cli: Cli, only_run: Callable[[], Run], text: str, code: int, status: str
) -> None:
    done = cli("run", script(text))
    run = only_run()
    assert done.code == code
    assert (run.status, run.tags["exit_code"]) == (status, str(code))
    assert done.err.endswith(f"Run {run.id} ({run.name}) {status}.\n")


def test_a_file_that_is_no_program_ends_as_in_a_shell(
    cli: Cli, only_run: Callable[[], Run]
) -> None:
    Path("program").write_bytes(b"\x00\x01")
    Path("program").chmod(0o755)
    done = cli("run", "./program")
    assert done.code == 127
    assert "Error: './program' cannot be started: Exec format error.\n" in done.err
    assert only_run().status == "failed"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 5), (signal.SIGINT, 6)], ids=lambda one: str(one)
)
def test_a_signal_reaches_the_script_which_ends_as_it_likes(
    environment: None, only_run: Callable[[], Run], number: signal.Signals, code: int
) -> None:
    text = """
import signal, sys, threading
for number, code in ((signal.SIGTERM, 5), (signal.SIGINT, 6)):
    signal.signal(number, lambda *_, code=code: sys.exit(code))
print("ready", flush=True)
threading.Event().wait()
"""
    process = subprocess.Popen(
        [*COMMAND, "run", script(text)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert only_run().tags["exit_code"] == str(code)


def test_a_reader_that_goes_away_does_not_stop_the_script(
    environment: None, project: Project, only_run: Callable[[], Run]
) -> None:
    text = "for number in range(20_000): print('line', number)"
    process = subprocess.Popen(
        [*COMMAND, "run", script(text)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    try:
        _, said = process.communicate(timeout=10)
    finally:
        process.terminate()
        process.wait()
    assert process.returncode == 0
    assert b"Traceback" not in said
    assert output(project).count(b"\n") == 20_000


def test_a_run_inside_a_run_logs_to_the_outer_one(cli: Cli, only_run: Callable[[], Run]) -> None:
    script("import sys; sys.exit(4)", "inner.py")
    text = f"import subprocess; subprocess.call({[*COMMAND, 'run', '-P', 'b=2', 'inner.py']})"
    done = cli("run", "-n", "outer", "-P", "a=1", script(text))
    run = only_run()
    assert done.code == 0
    assert (run.name, run.status) == ("outer", "finished")
    assert run.params == {"a": "1", "b": "2"}
    assert run.tags["exit_code"] == "0"
    assert set(re.findall(r"\((.*?)\)", done.err)) == {"outer"}


# -- wrong calls --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (["fti.py"], "There is no file 'fti.py'."),
        (["no-such-program"], "There is no command 'no-such-program'."),
        ([f"{RED}x.py"], r"There is no file '\x1b[31mx.py'."),
        ([], "Missing argument 'SCRIPT'."),
        (["fit.py", "-P"], "-P needs KEY=VALUE; '' is not."),
        (["-P", "lr", "fit.py"], "-P needs KEY=VALUE; 'lr' is not."),
        (["-P", "=1", "fit.py"], "-P needs KEY=VALUE; '=1' is not."),
        (["-t", "stage", "fit.py"], "-t needs KEY=VALUE; 'stage' is not."),
        (["-e", " ", "fit.py"], "experiment name is empty."),
        (["-n", "", "fit.py"], "run name is empty."),
        (
            ["-P", f"{RED}k=1", "fit.py"],
            (
                r"param name '\x1b[31mk' contains the control character '\x1b' at position 1. "
                "Names are text without control characters."
            ),
        ),
        (
            ["-P", f"k={'x' * 6001}", "fit.py"],
            (
                "param 'k' is too long: 6,001 characters, at most 6,000 are kept. Log long texts "
                "as an artifact: log_text(text, 'name.txt')."
            ),
        ),
    ],
)
def test_a_wrong_call_starts_nothing(
    cli: Cli, project: Project, tables: Tables, line: list[str], text: str
) -> None:
    project.create()
    before = tables()
    script('open("started", "w")')
    done = cli("run", *line)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"Error: {text}\n")
    assert tables() == before
    assert not Path("started").exists()
