"""What the path of an MLflow store may mean: a database, a folder, or a folder with either."""

from __future__ import annotations

from pathlib import Path

from lite_mlops.errors import Invalid, NotFound
from lite_mlops.importing.mlflow.database import DatabaseReader, is_database
from lite_mlops.importing.mlflow.folders import FolderReader, holds_store
from lite_mlops.importing.mlflow.values import Reader
from lite_mlops.importing.told import Told

_DATABASE = "mlflow.db"
_FOLDER = "mlruns"


def open_mlflow(path: Path, told: Told) -> Reader:
    """Return what reads the store at `path`: an SQLite file, `mlruns`, or a folder with either.

    Raises:
        NotFound: there is nothing.
        Invalid: it is no MLflow store, or the folder holds two.
        Damaged, Busy: it cannot be read, or is being written to.
    """
    if path.is_file():
        if not is_database(path):
            raise Invalid(
                f"{path} is no SQLite database. MLflow keeps its runs in a database such as "
                f"{_DATABASE}, or in a folder {_FOLDER}."
            )
        return DatabaseReader(path, told)
    if not path.is_dir():
        raise NotFound(f"There is no {path}.")
    databases = [one for one in (path / _DATABASE,) if one.is_file()]
    folders = [one for one in (path, path / _FOLDER) if holds_store(one)]
    if len(databases) + len(folders) > 1:
        named = " and ".join(str(one) for one in (*databases, *folders))
        raise Invalid(f"{path} holds two MLflow stores, {named}. Name the one that is meant.")
    if databases:
        return DatabaseReader(databases[0], told)
    if folders:
        return FolderReader(folders[0], told)
    raise Invalid(
        f"{path} is no MLflow store: it holds neither {_DATABASE} nor experiments with a meta.yaml."
    )
