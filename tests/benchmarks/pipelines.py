"""Pipelines: what it costs to find that nothing has to run, beside DVC where it is installed.

A hundred steps read a hundred files each and write one. Each side has run its pipeline once; then
`pipe run` and `dvc repro` are started as processes of their own and find nothing to do. The folders
hold the same files and the steps are the same commands.
"""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import lite_mlops
from lite_mlops.settings import FILE_NAME, PREFIX
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of

_FLOOR = "dvc repro of the same stages and files, which finds nothing to do either"
_SETTLING_SECONDS = 2.5  # until no file has changed so shortly before that it is read again


def _make(folder: Path, steps: int, files: int) -> None:
    """Write the files and the stages, for both sides."""
    tables, stages = [], ["stages:"]
    for step in range(steps):
        source = folder / "data" / str(step)
        source.mkdir(parents=True)
        for number in range(files):
            (source / f"{number}.csv").write_text(f"{step},{number}\n")
        command = f"cat data/{step}/*.csv > out/{step}.txt"
        tables.append(
            f'[[step]]\nname = "s{step}"\ncommand = "{command}"\ninputs = ["data/{step}"]\n'
            f'outputs = ["out/{step}.txt"]\n'
        )
        stages.append(
            f"  s{step}:\n    cmd: {command}\n    deps: [data/{step}]\n    outs: [out/{step}.txt]"
        )
    (folder / "out").mkdir()
    (folder / FILE_NAME).write_text("\n".join(tables))
    (folder / "dvc.yaml").write_text("\n".join(stages) + "\n")


def _dvc() -> str | None:
    """Return the command of DVC: the one that the environment names, or that of the path."""
    return os.environ.get("DVC") or shutil.which("dvc")


def _run(folder: Path, *words: str) -> None:
    environment = os.environ | {PREFIX + "DIR": str(folder), "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")


def measure(*, quick: bool) -> list[Figure]:
    """Measure the first run, then runs without a change and with one."""
    steps, files, turns = (10, 10, 2) if quick else (100, 100, 5)
    ours = (sys.executable, "-m", "lite_mlops", "pipe")
    # As after an installation: compiled modules are there, whatever the environment says.
    compileall.compile_dir(Path(lite_mlops.__file__).parent, quiet=2)
    dvc = _dvc()
    with scratch() as ours_folder, scratch() as theirs:
        _make(ours_folder, steps, files)
        first = [seconds_of(lambda: _run(ours_folder, *ours, "run", "-j", "2"))]
        first_floor: list[float] = []
        if dvc is not None:
            _make(theirs, steps, files)
            _run(theirs, dvc, "init", "--no-scm", "--quiet")
            first_floor = [seconds_of(lambda: _run(theirs, dvc, "repro", "--quiet"))]
        time.sleep(_SETTLING_SECONDS)
        sides = [
            lambda: seconds_of(lambda: _run(ours_folder, *ours, "run")),
            lambda: seconds_of(lambda: _run(ours_folder, *ours, "status")),
        ]
        if dvc is not None:
            sides.append(lambda: seconds_of(lambda: _run(theirs, str(dvc), "repro", "--quiet")))
        unchanged, status, *floor = interleaved(turns, *sides)
        size = f"{steps} steps over {steps * files:,} files"
        return [
            compared(f"the first run of {size}", first, first_floor, floor_is=_FLOOR),
            compared(
                f"pipe run of {size}, no change",
                unchanged,
                *floor,
                floor_is=_FLOOR,
                at_most=1.0,
            ),
            compared("pipe status of the same", status),
        ]
