"""Objects: stored once, proved on every read, never addressed by anything but their hash."""

from __future__ import annotations

import hashlib
import mmap
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.store.objects import ObjectDamaged, ObjectMissing, Objects


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "objects")


def files(objects: Objects) -> list[Path]:
    return [path for path in objects.folder.rglob("*") if path.is_file()]


def test_what_is_put_comes_back(objects: Objects) -> None:
    stored = objects.put_bytes(b"model")
    assert stored.sha256 == hashlib.sha256(b"model").hexdigest()
    assert stored.size == 5
    assert objects.read(stored.sha256, "a model") == b"model"


def test_equal_bytes_are_stored_once(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"same")
    one = objects.put_bytes(b"same")
    two = objects.put_file(tmp_path / "file")
    assert one == two
    assert len(files(objects)) == 1


def test_a_damaged_object_names_what_refers_to_it(objects: Objects, tmp_path: Path) -> None:
    sha256 = objects.put_bytes(b"model").sha256
    objects.path(sha256).write_bytes(b"m0del")
    with pytest.raises(ObjectDamaged, match=r"The file of version 3 of churn is damaged"):
        objects.read(sha256, "version 3 of churn")
    with pytest.raises(ObjectDamaged, match="version 3 of churn"):
        objects.copy_out(sha256, tmp_path / "out", "version 3 of churn")
    assert not list(tmp_path.glob("*out*"))  # nothing half copied
    assert objects.is_good(sha256) is False


@pytest.mark.parametrize("size", [0, 5, 3_000_000])  # only the last one is worth a mapping
def test_what_is_mapped_is_proved_where_it_lies(objects: Objects, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    sha256 = objects.put_bytes(data).sha256
    found = objects.mapped(sha256, "a plan")
    assert bytes(found) == data
    assert found.readonly
    assert isinstance(found.obj, mmap.mmap) == (size > 1 << 20)
    damaged = objects.path(sha256)
    damaged.chmod(0o600)
    damaged.write_bytes(b"y" + data[1:])
    with pytest.raises(ObjectDamaged, match=r"The file of a plan is damaged"):
        objects.mapped(sha256, "a plan")
    damaged.unlink()
    with pytest.raises(ObjectMissing, match=r"The file of a plan is missing"):
        objects.mapped(sha256, "a plan")


def test_a_missing_object_names_what_refers_to_it(objects: Objects, tmp_path: Path) -> None:
    sha256 = "0" * 64
    with pytest.raises(ObjectMissing, match=r"The file of artifact a\.txt is missing"):
        objects.read(sha256, "artifact a.txt")
    with pytest.raises(ObjectMissing, match=r"artifact a\.txt"):
        objects.copy_out(sha256, tmp_path / "out", "artifact a.txt")
    assert objects.is_good(sha256) is None


def test_putting_a_damaged_object_again_heals_it(objects: Objects) -> None:
    sha256 = objects.put_bytes(b"model").sha256
    objects.path(sha256).write_bytes(b"m0del")
    objects.put_bytes(b"model")
    assert objects.read(sha256, "it") == b"model"


def test_an_interrupted_write_leaves_no_object(objects: Objects) -> None:
    def blocks() -> object:
        yield b"first"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        objects.put_blocks(blocks())  # type: ignore[arg-type]
    assert files(objects) == []


def test_a_copy_appears_whole(objects: Objects, tmp_path: Path) -> None:
    sha256 = objects.put_bytes(b"x" * 3_000_000).sha256
    objects.copy_out(sha256, tmp_path / "out", "it")
    assert (tmp_path / "out").read_bytes() == b"x" * 3_000_000


@pytest.mark.parametrize(
    "address", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65, "0" * 63 + "/"]
)
def test_only_a_hash_is_an_address(objects: Objects, address: str) -> None:
    with pytest.raises(Invalid, match="is not a SHA-256"):
        objects.path(address)


def test_removing_is_no_error_when_it_is_gone(objects: Objects) -> None:
    sha256 = objects.put_bytes(b"model").sha256
    assert objects.remove(sha256) == 5
    assert objects.remove(sha256) == 0


def test_leftovers_of_killed_processes_go_when_they_are_old(objects: Objects) -> None:
    objects.put_bytes(b"x")
    left, fresh = objects.folder / "tmp" / "left", objects.folder / "tmp" / "fresh"
    left.write_bytes(b"1234")
    fresh.write_bytes(b"1234")
    os.utime(left, (0, 0))
    assert objects.remove_leftovers() == 4
    assert fresh.exists()


@given(st.binary(max_size=200))
def test_any_bytes_come_back(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        objects = Objects(Path(folder))
        assert objects.read(objects.put_bytes(data).sha256, "it") == data
