"""Supervising: starts workers, looks after them, and ends them; it answers nothing itself.

    supervisor = Supervisor(asked, 8000, Bounds.parse("1..4"), say=print)
    tally = supervisor.run()          # until SIGTERM or Ctrl-C

It has the port, and every worker takes connections from it. A few times a second it looks how they
stand: it shares out connections, adds and takes away workers, and replaces those that died. It
needs neither a model nor NumPy, so that little can go wrong with it; and if it goes, they go.
"""

from __future__ import annotations

import os
import queue
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from types import FrameType
from typing import Any

from lite_mlops import errors
from lite_mlops.errors import LiteMlopsError
from lite_mlops.processors import processors
from lite_mlops.web.kernel.limits import Limits
from lite_mlops.web.kernel.metrics import Metrics
from lite_mlops.web.kernel.port import bound, url_of
from lite_mlops.web.kernel.signals import told_to_end
from lite_mlops.web.tally import Tally
from lite_mlops.web.workers.deaths import Deaths, cause_of
from lite_mlops.web.workers.messages import Asked, Standing
from lite_mlops.web.workers.process import Process, Told
from lite_mlops.web.workers.scaling import Bounds, Look, Pace, Trend, decide
from lite_mlops.web.workers.shares import shares
from lite_mlops.web.workers.sums import Published

_SIGNALLED = 0  # in the place of a worker's number
_END_SECONDS = 1.5  # beyond what draining takes

# Is told what happened, in the words of the story of an endpoint: references, what, and more of it.
Tell = Callable[[list[str], str, dict[str, Any]], None]


def _untold(_: list[str], __: str, ___: dict[str, Any]) -> None:
    pass


