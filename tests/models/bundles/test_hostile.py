"""Hostile bundles: none writes outside, none is half imported, and each refusal says why."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from lite_mlops.errors import Invalid, LiteMlopsError
from lite_mlops.models.bundles import NoBundle
from lite_mlops.models.bundles.archive import MOST_MEMBERS
from lite_mlops.models.loading import Untrusted
from lite_mlops.project import Project
from tests.conftest import Prepared
from tests.models.bundles.conftest import State, exported, state_of, with_own_model
from tests.models.bundles.zips import Part, canonical, parts_of, retold, without_plan, zipped

Parts = list[Part]
Attacked = tuple[Project, Path, dict[str, Any]]
LINK = 0o120777 << 16


def _renamed(name: str | bytes, place: int = 1) -> Callable[[Parts], bytes]:
    def build(parts: Parts) -> bytes:
        return zipped([replace(p, name=name) if i == place else p for i, p in enumerate(parts)])

    return build


def _added(name: str | bytes, data: bytes = b"x") -> Callable[[Parts], bytes]:
    return lambda parts: zipped([*parts, Part(name, data)])


def _lying(place: int = 1, *, local: bool = True, listed: bool = True, **lies: Any) -> Any:
    def build(parts: Parts) -> bytes:
        before, after = lies if local else {}, lies if listed else {}
        lying = replace(parts[place], local=before, listed=after)
        return zipped([lying if i == place else p for i, p in enumerate(parts)])

    return build


def _ending(**lies: Any) -> Callable[[Parts], bytes]:
    return lambda parts: zipped(parts, end=lies)


def _with(place: int, data: bytes) -> Callable[[Parts], bytes]:
    return lambda parts: zipped(
        [replace(p, data=data) if i == place else p for i, p in enumerate(parts)]
    )


def _deflated(parts: Parts) -> bytes:
    """A bomb: a gigabyte that takes a megabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    lies = {"method": 8, "packed": len(packed), "size": 64 << 20, "crc": 1}
    bomb = replace(parts[1], data=packed, local=lies, listed=lies)
    return zipped([parts[0], bomb, *parts[2:]])


def _overlapping(parts: Parts) -> bytes:
    """Two entries of the directory that share the bytes of one member."""
    first = len(zipped(parts[:1], order=[])) - 22
    return zipped([*parts[:2], replace(parts[2], listed={"offset": first})])


def _nested(parts: Parts) -> bytes:
    deep = b"[" * 100_000 + b"]" * 100_000
    return zipped([replace(parts[0], data=deep), *parts[1:]])


def _told(**changes: Any) -> Callable[[Parts], bytes]:
    return lambda parts: zipped(retold(parts, **changes))


def _raw_manifest(edit: Callable[[bytes], bytes]) -> Callable[[Parts], bytes]:
    return lambda parts: zipped([replace(parts[0], data=edit(parts[0].data)), *parts[1:]])


def _swapped_model(parts: Parts) -> bytes:
    """Another file of the same size in the place of the model."""
    return zipped([parts[0], replace(parts[1], data=parts[1].data[::-1]), *parts[2:]])


def _two_directories(parts: Parts) -> bytes:
    """One directory after the other: tools that look from the front see other members."""
    return zipped(parts, before_directory=zipped([Part("evil.py", b"x")]))


def _second_end(parts: Parts) -> bytes:
    good = zipped(parts)
    return good + good[-22:]


def _zip64(parts: Parts) -> bytes:
    locator = b"PK\x06\x07" + bytes(16)
    return zipped(parts, after_directory=locator)


