"""A page of runs is a sequence, shows itself, and becomes tables of other libraries."""

from __future__ import annotations

import sys
from datetime import UTC

import pyarrow as pa
import pytest

from lite_mlops.errors import NotFound
from lite_mlops.project import Project
from lite_mlops.tracking.search import RunPage


@pytest.fixture
def page(project: Project) -> RunPage:
    """Two runs, b before a."""
    with project.start_run("a", params={"depth": 3}) as run:
        run.log_metric("auc", 0.5)
    with project.start_run("<b>", tags={"team": "x"}, note="second"):
        pass
    return project.search_runs("metrics.auc > 0 OR tags.team = 'x'")


COLUMNS = [
    *("run_id", "name", "experiment", "status", "actor", "start_time", "end_time", "duration"),
    *("parent", "note", "params.depth", "metrics.auc", "tags.team"),
]


def test_a_page_is_a_sequence_of_runs(page: RunPage) -> None:
    assert [run.name for run in page] == ["<b>", "a"]
    assert (len(page), page[1].name, page[-2:][0].name) == (2, "a", "<b>")
    assert page[0] in page
    assert page.next_page_token is None
    assert not RunPage(())


def test_a_page_shows_its_runs_and_what_was_asked_for(page: RunPage) -> None:
    assert repr(page).splitlines() == [
        "<RunPage: 2 runs>",
        f"  {page[0].id}  <b>  finished  metrics.auc=None  tags.team=x",
        f"  {page[1].id}  a  finished  metrics.auc=0.5  tags.team=None",
    ]
    html = page._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "metrics.auc" in html
    many = RunPage(page.items * 15, "token")
    assert repr(many).startswith("<RunPage: 30 runs, more with next_page_token>\n")
    assert repr(many).endswith("\n  ... and 10 more")


def test_dictionaries_have_the_same_names_in_every_row(page: RunPage) -> None:
    b, a = page.to_dicts()
    assert list(a) == list(b) == COLUMNS
    assert (a["metrics.auc"], a["params.depth"], a["tags.team"]) == (0.5, "3", None)
    assert (b["metrics.auc"], b["note"], b["tags.team"]) == (None, "second", "x")
    assert RunPage(()).to_dicts() == []


def test_tables_of_other_libraries_hold_the_same(page: RunPage) -> None:
    expected = page.to_dicts()
    assert page.to_polars().to_dicts() == expected
    assert page.arrow().to_pylist() == expected
    frame = page.to_pandas()
    assert list(frame.columns) == COLUMNS
    assert frame["metrics.auc"].isna().tolist() == [True, False]
    assert frame["start_time"].dt.tz == UTC
    assert frame["name"].tolist() == ["<b>", "a"]


def test_an_empty_table_has_the_types_of_a_full_one(page: RunPage) -> None:
    empty = RunPage(())
    names = COLUMNS[:10]
    assert empty.arrow().schema == page.arrow().select(names).schema
    assert empty.to_polars().schema == page.to_polars().select(names).schema
    assert empty.to_pandas().dtypes.equals(page.to_pandas()[names].dtypes)
    assert empty.arrow().schema.field("start_time").type == pa.timestamp("us", "UTC")


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_library_that_is_missing_is_named(
    page: RunPage, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    make = {"pandas": page.to_pandas, "polars": page.to_polars, "pyarrow": page.arrow}[library]
    with pytest.raises(NotFound) as error:
        make()
    assert str(error.value) == (
        f"{library} is not installed, and this needs it: pip install {library}"
    )


def test_histories_and_answers_to_sql_become_tables_too(project: Project) -> None:
    with project.start_run("a") as run:
        for step in range(3):
            run.log_metric("loss", step / 2, step=step)
    history = project.runs.history("a", "loss")
    table = history.arrow()
    assert table.column_names == ["step", "time", "value"]
    assert table["value"].to_pylist() == history.to_pandas()["value"].tolist() == [0.0, 0.5, 1.0]
    assert history.to_polars()["time"][0].tzinfo is not None
    answer = project.sql(
        "SELECT name, name, 1.5::DOUBLE AS x, [1] AS l, 7 AS n, true AS t FROM runs"
    )
    (row,) = answer.arrow().to_pylist()
    assert row == {"name": "a", "name_2": "a", "x": 1.5, "l": [1], "n": 7, "t": True}
    assert answer.to_polars().to_dicts() == [row]
    assert answer.to_pandas()["n"].tolist() == [7]
    empty = project.sql("SELECT name, 1.5::DOUBLE AS x FROM runs WHERE false")
    assert empty.arrow().schema.types == [pa.string(), pa.float64()]
