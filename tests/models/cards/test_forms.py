"""All forms: whatever a text is, it comes out as text; and calls that can be copied."""

from __future__ import annotations

import ast
import json
import shlex
from typing import Any

import pytest
from hypothesis import given, settings

from lite_mlops.htmltext import visible
from lite_mlops.models.cards.calling import in_python, over_http
from lite_mlops.models.cards.forms import FORMS, write
from lite_mlops.models.cards.signatures import signature_facts
from lite_mlops.models.signature import Column, Output, Signature, Tensor
from lite_mlops.project import Project
from tests.models.cards.conftest import Document, bare, facts_of, texts
from tests.tracking.comparing.test_page import Page


def squeezed(text: str) -> str:
    return " ".join(visible(text).split())


@settings(max_examples=25)
@given(texts)
def test_every_text_comes_out_as_text(text: str) -> None:
    facts = facts_of(text)
    found = Page(write(facts, "html"))
    assert visible(text) in found.text
    assert not {tag for tag, _ in found.tags} & {"script", "img", "a", "b", "i"}
    document = Document(write(facts, "md"))
    assert squeezed(text) in [squeezed(told) for told in document.texts]
    if all(map(str.strip, visible(text).split("\n"))):  # else there are more paragraphs
        assert document.blocks == Document(write(facts_of("x"))).blocks
    assert document.kinds.isdisjoint({"html_inline", "html_block", "link_open", "image", "hr"})
    told = json.loads(write(facts, "json"))
    assert told["description"] == text
    assert told["stated"][0]["text"] == text
    assert told["tags"] == {text: text}
    assert told["data"][0]["columns"][0]["categories"] == {text: 6} | {"other": 3}


@settings(max_examples=25)
@given(texts)
def test_nothing_steers_a_terminal(text: str) -> None:
    facts = facts_of(text)
    for form in FORMS:
        written = write(facts, form)
        assert not [c for c in written if c != "\n" and (c < " " or "\x7f" <= c <= "\x9f")]
        assert not set(written) & set(map(chr, [*range(0x2028, 0x202F), *range(0x2066, 0x206A)]))


@pytest.mark.parametrize("form", FORMS)
def test_the_same_facts_give_the_same_text(registered: Project, form: str) -> None:
    models = registered.models
    assert models.card_text("churn/1", form) == models.card_text("churn/1", form)


def test_notebooks_show_what_is_stated_and_measured() -> None:
    facts = facts_of("<b>x</b>")
    assert repr(facts) == "<CardFacts churn/3>"
    shown = facts._repr_html_()
    assert "Purpose and intended use" in shown
    assert shown.count("&lt;b&gt;x&lt;/b&gt;") == 7
    assert "not stated" in bare()._repr_html_()


@given(texts)
def test_calls_can_be_copied(text: str) -> None:
    example = ({text: text, "n": None, "x": 1.5},)
    facts = bare(example=example)
    _, line = over_http(facts).split("\n")
    *_, body = shlex.split(line)
    assert json.loads(body) == {"rows": list(example)}
    (assigned,) = [
        node.value
        for node in ast.parse(in_python(facts)).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "rows"
    ]
    assert isinstance(assigned, ast.Call)
    assert json.loads(ast.literal_eval(assigned.args[0])) == list(example)


def test_the_python_call_answers(registered: Project) -> None:
    registered.models.register(
        registered.models.load("churn/1"), "plain", input_example=[[0.5, 1.0], [2.0, 0.0]]
    )
    names: dict[str, Any] = {}
    code = in_python(registered.models.card("plain")).replace("Project()", "project")
    *_, last = ast.parse(code).body
    lines = code.split("\n")
    exec("\n".join(lines[: last.lineno - 1]), {"project": registered}, names)  # noqa: S102
    assert len(names["endpoint"].predict(names["rows"])) == 2


# -- signatures ---------------------------------------------------------------------------------


def test_a_signature_of_names_tells_numbers_and_classes() -> None:
    written = {"features": ["a"], "classes": ["no", "yes"]}
    inputs, outputs = signature_facts(Signature.from_dict(written))
    assert [(one.name, one.type, one.missing) for one in inputs] == [("a", "float", True)]
    assert [(one.type, one.categories) for one in outputs] == [("class", ("no", "yes"))]


def test_a_richer_signature_tells_more() -> None:
    columns = (
        Column("age", "integer", missing=True, low=18, high=90),
        Column("plan", "text", categories=("basic", "plus")),
    )
    (age, plan), (risk,) = signature_facts(Signature(columns, (Output("number", "float"),)))
    assert (age.type, age.low, age.high, age.missing) == ("integer", 18, 90, True)
    assert (plan.categories, plan.missing) == (("basic", "plus"), False)
    assert (risk.name, risk.type) == ("prediction", "number (float)")
    text = write(bare(inputs=(age, plan)))
    assert "| age | integer | 18 to 90 | allowed |" in text
    assert "| plan | text | basic, plus | refused |" in text


def test_a_signature_of_an_array_tells_its_shape() -> None:
    (rows,), _ = signature_facts(Signature(tensor=Tensor("float", (28, 28))))
    assert (rows.name, rows.type) == ("rows", "float array of 28 x 28 per row")
