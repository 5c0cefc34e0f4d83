"""Serving models over HTTP: the whole product beside other ways to do it, in one run.

What is served is a version of a project, with ids, quality verdicts and the recording of every
answer, in a process of its own: once answered from its plan, as it is by default, and once by the
model itself. Beside it, with the same rows:

- peers (`serving_peers`), of which each figure names the quickest;
- the floor: the same core answering a constant to the same bodies;
- the bare core: it reads JSON, asks the model in the same batches, and answers predictions. What
  the product costs beyond that are validation, verdicts, ids, counts and the record;
- the model itself, asked in one process without any server.

The first answer of every side is compared with what the model says. In the end single rows are
asked for while others send bodies of 1,000.
"""

from __future__ import annotations

import importlib.util
import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import joblib

from lite_mlops.serving.batching import Batching
from lite_mlops.web import App, Request, Response, Route, serve_references
from lite_mlops.web.kernel import Deferred
from tests.benchmarks.load import Asked, Serving, serving
from tests.benchmarks.measuring import Figure, compared, scratch
from tests.benchmarks.processes import in_new_process
from tests.benchmarks.projects import new_project, plain_project
from tests.benchmarks.serving_models import CASES, Case, Row
from tests.benchmarks.serving_peers import PEERS, answer_of, checked, peer_serving

OURS, UNRECORDED, BARE, FLOOR = "ours", "ours, nothing recorded", "bare core", "floor"
ITSELF = "ours, by the model itself"
_CORE = "the bare core: JSON, the same batches, predictions"
_CONSTANT = "the same core answering a constant"


class Shape(NamedTuple):
    """Rows of each request, and connections."""

    rows: int
    connections: int

    def __str__(self) -> str:
        rows = f"{self.rows:,} row{'s'[: self.rows - 1]}"
        return f"{rows}, {self.connections} connection{'s'[: self.connections - 1]}"


ONE, FEW, MANY = Shape(1, 1), Shape(1, 8), Shape(1, 64)
HUNDRED, THOUSAND = Shape(100, 4), Shape(1_000, 4)
SHAPES = (ONE, FEW, MANY, HUNDRED, THOUSAND)

# The time of a request beside that of the best peer; a rate that is four times as high is 1/4.
# Of the model itself, and of bodies with many rows either way.
_ITSELF = {
    "logistic": {ONE: 0.9, FEW: 1 / 4, MANY: 1 / 12, HUNDRED: 1 / 1.5, THOUSAND: 1 / 0.65},
    "forest": {ONE: 1.0, FEW: 1 / 1.7, MANY: 1 / 4, HUNDRED: 1 / 1.4, THOUSAND: 1 / 0.75},
    "boosting": {ONE: 1.0, FEW: 1 / 5, MANY: 1 / 13, HUNDRED: 1 / 1.35, THOUSAND: 1 / 0.9},
    "pipeline": {ONE: 1.0, FEW: 1 / 4, MANY: 1 / 10, HUNDRED: 1 / 2.5, THOUSAND: 1 / 1.1},
}
# From its plan.
_PLANNED = {
    "logistic": {ONE: 0.33, FEW: 1 / 12, MANY: 1 / 13},
    "forest": {ONE: 0.025, FEW: 1 / 30, MANY: 1 / 20},
    "boosting": {ONE: 0.25, FEW: 1 / 13, MANY: 1 / 22},
    "pipeline": {ONE: 0.03, FEW: 1 / 70, MANY: 1 / 38},
}
# The same beside the same core answering a constant: p50 of one connection, and time at 64.
_BEYOND_FLOOR = {
    "logistic": (1.4, 1 / 0.4),
    "forest": (2.4, 1 / 0.25),
    "boosting": (2.4, 1 / 0.3),
    "pipeline": (1.4, 1 / 0.4),
}
# The same with orjson installed, which takes less time for large bodies.
_LARGE_WITH_ORJSON = {
    "logistic": 1 / 1.2, "forest": 1 / 1.1, "boosting": 1 / 1.3, "pipeline": 1 / 1.8
}  # fmt: skip
# The time of a request beside that of a row which the model is asked with 63 others.
_ALONE = {"forest": 1 / 0.7, "boosting": 1 / 0.3, "pipeline": 1 / 0.65}
_BEYOND_CORE = 1.2  # processor time beside the bare core


