"""A server in a process of its own, to be told to end: python -m tests.web.kernel.stopped"""

from __future__ import annotations

import sys

from lite_mlops.web import App, Request, Response, Route, Server
from lite_mlops.web.kernel import Deferred
from tests.web.kernel.works import Work


def main() -> None:
    """Serve until told to end, and say by which signal."""
    work = Work(0.01)
    stuck = Work(60.0)

    def together(request: Request) -> Deferred:
        return Deferred(work, request.body, lambda body: Response(200, body))

    def wait(_: Request) -> Response:
        return Response.json(1)

    def stay(request: Request) -> Deferred:
        return Deferred(stuck, request.body, lambda body: Response(200, body))

    server = Server(
        App(
            [
                Route("GET", "/", lambda _: Response.json({"ok": True})),
                Route("POST", "/together", together),
                Route("POST", "/wait", wait, waits=True),
                Route("POST", "/stay", stay),
            ]
        )
    )
    print(server.url, flush=True)
    told = server.run()
    print("none" if told is None else told.name, flush=True)
    sys.exit(0 if server.stopping else 1)


if __name__ == "__main__":
    main()
