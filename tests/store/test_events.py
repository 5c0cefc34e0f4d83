"""Events: each has its statement, and every column a statement reads is a field of an event."""

from __future__ import annotations

import json
import re

import pytest

from lite_mlops.errors import Invalid
from lite_mlops.store.events import (
    FOLD_ORDER,
    KINDS,
    MAX_LINE,
    Decision,
    Event,
    Metric,
    Note,
    columns,
)
from lite_mlops.store.statements import parse, statements


def all_events(event: type[Event] = Event) -> set[type[Event]]:
    return {event}.union(*(all_events(one) for one in event.__subclasses__()))


def test_every_event_has_its_place_and_its_statement() -> None:
    ours = {event for event in all_events() if event.__module__ == Decision.__module__}
    assert set(FOLD_ORDER) == ours - {Event, Decision}
    assert len(KINDS) == len(FOLD_ORDER)
    assert set(KINDS) <= set(statements())


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_statement_reads_the_fields_of_its_own_event(kind: str) -> None:
    fields = {*KINDS[kind].fields} | {"n", "ts", "k"}
    for part in statements()[kind]:
        selected = re.findall(r"SELECT((?:(?!SELECT).)*?)FROM staged\b", part.sql, re.DOTALL)
        words = set(re.findall(r"[a-z_]+", re.sub(r"AS \w+", "", " ".join(selected))))
        others = set(columns()) - fields
        assert not words & others, f"{kind} reads {words & others}"


def test_no_statement_is_built_from_values() -> None:
    for name, parts in statements().items():
        for part in parts:
            assert "{" not in re.sub(r"\{[a-z_]+: .*?\}|\{\d+\}", "", part.sql), name
            assert "%s" not in part.sql, name


def test_a_statement_knows_its_commands_and_parameters() -> None:
    text = "-- name: two\n-- What it does.\nSELECT $a;\nDELETE FROM t\nWHERE b = $b AND c = $b;\n"
    (first, second) = parse(text)["two"]
    assert first == ("SELECT $a", ("a",))
    assert second.parameters == ("b",)
    assert second.arguments({"a": 1, "b": 2}) == {"b": 2}
    with pytest.raises(ValueError, match="stands twice"):
        parse(text + text)


def test_a_body_is_the_inside_of_a_json_object() -> None:
    body = Note(run="r1", text='quote " and newline \n and é').body()
    assert json.loads("{" + body[1:] + "}") == {
        "k": "note",
        "run": "r1",
        "text": 'quote " and newline \n and é',
    }


def test_a_metric_line_is_its_prefix_step_and_value() -> None:
    text = Metric.prefix("r1", 'a "key"') + '3,"value":0.5'
    whole = Metric(run="r1", key='a "key"', step=3, value=0.5).body()
    assert json.loads("{" + text[1:] + "}") == json.loads("{" + whole[1:] + "}")


def test_an_event_that_is_too_large_says_what_to_do() -> None:
    with pytest.raises(Invalid, match=r"One note event holds 8,000,\d+ characters.*artifacts"):
        Note(run="r1", text="x" * MAX_LINE).body()
