"""Bundles leave a project and come into another one: the same model, the same facts, once."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from lite_mlops.errors import Damaged, Denied, Invalid, NotFound
from lite_mlops.models import Bundle, is_bundle
from lite_mlops.models.bundles import ChangedBundle, NoBundle
from lite_mlops.models.loading import Untrusted
from lite_mlops.project import Project
from lite_mlops.security.signing import make_key
from tests.models.bundles.conftest import EXAMPLE, LABELS, ROWS, State
from tests.models.bundles.rules import Rules
from tests.models.bundles.zips import parts_of, retold, zipped

RULES = "tests.models.bundles.rules:Rules"
ROOT = Path(__file__).parents[3]

# In a process of its own: import a bundle into a project and print what the model answers.
ANSWERS = """
import sys, numpy, hashlib
from lite_mlops.project import Project
version = Project(sys.argv[1]).models.import_bundle(sys.argv[2])
rows = numpy.load(sys.argv[3])
model = Project(sys.argv[1]).models.load(version.name)
answers = model.predict_proba(rows)
print(version.name, hashlib.sha256(answers.tobytes()).hexdigest())
"""


def _rules(project: Project, tmp_path: Path, limit: float = 0.25) -> Path:
    """Register a model of one's own with a file, and export it."""
    file = tmp_path / "limit.txt"
    file.write_text(str(limit))
    example = {"a": 1.0, "b": 2.0}
    project.models.register(
        Rules(), "rules", input_example=example, artifacts={"limit.txt": file}, trust=True
    )
    path = tmp_path / "rules.lmz"
    project.models.export("rules", path)
    return path


# -- there and back -----------------------------------------------------------------------------


def test_a_version_is_the_same_in_another_project(
    project: Project, other: Project, bundle: Path
) -> None:
    before = project.models.get("churn/1")
    after = other.models.import_bundle(bundle)
    same = (
        "model", "sha256", "size", "signature", "requirements", "params", "format", "class_name",
        "data", "code", "example", "members", "compression", "description",
    )  # fmt: skip
    for name in same:
        assert getattr(after, name) == getattr(before, name), name
    assert after.name == "churn/1"
    assert {key: str(value) for key, value in after.metrics.items()} == {
        "auc": "0.91",
        "loss": "nan",
        "top": "inf",
    }
    manifest = zipfile.ZipFile(bundle).read("manifest.json")
    assert after.tags == dict(before.tags) | {"bundle": hashlib.sha256(manifest).hexdigest()}
    assert (after.run_id, after.aliases, after.trusted) == (None, (), ())
    assert after.reason == (
        f"imported: churn/1, registered {before.created_at:%Y-%m-%d} by {before.actor} "
        f"in run {before.run_id}"
    )
    assert other.models.example("churn") == project.models.example("churn")
    np.testing.assert_array_equal(
        other.models.load("churn").predict_proba(ROWS),
        project.models.load("churn").predict_proba(ROWS),
    )


@pytest.mark.slow
def test_in_a_fresh_process_the_answers_are_the_same_bits(project: Project, tmp_path: Path) -> None:
    model = RandomForestClassifier(n_estimators=5, random_state=0).fit(ROWS, LABELS)
    project.models.register(model, "forest", input_example=EXAMPLE)
    project.models.export("forest", tmp_path / "forest.lmz")
    rows = np.random.default_rng(4).normal(size=(1000, 2))
    np.save(tmp_path / "rows.npy", rows)
    (tmp_path / "elsewhere").mkdir()
    arguments = [tmp_path / "elsewhere", tmp_path / "forest.lmz", tmp_path / "rows.npy"]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ANSWERS, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    answers = hashlib.sha256(model.predict_proba(rows).tobytes()).hexdigest()
    assert done.stdout == f"forest/1 {answers}\n", done.stderr


def test_the_same_bundle_gives_the_same_version(other: Project, bundle: Path, state: State) -> None:
    first = other.models.import_bundle(bundle)
    before = state()
    copy = bundle.with_name("copy.lmz")
    copy.write_bytes(bundle.read_bytes())
    assert other.models.import_bundle(copy).name == first.name
    copy.unlink()
    assert state() == before


