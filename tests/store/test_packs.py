"""Packs: any bytes come back, damage is named and mended, and cleaning takes what nobody wants."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lite_mlops.errors import Conflict, Damaged, Invalid
from lite_mlops.project import Project
from lite_mlops.store import chunks, packs
from lite_mlops.store.backup import make_backup
from lite_mlops.store.chunks import Kept, bring_back, cut, keep, read_manifest
from lite_mlops.store.cleaning import clean
from lite_mlops.store.objects import ObjectDamaged, Objects
from lite_mlops.store.packs import Filling, PackDamaged, Packs

SMALL = {"_SHORTEST": 64, "_USUAL": 256, "_LONGEST": 1024, "_WINDOW": 3000}
SOON = float("inf")  # a cleaning that leaves nothing alone for being new


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have chunks and packs be so small that a few kilobytes are many."""
    for constant, value in SMALL.items():
        monkeypatch.setattr(chunks, constant, value)
    monkeypatch.setattr(packs, "PACK_BYTES", 4000)


@pytest.fixture
def objects(tmp_path: Path, small: None) -> Objects:
    return Objects(tmp_path / "objects")


def written(path: Path, seed: int, size: int = 20_000) -> Path:
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def wanted(objects: Objects, *snapshots: Kept) -> set[str]:
    listed = {
        chunk for one in snapshots for chunk, _ in read_manifest(objects, one.manifest, "it").chunks
    }
    return listed | {one.manifest for one in snapshots}


def remove_all_but(objects: Objects, *snapshots: Kept) -> int:
    """Do what a cleaning does; return the bytes."""
    left = wanted(objects, *snapshots)
    unwanted = {sha256 for sha256, _, _ in objects.all()} - left
    return sum(map(objects.remove, unwanted)) + objects.packs.remove(unwanted, SOON)


def stored_bytes(objects: Objects) -> int:
    return sum(size for _, size, _ in objects.all())


# -- what comes back ----------------------------------------------------------------------------

edits = st.tuples(
    st.sampled_from(["append", "insert", "remove", "new"]),
    st.integers(0, 2**32),
    st.floats(0, 1),
    st.integers(0, 4000),
)


def edited(content: bytes, edit: tuple[str, int, float, int]) -> bytes:
    how, seed, share, size = edit
    place, more = int(share * len(content)), random.Random(seed).randbytes(size)
    return {
        "append": content + more,
        "insert": content[:place] + more + content[place:],
        "remove": content[:place] + content[place + size :],
        "new": more,
    }[how]


@settings(max_examples=25)
@given(st.lists(edits, min_size=1, max_size=6), st.sets(st.integers(0, 5)), st.integers(1, 9000))
def test_versions_come_back_whatever_was_added_and_freed(
    changes: list[tuple[str, int, float, int]], dropped: set[int], pack_bytes: int
) -> None:
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        for constant, value in SMALL.items():
            patch.setattr(chunks, constant, value)
        patch.setattr(packs, "PACK_BYTES", pack_bytes)
        folder = Path(name)
        contents, kept = [b"".join(map(bytes, [range(256)] * 20))], []
        for change in changes:
            contents.append(edited(contents[-1], change))
        for content in contents:
            (folder / "x").write_bytes(content)
            kept.append(keep(Objects(folder / "objects"), {"": folder / "x"}))
        objects = Objects(folder / "objects")
        left = [place for place in range(len(kept)) if place not in dropped]
        remove_all_but(objects, *(kept[place] for place in left))
        everything = wanted(objects, *(kept[place] for place in left))
        assert sorted(sha256 for sha256, _, _ in objects.all()) == sorted(everything)
        for place in left:
            bring_back(objects, kept[place].manifest, folder / str(place), "it")
            assert (folder / str(place)).read_bytes() == contents[place]
        for content in contents:  # what was freed is stored again
            (folder / "x").write_bytes(content)
            again = keep(objects, {"": folder / "x"})
            bring_back(objects, again.manifest, folder / "back", "it", force=True)
            assert (folder / "back").read_bytes() == content
        assert list((folder / "objects" / "tmp").iterdir()) == []


def test_a_chunk_is_stored_once_within_and_across_packs(objects: Objects, tmp_path: Path) -> None:
    once = keep(objects, {"": written(tmp_path / "x", 1)})
    content = (tmp_path / "x").read_bytes()
    (tmp_path / "y").write_bytes(content + content[:10_000] + content)
    twice = keep(objects, {"": tmp_path / "y"})
    assert once.new_bytes == 20_000
    assert twice.new_bytes < 5_000
    chunks_of = read_manifest(objects, twice.manifest, "it").chunks
    packed = [sha256 for sha256, _, _ in objects.packs.all()]
    assert len(packed) == len(set(packed))
    assert set(packed) <= {sha256 for sha256, _ in chunks_of}
    assert len(objects.packs.names()) >= 4


