"""Page tokens: where the next page begins, said by the last run of this one.

A token holds what that run is sorted by, not how many runs came before it; so runs that start
between two pages make no other run appear twice or not at all. It belongs to its question.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence

from lite_mlops.errors import Invalid
from lite_mlops.tracking.keys import shown
from lite_mlops.tracking.search.sql import Place, Question

MAX_RESULTS = 50_000  # of one page, as in MLflow
_DIGEST = 12  # characters


def checked_count(count: object) -> int:
    """Return how many runs a page may hold. Raises `Invalid`."""
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_RESULTS:
        raise Invalid(f"max_results is 1 to {MAX_RESULTS:,}; it is {shown(count)}.")
    return count


def write_token(question: Question, place: Sequence[float | str]) -> str:
    """Return the token of the page that begins after `place`."""
    body = json.dumps([*place], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(f"{_digest(question, body)}{body}".encode()).decode()


def read_token(question: Question, token: object) -> Place | None:
    """Return the place after which a page begins; None for no token.

    Raises:
        Invalid: it is no token of this question.
    """
    if token is None or token == "":
        return None
    text = ""
    if isinstance(token, str):
        try:
            text = base64.b64decode(token, altchars=b"-_", validate=True).decode()
        except ValueError:
            text = ""
    digest, body = text[:_DIGEST], text[_DIGEST:]
    if not body or digest != _digest(question, body):
        raise Invalid(
            f"page_token {shown(token)} was not given for this filter, order, experiments and "
            "deleted. Pass next_page_token of the page before with the same question, or none."
        )
    return tuple(json.loads(body))


def _digest(question: Question, body: str) -> str:
    return hashlib.sha256(f"{question.told}\n{body}".encode()).hexdigest()[:_DIGEST]
