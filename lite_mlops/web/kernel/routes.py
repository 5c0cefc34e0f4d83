"""Routes as values, and the table that finds the one of a request.

Route("POST", "/models/{name}/predict", predict)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lite_mlops.errors import Invalid
from lite_mlops.web.kernel.http import Request, Response
from lite_mlops.web.kernel.together import Deferred

Handler = Callable[[Request], Response | Deferred]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What a route is described by in the OpenAPI document; the values are parts of it."""

    summary: str
    description: str = ""
    parameters: tuple[Mapping[str, Any], ...] = ()
    body: Mapping[str, Any] | None = None  # by media type, each with its "schema"
    answers: Mapping[str, Any] = field(default_factory=dict)  # by status


@dataclass(frozen=True)
class Route:
    """A method and a path, and the function that answers.

    Attributes:
        method: In capitals; a route of GET answers HEAD as well.
        path: `{name}` stands for one part of it that is not empty and holds no slash.
        handler: Makes the answer; it may raise errors of the package, which become answers.
        waits: Whether it waits for a disk or the database; it then runs in a thread.
        open: Whether it is answered without a token where tokens are needed.
        page: Whether it is a page, which a link on another site may lead to.
        to_file: Whether the body is written to a file instead of being kept in memory.
        body_bytes: The largest body; None: the limit of the server.
        about: What the OpenAPI document says of it; None: nothing.
    """

    method: str
    path: str
    handler: Handler
    waits: bool = False
    open: bool = False
    page: bool = False
    to_file: bool = False
    body_bytes: int | None = None
    about: Operation | None = None


class Match(NamedTuple):
    """What the table found: a route with the parts of its path, or the methods that are there."""

    route: Route | None
    params: Mapping[str, str]
    allowed: tuple[str, ...]


class Routes:
    """Routes, prepared for finding: plain paths by one look, those with places part by part."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.all = tuple(routes)
        self._plain: dict[str, dict[str, Route]] = {}
        self._places: dict[int, list[tuple[list[str], dict[str, Route]]]] = {}
        for route in self.all:
            table = self._table(route.path)
            if route.method in table:
                raise Invalid(f"{route.method} {route.path} has two routes.")
            table[route.method] = route

    def _table(self, path: str) -> dict[str, Route]:
        if "{" not in path:
            return self._plain.setdefault(path, {})
        parts = path.split("/")
        alike = self._places.setdefault(len(parts), [])
        for known, table in alike:
            if known == parts:
                return table
        alike.append((parts, {}))
        return alike[-1][1]

    def find(self, method: str, path: str) -> Match:
        """Return the route of a request; without one, the methods that the path answers."""
        params: dict[str, str] = {}
        table = self._plain.get(path)
        if table is None:
            parts = path.split("/")
            for known, routes in self._places.get(len(parts), ()):
                if all(
                    place == part or (place[:1] == "{" and part)
                    for place, part in zip(known, parts, strict=True)
                ):
                    table = routes
                    params = {
                        place[1:-1]: part
                        for place, part in zip(known, parts, strict=True)
                        if place[:1] == "{"
                    }
                    break
        if table is None:
            return Match(None, {}, ())
        route = table.get("GET" if method == "HEAD" else method)
        allowed = (*table, "HEAD") if "GET" in table else tuple(table)
        return Match(route, params, allowed)
