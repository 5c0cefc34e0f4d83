"""Migrations: from every released schema to the present one, whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from lite_mlops.errors import Conflict
from lite_mlops.settings import Settings
from lite_mlops.store import Store, migrations
from lite_mlops.store.database import Database, attached
from lite_mlops.store.summaries import stale_summaries
from tests.store.test_backup import fill, tables

SETTINGS = Settings()

# Released steps never change again: their hashes are written down here when they are released.
RELEASED = {
    "0001_ground_floor": "443fd8b782fbfe5197f1d703e7026a47392b3e80bf0106623bec31f5314d8288",
    "0002_data_versions": "29686ac53f9f9453b04bfc909661605cefe9aafddf28863dbd82d37f4c707784",
    "0003_search": "59512fb676a7d3aacc4eb6697c93239509c0209215781faaa9d715d76ee3381a",
    "0004_expectations": "c26fb126e637687934899b2be79272e974202e3eb110a2877d45ab7210533bb8",
    "0005_registry": "3013c88fd959cbdb04e52505aab8974d34c187a069a6cc5a99db7f2796af2b80",
    "0006_summaries": "4925f702048d4b4cc25cc7993b1863351b3d21e69711c4d53096a0210be947d0",
    "0007_serving": "cb9757c33358fb66f7ad2f57c5599223c48bb17d2a17c2b1019da840c553652a",
    "0008_plans": "2b9225eea88ed86cbbb6313960e4cad42c2645db5949f2bcb4fa64afb2ad805c",
    "0009_endpoints": "0fed84224eb2fc4e6734bc27d9acbc546fd84c1469afb8065a63e9af4b563e5c",
    "0010_summary_columns": "781c41925b2d243ef1c03af18a50c0186fdbc405c41161d483fb9cc005e967a6",
    "0011_labels": "26826969a4028e0364e927c46935eb102f0139dd524f25789a7f177162d94bfc",
    "0012_monitors": "a0d2524b473bc497998ea0b87af414d4e80e4d434ca0a7731f9431cffd5b8d29",
    "0013_pipelines": "1be88e89c90ad3cf4fe2f0675fae9355763c89c0d002b6cff10f639badd29e0d",
    "0014_gates": "a114999292627d091d78fc9666c3a0d305cf625ea37cb224fe88c68f0d6ba22f",
    "0015_loops": "56ef6661d77a441eb2abc2f357cb2eac7d4f18fc56c6d05f84a9f2a8744e2c65",
    "0016_requests": "7459fe4e8f3d45d594c2fc3788294138d3fceee5bd7e86dd4169045375511c32",
}


def structure(database: Database) -> list[tuple[str, ...]]:
    """All columns of all tables with their types."""
    database.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = 'project' ORDER BY ALL"
    )
    return database.cursor.fetchall()


def create(path: Path, upto: int) -> None:
    """Make a database as the version with the first `upto` steps made it."""
    names = list(migrations.steps())[:upto]
    with attached(path, SETTINGS, create=True) as database:
        database.run("create_migrations")
        for name in names:
            database.execute(migrations.steps()[name])
            database.run("record_migration", name=name)


@pytest.mark.parametrize(("name", "digest"), RELEASED.items())
def test_released_steps_are_unchanged(name: str, digest: str) -> None:
    folder = resources.files("lite_mlops.store").joinpath("sql", "migrations")
    content = folder.joinpath(f"{name}.sql").read_bytes()
    assert hashlib.sha256(content).hexdigest() == digest


@pytest.mark.parametrize("upto", range(1, len(migrations.steps()) + 1))
def test_every_schema_becomes_the_present_one(store: Store, upto: int) -> None:
    store.layout.make()
    create(store.layout.database, upto)
    fill(store)
    assert len(tables(store)["runs"]) == 1
    fresh = store.layout.tmp / "fresh.duckdb"
    with attached(fresh, SETTINGS, create=True) as database:
        migrations.migrate(database)
        expected = structure(database)
    with store.reading() as database:
        assert structure(database) == expected
        assert migrations.applied(database) == list(migrations.steps())
        assert migrations.pending(database) == []


def test_runs_that_are_here_already_get_their_summaries(store: Store) -> None:
    store.layout.make()
    create(store.layout.database, list(migrations.steps()).index("0006_summaries"))
    with attached(store.layout.database, SETTINGS) as database:
        database.execute(
            "INSERT INTO runs (run_id, run_hash, name, experiment, started_at, status) "
            "SELECT 'r' || i, i, 'n', 'e', now()::TIMESTAMP, if(i < 2, 'failed', 'running') "
            "FROM range(3) t(i)"
        )
        database.execute("INSERT INTO params VALUES ('r1', 'a\"b', 'it''s', NULL, NULL, 1)")
        database.execute(
            "INSERT INTO latest SELECT 'r1', key, 5, now()::TIMESTAMP, value, value, value, 1, "
            "now()::TIMESTAMP, 1 FROM (VALUES ('k', 0.1), ('j', 'nan'::DOUBLE)) t(key, value)"
        )
        database.execute(
            "INSERT INTO tags VALUES ('r1', 't', 'x', NULL, 1), ('r1', 'u', NULL, NULL, 1)"
        )
    store.fold()
    with store.reading() as database:
        database.execute("SELECT run_id, params, tags, metrics IS NULL FROM summaries")
        assert sorted(database.cursor.fetchall()) == [
            ("r0", None, None, True),
            ("r1", '"a\\"b":"it\'s"', '"t":"x"', False),
        ]
        assert stale_summaries(database) == 0


def test_runs_that_are_summed_up_already_get_columns(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lite_mlops.store.summaries.MANY", 2)
    store.layout.make()
    create(store.layout.database, list(migrations.steps()).index("0010_summary_columns"))
    with attached(store.layout.database, SETTINGS) as database:
        database.execute(
            "INSERT INTO runs (run_id, run_hash, name, experiment, started_at, status) "
            "SELECT 'r' || i, i, 'n', 'e', now()::TIMESTAMP, 'finished' FROM range(3) t(i)"
        )
        database.execute("INSERT INTO params VALUES ('r1', 'k', '2', 2, NULL, 1)")
        database.execute(
            "INSERT INTO summaries (run_hash, run_id, name, experiment, started_at, status) "
            "SELECT run_hash, run_id, name, experiment, started_at, status FROM runs"
        )
    store.fold()
    with store.reading() as database:
        database.execute("SELECT run_id, c0, c0_number FROM summaries WHERE c0 IS NOT NULL")
        assert database.cursor.fetchall() == [("r1", "2", 2.0)]
        assert stale_summaries(database) == 0


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Adds a step, as the next version would."""

    def add(sql: str) -> None:
        steps = dict(migrations.steps()) | {"9999_next": sql}
        monkeypatch.setattr(migrations, "steps", lambda: steps)

    return add


