"""The routes of the form: what they answer, what is escaped, and what ships with the package."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from hatchling.builders.wheel import WheelBuilder
from sklearn.linear_model import LogisticRegression

from lite_mlops.models import Column, ModelVersion, Output, Signature, infer_signature
from lite_mlops.project import Project
from lite_mlops.serving import Endpoint, Served
from lite_mlops.web import App, Guard, Request, Response, form_routes
from lite_mlops.web.pages.files import files
from lite_mlops.web.pages.form import place_of
from tests.web.pages import apps

ROWS = np.random.default_rng(3).normal(size=(60, 2))
MODEL = LogisticRegression().fit(ROWS, np.where(ROWS[:, 0] > 0, "yes", "no"))
SIGNATURE = infer_signature(MODEL, ROWS[:3], ROWS)


def version_of(signature: Signature = SIGNATURE, model: str = "churn", **more: Any) -> ModelVersion:
    about: dict[str, Any] = {"version": 1, "sha256": "0" * 64, "size": 1, "run_id": None}
    about |= {"requirements": {}, "created_at": datetime.now(UTC), "actor": "somebody"}
    return ModelVersion(model=model, signature=signature, **about | more)


def app(*references: str, **options: Any) -> App:
    """An app of nothing but forms."""
    served = {one: Endpoint(version_of(**options), MODEL) for one in references or ("churn/1",)}
    return App(form_routes(Served(served)))


def get(asked: App, path: str = "/", query: str = "", **headers: str) -> Response:
    return asked(Request("GET", path, {"host": "localhost:8000"} | headers, query=query))


class Reader(HTMLParser):
    """Gathers tags with their attributes, the texts within some, and what holds data."""

    def __init__(self, page: Response) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._within = ""
        self.feed(page.body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within = tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.setdefault(self._within, []).append(data.strip())

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """The elements and the names of their attributes, which no value may change."""
        return [(tag, tuple(attributes)) for tag, attributes in self.tags]

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def data(self) -> dict[str, Any]:
        (text,) = self.texts["script"]
        found: dict[str, Any] = json.loads(text)
        return found


# -- the page -----------------------------------------------------------------------------------


def test_the_form_has_a_labelled_field_for_each_column() -> None:
    page = get(app())
    assert (page.status, page.media) == (200, "text/html; charset=utf-8")
    read = Reader(page)
    inputs = [one for one in read.all("input") if "data-column" in one]
    assert [one["data-column"] for one in inputs] == ["x0", "x1"]
    assert {one["type"] for one in inputs} == {"number"}
    labelled = {one["for"] for one in read.all("label")}
    assert {one["id"] for one in inputs} <= labelled
    assert read.all("form")[0] | {"autocomplete": None} == {
        "id": "form",
        "action": "/predict",
        "method": "get",
        "autocomplete": None,
    }
    assert read.data()["classes"] == ["no", "yes"]
    assert read.data()["feedback"] is None  # nothing is recorded


def test_the_page_allows_nothing_but_files_of_ours() -> None:
    page = get(app())
    policy = dict(
        part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert page.headers["Referrer-Policy"] == "same-origin"
    read = Reader(page)
    assert [one.get("type") for one in read.all("script") if "src" not in one] == [
        "application/json"
    ]
    for _, attributes in read.tags:
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)


def test_what_the_page_loads_is_there_and_is_kept_for_good() -> None:
    asked = app()
    read = Reader(get(asked))
    loaded = [one["href"] for one in read.all("link")] + [
        one["src"] for one in read.all("script") if "src" in one
    ]
    assert len(loaded) == 3
    for path in loaded:
        assert path is not None
        answer = get(asked, path)
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert get(asked, "/static/page-000000000000.css").status == 404
    assert {file.media.split(";")[0] for file in files().values()} == {
        "text/css",
        "text/javascript",
        "image/svg+xml",
    }


def test_nothing_comes_from_elsewhere() -> None:
    for file in files().values():
        text = file.body.decode().replace('xmlns="http://www.w3.org/2000/svg"', "")
        text = text.replace("`http://${location.host}`", "")
        assert "://" not in text, file.path
    script = files()["page.js"].body.decode()
    for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert unsafe not in script


def test_a_link_of_another_site_leads_to_the_page_but_cannot_load_its_data() -> None:
    link = {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    }
    assert get(app(), "/", **link).status == 200
    assert get(app(), "/form/row", **link).status == 403


def test_everything_needs_the_token_where_one_is_needed() -> None:
    routes = form_routes(Served({"churn/1": Endpoint(version_of(), MODEL)}))
    asked = App(routes, Guard(tokens={"right"}.__contains__))
    for route in routes:
        assert get(asked, route.path).status == 401
        assert get(asked, route.path, **{"x-api-key": "right"}).status == 200


def test_columns_that_are_called_like_options_are_told_apart_in_addresses() -> None:
    signature = Signature((Column("proba", "float"),), SIGNATURE.outputs)
    read = Reader(get(app(signature=signature)))
    (field,) = [one for one in read.all("input") if "data-column" in one]
    assert (field["data-column"], field["name"]) == ("proba", "col.proba")


# -- several models -----------------------------------------------------------------------------


def test_several_models_are_chosen_by_links() -> None:
    asked = app("churn@champion", "churn/1")
    read = Reader(get(asked))
    assert [one["href"] for one in read.all("a")][1:3] == [
        "/?model=churn%40champion",
        "/?model=churn%2F1",
    ]
    assert [one.get("aria-current") for one in read.all("a")][1:3] == ["page", None]
    assert read.data()["predict"] == "/predict"
    other = Reader(get(asked, query="model=churn%2F1"))
    assert other.data()["predict"] == "/models/churn/1/predict"
    assert other.all("form")[0]["action"] == "/models/churn/1/predict"
    missing = get(asked, query="model=nothing")
    assert missing.status == 404
    assert b"nothing is not served here" in missing.body


@pytest.mark.parametrize(
    ("reference", "place"),
    [
        ("first", ""),
        ("churn@champion", "/models/churn@champion"),
        ("churn/3", "/models/churn/3"),
        ("churn", "/models/churn"),
        ("a b?c", "/models/a%20b%3Fc"),
        ("../files/churn.lmz", "/models/churn/1"),
    ],
)
def test_each_model_has_its_place(reference: str, place: str) -> None:
    endpoint = Endpoint(version_of(), MODEL)
    served = Served({"first": endpoint, reference: endpoint})
    assert place_of(served, reference, version_of()) == place


# -- rows ---------------------------------------------------------------------------------------


def test_a_random_row_comes_from_what_was_kept_or_is_made_up(project: Project) -> None:
    apps.register(project, MODEL, "churn", ROWS)
    kept = json.loads(get(apps.app_of(project, "churn"), "/form/row").body)
    assert kept["made_up"] is False
    rows = [[kept["row"]["x0"], kept["row"]["x1"]]]
    assert rows[0] in ROWS[:40].tolist()
    made_up = json.loads(get(app(), "/form/row").body)
    assert made_up["made_up"] is True
    assert set(made_up["row"]) == {"x0", "x1"}


def test_a_tensor_without_kept_rows_has_none() -> None:
    picture = replace(SIGNATURE, columns=(), tensor=None)
    written = picture.to_dict() | {"tensor": {"type": "float", "shape": [2, 2]}}
    signature = Signature.from_dict({k: v for k, v in written.items() if k != "columns"})
    asked = app(signature=signature)
    answer = get(asked, "/form/row")
    assert answer.status == 404
    assert b"No rows were kept with churn/1." in answer.body
    read = Reader(get(asked))
    assert "random" not in [one.get("id") for one in read.all("button")]
    assert [one["id"] for one in read.all("textarea")] == ["row", "pasted"]
    assert b"2 x 2 numbers, as nested lists" in get(asked).body


def test_where_nothing_is_known_of_the_training_data_no_verdict_is_claimed() -> None:
    unknown = Signature((Column("x0", "float", missing=True),), SIGNATURE.outputs)
    assert Reader(get(app(signature=unknown))).data()["judged"] is False
    assert Reader(get(app())).data()["judged"] is True


def test_very_wide_rows_are_written_as_json() -> None:
    columns = tuple(Column(f"c{place}", "float") for place in range(300))
    read = Reader(get(app(signature=Signature(columns, SIGNATURE.outputs))))
    assert read.data()["mode"] == "json"
    assert len(read.all("input")) == 1  # of the file
    assert "@row.json" in read.texts["code"][0]


def test_the_command_line_can_be_pasted_into_a_shell() -> None:
    columns = (Column("it's", "text", categories=("a 'b' $(c)",)),)
    read = Reader(get(app(signature=Signature(columns, SIGNATURE.outputs))))
    (command,) = read.texts["code"]
    assert shlex.split(command) == [
        "curl",
        "http://localhost:8000/predict",
        "--json",
        json.dumps({"it's": "a 'b' $(c)"}),
    ]


# -- escaping -----------------------------------------------------------------------------------

PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onfocus=alert(1) autofocus='",
    '" onfocus="alert(1)" autofocus="',
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</option></select><script>alert(1)</script>",
    "<!--<script>alert(1)",
    "{{ 7 * 7 }}{% for x in y %}",
    "javascript:alert(1)//\u2028\u202e</pre>&lt;script&gt;",
]


def payload_signature(text: str) -> Signature:
    columns = (
        Column(text, "text", categories=(text, f"{text}2")),
        Column(f"{text}3", "float", low=0.0, high=1.0),
        Column(f"{text}4", "text", missing=True),
    )
    return Signature(columns, (Output("label", "text", (text, f"{text}5"), probabilities=True),))


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("where", ["model", "signature", "description", "reference", "host"])
def test_no_name_from_outside_becomes_markup(where: str, payload: str) -> None:
    def page(text: str) -> Reader:
        options: dict[str, Any] = {}
        if where == "model":
            options["model"] = text
        elif where == "signature":
            options["signature"] = payload_signature(text)
        elif where == "description":
            options["tags"] = {"description": text}
        references = (text, "churn/1") if where == "reference" else ("churn/1",)
        asked = app(*references, **options)
        asked.guard = Guard(hosts=None)
        return Reader(get(asked, host=text if where == "host" else "localhost"))

    harmless, harmful = page("harmless"), page(payload)
    assert harmful.shape == harmless.shape
    if where == "signature":
        assert harmful.data()["columns"] == [payload, f"{payload}3", f"{payload}4"]
        named = [one["data-column"] for _, one in harmful.tags if "data-column" in one]
        assert named == harmful.data()["columns"]
        assert harmful.all("option")[0]["value"] == payload


def test_control_characters_are_shown_as_text() -> None:
    page = get(app(model="churn\u202egnp.exe")).body.decode()
    assert "<h1>churn\\u202egnp.exe<span" in page


# -- the package --------------------------------------------------------------------------------


@pytest.fixture
def wheel(tmp_path: Path) -> Iterator[list[str]]:
    """The names of the files of a wheel of this package."""
    root = Path(__file__).parents[3]
    (built,) = WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    with ZipFile(built) as opened:
        yield opened.namelist()


def test_the_page_ships_in_the_wheel(wheel: list[str]) -> None:
    folder = "lite_mlops/web/pages"
    assert {f"{folder}/static/{name}" for name in files()} <= set(wheel)
    assert f"{folder}/templates/form.html" in wheel
