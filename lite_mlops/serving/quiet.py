"""Folding in quiet moments: what a server recorded becomes rows when it has little else to do.

    folding = QuietFolding(store)
    folding.look()          # again and again, at even times

Who serves for weeks folds what it records, or the next one who reads would have to do it all. That
takes some 7 microseconds for each recorded row of 30 numbers, so it waits while much is asked, up
to a bound that keeps readers from waiting for longer than a second or two.
"""

from __future__ import annotations

from lite_mlops.store import Store

_WORTH_BYTES, _MOST_BYTES = 16_000_000, 64_000_000
_QUIET_BYTES = 100_000  # that came in between two looks


class QuietFolding:
    """Folds a journal that grew, when nobody asks much or when it must be."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._before = 0  # bytes, at the last look

    def look(self) -> None:
        """Fold if it is worth it and the time is good."""
        waiting = self._store.unfolded_bytes
        came, self._before = waiting - self._before, waiting
        if waiting > _MOST_BYTES or (waiting > _WORTH_BYTES and came < _QUIET_BYTES):
            self._store.fold()
            self._before = self._store.unfolded_bytes
