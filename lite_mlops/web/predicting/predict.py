"""Predicting in the forms of this server.

POST /predict                              rows as JSON, CSV, NDJSON, Arrow or npy
GET  /predict?age=41&plan=basic            one row, to be typed into the address bar
POST /models/churn@champion/predict        where several are served; GET as well
POST /models/churn/3/predict

Each answer has an id, for feedback, and a word on its quality: `ok`, or `doubtful` with warnings
where the row is not as the training data were. ?proba=1 adds probabilities. What the model cannot
handle is refused with the row, the column, the value and what was expected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.models import Explanation, InvalidRows
from lite_mlops.precedence import give_way
from lite_mlops.serving import Answers, Endpoint, Loaded, Served
from lite_mlops.web.kernel import Deferred, Limits, Operation, Request, Response, Route
from lite_mlops.web.predicting.answering import form_of, response
from lite_mlops.web.predicting.asking import asked, asked_and_explained
from lite_mlops.web.predicting.cells import values_of
from lite_mlops.web.predicting.formats import READ, Sent, Taking, read
from lite_mlops.web.predicting.meter import Meter
from lite_mlops.web.predicting.options import (
    Options,
    options_and_columns,
    options_of,
    parameters,
)
from lite_mlops.web.predicting.places import PLACES, endpoint_of
from lite_mlops.web.predicting.schemas import (
    COLUMNS,
    EXPLAIN,
    JSON,
    PROBA,
    STAYING,
    answer,
    errors,
    reference,
)

_IGNORED = (
    "Columns that the model does not know are refused; with ?ignore_unknown=1 they are left out."
)
_ANSWERS = {
    "200": answer("The answers, in the order of the rows", reference("Answers")),
    **errors(
        s400="The body is not what it says it is",
        s404="No such model is served",
        s413="Too many bytes or rows",
        s415="Rows are not read from such bodies",
        s422="Rows do not fit the model; it names row, column, value and what was expected",
    ),
}


@dataclass(frozen=True, slots=True)
class Predicting:
    """Answers requests for predictions.

    Attributes:
        served: What is served.
        limits: What may be asked.
        meter: Counts answers.
    """

    served: Served
    limits: Limits
    meter: Meter

    def post(self, request: Request) -> Deferred:
        """Answer rows in any form."""
        endpoint = endpoint_of(self.served, request)
        loaded = endpoint.current
        options = options_of(request.arguments())
        sent = read(request, Taking(loaded.signature, self.limits))
        give_way()  # between two pieces of work, if the body is large
        return self._asked(request, endpoint, loaded, options, sent)

    def get(self, request: Request) -> Deferred:
        """Answer the one row that stands in the address."""
        endpoint = endpoint_of(self.served, request)
        loaded = endpoint.current
        options, texts = options_and_columns(request.arguments())
        if loaded.signature.tensor is not None:
            raise Invalid("this model takes no named columns; send it an array by POST.")
        row: dict[str, Any] = dict(texts)
        for column in loaded.signature.columns:
            text = texts.get(column.name)
            # An empty text is a text, unless it may be missing.
            if text is not None and (text or column.missing or column.type != "text"):
                (row[column.name],) = values_of(column.type, [text or None])
        sent = Sent([row], lambda: {name: [one] for name, one in texts.items()})
        return self._asked(request, endpoint, loaded, options, sent)

    def _asked(
        self,
        request: Request,
        endpoint: Endpoint,
        loaded: Loaded,
        options: Options,
        sent: Sent,
    ) -> Deferred:
        form = form_of(request)
        self._check(options, loaded)

        def tell(answers: Answers, explained: Sequence[Explanation] | None = None) -> Response:
            kept = sent.columns() if options.keep else None
            return response(answers, form, proba=options.proba, kept=kept, explanations=explained)

        ask = asked_and_explained if options.explain else asked
        ignored = options.ignore_unknown
        try:
            return ask(
                endpoint, loaded, sent.rows, request, self.meter, tell, ignore_unknown=ignored
            )
        except (InvalidRows, RecursionError):
            sent.check()
            raise

    def _check(self, options: Options, loaded: Loaded) -> None:
        """Do nothing if the model has what is asked for. Raises `Invalid`."""
        if options.proba and not loaded.signature.probabilities:
            raise Invalid(f"{loaded.version.name} has no probabilities; leave out proba.")


def routes(predicting: Predicting) -> list[Route]:
    """Return the routes of predicting: by default, by reference, and by name and version."""
    options: tuple[Mapping[str, Any], ...] = (PROBA, EXPLAIN, *parameters("keep"))
    post = Operation(
        summary="Answer rows",
        description=_IGNORED,
        parameters=(*options, STAYING),
        body={media: {"schema": reference("Rows") if media == JSON else {}} for media in READ},
        answers=_ANSWERS,
    )
    get = Operation(
        summary="Answer the row in the address",
        description=_IGNORED,
        parameters=(*options, COLUMNS, STAYING),
        answers=_ANSWERS,
    )
    return [
        route
        for place in PLACES
        for route in (
            Route("POST", f"{place}/predict", predicting.post, about=post),
            Route("GET", f"{place}/predict", predicting.get, about=get),
        )
    ]
