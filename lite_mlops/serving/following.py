"""Following: when an alias moves, the new version takes the place of the old one while it answers.

The same goes for a version that got a plan, or whose plan was switched off.

    with Following(store, models, served, recording, say=print):
        ...                  # a thread looks five times a second

The new version is loaded and warmed beside the old one and has to reproduce the answers that were
kept with its example; then it takes the place at once. What is being answered is answered by the
old one. A version that fails, or does not return in time, is told, and the old one stays; it is not
tried again before something else is decided.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Sequence
from contextlib import closing
from types import TracebackType
from typing import Self

from lite_mlops.errors import Damaged, Invalid, LiteMlopsError, NotFound
from lite_mlops.models import Example, Models, ModelVersion, open_asking
from lite_mlops.serving.beside import CountsOf, counted_here
from lite_mlops.serving.endpoint import Endpoint
from lite_mlops.serving.loaded import Loaded
from lite_mlops.serving.patience import Patience
from lite_mlops.serving.quiet import QuietFolding
from lite_mlops.serving.recording import Recording
from lite_mlops.serving.served import Served
from lite_mlops.serving.story import note
from lite_mlops.serving.trying import Trying
from lite_mlops.store import Store

log = logging.getLogger("lite_mlops")

_LOOK_SECONDS = 0.2
_LOAD_SECONDS = 60.0  # for loading a version, and for its answers to its example

Say = Callable[[str], None]


def load_version(
    store: Store,
    models: Models,
    version: ModelVersion,
    recording: Recording | None = None,
    *,
    strict: bool = False,
) -> Loaded:
    """Return a version, loaded, warmed, and found to answer its example as it did.

    Raises:
        Damaged, Denied: its file cannot be loaded, or it does not answer as it did.
    """
    kept = models.plan_of(version)
    asking = open_asking(store, version, kept, strict=strict)
    return warmed(Loaded(version, asking, recording, kept), models.example_of(version))


def warmed(loaded: Loaded, example: Example | None) -> Loaded:
    """Return a version after it was asked for the first time, and answered its example as it did.

    Raises:
        Damaged: it does not.
    """
    version = loaded.version
    if example is None or not example.answers:
        row = version.signature.example_row()
        if row:
            _warm_quietly(loaded, row)
        return loaded
    rows = example.records()[: len(example.answers)]
    try:
        answers = loaded.warm(rows)
    except Invalid as error:
        raise Damaged(f"{version.name} cannot answer its example any more: {error}") from error
    different = example.differs(answers.predicted)
    if different is not None:
        raise Damaged(f"{version.name} does not answer as it did: {different}.")
    return loaded


def _warm_quietly(loaded: Loaded, row: dict[str, object]) -> None:
    """Ask for a made-up row, so that the first client need not wait; it may be refused."""
    try:
        loaded.warm([row])
    except Invalid as error:
        log.debug("%s cannot answer a row of medians: %s", loaded.version.name, error)


class Following:
    """Looks after endpoints, what they answer with; as a context, in a thread of its own.

    An alias may move to another version, and any version may get a plan or lose it.

    Args:
        store: The store of the project.
        models: Its models.
        served: The endpoints; those whose reference is a fixed version stay with it.
        recording: What records answers; None: they are not recorded.
        strict: Refuse versions that were registered with other packages.
        say: Is told, in a sentence, what changed and what could not.
        refresh: What else looks at decisions, such as which tokens are good.
        counts: By what canaries are judged; None: it is done elsewhere.
    """

    def __init__(
        self,
        store: Store,
        models: Models,
        served: Served,
        recording: Recording | None = None,
        *,
        strict: bool = False,
        say: Say = log.info,
        refresh: Sequence[Callable[[], None]] = (),
        counts: CountsOf | None = counted_here,
    ) -> None:
        self._store = store
        self._models = models
        self._recording = recording
        self._strict = strict
        self._say = say
        self._refresh = refresh
        self._served = served
        self.trying = Trying(store, models, served, self._load, self._say, counts)
        self._seen: Hashable = None  # an alias may have moved while its version was loaded
        self._told: dict[str, str] = {}  # the last trouble with each reference
        self._failed: dict[str, Hashable] = {}  # the version that could not be loaded, and its plan
        self._folding = QuietFolding(store)
        self.also: list[Callable[[], None]] = []  # what else is done at each look
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Look once whether a followed alias moved or a plan came or went, and go after it."""
        state = self._store.folded_state()
        if state != self._seen:
            for refresh in self._refresh:
                refresh()
            for reference, endpoint in self._served:
                self._look_at(reference, endpoint)
            self.trying.follow()
            self._seen = state  # only now: what was held up is looked at again
        self.trying.look()
        self._folding.look()
        for one in self.also:
            one()

    def _look_at(self, reference: str, endpoint: Endpoint) -> None:
        present = version = endpoint.version
        if follows(reference):
            try:
                version = self._models.decided(reference)
            except NotFound as error:  # the alias was taken away
                self._tell(reference, f"{present.name} goes on answering: {error}")
                return
        wanted = (version.name, self._models.plan_of(version, folded=True).answering)
        kept = endpoint.current.kept
        has = (present.name, None if kept is None else kept.answering)
        if wanted == has:
            self._forget(reference)  # what failed may be decided again
            return
        if wanted == self._failed.get(reference):
            return
        try:
            loaded = self.trying.loaded(reference, version) or self._load(version)
        except Exception as error:  # noqa: BLE001 (whatever a model does, the old one goes on)
            known = isinstance(error, LiteMlopsError)
            told = str(error) if known else f"{version.name} fails: {error!r}"
            self._failed[reference] = wanted
            self._tell(reference, f"{present.name} goes on answering: {told}")
            return
        self._forget(reference)
        endpoint.swap(loaded)
        if version.name == present.name:
            self._say(f"{version.name} is answered by {loaded.path} now.")
            return
        self._say(f"{reference} is {version.name} now; it was {present.name}.")
        if self._recording is not None:
            note(self._store, reference, "moved", version.version, previous=present.version)

    def _forget(self, reference: str) -> None:
        self._failed.pop(reference, None)
        self._told.pop(reference, None)

    def _load(self, version: ModelVersion) -> Loaded:
        """Return a version that was loaded and proved in a thread, as it may never return."""

        def load(_: object) -> Loaded:
            return load_version(
                self._store, self._models, version, self._recording, strict=self._strict
            )

        with closing(Patience(version.name, _LOAD_SECONDS)) as patience:
            return patience.ask(load, ())

    def _tell(self, reference: str, trouble: str) -> None:
        if self._told.get(reference) != trouble:
            self._told[reference] = trouble
            self._say(trouble)

    # -- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            self._try(self.look)

    def _try(self, look: Callable[[], None]) -> None:
        try:
            look()
        except LiteMlopsError as error:  # such as a program that holds the database
            self._tell("", f"Decisions cannot be followed at the moment: {error}")

    def start(self) -> None:
        """Try what is decided, and look again and again, in a thread, until `stop`."""
        self._try(self.trying.follow)
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="lite-mlops-follow", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after the look that it may be at."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.trying.end()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def follows(reference: str) -> bool:
    """Return whether a reference is an alias, which may mean another version tomorrow."""
    return "@" in reference
