"""The story of an endpoint: what happened to it, a line each, readable by everyone afterwards.

    note(store, "churn@champion", "started", 3, pid=4711, url="http://127.0.0.1:8000")
    project.sql("SELECT ts, what, version, detail FROM endpoint_story ORDER BY ts")

Decisions about an endpoint are lines of its story as well, with who made them and why.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from lite_mlops.store import Store
from lite_mlops.store.events import EndpointNoted

# What servers tell by themselves.
What: TypeAlias = Literal[
    "started",
    "stopped",
    "moved",  # the alias: another version answers
    "canary answers",
    "canary cannot answer",
    "canary hangs",  # a call has not returned in time
    "canary returned",
    "canary stopped",  # at once, before the decision is recorded
    "shadow asked",
    "shadow cannot be asked",
    "shadow hangs",
    "shadow returned",
    "workers",  # their number changed
    "worker died",
    "not ready",
    "ready",
]


def note(
    store: Store, reference: str, what: What, version: int | None = None, **detail: Any
) -> None:
    """Add a line to the story of an endpoint; never waits and never fails.

    Args:
        store: The store of the project.
        reference: What the endpoint answers for.
        what: What happened.
        version: The version that it is about.
        detail: More of it: anything that JSON can hold.
    """
    store.append(
        EndpointNoted(
            reference=reference,
            writer=store.journal.writer,
            what=what,
            version=version,
            detail=detail or None,
        )
    )
