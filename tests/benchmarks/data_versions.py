"""What versions of data cost: hash and profile, kept copies and what they grow by, `data status`.

Copies are measured on random bytes in one file, beside `cp` and fsync of the same file. DVC stands
beside `status` and `add` where its command is installed.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lite_mlops.settings import PREFIX
from lite_mlops.store import keep
from tests.benchmarks.measuring import Figure, compared, interleaved, scratch, seconds_of
from tests.benchmarks.projects import new_project

_COMMAND = Path(sys.executable).with_name("lite-mlops")
_MB = 1_000_000


def _table(rows: int) -> dict[str, NDArray[np.generic]]:
    """Return thirty columns: floats, whole numbers, texts, times and booleans."""
    generator = np.random.default_rng(1)
    columns: dict[str, NDArray[np.generic]] = {}
    for place in range(18):
        columns[f"x{place}"] = generator.normal(size=rows).round(4)
    for place in range(6):
        columns[f"n{place}"] = generator.integers(0, 10 ** (place + 1), rows)
    for place in range(4):
        words = np.array([f"word {word}" for word in range(10 ** (place + 1))], object)
        columns[f"t{place}"] = words[generator.integers(0, len(words), rows)]
    seconds = np.arange(rows).astype("m8[s]")
    columns["at"] = (np.datetime64("2024-01-01T00:00:00", "us") + seconds).astype("M8[us]")
    columns["flag"] = generator.random(rows) < 0.5
    return columns


def _hash_and_profile(folder: Path, rows: int) -> list[Figure]:
    import duckdb

    columns = _table(rows)
    project = new_project(folder)
    project.create()
    paths = {"Parquet": folder / "t.parquet", "CSV": folder / "t.csv"}
    with duckdb.connect() as connection:
        connection.register("shown", columns)
        for path in paths.values():
            connection.execute(f"COPY (FROM shown) TO '{path}'")

    def plain(path: Path) -> float:
        with path.open("rb") as file:
            return seconds_of(lambda: hashlib.file_digest(file, "sha256"))

    def added(data: object) -> float:
        return seconds_of(lambda: project.datasets.add(data, f"d{time.perf_counter_ns()}"))

    figures = []
    sources: dict[str, object] = {"columns in memory": columns, **paths}
    for what, data in sources.items():
        floor = paths["CSV"] if what == "columns in memory" else paths[what]
        ours, plainly = interleaved(3, partial(added, data), partial(plain, floor))
        figures.append(
            compared(
                f"hash and profile of {rows:,} x 30, {what}",
                ours,
                plainly,
                floor_is="plain SHA-256 of the file",
                at_most=3.0,
            )
        )
    project.close()
    return figures


def _random_file(path: Path, megabytes: int) -> None:
    generator = random.Random(1)
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(generator.randbytes(_MB))


def _copied(path: Path) -> None:
    copy = path.with_suffix(".copy")
    shutil.copyfile(path, copy)
    fd = os.open(copy, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    copy.unlink()


def _copies(folder: Path, megabytes: int) -> list[Figure]:
    path = folder / "data.bin"
    _random_file(path, megabytes)

    def ours() -> float:
        project = new_project(folder)
        seconds = seconds_of(lambda: project.datasets.add(path, "data", snapshot=True))
        project.close()
        shutil.rmtree(project.folder)
        return seconds

    added, copied = interleaved(3, ours, lambda: seconds_of(lambda: _copied(path)), warm_up=False)
    figures = [
        compared(
            f"add {megabytes:,} MB with a copy",
            added,
            copied,
            floor_is="copy and fsync",
            within=1.5,
        )
    ]
    project = new_project(folder)
    size = path.stat().st_size
    first = keep(project.store.objects, {"": path})
    with path.open("ab") as file:
        file.write(random.Random(2).randbytes(size // 100))
    appended = keep(project.store.objects, {"": path})
    content = path.read_bytes()
    place = size // 2
    path.write_bytes(content[:place] + content[place + 100_000 :])
    edited = keep(project.store.objects, {"": path})
    for what, kept, goal in (
        ("stored more for 1 % appended", appended, 1.1),
        ("stored more for rows removed in the middle", edited, 0.2),
    ):
        share = 100 * kept.new_bytes / first.size
        figures.append(Figure(what, share, "%", at_most=goal))
    project.close()
    return figures


def _hash_all(images: Path) -> None:
    for path in images.glob("*/*"):
        hashlib.sha256(path.read_bytes()).hexdigest()


def _small_files(folder: Path, files: int) -> list[Figure]:
    images = folder / "images"
    for place in range(files):
        path = images / f"{place // 1000:03d}" / f"{place}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(place.to_bytes(8, "little") * 100)
        os.utime(path, (time.time() - 60,) * 2)
    project = new_project(folder)
    environment = os.environ | {PREFIX + "DIR": str(project.folder)}

    def run(*command: str) -> float:
        return seconds_of(
            lambda: subprocess.run(
                command, cwd=folder, env=environment, check=True, capture_output=True
            )
        )

    def add(*options: str) -> float:
        shutil.rmtree(project.folder, ignore_errors=True)
        return run(str(_COMMAND), "data", "add", str(images), "--name", "images", *options)

    plain, kept, hashed = interleaved(
        5, add, partial(add, "--snapshot"), lambda: seconds_of(partial(_hash_all, images))
    )
    figures = [
        compared(
            f"add {files:,} small files{how}, process included",
            ours,
            hashed,
            floor_is="SHA-256 of each file, one after the other",
            at_most=0.5 * files / 10_000,
        )
        for how, ours in (("", plain), (" with a copy", kept))
    ]
    sides = [
        lambda: run(str(_COMMAND), "data", "status"),
        lambda: run(sys.executable, "-c", "pass"),
    ]
    ours, nothing = interleaved(5, *sides)
    figures.append(
        compared(
            f"status of {files:,} unchanged files, process included",
            ours,
            nothing,
            floor_is="a process of Python that does nothing",
            at_most=0.15 if files <= 10_000 else 2.0,
        )
    )
    if shutil.which("dvc"):
        run("dvc", "init", "--no-scm", "-q")
        figures.append(Figure("DVC adds the same files", run("dvc", "add", "-q", "images")))
        figures.append(Figure("DVC's status of them", run("dvc", "status", "-q")))
    return figures


def measure(*, quick: bool) -> list[Figure]:
    """Measure tables, copies and many files."""
    figures = []
    with scratch() as folder:
        figures += _hash_and_profile(folder, 100_000 if quick else 1_000_000)
    with scratch() as folder:
        figures += _copies(folder, 200 if quick else 1_000)
    for files in (10_000,) if quick else (10_000, 100_000):
        with scratch() as folder:
            figures += _small_files(folder, files)
    return figures
