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
        self._announced = False

    @classmethod
    def of(cls, loaded: Loaded) -> Endpoint:
        """Return an endpoint that answers with a loaded version."""
        endpoint = cls.__new__(cls)
        endpoint.current, endpoint._announced = loaded, False  # noqa: SLF001
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

    def predict(self, rows: Any) -> Answers:
        """Answer rows (dictionaries by feature, or lists in their order) and record each answer.

        Raises:
            InvalidRows: names the row, the feature and the value that do not fit.
            Invalid: says why the model cannot answer.
        """
        current = self.current
        table = current.table(rows)
        self.announce()
        return current.answer(table)
