"""Process groups: a command with everything that it starts, asked and made to end together.

    process = started(words, held=descriptor, cwd=folder, stdout=subprocess.PIPE)
    ask(process); lives(process); make_end(process)
    if ended(process): make_end(process)         # what it left behind
    code = code_of(process)

On POSIX a command leads a session of its own. On Windows it leads a group of the console, which
hears Ctrl-Break; what does not heed it is ended with its children by `taskkill`. What a command
left behind there is found as long as the command lives, and a lock is not handed on to it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

_SIGNALLED = 128  # plus the number of the signal, as shells say it

if sys.platform == "win32":  # pragma: no cover
    _LISTEN_SECONDS = 0.2  # a wait without end hears no Ctrl-C there

    def started(
        words: Sequence[str],
        held: int | None,  # noqa: ARG001
        **options: Any,
    ) -> subprocess.Popen[bytes]:
        """Start a command in a group of its own. Raises `OSError`."""
        flags = subprocess.CREATE_NEW_PROCESS_GROUP
        return subprocess.Popen(words, creationflags=flags, **options)

    def apart() -> dict[str, Any]:
        """Return how a process is started that `end_process` can ask to end."""
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}

    def ask(process: subprocess.Popen[bytes]) -> None:
        """Ask everything of a group to end, by Ctrl-Break; without a console it ends at once."""
        try:
            process.send_signal(signal.CTRL_BREAK_EVENT)
        except OSError:
            make_end(process)

    def make_end(process: subprocess.Popen[bytes]) -> None:
        """End a command with its children, if it lives."""
        if process.poll() is None:
            words = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
            subprocess.run(words, capture_output=True, check=False)

    def lives(process: subprocess.Popen[bytes]) -> bool:
        """Return whether a command goes on."""
        return process.poll() is None

    def ended(process: subprocess.Popen[bytes]) -> bool:  # noqa: ARG001
        """Return at once: what it left behind cannot be found after its end."""
        return False

    def code_of(process: subprocess.Popen[bytes]) -> int:
        """Wait for the end of a command and return its exit code."""
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(_LISTEN_SECONDS)

else:

    def started(words: Sequence[str], held: int | None, **options: Any) -> subprocess.Popen[bytes]:
        """Start a command in a group of its own, holding an open file. Raises `OSError`."""
        files = () if held is None else (held,)
        return subprocess.Popen(words, start_new_session=True, pass_fds=files, **options)

    def apart() -> dict[str, Any]:
        """Return how a process is started that `end_process` can ask to end."""
        return {}

    def ask(process: subprocess.Popen[bytes]) -> None:
        """Ask everything of a group to end."""
        _signal(process, signal.SIGTERM)

    def make_end(process: subprocess.Popen[bytes]) -> None:
        """End everything of a group at once."""
        _signal(process, signal.SIGKILL)

    def lives(process: subprocess.Popen[bytes]) -> bool:
        """Return whether anything of a group goes on."""
        process.poll()
        return _signal(process, 0)

    def ended(process: subprocess.Popen[bytes]) -> bool:
        """Wait for the end of a command without taking it in, so that its group keeps its number.

        Return whether that can be done here.
        """
        if not hasattr(os, "waitid"):  # some versions of macOS
            return False
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        return True

    def code_of(process: subprocess.Popen[bytes]) -> int:
        """Wait for the end of a command and return its exit code.

        It is 128 and the number of the signal, if one ended it.
        """
        code = process.wait()
        return code if code >= 0 else _SIGNALLED - code

    def _signal(process: subprocess.Popen[bytes], number: int) -> bool:
        """Send a signal to a group; return whether there is any of it."""
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):  # all of the group is gone
            return False
        return True
