"""Drift of tables that are larger than what may be held: memory above the start, and time.

Forty columns of numbers and ten of texts, in two Parquet files, or in two versions of a dataset of
which copies are kept; each is compared in a process of its own, whose memory is looked at all the
time. The peer is Evidently, where `LITE_MLOPS_EVIDENTLY` names a Python that has it: the CPU time
of its default drift report on the same two tables, without reading them.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from lite_mlops.data import columns_of
from lite_mlops.monitoring.drift import compare_tables
from lite_mlops.project import Project
from lite_mlops.settings import Settings
from lite_mlops.store.database import connect
from tests.benchmarks.measuring import Figure, scratch
from tests.benchmarks.processes import in_new_process

NUMBERS, TEXTS = 40, 10
_EVIDENTLY = "LITE_MLOPS_EVIDENTLY"
_PEER = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
old, new = (pd.read_parquet(path) for path in sys.argv[1:3])
begin = time.process_time()
report = Report([DataDriftPreset()]).run(new, old)
report.save_html(sys.argv[3])
print(time.process_time() - begin)
"""


def write_tables(folder: Path, rows: int, numbers: int = NUMBERS, texts: int = TEXTS) -> list[Path]:
    """Write two tables of one distribution as Parquet files."""
    connection = connect(Settings())
    normal = "sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())"
    columns = [f"{normal} + 0 * i AS x{place}" for place in range(numbers)]
    words = "'word ' || (random() * {most})::INT AS t{place}"
    columns += [words.format(most=5 + 20 * place, place=place) for place in range(texts)]
    paths = []
    for name in ("old", "new"):
        paths.append(folder / f"{name}.parquet")
        connection.execute(
            f"COPY (SELECT {', '.join(columns)} FROM range({rows}) r(i)) "  # noqa: S608
            f"TO '{paths[-1]}' (FORMAT parquet)"
        )
    connection.close()
    return paths


def _peak(action: Callable[[], object]) -> float:
    """Return by how many bytes the memory of this process grows at most during an action."""
    process = psutil.Process()
    begin = highest = process.memory_info().rss
    stop = threading.Event()

    def watch() -> None:
        nonlocal highest
        while not stop.wait(0.005):
            highest = max(highest, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        action()
    finally:
        stop.set()
        watcher.join()
    return float(highest - begin)


def streamed(folder: str, old: str, new: str, *, joint: bool = True) -> tuple[float, float, float]:
    """Compare two tables; return the bytes above the start, and seconds of wall and of CPU."""
    monitoring = Project(folder).monitoring
    few = {"x": np.arange(300.0) % 17, "t": np.array(["a", "b", "c"] * 100, object)}
    monitoring.compare(few, few)  # whatever is loaded once
    begin, cpu = time.perf_counter(), time.process_time()
    peak = _peak(lambda: monitoring.compare(old, new, joint=joint))
    return peak, time.perf_counter() - begin, time.process_time() - cpu


def _with_evidently(paths: list[Path], folder: Path) -> float | None:
    python = os.environ.get(_EVIDENTLY)
    if not python:
        return None
    done = subprocess.run(
        [python, "-c", _PEER, *map(str, paths), str(folder / "page.html")],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


def measure(*, quick: bool) -> list[Figure]:
    """Measure memory and time of large tables, how the cost grows, and the peer."""
    rows, figures = (50_000 if quick else 1_000_000), []
    with scratch() as folder:
        paths = write_tables(folder, rows)
        project = Project(folder)
        versions = [project.datasets.add(path, path.stem, snapshot=True) for path in paths]
        project.store.fold()
        project.close()
        sides = {"two Parquet files": [str(path) for path in paths]}
        sides["two versions, from the copies"] = [one.reference for one in versions]
        for what, (old, new) in sides.items():
            if what.startswith("two versions"):
                for path in paths:
                    path.unlink()  # so that the copies are read
            peak, wall, cpu = in_new_process(streamed, str(folder), old, new)
            size = f"{rows:,} x {NUMBERS + TEXTS} against as many, {what}"
            figures += [
                Figure(f"{size}: memory above the start", peak, "bytes", at_most=400e6),
                Figure(f"{size}: time", wall),
                Figure(f"{size}: CPU", cpu, at_most=None if quick else 12.0),
            ]
    return figures + _growth(20_000 if quick else 200_000) + _peer(2_000 if quick else 100_000)


def _growth(rows: int) -> list[Figure]:
    """Measure what twice the rows or twice the columns cost."""
    with scratch() as folder:
        tables = []
        for times, wide in ((1, 1), (2, 1), (1, 2)):
            (folder / f"{times}{wide}").mkdir()
            inside = folder / f"{times}{wide}"
            tables.append(write_tables(inside, rows * times, 10 * wide, 2 * wide))
        sides = [[str(path) for path in paths] for paths in tables]
        once, *twice = in_new_process(_cpu_of, str(folder), sides)
    return [
        Figure(f"{rows:,} x 12: CPU with twice the {what}", cpu, floor=once, within=2.2)
        for cpu, what in zip(twice, ("rows", "columns"), strict=True)
    ]


def _cpu_of(folder: str, sides: Sequence[Sequence[str]]) -> list[float]:
    """Return the least CPU seconds of three comparisons of each pair of tables, in turns."""
    runs = [[streamed(folder, *pair, joint=False)[2] for pair in sides] for _ in range(3)]
    return [min(times) for times in zip(*runs, strict=True)]


def _held(old: str, new: str, *, joint: bool) -> float:
    """Return the CPU seconds of comparing two tables that were read before."""
    sides = [columns_of(path) for path in (old, new)]
    few = {name: values[:300] for name, values in sides[0].items()}
    compare_tables(few, few, joint=joint)  # whatever is loaded once
    begin = time.process_time()
    compare_tables(*sides, joint=joint)
    return time.process_time() - begin


def _peer(rows: int) -> list[Figure]:
    with scratch() as folder:
        paths = write_tables(folder, rows, 25, 5)
        old, new = map(str, paths)
        peer = _with_evidently(paths, folder)
        about = "Evidently, its default drift report of the same tables with its page"
        figures = []
        for joint, what in ((False, "each column"), (True, "and all together")):
            ours = in_new_process(partial(_held, joint=joint), old, new)
            what = f"{rows:,} x 30 in memory, {what}, CPU"
            if peer is None:
                figures.append(Figure(what, ours))
            else:
                goal = None if joint else 0.1
                figures.append(Figure(what, ours, floor=peer, floor_is=about, within=goal))
        return figures
