"""Running a command: in a process group of its own, with what it prints shown and kept.

    command = Command(["python", "train.py"], folder, environment, output, show=print)
    code = command.wait()     # in whatever thread
    command.stop()            # from another one: the whole group ends

A command that outlives us, because we were killed, keeps the lock that it was handed: the next run
finds it at work and does not start the same step beside it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from lite_mlops.errors import NotFound
from lite_mlops.pipelines import groups

_GRACE_SECONDS = 3.0
_POLL_SECONDS = 0.01
_BLOCK = 1 << 16


def shell_words(command: str | Sequence[str]) -> list[str]:
    """Return a command as words; a line goes to the shell."""
    if not isinstance(command, str):
        return [*command]
    return ["cmd", "/c", command] if sys.platform == "win32" else ["sh", "-c", command]


def with_our_python(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which `python` is the one that runs here."""
    place = os.path.dirname(sys.executable)
    return {**environment, "PATH": os.pathsep.join((place, environment.get("PATH", "")))}


def script_words(script: str, arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the command that runs a script: a .py file by this Python, anything else itself."""
    start = (sys.executable, script) if script.endswith(".py") else (script,)
    return (*start, *arguments)


def words_with(command: Sequence[str], params: Mapping[str, str], *, first: int = 0) -> list[str]:
    """Return a command with params handed on: in the place of {KEY}, or behind as --KEY VALUE."""
    used: set[str] = set()

    def value_of(match: re.Match[str]) -> str:
        used.add(match[1])
        return params[match[1]]

    keys = "|".join(re.escape(key) for key in params)
    words = [
        re.sub(rf"\{{({keys})\}}", value_of, word) if keys and place >= first else word
        for place, word in enumerate(command)
    ]
    for key, value in params.items():
        if key not in used:
            words += [f"--{key}", value]
    return words


class Command:
    """A command that runs.

    Args:
        words: The command and its arguments.
        folder: Where it runs.
        environment: Its variables.
        output: The file that gets what it prints.
        show: Called with each line that it prints; default: nobody sees it meanwhile.
        held: An open file that it holds as long as it lives.

    Raises:
        NotFound: it cannot be started.
    """

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        output: Path,
        *,
        show: Callable[[str], None] | None = None,
        held: int | None = None,
    ) -> None:
        self._show = show
        self._stopping = False
        try:
            self._process = groups.started(
                words,
                held,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            what = error.filename if error.filename == str(folder) else words[0]
            raise NotFound(f"{what!r} cannot be started: {error.strerror}.") from None
        self._reader = threading.Thread(target=self._read, args=(output,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process, which leads its group."""
        return self._process.pid

    def _read(self, output: Path) -> None:
        assert self._process.stdout is not None
        with output.open("wb") as file, self._process.stdout as stream:
            for line in _lines(stream):
                file.write(line)
                file.flush()
                if self._show is not None:
                    self._show(line.decode("utf-8", "replace").rstrip("\r\n"))

    def wait(self) -> int:
        """Wait for its end and return its exit code; 128 and the number of a signal that ended it.

        What it left running in its group is ended with it, where that can be found.
        """
        if groups.ended(self._process) and not self._stopping:
            groups.make_end(self._process)  # else they have some time to end by themselves
        code = groups.code_of(self._process)
        self._reader.join(_GRACE_SECONDS)  # one that left the group may hold its output open
        return code

    def ask(self) -> None:
        """Ask it to end, and wait until it did."""
        groups.ask(self._process)
        groups.code_of(self._process)
        self._reader.join(_GRACE_SECONDS)

    def stop(self) -> None:
        """End it with everything that it started: asked first, then made to."""
        self._stopping = True
        groups.ask(self._process)
        deadline = time.monotonic() + _GRACE_SECONDS
        while groups.lives(self._process) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        groups.make_end(self._process)
        groups.code_of(self._process)


def _lines(stream: IO[bytes]) -> Sequence[bytes] | IO[bytes]:
    """Yield lines; one that is very long comes in pieces."""
    return iter(lambda: stream.readline(_BLOCK), b"")  # type: ignore[return-value]
