"""Serving with workers from Python: they are looked after in a thread of this process.

    with serve_with_workers(project, ["churn@champion"], "1..4") as server:
        print(server.url)

Workers open the project themselves, so a class of a model has to be in a module that they can
import. Should this process die, they answer what they were asked and end.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lite_mlops.errors import Invalid
from lite_mlops.settings import load_settings
from lite_mlops.store.events import EndpointNoted
from lite_mlops.web.kernel.port import LOOPBACK
from lite_mlops.web.tally import Tally
from lite_mlops.web.workers.messages import Asked
from lite_mlops.web.workers.scaling import Bounds, Pace
from lite_mlops.web.workers.supervising import Supervisor, Tell

if TYPE_CHECKING:
    from lite_mlops.project import Project
    from lite_mlops.web.serving import Doors

log = logging.getLogger("lite_mlops")


def story_of(project: Project) -> Tell:
    """Return what writes down what happens to workers, as the story of their endpoints."""

    def tell(references: list[str], what: str, detail: dict[str, Any]) -> None:
        writer = project.store.journal.writer
        for reference in references:
            project.store.append(
                EndpointNoted(reference=reference, writer=writer, what=what, detail=detail or None)
            )

    return tell


class WorkersServer:
    """Workers that answer until `stop`; as a context, until its end."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()  # or ended
        self._error: Exception | None = None
        self._tally = Tally()
        supervisor.on_ready.append(self._ready.set)

    @property
    def url(self) -> str:
        """Where they answer."""
        return self._supervisor.url

    def start(self) -> Self:
        """Return once the first worker answers; nothing more if they do already.

        Raises:
            LiteMlopsError: the first worker cannot serve what is asked.
        """
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="lite-mlops-supervisor", daemon=True
            )
            self._thread.start()
            self._ready.wait()
            if self._error is not None:
                self._thread.join()
                raise self._error
        return self

    def stop(self) -> Tally:
        """Have all workers answer what they were asked, and end; return what they answered."""
        self._supervisor.stop()
        if self._thread is not None:
            self._thread.join()
        return self._tally

    def _run(self) -> None:
        try:
            self._tally = self._supervisor.run()
        except Exception as error:  # noqa: BLE001 (`start` raises it)
            if self._ready.is_set():
                log.error("The workers at %s ended: %s", self.url, error)
            self._error = error
        finally:
            self._ready.set()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def serve_with_workers(
    project: Project,
    references: Sequence[str],
    workers: int | str,
    *,
    port: int = 0,
    host: str = LOOPBACK,
    doors: Doors | None = None,
    require_token: bool = False,
    say: Callable[[str], None] = log.info,
    canary: str | None = None,
    canary_key: str | None = None,
    shadow: str | Sequence[str] = (),
    pace: Pace | None = None,
    **options: Any,
) -> WorkersServer:
    """Return what serves versions of a project with workers; it answers once it is started.

    Args:
        project: The project.
        references: Such as `churn@champion`, which is followed, or `churn/3`.
        workers: How many: a number, bounds such as `1..4`, or `auto`.
        port: 0 takes a free one.
        host: Beyond loopback clients need a token.
        doors: Who may ask; tokens are those of the project.
        require_token: Whether clients need one.
        say: Is told, in sentences, what happens.
        canary: As `open_references` takes it, and the next two.
        canary_key: The column by which requests stay together.
        shadow: Versions to be asked as well.
        pace: When the number of workers changes.
        options: `sample`, `inputs`, `strict`, `record` and `loop`, as `serve_references` has them.

    Raises:
        Invalid: the bounds, the port or the host cannot be used, or an option is unknown.
        Busy: the port is taken.
    """
    unknown = set(options) - _OPTIONS
    if unknown:
        raise Invalid(
            f"{min(unknown)} is no option beside workers; there are {', '.join(sorted(_OPTIONS))}."
        )
    if doors is not None and doors.tokens is not None:
        raise Invalid("Workers check the tokens of the project: use require_token=True.")
    limits: Mapping[str, Any] = {}
    if doors is not None and doors.limits is not None:
        limits = asdict(doors.limits)
    asked = Asked(
        references=tuple(references),
        project=str(project.folder),
        settings=_settings_of(project),
        host=host,
        hosts=None if doors is None or doors.hosts is None else tuple(doors.hosts),
        origins=() if doors is None else tuple(doors.origins),
        limits=limits,
        require_token=require_token,
        options=options,
        decided={"canary": canary, "canary_key": canary_key, "shadow": shadow},
    )
    bounds = Bounds.parse(str(workers))
    tell = story_of(project)
    return WorkersServer(Supervisor(asked, port, bounds, say=say, tell=tell, pace=pace))


_OPTIONS = frozenset({"sample", "inputs", "strict", "record", "loop"})


def _settings_of(project: Project) -> dict[str, Any]:
    """Return the settings that code gave, as the others stand where workers find them."""
    found = load_settings(project.folder.parent, {})
    given = vars(project.settings).items()
    return {name: value for name, value in given if value != getattr(found, name)}
