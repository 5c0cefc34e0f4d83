"""Answers in the form that the client accepts: JSON by default, or NDJSON, CSV, Arrow, npy.

{"model": "churn", "version": 3, "predictions": [{"id": "...", "prediction": "no", ...}]}

prediction,probability_no,probability_yes,quality,id
no,0.9,0.1,ok,6b0720be-0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from lite_mlops.errors import Invalid
from lite_mlops.jsontext import json_bytes, json_text
from lite_mlops.models import Explanation
from lite_mlops.serving import DOUBTFUL, OK, Answers
from lite_mlops.web.kernel import Request, Response
from lite_mlops.web.predicting.formats import (
    JSON,
    Columns,
    arrow_rows,
    csv_rows,
    ndjson_rows,
    npy_rows,
)

WRITTEN = (csv_rows.MEDIA, ndjson_rows.MEDIA, arrow_rows.MEDIA, npy_rows.MEDIA)

_OK = OK.encode()


def headers_of(answers: Answers) -> dict[str, str]:
    """Return what every answer carries: its id, and the version that answered."""
    return {"X-Prediction-Id": answers.id, "X-Model-Version": answers.version.name}


def form_of(request: Request) -> str | None:
    """Return the media type that the client accepts; None: JSON."""
    accepted = request.headers.get("accept", "*/*")
    if accepted in ("*/*", "application/json"):  # which most clients send
        return None
    return next((media for media in WRITTEN if request.accepts(media)), None)


def response(
    answers: Answers,
    form: str | None,
    *,
    proba: bool = False,
    kept: Columns | None = None,
    explanations: Sequence[Explanation] | None = None,
) -> Response:
    """Return answers in a form.

    Args:
        answers: The answers.
        form: One of `WRITTEN`; None: JSON.
        proba: Whether with the probability of each class.
        kept: The columns of the request to stand before the answers; None: none.
        explanations: What each column contributed, by row; only in JSON and NDJSON.
    """
    plain = not (form or proba or answers.departures) and kept is None and explanations is None
    if plain and len(answers.predicted) == 1:  # the way of most requests
        return Response(200, _of_one_row(answers), JSON, headers_of(answers))
    if form is None or form == ndjson_rows.MEDIA:
        records = answers.records(probabilities=proba)
        if kept is not None:
            for record, row in zip(records, _rows(kept), strict=True):
                record["row"] = row
        if explanations is not None:
            for record, one in zip(records, explanations, strict=True):
                record["explanation"] = one.to_dict()
        if form is None:
            version = answers.version
            told = {
                "model": version.model, "version": version.version or None, "predictions": records
            }  # fmt: skip
            if len(records) == 1:  # which people read
                return Response.json(told, 200, headers_of(answers))
            return Response(200, json_bytes(told), JSON, headers_of(answers))
        body = b"".join([json_bytes(record) + b"\n" for record in records])
    elif form == npy_rows.MEDIA:
        body = npy_rows.write(
            answers.scores if proba and answers.scores is not None else answers.predicted
        )
    else:
        write = csv_rows.write if form == csv_rows.MEDIA else arrow_rows.write
        body = write(_beside(kept or {}, columns_of(answers, proba=proba)))
    media = "text/csv; charset=utf-8" if form == csv_rows.MEDIA else form
    return Response(200, body, media, headers_of(answers))


def _of_one_row(answers: Answers) -> bytes:
    """Return the JSON of an answer to a row that is as the training data were."""
    version, (prediction,) = answers.version, answers.predictions()
    return b'%b{"id": "%b", "prediction": %b, "quality": "%b"}]}' % (
        _before_records(version.model, version.version),
        answers.id.encode(),
        json_bytes(prediction),
        _OK,
    )


@lru_cache(maxsize=64)
def _before_records(model: str, version: int) -> bytes:
    told: dict[str, Any] = {"model": model, "version": version or None, "predictions": []}
    return json_text(told).removesuffix("]}").encode()


def columns_of(answers: Answers, *, proba: bool) -> dict[str, Sequence[Any]]:
    """Return answers by column: prediction, probability_<class>..., quality, id.

    A model that says several things in each row has prediction_0, prediction_1, ...
    """
    predicted = answers.predicted.reshape(len(answers), -1)
    count = predicted.shape[1]
    names = ["prediction"] if count == 1 else [f"prediction_{place}" for place in range(count)]
    columns: dict[str, Sequence[Any]] = dict(zip(names, predicted.T.tolist(), strict=True))
    if proba and answers.scores is not None:
        for place, label in enumerate(answers.version.signature.classes):
            columns[f"probability_{label}"] = answers.scores[:, place].tolist()
    quality = np.full(len(answers), OK, object)
    for departure in answers.departures:
        quality[departure.rows] = DOUBTFUL
    columns["quality"] = quality.tolist()
    columns["id"] = answers.ids()
    return columns


def _beside(kept: Columns, columns: Columns) -> dict[str, Sequence[Any]]:
    """Return kept columns before the answers; of these, one with a name of those is `answer_...`.

    Raises:
        Invalid: that name is taken as well.
    """
    found = dict(kept)
    for name, values in columns.items():
        free = f"answer_{name}" if name in kept else name
        if free in found:
            raise Invalid(f"the columns {name!r} and {free!r} leave no name for the answers.")
        found[free] = values
    return found


def _rows(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