def _python_zip(parts: Parts) -> bytes:
    """The same members, packed by another tool."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts:
            archive.writestr(str(part.name), part.data)
    return file.getvalue()


def _many(parts: Parts) -> bytes:
    return zipped([*parts, *(Part("card.md", b"") for _ in range(MOST_MEMBERS))])


NAME = "which no bundle has"
CASES: dict[str, tuple[Callable[[Parts], bytes], str]] = {
    # names
    "slip upwards": (_renamed("../model.joblib"), NAME),
    "slip far upwards": (_added("../../../../../../tmp/evil"), NAME),
    "slip with backslashes": (_added("..\\..\\evil"), NAME),
    "absolute": (_added("/etc/evil"), NAME),
    "a drive": (_added("C:\\evil"), NAME),
    "a share": (_added("\\\\host\\share\\evil"), NAME),
    "slip inside artifacts": (_added("artifacts/../../evil"), NAME),
    "slip by a folder": (_added("artifacts/0/../../../e"), NAME),
    "an encoded slip": (_added("%2e%2e%2fevil"), NAME),
    "a slip in wide characters": (_added("\uff0e\uff0e\uff0fevil"), NAME),
    "a folder": (_added("artifacts/", b""), NAME),
    "a name with NUL": (_added("card.md\0.py"), NAME),
    "a name with an escape": (_added("\x1b[31mred"), NAME),
    "a name with a line": (_added("card.md\n"), NAME),
    "a name that is no UTF-8": (_added(b"\xff\xfe"), NAME),
    "an empty name": (_added(""), NAME),
    "a long name": (_added("a" * 60_000), "its directory does not lie between"),
    "a name in other letters": (_renamed("MODEL.JOBLIB"), NAME),
    "a hidden file": (_added(".bashrc"), NAME),
    "a number with a nought": (_added("artifacts/00"), NAME),
    # members
    "an extra artifact": (_added("artifacts/0"), "a member artifacts/0, which its manifest does"),
    "an extra card": (_added("card.md"), "a member card.md, which its manifest does not name"),
    "another model": (_added("model.skops"), "a member model.skops, which its manifest does not"),
    "the same member twice": (lambda parts: zipped([*parts, parts[1]]), "model.joblib twice"),
    "two manifests": (lambda parts: zipped([*parts, parts[0]]), "manifest.json twice"),
    "no model": (lambda parts: zipped([parts[0], parts[2]]), "names model.joblib, which it does"),
    "no example": (lambda parts: zipped(parts[:2]), "names input_example.json, which it does not"),
    "no manifest": (lambda parts: zipped(parts[1:]), "its first member is not its manifest"),
    "another order": (
        lambda parts: zipped([parts[0], parts[2], parts[1]]),
        "not in the order of its manifest",
    ),
    "the manifest last": (lambda parts: zipped(parts[::-1]), "first member is not its manifest"),
    "too many members": (_many, "it has 1,103 members, and a bundle has 1 to 1,100"),
    # kinds of members
    "a link": (_lying(mode=LINK), "model.joblib is no plain file, but a link"),
    "a device": (_lying(mode=0o020666 << 16), "is no plain file"),
    "a pipe": (_lying(mode=0o010666 << 16), "is no plain file"),
    "a folder by its mode": (_lying(mode=0o040755 << 16 | 0x10), "is no plain file"),
    "one that may be run": (_lying(mode=0o104755 << 16), "is no plain file"),
    "encrypted": (_lying(flags=1), "its member model.joblib is encrypted"),
    "a data descriptor": (_lying(flags=8), "tells its size only after its bytes"),
    "other flags": (_lying(flags=0x40), "has flags that no bundle has"),
    "compressed": (_lying(method=8), "its member model.joblib is compressed"),
    "an unknown compression": (_lying(method=99), "is compressed"),
    "a bomb": (_deflated, "is compressed"),
    "packed by another tool": (_python_zip, "is compressed"),
    # headers that lie
    "encrypted in one place": (_lying(flags=1, listed=False), "is not what is listed"),
    "a link in its inner attributes": (_lying(inner=1), "is not listed as bundles list"),
    "another name before it": (_lying(name=b"evil.py", listed=False), "is not what is listed"),
    "another name of that length": (
        _lying(name=b"../../evil11", listed=False),
        "what stands before its member model.joblib is not what is listed",
    ),
    "another name listed": (_lying(name=b"../../evil11", local=False), NAME),
    "extra fields before it": (_lying(extra=b"\1\0\0\0", listed=False), "is not what is listed"),
    "extra fields listed": (_lying(extra=b"\1\0\0\0", local=False), "extra fields or a comment"),
    "a comment of a member": (_lying(comment=b"x"), "extra fields or a comment"),
    "a larger size": (_lying(size=10_000, packed=10_000), "overlaps another one, or leaves a gap"),
    "a smaller size": (_lying(size=10, packed=10), "overlaps another one, or leaves a gap"),
    "two sizes": (_lying(size=4_000_000_000), "has two different sizes"),
    "an absurd size": (_lying(size=(1 << 32) - 1, packed=(1 << 32) - 1), "overlaps another one"),
    "an absurd size of the manifest": (
        _lying(0, size=(1 << 32) - 2, packed=(1 << 32) - 2),
        "overlaps another one",
    ),
    "a wrong checksum": (_lying(crc=1), "are not those of its CRC-32"),
    "a wrong checksum of the manifest": (_lying(0, crc=1), "not those of its CRC-32"),
    "a wrong checksum listed": (_lying(crc=1, local=False), "is not what is listed"),
    "another disk": (_lying(disk=1), "is not listed as bundles list"),
    "another version": (_lying(need=45), "is not listed as bundles list"),
    "another time": (_lying(time=1), "is not listed as bundles list"),
    "a wrong sign": (_lying(sign=b"PK\1\1", listed=False), "is not what is listed"),
    "a wrong sign listed": (_lying(sign=b"PK\1\1", local=False), "fewer members than it says"),
    "members that overlap": (_overlapping, "overlaps another one, or leaves a gap"),
    "a gap between members": (
        lambda parts: zipped([parts[0], replace(parts[1], before=b"#!/bin/sh"), parts[2]]),
        "overlaps another one, or leaves a gap",
    ),
    "a member that is not listed": (
        lambda parts: zipped([*parts, Part("card.md", b"x")], order=[0, 1, 2]),
        "there are bytes between its last member and its directory",
    ),
    "a directory in another order": (
        lambda parts: zipped(parts, order=[1, 0, 2]),
        "overlaps another one, or leaves a gap",
    ),
    # the end
    "something before it": (lambda parts: b"#!/bin/sh\n" + zipped(parts), "its first bytes"),
    "something after it": (
        lambda parts: zipped(parts) + b"x",
        "it is cut off, or something follows",
    ),
    "a comment at its end": (_ending(comment=b"x"), "it is cut off, or something follows"),
    "cut off": (lambda parts: zipped(parts)[:-1], "it is cut off, or something follows"),
    "cut in the middle": (lambda parts: zipped(parts)[:500], "it is cut off, or something follows"),
    "two directories": (_two_directories, "bytes between its last member and its directory"),
    "two ends": (_second_end, "does not lie between its last member and its end"),
    "the longer form": (_zip64, "its directory"),
    "the longer form by count": (_ending(count=0xFFFF), "the longer form of zip"),
    "the longer form by place": (_ending(at=0xFFFFFFFF), "the longer form of zip"),
    "more members than there are": (_ending(count=9, here=9), "fewer members than it says"),
    "fewer members than there are": (_ending(count=2, here=2), "between its last member and"),
    "no members": (_ending(count=0, here=0), "it has 0 members"),
    "two counts": (_ending(here=2), "names other parts, or says something beside"),
    "another place of the directory": (_ending(at=0), "does not lie between"),
    "another length of the directory": (_ending(length=5), "does not lie between"),
    "parts on other disks": (_ending(disk=3), "names other parts"),
    "nothing": (lambda _: b"", "its first bytes are not those of a bundle"),
    "only an end": (lambda parts: zipped(parts)[-22:], "its first bytes"),
    "a pickle": (lambda _: pickle.dumps(print), "its first bytes"),
    "a tar": (lambda _: b"manifest.json" + bytes(1011), "its first bytes"),
    # bytes that are not those of the manifest
    "the model swapped": (_swapped_model, "not those of which its manifest has the SHA-256"),
    "the example swapped": (
        lambda parts: zipped([*parts[:2], replace(parts[2], data=parts[2].data[::-1])]),
        "input_example.json are not those of which",
    ),
    "a longer model": (
        lambda parts: zipped([parts[0], replace(parts[1], data=parts[1].data + b"x"), parts[2]]),
        "model.joblib has not the size that its manifest names",
    ),
    "another hash": (_told(file__sha256="0" * 64), "model.joblib are not those of which"),
    # the manifest
    "no JSON": (_with(0, b"{"), "its manifest is no JSON"),
    "no UTF-8": (_with(0, b"\xff{}"), "its manifest is no JSON"),
    "a list": (_with(0, b"[]"), "the whole is something else; it has to be an object"),
    "an empty manifest": (_with(0, b""), "its manifest is no JSON"),
    "nested too deeply": (_nested, "its manifest is nested too deeply"),
    "a huge number": (
        _raw_manifest(lambda data: data.replace(b'"size":', b'"size":' + b"9" * 5000, 1)),
        "a number has more than 20 digits",
    ),
    "a large manifest": (_with(0, b" " * 4_000_001), "its manifest has more than 4,000,000 bytes"),
    "not a number": (
        _raw_manifest(lambda data: data.replace(b'"auc":0.91', b'"auc":NaN')),
        "NaN is no number",
    ),
    "an infinite number": (
        _raw_manifest(lambda data: data.replace(b'"auc":0.91', b'"auc":1e999')),
        "metrics.auc is inf; it has to be one of",
    ),
    "a name twice": (
        _raw_manifest(lambda data: b'{"actor":"x",' + data[1:]),
        "not written in the one form that bundles have",
    ),
    "spaces": (
        _raw_manifest(lambda data: data.replace(b'":', b'": ', 1)),
        "not written in the one form that bundles have",
    ),
    "an unknown field": (_told(trusted=["os:system"]), "there is 'trusted', unknown here"),
    "an unknown field inside": (_told(file__path="/etc/passwd"), "'file.path', unknown here"),
    "an unknown field of a column": (_told(signature__columns__0__x=1), "columns[0].x', unknown"),
    "a missing field": (_told(model=None), "its manifest lacks model"),
    "another form": (_told(form="something else"), "form is 'something else'"),
    "a later version": (_told(form_version=2), "form_version is 2; it has to be one of 1"),
    "a true version": (_told(form_version=True), "form_version is True"),
    "a name of a model that is a path": (_told(model="../evil"), "a name of a model"),
    "a name of a model with an escape": (_told(model="a\x1b[31m"), "a name of a model"),
    "a name of a model with a line": (_told(model="churn\n"), "a name of a model"),
    "an actor with an escape": (_told(actor="\x1b[31mann"), "actor is '\\x1b[31mann'"),
    "half a character": (
        _raw_manifest(lambda data: data.replace(b'"actor":"', b'"actor":"\\ud800', 1)),
        "actor is '\\ud800",
    ),
    "a number as a name": (_told(actor=5), "actor is 5; it has to be a text"),
    "a huge version": (_told(version=10**18), "version is 10000000"),
    "version 0": (_told(version=0), "version is 0"),
    "a version of a type": (_told(version=1.0), "version is 1.0"),
    "a hash that is a path": (_told(file__sha256="../../evil"), "it has to be a SHA-256"),
    "a hash in capitals": (_told(file__sha256="A" * 64), "it has to be a SHA-256"),
    "a negative size": (_told(file__size=-1), "file.size is -1; it has to be a whole number"),
    "a huge size": (_told(file__size=1 << 40), "file.size is 1099511627776"),
    "an unknown format": (_told(file__format="pickle"), "one of 'joblib', 'skops', 'onnx'"),
    "another format": (_told(file__format="skops"), "names model.skops, which it does not have"),
    "artifacts that are no list": (_told(artifacts={}), "artifacts is something else"),
    "an artifact that is missing": (
        _told(artifacts=[{"name": "a", "sha256": "0" * 64, "size": 1}]),
        "names artifacts/0, which it does not have",
    ),
    "many artifacts": (
        _told(artifacts=[{"name": "a", "sha256": "0" * 64, "size": 1}] * 1001),
        "a list of at most 1,000",
    ),
    "an artifact with an escape": (
        _told(artifacts=[{"name": "\x1b", "sha256": "0" * 64, "size": 1}]),
        "artifacts[0].name",
    ),
    "two artifacts of one name": (
        _told(artifacts=[{"name": "a", "sha256": "0" * 64, "size": 1}] * 2),
        "two artifacts in its manifest have the same name",
    ),
    "a package that is a path": (_told(requirements={"../evil": "1"}), "it has to be a package"),
    "a seal by no key": (
        _told(
            seals=[
                {
                    "public": "ed25519:x",
                    "signature": "A" * 86 + "==",
                    "signed_at": "2026-01-31T00:00:00+00:00",
                    "actor": "ann",
                }
            ]
        ),
        "seals[0].public is 'ed25519:x'; it has to be a public key of Ed25519",
    ),
    "a tag that is a list": (_told(tags={"a": []}), "tags.a is something else"),
    "a time that is none": (_told(created_at="2026-13-01T00:00:00+00:00"), "cannot be understood"),
    "a time of another form": (_told(created_at="now"), "a time of UTC"),
    "a type of a column": (_told(signature__columns__0__type="object"), "columns[0].type is"),
    "two columns of one name": (
        _told(signature__columns__0__name="visits"),
        "the signature in its manifest contradicts itself",
    ),
    "a signature that says more than needed": (
        _told(signature__columns__0__missing=False),
        "the signature in its manifest contradicts itself",
    ),
    "an older signature": (
        _told(signature={"features": ["age"], "classes": []}),
        "unknown here",
    ),
}


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory, prepared: Prepared) -> Iterator[Attacked]:
    """A project, a good bundle beside it, and what there is; no test changes either."""
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "first").mkdir()
    first = Project(folder / "first", capture_code=False, capture_environment=False)
    good = exported(first, folder / "good.lmz")
    first.close()
    other = with_own_model(folder / "other", prepared)
    (folder / "hostile.lmz").touch()
    yield other, good, state_of(other)
    other.close()


@pytest.mark.parametrize("case", CASES)
def test_hostile_bundles_change_nothing(case: str, attacked: Attacked) -> None:
    other, good, before = attacked
    build, text = CASES[case]
    bundle = good.with_name("hostile.lmz")
    bundle.write_bytes(build(without_plan(parts_of(good))))
    for name, trust in ((None, False), ("own", True)):
        with pytest.raises(LiteMlopsError) as error:
            other.models.import_bundle(bundle, name, trust=trust)
        told = str(error.value)
        assert text in told
        assert told.startswith(f"{bundle} was not taken as a bundle: ")
        assert "\x1b" not in told
        assert len(told) < 500
    assert state_of(other) == before


def test_the_hand_written_zips_are_bundles_where_they_do_not_lie(
    bundle: Path, other: Project
) -> None:
    good = bundle.read_bytes()
    parts = parts_of(bundle)
    assert zipped(parts) == good
    assert zipped(retold(parts)) == good
    bundle.write_bytes(zipped(retold(parts, actor="somebody else")))
    assert other.models.import_bundle(bundle).name == "churn/1"


# -- model files --------------------------------------------------------------------------------


class _Runs:
    """Leaves a mark where it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def _with_model(parts: Parts, data: bytes, **changes: Any) -> bytes:
    """Return a bundle of another model file, whose hashes are all right."""
    sha256 = hashlib.sha256(data).hexdigest()
    told = {"file__sha256": sha256, "file__size": len(data)} | changes
    return zipped(retold([parts[0], replace(parts[1], data=data), *parts[2:]], **told))


