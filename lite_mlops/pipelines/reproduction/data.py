"""The recorded data of a run, brought to where its command finds it."""

from __future__ import annotations

import shutil
from pathlib import Path

from lite_mlops.data import Datasets, DatasetVersion
from lite_mlops.store import Store


def versions_of(store: Store, run_id: str) -> list[DatasetVersion]:
    """Return the versions of data that a run used."""
    with store.reading() as database:
        rows = database.dicts("data_of_run", run=run_id)
    datasets = Datasets(store)
    names = dict.fromkeys(f"{row['name']}@{row['sha256']}" for row in rows)
    return [datasets.get(name) for name in names]


def bring_data(store: Store, run_id: str, top: str | None, code: Path) -> list[str]:
    """Bring the files that a run used below `code`; return what is missing, a sentence each.

    What came from memory is made again by the command. What is in the commit is there already.
    Files outside of the repository, whose top was `top`, are read where they are.
    """
    missing = []
    for version in versions_of(store, run_id):
        path = (version.source or {}).get("path")
        if path is None:
            continue
        recorded = store.layout.folder.parent / path
        inside = top is not None and recorded.is_relative_to(top)
        place = code / recorded.relative_to(top) if inside and top is not None else None
        if not (place is not None and place.exists()) and not _brought(store, version, place):
            kept = "" if version.snapshot else " and no copy of it was kept (`data add --snapshot`)"
            missing.append(
                f"The data {version.reference} is gone: {path} is not what it was{kept}."
            )
    return missing


def _brought(store: Store, version: DatasetVersion, place: Path | None) -> bool:
    """Bring a version to its place, from its copy or from where it was; return whether it is."""
    datasets = Datasets(store)
    if place is not None and version.snapshot is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        datasets.checkout(f"{version.name}@{version.sha256}", place)
        return True
    source = datasets.unchanged_source(version)
    if source is None:
        return False
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place)
        else:
            shutil.copyfile(source, place)
    return True
