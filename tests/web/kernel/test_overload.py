"""More than can be done: each request is answered or refused, and then all is as before."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from lite_mlops.web import App, Limits, Request, Response, Route, Server
from lite_mlops.web.kernel import Deferred
from tests.web.kernel.wire import Client, address, post
from tests.web.kernel.works import Work

PIECE = 0.005  # seconds for one item, so 200 a second at most
RATE = 600
SECONDS = 1.5
WIRE = post("/predict", b"1")


async def one(where: tuple[str, int], after: float) -> tuple[int, str | None]:
    """Ask on a connection of its own; return the status and when to try again."""
    await asyncio.sleep(after)
    reader, writer = await asyncio.open_connection(*where)
    writer.write(WIRE)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    writer.close()
    await writer.wait_closed()
    _, found, rest = head.partition("\r\nretry-after: ")
    return int(head[9:12]), rest.partition("\r\n")[0] if found else None


async def storm(where: tuple[str, int]) -> list[tuple[int, str | None]]:
    """Ask at a steady rate, however long the answers take."""
    asked = (one(where, number / RATE) for number in range(int(RATE * SECONDS)))
    async with asyncio.timeout(30):
        return await asyncio.gather(*asked)


@pytest.mark.slow
@pytest.mark.parametrize("slow", [False, True])
def test_each_request_is_answered_or_refused(slow: bool) -> None:  # noqa: FBT001
    work = Work(PIECE, most=1, slow=slow)

    def predict(request: Request) -> Deferred:
        return Deferred(work, request.body, lambda body: Response(200, body))

    limits = Limits(queue=40, queue_seconds=0.5)
    with Server(App([Route("POST", "/predict", predict)], limits=limits)) as server:
        found = asyncio.run(storm(address(server.url)))
        begin = time.monotonic()
        with Client(server, seconds=2.0) as client:
            assert client.ask(WIRE).status == 200
        assert time.monotonic() - begin < 2
        statuses = Counter(status for status, _ in found)
        assert set(statuses) == {200, 503}
        assert all(again in {"1", "2", "3"} for status, again in found if status == 503)
        assert statuses[200] > SECONDS / PIECE / 4  # and a good part of what can be done is done
        while server.connections:
            time.sleep(0.01)
        assert (server.in_flight, work.waiting) == (0, 0)
