"""Definitions of gates: what is written is read, and what cannot be used is told with its place."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.gates import gate_of
from lite_mlops.gates.definition import FIELDS
from lite_mlops.models import digest_of

NOT_WORSE = {"check": "not worse", "metric": "accuracy", "margin": 0.01}


def test_a_gate_has_the_name_of_its_model_and_keeps_the_champion() -> None:
    gate = gate_of("churn", {"check": [NOT_WORSE]})
    assert (gate.name, gate.target, gate.confidence, gate.seed) == (
        "churn",
        "churn@champion",
        0.95,
        0,
    )
    other = gate_of("strict", {"model": "churn", "alias": "live", "check": [NOT_WORSE]})
    assert (other.name, other.target) == ("strict", "churn@live")


def test_everything_that_can_be_said_is_read() -> None:
    gate = gate_of(
        "churn",
        {
            "data": "holdout@latest",
            "label": "left",
            "positive": "yes",
            "seed": 7,
            "confidence": 0.9,
            "replay": "7d",
            "approvals": 2,
            "valid": "2w",
            "check": [
                {**NOT_WORSE, "metric": "roc_auc", "where": "age < 30", "by": "plan"},
                {"check": "latency", "times": 2, "blocks": False, "name": "quick"},
            ],
        },
    )
    assert gate.requirement.valid == timedelta(days=14)
    assert gate.requirement.approvals == 2
    first, second = gate.checks
    assert first.name == "ROC AUC not worse where age < 30 for each plan"
    assert (first["metric"], first["margin"], first["by"]) == ("ROC AUC", 0.01, "plan")
    assert (second.name, second.blocks, second["batch_rows"]) == ("quick", False, 10_000)


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        ({}, "[gate.churn] has no checks and asks for no approval; it would keep nothing."),
        (
            {"check": [NOT_WORSE], "lable": "x"},
            "[gate.churn]: there is no 'lable' here. Did you mean 'label'?",
        ),
        ({"check": {"a": 1}}, "check is a list of tables; write [[gate.churn.check]]."),
        ({"check": [3]}, "[gate.churn], check 1 is no table."),
        (
            {"check": [{"check": "not wors"}]},
            "check 1: check = 'not wors' is no kind of check. Did you mean 'not worse'?",
        ),
        ({"check": [{"metric": "x"}]}, "check = '' is no kind of check. There are 'metric', "),
        ({"check": [{"check": "not worse", "metric": "auc"}]}, "check 1 needs 'margin'."),
        ({"check": [{**NOT_WORSE, "margin": "x"}]}, "margin = 'x' cannot be used: expected a num"),
        ({"check": [{**NOT_WORSE, "margin": 0}]}, "margin = 0 cannot be used: expected a number f"),
        (
            {"check": [{**NOT_WORSE, "metric": "auk"}]},
            "metric = 'auk' cannot be used: expected one",
        ),
        ({"check": [{**NOT_WORSE, "where": "age <"}]}, "where = 'age <' cannot be used: the cond"),
        ({"check": [{"check": "metric", "metric": "mae"}]}, "needs 'at_least' or 'at_most'."),
        ({"check": [NOT_WORSE, NOT_WORSE]}, "two checks called 'accuracy not worse'"),
        ({"check": [NOT_WORSE], "approvals": -1}, "approvals = -1 cannot be used: expected a whol"),
        ({"check": [NOT_WORSE], "approvals": True}, "approvals = True cannot be used"),
        (
            {"check": [NOT_WORSE], "valid": "soon"},
            "valid = 'soon' cannot be used: expected a time such as",
        ),
        ({"check": [NOT_WORSE], "data": 3}, "data = 3 cannot be used: expected NAME@VERSION"),
        ({"check": [NOT_WORSE], "model": "a b"}, "model 'a b' cannot be used"),
        ({"check": [NOT_WORSE], "confidence": 0.4}, "confidence = 0.4 cannot be used"),
        ({"check": [{"check": "python", "function": "f"}]}, "expected module:function"),
        ({"check": [{"check": "invariance", "change": {}}]}, "expected a table of columns"),
        ({"check": [{"check": "invariance", "change": {"a": 1}}]}, "a list of values for 'a'"),
        ({"check": [{"check": "freshness", "at_most": 3}]}, "expected a time such as"),
        ({"check": [{"check": "safe", "blocks": 1}]}, "expected true or false"),
        ({"check": [{"check": "safe", "name": " "}]}, "expected a text"),
        ({"check": [{"check": "replay", "rows": 0}]}, "expected a whole number from 1 on"),
        ({"check": [{"check": "leakage", "key": []}]}, "expected a name, or a list of names"),
        (
            {"check": [{"check": "directional", "column": "a", "add": 1, "score": "up"}]},
            "expected 'never lower' or 'never higher'",
        ),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(definition: Any, told: str) -> None:
    with pytest.raises(Invalid) as error:
        gate_of("churn", definition)
    assert told in str(error.value)


def test_an_approval_alone_makes_a_gate() -> None:
    assert gate_of("churn", {"approvals": 1}).checks == ()


@pytest.mark.parametrize(
    ("value", "share"), [(0.05, 0.05), ("5%", 0.05), (" 12.5 % ", 0.125), (1, 1)]
)
def test_a_share_is_a_number_or_per_cent(value: Any, share: float) -> None:
    (check,) = gate_of("churn", {"check": [{"check": "replay", "changed": value}]}).checks
    assert check.options["changed"] == share


@pytest.mark.parametrize("value", ["five", "5", "101%", 1.5, True, ""])
def test_what_is_no_share_is_refused(value: Any) -> None:
    with pytest.raises(Invalid, match=r"changed = .* cannot be used: expected a "):
        gate_of("churn", {"check": [{"check": "replay", "changed": value}]})


plain = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=4), plain, max_size=4), st.randoms())
def test_the_digest_does_not_depend_on_the_order_of_keys(
    found: dict[str, Any], random: Any
) -> None:
    keys = list(found)
    random.shuffle(keys)
    assert digest_of({key: found[key] for key in keys}) == digest_of(found)


def test_any_change_of_a_definition_changes_its_digest() -> None:
    before = {"check": [NOT_WORSE]}
    assert digest_of(before) != digest_of({"check": [{**NOT_WORSE, "margin": 0.02}]})
    assert digest_of(before) != digest_of({**before, "approvals": 1})


@given(st.dictionaries(st.text(max_size=6) | st.sampled_from(["check", "data", "seed"]), plain))
def test_any_table_is_read_or_refused(definition: dict[str, Any]) -> None:
    with suppress(Invalid):
        gate_of("churn", definition)


def test_every_kind_of_check_has_someone_to_judge_it() -> None:
    from lite_mlops.gates.checks.kinds import KINDS

    assert KINDS.keys() == FIELDS.keys()
