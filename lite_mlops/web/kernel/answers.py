"""Answers as bytes: the parts of a head that many answers share are made once a second.

Answers().message(Response.json({"ok": True}), keep=True)
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

from lite_mlops.web.kernel.http import Response

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_BODILESS = (204, 304)
_OURS = frozenset({"content-length", "connection", "transfer-encoding", "date", "server"})
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def retry_after() -> str:
    """Return in how many seconds to try again; spread, so that not all come back at once."""
    return str(random.randint(1, 3))  # noqa: S311


def checked_headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the headers of an answer without those that its server sets.

    Raises:
        ValueError: a name or value cannot stand in a head, as it would end it.
    """
    found = []
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f"{name!r}: {value!r} cannot be a header")
        if name.lower() not in _OURS:
            found.append((name, value))
    return found


def protected(answer: Response) -> list[tuple[str, str]]:
    """Return what every answer carries for the safety of browsers.

    Raises:
        ValueError: as `checked_headers`.
    """
    headers = checked_headers(answer.headers)
    headers.append(("X-Content-Type-Options", "nosniff"))
    if "Access-Control-Allow-Origin" not in answer.headers:
        headers.append(("Cross-Origin-Resource-Policy", "same-origin"))
    if answer.status == HTTPStatus.SERVICE_UNAVAILABLE and "Retry-After" not in answer.headers:
        headers.append(("Retry-After", retry_after()))
    return headers


def reason(status: int) -> str:
    """Return the phrase that goes with a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class Answers:
    """Makes the heads of answers."""

    def __init__(self) -> None:
        self._date = ""
        self._beginnings: dict[tuple[int, str], bytes] = {}

    def tick(self) -> None:
        """Take note that time went on."""
        date = formatdate(usegmt=True)
        if date != self._date:
            self._date = date
            self._beginnings.clear()

    def message(self, answer: Response, *, keep: bool, minor: int = 1, head: bool = False) -> bytes:
        """Return an answer as it goes over the wire; `head` leaves the body out.

        Raises:
            ValueError: it has headers that cannot be.
        """
        status, body = answer.status, answer.body
        if answer.headers or status == HTTPStatus.SERVICE_UNAVAILABLE:
            beginning = self._beginning(answer)
        else:
            key = status, answer.media
            beginning = self._beginnings.get(key) or self._known(key, answer)
        if keep and minor and not head and status not in _BODILESS:
            return b"%bContent-Length: %d\r\n\r\n%b" % (beginning, len(body), body)
        if not keep:
            beginning += b"Connection: close\r\n"
        elif not minor:
            beginning += b"Connection: keep-alive\r\n"
        if status in _BODILESS:
            return beginning + b"\r\n"
        beginning += b"Content-Length: %d\r\n\r\n" % len(body)
        return beginning if head else beginning + body

    def _known(self, key: tuple[int, str], answer: Response) -> bytes:
        if len(self._beginnings) > 100:
            self._beginnings.clear()
        self._beginnings[key] = beginning = self._beginning(answer)
        return beginning

    def _beginning(self, answer: Response) -> bytes:
        lines = [f"HTTP/1.1 {answer.status} {reason(answer.status)}", "Server: lite-mlops"]
        lines.append(f"Date: {self._date}")
        if answer.media:
            checked_headers({"Content-Type": answer.media})
            lines.append(f"Content-Type: {answer.media}")
        lines += [f"{name}: {value}" for name, value in protected(answer)]
        return "\r\n".join([*lines, ""]).encode("latin-1")
