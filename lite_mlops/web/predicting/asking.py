"""What every protocol does with rows: ask the model, record and count what it says.

return asked(Question(endpoint, loaded, rows, request), meter, lambda answers: Response.json(...))

While a canary is tried it may be the one that answers; see `lite_mlops.serving.trials.routing`. Who
asks for a certain version in the address gets that one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lite_mlops.errors import Invalid
from lite_mlops.models import Explanation, check_explained, why_unexplained
from lite_mlops.serving import CANARY_KEY, Answers, Endpoint, Explained, Loaded, Taken
from lite_mlops.web.kernel import Deferred, Request, Response
from lite_mlops.web.predicting.meter import Meter


class Question(NamedTuple):
    """What a request asks.

    Attributes:
        endpoint: Of what.
        loaded: Its version when the request came.
        rows: In any form that `Signature.validate` takes.
        request: The request.
        ignore_unknown: Columns that the model does not know are left out instead of refused.
    """

    endpoint: Endpoint
    loaded: Loaded
    rows: Any
    request: Request
    ignore_unknown: bool = False

    def taken(self) -> Taken | None:
        """Return what answers it while something is tried; None if the version alone does.

        Raises:
            InvalidRows, Invalid: the rows do not fit.
        """
        routing = self.endpoint.routing
        if routing is None or routing.current is not self.loaded:  # or another took over since
            return None
        request = self.request
        if "version" in request.params:
            return None
        key = request.headers.get(CANARY_KEY)
        return routing.take(self.rows, key, ignore_unknown=self.ignore_unknown)


def asked(question: Question, meter: Meter, tell: Callable[[Answers], Response]) -> Deferred:
    """Return the answer that `tell` makes, once the model was asked together with other rows.

    Raises:
        InvalidRows, Invalid: the rows do not fit.
    """
    taken = question.taken()
    if taken is not None:
        return _asked_on_trial(taken, meter, tell)
    loaded = question.loaded
    table = loaded.table(question.rows, ignore_unknown=question.ignore_unknown)
    meter.watch(loaded)

    def finish(answers: Answers) -> Response:
        loaded.recorded(answers)
        meter.answered(answers)
        return tell(answers)

    return Deferred(loaded.batching, table, finish)


def _asked_on_trial(taken: Taken, meter: Meter, tell: Callable[[Answers], Response]) -> Deferred:
    meter.watch(taken.loaded)

    def finish(answers: Answers) -> Response:
        try:
            response = tell(answers)
        except Exception as error:  # noqa: BLE001 (the present version answers, or it is raised)
            answers = taken.instead(error)
            response = tell(answers)
        taken.answered(answers)
        taken.loaded.recorded(answers)
        meter.answered(answers)
        return response

    return Deferred(taken.loaded.batching, taken.table, finish, taken.instead)


def asked_and_explained(
    question: Question, meter: Meter, tell: Callable[[Answers, Sequence[Explanation]], Response]
) -> Deferred:
    """Return the answer that `tell` makes, also of what each column contributed.

    Raises:
        InvalidRows, Invalid: the rows do not fit, or their answers cannot be explained.
    """
    taken = question.taken()
    if taken is None:
        loaded = question.loaded
        table = loaded.table(question.rows, ignore_unknown=question.ignore_unknown)
    else:
        if taken.by_canary and (why := why_unexplained(taken.loaded.signature)) is not None:
            taken.hand_over(Invalid(why))
        loaded, table = taken.loaded, taken.table
    check_explained(loaded.signature, table)

    def finish(found: Explained) -> Response:
        answers = found.answers
        if taken is not None:
            taken.answered(answers)
        loaded.recorded(answers)
        meter.answered(answers)
        return tell(answers, found.explanations)

    instead = None if taken is None else taken.explained_instead
    return Deferred(loaded.explaining, table, finish, instead)
