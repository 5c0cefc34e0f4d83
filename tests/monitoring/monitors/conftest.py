"""A project that is watched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lite_mlops.project import Project
from lite_mlops.settings import PREFIX
from tests.conftest import Prepared
from tests.monitoring.watched import CHURN, file, train


def _make_watched(project: Project) -> None:
    train(project)
    file(project, CHURN)


@pytest.fixture
def watched(project: Project, prepared: Prepared) -> Project:
    return prepared(project, _make_watched)


@pytest.fixture
def told(project: Project) -> Callable[[], list[dict[str, Any]]]:
    """What the log file was told so far."""

    def read() -> list[dict[str, Any]]:
        path = project.folder.parent / "alerts.ndjson"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    return read


@pytest.fixture
def command_of(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Starts a piece of Python in a process of its own, in the temporary project."""
    started: list[subprocess.Popen[bytes]] = []

    def start(code: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {PREFIX + "DIR": str(tmp_path / "work")}
        started.append(subprocess.Popen([sys.executable, "-c", code], env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
