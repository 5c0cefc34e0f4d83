"""The page in a real browser: asked, answered, corrected; by the keyboard, small and dark."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from lite_mlops.project import Project
from lite_mlops.web import Server
from tests.documents.browsing import WATCHED, WIDER, Open, axe, browser, needs_browser
from tests.web.pages import apps
from tests.web.pages.test_form import PAYLOADS

pytestmark = needs_browser
__all__ = ["browser"]  # the fixture


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, str]]:
    """A project, and the address of a server of several of its models."""
    project = Project(
        tmp_path_factory.mktemp("site"), capture_code=False, capture_environment=False
    )
    model, training = apps.churn()
    apps.register(project, model, "churn", training, alias="champion")
    apps.register_wide(project)
    apps.register_price(project)
    apps.register_pictures(project)
    apps.register_texts(project)
    references = ("churn@champion", "tumor/1", "price", "digit", "tone")
    with Server(apps.app_of(project, *references)) as server:
        yield project, server.url
    project.close()


@pytest.fixture
def page_of(browser: Any) -> Iterator[Open]:
    """Opens pages that must neither report an error nor break their policy."""
    contexts: list[Any] = []
    reported: list[str] = []

    def opened(address: str, **options: Any) -> Any:
        context = browser.new_context(reduced_motion="reduce", **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        context.add_init_script(WATCHED)
        page = context.new_page()
        page.on("pageerror", lambda error: reported.append(str(error)))
        page.on("dialog", lambda dialog: reported.append(f"dialog: {dialog.message}"))
        page.on(
            "console",
            lambda message: (
                # A refused row is an answer with a status, which a browser reports as well.
                reported.append(message.text)
                if message.type in ("error", "warning") and "status of 422" not in message.text
                else None
            ),
        )
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert reported == []


@pytest.fixture
def open_page(site: tuple[Project, str], page_of: Open) -> Open:
    """Opens the form of a served model."""

    def opened(model: str | None = None, **options: Any) -> Any:
        return page_of(site[1] + ("" if model is None else f"/?model={model}"), **options)

    return opened


def predict(page: Any) -> None:
    page.get_by_role("button", name="Predict", exact=True).click()
    page.locator("#answer:not([aria-busy]) .facts").wait_for()


def answer(page: Any) -> str:
    return str(page.locator(".prediction").inner_text())


# -- asking -------------------------------------------------------------------------------------


def test_a_row_is_filled_in_asked_and_answered(site: tuple[Project, str], open_page: Open) -> None:
    page = open_page()
    assert page.title() == "churn/1: predict"
    page.get_by_label("age", exact=True).fill("44")
    page.get_by_label("plan", exact=True).select_option("pro")
    page.get_by_label("since").fill("2020-05-01T08:30")
    page.get_by_label("income", exact=True).fill("")
    predict(page)
    labels = page.locator("table:has-text('Probabilities') th").all_inner_texts()
    assert sorted(labels) == ["leaves", "stays"]
    assert labels[0] == answer(page)
    widths = page.locator("table:has-text('Probabilities') .bar").evaluate_all(
        "bars => bars.map((bar) => bar.getBoundingClientRect().width)"
    )
    assert widths[0] > widths[1] > 0
    assert page.locator(".badge").inner_text() == "as in training"
    assert "Exact for this linear model, in log-odds of" in page.locator(".method").inner_text()
    facts = page.locator(".facts dd").all_inner_texts()
    assert facts[0] == "churn/1"
    assert facts[1].endswith("ms, measured in this browser")
    project = site[0]
    rows = project.sql("SELECT prediction_id, numbers, texts, value FROM predictions").rows
    ((numbers, texts, value),) = [row for identity, *row in rows if identity == facts[2]]
    assert (numbers[1], numbers[2], texts[0]) == (44, None, "pro")
    assert texts[5] == "2020-05-01T08:30:00.000000"
    assert value == answer(page)


def test_doubts_are_told_in_words(open_page: Open) -> None:
    page = open_page()
    page.get_by_label("age", exact=True).fill("141")
    page.get_by_label("plan", exact=True).select_option(label="Other…")
    page.get_by_label("Other plan").fill("gold")
    predict(page)
    assert page.locator(".badge").inner_text() == "doubtful"
    assert page.locator(".warnings li").all_inner_texts() == [
        "plan is gold, which the training data did not have. It had basic, pro, team.",
        "age is 141; in the training data it was 18 to 89.",
    ]
    assert page.locator("#told").inner_text().endswith("2 warnings.")
    page.get_by_label("age", exact=True).fill("40")
    assert page.locator("#changed").inner_text() == "The row was changed since."


def test_a_row_that_does_not_fit_is_told_at_its_field(open_page: Open) -> None:
    page = open_page()
    page.locator("#form").evaluate("form => { form.noValidate = true; }")
    field = page.get_by_label("age", exact=True)
    field.fill("1.5")
    page.get_by_role("button", name="Predict", exact=True).click()
    page.locator(".error").wait_for()
    assert "age is 1.5; expected a whole number." in page.locator(".error").inner_text()
    assert page.locator(".fault").inner_text() == "Is 1.5; expected a whole number."
    assert field.get_attribute("aria-invalid") == "true"
    field.fill("15")
    predict(page)
    assert page.locator(".fault").count() == 0


def test_a_random_row_fills_the_form(open_page: Open) -> None:
    page = open_page("price")
    before = page.get_by_label("area").input_value()
    for _ in range(20):  # of 40 kept rows, one is the row that is shown
        page.get_by_role("button", name="Random row").click()
        page.locator("#drawn", has_text="One of the rows that were kept").wait_for()
        if page.get_by_label("area").input_value() != before:
            break
    assert page.get_by_label("area").input_value() != before
    predict(page)
    assert (
        page.locator(".method").inner_text().startswith("Exact for this linear model, in the unit")
    )


@pytest.mark.parametrize(
    ("model", "answers"),
    [("tumor/1", ["benign", "malignant"]), ("digit", list("0123456789")), ("tone", ["0", "1"])],
)
def test_forests_tensors_and_texts_are_asked(
    open_page: Open, model: str, answers: list[str]
) -> None:
    page = open_page(model)
    predict(page)
    assert answer(page) in answers
    explained = page.locator(".method").all_inner_texts()
    if model == "tumor/1":
        assert explained[0].startswith("By occlusion: how the probability of ")
        assert page.locator("table:has-text('What each column') tr:visible").count() == 10
        page.get_by_role("button", name="All 30 columns").click()
        assert page.locator("table:has-text('What each column') tr:visible").count() == 30
    else:
        assert explained == []
        assert page.locator(".badge").count() == 0  # tensors are not compared with training data
        page.locator("#row").fill("[[1, 2" if model == "digit" else "")
        page.get_by_role("button", name="Predict", exact=True).click()
        if model == "digit":
            assert "This is no JSON" in page.locator(".error").inner_text()


def test_without_javascript_the_answer_is_json(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    page.get_by_label("age", exact=True).fill("44")
    page.get_by_label("income", exact=True).fill("")
    page.get_by_role("button", name="Predict", exact=True).click()
    told = json.loads(page.locator("body").inner_text())
    assert told["model"] == "churn"
    assert set(told["predictions"][0]["probabilities"]) == {"leaves", "stays"}


# -- what was true ------------------------------------------------------------------------------


def recorded(project: Project, identity: str) -> list[str]:
    rows = project.sql("SELECT prediction_id, label FROM feedback").rows
    return [label for known, label in rows if known == identity]


@pytest.mark.slow
def test_feedback_reaches_the_database(site: tuple[Project, str], open_page: Open) -> None:
    page = open_page()
    predict(page)
    said, identity = answer(page), page.locator(".facts dd").nth(2).inner_text()
    page.get_by_role("button", name="No", exact=True).click()
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Recorded: right is").wait_for()
    (label,) = recorded(site[0], identity)
    assert {label, said} == {"leaves", "stays"}
    predict(page)
    identity = page.locator(".facts dd").nth(2).inner_text()
    page.get_by_role("button", name="Yes", exact=True).click()
    page.get_by_text("Recorded: right is").wait_for()
    assert recorded(site[0], identity) == [said]


def test_the_true_value_of_a_number_reaches_the_database(
    site: tuple[Project, str], open_page: Open
) -> None:
    page = open_page("price")
    predict(page)
    identity = page.locator(".facts dd").nth(2).inner_text()
    page.get_by_label("True value").fill("123456.5")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("Recorded: right is 123,457.").wait_for()
    assert recorded(site[0], identity) == ["123456.5"]


# -- many rows ----------------------------------------------------------------------------------


def test_a_csv_comes_back_with_predictions(open_page: Open, tmp_path: Path) -> None:
    training = apps.customers()[0].head(25).drop(columns="country")
    training.insert(0, "country", 'Côte "d\'Ivoire", west')
    training.to_csv(tmp_path / "customers.csv", index=False)
    page = open_page()
    page.get_by_label("Upload a CSV").set_input_files(tmp_path / "customers.csv")
    page.get_by_role("button", name="Predict this file").click()
    page.get_by_role("heading", name="25 rows answered").wait_for()
    assert page.locator(".rows tbody tr").count() == 10
    assert page.locator(".result .hint").inner_text().find("25 doubtful") > 0
    with page.expect_download() as download:
        page.get_by_role("link", name="Download customers-predictions.csv").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    records = list(csv.DictReader(io.StringIO(text)))
    assert len(records) == 25
    assert {record["country"] for record in records} == {'Côte "d\'Ivoire", west'}
    assert {record["prediction"] for record in records} <= {"leaves", "stays"}
    shown = page.locator(".rows tbody td.said").all_inner_texts()
    assert shown == [record["prediction"] for record in records[:10]]


def test_pasted_rows_fill_the_form_or_are_predicted(open_page: Open) -> None:
    page = open_page("price")
    page.get_by_label("Paste JSON or CSV").fill("rooms,area,street\n7,61.5,Main St\n")
    page.get_by_role("button", name="Use these rows").click()
    told = page.locator("#drawn", has_text="The form has the pasted row.").inner_text()
    assert told.endswith("Not taken by the model: street.")
    assert page.get_by_label("area").input_value() == "61.5"
    assert page.get_by_label("rooms", exact=True).input_value() == "7"
    rows = {"columns": ["area", "rooms"], "data": [[50.0, 2], [60.0, 3]]}
    page.get_by_label("Paste JSON or CSV").fill(json.dumps(rows))
    page.get_by_role("button", name="Use these rows").click()
    page.get_by_role("heading", name="2 rows answered").wait_for()
    page.get_by_label("Paste JSON or CSV").fill("nothing of the kind")
    page.get_by_role("button", name="Use these rows").click()
    page.get_by_text("Paste JSON, or a CSV with a line of column names").wait_for()


# -- for everybody ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "light"), (360, "dark"), (1280, "light"), (1920, "dark")]
)
def test_nothing_is_wider_than_the_window(
    open_page: Open, tmp_path: Path, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 740}
    page = open_page("tumor/1", viewport=size, color_scheme=scheme)
    predict(page)
    load_breast_cancer(as_frame=True).data.head(3).to_csv(tmp_path / "a.csv", index=False)
    page.get_by_label("Upload a CSV").set_input_files(tmp_path / "a.csv")
    page.get_by_role("button", name="Predict this file").click()
    page.get_by_role("heading", name="3 rows answered").wait_for()
    assert page.evaluate(WIDER) == 0


@pytest.mark.parametrize(
    ("model", "scheme"),
    [
        ("churn@champion", "light"),
        ("churn@champion", "dark"),
        ("price", "dark"),
        ("digit", "light"),
    ],
)
def test_no_rule_of_accessibility_is_broken(open_page: Open, model: str, scheme: str) -> None:
    page = open_page(model, color_scheme=scheme)
    predict(page)
    if model == "churn@champion":
        page.get_by_role("button", name="No", exact=True).click()
    found = axe.Axe().run(page).response["violations"]
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []


def test_the_keyboard_is_enough(open_page: Open) -> None:
    page = open_page("price")

    def focused() -> Any:
        return page.evaluate("document.activeElement.id || document.activeElement.textContent")

    order = []
    for _ in range(10):
        page.keyboard.press("Tab")
        order.append(focused())
        if order[-1] == "predict":
            break
    assert order[0] == "To the form"
    assert order[-3:] == ["f0", "f1", "predict"]
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("55")
    page.keyboard.press("Enter")
    page.locator(".facts").wait_for()
    assert answer(page)
    while focused() != "right":
        page.keyboard.press("Tab")
    page.keyboard.type("99")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("Recorded: right is 99.").wait_for()
    assert focused() == "Recorded: right is 99."  # it is not lost with the button


def test_what_has_the_focus_is_not_under_the_buttons(open_page: Open) -> None:
    page = open_page("tumor/1", viewport={"width": 360, "height": 640})
    page.locator("#f0").focus()
    for place in range(1, 30):
        page.keyboard.press("Tab")
        lowest, bar = page.evaluate(
            "[document.activeElement, document.querySelector('form > .buttons')]"
            ".map((one, at) => one.getBoundingClientRect()[at ? 'top' : 'bottom'])"
        )
        assert page.evaluate("document.activeElement.id") == f"f{place}"
        assert lowest <= bar


@pytest.fixture
def page_of_project(
    page_of: Open, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Project, Open]]:
    """A project, and what opens the form of an app of its models."""
    folder = tmp_path_factory.mktemp("site")
    project = Project(folder, capture_code=False, capture_environment=False)
    with contextlib.ExitStack() as servers:

        def opened(app: Any) -> Any:
            return page_of(servers.enter_context(Server(app)).url)

        yield project, opened
    project.close()


@pytest.mark.slow
def test_a_version_that_took_over_meanwhile_is_told(
    page_of_project: tuple[Project, Open],
) -> None:
    project, opened = page_of_project
    model, training = apps.churn()
    apps.register(project, model, "churn", training)
    apps.register(project, model, "churn", training)
    endpoint = project.endpoint("churn/1")
    page = opened(apps.app_with(project, {"churn": endpoint}))
    predict(page)
    assert page.locator("#news").count() == 0
    endpoint.current = project.endpoint("churn/2").current
    predict(page)
    assert page.locator("#news").inner_text() == (
        "Version 2 answers now; this form was made for version 1. Load its form."
    )
    page.get_by_role("link", name="Load its form").click()
    predict(page)
    assert page.title() == "churn/2: predict"
    assert page.locator("#news").count() == 0


def test_models_that_answer_other_things_are_asked(page_of_project: tuple[Project, Open]) -> None:
    project, opened = page_of_project
    rows = pd.DataFrame({"a": [0.1, 0.2, 5.1, 5.2], "b": [1.0, 2.0, 3.0, 4.0]})
    apps.register(project, KMeans(2, n_init=1, random_state=0).fit(rows), "cluster", rows)
    two = LinearRegression().fit(rows, rows.to_numpy() * [2.0, 10.0])
    apps.register(project, two, "two", rows)
    apps.register(project, DummyClassifier().fit(rows, [True, True, True, False]), "flag", rows)
    page = opened(apps.app_of(project, "cluster", "two", "flag"))
    predict(page)
    assert answer(page) in ("0", "1")
    page.get_by_role("link", name="two").click()
    predict(page)
    assert answer(page) == "0.2, 10"
    assert page.locator(".feedback").count() == 0
    page.get_by_role("link", name="flag").click()
    predict(page)
    assert answer(page) == "true"
    assert page.locator("th.said").inner_text() == "True"
    page.get_by_role("button", name="Yes", exact=True).click()
    page.get_by_text("Recorded: right is true.").wait_for()


@pytest.mark.slow
def test_names_from_outside_are_shown_as_they_are(page_of_project: tuple[Project, Open]) -> None:
    project, opened = page_of_project
    names = [payload for payload in PAYLOADS if "\u202e" not in payload]
    frame = pd.DataFrame({name: [f"{name}a", f"{name}b"] * 10 for name in names})
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    model.fit(frame, [names[0], names[1]] * 10)
    apps.register(project, model, "hostile", frame)
    page = opened(apps.app_of(project, "hostile"))
    assert page.locator("#form label").all_inner_texts()[: len(names)] == [
        " ".join(name.split()) for name in names
    ]
    page.locator("#f0").select_option(label="Other…")
    page.locator(".typed").first.fill("<img src=x onerror=alert(2)>")
    predict(page)
    assert answer(page) in names[:2]
    assert "is <img src=x onerror=alert(2)>, which" in page.locator(".warnings").inner_text()
    page.get_by_label("Paste JSON or CSV").fill(json.dumps(frame.head(2).to_dict("records")))
    page.get_by_role("button", name="Use these rows").click()
    page.get_by_role("heading", name="2 rows answered").wait_for()
    assert page.locator("img, svg, script:not([src]):not([type])").count() == 0
