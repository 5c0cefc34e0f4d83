"""One worker as the supervisor sees it: a process, orders to it, and what it tells.

Workers are fresh processes: threads of OpenMP and of the database do not survive a fork. They are
told everything over their standard input, and what they tell comes from their standard output.
"""

from __future__ import annotations

import base64
import json
import queue
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from statistics import fmean
from typing import Any

from lite_mlops.errors import LiteMlopsError
from lite_mlops.settings import environment_with_threads
from lite_mlops.web.workers.messages import Asked, Standing, line_of
from lite_mlops.web.workers.shares import Share

# The path is that of this process, so that a worker finds the same modules.
_CODE = (
    "import sys; sys.path[:] = sys.argv[1:]; from lite_mlops.web.workers.worker import main; main()"
)
# What a worker tells, with its number; None when nothing more comes.
Told = tuple[int, dict[str, Any] | None]


class Process:
    """A worker that was started.

    Args:
        shared: The port.
        asked: What it is to serve.
        folder: Where workers tell each other what they count.
        told: Where what it tells is put.
        at: When it is started.
        threads: How many threads libraries such as BLAS and OpenMP take in it, unless the user
            has set that; None: as many as there are processors.

    Attributes:
        number: Of the worker; no other of its server has it.
        ready: Whether it answers.
        leaving: Whether it was told to end.
        share: What it may have of the connections, as it was told last.
        standing: How it stood last.
        heard: When it last told something, or was told to end.
        trouble: What it could not be started for, or was ended for.
    """

    def __init__(
        self,
        number: int,
        shared: socket.socket,
        asked: Asked,
        folder: str,
        told: queue.SimpleQueue[Told],
        at: float,
        *,
        threads: int | None = None,
    ) -> None:
        self.number = number
        self.ready = self.leaving = False
        self.share: Share | None = None
        self.standing = Standing()
        self.heard = at
        self.trouble: LiteMlopsError | None = None
        self._measured: list[Standing] = []
        self._told = told
        self._process = subprocess.Popen(
            [sys.executable, *_warnings(), "-c", _CODE, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=None if threads is None else environment_with_threads(threads),
            **_inheriting(shared),
        )
        threading.Thread(target=self._read, name=f"lite-mlops-worker-{number}", daemon=True).start()
        port: Any = shared.fileno()
        if sys.platform == "win32":
            port = base64.b64encode(shared.share(self._process.pid)).decode()
        self.order("serve", number=number, port=port, folder=folder, asked=asked.to_dict())

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    def order(self, kind: str, **values: Any) -> None:
        """Tell it something; one that is gone does not hear it."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):
            self._process.stdin.write(line_of(kind, **values))
            self._process.stdin.flush()

    def stands(self, standing: Standing) -> None:
        """Take note of how it stands."""
        self.standing = standing
        self._measured.append(standing)

    def measured(self) -> tuple[float, float]:
        """Return the mean delay and business since the last time, or what was told last."""
        found = self._measured or [self.standing]
        self._measured = []
        return fmean(one.delay for one in found), fmean(one.busy for one in found)

    def leave(self, at: float) -> None:
        """Have it answer what it was asked and end, and leave the port to the others."""
        self.leaving = True
        self.heard = at
        self.order("leave")

    def end(self) -> None:
        """Have it take who waits at the port, answer, and end; one that is not ready ends now.

        Whether it is ready it knows best: it may answer before it is heard that it does.
        """
        self.leaving = True
        self.order("end")

    def kill(self) -> None:
        """End it at once."""
        with suppress(OSError):
            self._process.kill()

    def code(self, seconds: float) -> int | None:
        """Return its exit code; None if it still lives after `seconds`."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def close(self) -> None:
        """Let go of the pipes."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(OSError):
                pipe.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with suppress(OSError, ValueError):  # it died amid a line, or the pipe was closed
            for line in self._process.stdout:
                self._told.put((self.number, json.loads(line)))
        self._told.put((self.number, None))


def _warnings() -> list[str]:
    return [part for one in sys.warnoptions for part in ("-W", one)]


def _inheriting(shared: socket.socket) -> dict[str, Any]:
    """Return how a process is started that has the port, and that no Ctrl-C of ours reaches."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    else:  # noqa: RET505  type checkers see one of both
        return {"pass_fds": [shared.fileno()], "process_group": 0}
