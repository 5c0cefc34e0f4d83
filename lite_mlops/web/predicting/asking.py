"""What every protocol does with rows: ask the model, record and count what it says.

return asked(endpoint, loaded, rows, request, meter, lambda answers: Response.json(...))

While a canary is tried it may be the one that answers; see `lite_mlops.serving.trials.routing`. Who
asks for a certain version in the address gets that one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.models import Explanation, check_explained, why_unexplained
from lite_mlops.serving import CANARY_KEY, Answers, Endpoint, Explained, Loaded, Routing, Taken
from lite_mlops.web.kernel import Deferred, Later, Request, Response
from lite_mlops.web.predicting.meter import Meter

_MANY = 2_000  # rows; the answers to them take a millisecond to write


def asked(
    endpoint: Endpoint,
    loaded: Loaded,
    rows: Any,
    request: Request,
    meter: Meter,
    tell: Callable[[Answers], Response],
    *,
    ignore_unknown: bool = False,
) -> Deferred:
    """Return the answer that `tell` makes, once the model was asked together with other rows.

    Args:
        endpoint: Of what is asked.
        loaded: Its version when the request came.
        rows: In any form that `Signature.validate` takes.
        request: The request.
        meter: Counts the answers.
        tell: Makes the answer.
        ignore_unknown: Columns that the model does not know are left out instead of refused.

    Raises:
        InvalidRows, Invalid: the rows do not fit.
    """
    routing = endpoint.routing
    if routing is not None and _is_tried(routing, loaded, request):
        if routing.gives_to_canary(rows, request.headers.get(CANARY_KEY)):
            taken = routing.taken_by_canary(rows, ignore_unknown=ignore_unknown)
            return _asked_on_trial(taken, meter, tell)
        return _asked_beside(routing, rows, meter, tell, ignore_unknown=ignore_unknown)
    table = loaded.table(rows, ignore_unknown=ignore_unknown)
    meter.watch(loaded)

    def finish(answers: Answers) -> Response | Later:
        loaded.recorded(answers)
        meter.answered(answers)
        if table.rows > _MANY:
            return Later(lambda: tell(answers))
        return tell(answers)

    return Deferred(loaded.batching, table, finish)


def _is_tried(routing: Routing, loaded: Loaded, request: Request) -> bool:
    """Return whether something is tried beside a version, which was not asked for by its number."""
    return routing.current is loaded and "version" not in request.params


def _asked_beside(
    routing: Routing,
    rows: Any,
    meter: Meter,
    tell: Callable[[Answers], Response],
    *,
    ignore_unknown: bool,
) -> Deferred:
    """Return the answer of the present version, which is counted, and shown to shadows."""
    loaded = routing.current
    table = loaded.table(rows, ignore_unknown=ignore_unknown)
    meter.watch(loaded)

    def finish(answers: Answers) -> Response:
        try:
            response = tell(answers)
        except Exception as error:
            routing.present_failed(error)
            raise
        routing.present_answered(rows, answers)
        loaded.recorded(answers)
        meter.answered(answers)
        return response

    def instead(error: Exception) -> None:
        routing.present_failed(error)
        raise error

    return Deferred(loaded.batching, table, finish, instead)


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

    return Deferred(taken.batching, taken.table, finish, taken.instead)


def asked_and_explained(
    endpoint: Endpoint,
    loaded: Loaded,
    rows: Any,
    request: Request,
    meter: Meter,
    tell: Callable[[Answers, Sequence[Explanation]], Response],
    *,
    ignore_unknown: bool = False,
) -> Deferred:
    """Return the answer that `tell` makes, also of what each column contributed; see `asked`.

    Raises:
        InvalidRows, Invalid: the rows do not fit, or their answers cannot be explained.
    """
    routing, taken = endpoint.routing, None
    if routing is not None and _is_tried(routing, loaded, request):
        key = request.headers.get(CANARY_KEY)
        taken = routing.take(rows, key, ignore_unknown=ignore_unknown)
    if taken is None:
        table = loaded.table(rows, ignore_unknown=ignore_unknown)
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

    if taken is None:
        return Deferred(loaded.explaining, table, finish)
    return Deferred(taken.explaining, table, finish, taken.explained_instead)
