"""What a client may ask of a server: sizes, times and counts, all with a default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of a server; times are seconds, sizes are bytes.

    Attributes:
        head_seconds, head_bytes, headers: The request line and the headers.
        body_seconds, body_bytes: The body; a route may take larger ones.
        json_depth: How deep lists and objects of JSON may lie in each other.
        rows: Rows of one request.
        idle_seconds: How long a connection may be silent between two requests.
        connections: Open at a time; a further one is answered 503.
        requests: Answered over one connection, before it is closed.
        queue: Requests that wait for an answer at a time; a further one is answered 503.
        queue_seconds: How long a request may wait before work on it begins.
        request_seconds: From the last byte of a request to the first of its answer.
        write_seconds: How long a client may leave an answer unread.
        drain_seconds: How long accepted requests may take once the server stops.
    """

    head_seconds: float = 5.0
    head_bytes: int = 16_384
    headers: int = 100
    body_seconds: float = 10.0
    body_bytes: int = 10_000_000
    json_depth: int = 32
    rows: int = 10_000
    idle_seconds: float = 15.0
    connections: int = 256
    requests: int = 1_000_000
    queue: int = 1_024
    queue_seconds: float = 1.0
    request_seconds: float = 10.0
    write_seconds: float = 10.0
    drain_seconds: float = 10.0
