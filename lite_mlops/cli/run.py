"""`lite-mlops run`: a tracked run of any script or command, without a change to it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from lite_mlops.cli.commands import open_project
from lite_mlops.security import mask_value
from lite_mlops.settings import environment_for_child

if TYPE_CHECKING:
    from lite_mlops.tracking import ActiveRun

OUTPUT_PATH = "output.log"
_BLOCK = 1 << 16
NOT_FOUND = 127  # as shells say it
_SIGNALLED = 128  # plus the number of the signal, as shells say it


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-P", "--param", "pairs", multiple=True, metavar="KEY=VALUE", help="A param.")
@click.option("-n", "--name", help="Name of the run; default: one is made up.")
@click.option("-e", "--experiment", help="Experiment of the run.")
@click.option("-t", "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag of the run.")
@click.option("--capture/--no-capture", default=True, help="Keep what is printed as an artifact.")
@click.option("--system-metrics", is_flag=True, help="Record CPU, memory and GPU use.")
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(
    pairs: tuple[str, ...],
    name: str | None,
    experiment: str | None,
    tags: tuple[str, ...],
    capture: bool,  # noqa: FBT001
    system_metrics: bool,  # noqa: FBT001
    script: str,
    arguments: tuple[str, ...],
) -> None:
    """Run a script or command as a tracked run.

    SCRIPT is a .py file or any command; `run` exits as it exits.

    Each -P is logged as a param and handed on: it replaces {KEY} in the arguments, or follows them
    as --KEY VALUE. What the script itself logs goes to the same run.
    """
    trailing, arguments = _params_among(arguments)
    params = dict(_pair(text, "-P") for text in (*pairs, *trailing))
    command = _command(script, arguments, params)
    project = open_project(must_exist=False)
    further = project.settings.mask
    masked = {key: mask_value(key, value, further) for key, value in params.items()}
    active = project.start_run(
        name,
        experiment=experiment,
        params=params,
        tags=dict(_pair(text, "-t") for text in tags),
        system_metrics=system_metrics or None,
        argv=_command(script, arguments, masked),
    )
    code = _carried_out(command, active, project.folder, capture=capture)
    active.set_tag("exit_code", code)
    active.end("finished" if code == 0 else "killed" if code == 130 else "failed")
    if active.joined:
        click.echo(f"Logged to run {active.id}, which goes on.", err=True)
    else:
        click.echo(f"Run {active.id} ({active.name}) {active.status}.", err=True)
    raise click.exceptions.Exit(code)


def _params_among(arguments: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """Split what stands behind the script into our -P options and its own arguments.

    `run train.py -P lr=0.1` reads naturally; `--` ends our options.
    """
    params, own, words = [], [], iter(arguments)
    for word in words:
        if word == "--":
            own += [*words]
        elif word == "-P":
            params.append(next(words, ""))
        else:
            own.append(word)
    return params, tuple(own)


def _pair(text: str, option: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.UsageError(f"{option} needs KEY=VALUE; {text!r} is not.")
    return key, value


def _command(script: str, arguments: tuple[str, ...], params: dict[str, str]) -> list[str]:
    """Return the command line, with the params handed on."""
    if script.endswith(".py") and not Path(script).is_file():
        raise click.UsageError(f"There is no file {script!r}.")
    if not script.endswith(".py") and shutil.which(script) is None:
        raise click.UsageError(f"There is no command {script!r}.")
    from lite_mlops.pipelines import script_words, words_with  # processes

    start = script_words(script, ())
    return words_with((*start, *arguments), params, first=len(start))


def _carried_out(command: list[str], active: ActiveRun, folder: Path, *, capture: bool) -> int:
    """Run the command and return its exit code; interrupts go to it first."""
    environment = environment_for_child(folder, active.id)
    pipe = subprocess.PIPE if capture else None
    try:
        process = subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe)
    except OSError as error:
        click.echo(f"Error: {command[0]!r} cannot be started: {error.strerror}.", err=True)
        return NOT_FOUND
    with process, _passing_on(process):
        if capture:
            _captured(process, active)
        code = process.wait()
    return code if code >= 0 else _SIGNALLED - code


class _passing_on:  # noqa: N801  a context manager that is used like a function
    """Passes SIGTERM on; SIGINT reaches the whole process group by itself."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        handlers = {signal.SIGTERM: self._terminate, signal.SIGINT: signal.SIG_IGN}
        for number, handler in handlers.items():
            self._before[number] = signal.signal(number, handler)  # type: ignore[arg-type]

    def _terminate(self, *_: object) -> None:
        self._process.terminate()

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _captured(process: subprocess.Popen[bytes], active: ActiveRun) -> None:
    """Show what the process prints while it prints it, and keep it with the run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / OUTPUT_PATH
        with path.open("wb") as file:
            mutex, rests = threading.Lock(), list[bytes]()
            pairs = ((process.stdout, sys.stdout.buffer), (process.stderr, sys.stderr.buffer))
            threads = [
                threading.Thread(target=_copy, args=(source, shown, file, mutex, rests))
                for source, shown in pairs
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            file.write(b"\n".join(rests))  # only now: what ends one stream begins no line
        if path.stat().st_size:
            active.log_artifact(path)


def _copy(
    source: IO[bytes],
    shown: IO[bytes] | None,
    kept: IO[bytes],
    mutex: threading.Lock,
    rests: list[bytes],
) -> None:
    """Show what comes at once, and keep it line by line, so that two streams mix between lines.

    The beginning of a line that the stream ends with is added to `rests`.
    """
    line = b""
    while block := source.read1(_BLOCK):  # type: ignore[attr-defined]
        whole, line = _up_to_last_line(line + block)
        with mutex:
            kept.write(whole)
            if shown is not None:
                try:
                    shown.write(block)
                    shown.flush()
                except BrokenPipeError:  # `lite-mlops run ... | head` has seen enough
                    shown = None
    if line:
        rests.append(line)


def _up_to_last_line(data: bytes) -> tuple[bytes, bytes]:
    """Return whole lines, and the beginning of one; what is very long is not waited for."""
    end = data.rfind(b"\n") + 1
    if not end and len(data) >= _BLOCK:
        end = len(data)
    return data[:end], data[end:]
