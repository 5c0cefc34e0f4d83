"""The signals that tell a process to end.

with told_to_end(handler):     # in the main thread; those that are ignored stay so
    ...
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

if sys.platform == "win32":  # pragma: no cover
    STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGBREAK)
else:
    STOPPING = (signal.SIGTERM, signal.SIGINT)

Handler = Callable[[int, FrameType | None], None]


@contextmanager
def told_to_end(handler: Handler) -> Iterator[None]:
    """Have a handler be told of them for the time being; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in STOPPING}
    for number, one in before.items():
        if one is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, one in before.items():
            signal.signal(number, one)