def test_under_another_name_it_is_another_model(other: Project, bundle: Path) -> None:
    other.models.import_bundle(bundle)
    assert other.models.import_bundle(bundle, "own").name == "own/2"
    assert other.models.import_bundle(bundle, "own").name == "own/2"
    assert [version.name for version in other.models.all()] == ["churn/1", "own/2", "own/1"]


def test_one_that_was_removed_comes_as_a_new_version(other: Project, bundle: Path) -> None:
    other.models.remove(other.models.import_bundle(bundle).name)
    assert other.models.import_bundle(bundle).name == "churn/2"


def test_importing_again_brings_lost_bytes_back(other: Project, bundle: Path) -> None:
    version = other.models.import_bundle(bundle)
    other.store.objects.path(version.sha256).unlink()
    assert other.models.import_bundle(bundle).name == version.name
    other.models.load(version.name)


def test_the_same_version_makes_the_same_bytes(
    project: Project, other: Project, bundle: Path
) -> None:
    again = bundle.with_name("again.lmz")
    project.models.export("churn", again)
    assert again.read_bytes() == bundle.read_bytes()
    project.models.set_tags("churn/1", {"owner": "someone else"})
    project.models.export("churn", again)
    assert again.read_bytes() != bundle.read_bytes()
    assert other.models.import_bundle(bundle).name == "churn/1"
    assert other.models.import_bundle(again).name == "churn/2"


def test_a_bundle_can_be_handed_on(other: Project, bundle: Path, tmp_path: Path) -> None:
    other.models.import_bundle(bundle)
    other.models.export("churn", tmp_path / "on.lmz")
    with Bundle.open_file(tmp_path / "on.lmz") as opened:
        assert "bundle" not in opened.version.tags
        assert opened.version.description == "Who leaves.\nWithin a month."


def test_any_tool_for_zips_can_list_it(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "manifest.json",
            "model.joblib",
            "input_example.json",
            "plan.bin",
        ]
        told = json.loads(archive.read("manifest.json"))
    assert told["model"] == "churn"
    assert "trusted" not in told


def test_who_vouched_for_a_version_is_known_elsewhere(
    project: Project, other: Project, bundle: Path, tmp_path: Path
) -> None:
    key = make_key(tmp_path / "key.pem")
    project.models.sign("churn", tmp_path / "key.pem")
    signed = tmp_path / "signed.lmz"
    project.models.export("churn", signed)
    version = other.models.import_bundle(signed, "vouched")
    assert [seal.public for seal in other.models.verify(version.name)] == [key.public]
    other.models.import_bundle(bundle)
    other.close()
    strict = Project(other.folder.parent, signed_by=[key.public])
    strict.models.load("vouched")
    with pytest.raises(Denied, match="churn/1 was not loaded: this project needs a signature"):
        strict.models.load("churn")
    strict.close()


def test_a_seal_of_something_else_is_not_good(
    project: Project, other: Project, bundle: Path, tmp_path: Path
) -> None:
    make_key(tmp_path / "key.pem")
    project.models.register(LogisticRegression().fit(ROWS, LABELS[::-1]), "own")
    project.models.sign("own", tmp_path / "key.pem")
    stolen = project.models.get("own").seals[0].to_dict()
    bundle.write_bytes(zipped(retold(parts_of(bundle), seals=[stolen])))
    assert len(other.models.import_bundle(bundle).seals) == 1
    assert other.models.verify("churn") == []


def test_a_card_goes_along(project: Project, other: Project, bundle: Path) -> None:
    path = bundle.with_name("card.lmz")
    project.models.export("churn", path, card="# Churn\n")
    with Bundle.open_file(path) as opened:
        assert b"".join(opened.proved_blocks("card.md")) == b"# Churn\n"
        assert opened.example() is not None
    assert other.models.import_bundle(path).name == "churn/1"


