"""What a card says, section by section, before it is Markdown or HTML. Pure functions.

    for section in sections(facts):
        section.title, section.blocks

So both forms say the same, and each has only to know how paragraphs, facts, tables, pictures and
code are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lite_mlops.documents import (
    NOT_RECORDED,
    NOT_STATED,
    Block,
    Code,
    Grid,
    Heading,
    Pairs,
    Prose,
    Remark,
    Section,
)
from lite_mlops.models.aliases import AliasMove
from lite_mlops.models.cards import calling
from lite_mlops.models.cards.facts import CardFacts, InputFact, MetricFact
from lite_mlops.models.cards.profiles import data_blocks
from lite_mlops.models.cards.wording import (
    moment,
    number,
    seconds,
    size,
    span,
)
from lite_mlops.models.gate_results import GateResult


def sections(facts: CardFacts) -> tuple[Section, ...]:
    """Return the sections of a card in their order."""
    parts = {
        "Version": _version,
        "Use": _use,
        "Metrics": _metrics,
        "Slices": _slices,
        "Data": data_blocks,
        "Training": _training,
        "Signature": _signature,
        "Gates": _gates,
        "Aliases": _aliases,
        "Environment": _environment,
        "How to call it": _calling,
        "About this card": _about,
    }
    return tuple(Section(title, tuple(part(facts))) for title, part in parts.items())


def _version(facts: CardFacts) -> Iterator[Block]:
    pairs = {
        "version": facts.name,
        "aliases": ", ".join(f"@{alias}" for alias in facts.aliases) or "none",
        "registered": f"{moment(facts.created_at)} by {facts.actor}",
        "reason": facts.reason or NOT_STATED,
        "class": facts.class_name or NOT_RECORDED,
        "file": f"{facts.format}, {size(facts.size)}",
        "SHA-256": facts.sha256,
    }
    if facts.removed_at is not None:
        pairs["removed"] = moment(facts.removed_at)
    yield Pairs(pairs | {f"tag {key}": text for key, text in facts.tags.items()})
    if facts.members:
        rows = tuple((name, size(count), sha) for name, (sha, count) in facts.members.items())
        yield Grid("Further files", ("file", "size", "SHA-256"), rows, right=("size",))


def _use(facts: CardFacts) -> Iterator[Block]:
    for stated in facts.stated:
        yield Heading(stated.title)
        yield Prose(stated.text)


# -- metrics ------------------------------------------------------------------------------------


def _interval(metric: MetricFact) -> str:
    if metric.low is None or metric.high is None or metric.confidence is None:
        return metric.without or ""
    return f"{span(metric.low, metric.high)} ({metric.confidence:.0%})"


def _metrics(facts: CardFacts) -> Iterator[Block]:
    if facts.metrics:
        rows = tuple((m.name, number(m.value), _interval(m)) for m in facts.metrics)
        yield Grid("Logged metrics", ("metric", "value", "interval"), rows, right=("value",))
    else:
        yield Remark("No metrics were recorded.")
    if facts.evaluations:
        yield Heading("On the rows of kept evaluations")
        yield Grid(
            "Metrics of kept evaluations",
            ("evaluation", "metric", "value", "interval", "rows"),
            tuple(
                (str(m.evaluation), m.name, number(m.value), _interval(m), f"{m.rows or 0:,}")
                for m in facts.evaluations
            ),
            right=("value", "rows"),
        )
        yield Remark("Intervals are those of the percentile bootstrap of the rows.")
    for problem in facts.unread:
        yield Remark(f"An evaluation could not be used: {problem}")


def _slices(facts: CardFacts) -> Iterator[Block]:
    if not facts.slices:
        yield Remark("No metrics of groups of rows were recorded.")
        return
    rows = tuple((str(m.group), m.name, number(m.value), _interval(m)) for m in facts.slices)
    yield Grid("Slices", ("group", "metric", "value", "interval"), rows, right=("value",))


# -- training -----------------------------------------------------------------------------------


def _training(facts: CardFacts) -> Iterator[Block]:
    run = facts.run
    if facts.run_id is None:
        yield Remark("It was registered without a run.")
    elif run is None:
        yield Remark(f"Run {facts.run_id} is not recorded here; what follows was kept.")
    else:
        pairs = {
            "run": f"{run.name} ({run.id})",
            "experiment": run.experiment,
            "by": run.actor,
            "started": moment(run.started_at),
            "took": seconds(run.seconds),
            "status": run.status,
        }
        yield Pairs(pairs | ({"note": run.note} if run.note else {}))
    yield Heading("Code")
    yield Pairs(_code(facts))
    yield Heading("Parameters")
    if facts.params:
        yield Grid("Parameters", ("parameter", "value"), tuple(facts.params.items()))
    else:
        yield Remark("No parameters were recorded.")


def _code(facts: CardFacts) -> dict[str, str]:
    code = facts.code
    if not code.get("commit"):
        found = {"commit": NOT_RECORDED}
    else:
        changes = "there were some" if code.get("dirty") else "none of tracked files"
        found = {"commit": str(code["commit"]), "uncommitted changes": changes}
    names = ("branch", "remote")
    found |= {name: str(code[name]) for name in names if code.get(name)}
    if code.get("argv"):
        found["command"] = " ".join(map(str, code["argv"]))
    return found


# -- what it takes, and what was decided --------------------------------------------------------


def _signature(facts: CardFacts) -> Iterator[Block]:
    yield Heading("Inputs")
    if facts.inputs:
        yield _columns("Inputs", facts.inputs)
    else:
        yield Remark(f"Inputs: {NOT_RECORDED}.")
    yield Heading("Outputs")
    if facts.outputs:
        yield _columns("Outputs", facts.outputs)
    else:
        yield Remark(f"Outputs: {NOT_RECORDED}.")


def _columns(title: str, columns: Iterable[InputFact]) -> Grid:
    allowed = {None: NOT_RECORDED, True: "allowed", False: "refused"}
    rows = tuple(
        (
            column.name,
            column.type,
            ", ".join(column.categories) or span(column.low, column.high) or NOT_RECORDED,
            allowed[column.missing],
        )
        for column in columns
    )
    if all(row[-1] == NOT_RECORDED for row in rows):
        return Grid(title, ("name", "type", "values"), tuple(row[:-1] for row in rows))
    return Grid(title, ("name", "type", "values", "missing"), rows)


def _gates(facts: CardFacts) -> Iterator[Block]:
    if not facts.gates:
        yield Remark("No gate was run.")
        return
    for gate in facts.gates:
        yield Heading(f"{gate.gate}: {gate.result}")
        yield Pairs(_gate(gate))
        if gate.checks:
            yield Grid(f"Checks of {gate.gate}", ("check", "outcome", "why"), gate.checks)


def _gate(gate: GateResult) -> dict[str, str]:
    pairs = {"keeps": gate.target, "outcome": gate.outcome}
    if gate.judged_at is not None:
        pairs |= {
            "found": gate.found or "no checks",
            "against": gate.against or "nothing, there was no version",
            "data": gate.judged_on or "none",
            "judged": f"{moment(gate.judged_at)} by {gate.judged_by}",
        }
    given = [f"{actor} ({moment(time)})" for actor, time in gate.approvals]
    pairs["approved by"] = ", ".join(given) or "nobody"
    if gate.moved_at is None:
        pairs["let in"] = "no"
    elif gate.overridden is None:
        pairs["let in"] = f"{moment(gate.moved_at)} by {gate.moved_by}"
    else:
        pairs["overridden"] = f"{moment(gate.moved_at)} by {gate.moved_by}"
        pairs["what stood against it"] = gate.overridden
    if gate.moved_at is not None:
        pairs["reason"] = gate.reason or NOT_STATED
    return pairs


def _aliases(facts: CardFacts) -> Iterator[Block]:
    if not facts.moves:
        yield Remark("No alias ever pointed to this version.")
        return
    head = ("alias", "from", "to", "moved", "by", "reason", "evidence")
    rows = tuple(map(_move_row, facts.moves))
    yield Grid("Moves of aliases", head, rows, right=("from", "to"))


def _move_row(move: AliasMove) -> tuple[str, ...]:
    reason = move.reason or NOT_STATED
    return (
        f"@{move.alias}",
        "none" if move.previous is None else str(move.previous),
        "none" if move.version is None else str(move.version),
        moment(move.moved_at),
        move.actor,
        f"{move.how}: {reason}" if move.how else reason,
        "none" if move.evidence is None else calling.json_line(move.evidence),
    )


def _environment(facts: CardFacts) -> Iterator[Block]:
    if facts.requirements:
        rows = tuple(facts.requirements.items())
        yield Grid("Requirements", ("package", "version"), rows)
    else:
        yield Remark(f"Requirements: {NOT_RECORDED}.")
    if facts.run is not None and facts.run.system:
        yield Heading("Where it was trained")
        yield Pairs(facts.run.system)
    yield Heading("What its file may import beyond the shipped list")
    if facts.trusted:
        yield Grid("Trusted names", ("name",), tuple((name,) for name in facts.trusted))
    else:
        yield Remark("Nothing.")


def _calling(facts: CardFacts) -> Iterator[Block]:
    yield Heading("Python")
    yield Code("python", calling.in_python(facts))
    yield Heading("Command line")
    yield Code("sh", calling.on_the_command_line(facts))
    yield Heading("HTTP")
    yield Code("sh", calling.over_http(facts))
    body = calling.request_body(facts)
    if body is None:
        yield Remark("No input example was kept; /schema tells what it takes.")
    else:
        yield Remark("The body of the request, made of the kept input example:")
        yield Code("json", body)


def _about(facts: CardFacts) -> Iterator[Block]:
    yield Remark(
        f"Made by {facts.made_by} of what is recorded. Hashes and sizes can be checked against the "
        "bytes; all else is the word of who recorded or stated it."
    )
