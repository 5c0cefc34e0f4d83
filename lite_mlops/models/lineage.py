"""Lineage: what a version stands on, and what stands on it, as text, JSON and a picture.

    found = project.models.lineage("churn@champion")
    print(found.to_text())
    Path("lineage.svg").write_text(found.to_svg())

Upwards lie the data, the code and the run that it comes from; downwards what gates said of it, its
aliases, the processes that answer with it and what they answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from lite_mlops.models.aliases import AliasMove
from lite_mlops.models.gate_results import GateResult, gate_results, when
from lite_mlops.models.versions import ModelVersion
from lite_mlops.store import Database

Kind = Literal["data", "code", "run", "version", "gate", "alias", "process", "predictions"]
# From left to right in a picture, from top to bottom in a text.
LAYERS: tuple[tuple[Kind, ...], ...] = (
    ("data", "code"),
    ("run",),
    ("version",),
    ("gate",),
    ("alias", "process", "predictions"),
)
_HASH_DIGITS = 12


@dataclass(frozen=True)
class Node:
    """Something in a lineage; `id` names it everywhere else as well."""

    kind: Kind
    id: str
    facts: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the node as JSON can hold it."""
        return {"kind": self.kind, "id": self.id, "facts": dict(self.facts)}


@dataclass(frozen=True)
class Edge:
    """One thing that another stands on: `source` comes before `target`."""

    source: str
    target: str
    label: str


@dataclass(frozen=True)
class Lineage:
    """Everything around a version; `of` is the id of its node."""

    of: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def layers(self) -> list[list[Node]]:
        """Return the nodes by layer, what comes first first; empty layers are left out."""
        found = [[node for node in self.nodes if node.kind in kinds] for kinds in LAYERS]
        return [layer for layer in found if layer]

    def to_dict(self) -> dict[str, Any]:
        """Return the lineage as JSON can hold it."""
        return {
            "of": self.of,
            "nodes": [node.to_dict() for node in self.nodes],
            "edges": [dict(vars(edge)) for edge in self.edges],
        }

    def to_text(self) -> str:
        """Return a text of several lines: upwards, then the version, then downwards."""
        lines = []
        for layer in self.layers():
            for node in layer:
                mark = ">" if node.id == self.of else "-"
                facts = "; ".join(f"{name} {value}" for name, value in node.facts.items())
                lines.append(f"{mark} {node.kind} {node.id}" + (f"  ({facts})" if facts else ""))
                lines.extend(
                    f"    {edge.label} {edge.source}"
                    for edge in self.edges
                    if edge.target == node.id
                )
        return "\n".join(lines)

    def to_svg(self) -> str:
        """Return a picture that needs nothing from elsewhere."""
        from lite_mlops.charts import Box, diagram

        layers = [[Box(node.kind, node.id, node.facts) for node in one] for one in self.layers()]
        edges = [(edge.source, edge.target, edge.label) for edge in self.edges]
        return diagram(f"Lineage of {self.of}", layers, edges, own=self.of)

    def _repr_html_(self) -> str:
        return self.to_svg()


def _day(moment: datetime | None) -> str | None:
    return None if moment is None else when(moment.replace(tzinfo=UTC))


def _present(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value not in (None, "", 0)}


def lineage_of(database: Database, version: ModelVersion) -> Lineage:
    """Return the lineage of a version."""
    made_on = f"{version.created_at:%Y-%m-%d %H:%M} UTC"
    itself = Node("version", version.name, {"registered": made_on, "by": version.actor})
    above_nodes, above_edges = _above(database, version)
    below_nodes, below_edges = _below(database, version)
    nodes = (*above_nodes, itself, *below_nodes)
    return Lineage(version.name, nodes, (*above_edges, *below_edges))


