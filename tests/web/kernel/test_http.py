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
from lite_mlops.web import App, Request, Response, Route
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
    assert ask(method, "/thing") == error(405, f"/thing answers GET, POST, not {method}.")
    response = APP(Request(method, "/thing", HOST))
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


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
    message = f"This server does not answer for the host {host!r}."
    assert ask("GET", "/", {"host": host}) == error(421, message)
    assert ask("GET", "/nothing", {"host": host})[0] == 421  # before anything is looked up


def test_a_request_without_a_host_is_turned_away() -> None:
    assert ask("GET", "/", {})[0] == 421


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
    [("cross-site", 403), ("same-origin", 200), ("none", 200)],
)
def test_browsers_tell_where_a_request_comes_from(site: str, status: int) -> None:
    assert ask("GET", "/", HOST | {"sec-fetch-site": site})[0] == status


# -- bodies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("media", [None, "", "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_told_to_be_json_is_refused(media: str | None) -> None:
    headers = HOST if media is None else HOST | {"content-type": media}
    message = "the body must be JSON, with the header Content-Type: application/json."
    assert ask("POST", "/thing", headers, b"1") == error(422, message)


def test_the_character_set_of_a_body_may_be_named() -> None:
    media = {"content-type": "application/json; charset=utf-8"}
    assert ask("POST", "/thing", HOST | media, b'"x"') == (201, {"got": "x"})


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1,]", b"\xff", b"nul", b"[" * 100_000, b"1" * 5_000]
)
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    status, told = ask("POST", "/thing", SENT, body)
    assert status == 422
    assert told["error"]["message"].startswith("the body is not valid JSON: ")


@pytest.mark.parametrize("body", [b"NaN", b"[Infinity]", b'{"a": -Infinity}'])
def test_numbers_that_json_has_not_are_refused(body: bytes) -> None:
    assert ask("POST", "/thing", SENT, body)[0] == 422


@given(st.binary() | st.text().map(lambda text: json.dumps(text).encode()))
def test_any_body_is_answered(body: bytes) -> None:
    status, told = ask("POST", "/thing", SENT, body)
    assert status in (201, 422)
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
    assert (response.status, json.loads(response.body)) == error(status, "why")


def test_every_kind_of_error_has_a_status() -> None:
    assert set(STATUS) == set(LiteMlopsError.__subclasses__())


def test_other_errors_are_left_to_the_server() -> None:
    def fail(_: Request) -> NoReturn:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        App([Route("GET", "/", fail)])(Request("GET", "/", HOST))
