"""Filters are parsed and printed; whatever is none is refused with the place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lite_mlops.errors import Invalid
from lite_mlops.tracking.search.fields import Field
from lite_mlops.tracking.search.grammar import (
    MAX_DEPTH,
    MAX_TESTS,
    Among,
    And,
    Compare,
    Filter,
    Missing,
    Not,
    Or,
    Order,
    parse_filter,
    parse_order,
    parse_orders,
)
from lite_mlops.tracking.search.tokens import MAX_LENGTH
from tests.tracking.search.trees import TREES

AUC = Compare(Field("metrics", "auc"), ">", 0.9)
MODEL = Compare(Field("params", "model"), "=", "rf")
STATUS = Field("attributes", "status")

# What users of MLflow write, and what is more.
READ: dict[str, Filter] = {
    "metrics.auc > 0.9": AUC,
    "metric.auc>.9": AUC,
    "METRICS.auc > +9e-1": AUC,
    "metrics.auc > 0.9 and params.model = 'rf'": And((AUC, MODEL)),
    'metrics.`auc` > 0.9\nAND parameter."model" = "rf"': And((AUC, MODEL)),
    "metrics.auc > 0.9 OR params.model = 'rf' AND status != 'failed'": Or(
        (AUC, And((MODEL, Compare(STATUS, "!=", "failed"))))
    ),
    "(metrics.auc > 0.9 or params.model = 'rf') and not status is null": And(
        (Or((AUC, MODEL)), Not(Missing(STATUS)))
    ),
    "attributes.status = 'FINISHED'": Compare(STATUS, "=", "FINISHED"),
    "run.`Run name` like 'a%'": Compare(Field("attributes", "name"), "LIKE", "a%"),
    '"run name" not ilike "A_"': Compare(Field("attributes", "name"), "NOT ILIKE", "A_"),
    "created > 1700000000000": Compare(Field("attributes", "start_time"), ">", 1.7e12),
    "end_time <= '2026-01-31T18:00:00Z'": Compare(
        Field("attributes", "end_time"), "<=", "2026-01-31T18:00:00Z"
    ),
    "run_id IN ('a', \"b\")": Among(Field("attributes", "run_id"), ("a", "b")),
    "tag.mlflow.user not in ('it''s')": Among(Field("tags", "mlflow.user"), ("it's",), True),
    "params.a/b-c is not null": Missing(Field("params", "a/b-c"), True),
    "metrics.`a``b` <= -1": Compare(Field("metrics", "a`b"), "<=", -1.0),
    "metrics.train.`val loss` = 1": Compare(Field("metrics", "train.val loss"), "=", 1.0),
    "params.and = 'or'": Compare(Field("params", "and"), "=", "or"),
    "((params.model = 'rf'))": MODEL,
    "NOT NOT params.model = 'rf'": Not(Not(MODEL)),
}


@pytest.mark.parametrize(("source", "tree"), READ.items())
def test_filters_are_read(source: str, tree: Filter) -> None:
    assert parse_filter(source) == tree


@pytest.mark.parametrize("source", [None, "", "  \n "])
def test_nothing_is_no_filter(source: str | None) -> None:
    assert parse_filter(source) is None


@settings(max_examples=150)
@given(TREES)
def test_a_printed_tree_is_read_as_the_same(tree: Filter) -> None:
    assert parse_filter(str(tree)) == tree


WORDS = st.sampled_from(
    "metrics.a params.b tags.`c` status start_time > = != LIKE IN IS NOT NULL AND OR ( ) , 1 'x' "
    '`y` "z" metrics. . \' ; -- \\ é \x00 \n \ud800 1e999 0x1 1_0 \u0661'.split(" ")
)
TEXTS = st.lists(WORDS, max_size=12).map(" ".join) | st.text(max_size=40)


def assert_points(error: Invalid, source: str) -> None:
    message, line, carets = str(error).rsplit("\n", 2)
    assert message
    assert carets.strip("^ ") == ""
    assert "^" in carets
    start, end = carets.index("^"), len(carets)
    assert end <= max(len(line), start + 1)
    if len(source) < 90 and "\n" not in source and source.isprintable():
        assert line == f"  {source}"


@settings(max_examples=200)
@given(TEXTS)
@example("params.a = 'x" + "y" * 200)
@example("(" * 60)
def test_any_text_is_read_or_refused_with_the_place(source: str) -> None:
    for parse in (parse_filter, parse_order):
        try:
            parse(source)
        except Invalid as error:
            assert_points(error, source)


REFUSED: dict[str, tuple[str, int, int]] = {
    "statsu = 'x'": ("A run has no attribute 'statsu'. Did you mean 'status'?", 0, 6),
    "auc > 2": (
        (
            "A run has no attribute 'auc'. Metrics, params and tags are asked for "
            "as metrics.auc, params.auc, tags.auc."
        ),
        0,
        3,
    ),
    "metrcs.auc > 2": (
        (
            "There is no 'metrcs' to ask for; there are metrics, params, tags, "
            "attributes. Did you mean 'metrics'?"
        ),
        0,
        10,
    ),
    "metrics.auc": (
        (
            "Expected a comparison after metrics.auc: = != > >= < <=, LIKE, ILIKE, "
            "IN, NOT IN, IS NULL or IS NOT NULL."
        ),
        11,
        1,
    ),
    "name lik 'x'": (
        (
            "Expected a comparison after name: = != > >= < <=, LIKE, ILIKE, IN, NOT"
            " IN, IS NULL or IS NOT NULL. Did you mean 'LIKE' or 'ILIKE'?"
        ),
        5,
        3,
    ),
    "metrics.auc == 2": ("Write = instead of ==.", 12, 2),
    "metrics.auc <> 2": ("Write != instead of <>.", 12, 2),
    "metrics.auc > ": ("Expected a number, or a text in quotation marks.", 14, 1),
    "metrics.auc > 'x'": (
        ("metrics.auc is a number, and is compared with one without quotes."),
        14,
        3,
    ),
    "metrics.auc > 1e999": ("This number is too large.", 14, 5),
    "metrics.auc LIKE 'x'": ("metrics.auc is a number; LIKE compares texts.", 12, 4),
    "start_time ilike 'x'": ("start_time is a time; ILIKE compares texts.", 11, 5),
    "params.a LIKE 3": (
        ("A pattern is a text in quotation marks; % stands for any characters."),
        14,
        1,
    ),
    "params.a = rf": ("A text stands in quotation marks: 'rf'.", 11, 2),
    "name = 3": (
        ("name is a text, and is compared with one in quotation marks."),
        7,
        1,
    ),
    "status = 'finishd'": (
        ("A run is running, finished, failed, killed, crashed. Did you mean 'finished'?"),
        9,
        9,
    ),
    "start_time > '2026-13-01'": (
        (
            "'2026-13-01' is no time; write it as '2026-01-31', "
            "'2026-01-31T18:00:00Z' or in milliseconds since 1970."
        ),
        13,
        12,
    ),
    "start_time > 1700000000": (
        (
            "1700000000 would be in 1970 to 1973: numbers are milliseconds. If "
            "these are seconds, write 1700000000000; a day is written as "
            "'2026-01-31'."
        ),
        13,
        10,
    ),
    "start_time > 1700000000000.5": (
        ("1700000000000.5 is no time: milliseconds are a whole number."),
        13,
        15,
    ),
    "params.a = 'x": ("The quotation mark ' is not closed.", 11, 1),
    "params.a = 1 & name = 'x'": ("'&' has no meaning here. Write AND.", 13, 1),
    "params.a = 1 name = 'x'": ("Expected AND, OR or the end of the filter.", 13, 4),
    "params.a = 1;": ("';' has no meaning here.", 12, 1),
    "(params.a = 1": ("Expected AND, OR or ) here.", 13, 1),
    "params.a = 1)": ("Expected AND, OR or the end of the filter.", 12, 1),
    "params.a IN 1": ("Expected ( and a list of values after IN.", 12, 1),
    "params.a IN ()": ("Expected a number, or a text in quotation marks.", 13, 1),
    "params.a IN (1 2)": ("Expected , or ) here.", 15, 1),
    "params.a NOT = 1": ("Expected IN, LIKE or ILIKE after NOT.", 13, 1),
    "params.a IS 1": ("Expected NULL or NOT NULL after IS.", 12, 1),
    "params. = 1": (
        ("A name follows the dot; one with spaces stands in `back quotes`."),
        0,
        7,
    ),
    "params.`` = 1": ("This name is empty.", 7, 2),
    "AND params.a = 1": (
        ("Expected a field such as metrics.auc, params.depth, tags.team or status."),
        0,
        3,
    ),
    "params.a = '\ud800'": ("This character is half of a pair, which is no text.", 12, 1),
}


@pytest.mark.parametrize("source", REFUSED)
def test_what_is_no_filter_is_refused_with_the_place(source: str) -> None:
    message, place, width = REFUSED[source]
    with pytest.raises(Invalid) as error:
        parse_filter(source)
    line = source.replace("\ud800", "\ufffd")
    assert str(error.value) == f"{message}\n  {line}\n  {' ' * place}{'^' * width}"


def test_an_error_shows_the_line_of_its_place() -> None:
    with pytest.raises(Invalid) as error:
        parse_filter("params.a = 1\n\tAND statsu = 'x'\nAND name = 'y'")
    assert str(error.value).split("\n")[1:] == [
        "  \ufffdAND statsu = 'x'",
        "       ^^^^^^",
    ]


def test_an_error_in_a_long_line_shows_what_is_around_it() -> None:
    with pytest.raises(Invalid) as error:
        parse_filter(f"params.a = '{'x' * 300}' AND statsu = 1 AND params.b = '{'y' * 300}'")
    _, line, carets = str(error.value).split("\n")
    assert line.startswith("  ...xxx")
    assert line.endswith("yyy...")
    assert line[carets.index("^") : len(carets)] == "statsu"


def test_filters_have_limits() -> None:
    deep = "(" * MAX_DEPTH + "params.a = 1" + ")" * MAX_DEPTH
    assert parse_filter(deep) is not None
    with pytest.raises(Invalid, match=f"^NOT and parentheses stand at most {MAX_DEPTH} deep.\n"):
        parse_filter(f"NOT {deep}")
    many = " OR ".join(["params.a = 1"] * MAX_TESTS)
    assert parse_filter(many) is not None
    with pytest.raises(Invalid, match=f"^A filter holds at most {MAX_TESTS} comparisons.\n"):
        parse_filter(f"{many} OR params.a = 1")
    with pytest.raises(Invalid, match=r"^This is too long: 10,001 characters, at most 10,000.\n"):
        parse_filter(" " * (MAX_LENGTH + 1))


@pytest.mark.parametrize("source", [5, b"x", ["metrics.auc > 1"]])
def test_a_filter_is_a_text(source: Any) -> None:
    kind = type(source).__name__
    with pytest.raises(Invalid, match=f"^A filter is a text; .* is a {kind}\\.$"):
        parse_filter(source)
    with pytest.raises(Invalid, match=f"^An order is a text; .* is a {kind}\\.$"):
        parse_order(source)


def test_orders_are_a_text_or_a_list_of_texts() -> None:
    order = Order(Field("attributes", "name"))
    assert parse_orders(None) == parse_orders([]) == ()
    assert parse_orders("name") == parse_orders(["name"]) == (order,)
    with pytest.raises(Invalid, match=r"^order_by holds 11 orders; at most 10\.$"):
        parse_orders(["name"] * 11)
    wrong: list[Any] = [5, [5], {"name": "DESC"}, b"name"]
    for orders in wrong:
        with pytest.raises(Invalid, match=r"^order_by is a text or a list of texts; it is "):
            parse_orders(orders)


def test_orders_are_read_and_printed() -> None:
    order = Order(Field("metrics", "val loss"), descending=True)
    assert parse_order("metrics.`val loss` desc") == order == parse_order(str(order))
    assert parse_order("created") == Order(Field("attributes", "start_time"))
    with pytest.raises(Invalid) as error:
        parse_order("metrics.auc down")
    assert str(error.value) == (
        "Expected ASC, DESC or the end of the order; each field is a text of its own.\n"
        "  metrics.auc down\n              ^^^^"
    )
