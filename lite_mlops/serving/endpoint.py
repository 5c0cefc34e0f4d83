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
        model: Its model, loaded.
        recording: What records the answers; None where there is no project.
    """

    def __init__(
        self, version: ModelVersion, model: Any, recording: Recording | None = None
    ) -> None:
        # Whoever answers a request takes this once, so that all of it is of one version.
        self.current = Loaded(version, model, recording)

    @property
    def version(self) -> ModelVersion:
        """The version that answers at the moment."""
        return self.current.version

    def predict(self, rows: Any) -> Answers:
        """Answer rows (dictionaries by feature, or lists in their order) and record each answer.

        Raises:
            InvalidRows: names the row, the feature and the value that do not fit.
            Invalid: says why the model cannot answer.
        """
        return self.current.predict(rows)