def test_a_program_with_right_hashes_is_shown_and_never_runs(
    bundle: Path, other: Project, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    bundle.write_bytes(_with_model(parts_of(bundle), pickle.dumps(_Runs(mark))))
    version = other.models.import_bundle(bundle)
    assert other.models.needs(version.name) == (f"{os.mkdir.__module__}:mkdir",)
    with pytest.raises(Untrusted, match=":mkdir"):
        other.models.load(version.name)
    assert not mark.exists()


def test_a_program_that_was_trusted_elsewhere_is_not_trusted_here(
    bundle: Path, other: Project, tmp_path: Path
) -> None:
    other.models.register_file(_saved(tmp_path), "own", input_example=[[1.0]], trust=True)
    mark = tmp_path / "mark"
    parts = retold(parts_of(bundle), model="own")
    bundle.write_bytes(_with_model(parts, pickle.dumps(_Runs(mark))))
    assert other.models.import_bundle(bundle).trusted == ()
    assert not mark.exists()


def _saved(folder: Path) -> Path:
    from sklearn.dummy import DummyClassifier

    path = folder / "dummy.pkl"
    path.write_bytes(pickle.dumps(DummyClassifier().fit([[1.0]], [1])))
    return path


def _zip_bomb() -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()


@pytest.mark.parametrize(
    ("data", "changes", "text"),
    [
        (b"", {}, "was not loaded"),
        (b"hello", {}, "was not loaded"),
        (b"\x80\x04\x82\x01.", {}, "extension"),
        (b"\x80\x04" + b"(" * 100_000, {}, "was not loaded"),
        (zlib.compress(pickle.dumps(1)), {}, "and its manifest says None"),
        (pickle.dumps(1), {"file__compression": "zlib"}, "was not loaded"),
        (_zip_bomb(), {"file__compression": "zlib"}, "it unpacks to more than 268,435,456 bytes"),
        (pickle.dumps(1)[:-1], {}, "was not loaded"),
    ],
    ids=["empty", "text", "extension", "deep", "packed", "not packed", "bomb", "cut"],
)
def test_model_files_that_are_never_loaded_are_not_imported(
    bundle: Path, other: Project, state: State, data: bytes, changes: dict[str, Any], text: str
) -> None:
    told = json.loads(parts_of(bundle)[0].data)
    told["file"] |= {name.removeprefix("file__"): value for name, value in changes.items()}
    parts = [replace(parts_of(bundle)[0], data=canonical(told)), *parts_of(bundle)[1:]]
    bundle.write_bytes(_with_model(parts, data))
    before = state()
    with pytest.raises(LiteMlopsError, match=text):
        other.models.import_bundle(bundle, trust=True)
    assert state() == before


@pytest.mark.slow
def test_a_bundle_larger_than_memory_is_streamed(
    project: Project, bundle: Path, tmp_path: Path
) -> None:
    """100 MB beside a model pass through a process that takes less than 60 MB more for it."""
    import numpy as np

    from tests.models.bundles.rules import Rules

    weights = tmp_path / "weights.bin"
    block = np.random.default_rng(0).bytes(1 << 20)
    with weights.open("wb") as file:
        for number in range(100):
            file.write(block + bytes([number]))
    limit = tmp_path / "limit.txt"
    limit.write_text("1")
    files: dict[str, str | Path] = {"weights.bin": weights, "limit.txt": limit}
    project.models.register(Rules(), "rules", input_example=[[1.0]], artifacts=files, trust=True)
    code = (
        "import resource, sys; from lite_mlops.project import Project\n"
        "from lite_mlops.models import Bundle\n"
        "source, target = Project(sys.argv[1]), Project(sys.argv[2])\n"
        "source.models.get('rules'); before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "source.models.export('rules', sys.argv[3]); target.models.import_bundle(sys.argv[3])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    (tmp_path / "target").mkdir()
    arguments = [str(tmp_path / "work"), str(tmp_path / "target"), str(tmp_path / "large.lmz")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    kilobytes = 1024 if sys.platform == "darwin" else 1
    assert int(done.stdout) / kilobytes < 60_000


def test_a_manifest_that_no_import_would_take_is_not_written(
    project: Project, tmp_path: Path
) -> None:
    from sklearn.dummy import DummyClassifier

    example = [[1.0]]
    tags = {f"tag {number}": "x" * 5_000 for number in range(900)}
    model = DummyClassifier().fit(example, [1])
    project.models.register(model, "churn", input_example=example, tags=tags)
    with pytest.raises(Invalid, match=r"takes 4,.* bytes, and the manifest of a bundle at most"):
        project.models.export("churn", tmp_path / "a.lmz")
    assert not list(tmp_path.glob("*.lmz*"))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'{"data": 5', "its input example cannot be read"),
        (b"[" * 100_000, "its input example cannot be read"),
        (b"[]", "its input example cannot be read"),
        (b'{"columns": ["a"]}', "its input example cannot be read"),
        (b'{"columns": 5, "data": []}', "its input example cannot be read"),
        (b'{"columns": ["a"], "data": [[1, 2]]}', "its input example is no table of rows"),
        (b'{"columns": [1], "data": [[1]]}', "its input example is no table of rows"),
        (b'{"data": {"a": 1}}', "its input example is no table of rows"),
        (b'{"data": [1, 2]}', "its input example is no table of rows"),
        (b'{"data": [' + b"[1]," * 1000 + b"[1]]}", "its input example is no table of rows"),
        (b" " * 4_000_001, "its input example has more than 4,000,000 bytes"),
    ],
    ids=range(11),
)
def test_examples_that_are_none_are_told(data: bytes, text: str, attacked: Attacked) -> None:
    other, good, before = attacked
    parts, bundle = without_plan(parts_of(good)), good.with_name("hostile.lmz")
    told = {"example__sha256": hashlib.sha256(data).hexdigest(), "example__size": len(data)}
    bundle.write_bytes(zipped(retold([*parts[:2], replace(parts[2], data=data)], **told)))
    with pytest.raises(NoBundle) as error:
        other.models.import_bundle(bundle)
    assert str(error.value).startswith(f"{bundle} was not taken as a bundle: {text}")
    assert state_of(other) == before
