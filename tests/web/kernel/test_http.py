"""The HTTP kernel without sockets: routes, the guard, and errors as answers."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import (
    Busy,
    Conflict,
    Damaged,
    Denied,
    Invalid,
    LiteMlopsError,
    NotFound,
)
from lite_mlops.web import App, Guard, Request, Response, Route
from lite_mlops.web.kernel.http import STATUS

HOST = {"host": "127.0.0.1:8000"}
SENT = HOST | {"content-type": "application/json"}


def echo(request: Request) -> Response:
    return Response.json({"got": request.json()}, 201)


APP = App(
    [
        Route("GET", "/", lambda _: Response.json({"ok": True})),
        Route("GET", "/thing", lambda _: Response.json("read")),
        Route("POST", "/thing", echo),
    ]
)


def ask(method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Any:
    """The status of the answer and what its JSON says."""
    response = APP(Request(method, path, HOST if headers is None else headers, body))
    assert response.media == "application/json"
    return response.status, json.loads(response.body)


def error(status: int, message: str) -> Any:
    return status, {"error": {"status": status, "message": message}}


def test_a_request_reaches_the_route_of_its_method_and_path() -> None:
    assert ask("GET", "/") == (200, {"ok": True})
    assert ask("GET", "/thing") == (200, "read")
    assert ask("POST", "/thing", SENT, b"[1]") == (201, {"got": [1]})


@pytest.mark.parametrize(
    "path", ["/nothing", "/thing/", "//", "", "thing", "/thing\0", "/../thing"]
)
def test_another_path_is_not_there(path: str) -> None:
    assert ask("GET", path) == error(404, f"There is nothing at {path}.")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "get", ""])
def test_another_method_is_not_allowed_and_those_that_are_get_named(method: str) -> None:
    assert ask(method, "/thing") == error(405, f"/thing answers GET, POST, HEAD, not {method}.")
    response = APP(Request(method, "/thing", HOST))
    assert set(response.headers["Allow"].split(", ")) == {"GET", "POST", "HEAD"}


def test_head_is_answered_as_get() -> None:
    assert ask("HEAD", "/thing") == (200, "read")
    assert ask("HEAD", "/nothing")[0] == 404


# -- the guard ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:8000", "localhost", "LocalHost:1", "[::1]", "[::1]:8000"),
    ],
)
def test_the_names_of_this_machine_are_answered(host: str) -> None:
    assert ask("GET", "/", {"host": host})[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil:80"),
        *("evil@127.0.0.1", "127.0.0.1:8000:9000", "127.0.0.1:x", "127.1.1.1", "127.0.0.2", "::1"),
        *("localhost:", " localhost", "localhost,evil.example"),
    ],
)
def test_a_foreign_host_is_turned_away(host: str) -> None:
    message = (
        f"This server does not answer for the host {host!r}. If it is meant to, name that host "
        "when it is started."
    )
    assert ask("GET", "/", {"host": host}) == error(421, message)
    assert ask("GET", "/nothing", {"host": host})[0] == 421  # before anything is looked up


def test_a_request_of_http_1_0_may_have_no_host() -> None:
    assert ask("GET", "/", {})[0] == 200


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8000", "http://127.0.0.1:8000".upper()])
def test_its_own_pages_are_answered(origin: str) -> None:
    assert ask("POST", "/thing", SENT | {"origin": origin}, b"1")[0] == 201


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "null", "", "http://127.0.0.1", "http://127.0.0.1:8001"),
        *("http://localhost:8000", "file://", "http://127.0.0.1:8000.evil.example"),
    ],
)
def test_the_pages_of_others_are_turned_away(origin: str) -> None:
    message = f"Requests from the page {origin} are not answered."
    assert ask("POST", "/thing", SENT | {"origin": origin}, b"1") == error(403, message)


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)],
)
def test_browsers_tell_where_a_request_comes_from(site: str, status: int) -> None:
    assert ask("GET", "/", HOST | {"sec-fetch-site": site})[0] == status


# -- bodies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("media", [None, "", "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_is_read_as_json_whatever_it_is_told_to_be(media: str | None) -> None:
    headers = HOST if media is None else HOST | {"content-type": media}
    assert ask("POST", "/thing", headers, b"1") == (201, {"got": 1})


def test_the_character_set_of_a_body_may_be_named() -> None:
    media = {"content-type": "application/json; charset=utf-8"}
    assert ask("POST", "/thing", HOST | media, b'"x"') == (201, {"got": "x"})


@pytest.mark.parametrize("body", [b"", b"{", b"[1,]", b"\xff", b"nul", b"[" * 900, b"1" * 5_000])
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    status, told = ask("POST", "/thing", SENT, body)
    assert status == 400
    assert told["error"]["message"].startswith("the body is not valid JSON: ")


@pytest.mark.parametrize("body", [b"NaN", b"[Infinity]", b'{"a": -Infinity}'])
def test_numbers_that_json_has_not_are_refused(body: bytes) -> None:
    assert ask("POST", "/thing", SENT, body)[0] == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 32 + b"]" * 32, 201),
        (b"[" * 33 + b"]" * 33, 400),
        (b'{"a":' * 33 + b"1" + b"}" * 33, 400),
        (b"[" * 100_000 + b"]" * 100_000, 400),
        (b"[" * 100_000, 400),
        (json.dumps(["]" * 50, "[" * 50, '"' * 9]).encode(), 201),
    ],
)
def test_json_that_is_nested_too_deep_is_refused(body: bytes, status: int) -> None:
    assert ask("POST", "/thing", SENT, body)[0] == status


@given(st.binary() | st.text().map(lambda text: json.dumps(text).encode()))
def test_any_body_is_answered(body: bytes) -> None:
    status, told = ask("POST", "/thing", SENT, body)
    assert status in (201, 400)
    assert ("got" in told) == (status == 201)


# -- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status"),
    [(Invalid, 422), (NotFound, 404), (Conflict, 409), (Denied, 403), (Busy, 503), (Damaged, 500)],
)
def test_each_kind_of_error_has_its_status(kind: type[LiteMlopsError], status: int) -> None:
    class Special(kind):  # type: ignore[misc, valid-type]
        pass

    def fail(_: Request) -> NoReturn:
        raise Special("why")

    response = App([Route("GET", "/", fail)])(Request("GET", "/", HOST))
    assert response.headers.get("Retry-After") == ("1" if status == 503 else None)
    assert (response.status, json.loads(response.body)) == error(status, "why")


def test_every_kind_of_error_has_a_status() -> None:
    kinds = {
        one
        for one in LiteMlopsError.__subclasses__()
        if one.__module__ == LiteMlopsError.__module__
    }
    assert set(STATUS) == kinds


def test_other_errors_are_logged_and_say_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Request) -> NoReturn:
        raise ZeroDivisionError

    response = App([Route("GET", "/", fail)])(Request("GET", "/", HOST))
    told = {"error": {"status": 500, "message": "The server failed; its log says why."}}
    assert (response.status, json.loads(response.body)) == (500, told)
    assert "ZeroDivisionError" in caplog.text


# -- places in paths, tokens, other origins -----------------------------------------------------

PLACES = App(
    [
        Route("GET", "/models/{name}", lambda request: Response.json(dict(request.params))),
        Route("GET", "/models/{name}/{version}", lambda _: Response.json("two")),
        Route("GET", "/models/known", lambda _: Response.json("plain")),
    ]
)


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/models/churn", 200, {"name": "churn"}),
        ("/models/known", 200, "plain"),
        ("/models/../etc", 200, "two"),  # dots are a text like any other
        ("/models/", 404, None),
        ("/models//", 404, None),
        ("/models/a/b/c", 404, None),
    ],
)
def test_places_stand_for_one_part_of_a_path(path: str, status: int, told: Any) -> None:
    response = PLACES(Request("GET", path, HOST))
    assert response.status == status
    if status == 200:
        assert json.loads(response.body) == told


def test_a_route_that_is_there_twice_is_refused() -> None:
    with pytest.raises(Invalid, match=r"GET /a has two routes\."):
        App([Route("GET", "/a", echo), Route("GET", "/a", echo)])


TOKENS = App(
    [
        Route("GET", "/", lambda _: Response.json(1)),
        Route("GET", "/health", lambda _: Response.json(2), open=True),
        Route("POST", "/models/{name}", echo),
    ],
    Guard(tokens=lambda token: token == "secret", origins=("https://shop.example",)),  # noqa: S105
)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": "Digest secret"}, 401),
        ({"authorization": "Basic !"}, 401),
        ({"authorization": "Basic c2VjcmV0"}, 401),  # no colon in it
        ({"authorization": "Bearer secret"}, 200),
        ({"authorization": "Basic dXNlcjpzZWNyZXQ="}, 200),
        ({"x-api-key": "secret"}, 200),
        ({"x-api-key": ""}, 401),
    ],
)
def test_where_tokens_are_needed_nothing_is_told_without(
    headers: dict[str, str], status: int
) -> None:
    for path in ("/", "/nothing"):
        response = TOKENS(Request("GET", path, HOST | headers))
        assert response.status == (404 if path == "/nothing" and status == 200 else status)
        assert ("WWW-Authenticate" in response.headers) == (status == 401)
    assert TOKENS(Request("GET", "/health", HOST | headers)).status == 200


def test_every_route_but_the_open_ones_needs_the_token() -> None:
    for route in TOKENS.routes.all:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            path = route.path.replace("{name}", "churn")
            response = TOKENS(Request(method, path, HOST))
            is_open = route.open and method in ("GET", "HEAD")
            assert response.status == (200 if is_open else 401), (method, path)


def test_a_page_of_an_allowed_origin_may_ask() -> None:
    shop = {"origin": "https://shop.example", "sec-fetch-site": "cross-site"}
    asking = shop | {"access-control-request-method": "POST"}
    preflight = TOKENS(Request("OPTIONS", "/models/churn", HOST | asking))
    assert (preflight.status, preflight.headers["Access-Control-Allow-Methods"]) == (204, "POST")
    asked = TOKENS(Request("GET", "/", HOST | shop | {"x-api-key": "secret"}))
    assert asked.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    other = shop | {"origin": "https://evil.example", "x-api-key": "secret"}
    assert TOKENS(Request("GET", "/", HOST | other)).status == 403
