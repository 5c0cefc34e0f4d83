"""Trying: a server has its endpoints try what is decided, judges canaries, and tells what it saw.

trying = Trying(store, models, served, load)
trying.follow()      # when something was decided
trying.look()        # a few times a second
trying.end()
"""

from __future__ import annotations

import logging
import time

from lite_mlops.models import Models, ModelVersion
from lite_mlops.serving.beside import Beside, CountsOf, Load, Means, Say, counted_here
from lite_mlops.serving.endpoints import Endpoints
from lite_mlops.serving.loaded import Loaded
from lite_mlops.serving.served import Served
from lite_mlops.serving.trials.judging import Rules
from lite_mlops.serving.trials.trial import Trial
from lite_mlops.store import Store

log = logging.getLogger("lite_mlops")

_TELL_SECONDS = 5.0  # between two writings of what was counted


class Trying:
    """What one server tries.

    Args:
        store: The store of the project.
        models: Its models.
        served: The endpoints.
        load: Loads a version and proves it by its example.
        say: Is told, in a sentence, what changed and what could not.
        counts: By what canaries are judged; None: they are judged in another process.

    Attributes:
        beside: What is tried, by the reference of the endpoint.
    """

    def __init__(
        self,
        store: Store,
        models: Models,
        served: Served,
        load: Load,
        say: Say = log.info,
        counts: CountsOf | None = counted_here,
    ) -> None:
        self._endpoints = Endpoints(store, models)
        self._told_at = 0.0
        rules = Rules.of(store.settings)
        means = Means(store, models, self._endpoints, load, say, rules, counts)
        self.beside = {
            reference: Beside(reference, endpoint, means) for reference, endpoint in served
        }

    def loaded(self, reference: str, version: ModelVersion) -> Loaded | None:
        """Return a version if it is loaded already, as the canary of an endpoint."""
        beside = self.beside[reference]
        found = beside.promoted if beside.tried is None else beside.tried.canary.loaded
        return None if found is None or found.version.name != version.name else found

    def follow(self) -> None:
        """Have each endpoint try what is decided."""
        trials = self._endpoints.trials()
        for reference, beside in self.beside.items():
            beside.follow(trials.get(reference, Trial(reference)))

    def look(self) -> None:
        """Judge the canaries; now and then write down what was counted."""
        rolled_back = [beside.judge() for beside in self.beside.values()]
        if any(rolled_back):
            self.follow()
        if time.monotonic() - self._told_at >= _TELL_SECONDS:
            self.tell()

    def tell(self) -> None:
        """Write down what was counted since it was written last."""
        self._told_at = time.monotonic()
        for beside in self.beside.values():
            beside.tell()

    def end(self) -> None:
        """Try nothing more in this process, and write down what was counted."""
        for beside in self.beside.values():
            beside.stop()