def test_a_chunk_that_came_alone_is_an_object(objects: Objects, tmp_path: Path) -> None:
    kept = keep(objects, {"": written(tmp_path / "x", 1, 50)})
    ((sha256, _),) = read_manifest(objects, kept.manifest, "it").chunks
    assert objects.path(sha256).read_bytes() == (tmp_path / "x").read_bytes()
    assert objects.packs.names() == []


def test_chunks_in_files_of_their_own_are_read_and_not_stored_again(
    objects: Objects, tmp_path: Path
) -> None:
    content, start, listed = written(tmp_path / "x", 1).read_bytes(), 0, []
    for length in cut(content):
        listed.append(objects.put_bytes(content[start : start + length]))
        start += length
    manifest = {
        "format": 1,
        "files": [["", len(content), hashlib.sha256(content).hexdigest()]],
        "chunks": [[stored.sha256, stored.size] for stored in listed],
    }
    sha256 = objects.put_bytes(json.dumps(manifest, separators=(",", ":")).encode()).sha256
    bring_back(objects, sha256, tmp_path / "back", "it")
    assert (tmp_path / "back").read_bytes() == content
    again = keep(objects, {"": tmp_path / "x"})
    assert (again.manifest, again.new_bytes) == (sha256, 0)


# -- cleaning -----------------------------------------------------------------------------------


def test_freeing_one_version_keeps_what_another_shares(objects: Objects, tmp_path: Path) -> None:
    first = keep(objects, {"": written(tmp_path / "x", 1)})
    content = (tmp_path / "x").read_bytes()
    (tmp_path / "y").write_bytes(content[:9000] + b"a row" + content[9000:15_000])
    second = keep(objects, {"": tmp_path / "y"})
    before = stored_bytes(objects)
    freed = remove_all_but(objects, second)
    assert freed == before - stored_bytes(objects) > 4000
    bring_back(objects, second.manifest, tmp_path / "back", "it")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "y").read_bytes()
    with pytest.raises(Damaged, match="first is missing from the object store"):
        bring_back(objects, first.manifest, tmp_path / "none", "first")
    assert remove_all_but(objects, second) == 0
    remove_all_but(objects)
    assert list(objects.all()) == []
    assert objects.packs.names() == []


def test_a_pack_that_is_held_again_is_left_alone(objects: Objects, tmp_path: Path) -> None:
    keep(objects, {"": written(tmp_path / "x", 1)})
    unwanted = {sha256 for sha256, _, _ in objects.packs.all()}
    for name in objects.packs.names():
        os.utime(objects.packs.path(name), (0, 0))
    other = Objects(objects.folder)
    assert keep(other, {"": tmp_path / "x"}).new_bytes == 0
    assert objects.packs.remove(unwanted, 1000.0) == 0
    assert objects.packs.remove(unwanted, SOON) == 20_000


