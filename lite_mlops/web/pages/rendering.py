"""Pages made of templates, with headers that allow a browser nothing but files of ours.

rendered("form.html", page=page)

Every value is escaped where it is put in; there is no script and no style within a page.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from lite_mlops.htmltext import visible
from lite_mlops.web.kernel import Response
from lite_mlops.web.pages.files import files

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "private, no-cache",  # what was typed is there again on the way back
    "Cross-Origin-Opener-Policy": "same-origin",
    # Without any, a browser would send the origin `null` with forms, which no guard lets in.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # only who shows pages waits

    made = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["shown"] = visible  # control characters as text; then it is escaped
    made.globals["path_of"] = lambda name: files()[name].path
    return made


def rendered(template: str, status: int = 200, **values: Any) -> Response:
    """Return a page as an answer."""
    text = _environment().get_template(template).render(values)
    return Response(status, text.encode(), "text/html; charset=utf-8", HEADERS)