@pytest.mark.parametrize(
    ("reference", "path", "kind", "text"),
    [
        ("churn/9", "a.lmz", NotFound, "The model 'churn' has no version 9"),
        ("churn", "a.zip", Invalid, "the name of a bundle ends with"),
        ("churn", "none/a.lmz", Invalid, "there is no folder"),
    ],
)
def test_an_export_that_cannot_be_writes_nothing(
    project: Project, bundle: Path, reference: str, path: str, kind: type[Exception], text: str
) -> None:
    before = sorted(bundle.parent.iterdir())
    with pytest.raises(kind, match=text):
        project.models.export(reference, bundle.parent / path)
    assert sorted(bundle.parent.iterdir()) == before


def test_a_damaged_file_is_not_exported(project: Project, bundle: Path) -> None:
    good, version = bundle.read_bytes(), project.models.get("churn")
    stored = project.store.objects.path(version.sha256)
    for wrong in (stored.read_bytes()[:-1], stored.read_bytes() + b"x", b"x" * version.size):
        stored.write_bytes(wrong)
        with pytest.raises(Damaged, match=r"model\.joblib of churn/1 is damaged"):
            project.models.export("churn", bundle)
        assert bundle.read_bytes() == good
    assert not list(bundle.parent.glob(".*"))


# -- trust --------------------------------------------------------------------------------------


def test_trust_is_raised_only_by_saying_so(
    project: Project, other: Project, tmp_path: Path
) -> None:
    path = _rules(project, tmp_path)
    assert project.models.get("rules").trusted == (RULES,)
    version = other.models.import_bundle(path)
    assert version.trusted == ()
    assert other.models.needs("rules") == (RULES,)
    with pytest.raises(Untrusted, match=RULES):
        other.models.load("rules")
    with pytest.raises(Invalid, match=f"does not need 'os:system'; it needs {RULES}"):
        other.models.import_bundle(path, trust=["os:system"])
    trusted = other.models.import_bundle(path, trust=[RULES])
    assert (trusted.name, trusted.trusted) == (version.name, (RULES,))
    assert other.models.load("rules").predict([[0.2, 0], [0.3, 0]]).tolist() == [False, True]


def test_what_was_trusted_for_a_model_is_not_for_a_bundle_of_its_name(
    project: Project, other: Project, tmp_path: Path
) -> None:
    other.models.import_bundle(_rules(project, tmp_path), trust=True)
    project.models.set_tags("rules/1", {"again": "yes"})
    project.models.export("rules", tmp_path / "again.lmz")
    version = other.models.import_bundle(tmp_path / "again.lmz")
    assert (version.name, version.trusted) == ("rules/2", ())


# -- without a project --------------------------------------------------------------------------


def test_it_answers_alone(project: Project, bundle: Path) -> None:
    with Bundle.open_file(bundle) as opened:
        assert repr(opened) == f"<Bundle {bundle} of churn/1>"
        model = opened.load(strict=True)
        assert opened.version.signature == project.models.get("churn").signature
    np.testing.assert_array_equal(
        model.predict_proba(ROWS), project.models.load("churn").predict_proba(ROWS)
    )


def test_files_beside_a_model_are_found_alone(project: Project, tmp_path: Path) -> None:
    path = _rules(project, tmp_path, limit=-1.0)
    with Bundle.open_file(path) as opened:
        with pytest.raises(Untrusted, match=RULES):
            opened.load()
        assert opened.inspect().needs_trust == (RULES,)
        for trust in (True, [RULES]):
            loaded = opened.load(trust=trust)
            assert loaded.predict([[-2.0, 0], [0.0, 0]]).tolist() == [False, True]


def test_what_names_a_bundle() -> None:
    assert [is_bundle(text) for text in ("churn.lmz", "./a/b.lmz")] == [True, True]
    others = ("churn@champion", "churn/3", "models:/churn.lmz", "runs:/a/x.lmz", "churn")
    assert not any(map(is_bundle, others))
    with pytest.raises(NotFound, match=r"There is no bundle 'none\.lmz'"):
        Bundle.open_file("none.lmz")
    with pytest.raises(Invalid, match="cannot be read"):
        Bundle.open_file(Path(__file__).parent)