# -- what is served -----------------------------------------------------------------------------


def product(folder: Path, name: str, recorded: bool) -> App:  # noqa: FBT001
    """Return the app of a version."""
    made = serve_references(plain_project(folder), [f"{name}@champion"], record=recorded)
    made.follow()
    return made.app


class _Rows(list[Row]):
    """The rows of a request, which can be cut."""

    def part(self, start: int, stop: int) -> _Rows:
        return _Rows(self[start:stop])


def bare(path: Path) -> App:
    """Return the app that does nothing but ask the model."""
    case: Case = joblib.load(path)
    classes = case.model.classes_ if case.probable else None

    def ask(requests: Sequence[Any]) -> list[list[Any]]:
        table = case.table([row for rows in requests for row in rows])
        if classes is None:
            answers = case.model.predict(table).tolist()
        else:
            answers = classes.take(case.model.predict_proba(table).argmax(axis=1)).tolist()
        found, start = [], 0
        for rows in requests:
            found.append(answers[start : start + len(rows)])
            start += len(rows)
        return found

    def join(parts: Sequence[list[Any]]) -> list[Any]:
        return [answer for part in parts for answer in part]

    batching: Batching[list[Any]] = Batching(ask, join)
    for _ in range(2):
        batching.warm(_Rows(case.rows(1)))  # type: ignore[arg-type]

    def answer(request: Request) -> Deferred:
        rows = _Rows(json.loads(request.body))
        return Deferred(batching, rows, lambda found: Response.json({"predictions": found}))

    return App([Route("POST", "/predict", answer)])


def constant() -> App:
    """Return the app that always answers the same."""
    answer = Response.json({"predictions": [1]})
    return App([Route("POST", "/predict", lambda _: answer)])


# -- what is measured ---------------------------------------------------------------------------


@dataclass
class Found:
    """What the loads on one side have found, by shape; times are seconds."""

    p50: dict[Shape, list[float]] = field(default_factory=dict)
    p99: dict[Shape, list[float]] = field(default_factory=dict)
    time: dict[Shape, list[float]] = field(default_factory=dict)  # 1 / rate
    cpu: dict[Shape, list[float]] = field(default_factory=dict)


