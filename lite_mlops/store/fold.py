"""Folding: what the journals hold becomes rows of the database, in one transaction.

The place up to which each journal was read is recorded in the same transaction, so that a crash at
any point neither loses nor doubles an event.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from lite_mlops.store.clock import new_id
from lite_mlops.store.database import Database, NotWritten
from lite_mlops.store.events import FOLD_ORDER, KINDS, Decision, columns
from lite_mlops.store.intake import Reading
from lite_mlops.store.summaries import sum_up, sum_up_all

# Statements that follow when one of the kinds was folded.
_FOLLOWED_BY = {
    "run_resumed": {"run_started"},
    "summarise_metrics": {"metric", "metrics"},
    "settle_labels": {"feedback", "labels"},
    "remove_purged": {"run_purged"},
}


@dataclass(frozen=True)
class Folded:
    """What one fold did."""

    events: int
    damages: int
    crashed: int
    finished: tuple[Path, ...]  # journals that are read to their end and whose writers are gone
    more: bool


class _Rare(NamedTuple):
    """What a fold has to look after only in some projects, asked for in one query."""

    purged: bool  # there are purged runs, whose late events are left out
    crashed: bool  # there are crashed runs, whose end may have to be found again
    unknown: list[str] | None  # lines that an older version could not fold and this one can
    unsummed: bool  # an older version folded the runs, and summed them up otherwise or not


_OTHER_KIND = re.compile(rb',"k":"(?!metric")(\w+)"')


def _kinds(lines: bytes) -> set[str]:
    """Return the kinds of events that may be among these lines; nearly all are metrics."""
    return {"metric", *(kind.decode() for kind in set(_OTHER_KIND.findall(lines)))}


@cache
def _stage_sql(kinds: frozenset[str]) -> str:
    """Return what stages the columns of these kinds, and empty ones of those they are read with."""
    wanted = columns(kinds)
    beside = columns(set().union(*(after for after in _FOLLOWED_BY.values() if after & kinds)))
    types = ", ".join(f"{name}: '{sql_type}'" for name, sql_type in wanted.items())
    options = f"format = 'newline_delimited', ignore_errors = true, columns = {{{types}}}"
    empty = [f"NULL::{kind} AS {name}" for name, kind in beside.items() if name not in wanted]
    selected = ", ".join(["*", *empty])
    # Only names of fields and types of this package, never anything from outside.
    return f"CREATE OR REPLACE TEMP TABLE staged AS SELECT {selected} FROM read_json(?, {options})"  # noqa: S608


def _stage(
    database: Database, readings: Sequence[Reading], waiting: Sequence[str], folder: Path
) -> bool:
    """Bring the proved lines into the temporary table `staged`; return whether there are any."""
    if not waiting and not any(reading.good for reading in readings):
        return False
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"stage-{new_id()}.ndjson"
    try:
        with path.open("wb") as file:
            for reading in readings:
                file.write(reading.good)
            for line in waiting:
                file.write(line.encode() + b"\n")
        kinds = set().union(*(_kinds(reading.good) for reading in readings))
        kinds.update(*(_kinds(line.encode()) for line in waiting))
        database.execute(_stage_sql(frozenset(kinds & set(KINDS))), str(path))
    except OSError as error:
        raise NotWritten(
            f"{folder} cannot be written to ({error.strerror}). What is logged stays in the "
            "journal; make space and try again."
        ) from error
    finally:
        path.unlink(missing_ok=True)
    return True


def first_hash() -> str:
    """Return what the first decision is chained to."""
    return "0" * 64


def chain_hash(previous: str, record: str) -> str:
    """Return the SHA-256 that chains a decision's record to the hash of the decision before."""
    return hashlib.sha256(f"{previous}\n{record}".encode()).hexdigest()


@cache
def _json_fields() -> frozenset[str]:
    """Return the fields that the database hands over as JSON."""
    return frozenset(name for name, sql_type in columns().items() if sql_type == "JSON")


def _record(row: dict[str, Any]) -> str:
    """Return a decision as canonical JSON: known fields only, sorted, nothing empty."""
    fields = {name: value for name, value in row.items() if value is not None and name != "n"}
    for name in _json_fields() & fields.keys():
        fields[name] = json.loads(fields[name])
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _chain_decisions(database: Database) -> None:
    """Add the staged decisions to the audit log and chain those without a gap before them."""
    head = database.dicts("audit_head")[0]
    number, previous = head["number"] or 0, head["hash"] or first_hash()
    apart = head["unchained"] > 0  # else what follows the head is new, and is chained at once
    for row in database.dicts("staged_decisions"):
        record, digest = _record(row), None
        if not apart and row["decision"] == number + 1:
            number, digest = number + 1, chain_hash(previous, record)
            previous = digest
        apart = apart or digest is None
        database.run(
            "add_decision",
            number=row["decision"],
            ts=row["ts"],
            actor=row["actor"],
            kind=row["k"],
            record=record,
            hash=digest,
        )
    for next_number, record in database.rows("unchained_decisions") if apart else ():
        if next_number != number + 1:
            break  # a journal that is folded later holds the one in between
        number, previous = next_number, chain_hash(previous, record)
        database.run("chain_decision", number=number, hash=previous)


