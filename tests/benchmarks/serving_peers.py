"""Other ways to serve a model, each a function that serves until its process ends.

    with peer_serving(PEERS[0], folder / "case") as server:
        server.load(...)

They are written as their introductions show it: rows by the names of columns, a frame or an array
of them, the prediction, and the probabilities where there are some. Tuned FastAPI reads and writes
bytes by itself, with orjson where that is installed. LitServe and BentoML batch, up to 64 requests.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import psutil

from tests.benchmarks.load import _SPAWN, Asked, Serving
from tests.benchmarks.serving_models import Case, Row

_READY_SECONDS = 60.0
_BATCH, _BATCH_SECONDS = 64, 0.002


class Peer(NamedTuple):
    """A way to serve.

    Attributes:
        name: What it is called in figures.
        serve: Serves the case of a file at a port.
        needs: The packages without which it is left out.
        path: Where it answers.
        body: Makes what it is sent.
        answers: Takes the predictions out of what it answers.
    """

    name: str
    serve: Callable[[int, Path], None]
    needs: tuple[str, ...]
    path: str
    body: Callable[[Case, list[Row]], Any]
    answers: Callable[[Any], list[Any]]

    @property
    def installed(self) -> bool:
        """Whether all it needs is there."""
        return all(importlib.util.find_spec(one) is not None for one in self.needs)

    def asked(self, case: Case, rows: list[Row]) -> Asked:
        """Return the request for rows."""
        body = json.dumps(self.body(case, rows)).encode()
        return Asked("POST", self.path, body, headers={"Accept": "*/*", "User-Agent": "load"})


def predicted(case: Case, table: Any) -> dict[str, Any]:
    """Return what a peer answers to a table."""
    told = {"predictions": case.model.predict(table).tolist()}
    if case.probable:
        told["probabilities"] = case.model.predict_proba(table).tolist()
    return told


# -- the peers ----------------------------------------------------------------------------------


def fastapi(port: int, path: Path) -> None:
    """Serve with FastAPI and a pydantic model of the columns."""
    import pandas as pd
    import uvicorn  # type: ignore[import-not-found, unused-ignore]
    from fastapi import FastAPI  # type: ignore[import-not-found, unused-ignore]
    from pydantic import create_model  # type: ignore[import-not-found, unused-ignore]

    case: Case = joblib.load(path)
    columns: dict[str, Any] = {name: (kind, ...) for name, kind in case.kinds.items()}
    row_model: Any = create_model("Row", **columns)
    app = FastAPI()

    def predict(rows: Any) -> dict[str, Any]:
        frame = pd.DataFrame([row.model_dump() for row in rows])
        return predicted(case, frame if case.framed else frame.to_numpy())

    predict.__annotations__["rows"] = list[row_model]
    route: Any = app.post("/predict")
    route(predict)
    uvicorn.run(app, port=port, log_level="warning", access_log=False)


def fastapi_tuned(port: int, path: Path) -> None:
    """Serve with FastAPI, without pydantic, a frame only where the model needs one."""
    import uvicorn  # type: ignore[import-not-found, unused-ignore]
    from fastapi import FastAPI, Request, Response  # type: ignore[import-not-found, unused-ignore]

    case: Case = joblib.load(path)
    app = FastAPI()
    loads: Any = json.loads
    dumps: Any = lambda value: json.dumps(value).encode()  # noqa: E731
    if importlib.util.find_spec("orjson") is not None:
        import orjson  # type: ignore[import-not-found, unused-ignore]

        loads, dumps = orjson.loads, orjson.dumps

    async def predict(request: Any) -> Any:
        rows = loads(await request.body())
        return Response(dumps(predicted(case, case.table(rows))), media_type="application/json")  # type: ignore[no-untyped-call, unused-ignore]

    predict.__annotations__["request"] = Request
    route: Any = app.post("/predict", response_model=None)
    route(predict)
    uvicorn.run(app, port=port, log_level="warning", access_log=False)


def mlflow(port: int, path: Path) -> None:
    """Serve with the scoring server of MLflow, of a model with a signature."""
    import mlflow.pyfunc  # type: ignore[import-not-found, unused-ignore]
    import mlflow.sklearn  # type: ignore[import-not-found, unused-ignore]
    import uvicorn  # type: ignore[import-not-found, unused-ignore]
    from mlflow.models import infer_signature  # type: ignore[import-not-found, unused-ignore]
    from mlflow.pyfunc import scoring_server  # type: ignore[import-not-found, unused-ignore]

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    case: Case = joblib.load(path)
    example = case.table(case.rows(5))
    folder = str(path.with_suffix(".mlflow"))
    mlflow.sklearn.save_model(
        case.model,
        folder,
        signature=infer_signature(example, case.model.predict(example)),
        pip_requirements=["scikit-learn"],
        serialization_format="cloudpickle",
    )
    app: Any = scoring_server.init(mlflow.pyfunc.load_model(folder))
    uvicorn.run(app, port=port, log_level="warning", access_log=False)


def litserve(port: int, path: Path) -> None:
    """Serve with LitServe, which batches in a process of its own."""
    from litserve import LitServer  # type: ignore[import-not-found, unused-ignore]

    from tests.benchmarks.serving_litserve import Served

    server = LitServer(Served(path, _BATCH, _BATCH_SECONDS), accelerator="cpu")
    server.run(port=port, host="127.0.0.1", generate_client_file=False, log_level="warning")


def apart(case: Case, requests: Sequence[Sequence[Row]]) -> list[dict[str, Any]]:
    """Answer requests together, and return the answer to each."""
    told = predicted(case, case.table([row for rows in requests for row in rows]))
    found, start = [], 0
    for rows in requests:
        stop = start + len(rows)
        found.append({name: values[start:stop] for name, values in told.items()})
        start = stop
    return found


def bentoml(port: int, path: Path) -> None:
    """Serve with BentoML, which batches rows."""
    import bentoml as bento  # type: ignore[import-not-found, unused-ignore]
    import uvicorn  # type: ignore[import-not-found, unused-ignore]

    case: Case = joblib.load(path)

    class Served:
        def predict(self, rows: Any) -> Any:
            return case.model.predict(case.table(rows)).tolist()

    Served.predict.__annotations__ |= {"rows": list[dict[str, Any]], "return": list[Any]}
    batching = bento.api(batchable=True, max_batch_size=1_000, max_latency_ms=10_000)
    Served.predict = batching(Served.predict)  # type: ignore[method-assign]
    app = bento.service(Served).to_asgi()
    uvicorn.run(app, port=port, log_level="warning", access_log=False)


def _plain(case: Case, rows: list[Row]) -> Any:
    return rows


def _named(case: Case, rows: list[Row]) -> Any:
    return {"rows": rows}


def _of_mlflow(case: Case, rows: list[Row]) -> Any:
    return {"dataframe_records": rows} if case.framed else {"inputs": case.table(rows).tolist()}


def _predictions(told: Any) -> list[Any]:
    found: list[Any] = told["predictions"]
    return found


PEERS = (
    Peer("FastAPI", fastapi, ("fastapi", "uvicorn"), "/predict", _plain, _predictions),
    Peer("tuned FastAPI", fastapi_tuned, ("fastapi", "uvicorn"), "/predict", _plain, _predictions),
    Peer("MLflow", mlflow, ("mlflow", "uvicorn"), "/invocations", _of_mlflow, _predictions),
    Peer("LitServe", litserve, ("litserve",), "/predict", _named, _predictions),
    Peer("BentoML", bentoml, ("bentoml", "uvicorn"), "/predict", _named, list),
)


# -- running them -------------------------------------------------------------------------------


def answer_of(url: str, asked: Asked) -> Any:
    """Send one request and return what JSON it is answered with."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=_READY_SECONDS)
    try:
        headers = {"Content-Type": asked.media, **asked.headers}
        connection.request(asked.method, asked.path, asked.body, headers)
        answer = connection.getresponse()
        told = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{asked.path} answered {answer.status}: {told[:500]!r}")
        return json.loads(told)
    finally:
        connection.close()