class Supervisor:
    """Workers behind one port.

    Args:
        asked: What they serve.
        port: 0 takes a free one.
        bounds: How many there are at least and at most.
        pace: When their number changes.
        say: Is told, in sentences, what happens.
        tell: Is told what belongs into the story of the endpoints.

    Attributes:
        on_ready: Are called when the first worker answers.

    Raises:
        Busy: the port is taken.
        Invalid: the port or the host cannot be used.
    """

    def __init__(
        self,
        asked: Asked,
        port: int,
        bounds: Bounds,
        *,
        say: Callable[[str], None],
        tell: Tell | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.on_ready: list[Callable[[], None]] = []
        self._asked = asked
        self._bounds = bounds
        self._threads = max(1, processors() // bounds.most)  # so that all share the processors
        self._pace = pace or Pace()
        self._say = say
        self._tell = tell or _untold
        self._limits = Limits(**asked.limits)
        self._socket = bound(asked.host, port)
        self._told: queue.SimpleQueue[Told] = queue.SimpleQueue()
        self._workers: dict[int, Process] = {}
        self._started = 0
        self._wanted = bounds.least
        self._served: list[str] = []  # references, once a worker is ready
        self._trend = Trend()
        self._looked = 0.0
        self._deaths = Deaths()
        self._given_up = ""
        self._stuck: set[int] = set()
        self._reason = ""
        self._said: Counter[str] = Counter()
        self._judge = 0  # its number
        self._past = Tally()
        self._told_last: object = None
        self._stopping = False
        metrics = self._metrics = Metrics()
        metrics.gauge("lite_mlops_workers", "Processes that answer.").set(
            lambda: len(self._answering())
        )
        self._died = metrics.counter("lite_mlops_worker_deaths_total", "Workers that died.")
        self._folder = Path(tempfile.mkdtemp(prefix="lite-mlops-workers-"))  # for its owner alone
        self._published = Published(self._folder)

    @property
    def url(self) -> str:
        """Where it answers."""
        port: int = self._socket.getsockname()[1]
        return url_of(self._asked.host, port, tls=self._asked.certfile is not None)

    def run(self) -> Tally:
        """Have workers answer until the process is told to end; return what they answered.

        Raises:
            LiteMlopsError: the first worker cannot serve what is asked, as it would alone; or all
                have died, and no more is started.
        """
        try:
            with told_to_end(self._signalled):
                self._fill()
                while not self._stopping:
                    self._hear(self._pace.look)
                    if time.monotonic() - self._looked >= self._pace.look:
                        self._look()
                self._drain()
        finally:
            self._let_go()
        return self._past

    def stop(self) -> None:
        """Have `run` end as a signal does; in any thread."""
        self._told.put((_SIGNALLED, None))

    # -- what workers tell ----------------------------------------------------------------------

    def _hear(self, seconds: float) -> None:
        """Take what was told; wait for it no longer than so many seconds."""
        try:
            number, message = self._told.get(timeout=seconds)
            while True:
                self._take(number, message)
                number, message = self._told.get_nowait()
        except queue.Empty:
            pass

    def _take(self, number: int, message: dict[str, Any] | None) -> None:
        worker = self._workers.get(number)
        if number == _SIGNALLED:
            self._stopping = True
        elif worker is None:
            pass
        elif message is None:
            self._gone(worker)
        else:
            worker.heard = time.monotonic()
            kind = message.pop("kind")
            if kind == "standing":
                worker.stands(Standing(**message))
            elif kind == "ready":
                self._is_ready(worker, **message)
            elif kind == "say":
                self._say_once(number, message["text"])
            elif kind == "failed":
                worker.trouble = getattr(errors, message["error"])(message["text"])

    def _is_ready(self, worker: Process, lines: list[str], served: list[str]) -> None:
        worker.ready = True
        self._stuck.clear()
        if not self._served:
            self._served = served
            *told, last = lines
            answer = _workers_of(self._bounds)
            for line in [*told, f"    {answer}", last]:
                self._say(line)
            self._note("workers", answer, workers=self._wanted)
            for called in self.on_ready:
                called()
        self._tell_reason(worker)
        self._publish()

    def _say_once(self, number: int, text: str) -> None:
        """Say what several workers tell when the first of them does."""
        key = f"{number} {text}"
        self._said[key] += 1
        if self._said[key] > self._said[text]:
            self._said[text] = self._said[key]
            self._say(text)

    # -- what is done about it ------------------------------------------------------------------

    def _answering(self) -> list[Process]:
        return [one for one in self._workers.values() if one.ready and not one.leaving]

    def _staying(self) -> list[Process]:
        return [one for one in self._workers.values() if not one.leaving]

    def _fill(self) -> None:
        """Start the workers that are missing, and end those that are too many."""
        while len(self._staying()) < self._wanted and not self._given_up:
            try:
                self._start()
            except OSError as error:  # there are as many processes as there may be
                if not self._served:
                    raise
                self._count_death(f"it could not be started: {error.strerror}")
                break  # until the next look
        for worker in self._answering()[self._wanted :]:  # the youngest
            worker.leave(time.monotonic())
        self._publish()

    def _start(self) -> None:
        number = self._started = self._started + 1
        now = time.monotonic()
        asked = self._asked if number == 1 else replace(self._asked, decided={})
        self._workers[number] = Process(
            number, self._socket, asked, str(self._folder), self._told, now, threads=self._threads
        )

    def _look(self) -> None:
        now = time.monotonic()
        late = now - self._looked > self._pace.silent / 2  # we were held up, not they
        self._looked = now
        for worker in list(self._workers.values()):
            if late:
                worker.heard = now
            elif worker.leaving:
                if now - worker.heard > self._limits.drain_seconds + _END_SECONDS:
                    worker.kill()
            elif worker.ready and now - worker.heard > self._pace.silent:
                self._is_stuck(worker)
        self._fill()
        self._scale(now)
        self._share()
        self._choose_judge()
        self._tell_reasons()

    def _scale(self, now: float) -> None:
        answering = self._answering()
        settled = len(answering) == len(self._workers) == self._wanted
        measured = [one.measured() for one in answering]
        if not settled or self._given_up:
            return
        look = Look(
            now,
            len(answering),
            fmean(delay for delay, _ in measured),
            fmean(busy for _, busy in measured),
        )
        self._trend, step = decide(self._trend, look, self._bounds, self._pace)
        if step is None:
            return
        before, self._wanted = self._wanted, step.workers
        workers = f"{step.workers} worker{'s'[: step.workers - 1]}"
        why = f"{workers} from now on, as {step.because}."
        self._say(why)
        self._note("workers", why, workers=step.workers, before=before)
        self._fill()

    def _share(self) -> None:
        answering = self._answering()
        found = shares([one.standing.connections for one in answering], self._limits.connections)
        for worker, share in zip(answering, found, strict=True):
            if worker.share != share:
                worker.share = share
                worker.order("share", most=share.most, keep=share.keep)

    def _choose_judge(self) -> None:
        """Have the oldest worker judge what is tried, by what all of them count."""
        judge = next(iter(self._answering()), None)
        if judge is None or judge.number == self._judge:
            return
        before, self._judge = self._workers.get(self._judge), judge.number
        if before is not None:
            before.order("judge", on=False)
        judge.order("judge", on=True)

    # -- readiness ------------------------------------------------------------------------------

    def _tell_reasons(self) -> None:
        """Have all workers say whether the server is ready, if that has changed."""
        reason = self._given_up
        if not reason and self._stuck:
            reason = (
                f"worker {min(self._stuck)} told nothing for {self._pace.silent:g} s; it is "
                "replaced."
            )
        if reason == self._reason:
            return
        self._reason = reason
        if self._given_up:
            self._say(reason)
        if reason:
            self._note("not ready", reason)
        else:
            self._note("ready", "no worker is stuck any more.")
        for worker in self._answering():
            self._tell_reason(worker)

    def _tell_reason(self, worker: Process) -> None:
        worker.order("readiness", reason=self._reason)

    # -- deaths ---------------------------------------------------------------------------------

    def _is_stuck(self, worker: Process) -> None:
        self._stuck.add(worker.number)
        worker.trouble = LiteMlopsError(f"it told nothing for {self._pace.silent:g} s")
        self._tell_reasons()
        worker.kill()

    def _gone(self, worker: Process) -> None:
        code = worker.code(_END_SECONDS)
        if code is None:
            worker.kill()
            code = worker.code(_END_SECONDS)
        worker.close()
        del self._workers[worker.number]
        told = worker.standing
        self._past += Tally(told.rows, told.recorded, told.dropped)
        self._published.end(worker.number, list(self._workers), self._metrics.expose())
        if not (worker.leaving or self._stopping):
            self._has_died(worker, cause_of(code or 0))
        if self._given_up and not (self._workers or self._stopping):
            raise LiteMlopsError(self._given_up)

    def _has_died(self, worker: Process, cause: str) -> None:
        if not self._served:
            raise worker.trouble or LiteMlopsError(
                f"The first worker ended with {cause} before it could answer."
            )
        if worker.trouble is not None:
            cause = str(worker.trouble).rstrip(".")
        self._count_death(cause)
        replaced = not self._given_up
        why = f"Worker {worker.number} died ({cause}){' and is replaced' * replaced}."
        self._say(why)
        self._note("worker died", why, worker=worker.number, pid=worker.pid, replaced=replaced)
        self._fill()
        self._tell_reasons()

    def _count_death(self, cause: str) -> None:
        self._died.add(1)
        if self._deaths.add(time.monotonic()):
            self._given_up = self._deaths.too_many(cause)

    # -- the end --------------------------------------------------------------------------------

    def _drain(self) -> None:
        """Have all workers answer what they were asked, and end."""
        until = time.monotonic() + self._limits.drain_seconds + _END_SECONDS
        self._socket.close()
        for worker in self._staying():
            worker.end()
        while self._workers and time.monotonic() < until:
            self._hear(until - time.monotonic())

    def _let_go(self) -> None:
        self._socket.close()
        for worker in self._workers.values():
            worker.kill()
            worker.code(_END_SECONDS)
            worker.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _signalled(self, number: int, _: FrameType | None) -> None:
        if self._stopping:  # for the second time: at once
            self._let_go()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self._stopping = True
        self._told.put((_SIGNALLED, None))

    # -- telling --------------------------------------------------------------------------------

    def _publish(self) -> None:
        """Leave for all workers what there is to tell, if it is new."""
        now = list(self._workers), self._metrics.expose()
        if now != self._told_last:
            self._told_last = now
            self._published.tell(*now)

    def _note(self, what: str, why: str, **detail: Any) -> None:
        self._tell(self._served, what, {"why": why, **detail})


def _workers_of(bounds: Bounds) -> str:
    if bounds.least == bounds.most:
        return f"{bounds.most} workers answer."
    return f"{bounds.least} to {bounds.most} workers answer, by load."
