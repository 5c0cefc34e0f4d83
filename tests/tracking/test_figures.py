"""Figures of matplotlib, plotly and PIL are kept in the format that the ending names."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from matplotlib.figure import Figure
from PIL import Image
from plotly import graph_objects

from lite_mlops.errors import Invalid
from lite_mlops.project import Project
from lite_mlops.tracking.figures import figure_bytes, media_type, table_bytes


@pytest.fixture
def drawn() -> Figure:
    """A figure of matplotlib; made without pyplot, so that nothing is left open."""
    figure = Figure(figsize=(2, 1), dpi=50)
    figure.subplots().plot([1, 2, 3])
    return figure


@pytest.fixture
def chart() -> Any:
    """A figure of plotly."""
    return graph_objects.Figure(graph_objects.Scatter(y=[1, 2, 3], name="loss curve"))


@pytest.mark.parametrize(
    ("path", "start", "media"),
    [
        ("plots/roc.png", b"\x89PNG", "image/png"),
        ("roc.PNG", b"\x89PNG", "image/png"),
        ("roc.pdf", b"%PDF", "application/pdf"),
        ("roc.svg", b"<?xml", "image/svg+xml"),
        ("roc.jpg", b"\xff\xd8\xff", "image/jpeg"),
    ],
)
def test_a_figure_of_matplotlib_is_kept(
    project: Project, drawn: Figure, path: str, start: bytes, media: str
) -> None:
    with project.start_run() as run:
        run.log_figure(drawn, path)
    (artifact,) = project.runs.get(run.id).artifacts
    assert (artifact.path, artifact.media) == (path, media)
    assert project.runs.read_artifact(run.id, path).startswith(start)


def test_a_figure_of_matplotlib_has_its_size(project: Project, drawn: Figure) -> None:
    with project.start_run() as run:
        run.log_figure(drawn, "roc.png")
    with Image.open(io.BytesIO(project.runs.read_artifact(run.id, "roc.png"))) as image:
        assert image.size == (100, 50)


def test_a_figure_of_plotly_is_kept_as_json(project: Project, chart: Any) -> None:
    with project.start_run() as run:
        run.log_figure(chart, "loss.json")
    (artifact,) = project.runs.get(run.id).artifacts
    assert artifact.media == "application/json"
    kept = json.loads(project.runs.read_artifact(run.id, "loss.json"))
    assert kept["data"][0]["name"] == "loss curve"


def test_a_figure_of_plotly_is_kept_as_a_page_of_its_own(project: Project, chart: Any) -> None:
    with project.start_run() as run:
        run.log_figure(chart, "loss.html")
    (artifact,) = project.runs.get(run.id).artifacts
    assert artifact.media == "text/html"
    page = project.runs.read_artifact(run.id, "loss.html").decode()
    assert page.startswith("<!doctype html>")
    assert "loss curve" in page
    assert "<script src=" not in page  # it is shown without a network as well


@pytest.mark.parametrize(
    ("path", "kind"), [("x.png", "PNG"), ("x.jpg", "JPEG"), ("x.webp", "WEBP"), ("x.GIF", "GIF")]
)
def test_a_picture_of_pil_is_kept(project: Project, path: str, kind: str) -> None:
    with project.start_run() as run:
        run.log_figure(Image.new("RGB", (3, 2), "red"), path)
    with Image.open(io.BytesIO(project.runs.read_artifact(run.id, path))) as image:
        assert (image.format, image.size) == (kind, (3, 2))


def test_a_picture_of_pil_is_kept_as_tif() -> None:
    data = figure_bytes(Image.new("RGB", (3, 2)), "x.tif")
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "TIFF"


@pytest.mark.parametrize("data", [b"GIF89a", bytearray(b"GIF89a"), memoryview(b"GIF89a")], ids=type)
def test_bytes_are_kept_as_they_are(project: Project, data: Any) -> None:
    with project.start_run() as run:
        run.log_figure(data, "picture")
    assert project.runs.read_artifact(run.id, "picture") == b"GIF89a"


def test_what_is_no_figure_is_refused() -> None:
    with pytest.raises(Invalid) as error:
        figure_bytes([1, 2], "x.png")
    assert str(error.value) == (
        "log_figure takes a matplotlib or plotly figure, a PIL image or bytes; this is a list."
    )


def test_a_figure_needs_an_ending(drawn: Figure) -> None:
    with pytest.raises(Invalid) as error:
        figure_bytes(drawn, "plots/roc")
    assert str(error.value) == (
        "'plots/roc' needs an ending that names the format, such as '.png'."
    )


def test_a_format_that_matplotlib_cannot_write_is_told_with_those_it_can(drawn: Figure) -> None:
    with pytest.raises(Invalid, match=r"^the figure cannot be written as 'x\.xyz': .*png"):
        figure_bytes(drawn, "x.xyz")


def test_a_format_that_plotly_cannot_write_is_told_with_those_it_can(chart: Any) -> None:
    with pytest.raises(Invalid) as error:
        figure_bytes(chart, "x.xyz")
    assert str(error.value) == (
        "a plotly figure is written as .html, .json or a picture; 'x.xyz' is neither."
    )


def test_a_picture_that_pil_cannot_write_is_refused_with_the_reason() -> None:
    with pytest.raises(Invalid) as error:
        figure_bytes(Image.new("RGBA", (3, 2)), "x.jpg")
    assert str(error.value) == (
        "the figure cannot be written as 'x.jpg': cannot write mode RGBA as JPEG."
    )


def test_a_format_that_pil_does_not_know_is_told() -> None:
    with pytest.raises(Invalid, match=r"(?i)^the figure cannot be written as 'x\.xyz': .*format"):
        figure_bytes(Image.new("RGB", (3, 2)), "x.xyz")


@pytest.mark.parametrize(
    ("data", "path", "text"),
    [
        (
            5,
            "t.csv",
            (
                "log_table takes a list of dictionaries, a dictionary of columns or a DataFrame; "
                "this is a int."
            ),
        ),
        (
            {"a": [1, 2], "b": [1]},
            "t.csv",
            ("the columns of a table have the same length; these have {'a': 2, 'b': 1}."),
        ),
        ([{"a": 1}], "t.xlsx", "a table is written as .json or .csv; 't.xlsx' is neither."),
    ],
)
def test_what_is_no_table_is_refused(data: Any, path: str, text: str) -> None:
    with pytest.raises(Invalid) as error:
        table_bytes(data, path)
    assert str(error.value) == text


def test_a_column_that_is_one_value_is_refused() -> None:
    with pytest.raises(Invalid, match="'loss'"):
        table_bytes({"loss": 0.5}, "t.json")


@pytest.mark.parametrize(
    ("path", "media"),
    [("a.json", "application/json"), ("a/b.CSV", "text/csv"), ("a", "application/octet-stream")],
)
def test_the_ending_tells_the_media_type(path: str, media: str) -> None:
    assert media_type(path) == media
