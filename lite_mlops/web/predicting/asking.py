"""What every protocol does with rows that fit: ask the model, record and count what it says.

return asked(loaded, loaded.table(rows), meter, lambda answers: Response.json(...))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lite_mlops.models import Explanation, Table
from lite_mlops.serving import Answers, Loaded
from lite_mlops.web.kernel import Deferred, Response
from lite_mlops.web.predicting.meter import Meter


def asked(
    loaded: Loaded, table: Table, meter: Meter, tell: Callable[[Answers], Response]
) -> Deferred:
    """Return the answer that `tell` makes, once the model was asked together with other rows."""
    meter.watch(loaded)

    def finish(answers: Answers) -> Response:
        loaded.recorded(answers)
        meter.answered(answers)
        return tell(answers)

    return Deferred(loaded.batching, table, finish)


def asked_and_explained(
    loaded: Loaded,
    table: Table,
    meter: Meter,
    tell: Callable[[Answers, Sequence[Explanation]], Response],
) -> Deferred:
    """Return the answer that `tell` makes, also of what each column contributed."""

    def finish(found: tuple[Answers, Sequence[Explanation]]) -> Response:
        answers, explanations = found
        loaded.recorded(answers)
        meter.answered(answers)
        return tell(answers, explanations)

    return Deferred(loaded.explaining, table, finish)
