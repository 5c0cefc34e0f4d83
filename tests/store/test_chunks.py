"""Snapshots: any bytes come back as they were, cuts are local, and nothing unproved is written."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_mlops.errors import Conflict, Invalid
from lite_mlops.store import chunks, packs
from lite_mlops.store.chunks import bring_back, cut, keep, read_manifest
from lite_mlops.store.objects import ObjectDamaged, ObjectMissing, Objects

MB = 1 << 20


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "objects")


def written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@settings(max_examples=20)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=6), st.integers(1024, 4000))
def test_any_files_come_back_as_they_were(contents: list[bytes], window: int) -> None:
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        for constant, value in {"_SHORTEST": 64, "_USUAL": 256, "_LONGEST": 1024}.items():
            patch.setattr(chunks, constant, value)
        patch.setattr(chunks, "_WINDOW", window)
        patch.setattr(packs, "PACK_BYTES", 2000)
        folder = Path(name)
        objects = Objects(folder / "objects")
        files = {
            f"part {place}/x": written(folder / str(place), content * 10)
            for place, content in enumerate(contents)
        }
        kept = keep(objects, files)
        assert kept.size == sum(len(content) * 10 for content in contents)
        bring_back(objects, kept.manifest, folder / "back", "it")
        for path, original in files.items():
            assert (folder / "back" / path).read_bytes() == original.read_bytes()
        assert keep(objects, files).new_bytes == 0
        assert list((folder / "objects" / "tmp").iterdir()) == []


def test_chunks_do_not_depend_on_how_the_bytes_were_read(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = random.Random(1).randbytes(6 * MB)
    file = written(tmp_path / "x", content)
    monkeypatch.setattr(chunks, "_WINDOW", 3 * MB)
    kept = keep(objects, {"": file})
    listed = read_manifest(objects, kept.manifest, "it").chunks
    assert [size for _, size in listed] == list(cut(content))
    assert kept.chunks == len(listed) > 8


@pytest.mark.parametrize("place", [0, 3 * MB, 9 * MB])
def test_cuts_are_local(objects: Objects, tmp_path: Path, place: int) -> None:
    content = random.Random(2).randbytes(12 * MB)
    keep(objects, {"": written(tmp_path / "x", content)})
    edited = content[:place] + b"a new row\n" + content[place + 5000 :]
    kept = keep(objects, {"": written(tmp_path / "x", edited)})
    assert 0 < kept.new_bytes < 4 * MB
    appended = keep(objects, {"": written(tmp_path / "x", edited + b"a new row")})
    assert appended.new_bytes <= 2 * MB


def test_empty_files_and_folders_with_them(objects: Objects, tmp_path: Path) -> None:
    empty = written(tmp_path / "x", b"")
    kept = keep(objects, {"": empty})
    bring_back(objects, kept.manifest, tmp_path / "back", "it")
    assert (tmp_path / "back").read_bytes() == b""
    assert (kept.chunks, kept.size) == (0, 0)


def test_nothing_is_overwritten_unless_forced(objects: Objects, tmp_path: Path) -> None:
    file = keep(objects, {"": written(tmp_path / "x", b"new")})
    folder = keep(objects, {"a/b": tmp_path / "x"})
    target = written(tmp_path / "target", b"precious")
    for kept in (file, folder):
        with pytest.raises(Conflict, match="target exists already; --force replaces it"):
            bring_back(objects, kept.manifest, target, "it")
    assert target.read_bytes() == b"precious"
    bring_back(objects, file.manifest, target, "it", force=True)
    assert target.read_bytes() == b"new"
    bring_back(objects, folder.manifest, target, "it", force=True)
    assert (target / "a/b").read_bytes() == b"new"
    bring_back(objects, file.manifest, target, "it", force=True)
    assert target.read_bytes() == b"new"
    with pytest.raises(Invalid, match="there is no such folder"):
        bring_back(objects, file.manifest, tmp_path / "nowhere" / "x", "it")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["objects", "target", "work", "x"]


def test_a_damaged_or_missing_chunk_is_named_and_nothing_is_written(
    objects: Objects, tmp_path: Path
) -> None:
    kept = keep(objects, {"": written(tmp_path / "x", b"content")})
    ((chunk, _),) = read_manifest(objects, kept.manifest, "it").chunks
    target = written(tmp_path / "target", b"precious")
    objects.path(chunk).write_bytes(b"damaged")
    with pytest.raises(ObjectDamaged, match="The file of the snapshot of d@1 is damaged"):
        bring_back(objects, kept.manifest, target, "the snapshot of d@1", force=True)
    objects.path(chunk).unlink()
    with pytest.raises(ObjectMissing, match="The file of the snapshot of d@1 is missing"):
        bring_back(objects, kept.manifest, target, "the snapshot of d@1", force=True)
    assert target.read_bytes() == b"precious"
    assert keep(objects, {"": tmp_path / "x"}).new_bytes == 7  # it is stored again
