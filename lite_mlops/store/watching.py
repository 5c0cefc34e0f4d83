"""Being the one process of a project whose monitors look, and which tells of what they find.

    with watching_alone(store, wait_seconds=30):
        ...

However many servers and workers there are: two at once would look twice and tell twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from lite_mlops.errors import Busy
from lite_mlops.store.filelock import held_if_free
from lite_mlops.store.store import Store

_POLL_SECONDS = 0.05


@contextmanager
def watching_alone(store: Store, wait_seconds: float | None) -> Iterator[bool]:
    """Hold what only one process may; tell whether it is held.

    Args:
        store: The store of the project.
        wait_seconds: How long to wait for another process; None: do not, and tell.

    Raises:
        Busy: another process held it all that time.
    """
    store.layout.make()
    deadline = time.monotonic() + (wait_seconds or 0)
    while True:
        with held_if_free(store.layout.watching) as free:
            if free or wait_seconds is None:
                yield free
                return
        if time.monotonic() >= deadline:
            raise Busy(
                f"The monitors of {store.layout.folder.parent} are looking in another process, "
                "such as a server. Try again when they are done."
            )
        time.sleep(_POLL_SECONDS)
