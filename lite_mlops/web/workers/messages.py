"""Messages between the supervisor and a worker: a line of JSON each, over the pipes of the process.

A worker is told what it serves (`Asked`), and then orders; it tells how it stands, and what is to
be said. Whatever the model prints goes another way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self


def line_of(kind: str, **values: Any) -> str:
    """Return a message as it goes over a pipe."""
    return json.dumps({"kind": kind, **values}) + "\n"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be served, and to whom: as `serve_references` and `serve_bundle` take it.

    Attributes:
        references: Of versions; or the path of a bundle.
        project: The folder of the project; None for a bundle.
        settings: Of the project, beside those of its file and of the environment.
        host, certfile, keyfile: As `Server` takes them.
        hosts, origins, limits: As `Doors` takes them; limits by name, those that differ.
        require_token: Whether clients need one of the project.
        token_hash: Of the one that clients of a bundle need.
        options: Further ones, such as `sample`, `inputs`, `strict` and `trust`.
        decided: Options that are decisions, such as `canary`: for the first worker alone, as the
            others follow what was decided.
    """

    references: tuple[str, ...]
    project: str | None
    host: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    certfile: str | None = None
    keyfile: str | None = None
    hosts: tuple[str, ...] | None = None
    origins: tuple[str, ...] = ()
    limits: Mapping[str, Any] = field(default_factory=dict)
    require_token: bool = False
    token_hash: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    decided: Mapping[str, Any] = field(default_factory=dict)

    @property
    def needs_token(self) -> bool:
        """Whether clients need a token."""
        return self.require_token or self.token_hash is not None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Self:
        """Return what `to_dict` gave."""
        values = dict(told)
        for name in ("references", "hosts", "origins"):
            if values[name] is not None:
                values[name] = tuple(values[name])
        return cls(**values)


@dataclass(frozen=True)
class Standing:
    """How a worker stands.

    Attributes:
        connections: Open ones.
        delay: How long requests waited for the work on them to begin, in seconds, on the mean
            since the last one.
        busy: The share of that time for which it was busy.
        rows, recorded, dropped: As `Tally` counts them.
    """

    connections: int = 0
    delay: float = 0.0
    busy: float = 0.0
    rows: int = 0
    recorded: int | None = None
    dropped: int | None = None
