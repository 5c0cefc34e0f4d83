"""A predictor: what a server does with rows, without HTTP, for embedding in another program.

with lm.predictor("churn@champion") as predictor:
    answers = predictor.predict([{"age": 41, "plan": "basic"}])
    answers[0].prediction, answers[0].quality
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from lite_mlops.models import Explanation, ModelVersion
from lite_mlops.serving.answers import Answers
from lite_mlops.serving.endpoint import Endpoint
from lite_mlops.serving.opening import Opened


class Predictor:
    """Validates rows, predicts, records, and follows its alias; safe for threads.

    Made by `Project.predictor` and `lm.predictor`. Close it, or use it as a context, to end the
    thread that follows the alias; it ends with the process in any case.
    """

    def __init__(self, opened: Opened) -> None:
        self._endpoint: Endpoint = opened.served.default
        self._opened = opened
        opened.begin()

    def __repr__(self) -> str:
        return f"Predictor({self.version.name!r})"

    @property
    def version(self) -> ModelVersion:
        """The version that answers at the moment."""
        return self._endpoint.version

    def predict(
        self, rows: Any, *, ignore_unknown: bool = False, key: str | None = None
    ) -> Answers:
        """Answer rows in any form that `Signature.validate` takes, and have the answers recorded.

        While a canary is tried, requests of one `key` are answered by one version.

        Raises:
            InvalidRows: names the rows, the columns and the values that do not fit.
            Invalid: there are no rows, or the model cannot answer them; it says why.
        """
        return self._endpoint.predict(rows, ignore_unknown=ignore_unknown, key=key)

    def explain(self, rows: Any) -> list[Explanation]:
        """Return what each column contributed to the answer to each row; the answers are recorded.

        Raises:
            InvalidRows: names the rows, the columns and the values that do not fit.
            Invalid: the answers of this model cannot be explained, or there are more than 100 rows.
        """
        return self._endpoint.current.explain(rows).explanations

    def close(self) -> None:
        """Stop following the alias, and have all answers recorded; it can still be asked."""
        self._opened.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
