"""Every classifier and regressor of scikit-learn: loaded in a fresh process, the same answers."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from lite_mlops.models.loading import imports_of
from lite_mlops.models.loading.trust import shipped, untrusted
from lite_mlops.store import Objects
from tests.models.loading.estimators import (
    _criteria,
    _frames,
    _histogram_losses,
    _kernels,
    _losses,
    _moments,
    _others,
    _texts,
    every_estimator,
)
from tests.models.loading.shipped_list import NEVER, PATH, joblib_bytes

# Estimators whose files need trust, and why. There is none.
TRUST: dict[str, str] = {}

LOADING = """
import pickle, sys, warnings
import numpy as np
from pathlib import Path
from lite_mlops.models.loading import ModelFile, load_model
from lite_mlops.store import Objects

warnings.simplefilter("error")
warnings.simplefilter("ignore", FutureWarning)  # of estimators that go away
objects = Objects(Path(sys.argv[1]))
from threadpoolctl import threadpool_limits
threadpool_limits(1)
wanted = pickle.load(open(sys.argv[2], "rb"))
for name, (sha256, size, rows, answers) in wanted.items():
    for mapped in (False, True):
        model = load_model(objects, ModelFile(sha256, size, referrer=name), mapped=mapped)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            again = model.predict(rows)
        assert type(again) is type(answers), name
        assert np.asarray(again).dtype == np.asarray(answers).dtype, name
        assert np.asarray(again).tobytes() == np.asarray(answers).tobytes(), name
print(len(wanted))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_all_estimators_answer_alike_in_a_fresh_process(tmp_path: Path, kind: str) -> None:
    objects = Objects(tmp_path / "objects")
    wanted: dict[str, Any] = {}
    asked = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, model, rows in every_estimator(kind):
            data = joblib_bytes(model)
            if untrusted(imports_of(data)):
                asked.append(name)
                continue
            stored = objects.put_bytes(data)
            wanted[name] = (stored.sha256, stored.size, rows, model.predict(rows))
    assert set(asked) <= TRUST.keys()
    assert len(wanted) >= 0.95 * (len(wanted) + len(asked))
    assert len(wanted) >= {"classifier": 44, "regressor": 55}[kind]
    path = tmp_path / "wanted"
    path.write_bytes(pickle.dumps(wanted))
    done = subprocess.run(
        [sys.executable, "-c", LOADING, str(objects.folder), str(path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(len(wanted))]


@pytest.mark.parametrize(
    "kinds", [_texts, _frames, _losses, _histogram_losses, _criteria, _kernels, _others, _moments]
)
def test_other_models_and_their_parts_need_no_trust(kinds: Any) -> None:
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for model in kinds():
            assert set(untrusted(imports_of(joblib_bytes(model)))) <= NEVER.keys()


def test_the_list_is_sorted_and_says_each_name_once() -> None:
    lines = PATH.read_text("utf-8").splitlines()
    assert lines == sorted(lines)
    assert len(shipped()) == len(lines)
    assert not shipped().keys() & NEVER.keys()
