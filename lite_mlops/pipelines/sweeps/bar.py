"""A bar on the terminal: how far a sweep is, and the best so far. Nothing where there is none."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lite_mlops.pipelines.sweeps.trials import Trial

_WIDTH = 24


class Bar:
    """Draws one line again and again."""

    def __init__(self, metric: str, *, minimize: bool) -> None:
        self._metric, self._sign = metric, 1 if minimize else -1
        self._best: float | None = None
        self._failed = 0
        self._drawn = False

    def __call__(self, trial: Trial, done: int, total: int) -> None:
        """Draw that a trial has ended."""
        if trial.value is None:
            self._failed += 1
        elif self._best is None or self._sign * trial.value < self._sign * self._best:
            self._best = trial.value
        filled = _WIDTH * done // max(total, 1)
        line = f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{total}"
        if self._best is not None:
            line += f"  best {self._metric} {self._best:.6g}"
        if self._failed:
            line += f"  {self._failed} failed"
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r{line[:width]}\x1b[K")
        sys.stderr.flush()
        self._drawn = True

    def end(self) -> None:
        """Take the line away."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@contextmanager
def shown_bar(metric: str, *, minimize: bool) -> Iterator[Bar | None]:
    """Yield a bar, if standard error is a terminal."""
    bar = Bar(metric, minimize=minimize) if sys.stderr.isatty() else None
    try:
        yield bar
    finally:
        if bar is not None:
            bar.end()
