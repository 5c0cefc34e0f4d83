"""Counting: what a server was asked becomes facts of the project, a line a minute.

    counting = Counting(store, ["churn@champion"], http, delays)
    counting.tell()            # again and again; writes only what is new, and not too often
    counting.tell(last=True)

Predictions are recorded one by one; what was refused, failed or had to wait is known only here. A
line holds counts, not requests, so that it costs nothing however much is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any, NamedTuple

from lite_mlops.store import Store, now
from lite_mlops.store.events import RequestsSeen
from lite_mlops.web.kernel.metrics import SECONDS, HttpMetrics, Sizes

EVERY_SECONDS = 60.0


class Counts(NamedTuple):
    """Requests that ask a model, since the server began."""

    requests: int = 0
    refused: int = 0  # 4xx
    failed: int = 0  # 5xx
    overloaded: int = 0  # of those, 503
    seconds: tuple[int, ...] = (0,) * (len(SECONDS) + 1)  # how many took up to each bound
    delays: tuple[int, ...] = (0,) * (len(SECONDS) + 1)  # how many turns waited up to each bound

    def since(self, before: Counts) -> Counts:
        """Return what was counted since `before`."""
        return Counts(
            self.requests - before.requests,
            self.refused - before.refused,
            self.failed - before.failed,
            self.overloaded - before.overloaded,
            _less(self.seconds, before.seconds),
            _less(self.delays, before.delays),
        )


def _less(counts: Sequence[int], before: Sequence[int]) -> tuple[int, ...]:
    return tuple(one - other for one, other in zip(counts, before, strict=True))


def asks_a_model(route: str) -> bool:
    """Return whether who asks at a route asks a model."""
    return route.rpartition("/")[2] in ("predict", "invocations", "infer")


class Counting:
    """Writes down what a server counts of the requests to its models.

    Args:
        store: The store of the project.
        references: What is served.
        http: What counts answers.
        delays: What counts how long requests waited for the work on them to begin.
    """

    def __init__(
        self, store: Store, references: Sequence[str], http: HttpMetrics, delays: Sizes
    ) -> None:
        self._store = store
        self._references = list(references)
        self._http = http
        self._delays = delays
        self._told = Counts()
        self._told_at = monotonic()
        self._since = now()

    def tell(self, *, last: bool = False) -> None:
        """Write down what is new, if a minute has passed or it is the last time."""
        if not last and monotonic() - self._told_at < EVERY_SECONDS:
            return
        counts, until = self._counts(), now()
        new = counts.since(self._told)
        if new.requests:
            self._store.append(self._event(new, until))
        self._told, self._told_at, self._since = counts, monotonic(), until

    def _counts(self) -> Counts:
        seconds = [0] * (len(SECONDS) + 1)
        by_status: dict[int, int] = {}
        for route, status, count in self._http.answers():
            if asks_a_model(route):
                by_status[status] = by_status.get(status, 0) + count
        for route, sizes in self._http.sizes():
            if asks_a_model(route):
                seconds = [one + other for one, other in zip(seconds, sizes.counts, strict=True)]

        def of(low: int, high: int) -> int:
            return sum(count for status, count in by_status.items() if low <= status < high)

        return Counts(
            sum(by_status.values()),
            of(400, 500),
            of(500, 600),
            of(503, 504),
            tuple(seconds),
            tuple(self._delays.counts),
        )

    def _event(self, new: Counts, until: int) -> RequestsSeen:
        detail: dict[str, Any] = {
            "bounds": list(SECONDS),
            "seconds": list(new.seconds),
            "delays": list(new.delays),
        }
        return RequestsSeen(
            names=self._references,
            since=self._since,
            until=until,
            requests=new.requests,
            refused=new.refused,
            failed=new.failed,
            overloaded=new.overloaded,
            detail=detail,
        )
