"""Being the one process of a project that does something, such as having its monitors look.

    with alone(store.layout.watching, "The monitors look", wait_seconds=30):
        ...

The lock is that of a file: it ends with the process, however that ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lite_mlops.errors import Busy
from lite_mlops.store.filelock import held_if_free

_POLL_SECONDS = 0.05


@contextmanager
def alone(path: Path, what: str, wait_seconds: float | None) -> Iterator[bool]:
    """Hold what only one process may; tell whether it is held.

    Args:
        path: The lock file, in the folder of the project, which is there.
        what: What the other process does, such as "The monitors look".
        wait_seconds: How long to wait for another process; None: do not, and tell.

    Raises:
        Busy: another process held it all that time.
    """
    deadline = time.monotonic() + (wait_seconds or 0)
    while True:
        with held_if_free(path) as free:
            if free or wait_seconds is None:
                yield free
                return
        if time.monotonic() >= deadline:
            raise Busy(f"{what} in another process, such as a server. Try again when that is done.")
        time.sleep(_POLL_SECONDS)
