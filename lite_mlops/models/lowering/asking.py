"""Asking a plan: what `Asking` is for a model, without loading the model.

asking = PlanAsking(running, signature, lambda: Asking(load(), signature), faster_from=512)
asking.ask_checked(table)      # from the plan; many rows from the model, once it is loaded
asking.model                   # loads it
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from lite_mlops.errors import LiteMlopsError
from lite_mlops.models.answering import Answers, Asking, unanswerable
from lite_mlops.models.lowering.keeping import how_exact
from lite_mlops.models.lowering.running import Running
from lite_mlops.models.signature import Signature, Table

log = logging.getLogger("lite_mlops")


_FEW_ROWS = 2_000  # that one thread answers before several have begun


class FewThreads(Asking):
    """A loaded model that asks OpenMP for threads, which gets one of them for few rows."""

    def __init__(self, model: Any, signature: Signature) -> None:
        from threadpoolctl import ThreadpoolController  # it comes with scikit-learn

        super().__init__(model, signature)
        self._threads = ThreadpoolController()

    def ask_checked(self, table: Table) -> Answers:
        """Return the answers to rows that were validated. Raises `Invalid`."""
        if table.rows >= _FEW_ROWS:
            return super().ask_checked(table)
        with self._threads.limit(limits=1, user_api="openmp"):
            return super().ask_checked(table)


class PlanAsking(Asking):
    """A plan with the signature of its model, which is loaded when it is needed.

    Args:
        running: The plan.
        signature: What the model takes.
        open_model: Loads the model, and what asks it.
        faster_from: From so many rows on the model is faster than the plan; None: never.
    """

    by_plan = True

    def __init__(
        self,
        running: Running,
        signature: Signature,
        open_model: Callable[[], Asking],
        faster_from: int | None = None,
    ) -> None:
        self.signature = signature
        self.running = running
        self._open_model = open_model
        self._faster_from = faster_from
        self._probabilities = bool(signature.classes)
        self._original: Asking | None = None
        self._lock = threading.Lock()
        self._loading = False

    @property
    def path(self) -> str:
        """What answers, in words."""
        return f"a plan, as the model would {how_exact(self.running.plan.exact)}"

    @property
    def model(self) -> Any:
        """The model itself, loaded when it is first asked for. Raises as loading does."""
        return self._loaded().model

    def _loaded(self) -> Asking:
        with self._lock:
            if self._original is None:
                self._original = self._open_model()
            return self._original

    def ask_checked(self, table: Table) -> Answers:
        """Return the answers to rows that were validated. Raises `Invalid`."""
        if self._faster_from is not None and table.rows >= self._faster_from:
            if self._original is not None:
                return self._original.ask_checked(table)
            self._load_beside()
        try:
            return self.running.answer(table, probabilities=self._probabilities)
        except (ValueError, TypeError) as error:
            raise unanswerable(error) from error

    def _load_beside(self) -> None:
        """Load the model in a thread, once, for the next ones who ask for as many rows."""
        if not self._loading:
            self._loading = True
            threading.Thread(target=self._load_quietly, name="lite-mlops-load", daemon=True).start()

    def _load_quietly(self) -> None:
        try:
            self._loaded()
        except (LiteMlopsError, OSError) as error:  # the plan goes on answering
            log.warning("The model beside its plan could not be loaded: %s", error)
