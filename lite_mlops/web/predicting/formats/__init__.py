"""The forms in which rows are sent, by the media type of the body.

sent = read(request, Taking(signature, limits))
table = loaded.table(sent.rows)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lite_mlops.web.kernel import Request, WrongMedia
from lite_mlops.web.predicting.formats import (
    arrow_rows,
    csv_rows,
    json_rows,
    ndjson_rows,
    npy_rows,
)
from lite_mlops.web.predicting.formats.sent import Columns, Sent, Taking, check_count, check_width

__all__ = [
    "JSON",
    "READ",
    "Columns",
    "Sent",
    "Taking",
    "check_count",
    "check_json",
    "check_width",
    "read",
]

JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"

READ: dict[str, Callable[[Request, Taking], Sent]] = {
    JSON: json_rows.read,
    csv_rows.MEDIA: csv_rows.read,
    ndjson_rows.MEDIA: ndjson_rows.read,
    arrow_rows.MEDIA: arrow_rows.read,
    npy_rows.MEDIA: npy_rows.read,
}
_ALIKE = dict.fromkeys(ndjson_rows.ALIKE, ndjson_rows.MEDIA)


def read(request: Request, taking: Taking) -> Sent:
    """Return the rows of a request; a body without a Content-Type is JSON.

    Raises:
        WrongMedia: rows are not read from bodies of its kind; it tells from which.
        Malformed, TooLarge, Invalid: the body is not what it says it is.
    """
    media = request.media or JSON
    reading = READ.get(_ALIKE.get(media, media))
    if reading is None:
        raise refused(media, READ)
    return reading(request, taking)


def check_json(request: Request) -> None:
    """Do nothing if the body is JSON, or does not say what it is. Raises `WrongMedia`."""
    if request.media not in ("", JSON):
        raise refused(request.media, (JSON,))


def refused(media: str, taken: Iterable[str]) -> WrongMedia:
    """Return the refusal of a body of a kind that is not read."""
    told = ", ".join(taken)
    hint = " (curl says it is a form, unless you write --json for -d)" if media == _FORM else ""
    return WrongMedia(f"a body of the type {media[:100]} is not read here{hint}; send {told}.")
