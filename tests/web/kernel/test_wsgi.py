"""The app inside Flask and Django, watched by the validator of the standard library."""

from __future__ import annotations

import io
from typing import Any
from wsgiref.validate import validator

import django
import flask
import pytest
from django.conf import settings as django_settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path as django_path
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from lite_mlops.web import App, Guard, Request, Response, Route
from lite_mlops.web.kernel import Deferred
from tests.web.kernel.embedded import CASES, IDS, PREFIX, make
from tests.web.kernel.works import Work


def in_flask() -> Any:
    outer = flask.Flask(__name__)

    @outer.get("/own")
    def own() -> str:
        return "theirs"

    return DispatcherMiddleware(outer.wsgi_app, {PREFIX: validator(make().wsgi)})


def own(_: HttpRequest) -> HttpResponse:
    return HttpResponse("theirs")


urlpatterns = [django_path("own", own)]


def in_django() -> Any:
    if not django_settings.configured:
        django_settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
        django.setup()
    return DispatcherMiddleware(WSGIHandler(), {PREFIX: validator(make().wsgi)})


@pytest.fixture(scope="module", params=[in_flask, in_django])
def client(request: pytest.FixtureRequest) -> Client:
    return Client(request.param())


@pytest.mark.parametrize(("method", "path", "body", "headers", "status", "told"), CASES, ids=IDS)
def test_it_answers_as_its_own_server_does(
    client: Client,
    method: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
    status: int,
    told: Any,
) -> None:
    answer = client.open(
        PREFIX + path,
        method=method,
        data=body,
        headers=headers,
        base_url=f"http://{headers.get('host', 'localhost')}",
        buffered=True,  # read and closed, as servers do
    )
    assert answer.status_code == status
    if told is not None:
        assert answer.json is not None
        assert (answer.json if status == 200 else answer.json["error"]["message"]) == told
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_routes_around_it_are_left_alone(client: Client) -> None:
    assert client.get("/own", base_url="http://localhost", buffered=True).text == "theirs"


def test_head_gzip_and_no_content(client: Client) -> None:
    at: Any = {"base_url": "http://localhost", "buffered": True}
    head = client.head(f"{PREFIX}/text", **at)
    assert (head.status_code, head.data) == (200, b"")
    packed = client.get(f"{PREFIX}/text", headers={"accept-encoding": "gzip"}, **at)
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.data) < 1_000
    assert client.get(f"{PREFIX}/empty", **at).status_code == 204


def call(environ: dict[str, Any], app: App | None = None) -> tuple[str, bytes]:
    told: list[str] = []
    around = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/size",
        "HTTP_HOST": "localhost",
        "wsgi.input": io.BytesIO(b"abc"),
    }
    body = (app or make()).wsgi(around | environ, lambda status, _: told.append(status))
    return told[0], b"".join(body)


@pytest.mark.parametrize(
    ("environ", "status", "body"),
    [
        ({"CONTENT_LENGTH": "3"}, "200 OK", b"3"),
        ({"CONTENT_LENGTH": "2"}, "200 OK", b"2"),
        ({"CONTENT_LENGTH": ""}, "200 OK", b"0"),
        ({}, "200 OK", b"0"),  # nobody says where the body ends
        ({"wsgi.input_terminated": True}, "200 OK", b"3"),
        ({"CONTENT_LENGTH": "4"}, "400 Bad Request", None),
        ({"CONTENT_LENGTH": "x"}, "400 Bad Request", None),
        ({"CONTENT_LENGTH": "-1"}, "400 Bad Request", None),
        ({"PATH_INFO": "/\xff"}, "400 Bad Request", None),
        ({"CONTENT_LENGTH": "100001"}, "413 Request Entity Too Large", None),
        ({"PATH_INFO": "", "REQUEST_METHOD": "GET"}, "200 OK", b'{"ok": true}'),
    ],
)
def test_what_servers_may_hand_over(
    environ: dict[str, Any], status: str, body: bytes | None
) -> None:
    told, answered = call(environ)
    assert told == status
    if body is not None:
        assert answered == body


def test_each_request_is_worked_on_by_itself() -> None:
    work = Work()

    def answer(request: Request) -> Deferred:
        return Deferred(work, request.body, lambda body: Response(200, body))

    app = App([Route("POST", "/size", answer)], Guard(hosts=None))
    assert call({"CONTENT_LENGTH": "3"}, app) == ("200 OK", b"abc")
    assert work.pieces == []
