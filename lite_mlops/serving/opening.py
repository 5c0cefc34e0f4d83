"""Opening: from references, or from a bundle, to endpoints that answer.

opened = open_references(store, models, ["churn@champion", "churn/3"])
opened = open_bundle(Path("churn.lmz"))
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lite_mlops.models import (
    Example,
    Inputs,
    Models,
    ModelVersion,
    parse_any_reference,
)
from lite_mlops.serving.beside import CountsOf, counted_here
from lite_mlops.serving.endpoint import Endpoint
from lite_mlops.serving.endpoints import Endpoints
from lite_mlops.serving.following import Following, load_version, warmed
from lite_mlops.serving.loaded import Loaded
from lite_mlops.serving.recording import Recording
from lite_mlops.serving.served import Served
from lite_mlops.serving.story import What
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

    def begin(self, **detail: Any) -> None:
        """Answer from now on: say so, and follow what is decided.

        `detail` is what the story of the endpoints tells beside that it began, such as an address.
        """
        for _, endpoint in self.served:
            endpoint.announce()
        self._note("started", **detail)
        if self.following is not None:
            self.following.start()

    def end(self) -> None:
        """Follow no more, and have what was answered recorded."""
        if self.following is not None:
            self.following.stop()
        self._note("stopped")
        if self.recording is not None:
            self.recording.flush()

    def _note(self, what: What, **detail: Any) -> None:
        if self.recording is not None:
            for reference, endpoint in self.served:
                self.recording.note(reference, what, endpoint.version.version, **detail)


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
    canary: str | None = None,
    canary_key: str | None = None,
    shadow: str | Sequence[str] = (),
    counts: CountsOf | None = counted_here,
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
        canary: A version and its share to try from now on, such as `churn/4=10%`; what was
            decided before goes on in any case.
        canary_key: The column by which requests stay together.
        shadow: Versions to be asked as well, only to compare.
        counts: By what canaries are judged; None: it is done elsewhere.

    Raises:
        Invalid, NotFound: a reference names no version.
        Damaged, Denied: a file cannot be loaded, or does not answer as it did.
    """
    recording = Recording(store, sample=sample, inputs=inputs) if record else None
    shadows = [shadow] if isinstance(shadow, str) else shadow
    if canary is not None or canary_key is not None or shadows:
        Endpoints(store, models).try_when_started(references, canary, canary_key, shadows)
    endpoints = {}
    for text in references:
        version = models.get(text)
        loaded = load_version(store, models, version, recording, strict=strict)
        endpoints[str(parse_any_reference(text))] = Endpoint.of(loaded)
    served = Served(endpoints)
    following = Following(
        store,
        models,
        served,
        recording,
        strict=strict,
        say=say,
        refresh=refresh,
        counts=counts,
    )
    return Opened(served, models.example_of, recording, following)


def open_bundle(path: Path, *, trust: Sequence[str] | bool = (), strict: bool = False) -> Opened:
    """Return the endpoint of a bundle, which needs no project and records nothing.

    Raises:
        Invalid, NotFound: there is no such bundle.
        Damaged, Denied: it is not what was written, or imports what is not trusted.
    """
    from lite_mlops.models import Bundle  # a server of a project needs nothing of bundles

    with Bundle.open_file(path) as bundle:
        version, asking = bundle.version, bundle.asking(trust=trust, strict=strict)
        example = bundle.example()
    loaded = warmed(Loaded(version, asking), example)
    return Opened(Served({version.model: Endpoint.of(loaded)}), lambda _: example)