def test_a_copy_is_made_before_a_migration(
    store: Store, open_store: Callable[..., Store], next_version: Callable[[str], None]
) -> None:
    fill(store)
    before = tables(store)
    next_version("ALTER TABLE runs ADD COLUMN color VARCHAR")
    newer = open_store()
    with newer.reading() as database:
        assert database.cursor.execute("SELECT color FROM runs").fetchall() == [(None,)]
    copy = newer.layout.backups / "before-9999_next.duckdb"
    with attached(copy, SETTINGS, read_only=True) as database:
        assert database.rows("row_counts")[0][0] == len(before["metrics"])


def test_a_migration_that_fails_changes_nothing(
    store: Store, open_store: Callable[..., Store], next_version: Callable[[str], None]
) -> None:
    fill(store)
    before = tables(store)
    next_version("ALTER TABLE runs ADD COLUMN color VARCHAR; SELECT * FROM nowhere")
    with pytest.raises(Exception, match="nowhere"):
        tables(open_store())
    assert tables(store) == before


def test_a_newer_project_is_refused_and_left_alone(
    store: Store,
    open_store: Callable[..., Store],
    next_version: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(store)
    next_version("ALTER TABLE runs ADD COLUMN color VARCHAR")
    tables(open_store())
    monkeypatch.undo()
    content = store.layout.database.read_bytes()
    with pytest.raises(Conflict, match=r"newer version of lite-mlops \(schema 9999_next"):
        tables(open_store())
    assert store.layout.database.read_bytes() == content


def test_reading_the_steps_changes_nothing(store: Store) -> None:
    store.layout.make()
    create(store.layout.database, 1)
    content = store.layout.database.read_bytes()
    with attached(store.layout.database, SETTINGS, read_only=True) as database:
        migrations.applied(database)
        migrations.pending(database)
    assert store.layout.database.read_bytes() == content
