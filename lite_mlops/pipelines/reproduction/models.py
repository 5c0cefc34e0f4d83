"""Comparison of the models that two runs registered: by their bytes, else by what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lite_mlops.data import Datasets
from lite_mlops.models import Models, ModelVersion, load_model
from lite_mlops.pipelines.reproduction.verdict import Compared, Outcome, Tolerance
from lite_mlops.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PROBES = 500


def _versions(store: Store, run_id: str) -> dict[tuple[str, int], ModelVersion]:
    """Return the versions that a run registered, by model and by their order within the run."""
    models, found, counts = Models(store), {}, dict[str, int]()
    with store.reading() as database:
        rows = database.rows("versions_of_run", run=run_id)
    for model, version in rows:
        place = counts[model] = counts.get(model, 0) + 1
        found[model, place] = models.get(f"{model}/{version}")
    return found


def _profile(store: Store, run_id: str) -> Mapping[str, Any]:
    """Return the profile of the data that a run trained on; empty if it logged none."""
    version = Datasets(store).used_by(run_id, "training")
    return {} if version is None else version.profile


def probes(features: tuple[str, ...], profile: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return rows to ask two models: evenly spread over the range that each feature had.

    They are the same every time. A feature without a known range is asked between -1 and 1.
    """
    generator = np.random.default_rng(0)
    columns = []
    for name in features:
        about = profile.get(name) or {}
        low, high = about.get("min", -1.0), about.get("max", 1.0)
        columns.append(generator.uniform(low, high, _PROBES))
    return np.column_stack(columns)


def _answers_outcome(
    ours: NDArray[Any], theirs: NDArray[Any], tolerance: Tolerance
) -> tuple[Outcome, str]:
    if ours.shape != theirs.shape:
        return "different", f"answers of the shape {theirs.shape}"
    if ours.dtype.kind == "f" and theirs.dtype.kind == "f":
        same = np.isclose(
            ours, theirs, rtol=tolerance.relative, atol=tolerance.absolute, equal_nan=True
        )
    else:
        same = np.asarray(ours == theirs)
    share = float(np.mean(same))
    text = f"answers {share:.1%} of {_PROBES} probes alike"
    return ("within tolerance" if share == 1.0 else "different"), text


def compare_models(
    recorded: Store, again: Store, run_id: str, again_id: str, tolerance: Tolerance
) -> list[Compared]:
    """Return how the models that both runs registered compare."""
    ours, theirs = _versions(recorded, run_id), _versions(again, again_id)
    found = []
    for key in sorted(ours.keys() | theirs.keys()):
        what = f"model {key[0]}" + (f" ({key[1]})" if key[1] > 1 else "")
        one, other = ours.get(key), theirs.get(key)
        if one is None or other is None:
            found.append(Compared(what, _shown(one), _shown(other), "different"))
        elif one.sha256 == other.sha256:
            found.append(Compared(what, _shown(one), _shown(other), "identical"))
        else:
            outcome, text = _compare_answers(
                (recorded, one), (again, other), _profile(recorded, run_id), tolerance
            )
            found.append(Compared(what, _shown(one), f"{_shown(other)} {text}", outcome))
    return found


def _shown(version: ModelVersion | None) -> str:
    return "missing" if version is None else version.sha256[:12]


def _compare_answers(
    ours: tuple[Store, ModelVersion],
    theirs: tuple[Store, ModelVersion],
    profile: Mapping[str, Any],
    tolerance: Tolerance,
) -> tuple[Outcome, str]:
    if ours[1].signature != theirs[1].signature:
        return "different", "has another signature"
    rows = probes(ours[1].signature.features, profile)
    answers = []
    for store, version in (ours, theirs):
        model = load_model(store.objects, version.file, limit=store.settings.model_bytes)
        answers.append(np.asarray(model.predict(version.signature.frame_for(model)(rows))))
    return _answers_outcome(answers[0], answers[1], tolerance)
