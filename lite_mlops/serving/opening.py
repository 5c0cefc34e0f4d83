"""Opening: from references, or from a bundle, to endpoints that answer.

opened = open_references(store, models, ["churn@champion", "churn/3"])
opened = open_bundle(Path("churn.lmz"))
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lite_mlops.models import (
    Bundle,
    Example,
    Inputs,
    Models,
    ModelVersion,
    parse_any_reference,
)
from lite_mlops.serving.endpoint import Endpoint
from lite_mlops.serving.following import Following, load_version, warmed
from lite_mlops.serving.loaded import Loaded
from lite_mlops.serving.recording import Recording
from lite_mlops.serving.served import Served
from lite_mlops.store import Store

log = logging.getLogger("lite_mlops")


@dataclass(frozen=True)
class Opened:
    """Endpoints, and what goes with them.

    Attributes:
        served: The endpoints.
        example: Returns the rows that were kept with a version.
        recording: What records answers; None: they are not.
        following: What follows aliases; None for a bundle.
    """

    served: Served
    example: Callable[[ModelVersion], Example | None]
    recording: Recording | None = None
    following: Following | None = None

    def begin(self) -> None:
        """Answer from now on: say so, and follow aliases."""
        for _, endpoint in self.served:
            endpoint.announce()
        if self.following is not None:
            self.following.start()

    def end(self) -> None:
        """Follow no more, and have what was answered recorded."""
        if self.following is not None:
            self.following.stop()
        if self.recording is not None:
            self.recording.flush()


def open_references(
    store: Store,
    models: Models,
    references: Sequence[str],
    *,
    record: bool = True,
    sample: float = 1.0,
    inputs: Inputs = "full",
    strict: bool = False,
    say: Callable[[str], None] = log.info,
    refresh: Sequence[Callable[[], None]] = (),
) -> Opened:
    """Return endpoints for references, loaded and warmed.

    Args:
        store: The store of the project.
        models: Its models.
        references: Such as `churn@champion`, which is followed, or `churn/3`.
        record: Whether answers are recorded.
        sample: The share of requests that is recorded.
        inputs: What is kept of rows: `full`, `hash` or `none`.
        strict: Refuse versions that were registered with other packages.
        say: Is told what following changes.
        refresh: What else is to look at decisions.

    Raises:
        Invalid, NotFound: a reference names no version.
        Damaged, Denied: a file cannot be loaded, or does not answer as it did.
    """
    recording = Recording(store, sample=sample, inputs=inputs) if record else None
    endpoints = {}
    for text in references:
        version = models.get(text)
        loaded = load_version(store, models, version, recording, strict=strict)
        endpoints[str(parse_any_reference(text))] = Endpoint.of(loaded)
    served = Served(endpoints)
    following = Following(store, models, served, recording, strict=strict, say=say, refresh=refresh)
    return Opened(served, models.example_of, recording, following)


def open_bundle(path: Path, *, trust: Sequence[str] | bool = (), strict: bool = False) -> Opened:
    """Return the endpoint of a bundle, which needs no project and records nothing.

    Raises:
        Invalid, NotFound: there is no such bundle.
        Damaged, Denied: it is not what was written, or imports what is not trusted.
    """
    with Bundle.open_file(path) as bundle:
        version, asking = bundle.version, bundle.asking(trust=trust, strict=strict)
        example = bundle.example()
    loaded = warmed(Loaded(version, asking), example)
    return Opened(Served({version.model: Endpoint.of(loaded)}), lambda _: example)
