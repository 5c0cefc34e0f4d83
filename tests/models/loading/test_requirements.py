"""Packages that a model needs, and what differs here."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Mapping
from importlib import metadata
from platform import python_version
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

import tests.models.loading.estimators  # noqa: F401  # its names are looked at
from lite_mlops.errors import Denied
from lite_mlops.models.loading import (
    Difference,
    EnvironmentDiffers,
    StrictlyRefused,
    differences,
    imports_of,
    requirements_of,
)
from tests.models.loading.conftest import Loads
from tests.models.loading.hostile import joblib_bytes
from tests.models.loading.rules import NAME

SCALER = StandardScaler().fit([[1.0], [2.0]])
OLD = {"python": "3.8.1", "scikit-learn": "1.2.0", "gone-away": "5.0"}


def test_packages_that_are_really_used() -> None:
    found = requirements_of(imports_of(joblib_bytes(SCALER)))
    assert found == {
        "python": python_version(),
        **{name: metadata.version(name) for name in ("joblib", "numpy", "scikit-learn", "scipy")},
    }


def test_a_module_of_ones_own_is_no_package_but_what_it_uses_is() -> None:
    found = requirements_of(["tests.models.loading.estimators:FRAME", "os:getpid"])
    assert found["pandas"] == metadata.version("pandas")
    assert "tests" not in found
    assert "os" not in found
    assert set(requirements_of([NAME])) == {"python", "joblib"}


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ({}, ()),
        ({"numpy": np.__version__, "python": python_version()}, ()),
        ({"python": ".".join([*python_version().split(".")[:2], "99"])}, ()),
        ({"python": "3.8.1"}, (Difference("python", "3.8.1", python_version()),)),
        ({"numpy": "1.0"}, (Difference("numpy", "1.0", np.__version__),)),
        ({"gone-away": "5.0"}, (Difference("gone-away", "5.0", None),)),
    ],
)
def test_differences(then: Mapping[str, str], expected: tuple[Difference, ...]) -> None:
    assert differences(then) == expected


def test_other_versions_are_told_in_one_warning(load: Loads) -> None:
    with pytest.warns(EnvironmentDiffers) as caught:
        load(joblib_bytes(SCALER), requirements=OLD)
    (warning,) = caught
    assert isinstance(warning.message, EnvironmentDiffers)
    text = str(warning.message)
    assert text.startswith("The environment is not that in which model version churn/3 was regist")
    assert "scikit-learn 1.2.0 then, " in text
    assert "gone-away 5.0 then, missing now" in text
    assert [found.name for found in warning.message.differences] == list(OLD)
    assert warning.filename.endswith("conftest.py")  # who called load_model


def test_strictly_they_are_refused(load: Loads) -> None:
    with pytest.raises(StrictlyRefused, match="Install those versions, or load it without") as told:
        load(joblib_bytes(SCALER), requirements=OLD, strict=True)
    assert isinstance(told.value, Denied)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(joblib_bytes(SCALER), requirements={"numpy": np.__version__}, strict=True)


def older(model: Any, version: str) -> bytes:
    """A model as another version of scikit-learn wrote it."""
    import sklearn

    data = pickle.dumps(model)
    now = sklearn.__version__
    return data.replace(now.encode(), version.ljust(len(now), "0")[: len(now)].encode())


def test_the_warning_of_scikit_learn_becomes_ours(load: Loads) -> None:
    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    with pytest.warns(EnvironmentDiffers, match="scikit-learn 1.2.0") as caught:
        load(older(model, "1.2.0"))
    assert len(caught) == 1
    with pytest.raises(StrictlyRefused):
        load(older(model, "1.2.0"), strict=True)


def test_requirements_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        raise AssertionError

    for name in ("fork", "posix_spawn", "system"):
        monkeypatch.setattr(os, name, refused)
    monkeypatch.setattr("subprocess.Popen", refused)
    assert requirements_of(imports_of(joblib_bytes(SCALER)))