class _Bench:
    """The sides of one model, and the loads on them."""

    def __init__(self, case: Case, folder: Path, seconds: float) -> None:
        self.case = case
        self.folder = folder
        self.seconds = seconds
        self.path = folder / "case"
        self.found: dict[str, Found] = {}
        joblib.dump(case, self.path)
        self.project = new_project(folder)
        self.project.models.register(
            case.model,
            case.name,
            input_example=None if case.framed else {n: v[:5] for n, v in case.columns.items()},
            training=case.table(case.rows(20_000)) if case.framed else dict(case.columns),
            alias="champion",
        )
        self.project.models.register_kept(f"{case.name}/1", self.itself, alias="champion")
        self.project.models.switch_lowering(f"{self.itself}/1", on=False)
        self.project.close()

    @property
    def itself(self) -> str:
        """The name under which the model is served without a plan."""
        return f"{self.case.name}-itself"

    def asked(self, shape: Shape, make: Callable[[list[Row]], Asked]) -> list[Asked]:
        """Return different requests of a shape."""
        different = 64 if shape.rows == 1 else 8
        return [make(self.case.rows(shape.rows, 7 * place)) for place in range(different)]

    def load(self, side: str, server: Serving, shape: Shape, asked: Sequence[Asked]) -> None:
        """Put a load on a side."""
        seconds = self.seconds
        while True:
            load, cpu = server.load(asked, connections=shape.connections, seconds=seconds)
            if load.count:
                break
            seconds *= 3  # one request takes longer than all of the time
        assert set(load.statuses) == {200}, f"{side} answered {load.statuses}"
        one = self.found.setdefault(side, Found())
        values = (load.p50, load.p99, 1 / load.rate, cpu)
        for kept, value in zip((one.p50, one.p99, one.time, one.cpu), values, strict=True):
            kept.setdefault(shape, []).append(value)

    def mixed(self) -> tuple[list[float], list[float]]:
        """Return the p99 of single rows while two connections send many, and without these."""
        folder = self.project.store.layout.folder.parent
        single = self.asked(FEW, _plain), FEW.connections
        large = self.asked(THOUSAND, _plain), 2
        with serving(product, folder, self.case.name, True) as server:
            found = [server.load_beside(single, large, seconds=self.seconds) for _ in range(3)]
            alone = [
                server.load(single[0], connections=single[1], seconds=self.seconds)[0]
                for _ in range(3)
            ]
        return [one.p99 for one in found], [one.p99 for one in alone]

    def load_ours(self, shapes: Sequence[Shape], repetitions: int) -> float:
        """Put loads on our sides, in turns; return how many answers could not be recorded."""
        with self.ours() as sides:
            for _ in range(repetitions):
                for side, server in sides.items():
                    for shape in shapes if side in (OURS, ITSELF) else (ONE, MANY):
                        self.load(side, server, shape, self.asked(shape, _plain))
            return _dropped(sides[OURS])

    @contextmanager
    def ours(self) -> Iterator[dict[str, Serving]]:
        """Serve our sides, once they answer as the model does."""
        folder, case = self.project.store.layout.folder.parent, self.case
        with ExitStack() as stack:
            enter = stack.enter_context
            sides = {
                OURS: enter(serving(product, folder, case.name, True)),
                ITSELF: enter(serving(product, folder, self.itself, True)),
                UNRECORDED: enter(serving(product, folder, case.name, False)),
                BARE: enter(serving(bare, self.path)),
                FLOOR: enter(serving(constant)),
            }
            rows = case.rows(3)
            for name, server in sides.items():
                told = answer_of(server.url, _plain(rows))["predictions"]
                if name in (OURS, ITSELF, UNRECORDED):
                    told = [one["prediction"] for one in told]
                if name != FLOOR:
                    checked(case, told, rows, name)
            yield sides


def _plain(rows: list[Row]) -> Asked:
    body = json.dumps(rows).encode()
    return Asked("POST", "/predict", body, headers={"Accept": "*/*", "User-Agent": "load"})


def alone(path: Path, rows: int, seconds: float) -> float:
    """Return the seconds that the model takes for a row, asked with so many at a time."""
    case: Case = joblib.load(path)
    tables = [case.table(case.rows(rows, place * rows)) for place in range(8)]
    case.model.predict(tables[0])
    begin, count = time.perf_counter(), 0
    while time.perf_counter() < begin + seconds:
        case.model.predict(tables[count % len(tables)])
        count += 1
    return (time.perf_counter() - begin) / count / rows


def _dropped(server: Serving) -> float:
    """Return how many answers could not be recorded."""
    with urllib.request.urlopen(f"{server.url}/metrics") as answer:  # noqa: S310
        lines = answer.read().decode().splitlines()
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("lite_mlops_predictions_dropped_total")
    )


def _measured(case: Case, folder: Path, *, quick: bool) -> list[Figure]:
    """Measure all sides of one model."""
    bench = _Bench(case, folder, 0.4 if quick else 1.0)
    shapes = (ONE, MANY) if quick else SHAPES
    dropped = bench.load_ours(shapes, repetitions=1 if quick else 2)
    for peer in PEERS[: 2 if quick else None]:
        if not peer.installed:
            print(f"  {peer.name} is not installed and left out")
            continue
        with peer_serving(peer, case, bench.path) as server:
            for shape in shapes:
                asked = bench.asked(shape, partial(peer.asked, case))
                bench.load(peer.name, server, shape, asked)
    if not quick:
        dropped += bench.load_ours(shapes, repetitions=1)
    told = f"{case.title}: answers that were not recorded"
    return [*_figures(bench, shapes), Figure(told, dropped, "count", at_most=0)]