def test_a_pack_that_is_held_while_it_is_written_anew_stays(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = keep(objects, {"": written(tmp_path / "x", 1)})
    unwanted = {read_manifest(objects, kept.manifest, "it").chunks[0][0]}
    before = objects.packs.names()
    for name in before:
        os.utime(objects.packs.path(name), (0, 0))
    take_over = Packs._take_over

    def held(packs: Packs, name: str, unwanted: Collection[str]) -> None:
        take_over(packs, name, unwanted)
        assert keep(Objects(objects.folder), {"": tmp_path / "x"}).new_bytes == 0

    monkeypatch.setattr(Packs, "_take_over", held)
    assert objects.packs.remove(unwanted, 1000.0) == 0
    assert set(before) < set(objects.packs.names())


def test_a_reader_follows_chunks_that_another_pack_took_over(
    objects: Objects, tmp_path: Path
) -> None:
    kept = keep(objects, {"": written(tmp_path / "x", 1)})
    names, listed = objects.packs.names(), read_manifest(objects, kept.manifest, "it").chunks
    first, second = listed[0][0], listed[1][0]
    assert objects.read(second, "it")
    Objects(objects.folder).packs.remove({first}, SOON)
    assert objects.packs.names() != names
    assert hashlib.sha256(objects.read(second, "it")).hexdigest() == second
    assert objects.is_good(first) is None


def test_a_cleaning_in_the_middle_of_an_add_is_noticed(
    objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(objects, {"": written(tmp_path / "x", 1)})
    finish = Filling.finish

    def cleaned(filling: Filling) -> None:
        finish(filling)
        for name in objects.packs.names():
            objects.packs.path(name).unlink()

    monkeypatch.setattr(Filling, "finish", cleaned)
    with pytest.raises(Conflict, match="a cleaning came between; nothing was recorded"):
        keep(objects, {"": tmp_path / "x"})


# -- damage -------------------------------------------------------------------------------------

HARMS = ("a chunk", "the table", "the end", "cut", "empty")


def harm(objects: Objects, how: str) -> str:
    """Damage the first pack and return its name."""
    name = objects.packs.names()[0]
    path = objects.packs.path(name)
    content = bytearray(path.read_bytes())
    if how in ("cut", "empty"):
        content = content[: len(content) // 2] if how == "cut" else bytearray()
    else:
        content[{"a chunk": 0, "the table": -20, "the end": -1}[how]] ^= 1
    path.unlink()  # a backup may hold a link to it
    path.write_bytes(content)
    return name


@pytest.fixture
def versioned(project: Project, tmp_path: Path, small: None) -> Project:
    """A project with one version, of which a copy is kept in packs."""
    project.datasets.add(written(tmp_path / "x.bin", 1), "noise", snapshot=True)
    assert len(project.store.objects.packs.names()) > 2
    return project


@pytest.mark.parametrize("how", HARMS)
def test_a_damaged_pack_is_refused_and_the_version_named(
    versioned: Project, tmp_path: Path, how: str
) -> None:
    harm(versioned.store.objects, how)
    reference = versioned.datasets.get("noise").reference
    reopened = Project(tmp_path / "work")
    with pytest.raises(ObjectDamaged, match=f"The file of the snapshot of {reference}") as refused:
        reopened.datasets.checkout("noise", tmp_path / "back")
    reopened.close()
    assert "`lite-mlops doctor --repair` sets it aside" in str(refused.value)
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("how", HARMS)
def test_the_doctor_mends_a_damaged_pack_from_a_backup(
    versioned: Project, tmp_path: Path, how: str
) -> None:
    objects = versioned.store.objects
    assert versioned.examine() == []
    make_backup(versioned.store)
    name = harm(objects, how)
    findings = versioned.examine()
    assert all("noise@" in one.text for one in findings if one.kind == "object")
    kinds = {one.kind for one in findings}
    assert kinds == ({"object"} if how == "a chunk" else {"object", "pack"})
    assert all(one.repaired for one in versioned.examine(repair=True))
    assert versioned.examine() == []
    assert (versioned.store.layout.set_aside / "objects" / f"pack-{name}").exists()
    versioned.datasets.checkout("noise", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "x.bin").read_bytes()


def test_without_a_backup_the_good_chunks_of_a_damaged_pack_are_kept(versioned: Project) -> None:
    objects = versioned.store.objects
    before = {sha256 for sha256, _, _ in objects.all()}
    harm(objects, "a chunk")
    (finding,) = versioned.examine(repair=True)
    assert finding.text.endswith("is damaged; no backup has a good copy")
    assert before - {sha256 for sha256, _, _ in objects.all()} == {finding.subject}


def test_adding_again_heals_a_pack_whose_table_is_damaged(
    versioned: Project, tmp_path: Path
) -> None:
    harm(versioned.store.objects, "the table")
    assert keep(Objects(versioned.store.objects.folder), {"": tmp_path / "x.bin"}).new_bytes > 3000
    versioned.datasets.checkout("noise", tmp_path / "back")


def test_cleaning_does_not_copy_what_is_damaged(objects: Objects, tmp_path: Path) -> None:
    kept = keep(objects, {"": written(tmp_path / "x", 1)})
    name = harm(objects, "a chunk")
    table = objects.packs.table(name)
    with pytest.raises(PackDamaged, match="nothing of it was freed"):
        objects.packs.remove({table[1][0].hex()}, SOON)
    assert objects.packs.table(name) == table
    assert list((objects.folder / "tmp").iterdir()) == []
    assert kept.chunks == len(read_manifest(objects, kept.manifest, "it").chunks)


@pytest.mark.parametrize("failing", ["sync", "sync_folder"])
def test_a_disk_that_is_full_leaves_nothing(
    versioned: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    objects = versioned.store.objects
    before, refusals = set(objects.packs.names()), iter([OSError(28, "No space left on device")])

    def refused(*arguments: object) -> None:
        for error in refusals:
            raise error

    monkeypatch.setattr(packs, failing, refused)
    with pytest.raises(Invalid, match="No space left on device"):
        versioned.datasets.add(written(tmp_path / "y.bin", 2), "other", snapshot=True)
    assert [one.name for one in versioned.datasets.all()] == ["noise"]
    assert list((objects.folder / "tmp").iterdir()) == []
    for name in set(objects.packs.names()) - before:
        assert all(good for _, _, good in objects.packs._chunks(name))


# -- backups ------------------------------------------------------------------------------------


@pytest.fixture(params=["the same disk", "another disk"])
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*paths: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    if request.param == "another disk":
        monkeypatch.setattr(os, "link", refused)


@pytest.mark.usefixtures("disk")
def test_backups_hold_packs(versioned: Project, tmp_path: Path) -> None:
    backup = versioned.backup(tmp_path / "backup")
    assert backup.missing == ()
    (tmp_path / "elsewhere").mkdir()
    elsewhere = Project(tmp_path / "elsewhere")
    for _ in range(2):  # the second time over what is there, and damaged
        elsewhere.restore(tmp_path / "backup")
        elsewhere.datasets.checkout("noise", tmp_path / "back", force=True)
        assert (tmp_path / "back").read_bytes() == (tmp_path / "x.bin").read_bytes()
        assert elsewhere.examine() == []
        harm(elsewhere.store.objects, "a chunk")
    elsewhere.close()


# -- processes ----------------------------------------------------------------------------------

PROCESS = """
import os, signal, sys
from pathlib import Path
from lite_mlops.project import Project
from lite_mlops.store import chunks, packs

chunks._SHORTEST, chunks._USUAL, chunks._LONGEST, chunks._WINDOW = 64, 256, 1024, 3000
packs.PACK_BYTES = 4000
survived, path, name = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
put_in_place, done = packs.Packs.put_in_place, []

def killed(*arguments):
    if len(done) == survived:
        os.kill(os.getpid(), signal.SIGKILL)
    put_in_place(*arguments)
    done.append(arguments)

packs.Packs.put_in_place = killed
print("ready", flush=True)
sys.stdin.readline()
project = Project(Path.cwd())
project.datasets.add(path, name, snapshot=True)
project.close()
"""


@pytest.fixture
def adding(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Begins processes that add a file when told to, and die before a certain pack is in place."""
    begun: list[subprocess.Popen[str]] = []

    def begin(path: Path, name: str, survived: int = -1) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", PROCESS, str(survived), str(path), name],
            cwd=tmp_path / "work",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("survived", [0, 2])
def test_a_killed_add_leaves_nothing_half_stored(
    project: Project,
    tmp_path: Path,
    adding: Callable[..., subprocess.Popen[str]],
    small: None,
    survived: int,
) -> None:
    path = written(tmp_path / "x.bin", 1)
    adding(path, "noise", survived).communicate("go\n")
    objects = project.store.objects
    assert project.datasets.all() == []
    assert len(objects.packs.names()) == survived
    assert list((objects.folder / "tmp").iterdir()) != []
    assert all(objects.is_good(sha256) for sha256, _, _ in objects.all())
    version = project.datasets.add(path, "noise", snapshot=True)  # goes on where the other died
    project.datasets.checkout(version.reference, tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == path.read_bytes()
    assert sum(size for _, size, _ in objects.packs.all()) == 20_000
    for left in (objects.folder / "tmp").iterdir():
        os.utime(left, (0, 0))
    clean(project.store, grace_seconds=-1)
    assert list((objects.folder / "tmp").iterdir()) == []
    assert project.examine() == []


def test_processes_add_at_once(
    project: Project, tmp_path: Path, adding: Callable[..., subprocess.Popen[str]]
) -> None:
    content = written(tmp_path / "x.bin", 1, 100_000).read_bytes()
    (tmp_path / "y.bin").write_bytes(content[:60_000] + b"a row" + content[60_000:])
    files = {"one": "x.bin", "two": "y.bin", "three": "x.bin"}
    processes = [adding(tmp_path / file, name) for name, file in files.items()]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert clean(project.store, grace_seconds=-1).objects == 0
    assert project.examine() == []
    for name, file in files.items():
        project.datasets.checkout(name, tmp_path / name)
        assert (tmp_path / name).read_bytes() == (tmp_path / file).read_bytes()
