"""Serving: endpoints behind HTTP, with what goes on beside them.

serving = serve_references(project, ["churn@champion"])
with serving.on(port=8000) as server:
    print(server.url)

app = serving.app        # the same, to be mounted in somebody's own server
"""

from __future__ import annotations

import signal
import socket
import weakref
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lite_mlops.errors import Denied
from lite_mlops.security.tokens import hash_of, matches, new_token
from lite_mlops.serving import Opened, open_bundle, open_references
from lite_mlops.web.counting import Counting
from lite_mlops.web.kernel import LOOPBACK_NAMES, App, Guard, HttpMetrics, Limits, Metrics, Server
from lite_mlops.web.kernel.guard import TokenCheck
from lite_mlops.web.kernel.port import LOOPBACK, is_loopback
from lite_mlops.web.pages import form_routes
from lite_mlops.web.predicting import Meter, Readiness, prediction_app
from lite_mlops.web.tally import Tally

if TYPE_CHECKING:
    from lite_mlops.models import ModelVersion
    from lite_mlops.project import Project
    from lite_mlops.store import Beside


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Who may ask a server, and how much.

    Attributes:
        hosts: Names under which it may be addressed; None: those of loopback, or any where a
            token is needed.
        origins: Pages of other origins that may ask (CORS).
        tokens: Checks tokens; None: none is needed.
        limits: What may be asked; None: the defaults.
    """

    hosts: Collection[str] | None = None
    origins: Collection[str] = ()
    tokens: TokenCheck | None = None
    limits: Limits | None = None

    def guard(self) -> Guard:
        """Return the guard of these doors."""
        hosts: Collection[str] | None = self.hosts
        if hosts is None:
            hosts = LOOPBACK_NAMES if self.tokens is None else None
        elif "*" in hosts:
            hosts = None
        else:
            hosts = LOOPBACK_NAMES | {host.lower() for host in hosts}
        return Guard(hosts=hosts, origins=frozenset(self.origins), tokens=self.tokens)


class Serving:
    """An app of endpoints, and the thread that follows their aliases while it is used.

    Args:
        opened: The endpoints.
        project: Where they come from; None for those of a bundle.
        doors: Who may ask.
        loop: Whether the loops of the project are taken further meanwhile.
    """

    def __init__(
        self, opened: Opened, project: Project | None, doors: Doors, *, loop: bool = False
    ) -> None:
        self.opened = opened
        self.doors = doors
        self._project = project
        self.readiness = Readiness()
        recording = opened.recording
        self.beside = [] if project is None or recording is None else _beside(project, loop=loop)
        metrics = Metrics()
        self._http = HttpMetrics(metrics)
        dropped = None if recording is None else lambda: recording.dropped
        self.meter = Meter(opened.served, metrics, dropped)
        self.delays = metrics.histogram(
            "lite_mlops_queue_delay_seconds", "How long the oldest request of a turn had waited."
        ).of()
        self.counting: Counting | None = None
        if project is not None and recording is not None:
            names = [reference for reference, _ in opened.served]
            self.counting = Counting(project.store, names, self._http, self.delays)
        if self.counting is not None and opened.following is not None:
            opened.following.also.append(self.counting.tell)
        monitoring = None if project is None or recording is None else project.monitoring
        self.app: App = prediction_app(
            opened.served,
            meter=self.meter,
            observer=self._http,
            monitoring=monitoring,
            pages=form_routes(opened.served, monitoring=monitoring, example=opened.example),
            guard=doors.guard(),
            limits=doors.limits,
            readiness=self.readiness,
            card=None if project is None else self._card,
        )

    def _card(self, version: ModelVersion) -> str:
        assert self._project is not None
        return self._project.models.card_text(version.name, "html")

    def tally(self) -> Tally:
        """Return what was answered and recorded."""
        recording = self.opened.recording
        if recording is None:
            return Tally(self.meter.rows)
        return Tally(self.meter.rows, recording.recorded, recording.dropped)

    def follow(self) -> None:
        """Follow aliases for as long as the app is there."""
        self.opened.begin()
        weakref.finalize(self.app, self.opened.end)
        for one in self.beside:
            one.start()
            weakref.finalize(self.app, one.stop)

    def on(
        self,
        port: int = 0,
        *,
        host: str = LOOPBACK,
        certfile: str | Path | None = None,
        keyfile: str | Path | None = None,
        shared: socket.socket | None = None,
    ) -> ServingServer:
        """Return a server of it; it runs as a context, or with `run`.

        With `shared` it takes connections of that port, as other processes do.

        Raises:
            Busy: the port is taken.
            Denied: others could reach it, and no token is needed.
            Invalid: the port, the host or the certificate cannot be used.
        """
        if not is_loopback(host) and self.doors.tokens is None:
            raise Denied(
                f"{host} can be reached from other machines, so clients need a token there. Make "
                "one with `lite-mlops tokens make NAME`, or serve on 127.0.0.1."
            )
        server = Server(
            self.app, port, host=host, certfile=certfile, keyfile=keyfile, shared=shared
        )
        self._http.watch(server)
        server.on_start.append(lambda: self._watch_turns(server))
        server.on_stop.append(lambda: self.readiness.down("stopping"))
        return ServingServer(server, self.opened, self.beside, self.counting)

    def _watch_turns(self, server: Server) -> None:
        assert server.traffic is not None
        server.traffic.turns.on_delay = self.delays.observe


class ServingServer:
    """A server of endpoints; as a context it answers in threads of its own."""

    def __init__(
        self,
        server: Server,
        opened: Opened,
        beside: Sequence[Beside] = (),
        counting: Counting | None = None,
    ) -> None:
        self.server = server
        self._opened = opened
        self._beside = beside
        self._counting = counting
        self._started = False

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.server.url

    def run(self) -> signal.Signals | None:
        """Answer until the process is told to end; return the signal that told it."""
        try:
            self._begin()
            return self.server.run()
        finally:
            self._end()

    def start(self) -> Self:
        """Answer from now on, until `stop`; nothing more if it does already."""
        if not self._started:
            self._started = True
            self._begin()
            self.server.__enter__()
        return self

    def stop(self) -> None:
        """Answer what was asked, and end."""
        self.server.__exit__(None, None, None)
        self._end()

    def _begin(self) -> None:
        self._opened.begin(url=self.url)
        for one in self._beside:
            one.start()

    def _end(self) -> None:
        for one in self._beside:
            one.stop()
        if self._counting is not None:
            self._counting.tell(last=True)
        self._opened.end()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _beside(project: Project, *, loop: bool) -> list[Beside]:
    """Return what is done beside a server of a project."""
    from lite_mlops.monitoring.monitors import WatchingBeside

    watching = WatchingBeside(project.store, lambda: project.monitors.all())
    if not loop:
        return [watching]
    from lite_mlops.loops import LoopingBeside

    return [watching, LoopingBeside(project.store)]


def serve_references(
    project: Project,
    references: Sequence[str],
    *,
    doors: Doors | None = None,
    require_token: bool = False,
    say: Callable[[str], None] | None = None,
    loop: bool = False,
    **options: Any,
) -> Serving:
    """Return what serves versions of a project.

    Args:
        project: The project.
        references: Such as `churn@champion`, which is followed, or `churn/3`.
        doors: Who may ask.
        require_token: Whether clients need a token of the project.
        say: Is told what following changes; None: the log.
        loop: Whether the loops of the project are taken further while it answers.
        options: Further ones of `open_references`, such as `sample` and `inputs`.

    Raises:
        Invalid, NotFound: a reference names no version.
        Damaged, Denied: a file cannot be loaded; or a token is needed, and there is none.
    """
    doors = doors or Doors()
    refresh: list[Callable[[], None]] = []
    if require_token:
        if not project.tokens.all():
            raise Denied(
                "Clients need a token, and this project has none. Make one with `lite-mlops tokens "
                "make NAME`: it is shown once."
            )
        doors = replace(doors, tokens=project.tokens.check)
        refresh.append(project.tokens.refresh)
    if say is not None:
        options["say"] = say
    opened = open_references(project.store, project.models, references, refresh=refresh, **options)
    return Serving(opened, project, doors, loop=loop)


def serve_bundle(
    path: Path,
    *,
    doors: Doors | None = None,
    require_token: bool = False,
    trust: Sequence[str] | bool = (),
    strict: bool = False,
) -> tuple[Serving, str | None]:
    """Return what serves a bundle, which needs no project; and a new token, if one is needed.

    The token is told once and good for as long as the server runs.

    Raises:
        Invalid, NotFound: there is no such bundle.
        Damaged, Denied: it is not what was written, or imports what is not trusted.
    """
    doors = doors or Doors()
    opened = open_bundle(path, trust=trust, strict=strict)
    if not require_token:
        return Serving(opened, None, doors), None
    token = new_token()
    known = [hash_of(token)]
    return Serving(opened, None, replace(doors, tokens=lambda one: matches(one, known))), token
