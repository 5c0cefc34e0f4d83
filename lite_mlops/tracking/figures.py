"""Pictures and tables as bytes: whatever a plotting or table library hands over, by what it can do.

No such library is imported: a matplotlib figure is what has `savefig`, a plotly one what has
`to_html`, a PIL image what has `save`, a DataFrame what has `to_dict`.
"""

from __future__ import annotations

import csv
import io
import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.jsontext import json_text

_PLOTLY_PICTURES = {"png", "jpg", "jpeg", "webp", "svg", "pdf"}


def media_type(path: str) -> str:
    """Return the media type that the ending of a path tells."""
    return mimetypes.guess_type(path)[0] or "application/octet-stream"


def _ending(path: str) -> str:
    return PurePosixPath(path).suffix.removeprefix(".").lower()


def _saved(save: Any, path: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    try:
        save(buffer, **options)
    except KeyError:  # PIL, for an ending that it does not know
        raise Invalid(
            f"the figure cannot be written as {path!r}: {_ending(path)!r} is not a format."
        ) from None
    except (ValueError, OSError) as error:
        raise Invalid(f"the figure cannot be written as {path!r}: {error}.") from None
    return buffer.getvalue()


def _plotly(figure: Any, path: str) -> bytes:
    ending = _ending(path)
    if ending == "html":
        return str(figure.to_html(full_html=True, include_plotlyjs=True)).encode()
    if ending == "json":
        return str(figure.to_json()).encode()
    if ending not in _PLOTLY_PICTURES:
        raise Invalid(
            f"a plotly figure is written as .html, .json or a picture; {path!r} is neither."
        )
    try:
        return bytes(figure.to_image(format=ending))
    except (ValueError, ImportError, RuntimeError) as error:  # needs kaleido and a browser
        raise Invalid(
            f"plotly cannot draw {path!r} here ({str(error).strip().splitlines()[0]}). Log the "
            "figure as .html or .json instead."
        ) from None


def figure_bytes(figure: Any, path: str) -> bytes:
    """Return a figure in the format that the ending of `path` names.

    Raises:
        Invalid: it is not a figure, or cannot be written in that format.
    """
    if isinstance(figure, bytes | bytearray | memoryview):
        return bytes(figure)
    ending = _ending(path)
    if not ending:
        raise Invalid(f"{path!r} needs an ending that names the format, such as '.png'.")
    if hasattr(figure, "savefig"):
        return _saved(figure.savefig, path, format=ending)
    if hasattr(figure, "to_html") and hasattr(figure, "to_json"):
        return _plotly(figure, path)
    if hasattr(figure, "save") and hasattr(figure, "getbands"):
        return _saved(figure.save, path, format={"jpg": "jpeg", "tif": "tiff"}.get(ending, ending))
    raise Invalid(
        f"log_figure takes a matplotlib or plotly figure, a PIL image or bytes; this is a "
        f"{type(figure).__name__}."
    )


def _columns(data: Any) -> tuple[list[str], list[list[Any]]]:
    """Return the column names and the rows of anything that is a table."""
    if hasattr(data, "to_dict") and hasattr(data, "columns"):  # pandas; polars says `as_series`
        names = [str(name) for name in data.columns]
        return names, [list(row) for row in zip(*(data[c] for c in data.columns), strict=True)]
    if isinstance(data, Mapping):
        columns = {}
        for name, column in data.items():
            if isinstance(column, str) or not isinstance(column, Iterable):
                kind = type(column).__name__
                raise Invalid(f"the column {str(name)!r} of a table is a {kind}, not a list.")
            columns[str(name)] = list(column)
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise Invalid(f"the columns of a table have the same length; these have {lengths}.")
        return list(columns), [list(row) for row in zip(*columns.values(), strict=True)]
    if isinstance(data, Sequence) and all(isinstance(row, Mapping) for row in data):
        keys = list(dict.fromkeys(name for row in data for name in row))
        return [str(key) for key in keys], [[row.get(key) for key in keys] for row in data]
    raise Invalid(
        "log_table takes a list of dictionaries, a dictionary of columns or a DataFrame; this is "
        f"a {type(data).__name__}."
    )


def table_bytes(data: Any, path: str) -> bytes:
    """Return a table as JSON (`columns` and `data`) or CSV, by the ending of `path`.

    Raises:
        Invalid: it is not a table, or the ending is another one.
    """
    names, rows = _columns(data)
    if _ending(path) == "json":
        table = {"columns": names, "data": rows}
        return json_text(table).encode(errors="replace")
    if _ending(path) == "csv":
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
        return text.getvalue().encode(errors="replace")
    raise Invalid(f"a table is written as .json or .csv; {path!r} is neither.")
