"""The doctor: finds what is wrong with a project, and with `repair` mends it. It deletes nothing.

What is damaged is set aside. A database that cannot be opened is rebuilt from the newest backup
that verifies and the journals kept since; everything that was folded comes back from them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lite_mlops.errors import Damaged, LiteMlopsError
from lite_mlops.store.backup import newest_backup, read_everything, set_database_aside
from lite_mlops.store.clock import new_id, now, stamp
from lite_mlops.store.database import Unreadable, attached, is_engine_error
from lite_mlops.store.fold import chain_hash, first_hash, fold
from lite_mlops.store.intake import Place, list_journals, take_in
from lite_mlops.store.layout import Layout
from lite_mlops.store.migrations import migrate
from lite_mlops.store.objects import Objects
from lite_mlops.store.references import referrers
from lite_mlops.store.summaries import stale_summaries, sum_up_all

if TYPE_CHECKING:
    from lite_mlops.store.store import Store


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be."""

    kind: str
    subject: str
    text: str
    repairable: bool = False
    repaired: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON can hold it."""
        return dict(vars(self))


# -- the database -------------------------------------------------------------------------------


def _database_trouble(store: Store) -> str | None:
    """Return what is wrong with the database file, having read every block of it."""
    try:
        with store.alone("examining"):
            if not store.layout.database.exists():
                missing = f"{store.layout.database} is missing, although it was there before."
                return missing if store.layout.has_remains() else None
            with attached(store.layout.database, store.settings, read_only=True) as database:
                read_everything(database)
    except Unreadable as error:
        return str(error)
    except Exception as error:
        if isinstance(error, LiteMlopsError) or not is_engine_error(error):
            raise
        return f"{store.layout.database} is damaged ({str(error).splitlines()[0]})."
    return None


def rebuild(store: Store) -> str:
    """Set the database aside and make it anew; return from what."""
    layout = store.layout
    store.close()
    with store.alone("rebuilding"):
        aside = layout.set_aside / f"database-{stamp(now())}"
        aside.mkdir(mode=0o700, parents=True, exist_ok=True)
        backup = newest_backup(store)
        fresh = layout.tmp / f"rebuilt-{new_id()}.duckdb"
        if backup is not None:
            shutil.copyfile(Layout(backup.path).database, fresh)
        with attached(fresh, store.settings, create=backup is None) as database:
            migrate(database)
            folders = [layout.folded, layout.journal]
            journals = [path.name for folder in folders for path in list_journals(folder)]
            while True:
                rows = database.dicts("journal_places", names=journals)
                places = {row["name"]: Place.from_row(row) for row in rows}
                readings = take_in(folders, places, store.journal.writer)
                if not fold(database, readings, layout.tmp).more:
                    break
        set_database_aside(layout, aside, replacement=fresh)
    source = (
        "the journals" if backup is None else f"{backup.path.name} and {len(journals)} journals"
    )
    return f"rebuilt from {source}; the old file is in {aside.relative_to(layout.folder)}"


def _examine_database(store: Store, *, repair: bool) -> Iterator[Finding]:
    trouble = _database_trouble(store)
    if trouble is None:
        return
    finding = Finding("database", store.layout.database.name, trouble, repairable=True)
    if repair:
        how = rebuild(store)
        finding = replace(finding, text=f"{trouble} It was {how}.", repaired=True)
    yield finding


def _examine_summaries(store: Store, *, repair: bool) -> Iterator[Finding]:
    with store.reading() as database:
        wrong = database.value("wrong_summaries")
        stale = stale_summaries(database)
    if (wrong or stale) and repair:
        with store.deciding() as decisions, decisions.database.transaction():
            if wrong:
                decisions.database.run("summarise_anew")
            sum_up_all(decisions.database)
    if wrong:
        text = f"{wrong} summaries do not agree with the points they sum up"
        yield Finding("summary", "latest", text, repairable=True, repaired=repair)
    elif stale:
        text = f"{stale} summaries of runs do not agree with what was recorded of them"
        yield Finding("summary", "summaries", text, repairable=True, repaired=repair)


def _examine_audit(store: Store) -> Iterator[Finding]:
    with store.reading() as database:
        log = database.dicts("audit_log")
    previous = first_hash()
    for position, decision in enumerate(log, start=1):
        previous = chain_hash(previous, decision["record"])
        if decision["number"] != position or decision["hash"] != previous:
            text = "the audit log is not whole from here on: a decision is missing or was changed"
            yield Finding("audit", f"decision {decision['number']}", text)
            return


# -- journals -----------------------------------------------------------------------------------


def _examine_journals(store: Store) -> Iterator[Finding]:
    with store.reading() as database:
        problems = database.dicts("all_problems")
    for problem in problems:
        subject = problem["subject"] or "journal"
        if problem["line"] is not None:
            subject = f"{subject}:{problem['line']}"
        text = problem["detail"]
        if problem["kind"] == "journal":
            text = f"this line could not be read: {text}"
        yield Finding(problem["kind"], subject, text)


# -- objects ------------------------------------------------------------------------------------


def _mended(store: Store, sha256: str, backups: list[Objects], *, damaged: bool) -> bool:
    """Bring an object back from a backup that has it; return whether one had."""
    if damaged:
        store.objects.set_aside(sha256, store.layout.set_aside / "objects")
    for copies in backups:
        if copies.is_good(sha256):
            store.objects.put_bytes(copies.read(sha256, f"object {sha256}"))
            return True
    return False


def _examine_objects(store: Store, *, repair: bool) -> Iterator[Finding]:
    store.objects.packs.forget()  # what this process read of them may be damaged by now
    with store.reading() as database:
        known = referrers(database, store.objects)
    states = {sha256: store.objects.is_good(sha256) for sha256 in known}
    folders = sorted(store.layout.backups.glob("*Z"))
    backups = [Objects(Layout(folder).objects) for folder in folders]
    orphans = 0
    for sha256, _, _ in store.objects.all():
        if sha256 not in states:
            orphans += 1
            states[sha256] = store.objects.is_good(sha256)
    for sha256, state in states.items():
        if state is True:
            continue
        what = "missing" if state is None else "damaged"
        who = known.get(sha256, "nothing refers to it")
        repaired = repair and _mended(store, sha256, backups, damaged=state is False)
        text = f"the object of {who} is {what}" if sha256 in known else f"{what}, {who}"
        if repair and not repaired:
            text += "; no backup has a good copy"
        yield Finding("object", sha256, text, repairable=True, repaired=repaired)
    for name in store.objects.packs.damaged():
        if repair:
            store.objects.packs.set_aside(name, store.layout.set_aside / "objects")
        text = "the table of a pack is damaged; its chunks count as missing"
        yield Finding("pack", name, text, repairable=True, repaired=repair)
    if orphans:
        text = f"{orphans} objects that nothing refers to; `lite-mlops gc` frees them in time"
        yield Finding("orphans", "objects", text)


# -- all together -------------------------------------------------------------------------------


def examine(store: Store, *, repair: bool = False) -> list[Finding]:
    """Return everything that is wrong with a project; with `repair`, mend what can be mended.

    Raises:
        Busy: another process holds the project.
    """
    findings = list(_examine_database(store, repair=repair))
    if findings and not repair:
        return findings  # nothing else can be looked at without the database
    try:
        findings += _examine_journals(store)
        findings += _examine_summaries(store, repair=repair)
        findings += _examine_audit(store)
        findings += _examine_objects(store, repair=repair)
    except Damaged as error:
        findings.append(Finding("database", store.layout.database.name, str(error)))
    return findings
