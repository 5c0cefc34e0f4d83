"""Answers as bytes: the parts of a head that many answers share are made once a second.

Answers().message(Response.json({"ok": True}), keep=True)
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from time import gmtime

from lite_mlops.web.kernel.http import Response

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_DAYS = "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
)  # fmt: skip
_BODILESS = (204, 304)
_UNAVAILABLE = 503
_FRAMING = frozenset({"content-length", "connection", "transfer-encoding"})
_SAME_ORIGIN = b"Cross-Origin-Resource-Policy: same-origin\r\n"
_KINDS = 100  # of answers whose beginnings are kept
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def retry_after() -> str:
    """Return in how many seconds to try again; spread, so that not all come back at once."""
    return str(random.randint(1, 3))  # noqa: S311


def protected(answer: Response) -> list[tuple[str, str]]:
    """Return the headers of an answer, with those that keep browsers safe.

    Raises:
        ValueError: a name or value cannot stand in a head, as it would end it.
    """
    return [("X-Content-Type-Options", "nosniff"), *_safe_headers(answer)]


def _safe_headers(answer: Response) -> list[tuple[str, str]]:
    headers = _checked(answer.headers)
    if "Access-Control-Allow-Origin" not in answer.headers:
        headers.append(("Cross-Origin-Resource-Policy", "same-origin"))
    if answer.status == _UNAVAILABLE and "Retry-After" not in answer.headers:
        headers.append(("Retry-After", retry_after()))
    return headers


def _checked(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    found = []
    for name, value in headers.items():
        # Two looks without the machinery of expressions pass what nearly all headers are.
        if not (value.isascii() and value.isprintable()) and not _VALUE.fullmatch(value):
            raise ValueError(f"{name!r}: {value!r} cannot be a header")
        if _is_ours_to_give(name):
            found.append((name, value))
    return found


@lru_cache(maxsize=256)
def _is_ours_to_give(name: str) -> bool:
    """Return whether a header is not one of the framing. Raises `ValueError` for what is none."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a header")
    return name.lower() not in _FRAMING


def _lines(headers: list[tuple[str, str]]) -> bytes:
    return "".join([f"{name}: {value}\r\n" for name, value in headers]).encode("latin-1")


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
        date = _date()
        if date != self._date:
            self._date = date
            self._beginnings.clear()

    def message(self, answer: Response, *, keep: bool, minor: int = 1, head: bool = False) -> bytes:
        """Return an answer as it goes over the wire; `head` leaves the body out.

        Raises:
            ValueError: it has headers that cannot be.
        """
        status, body = answer.status, answer.body
        beginning = self._beginnings.get((status, answer.media)) or self._begin(answer)
        if answer.headers or status == _UNAVAILABLE:
            beginning += _lines(_safe_headers(answer))
        else:
            beginning += _SAME_ORIGIN
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

    def _begin(self, answer: Response) -> bytes:
        """Make what all answers of a status and a kind begin with."""
        headers = {
            "Server": "lite-mlops",
            "Date": self._date,
            **({"Content-Type": answer.media} if answer.media else {}),
            "X-Content-Type-Options": "nosniff",
        }
        line = f"HTTP/1.1 {answer.status} {reason(answer.status)}\r\n".encode()
        if len(self._beginnings) > _KINDS:
            self._beginnings.clear()
        made = line + _lines(_checked(headers))
        self._beginnings[answer.status, answer.media] = made
        return made


def _date() -> str:
    """Return the time as the header `Date` has it, in English wherever this runs (RFC 9110, 5.6.7).

    `email.utils` says the same, and takes milliseconds to load.
    """
    now = gmtime()
    day, month = _DAYS[now.tm_wday], _MONTHS[now.tm_mon - 1]
    clock = f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}"
    return f"{day}, {now.tm_mday:02} {month} {now.tm_year:04} {clock} GMT"
