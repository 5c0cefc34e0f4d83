"""One run of a pipeline at a time, and none beside steps that outlived a run that was killed.

    with alone(layout, "pipeline") as held:
        held.path          # whoever carries a step out holds it shared, as long as it lives

Both are locks of the operating system, which end with their process, however it ends.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lite_mlops.errors import Busy
from lite_mlops.store import Layout, try_lock


@dataclass(frozen=True)
class Held:
    """The lock of the steps of a pipeline that runs."""

    path: Path

    @contextmanager
    def at_work(self) -> Iterator[int]:
        """Hold it for a step; a child that gets the open file goes on holding it."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try_lock(descriptor, shared=True)  # whoever runs the pipeline lets it be free
            yield descriptor
        finally:
            os.close(descriptor)


def place_of(layout: Layout, pipeline: str) -> Path:
    """Return the path, without ending, of what is kept about a pipeline; its folder is made."""
    layout.make()
    layout.pipelines.mkdir(mode=0o700, exist_ok=True)
    return layout.pipelines / hashlib.sha256(pipeline.encode()).hexdigest()[:32]


def _try(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if try_lock(descriptor):
        return descriptor
    os.close(descriptor)
    return None


@contextmanager
def alone(layout: Layout, pipeline: str) -> Iterator[Held]:
    """Be the only one who runs a pipeline of a project.

    Raises:
        Busy: another process runs it, or steps of a run that was killed are still going on.
    """
    place = place_of(layout, pipeline)
    running = _try(place.with_suffix(".lock"))
    if running is None:
        raise Busy(
            f"The pipeline {pipeline!r} is running already, in another process; wait until it is "
            "done."
        )
    try:
        steps = place.with_suffix(".steps")
        left = _try(steps)
        if left is None:
            raise Busy(
                f"A run of the pipeline {pipeline!r} was killed, and a step of it is still going "
                f"on; wait until it is done, or end it. It holds {steps}."
            )
        os.close(left)
        yield Held(steps)
    finally:
        os.close(running)
