"""Autologging under `lite-mlops run`: the fits join the run that the command started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lite_mlops.project import Project
from lite_mlops.settings import PREFIX

_SCRIPT = """
import lite_mlops as lm
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

lm.autolog()
X, y = [[0.0], [1.0], [2.0]], [0.0, 1.0, 2.5]
model = LinearRegression().fit(X, y)
r2_score(y, model.predict(X))
LinearRegression(fit_intercept=False).fit(X, y)
"""


@pytest.mark.slow
def test_fits_join_the_run_of_the_command(project: Project, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(_SCRIPT)
    folder = tmp_path / "work"
    done = subprocess.run(
        [sys.executable, "-m", "lite_mlops", "run", str(script)],
        env=os.environ | {PREFIX + "DIR": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (run,) = project.runs.page()
    assert run.status == "finished"
    assert run.params["fit_intercept"] == "True"
    assert run.params["LinearRegression-2.fit_intercept"] == "False"
    assert {"training_r2_score", "r2_score_X"} <= set(run.metrics)
