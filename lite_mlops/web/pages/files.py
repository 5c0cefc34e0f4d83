"""The style sheet, the script and the icon: each at an address that changes with its content.

files()["page.css"].path        # '/static/page-3f0a1b2c.css'

So a browser keeps them for good, and never shows a page with the style of another version.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files as resources

from lite_mlops.web.kernel import Request, Response, Route

_MEDIA = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FOR_GOOD = "public, max-age=31536000, immutable"
_FOR_A_DAY = "public, max-age=86400"


@dataclass(frozen=True)
class StaticFile:
    """One file that pages load."""

    path: str
    media: str
    body: bytes

    def route(self, path: str | None = None) -> Route:
        """Return the route that answers with it, at another path only for a day."""
        headers = {
            "Cache-Control": _FOR_GOOD if path is None else _FOR_A_DAY,
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }

        def answer(_: Request) -> Response:
            return Response(200, self.body, self.media, headers)

        return Route("GET", path or self.path, answer)


@cache
def files() -> dict[str, StaticFile]:
    """Return the files by their names."""
    found = {}
    for file in (resources(__package__) / "static").iterdir():
        stem, _, ending = file.name.partition(".")
        if ending in _MEDIA:
            body = file.read_bytes()
            mark = hashlib.sha256(body).hexdigest()[:12]
            found[file.name] = StaticFile(f"/static/{stem}-{mark}.{ending}", _MEDIA[ending], body)
    return found
