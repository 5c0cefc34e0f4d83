"""Looking at versions: their lineage, and what differs between two of them.

project.models.lineage("churn@champion").to_text()
project.models.diff("churn@champion", "churn/4").to_dict()
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lite_mlops.errors import Damaged, Invalid, LiteMlopsError, NotFound
from lite_mlops.models.examples import Example, kept_with
from lite_mlops.models.finding import Finding
from lite_mlops.models.lineage import Lineage, lineage_of
from lite_mlops.models.signing import open_version
from lite_mlops.models.versions import ModelVersion

if TYPE_CHECKING:
    from lite_mlops.models.diff import AnswersDiff, VersionDiff
    from lite_mlops.tracking import Evaluation
    from lite_mlops.tracking.comparing import EvaluationPair


class Looking(Finding):
    """Questions about versions that need more than their row."""

    def example(self, reference: str) -> Example | None:
        """Return the rows that were kept with a version; None if there are none.

        Raises:
            Invalid, NotFound: the reference names no version.
            Damaged: the stored rows are missing or not what was stored.
        """
        return self.example_of(self.get(reference))

    def example_of(self, version: ModelVersion) -> Example | None:
        """Return the rows that were kept with a version at hand. Raises `Damaged`."""
        return kept_with(self._store.objects, version)

    def lineage(self, reference: str) -> Lineage:
        """Return what a version stands on, and what stands on it.

        Raises:
            Invalid, NotFound: the reference names no version.
        """
        version = self.get(reference)
        with self._store.reading() as database:
            return lineage_of(database, version)

    def diff(self, first: str, second: str) -> VersionDiff:
        """Return what differs between two versions.

        Both are asked the rows that were kept with the second, or else with the first.

        Raises:
            Invalid, NotFound: a reference names no version, or both name the same.
        """
        from lite_mlops.models.diff import differences  # NumPy and the comparison of runs
        from lite_mlops.models.importances import feature_importances

        one, other = self.get(first), self.get(second)
        if one.name == other.name:
            raise Invalid(f"{first} and {second} are both {one.name}; name two versions.")
        models: list[Any] = []
        trouble = None
        for version in (one, other):
            try:
                models.append(self._loaded(version))
            except LiteMlopsError as error:
                models.append(None)
                trouble = f"{version.name} cannot be loaded: {error}"
        importances: list[Mapping[str, float]] = [
            {} if model is None else feature_importances(model, version.signature.features)
            for model, version in zip(models, (one, other), strict=True)
        ]
        return differences(
            one,
            other,
            importances=importances,
            evaluations=self._evaluations(one, other),
            answers=trouble or self._answers(one, other, models),
        )

    def importances(self, version: ModelVersion) -> dict[str, float]:
        """Return how much each column counts for a version, as shares; empty if it cannot tell.

        They are those that its model has itself. Coefficients count times the spread of their
        column in the training data, where the model takes columns as they are.

        Raises:
            LiteMlopsError: the model cannot be loaded.
        """
        from lite_mlops.models.importances import column_importances

        return column_importances(self._loaded(version), version.signature.columns)

    def _loaded(self, version: ModelVersion) -> Any:
        return open_version(self._store.objects, version, self._store.settings)

    def _evaluations(self, one: ModelVersion, other: ModelVersion) -> tuple[EvaluationPair, ...]:
        """Return the verdicts on the runs of both, where they were evaluated on the same rows."""
        from lite_mlops.tracking.comparing import Comparisons

        if one.run_id is None or other.run_id is None or one.run_id == other.run_id:
            return ()
        return Comparisons(self._store).compare(one.run_id, other.run_id).evaluations

    def kept_evaluations(self, version: ModelVersion) -> dict[str, Evaluation]:
        """Return what the run of a version kept of its evaluations, by name; damaged ones not.

        The most honest one is the first: a test, if there is one, and those of training come last.
        """
        from lite_mlops.tracking.comparing import Comparisons
        from lite_mlops.tracking.evaluations import by_honesty

        if version.run_id is None:
            return {}
        try:
            kept = Comparisons(self._store).evaluations(version.run_id)
        except NotFound:  # it was imported without its run
            return {}
        return {name: kept[name] for name in by_honesty(kept)}

    def _answers(
        self, one: ModelVersion, other: ModelVersion, models: list[Any]
    ) -> AnswersDiff | str:
        from lite_mlops.models.answering import Asking
        from lite_mlops.models.diff import answers_diff

        kept = next((version for version in (other, one) if version.example is not None), None)
        if kept is None:
            return "neither version was registered with an input example."
        try:
            example = self.example_of(kept)
            assert example is not None
            rows = example.records()
            found = [
                Asking(model, version.signature).ask(rows)
                for model, version in zip(models, (one, other), strict=True)
            ]
        except (Invalid, Damaged) as error:
            return f"the input example of {kept.name} cannot be answered: {error}"
        first, second = (answer.predicted for answer in found)
        if first.shape != second.shape:
            return f"the answers have other shapes: {first.shape} and {second.shape}."
        probabilities = [answer.probabilities for answer in found]
        return answers_diff(first, second, probabilities, f"input example of {kept.name}")
