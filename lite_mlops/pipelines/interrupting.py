"""Interrupts: what asks a process to end counts as Ctrl-C, and cleaning up is not interrupted."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

if sys.platform == "win32":  # pragma: no cover
    ASKING = (signal.SIGTERM, signal.SIGBREAK)
else:
    ASKING = (signal.SIGTERM,)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def terminable() -> Iterator[None]:
    """Have SIGTERM, or Ctrl-Break on Windows, interrupt as Ctrl-C does, to leave all clean."""
    if not _is_main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = [signal.signal(number, interrupt) for number in ASKING]
    try:
        yield
    finally:
        for number, handler in zip(ASKING, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let nothing interrupt the cleaning up."""
    if not _is_main_thread():
        yield
        return
    numbers = (signal.SIGINT, *ASKING)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
