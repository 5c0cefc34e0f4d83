"""SQL statements by name, from the `.sql` files beside this module.

A file holds statements like this one, grouped by concept; the line after the name says what it is:

    -- name: run_params
    -- The params of one run, by key.
    SELECT key, value FROM params WHERE run_id = $run ORDER BY key;
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

SQL = Path(__file__).with_name("sql")

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_COMMENT = re.compile(r"^--.*\n", re.MULTILINE)
_PARAMETER = re.compile(r"\$([a-z_]+)\b")


def _encodable(value: object) -> object:
    """Return a value without the halves of surrogate pairs, which no encoding has."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    return [_encodable(item) for item in value] if isinstance(value, list) else value


class Part(NamedTuple):
    """One SQL command of a statement, and the names of the parameters it takes."""

    sql: str
    parameters: tuple[str, ...]

    def arguments(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return those of `values` that this command takes."""
        return {name: _encodable(values[name]) for name in self.parameters}


def parse(text: str) -> dict[str, tuple[Part, ...]]:
    """Return the statements of one file, each as its commands."""
    _, *pieces = _NAME.split(text)
    found: dict[str, tuple[Part, ...]] = {}
    for name, body in zip(pieces[::2], pieces[1::2], strict=True):
        if name in found:
            raise ValueError(f"the statement {name} stands twice")
        commands = _COMMENT.sub("", body).split(";\n")
        found[name] = tuple(
            Part(sql.strip(), tuple(dict.fromkeys(_PARAMETER.findall(sql))))
            for sql in commands
            if sql.strip()
        )
    return found


@cache
def statements() -> dict[str, tuple[Part, ...]]:
    """Return all statements of the package by name."""
    found: dict[str, tuple[Part, ...]] = {}
    for file in sorted(SQL.glob("*.sql")):
        for name, parts in parse(file.read_text(encoding="utf-8")).items():
            if name in found:
                raise ValueError(f"the statement {name} stands in two files")
            found[name] = parts
    return found