def test_a_file_swapped_after_opening_is_not_used(bundle: Path) -> None:
    """What is used are bytes of the file that was opened, and these are proved when they are."""
    with Bundle.open_file(bundle) as opened:
        changed = bundle.read_bytes()
        bundle.rename(bundle.with_name("away"))
        bundle.write_bytes(b"something else")
        opened.load()
    bundle.write_bytes(changed)
    with Bundle.open_file(bundle) as opened, bundle.open("r+b") as file:
        file.seek(changed.index(b"PK", changed.index(b"model.joblib") + 20) - 3)
        file.write(b"X")
        file.flush()
        with pytest.raises(Damaged, match="Nothing of it was loaded"):
            opened.load()
        with pytest.raises(ChangedBundle, match=r"model\.joblib are not those"):
            opened.inspect()


# -- killed in the middle -----------------------------------------------------------------------

KILLED = """
import os, sys
from lite_mlops.models.bundles import importing
from lite_mlops.project import Project
from lite_mlops.store import Decisions, Objects
stage, calls = sys.argv[3], []
def dying(kind, name, after):
    real = getattr(kind, name)
    def call(*arguments, **named):
        calls.append(name)
        if not after and calls.count(name) == 2:
            os.kill(os.getpid(), 9)
        found = real(*arguments, **named)
        if after:
            os.kill(os.getpid(), 9)
        return found
    setattr(kind, name, call)
if stage == "between two objects":
    dying(Objects, "put_blocks", False)
elif stage == "all objects stored":
    importing.record_version = lambda *a: os.kill(os.getpid(), 9)
elif stage == "version recorded":
    dying(Decisions, "record_together", True)
else:
    dying(Decisions, "settle", True)
Project(sys.argv[1]).models.import_bundle(sys.argv[2])
"""


@pytest.mark.parametrize(
    ("stage", "versions"),
    [
        ("between two objects", 0),
        ("all objects stored", 0),
        ("version recorded", 1),
        ("everything recorded", 1),
    ],
)
def test_killed_in_the_middle_it_is_there_wholly_or_not_at_all(
    other: Project, bundle: Path, stage: str, versions: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(other.folder.parent), str(bundle), stage],
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    found = [version for version in other.models.all() if version.model == "churn"]
    assert len(found) == versions
    for version in found:
        assert version.tags["owner"] == "growth"
        other.models.load(version.name)
    again = other.models.import_bundle(bundle)
    other.models.load(again.name)
    assert (again.name, again.tags["owner"]) == ("churn/1", "growth")


# -- any byte -----------------------------------------------------------------------------------


def _refused(path: Path, data: bytes) -> bool:
    """Return whether bytes are refused as a bundle."""
    path.write_bytes(data)
    try:
        with Bundle.open_file(path) as opened:
            opened.inspect()
    except (NoBundle, ChangedBundle) as error:
        return str(error).startswith(f"{path} was not taken as a bundle: ")
    return False


def test_every_flipped_byte_is_found(bundle: Path) -> None:
    good = bundle.read_bytes()
    assert not _refused(bundle, good)
    for place in range(len(good)):
        changed = bytearray(good)
        changed[place] ^= 1 << place % 8
        assert _refused(bundle, bytes(changed)), place


@given(data=st.data())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cuts_and_splices_are_refused_or_equal(bundle: Path, data: st.DataObject) -> None:
    good = bundle.with_name("good")
    if not good.exists():
        good.write_bytes(bundle.read_bytes())
    whole = good.read_bytes()
    begin, end, more = (data.draw(st.integers(0, len(whole))) for _ in range(3))
    middle = data.draw(st.binary(max_size=40) | st.just(whole[min(begin, more) : max(begin, more)]))
    changed = whole[:begin] + middle + whole[end:]
    assert _refused(bundle, changed) or changed == whole


@pytest.mark.slow
def test_two_at_once_make_one_version(other: Project, bundle: Path) -> None:
    code = "import sys; from lite_mlops.project import Project; "
    code += "print(Project(sys.argv[1]).models.import_bundle(sys.argv[2]).name)"
    command = [sys.executable, "-c", code, str(other.folder.parent), str(bundle)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0] for process in processes] == ["churn/1\n"] * 2
    assert len(other.models.all("churn")) == 1
