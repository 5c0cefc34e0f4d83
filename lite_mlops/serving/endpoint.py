"""An endpoint: what answers for one reference, with the version that it has at the moment.

endpoint = project.endpoint("churn@champion")
endpoint.predict([{"age": 41, "visits": 3}])
"""

from __future__ import annotations

from typing import Any

from lite_mlops.models import ModelVersion
from lite_mlops.serving.answers import Answers
from lite_mlops.serving.loaded import Loaded
from lite_mlops.serving.recording import Recording
from lite_mlops.serving.trials.routing import Routing


class Endpoint:
    """Answers with one version of a model, which another can take the place of at any time.

    Args:
        version: The version.
        model: Its model, loaded; or what asks it already, such as a plan.
        recording: What records the answers; None where there is no project.
    """

    def __init__(
        self, version: ModelVersion, model: Any, recording: Recording | None = None
    ) -> None:
        # Whoever answers a request takes this once, so that all of it is of one version.
        self.current = Loaded(version, model, recording)
        self.routing: Routing | None = None  # what is tried beside it
        self._announced = False

    @classmethod
    def of(cls, loaded: Loaded) -> Endpoint:
        """Return an endpoint that answers with a loaded version."""
        endpoint = cls.__new__(cls)
        endpoint.current, endpoint.routing = loaded, None
        endpoint._announced = False  # noqa: SLF001
        return endpoint

    @property
    def version(self) -> ModelVersion:
        """The version that answers at the moment."""
        return self.current.version

    def announce(self) -> None:
        """Record that this process answers with the version, so that nobody removes it."""
        if not self._announced:
            self._announced = True
            self.current.announce()

    def swap(self, loaded: Loaded) -> None:
        """Have another version answer from now on; what is being answered stays with the old.

        It may be the same version, loaded in another way.
        """
        before, self.current = self.current, loaded
        loaded.announce()
        if self._announced:
            before.leave()
        self._announced = True

    def predict(
        self, rows: Any, *, ignore_unknown: bool = False, key: str | None = None
    ) -> Answers:
        """Answer rows in any form that `Signature.validate` takes, and record each answer.

        Args:
            rows: The rows.
            ignore_unknown: Leave out columns that the model does not know.
            key: While a canary is tried, requests of one key are answered by one version.

        Raises:
            InvalidRows: names the row, the feature and the value that do not fit.
            Invalid: there are no rows, or the model cannot answer them; it says why.
        """
        current = self.current
        routing = self.routing
        if routing is None or routing.current is not current:  # another took over since
            table = current.table(rows, ignore_unknown=ignore_unknown)
            self.announce()
            return current.answer(table)
        taken = routing.take(rows, key, ignore_unknown=ignore_unknown)
        try:
            answers = taken.batching.now(taken.table)
        except Exception as error:  # noqa: BLE001 (the present version answers, or it is raised)
            answers = taken.instead(error)
        taken.answered(answers)
        return taken.loaded.recorded(answers)