def checked(case: Case, found: list[Any], rows: list[Row], side: str) -> None:
    """Do nothing if a side answers what the model does."""
    wanted = case.answers(rows)
    same = len(found) == len(wanted)
    if same and isinstance(wanted[0], float):
        same = bool(np.allclose(found, wanted, rtol=1e-12))
    elif same:
        same = found == wanted
    if not same:
        raise AssertionError(f"{side} answers {found[:3]}... where the model says {wanted[:3]}...")


def _quiet(serve: Callable[[int, Path], None], port: int, path: Path) -> None:
    """Serve, and say nothing."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    serve(port, path)


@contextmanager
def peer_serving(peer: Peer, case: Case, path: Path) -> Iterator[Serving]:
    """Serve the case of a file in a process of its own, once it answers as the model does."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    process = _SPAWN.Process(target=_quiet, args=(peer.serve, port, path))
    process.start()
    server = Serving(f"http://127.0.0.1:{port}", process.pid or 0)
    try:
        rows = case.rows(3)
        checked(case, peer.answers(_first_answer(server, peer.asked(case, rows))), rows, peer.name)
        yield server
    finally:
        _end(process)


def _first_answer(server: Serving, asked: Asked) -> Any:
    until = time.monotonic() + _READY_SECONDS
    while True:
        try:
            return answer_of(server.url, asked)
        except OSError:
            if time.monotonic() > until or not psutil.pid_exists(server.pid):
                raise
            time.sleep(0.05)


def _end(process: Any) -> None:
    """End a process and those that it started."""
    try:
        started = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        started = []
    process.terminate()
    process.join(5)
    if process.is_alive():
        process.kill()
        process.join()
    for one in started:
        if one.is_running():
            one.kill()
    psutil.wait_procs(started, timeout=5)
