"""The app inside FastAPI and Starlette, and served by uvicorn."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import MutableMapping
from typing import Any

import fastapi
import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from lite_mlops.web import App, Limits, Request, Response, Route
from lite_mlops.web.kernel import Deferred
from tests.web.kernel.embedded import CASES, IDS, PREFIX, make
from tests.web.kernel.works import Work


def in_fastapi() -> Any:
    outer = fastapi.FastAPI()

    @outer.get("/own")
    def own() -> str:
        return "theirs"

    outer.mount(PREFIX, make().asgi)
    return outer


def in_starlette() -> Any:
    return Starlette(routes=[Mount(PREFIX, app=make().asgi)])


def asked(app: Any, method: str, path: str, **options: Any) -> httpx.Response:
    """Send one request to an ASGI app and return the answer."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, **options)

    return asyncio.run(ask())


@pytest.fixture(scope="module", params=[in_fastapi, in_starlette])
def outer(request: pytest.FixtureRequest) -> Any:
    return request.param()


@pytest.mark.parametrize(("method", "path", "body", "headers", "status", "told"), CASES, ids=IDS)
def test_it_answers_as_its_own_server_does(
    outer: Any,
    method: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    told: Any,
) -> None:
    answer = asked(outer, method, PREFIX + path, content=body, headers=headers)
    assert answer.status_code == status
    if told is not None:
        assert (answer.json() if status == 200 else answer.json()["error"]["message"]) == told
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_head_and_gzip(outer: Any) -> None:
    head = asked(outer, "HEAD", f"{PREFIX}/text")
    assert (head.status_code, head.content) == (200, b"")
    packed = asked(outer, "GET", f"{PREFIX}/text", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == "text " * 1_000
    assert asked(outer, "GET", f"{PREFIX}/empty").status_code == 204


def test_the_routes_around_it_are_left_alone() -> None:
    assert asked(in_fastapi(), "GET", "/own").json() == "theirs"


def together(work: Work) -> Any:
    def answer(request: Request) -> Deferred:
        return Deferred(work, request.body, lambda body: Response(200, body))

    return App([Route("POST", "/", answer)], limits=Limits(request_seconds=0.2)).asgi


def test_requests_that_come_together_are_one_piece_of_work() -> None:
    work = Work()

    async def ask() -> list[bytes]:
        transport = httpx.ASGITransport(together(work))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            bodies = [str(number).encode() for number in range(20)]
            answers = await asyncio.gather(*(client.post("/", content=body) for body in bodies))
            assert [answer.content for answer in answers] == bodies
            return bodies

    asyncio.run(ask())
    asyncio.run(ask())  # another loop
    assert sum(len(piece) for piece in work.pieces) == 40
    assert len(work.pieces) < 20


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    work = Work(slow=True)
    work.gate.clear()

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(together(work))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.post("/", content=b"a")
            work.gate.set()
            return answer

    answer = asyncio.run(ask())
    assert answer.status_code == 503
    assert answer.json()["error"]["message"] == "the answer took longer than 0.2 s."
    assert 1 <= int(answer.headers["retry-after"]) <= 3


async def _exchange(app: Any, scope: dict[str, Any], *messages: dict[str, Any]) -> list[Any]:
    left, sent = list(messages), []

    async def receive() -> MutableMapping[str, Any]:
        return left.pop(0) if left else await asyncio.sleep(60, {"type": "http.disconnect"})

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "POST",
    "path": "/size",
    "headers": [(b"host", b"localhost")],
}


@pytest.mark.parametrize(
    ("changed", "messages", "status"),
    [
        ({}, [{"type": "http.request", "body": b"a"}], 200),
        ({"root_path": "/size/"}, [], 405),
        ({"path": "/a/size", "root_path": "/a"}, [{"type": "http.request"}], 200),
        ({"path": "/size", "root_path": "/a"}, [{"type": "http.request"}], 200),
        ({"path": "/a", "root_path": "/a"}, [], 405),
        ({"path": "/\ud800"}, [], 400),
        ({"headers": [(b"host", b"localhost"), (b"content-length", b"x")]}, [], 400),
        ({"headers": [(b"host", b"localhost"), (b"Host", b"localhost")]}, [], 400),
        ({}, [{"type": "http.request", "body": b"a", "more_body": True}], 408),
        ({}, [{"type": "http.request", "body": b"a" * 100_001, "more_body": True}], 413),
        ({}, [{"type": "http.request", "more_body": True}, {"type": "http.disconnect"}], None),
    ],
)
def test_what_servers_may_hand_over(
    changed: dict[str, Any], messages: list[dict[str, Any]], status: int | None
) -> None:
    app = make(body_seconds=0.1).asgi
    sent = asyncio.run(_exchange(app, SCOPE | changed, *messages))
    assert (sent[0]["status"] if sent else None) == status


def test_lifespan_websockets_and_what_else_there_may_be() -> None:
    app = make().asgi
    life = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = asyncio.run(_exchange(app, {"type": "lifespan"}, *life))
    assert [one["type"] for one in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert asyncio.run(_exchange(app, {"type": "websocket"})) == [{"type": "websocket.close"}]
    with pytest.raises(NotImplementedError, match="of the type smoke"):
        asyncio.run(_exchange(app, {"type": "smoke"}))


def test_uvicorn_serves_it() -> None:
    config = uvicorn.Config(make().asgi, port=0, log_level="error", ws="none")
    server = uvicorn.Server(config)
    ready = threading.Event()
    startup = server.startup

    async def started(*given: Any, **named: Any) -> None:
        await startup(*given, **named)
        ready.set()

    server.startup = started  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert ready.wait(20)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            assert client.get("/").json() == {"ok": True}
            packed = gzip.compress(b"x" * 1_000)
            answer = client.post("/size", content=packed, headers={"content-encoding": "gzip"})
            assert answer.json() == 1_000
            assert client.head("/text").status_code == 200
            assert client.get("/%00").status_code == 400
    finally:
        server.should_exit = True
        thread.join()
