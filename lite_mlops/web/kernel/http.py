"""Requests and answers as values; no sockets in here.

Response.json({"ok": True})
Request("POST", "/predict", {"content-type": "application/json"}, b'{"age": 41}').json()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from lite_mlops.errors import (
    Busy,
    Conflict,
    Damaged,
    Denied,
    Invalid,
    LiteMlopsError,
    NotFound,
)
from lite_mlops.jsontext import json_text, read_json
from lite_mlops.web.kernel.depth import deeper_than

# The one place where kinds of errors become status codes.
STATUS: dict[type[LiteMlopsError], int] = {
    Invalid: 422,
    NotFound: 404,
    Conflict: 409,
    Denied: 403,
    Busy: 503,
    Damaged: 500,
}

JSON = "application/json"


class Malformed(Invalid):
    """A request that is not what it says it is: 400."""


class TooLarge(Invalid):
    """A request that is larger than the server takes: 413."""


class WrongMedia(Invalid):
    """A body of a kind that the route does not take: 415."""


STATUS_OF_REFUSAL: dict[type[Invalid], int] = {Malformed: 400, TooLarge: 413, WrongMedia: 415}


def status_of(error: LiteMlopsError) -> int:
    """Return the status code that an error becomes."""
    for kind, status in (STATUS_OF_REFUSAL | STATUS).items():
        if isinstance(error, kind):
            return status
    return 500


@dataclass(frozen=True)
class Request:
    """What came in.

    Attributes:
        method: In capitals.
        path: With its per cent signs decoded, without the query.
        headers: Their names are in lower case.
        body: All of it; empty where the route takes it as a file.
        query: As it came, after the question mark.
        params: What stands in the places of the route's path.
        file: Where the body lies, if the route takes it as a file; gone after the answer.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    query: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None

    def given(
        self,
        *,
        body: bytes = b"",
        file: Path | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Request:
        """Return the same request with what came after its head.

        A server does this for every request, and `replace` takes several times as long.
        """
        made = object.__new__(Request)
        made.__dict__.update(self.__dict__, body=body, file=file)
        if params is not None:
            made.__dict__["params"] = params
        return made

    @property
    def media(self) -> str:
        """The kind of the body, in lower case and without its parameters; empty if not told."""
        return _media(self.headers.get("content-type", ""))

    def accepts(self, media: str) -> bool:
        """Return whether the client asks for answers of this kind by name."""
        asked = self.headers.get("accept", "")
        return media in (one.partition(";")[0].strip().lower() for one in asked.split(","))

    def arguments(self) -> dict[str, str]:
        """Return the query by name. Raises `Malformed`, also if a name is there twice."""
        if not self.query:
            return {}
        try:
            pairs = parse_qsl(
                self.query, keep_blank_values=True, errors="strict", max_num_fields=1_000
            )
        except ValueError as error:  # which a wrong encoding is as well
            raise Malformed(f"the query of the address cannot be read: {error}.") from None
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Malformed("the query of the address has a name twice.")
        return found

    def json(self, *, depth: int = 32) -> Any:
        """Return the body as JSON, whatever its Content-Type says.

        Raises:
            Malformed: it is none, or lists and objects lie deeper in each other than `depth`.
        """
        value = self.json_of_any_depth(depth)
        self.check_depth(value, depth)
        return value

    def json_of_any_depth(self, told: int = 32) -> Any:
        """Return the body as JSON, for who looks at its depth later, with `check_depth`.

        Raises:
            Malformed: it is none, or nested so deep (thousands of levels, `told` or more) that it
                cannot be read.
        """
        try:
            value = read_json(self.body)
        except RecursionError:
            raise _too_deep(told) from None
        except ValueError as error:  # which a wrong encoding is as well
            raise Malformed(f"the body is not valid JSON: {error}.") from None
        # Looking for one byte first takes an eightieth of the time of looking for two.
        if b"\\" in self.body and b"\\u" in self.body:
            _check_characters(value)
        return value

    def check_depth(self, value: Any, depth: int) -> None:
        """Do nothing if lists and objects of the body's JSON lie at most so deep in each other.

        Raises:
            Malformed: they do not.
        """
        if deeper_than(depth, self.body, value):
            raise _too_deep(depth)


@lru_cache(maxsize=256)  # clients send few different ones, again and again
def _media(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def _too_deep(depth: int) -> Malformed:
    return Malformed(f"the JSON is nested deeper than {depth} levels.")


def _check_characters(value: Any) -> None:
    """Do nothing if every text is of whole characters, which escapes may split. Raises."""
    try:
        json_text(value).encode()
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        raise Malformed(f"the JSON has {half} alone, which is half of a character.") from None


@dataclass(slots=True)  # making a frozen one takes three times as long
class Response:
    """What goes out; not to be changed, as one may be the answer to many requests."""

    status: int
    body: bytes
    media: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(
        cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return an answer that carries JSON."""
        text = json_text(value)
        # Half a character, which only a model can say here, is an escape in JSON.
        return cls(status, text.encode(errors="backslashreplace"), JSON, headers or {})

    @classmethod
    def text(cls, text: str, media: str = "text/plain; charset=utf-8") -> Response:
        """Return an answer that carries text."""
        return cls(200, text.encode(), media)

    @classmethod
    def error(cls, status: int, message: str, details: Mapping[str, Any] | None = None) -> Response:
        """Return an answer that says what went wrong, in the form that errors have by default."""
        return cls.json(
            {"error": {"status": status, "message": message, **(details or {})}}, status
        )


# Makes an answer of a status, a message and, where one was raised, the error.
ErrorForm = Callable[[int, str, LiteMlopsError | None], Response]


def plain_error(status: int, message: str, error: LiteMlopsError | None) -> Response:
    """Return an error in the default form; errors that can tell more in JSON do."""
    tell = getattr(error, "to_dict", None)
    details = None if tell is None else tell()
    return Response.error(status, message, details)
