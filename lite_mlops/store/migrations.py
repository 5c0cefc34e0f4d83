"""The schema, as an ordered list of named steps; each step and its record share one transaction.

A released file in `sql/migrations` never changes again. To change the schema, add the next number.
"""

from __future__ import annotations

from functools import cache

from lite_mlops.errors import Conflict
from lite_mlops.store.database import Database
from lite_mlops.store.statements import SQL


@cache
def steps() -> dict[str, str]:
    """Return all steps in their order: name -> SQL."""
    files = sorted((SQL / "migrations").glob("*.sql"))
    return {file.stem: file.read_text(encoding="utf-8") for file in files}


def applied(database: Database) -> list[str]:
    """Return the names of the steps that this database has, in their order."""
    if database.value("has_migrations") == 0:
        return []
    return [name for (name,) in database.rows("applied_migrations")]


def pending(database: Database) -> list[str]:
    """Return the names of the steps that this database still lacks.

    Raises:
        Conflict: the database has a step that this version does not know.
    """
    done = applied(database)
    if unknown := [name for name in done if name not in steps()]:
        raise Conflict(
            f"This project was written by a newer version of lite-mlops (schema {unknown[-1]}; "
            f"this version knows up to {list(steps())[-1]}). Install that version or a newer one; "
            "the project was left as it is."
        )
    return [name for name in steps() if name not in done]


def migrate(database: Database) -> list[str]:
    """Apply all pending steps, each in a transaction of its own; return their names."""
    names = pending(database)
    for name in names:
        with database.transaction():
            if database.value("has_migrations") == 0:
                database.run("create_migrations")
            database.execute(steps()[name])
            database.run("record_migration", name=name)
    return names
