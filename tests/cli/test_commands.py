"""All commands together: help, exit codes, near names for typos, and what stops them."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest

from lite_mlops.cli import main
from lite_mlops.cli.commands import EXIT_CODES, FAILED, INTERRUPTED
from lite_mlops.project import Project
from lite_mlops.store.filelock import ProjectLock
from tests.cli.conftest import COMMAND, Cli, logged

README = Path(__file__).parents[2] / "README.md"

Tables = Callable[[], dict[str, list[tuple[Any, ...]]]]


def commands(
    group: click.Group = main, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that lead to it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = dict(commands())
every_command = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


# -- help ---------------------------------------------------------------------------------------


@every_command
def test_every_command_tells_its_use(cli: Cli, words: tuple[str, ...]) -> None:
    done = cli(*words, "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: lite-mlops {' '.join(words)} ")
    assert cli(*words, "-h").out == done.out
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize(
    "words", [(), *(words for words, one in COMMANDS.items() if isinstance(one, click.Group))]
)
def test_the_list_of_commands_cuts_no_text(cli: Cli, words: tuple[str, ...]) -> None:
    told = cli(*words, "--help").out.partition("\nCommands:\n")[2]
    listed = dict(re.findall(r"^  (\S+) +(\S.*)$", told, re.MULTILINE))
    assert listed.keys() == {path[-1] for path in COMMANDS if path[:-1] == words}
    for name, text in listed.items():
        assert text.endswith((".", ")")), (name, text)
        assert not text.endswith("..."), (name, text)


@every_command
def test_every_option_says_what_it_does(words: tuple[str, ...]) -> None:
    for parameter in COMMANDS[words].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


# The README is written by hand: this fails until it names each of them.
def test_the_readme_mentions_every_command() -> None:
    told = README.read_text(encoding="utf-8")
    wanted = {" ".join(words if words[1:] else ("lite-mlops", *words)) for words in COMMANDS}
    assert {words for words in wanted if not re.search(rf"\b{words}\b", told)} == set()


def test_without_a_command_the_help_is_shown(cli: Cli) -> None:
    done = cli()
    assert (done.code, done.out) == (2, "")
    assert done.err == cli("--help").out


def test_the_version_is_that_of_the_package(cli: Cli) -> None:
    done = cli("--version")
    assert (done.code, done.out) == (0, f"lite-mlops {version('lite-mlops')}\n")


# -- typos --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (("stats",), "There is no command 'stats'. Did you mean 'status' or 'estimates'?"),
        (("runs", "lst"), "There is no command 'lst'. Did you mean 'ls'?"),
        (("experiments", "renam"), "There is no command 'renam'. Did you mean 'rename'?"),
        (("models", "shwo"), "There is no command 'shwo'. Did you mean 'show'?"),
        (("xyz",), "There is no command 'xyz'."),
        (("",), "There is no command ''."),
        (("\x1b[31mruns",), r"There is no command '\x1b[31mruns'. Did you mean 'runs'?"),
    ],
)
def test_a_word_that_is_none_offers_the_near_ones(
    cli: Cli, line: tuple[str, ...], text: str
) -> None:
    done = cli(*line)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"Error: {text}\n")


def test_an_option_that_is_none_offers_the_near_ones(cli: Cli) -> None:
    done = cli("status", "--jsn")
    assert (done.code, done.out) == (2, "")
    assert "No such option" in done.err
    assert "'--json'" in done.err


# -- exit codes ---------------------------------------------------------------------------------


def test_the_help_lists_every_exit_code(cli: Cli) -> None:
    told = cli("--help").out.partition("Exit codes: ")[2].partition(".")[0]
    codes = {int(number) for number in re.findall(r"\d+", told)}
    assert codes == {0, FAILED, INTERRUPTED, *EXIT_CODES.values()}


def test_done_is_0(cli: Cli, project: Project) -> None:
    logged(project)
    assert cli("status").code == 0


def test_failed_is_1(cli: Cli, project: Project) -> None:
    with project.start_run() as run:
        run.log_text("x", "x.txt")
    (artifact,) = project.runs.get(run.id).artifacts
    project.store.objects.path(artifact.sha256).unlink()
    assert cli("doctor").code == 1


def test_a_wrong_call_is_2(cli: Cli, project: Project) -> None:
    logged(project)
    done = cli("runs", "ls", "--status", "finshed")
    text = "Error: a run is running, finished, failed, killed, crashed; 'finshed' is none of them."
    assert (done.code, done.out, done.err) == (2, "", f"{text}\n")


def test_not_found_is_3(cli: Cli, project: Project) -> None:
    logged(project)
    done = cli("runs", "show", "basline")
    text = "Error: There is no run 'basline'. Did you mean 'baseline'?\n"
    assert (done.code, done.out, done.err) == (3, "", text)


def test_a_conflict_is_4(cli: Cli, project: Project) -> None:
    run = logged(project)
    done = cli("runs", "restore", run)
    assert (done.code, done.out, done.err) == (4, "", f"Error: Run {run} is not deleted.\n")


def test_busy_is_5(cli: Cli, project: Project) -> None:
    logged(project)
    with ProjectLock(project.folder).exclusive("holding it in a test", 10):
        done = cli("runs", "ls", wait_seconds=0)
    assert (done.code, done.out) == (5, "")
    assert "holding it in a test" in done.err


def test_not_allowed_is_6(cli: Cli, project: Project, tables: Tables) -> None:
    run = logged(project)
    before = tables()
    done = cli("runs", "rm", run, free_space_mb=1_048_576)
    assert (done.code, done.out) == (6, "")
    assert "decisions wait until there is more than" in done.err
    assert tables() == before


def test_damaged_is_7(cli: Cli, project: Project, tables: Tables) -> None:
    logged(project)
    copy = project.backup().path
    (copy / "manifest.json").write_text("{")
    project.close()
    before = tables()
    done = cli("restore", copy, "--yes")
    assert (done.code, done.out) == (7, "")
    assert f"The backup in {copy} has an unreadable manifest.json" in done.err
    assert tables() == before


def test_interrupted_is_130(environment: None, project: Project, tables: Tables) -> None:
    run = logged(project)
    project.runs.delete(run)
    before = tables()
    process = subprocess.Popen(
        [*COMMAND, "runs", "purge", run],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    shown = b""
    while not shown.endswith(b"[y/N]: "):
        block = process.stdout.read1()  # type: ignore[attr-defined]
        assert block, shown
        shown += block
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out.strip(), err.strip()) == (b"", b"Interrupted.")
    assert tables() == before


# -- the project --------------------------------------------------------------------------------

_WORDS = {click.IntRange: "1", click.DateTime: "2026-01-31"}


def _required(command: click.Command) -> Iterator[str]:
    """What has to stand on the line of a command."""
    for one in command.params:
        if one.required:
            yield from one.opts[:1] if isinstance(one, click.Option) else ()
            choices = one.type.choices if isinstance(one.type, click.Choice) else ()
            yield choices[0] if choices else _WORDS.get(type(one.type), "x")


WITHOUT_PROJECT = [
    (*words, *_required(command))
    for words, command in COMMANDS.items()
    if not isinstance(command, click.Group)
    and words[0] not in ("init", "demo", "run", "restore", "import", "pipe", "sweep")
    and words not in (("data", "diff"), ("data", "leakage"), ("data", "add"), ("models", "import"))
]


@pytest.mark.parametrize("line", WITHOUT_PROJECT, ids=" ".join)
def test_without_a_project_a_command_says_how_to_make_one(
    cli: Cli, tmp_path: Path, line: tuple[str, ...]
) -> None:
    done = cli(*line)
    assert (done.code, done.out) == (3, "")
    assert done.err == (
        f"Error: There is no project in {tmp_path / 'work'} or above. `lite-mlops init` makes "
        "one; so does the first run that is logged.\n"
    )
    assert not list((tmp_path / "work").iterdir())


def test_a_project_folder_that_cannot_be_is_refused(cli: Cli, tmp_path: Path) -> None:
    done = cli("status", dir=tmp_path / "not" / "there")
    assert (done.code, done.out) == (2, "")
    assert f"{tmp_path / 'not' / 'there'} is not a folder." in done.err


def test_a_setting_that_cannot_be_used_is_refused(cli: Cli, project: Project) -> None:
    logged(project)
    done = cli("status", durability="ful")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "Error: LITE_MLOPS_DURABILITY: durability = 'ful' cannot be used: expected 'normal' or "
        "'full'.\n"
    )
