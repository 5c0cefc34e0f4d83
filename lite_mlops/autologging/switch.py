"""Switching autologging on and off.

autolog(current_project)                     # on, until it is switched off
with autolog(current_project, log_plots=False):
    model.fit(features, labels)
autolog(current_project, disable=True)       # off; scikit-learn is as it was
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from lite_mlops.autologging import patching
from lite_mlops.autologging.options import Options
from lite_mlops.autologging.watching import Watch
from lite_mlops.errors import Invalid
from lite_mlops.tracking.keys import shown

if TYPE_CHECKING:
    from lite_mlops.data import Datasets
    from lite_mlops.models import Models
    from lite_mlops.store import Store
    from lite_mlops.tracking import ActiveRun


class Place(Protocol):
    """What autologging needs of a project."""

    experiment: str
    store: Store

    @property
    def datasets(self) -> Datasets:
        """The datasets."""

    @property
    def models(self) -> Models:
        """The registered models."""

    def start_run(self) -> ActiveRun:
        """Start a run and make it the active one."""


_lock = threading.Lock()


class Autolog:
    """The handle of autologging; as a context manager it brings back what was before."""

    def __init__(self, before: Watch | None, options: Options | None) -> None:
        self.options = options
        self._before = before

    def __repr__(self) -> str:
        return f"<Autolog {self.options or 'off'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _switch(self._before)


def _switch(watch: Watch | None) -> Watch | None:
    """Have `watch` see the calls from now on, None for nobody; return the one before."""
    with _lock:
        before: Watch | None = patching.seen_by()
        patching.observe_by(watch)
        return before


def autolog(
    place: Callable[[], Place], *, disable: bool = False, depth: int = 1, **options: Any
) -> Autolog:
    """Have every fit become a run of the project that `place` returns at that time.

    scikit-learn is not imported by this: it is changed at once where it is loaded, else when it is.
    `depth` says how many callers lie between this and the script, whose imported metrics are
    observed as well.

    Raises:
        Invalid: an option is unknown or cannot be used; nothing has changed then.
    """
    if not isinstance(disable, bool):
        raise Invalid(f"autolog: disable is True or False; {shown(disable)} is neither.")
    chosen = Options.from_keywords(options)
    if disable:
        return Autolog(_switch(None), None)
    before = _switch(Watch(place, chosen))
    patching.observe_imported_metrics(sys._getframe(depth).f_globals)  # noqa: SLF001
    return Autolog(before, chosen)