def _figures(bench: _Bench, shapes: Sequence[Shape]) -> list[Figure]:
    case, found = bench.case, bench.found
    itself = dict(_ITSELF[case.name])
    if importlib.util.find_spec("orjson") is not None:
        itself[THOUSAND] = _LARGE_WITH_ORJSON[case.name]
    figures = []
    for side, goals in ((OURS, itself | _PLANNED[case.name]), (ITSELF, itself)):
        for shape in shapes:
            what = "p50" if shape.connections == 1 else "time"
            ours = found[side].p50 if shape.connections == 1 else found[side].time
            best, theirs = _best(found, what, shape)
            figures.append(
                compared(
                    f"{case.title}{side.removeprefix(OURS)}: {what}, {shape} ({best})",
                    ours[shape],
                    theirs,
                    floor_is="the best peer, named with each",
                    within=goals[shape] if theirs else None,
                )
            )
    return [*figures, *_beside_own(bench)]


def _best(found: dict[str, Found], what: str, shape: Shape) -> tuple[str, list[float]]:
    """Return the quickest peer and its times."""
    peers = [peer.name for peer in PEERS if peer.name in found]
    if not peers:
        return "none", []
    times = {
        name: (found[name].p50 if what == "p50" else found[name].time)[shape] for name in peers
    }
    best = min(peers, key=lambda name: median(times[name]))
    return best, times[best]


def _beside_own(bench: _Bench) -> list[Figure]:
    """Return the figures beside the floor, the bare core, and the model itself."""
    case, found = bench.case, bench.found
    ours, floor, core = found[OURS], found[FLOOR], found[BARE]
    seconds = bench.seconds / 2
    singly, together = (
        [in_new_process(alone, bench.path, rows, seconds) for _ in range(2)] for rows in (1, 64)
    )
    title = case.title
    within = _BEYOND_CORE
    told = partial(compared, floor_is=_CONSTANT)
    one, many = _BEYOND_FLOOR[case.name]
    return [
        told(f"{title}: p50 beside the floor, {ONE}", ours.p50[ONE], floor.p50[ONE], within=one),
        told(
            f"{title}: time beside the floor, {MANY}",
            ours.time[MANY],
            floor.time[MANY],
            within=many,
        ),
        compared(
            f"{title}: p99 beside the core, {MANY}", ours.p99[MANY], core.p99[MANY], floor_is=_CORE
        ),
        compared(
            f"{title}: p50 beside the model, {ONE}",
            ours.p50[ONE],
            singly,
            floor_is="the model itself, 1 row",
        ),
        compared(
            f"{title}, by the model itself: time beside the model, {MANY}",
            found[ITSELF].time[MANY],
            together,
            floor_is="the model itself, 64 rows, for one of them",
            within=_ALONE.get(case.name),
        ),
        compared(
            f"{title}, by the model itself: processor time beside the core, {MANY}",
            found[ITSELF].cpu[MANY],
            core.cpu[MANY],
            floor_is=_CORE,
            within=within,
        ),
        compared(
            f"{title}: processor time beside nothing recorded, {MANY}",
            ours.cpu[MANY],
            found[UNRECORDED].cpu[MANY],
            floor_is="the same, nothing recorded",
            within=_BEYOND_CORE,
        ),
        compared(
            f"{title}: p99 of 1 row, 8 connections, beside bodies of 1,000",
            *bench.mixed(),
            floor_is="the same without them",
        ),
    ]


def measure(*, quick: bool) -> list[Figure]:
    """Measure four models, with few and many rows, at few and many connections."""
    figures = []
    for make in CASES[: 1 if quick else None]:
        with scratch() as folder:
            figures += _measured(make(), folder, quick=quick)
    return figures
