"""Comparison of the models that two runs registered: by their bytes, else by what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lite_mlops.data import Datasets
from lite_mlops.models import (
    Column,
    Models,
    ModelVersion,
    Signature,
    Table,
    compatible,
    open_version,
)
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


def _probed(column: Column, about: Mapping[str, Any], chance: np.random.Generator) -> NDArray[Any]:
    """Return values of a column: evenly spread over the range, or the categories, that it had."""
    if column.type == "boolean":
        return chance.integers(0, 2, _PROBES).astype(bool)
    if column.type == "text":
        return chance.choice(np.array(column.categories or ("",), object), _PROBES)
    low, high = column.low, column.high
    if column.type == "datetime":
        first, last = np.array([low or "2000-01-01", high or "2030-01-01"], "datetime64[us]")
        return np.asarray(first + (last - first) * chance.random(_PROBES))
    if low is None or high is None:
        low, high = about.get("min", -1.0), about.get("max", 1.0)
    if column.type == "integer":
        return chance.integers(int(low), int(high), _PROBES, endpoint=True)
    return chance.uniform(float(low), float(high), _PROBES)


def probes(signature: Signature, profile: Mapping[str, Any]) -> Table:
    """Return rows to ask two models: evenly spread over the range that each feature had.

    They are the same every time. A feature without a known range is asked between -1 and 1. The
    range of the signature counts, else that of the profile of the data.
    """
    chance = np.random.default_rng(0)
    if signature.tensor is not None:
        shape = (_PROBES, *signature.tensor.shape)
        texts = signature.tensor.type == "text"
        return signature.validate(np.full(shape, "", object) if texts else chance.random(shape))
    return signature.validate(
        {
            column.name: _probed(column, profile.get(column.name) or {}, chance)
            for column in signature.columns
        }
    )


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
    changes = compatible(ours[1].signature, theirs[1].signature)
    if any(change.breaking for change in changes):
        return "different", "has another signature"
    rows = probes(ours[1].signature, profile)
    answers = []
    for store, version in (ours, theirs):
        model = open_version(store.objects, version, store.settings)
        answers.append(np.asarray(model.predict(version.signature.input_for(model)(rows))))
    return _answers_outcome(answers[0], answers[1], tolerance)
