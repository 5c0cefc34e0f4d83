"""Training: the pipeline of a loop, in a process of its own behind all others.

    outcome = train(pipelines, loop, began=lambda: ..., log=path)
    outcome.done, outcome.busy, outcome.said

Interrupted, the process is told to end and leaves everything clean; if this process is killed, it
goes on, and whoever comes next finds it busy.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from lite_mlops.htmltext import visible
from lite_mlops.loops.definition import Loop
from lite_mlops.pipelines import Pipelines, is_file
from lite_mlops.store import end_process

_BUSY = 5  # the exit code of `pipe run` when it is running already
_BUSY_SECONDS = 20.0  # in which it finds that out
_SAID = 4_000  # characters of the end of what it printed
_NICE = 10
_END_SECONDS = 30.0


@dataclass(frozen=True)
class Trained:
    """How a training ended."""

    code: int
    said: str

    @property
    def done(self) -> bool:
        """Whether all steps are done."""
        return self.code == 0

    @property
    def busy(self) -> bool:
        """Whether another process runs the pipeline, such as one whose parent was killed."""
        return self.code == _BUSY

    @property
    def last(self) -> str:
        """The last line that it printed."""
        return next((one for one in reversed(self.said.splitlines()) if one.strip()), "")


def train(
    pipelines: Pipelines, loop: Loop, began: Callable[[], object], *, again: bool = False
) -> Trained:
    """Run the pipeline of a loop; `began` is called when it runs here.

    `again` says that it was begun before: the process of then may still be at it, which takes a
    moment to find out.
    """
    what = loop.pipeline
    if what is not None and is_file(what):
        what = str(pipelines.root / what)
    if not again:
        began()
    with tempfile.TemporaryFile() as output:
        process = pipelines.start(
            what, params=loop.params, force=loop.force, nice=_NICE, output=output.fileno()
        )
        try:
            if again and _code_within(process, _BUSY_SECONDS) != _BUSY:
                began()
            code = process.wait()
        finally:
            end_process(process, _END_SECONDS)
        return Trained(code, _end_of(output))


def _code_within(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _end_of(output: IO[bytes]) -> str:
    size = output.seek(0, 2)
    output.seek(max(0, size - 4 * _SAID))
    return visible(output.read().decode(errors="replace"))[-_SAID:]
