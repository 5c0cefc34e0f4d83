"""System metrics: CPU, memory and GPUs are logged while a run goes on, and no longer."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lite_mlops.project import Project
from lite_mlops.tracking.system import SystemMetrics, read_gpus

Program = Callable[[str], Path]

ALWAYS = {
    "system/cpu_percent",
    "system/memory_percent",
    "system/process_cpu_percent",
    "system/process_memory_mb",
}


@pytest.fixture
def nvidia_smi(tmp_path: Path) -> Program:
    """Makes an `nvidia-smi` of a shell script."""

    def make(script: str) -> Path:
        path = tmp_path / "bin" / "nvidia-smi"
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return make


def system_threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "lite-mlops-system"]


def test_a_run_is_logged_with_the_use_of_the_machine(project: Project) -> None:
    with project.start_run(system_metrics=True) as run:
        assert system_threads()
    assert system_threads() == []
    metrics = project.runs.get(run.id).metrics
    assert set(metrics) >= ALWAYS
    assert 0 < metrics["system/memory_percent"].value <= 100
    assert metrics["system/process_memory_mb"].value > 10


def test_a_setting_turns_system_metrics_on(tmp_path: Path) -> None:
    project = Project(
        tmp_path / "work", capture_code=False, capture_environment=False, system_metrics=True
    )
    with project.start_run() as first:
        pass
    with project.start_run(system_metrics=False) as second:
        pass
    with project.start_run(run_id=second.id) as resumed:
        assert system_threads()
    assert set(project.runs.get(first.id).metrics) >= ALWAYS
    assert set(project.runs.get(resumed.id).metrics) >= ALWAYS
    project.close()


def test_system_metrics_are_off_by_themselves(project: Project) -> None:
    with project.start_run() as run:
        assert system_threads() == []
    assert project.runs.get(run.id).metrics == {}


def test_readings_are_logged_again_and_again_until_the_end() -> None:
    readings: list[Mapping[str, float]] = []
    enough = threading.Event()

    def log(metrics: Mapping[str, float]) -> None:
        readings.append(metrics)
        if len(readings) >= 3:
            enough.set()

    system = SystemMetrics(log, 0.01)
    assert enough.wait(30)
    system.stop()
    assert system_threads() == []
    assert len(readings) >= 4  # one more at the end
    assert all(set(reading) >= ALWAYS for reading in readings)


def test_the_use_of_gpus_is_logged(
    project: Project, nvidia_smi: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = nvidia_smi('echo "17, 1024, 8192, 61"; echo "[N/A], 2048, 8192, 55"')
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    with project.start_run(system_metrics=True) as run:
        pass
    metrics = project.runs.get(run.id).metrics
    assert {key: one.value for key, one in metrics.items() if "gpu" in key} == {
        "system/gpu_0_percent": 17.0,
        "system/gpu_0_memory_mb": 1024.0,
        "system/gpu_0_memory_total_mb": 8192.0,
        "system/gpu_0_celsius": 61.0,
        "system/gpu_1_memory_mb": 2048.0,
        "system/gpu_1_memory_total_mb": 8192.0,
        "system/gpu_1_celsius": 55.0,
    }


def test_nvidia_smi_is_asked_for_plain_numbers(nvidia_smi: Program, tmp_path: Path) -> None:
    read_gpus(str(nvidia_smi(f'echo "$@" > "{tmp_path}/asked"')))
    assert (tmp_path / "asked").read_text().split() == [
        "--query-gpu=utilization.gpu,memory.used,memory.total,temperature.gpu",
        "--format=csv,noheader,nounits",
    ]


@pytest.mark.parametrize("script", ["exit 9", 'echo "17, 1"; exit 1', "echo no devices", ""])
def test_a_driver_that_does_not_answer_costs_nothing(nvidia_smi: Program, script: str) -> None:
    assert read_gpus(str(nvidia_smi(script))) == {}


def test_a_program_that_is_gone_costs_nothing(tmp_path: Path) -> None:
    assert read_gpus(str(tmp_path / "none")) == {}