def _apply_renamings(database: Database) -> None:
    database.run("forget_renamings")
    for experiment, name in database.rows("renamings"):
        database.run("apply_renaming", experiment=experiment, name=name)


def _keep_unknown(database: Database, readings: Sequence[Reading]) -> None:
    """Keep the lines of kinds that only a newer version knows, for that version."""
    for reading in readings:
        for line in reading.good.splitlines():
            kind = json.loads(line)["k"]
            if kind not in KINDS:
                database.run("keep_unknown", kind=kind, line=line.decode())


def _statements_for(kinds: set[str]) -> list[str]:
    """Return the statements that fold these kinds of events, in their order."""
    wanted = kinds | {name for name, after in _FOLLOWED_BY.items() if after & kinds}
    after = ("summarise_metrics", "settle_labels", "remove_purged")
    order = [*(event.kind for event in FOLD_ORDER), *after]
    return [name for name in order if name in wanted]


def _prepare(
    database: Database, counts: dict[str, int], readings: Sequence[Reading], rare: _Rare
) -> None:
    """Take out of `staged` what is not to be applied, and bring the audit log up to date."""
    if rare.unknown:
        database.run("drop_now_known", known=list(KINDS))
    if set(counts) - set(KINDS):
        _keep_unknown(database, readings)
    if any(issubclass(KINDS[kind], Decision) for kind in counts if kind in KINDS):
        _chain_decisions(database)
    if "run_started" in counts:
        database.run("note_experiments")
    if rare.purged:  # only now: a decision about a purged run stays in the audit log
        database.run("leave_out_purged")


def _apply(database: Database, readings: Sequence[Reading], rare: _Rare) -> dict[str, int]:
    """Apply all staged events, kind by kind; return how many there were of each."""
    counts = dict(database.rows("staged_kinds"))
    if unreadable := counts.pop(None, 0):
        database.run("add_unreadable", count=unreadable)
    _prepare(database, counts, readings, rare)
    for statement in _statements_for(set(counts)):
        database.run(statement)
    if {"experiment_renamed", "run_started"} & set(counts):
        _apply_renamings(database)
    if rare.crashed:
        database.run("reopen_crash_dates")
    return counts


def _record_places(database: Database, readings: Sequence[Reading]) -> int:
    """Record how far each journal was read and what was damaged; return the number of damages."""
    database.run(
        "journals_read",
        names=[reading.path.name for reading in readings],
        writers=[reading.writer for reading in readings],
        pids=[reading.opened.get("pid") for reading in readings],
        hosts=[reading.opened.get("host") for reading in readings],
        programs=[reading.opened.get("program") for reading in readings],
        pos=[reading.place.pos for reading in readings],
        lines=[reading.place.lines for reading in readings],
        numbers=[reading.place.chain[0] for reading in readings],
        checksums=[reading.place.chain[1].decode() for reading in readings],
        closed=[reading.place.closed for reading in readings],
    )
    damages = [(r.path.name, damage) for r in readings for damage in r.damages]
    if damages:
        database.run(
            "add_damages",
            names=[name for name, _ in damages],
            lines=[damage.line for _, damage in damages],
            details=[damage.reason for _, damage in damages],
        )
    return len(damages)


def _end_crashed(database: Database, readings: Sequence[Reading], rare: _Rare) -> list[str]:
    """End the runs whose writers died; return their ids."""
    alive = {reading.writer for reading in readings if not reading.place.closed}
    dead = {reading.writer for reading in readings} - alive
    crashed = database.rows("end_crashed_runs", dead=sorted(dead)) if dead else []
    if crashed or rare.crashed:
        database.run("date_crashed_runs")
    return [run_id for (run_id,) in crashed]


def fold(database: Database, readings: Sequence[Reading], stage_folder: Path) -> Folded:
    """Apply what was taken in to the attached database, all of it or nothing."""
    rare = _Rare(*database.rows("rare_rows", known=list(KINDS))[0])
    staged = _stage(database, readings, rare.unknown or [], stage_folder)
    try:
        with database.transaction():
            counts = _apply(database, readings, rare) if staged else {}
            damages = _record_places(database, readings)
            crashed = _end_crashed(database, readings, rare)
            if rare.unsummed:
                sum_up_all(database)
            else:
                sum_up(database, set(counts), crashed)
    finally:
        if staged:
            database.execute("DROP TABLE staged")
    return Folded(
        events=sum(counts.values()),
        damages=damages,
        crashed=len(crashed),
        finished=tuple(r.path for r in readings if r.place.closed),
        more=any(reading.more for reading in readings),
    )