def _above(database: Database, version: ModelVersion) -> tuple[list[Node], list[Edge]]:
    nodes, edges = [], []
    row = None
    if version.run_id is not None:
        row = database.one("run_in_lineage", run=version.run_id)
    holder = version.name if row is None else str(row["run_id"])
    for data in _data(database, version):
        nodes.append(data)
        edges.append(Edge(data.id, holder, data.facts["role"]))
    commit = version.code.get("commit")
    if commit:
        changed = "with uncommitted changes" if version.code.get("dirty") else None
        facts = {"branch": version.code.get("branch"), "state": changed}
        nodes.append(Node("code", str(commit)[:_HASH_DIGITS], _present(facts)))
        edges.append(Edge(nodes[-1].id, holder, "code"))
    if row is not None:
        facts = {
            "name": row["name"],
            "experiment": row["experiment"],
            "by": row["actor"],
            "started": _day(row["started_at"]),
            "parent": row["parent_id"],
        }
        nodes.append(Node("run", holder, _present(facts)))
        edges.append(Edge(holder, version.name, "trained by"))
        others = database.rows("versions_of_run", run=holder)
        for model, number in others:
            name = f"{model}/{number}"
            if name != version.name:
                nodes.append(Node("version", name, {}))
                edges.append(Edge(holder, name, "trained by"))
    return nodes, edges


def _data(database: Database, version: ModelVersion) -> Iterable[Node]:
    rows = database.dicts("data_in_lineage", run=version.run_id) if version.run_id else []
    if rows:
        for row in rows:
            facts = {"role": row["role"], "rows": row["row_count"], "from": row["path"]}
            yield Node("data", f"{row['name']}@{row['sha256'][:_HASH_DIGITS]}", _present(facts))
        return
    for reference, role in version.data.items():  # of a run that is not in this project
        name, _, sha256 = reference.rpartition("@")
        yield Node("data", f"{name}@{sha256[:_HASH_DIGITS]}", {"role": role})


def _below(database: Database, version: ModelVersion) -> tuple[list[Node], list[Edge]]:
    nodes, edges = [], []
    about = {"model": version.model, "version": version.version}
    let_in = {}
    for result in _gates(database, version):
        nodes.append(Node("gate", f"{result.gate} #{result.number}", _gate(result)))
        edges.append(Edge(version.name, nodes[-1].id, "judged by"))
        if result.moved_at is not None:
            how = "let in by" if result.overridden is None else "let in past"
            let_in[result.target] = (nodes[-1].id, how)
    for row in database.dicts("aliases_in_lineage", **about):
        facts = {"since": _day(row["moved_at"]), "by": row["actor"], "because": row["reason"]}
        nodes.append(Node("alias", f"{version.model}@{row['alias']}", _present(facts)))
        edges.append(Edge(version.name, nodes[-1].id, "called"))
        if nodes[-1].id in let_in:
            gate, how = let_in[nodes[-1].id]
            edges.append(Edge(gate, nodes[-1].id, how))
    for pid, program in database.rows("serving_writers", **about):
        nodes.append(Node("process", str(pid), _present({"program": program})))
        edges.append(Edge(version.name, nodes[-1].id, "answers in"))
    use = database.one("use_in_lineage", **about)
    if use is not None and use["predictions"]:
        facts = {
            "labelled": use["labelled"],
            "first": _day(use["first_at"]),
            "last": _day(use["last_at"]),
        }
        nodes.append(Node("predictions", f"{use['predictions']:,}", _present(facts)))
        edges.append(Edge(version.name, nodes[-1].id, "answered"))
    return nodes, edges


def _gates(database: Database, version: ModelVersion) -> tuple[GateResult, ...]:
    if not version.version:
        return ()
    rows = database.dicts("alias_moves", model=version.model, alias=None)
    return gate_results(database, version, map(AliasMove.from_row, rows))


def _gate(result: GateResult) -> dict[str, Any]:
    facts = {
        "result": result.result,
        "keeps": result.target,
        "found": result.found,
        "against": result.against,
        "on": result.judged_on,
        "judged": None if result.judged_at is None else when(result.judged_at),
        "by": result.judged_by,
        "approved by": ", ".join(actor for actor, _ in result.approvals),
        "past": result.overridden,
        "moved by": result.moved_by,
        "because": result.reason,
    }
    return _present(facts)
