"""The doctor: finds every kind of damage, mends what can be mended, deletes nothing."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from lite_mlops.errors import Damaged
from lite_mlops.store import Store
from lite_mlops.store.backup import make_backup
from lite_mlops.store.doctor import Finding, examine
from lite_mlops.store.events import RunDeleted
from tests.store.test_backup import RUN, fill, tables


def kinds(findings: list[Finding]) -> list[str]:
    return [finding.kind for finding in findings]


def test_a_healthy_project_has_no_findings(store: Store) -> None:
    fill(store)
    with store.deciding() as decisions:
        decisions.record(RunDeleted(run=RUN, reason="x"))
    assert examine(store) == []
    assert examine(store, repair=True) == []


@pytest.mark.parametrize("backups", [0, 1])
@pytest.mark.parametrize("harm", ["noise", "cut", "flip", "empty"])
def test_a_database_that_cannot_be_opened_is_rebuilt_whole(
    open_store: Callable[..., Store], harm: str, backups: int
) -> None:
    store = open_store()
    fill(store)
    store.close()
    tables(store)
    for _ in range(backups):
        make_backup(store)
    fill(store, "68000002bbbbbbbbbbbb")
    with store.deciding() as decisions:
        decisions.record(RunDeleted(run=RUN, reason="x"))
    expected = tables(store)
    path = store.layout.database
    data = bytearray(path.read_bytes())
    if harm == "noise":
        data = bytearray(random.Random(1).randbytes(50_000))
    elif harm == "cut":
        data = data[: len(data) // 3]
    elif harm == "flip":
        data[100] ^= 1
    else:
        data = bytearray()
    path.write_bytes(data)

    (finding,) = examine(store)
    assert finding.kind == "database"
    assert finding.repairable
    assert path.read_bytes() == data  # looking changes nothing

    found = examine(store, repair=True)
    assert found[0].repaired
    assert "rebuilt from" in found[0].text
    assert tables(store) == expected
    assert examine(store) == []
    (aside,) = [p for p in store.layout.set_aside.iterdir() if p.name.startswith("database-")]
    assert (aside / path.name).read_bytes() == data


@pytest.mark.parametrize("backups", [0, 1])
def test_a_database_that_is_gone_is_never_replaced_by_an_empty_one(
    open_store: Callable[..., Store], backups: int
) -> None:
    store = open_store()
    fill(store)
    store.close()
    expected = tables(store)
    for _ in range(backups):
        make_backup(store)
    store.layout.database.unlink()
    with pytest.raises(Damaged, match=r"is missing, although it was there before.*doctor"):
        tables(store)
    (finding,) = examine(store)
    assert finding.kind == "database"
    assert examine(store, repair=True)[0].repaired
    assert tables(store) == expected


@pytest.mark.slow
def test_flipped_bits_anywhere_in_the_file_cost_nothing(open_store: Callable[..., Store]) -> None:
    store = open_store()
    fill(store, points=3000)
    expected = tables(store)
    path = store.layout.database
    whole = path.read_bytes()
    chance = random.Random(7)
    found = 0
    for _ in range(12):
        data = bytearray(whole)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        store._checked = None
        findings = examine(store, repair=True)
        found += bool(findings)
        assert tables(store) == expected
    assert found > 3  # others hit unused space


def test_lines_that_could_not_be_read_are_listed_with_file_and_number(store: Store) -> None:
    fill(store)
    path = store.journal.path
    store.close()
    path.write_bytes(path.read_bytes().replace(b'"step":5', b'"step":6'))
    (finding,) = examine(store)
    assert finding.kind == "journal"
    assert finding.subject == f"{path.name}:8"
    assert finding.text == "this line could not be read: its checksum does not match"


def test_a_damaged_object_is_set_aside_and_found_in_a_backup(store: Store) -> None:
    sha256 = fill(store)
    make_backup(store)
    copies = list(store.layout.backups.rglob(sha256[2:]))
    good = copies[0].read_bytes()
    copies[0].unlink()  # a link to the same bytes; a backup elsewhere would be a copy
    copies[0].write_bytes(good)
    store.objects.path(sha256).write_bytes(b"rotten")

    (finding,) = examine(store)
    assert finding.kind == "object"
    assert finding.text == f"the object of artifact a.txt of run {RUN} is damaged"
    (mended,) = examine(store, repair=True)
    assert mended.repaired
    assert store.objects.read(sha256, "it") == good
    assert (store.layout.set_aside / "objects" / sha256).read_bytes() == b"rotten"
    assert examine(store) == []


def test_a_missing_object_without_a_copy_stays_a_finding(store: Store) -> None:
    sha256 = fill(store)
    store.objects.path(sha256).unlink()
    (finding,) = examine(store, repair=True)
    assert not finding.repaired
    assert finding.text.endswith("is missing; no backup has a good copy")


def test_orphans_are_counted(store: Store) -> None:
    fill(store)
    store.objects.put_bytes(b"nobody's")
    (finding,) = examine(store)
    assert finding.kind == "orphans"
    assert finding.text.startswith("1 objects that nothing refers to")


def test_wrong_summaries_are_made_anew(store: Store) -> None:
    fill(store)
    expected = tables(store)["latest"]
    with store.deciding() as decisions:
        decisions.database.execute("UPDATE latest SET value = 99, points = 3")
    (finding,) = examine(store)
    assert finding.kind == "summary"
    (mended,) = examine(store, repair=True)
    assert mended.repaired
    assert tables(store)["latest"] == expected
    assert examine(store) == []


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE summaries SET note = 'x'",
        "UPDATE runs SET name = 'x'",
        "INSERT INTO summaries (run_hash, run_id) VALUES (3, 'nobody')",
    ],
)
def test_stale_summaries_of_runs_are_made_anew(store: Store, edit: str) -> None:
    fill(store)
    with store.deciding() as decisions:
        decisions.database.execute(edit)
    (finding,) = examine(store)
    assert finding.text == "1 summaries of runs do not agree with what was recorded of them"
    assert not finding.repaired
    (mended,) = examine(store, repair=True)
    assert mended.repaired
    assert examine(store) == []


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE decisions SET record = replace(record, 'two', 'owt') WHERE number = 2",
        "DELETE FROM decisions WHERE number = 2",
        "UPDATE decisions SET hash = 'x' WHERE number = 2",
        "UPDATE decisions SET number = 9 WHERE number = 2",
    ],
)
def test_a_changed_audit_log_is_found_at_its_place(store: Store, edit: str) -> None:
    fill(store)
    for reason in ("one", "two", "three"):
        with store.deciding() as decisions:
            decisions.record(RunDeleted(run=RUN, reason=reason))
    with store.deciding() as decisions:
        decisions.database.execute(edit)
    (finding,) = [f for f in examine(store) if f.kind == "audit"]
    assert finding.subject in ("decision 2", "decision 3")
