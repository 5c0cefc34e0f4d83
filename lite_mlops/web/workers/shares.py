"""Shares: which worker takes how many connections, so that none has much more than the others.

Connections are kept, so a new worker gets none by itself. A worker with too many takes no further
ones, and ends some of them with their next answers; their clients connect again, and others take
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_UNEVEN = 1.25  # times the mean


@dataclass(frozen=True)
class Share:
    """What one worker may have.

    Attributes:
        most: Connections, at most.
        keep: It takes no further ones, and ends those beyond this number; None: it may go on.
    """

    most: int
    keep: int | None = None


def shares(connections: Sequence[int], total: int) -> list[Share]:
    """Return the shares of workers that have so many connections, of `total` for all of them."""
    workers = len(connections)
    if not workers:
        return []
    mean = sum(connections) / workers
    least, rest = divmod(max(total, workers), workers)
    found = []
    for place, count in enumerate(connections):
        most = least + (place < rest)
        uneven = count > _UNEVEN * mean and count - min(connections) > 1
        full = count >= most and sum(connections) < total
        keep = -int(-mean // 1) if uneven else most if full else None
        found.append(Share(most, keep))
    return found
