"""The scratch database: bounded memory, no Python and no network from inside, nothing left."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pytest

from lite_mlops.errors import Denied
from lite_mlops.settings import Settings
from lite_mlops.store import Workbench


def test_what_needs_too_much_memory_is_denied() -> None:
    with (
        Workbench(Settings(database_memory_mb=64)) as scratch,
        pytest.raises(Denied, match="needs more memory than database_memory_mb = 64 allows"),
    ):
        scratch.rows("SELECT len(list(i)) FROM range(50_000_000) t(i)")


def test_what_does_not_fit_goes_to_a_folder_that_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = sorted(tmp_path.iterdir())
    with Workbench(Settings(database_memory_mb=64)) as scratch:
        scratch.rows("CREATE TEMP TABLE t AS SELECT hash(i) AS c0 FROM range(12_000_000) r(i)")
        (folder,) = set(tmp_path.iterdir()) - set(before)
        assert sum(path.stat().st_size for path in folder.iterdir()) > 10_000_000
        assert scratch.rows("SELECT count(*) FROM t") == [(12_000_000,)]
    assert sorted(tmp_path.iterdir()) == before


def test_variables_of_python_are_not_tables() -> None:
    secret = {"a": np.arange(3)}
    with Workbench() as scratch, pytest.raises(duckdb.CatalogException, match="secret"):
        scratch.rows("SELECT * FROM secret")
    assert len(secret) == 1


def test_two_do_not_see_each_other() -> None:
    with Workbench() as one, Workbench() as other:
        one.keep("t", [("integer", np.arange(3), np.array([False, True, False]))])
        assert one.rows("SELECT c0 FROM t") == [(0,), (None,), (2,)]
        with pytest.raises(duckdb.CatalogException):
            other.rows("SELECT c0 FROM t")
