"""Patience: a model that may never return is asked in a thread, and not waited for too long.

    patience = Patience("churn/4", seconds=2.0)
    answers = patience.ask(loaded_ask, tables)     # raises `Hangs` after two seconds
    patience.hangs                                 # nobody asks it until it has returned

A thread that hangs is left to itself: nothing can end it, and it does not keep the process alive.
(A model that holds the interpreter itself, in C code, holds up all threads; no limit helps there.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence, Sized
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, TypeAlias, TypeVar

from lite_mlops.errors import Busy

R = TypeVar("R")
T = TypeVar("T", bound=Sized)  # tables, by their rows

_ROWS = 1_024  # for which a model has `seconds`; for twice as many it has twice as long


class Hangs(Busy):
    """A model did not return in time."""


class Patience:
    """Asks a model in threads, as many as there are who ask at the same time.

    Args:
        name: What is asked, such as churn/4.
        seconds: How long a call of up to a thousand rows may take. One that took longer rests for
            as long again after it has returned.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self.seconds = seconds
        self._name = name
        self._lock = threading.Lock()
        self._idle: list[_Asker] = []
        self._hanging = 0
        self._rests_until = 0.0
        self._closed = False

    @property
    def hangs(self) -> bool:
        """Whether a call has not returned, or only just did after it was given up."""
        if not self._hanging and not self._rests_until:  # as ever
            return False
        return self._hanging > 0 or monotonic() < self._rests_until

    def ask(self, ask: Callable[[Sequence[T]], R], tables: Sequence[T]) -> R:
        """Return what `ask` says to tables; what it raises is raised.

        Raises:
            Hangs: it did not return in time, or it is not asked because an earlier call did not.
        """
        seconds = self.seconds * max(1.0, sum(map(len, tables)) / _ROWS)
        if self.hangs:
            raise Hangs(f"{self._name} is not asked: an earlier call has not returned in time.")
        with self._lock:
            asker = self._idle.pop() if self._idle else _Asker(self._returned)
        call = _Call(ask, tables)
        asker.calls.put(call)
        try:
            result = call.results.get(timeout=seconds)
        except Empty:
            with self._lock:  # it may have returned at the last moment
                call.given_up = call.results.empty()
                self._hanging += call.given_up
            if call.given_up:
                raise Hangs(f"{self._name} did not return within {seconds:.3g} s.") from None
            result = call.results.get()
        with self._lock:
            if not self._closed:
                self._idle.append(asker)
        if self._closed:
            asker.calls.put(None)
        if isinstance(result, _Raised):
            raise result.error
        found: R = result
        return found

    def close(self) -> None:
        """Let go of the threads; who still asks is answered."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for asker in idle:
            asker.calls.put(None)

    def _returned(self, call: _Call, result: Any) -> bool:
        """Hand over what a call said, and return whether somebody waited for it."""
        with self._lock:
            if not call.given_up:
                call.results.put(result)
                return True
            self._rests_until = monotonic() + self.seconds
            self._hanging -= 1
            return False


class _Raised:
    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


class _Call:
    __slots__ = ("ask", "given_up", "results", "tables")

    def __init__(self, ask: Callable[[Sequence[Any]], Any], tables: Sequence[Any]) -> None:
        self.ask = ask
        self.tables = tables
        self.results: SimpleQueue[Any] = SimpleQueue()
        self.given_up = False


Returned: TypeAlias = Callable[[_Call, Any], bool]


class _Asker:
    """A thread that makes one call after the other, until one of them was given up."""

    def __init__(self, returned: Returned) -> None:
        self.calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._returned = returned
        threading.Thread(target=self._run, name="lite-mlops-trial", daemon=True).start()

    def _run(self) -> None:
        while (call := self.calls.get()) is not None:
            result: Any
            try:
                result = call.ask(call.tables)
            except Exception as error:  # noqa: BLE001 (who asked is told)
                result = _Raised(error)
            except BaseException as error:  # noqa: BLE001 (a model that tries to end the process)
                result = _Raised(RuntimeError(f"it ended with {type(error).__name__}: {error}"))
            if not self._returned(call, result):
                return
