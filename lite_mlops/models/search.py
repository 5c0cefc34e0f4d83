"""Searching versions, in the filter language of runs.

    page = project.models.search("metrics.auc > 0.9 AND alias = 'champion'", ["metrics.auc DESC"])
    page[0].name, page.to_pandas(), page.next_page_token

Metrics and params are those of the run that a version comes from, and those given with it. What the
attributes are is told in `ATTRIBUTES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lite_mlops.frames import Column
from lite_mlops.htmltext import html_table
from lite_mlops.models.versions import ModelVersion
from lite_mlops.store import Store
from lite_mlops.tracking.search import (
    SHOWN,
    Builder,
    Field,
    Kind,
    Page,
    Place,
    Question,
    Sorted,
    Statement,
    Subject,
    Value,
    checked_count,
    parse_filter,
    parse_orders,
    read_token,
    write_token,
)

ATTRIBUTES: dict[str, Kind] = {
    "model": "text",
    "version": "number",
    "alias": "text",  # of each alias that points to it
    "class": "text",
    "format": "text",
    "size": "number",  # bytes
    "run_id": "text",
    "actor": "text",
    "created": "time",
    "description": "text",
}
ALIASES = {
    "name": "model",
    "version_number": "version",
    "aliases": "alias",
    "class_name": "class",
    "run": "run_id",
    "user": "actor",
    "user_id": "actor",
    "creation_time": "created",
    "creation_timestamp": "created",
    "created_at": "created",
    "registered": "created",
}
VERSIONS = Subject("version", ATTRIBUTES, ALIASES)

_EXPRESSIONS = {
    "model": "r.model",
    "version": "r.version",
    "alias": "(SELECT min(a.alias) FROM aliases a"
    " WHERE a.model = r.model AND a.version = r.version)",
    "class": "r.class_name",
    "format": "r.format",
    "size": "r.size",
    "run_id": "r.run_id",
    "actor": "r.actor",
    "created": "r.created_at",
    "description": "(SELECT any_value(t.value) FROM version_tags t WHERE t.model = r.model"
    " AND t.version = r.version AND t.key = 'description')",
}
_ANY_ALIAS = (
    "(EXISTS (SELECT 1 FROM aliases a WHERE a.model = r.model AND a.version = r.version"
    " AND {test}))"
)
_PARTS = {
    "metrics": "SELECT run_hash, value FROM latest WHERE key = {key}",
    "params": "SELECT run_hash, value, number FROM params WHERE key = {key}",
    "tags": "SELECT model, version, value, try_cast(value AS DOUBLE) AS number FROM version_tags"
    " WHERE key = {key} AND value IS NOT NULL",
}
_STATEMENT = """
WITH present AS (
    SELECT v.*, md5_number_lower(v.run_id) AS run_hash
    FROM model_versions v LEFT JOIN version_removals x USING (model, version)
    WHERE x.removed IS NOT TRUE
),
found AS (SELECT r.model, r.version, {columns} FROM present r {joins} WHERE {tests})
SELECT * FROM found WHERE {beyond} ORDER BY {order} LIMIT {count:d}
"""


@dataclass(frozen=True)
class VersionQuestion(Question):
    """Which versions are asked for, and in which order; `experiments` and `deleted` say nothing."""

    @property
    def told(self) -> str:
        """All of it as a text."""
        return f"versions\n{super().told}"


class _VersionBuilder(Builder):
    """Reads metrics and params from the run, or from what was given with the version."""

    attributes = _EXPRESSIONS

    def of_versions(self, count: int, after: Place | None) -> Statement:
        """Return the statement; its rows are model and version, then their place."""
        self._paths = {
            field: self.bound("/" + field.key.replace("~", "~0").replace("/", "~1"))
            for field in self.alias
            if field.part != "tags"
        }
        joins = [self._join(field, alias) for field, alias in self.alias.items()]
        tests = "true" if self.question.filter is None else self.test(self.question.filter)
        keys = [key for order in self.question.orders for key in self.sorted_by(order)]
        keys += [
            Sorted("epoch_us(r.created_at)", descending=True),
            Sorted("r.model"),
            Sorted("r.version", descending=True),
        ]
        directions = [f"k{n}{' DESC' if key.descending else ''}" for n, key in enumerate(keys)]
        sql = _STATEMENT.format(
            columns=", ".join(f"{key.expression} AS k{n}" for n, key in enumerate(keys)),
            joins=" ".join(joins),
            tests=tests,
            beyond=self.beyond(keys, after),
            order=", ".join(directions),
            count=count,
        )
        return Statement(sql, tuple(self.values))

    def _join(self, field: Field, alias: str) -> str:
        part = _PARTS[field.part].format(key=self.bound(field.key))
        on = f"{alias}.run_hash = r.run_hash"
        if field.part == "tags":
            on = f"{alias}.model = r.model AND {alias}.version = r.version"
        return f"LEFT JOIN ({part}) {alias} ON {on}"

    def value_of(self, field: Field) -> str:
        """Return the expression of a metric, param or tag as it is."""
        if field.part == "tags":
            return super().value_of(field)
        given = f"json_extract_string(r.{field.part}, {self._paths[field]})"
        if field.part == "metrics":
            given = f"try_cast({given} AS DOUBLE)"
        return f"coalesce({given}, {self.alias[field]}.value)"

    def number_of(self, field: Field) -> str:
        """Return the expression of a param or tag as a number, null if it is none."""
        if field.part == "tags":
            return super().number_of(field)
        return f"try_cast({self.value_of(field)} AS DOUBLE)"

    def compared(self, field: Field, operator: str, value: Value) -> str:
        """Return the condition of one comparison; a version may have several aliases."""
        if field.part == "attributes" and field.key == "alias":
            return _ANY_ALIAS.format(test=f"a.alias {operator} {self.bound(value)}")
        return super().compared(field, operator, value)


class VersionPage(Page[ModelVersion]):
    """Versions in the order that was asked for."""

    def __repr__(self) -> str:
        return self.told("version", repr)

    def _repr_html_(self) -> str:
        rows = [
            [v.name, " ".join(v.aliases), f"{v.created_at:%Y-%m-%d %H:%M} UTC", v.run_id or ""]
            for v in self.items[:SHOWN]
        ]
        title = repr(self).splitlines()[0][1:-1]
        return html_table(title, ["version", "aliases", "registered", "run"], rows)

    def tabular(self) -> dict[str, Column]:
        """Return the table by columns: attributes, then params.*, metrics.* and tags.*."""
        versions = self.items
        found = {
            "model": Column("text", [v.model for v in versions]),
            "version": Column("whole", [v.version for v in versions]),
            "aliases": Column("text", [", ".join(v.aliases) for v in versions]),
            "class": Column("text", [v.class_name for v in versions]),
            "format": Column("text", [v.format for v in versions]),
            "size": Column("whole", [v.size for v in versions]),
            "run_id": Column("text", [v.run_id for v in versions]),
            "actor": Column("text", [v.actor for v in versions]),
            "created": Column("time", [v.created_at for v in versions]),
            "sha256": Column("text", [v.sha256 for v in versions]),
        }
        for key in sorted({key for v in versions for key in v.params}):
            found[f"params.{key}"] = Column("text", [v.params.get(key) for v in versions])
        for key in sorted({key for v in versions for key in v.metrics}):
            found[f"metrics.{key}"] = Column("number", [v.metrics.get(key) for v in versions])
        for key in sorted({key for v in versions for key in v.tags}):
            found[f"tags.{key}"] = Column("text", [v.tags.get(key) for v in versions])
        return found


def search_versions(
    store: Store,
    source: str | None,
    order_by: str | Sequence[str] | None,
    max_results: int,
    page_token: str | None,
) -> VersionPage:
    """Return the first versions that a filter finds; see `Models.search`."""
    question = VersionQuestion(
        parse_filter(source, VERSIONS), parse_orders(order_by, VERSIONS), None, deleted=False
    )
    count = checked_count(max_results)
    after = read_token(question, page_token)
    statement = _VersionBuilder(question).of_versions(count + 1, after)
    with store.reading() as database:
        database.execute(statement.sql, *statement.values)
        places = database.cursor.fetchall()
        names = [f"{model}/{version}" for model, version, *_ in places[:count]]
        rows = database.dicts("model_version_list", model=None, names=names, removed=False)
    versions = {version.name: version for version in map(ModelVersion.from_row, rows)}
    found = tuple(versions[name] for name in names)
    token = write_token(question, places[count - 1][2:]) if len(places) > count else None
    return VersionPage(found, token)
