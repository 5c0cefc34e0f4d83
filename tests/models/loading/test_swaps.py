"""A file that is changed while it is loaded never gets through."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lite_mlops.errors import Damaged
from lite_mlops.models.loading import ModelFile, load_model
from lite_mlops.store import Objects
from tests.models.loading.hostile import joblib_bytes, system

TRIES = 200
Swap = Callable[[Path, bytes], None]


def by_renaming(path: Path, data: bytes) -> None:
    beside = path.with_name("beside")
    beside.write_bytes(data)
    os.replace(beside, path)


def in_place(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.write(data)


def cut_and_written(path: Path, data: bytes) -> None:
    path.write_bytes(data)


@pytest.mark.parametrize("mapped", [False, True], ids=["read", "mapped"])
@pytest.mark.parametrize("swap", [by_renaming, in_place, cut_and_written])
def test_a_race(objects: Objects, tmp_path: Path, swap: Swap, *, mapped: bool) -> None:
    if mapped and swap is cut_and_written:
        pytest.skip("cutting a mapped file ends the process that maps it")
    good = joblib_bytes({"values": np.arange(40_000.0), "name": "good"})
    bad = joblib_bytes([system(tmp_path / "marker"), bytes(len(good))])[: len(good) - 1] + b"."
    stored = objects.put_bytes(good)
    path = objects.path(stored.sha256)
    file = ModelFile(stored.sha256, stored.size)
    done = threading.Event()

    def swapping() -> None:
        while not done.is_set():
            for data in (bad, good):
                swap(path, data)

    thread = threading.Thread(target=swapping)
    thread.start()
    outcomes = set()
    try:
        for _ in range(TRIES):
            try:
                model = load_model(objects, file, trusted=["posix:system"], mapped=mapped)
            except Damaged:
                outcomes.add("damaged")
            else:
                assert model["name"] == "good"
                outcomes.add("good")
    finally:
        done.set()
        thread.join()
    assert not (tmp_path / "marker").exists()
    assert outcomes


class Swapping:
    """A source whose file becomes another one as soon as it was read to its end."""

    def __init__(self, objects: Objects, swap: Swap, data: bytes) -> None:
        self.objects = objects
        self.swap = swap
        self.data = data
        self.opened = 0

    def open(self, sha256: str, referrer: str):  # type: ignore[no-untyped-def]  # noqa: ANN201
        from contextlib import contextmanager

        @contextmanager
        def opened():  # type: ignore[no-untyped-def]  # noqa: ANN202
            self.opened += 1
            with self.objects.open(sha256, referrer) as stream:
                yield _Swapped(stream, lambda: self.swap(self.objects.path(sha256), self.data))

        return opened()


class _Swapped:
    def __init__(self, stream, swap) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        self.stream = stream
        self.swap = swap

    def read(self, size: int) -> bytes:
        data: bytes = self.stream.read(size)
        if size == 1:  # the last read, which asks whether there is more
            self.swap()
        return data

    def fileno(self) -> int:
        return int(self.stream.fileno())


@pytest.mark.parametrize("mapped", [False, True], ids=["read", "mapped"])
@pytest.mark.parametrize("swap", [by_renaming, in_place])
def test_a_swap_right_after_the_check(
    objects: Objects, tmp_path: Path, swap: Swap, *, mapped: bool
) -> None:
    good = joblib_bytes({"values": np.arange(40_000.0), "name": "good"})
    bad = pickle.dumps(system(tmp_path / "marker"))
    stored = objects.put_bytes(good)
    source = Swapping(objects, swap, bad)
    file = ModelFile(stored.sha256, stored.size)
    model = load_model(source, file, trusted=["posix:system"], mapped=mapped)
    assert model["name"] == "good"
    assert source.opened == 1
    assert not (tmp_path / "marker").exists()
    with pytest.raises(Damaged, match="is damaged"):
        load_model(objects, file)
