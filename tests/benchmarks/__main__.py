"""Runs the benchmarks.

python -m tests.benchmarks                      # all, in full size
python -m tests.benchmarks logging size         # some
python -m tests.benchmarks --quick              # small sizes; goals are those of the full ones
python -m tests.benchmarks --json results.json  # with every repetition
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from tests.benchmarks import (
    autologging,
    comparing,
    crash,
    data_checks,
    data_versions,
    drift,
    drift_streamed,
    estimates,
    folding,
    gates,
    http,
    importing,
    log_calls,
    lowering,
    many_metrics,
    many_processes,
    model_files,
    monitors,
    performance,
    pipelines,
    predicting,
    reading,
    registry,
    replay,
    reports,
    searching,
    serving,
    short_runs,
    size,
    starting,
    streams,
    trying,
    validating,
    waiting,
    workers,
)
from tests.benchmarks.measuring import Figure, print_figures, surroundings

BENCHMARKS: dict[str, Callable[..., list[Figure]]] = {
    "logging": log_calls.measure,
    "many_metrics": many_metrics.measure,
    "short_runs": short_runs.measure,
    "many_processes": many_processes.measure,
    "folding": folding.measure,
    "size": size.measure,
    "reading": reading.measure,
    "searching": searching.measure,
    "waiting": waiting.measure,
    "trying": trying.measure,
    "starting": starting.measure,
    "comparing": comparing.measure,
    "gates": gates.measure,
    "replay": replay.measure,
    "data_checks": data_checks.measure,
    "drift": drift.measure,
    "estimates": estimates.measure,
    "streams": streams.measure,
    "monitors": monitors.measure,
    "performance": performance.measure,
    "reports": reports.measure,
    "drift_streamed": drift_streamed.measure,
    "crash": crash.measure,
    "data_versions": data_versions.measure,
    "autologging": autologging.measure,
    "validating": validating.measure,
    "model_files": model_files.measure,
    "importing": importing.measure,
    "registry": registry.measure,
    "pipelines": pipelines.measure,
    "predicting": predicting.measure,
    "lowering": lowering.measure,
    "http": http.measure,
    "serving": serving.measure,
    "workers": workers.measure,
}


def _machine() -> dict[str, Any]:
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "processors": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
    }


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.names) - set(BENCHMARKS)):
        parser.error(f"there is no benchmark {', '.join(unknown)}")
    found: dict[str, Any] = {"machine": _machine(), "quick": asked.quick, "benchmarks": {}}
    print(", ".join(f"{name} {value}" for name, value in found["machine"].items()))
    for name in asked.names or BENCHMARKS:
        with surroundings() as around:
            figures = BENCHMARKS[name](quick=asked.quick)
        print_figures(name, figures, around, judged=not asked.quick)
        found["benchmarks"][name] = {
            "surroundings": around.to_dict(),
            "figures": [figure.to_dict() for figure in figures],
        }
        if asked.json is not None:  # after each one, so that an interrupted run leaves them
            asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
