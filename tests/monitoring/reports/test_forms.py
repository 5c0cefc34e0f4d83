"""What a report says, in each of its forms: the verdict first, nothing of it markup, small."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from markdown_it import MarkdownIt

from lite_mlops.errors import Invalid
from lite_mlops.monitoring.findings import ALERT, INFO, NONE, UNKNOWN, WARN, Finding
from lite_mlops.monitoring.reports import ReportFacts, write
from lite_mlops.monitoring.reports.facts import ColumnFact, MetricFact, MetricPoint
from lite_mlops.monitoring.reports.sections import sections
from lite_mlops.monitoring.reports.verdict import sentence, to_look_at
from lite_mlops.monitoring.reports.wording import figure, interval, probability
from tests.models.cards.conftest import HOSTILE
from tests.monitoring.reports.samples import START, facts_of
from tests.tracking.comparing.test_page import Page

TITLES = [
    "What to look at",
    "Performance",
    "Columns",
    "Quality",
    "All columns together",
    "Answers",
    "Slices",
    "Fairness",
    "Calibration",
    "Sudden changes",
    "Alerts",
    "Service",
    "How this was decided",
]


def bare(**more: Any) -> ReportFacts:
    """Facts of a model that was asked, and of which nothing else is known."""
    facts = ReportFacts("churn", "churn/3", START, predictions=100)
    return replace(facts, **more)


# -- the verdict --------------------------------------------------------------------------------


def test_the_verdict_is_one_sentence() -> None:
    assert sentence(facts_of()) == (
        "Alert: 2 of 30 columns have moved; 2 rules of quality are broken; all columns together "
        "have moved (AUC 0.61); accuracy 0.842 (0.835 to 0.849), 0.885 at registration; labels "
        "for 37.7 % so far; to look at as well: fairness, service."
    )


def test_a_quiet_model_is_fine() -> None:
    column = ColumnFact("age", "number", NONE)
    found = bare(columns=(column,), findings=(Finding("drift", "age", NONE, "age: as it was."),))
    assert sentence(found) == "Fine: none of 1 column have moved; labels for none so far."
    assert to_look_at(found) == []


def test_nothing_asked_and_nothing_checked_is_said() -> None:
    asked = bare(predictions=0, since=START, until=START + timedelta(days=1))
    assert sentence(asked) == (
        "Cannot tell: churn/3 was asked nothing from 2026-11-01 00:00 to 2026-11-02 00:00."
    )
    assert sentence(bare(labelled=100)) == "Cannot tell: nothing was checked."
    for form in ("html", "md", "json"):
        assert "Cannot tell" in write(asked, form)


def test_an_estimate_is_called_one() -> None:
    metric = MetricFact("ROC AUC", estimates=(MetricPoint(0.83, 0.81, 0.85),), reference=0.84)
    assert sentence(bare(metrics=(metric,))).startswith(
        "Cannot tell: estimated ROC AUC 0.83 (0.81 to 0.85), 0.84 at registration;"
    )


# -- what to look at ----------------------------------------------------------------------------


def drift(subject: str, severity: str, value: float) -> Finding:
    return Finding("drift", subject, severity, f"{subject}: moved.", value=value, limit=1.0)


def test_at_most_five_are_told_the_most_pressing_first() -> None:
    columns = tuple(
        ColumnFact(name, "number", WARN, effect=2.0, importance=importance)
        for name, importance in (("a", 0.05), ("b", 0.9), ("c", 0.05))
    )
    findings = (
        *(drift("a", WARN, 3.0), drift("b", WARN, 1.5), drift("c", ALERT, 2.0)),
        Finding("performance", "accuracy", WARN, "accuracy fell.", 0.8, 0.86),
        Finding("quality", "c", ALERT, "c: 9 % missing."),
        Finding("joint", "", WARN, "together.", 0.54, 0.52),
        *(drift(f"more {n}", WARN, 1.0) for n in range(4)),
        drift("fine", INFO, 0.3),
    )
    found = to_look_at(bare(columns=columns, findings=findings))
    assert [(one.check, one.subject) for one in found] == [
        ("quality", "c"),  # with its drift, as both are of one column
        ("performance", "accuracy"),
        ("drift", "b"),
        ("joint", ""),
        ("drift", "more 0"),
    ]
    assert found[0].sentence == "c: 9 % missing. moved."
    assert "Ask who delivers c" in found[0].next_step


def test_since_when_is_told() -> None:
    facts = facts_of()
    assert to_look_at(facts)[0].since == "2026-11-08"
    told = Finding(
        "streams", "score", WARN, "it jumped.", evidence={"since": "2026-11-03T07:00:01"}
    )
    assert to_look_at(bare(findings=(told,)))[0].since == "2026-11-03 07:00"


# -- forms --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_markup(text: str) -> None:
    written = write(facts_of(text, columns=4), "html")
    found = Page(written)
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "img", "b", "a", "iframe", "link"})
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", written)
    for _, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert attributes.keys().isdisjoint({"src", "href", "xlink:href", "action"})


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_markdown(text: str) -> None:
    html = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .render(write(facts_of(text, columns=4), "md"))
    )
    own = {"h1", "h2", "h3", "p", "em", "strong", "ul", "li", "table", "thead", "tbody", "tr"}
    own |= {"th", "td", "br", "details", "summary"}
    assert set(re.findall(r"</?([a-z0-9]+)", html)) <= own


def test_every_part_has_its_section() -> None:
    assert [section.title for section in sections(facts_of())] == TITLES
    assert [section.title for section in sections(bare())] == [TITLES[0], TITLES[-1]]
    read = Page(write(facts_of(), "html"))
    assert [tag for tag, _ in read.tags if tag in ("h1", "h2")] == ["h1", *["h2"] * len(TITLES)]
    markdown = write(facts_of(), "md")
    for title in TITLES:
        assert f"## {title}" in markdown or f"<summary>{title}</summary>" in markdown


def test_a_page_of_a_hundred_columns_is_small() -> None:
    assert len(write(facts_of(columns=100), "html").encode()) < 300_000


def test_the_verdict_comes_first_and_what_is_fine_is_folded() -> None:
    read = Page(write(facts_of(), "html"))
    words = [text.strip() for text in read.text if text.strip()]
    assert words[:3] == ["churn: monitoring report", "Monitoring report", "churn"]
    assert words[3] == sentence(facts_of())
    assert "28 columns without a warning" in words
    pictures = [one for one in read.all("svg") if one.get("role") == "img"]
    assert len(read.all("title")) - 1 >= len(pictures) > 60


def test_json_says_the_same() -> None:
    facts = facts_of()
    told = json.loads(write(facts, "json"))
    assert told["verdict"] == sentence(facts)
    assert told["severity"] == ALERT
    assert [one["subject"] for one in told["look_at"]] == [o.subject for o in to_look_at(facts)]
    assert told["columns"][0]["distribution"]["reference"] == [0.5, 0.3, 0.2]
    assert told["metrics"][0]["points"][4]["value"] is None
    assert told["spans"][0]["since"] == "2026-11-01T00:00:00+00:00"
    assert told["findings"][0]["fires"] is True


def test_there_are_three_forms() -> None:
    with pytest.raises(Invalid) as error:
        write(bare(), "pdf")
    assert str(error.value) == "a report has no form 'pdf'. There are html, md, json."


def test_a_notebook_shows_the_verdict_and_charts() -> None:
    shown = facts_of()._repr_html_()
    assert sentence(facts_of()) in shown.replace("&lt;", "<")
    assert shown.startswith('<div class="lite-mlops"><style>')
    assert shown.count("<svg") > 30
    assert repr(bare()).startswith("<ReportFacts churn: Cannot tell")


def test_figures_that_are_not_known() -> None:
    assert figure(None) == ""
    assert figure(float("inf")) == "beyond measure"
    assert [figure(value) for value in (0.12345, 22_712.0, -1e7, 1e300)] == [
        *("0.123", "22,700", "-10,000,000", "1e+300"),
    ]
    assert interval(None, 0.1, 0.2) == "not known"
    assert interval(0.5, None, None) == "0.5"
    assert [probability(p) for p in (None, 0.0, 0.25)] == ["", "< 1e-9", "0.25"]
    assert (
        bare(columns=(ColumnFact("x", "number", UNKNOWN, effect=float("inf")),)).to_dict()[
            "columns"
        ][0]["effect"]
        is None
    )
