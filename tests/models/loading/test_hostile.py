"""Hostile model files: none runs, and each refusal says why."""

from __future__ import annotations

import copyreg
import os
import pickle
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from lite_mlops.errors import Denied, Invalid, LiteMlopsError
from lite_mlops.models.loading import (
    RefusedModel,
    UnreadableModel,
    Untrusted,
    imports_of,
    inspect_model,
)
from tests.models.loading.conftest import Loads
from tests.models.loading.hostile import (
    REFUSED,
    SKOPS,
    UNLISTED,
    UNREADABLE,
    Made,
    Reduced,
    system,
)

EVERY: dict[str, tuple[Made, str]] = {**UNLISTED, **REFUSED, **UNREADABLE, **SKOPS}


def test_there_are_enough_of_them() -> None:
    assert len(EVERY) >= 90


@pytest.mark.parametrize(("make", "words"), UNLISTED.values(), ids=UNLISTED.keys())
def test_what_is_not_listed_is_named_and_nothing_runs(
    load: Loads, tmp_path: Path, make: Made, words: str
) -> None:
    modules = set(sys.modules)
    with pytest.raises(Untrusted) as refusal:
        load(make(tmp_path / "marker"))
    assert words in str(refusal.value)
    assert str(refusal.value).startswith("The file of model version churn/3 was not loaded: it ")
    assert refusal.value.imports
    assert not (tmp_path / "marker").exists()
    assert isinstance(refusal.value, Denied)
    assert not {name for name in set(sys.modules) - modules if name.startswith("numpy.f2py")}


@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_no_model_needs_is_refused_whatever_is_trusted(
    load: Loads, tmp_path: Path, make: Made, words: str
) -> None:
    with pytest.raises(RefusedModel) as refusal:
        load(make(tmp_path / "marker"), trusted=["os:system", "posix:system"])
    assert words in str(refusal.value)
    assert str(refusal.value).startswith("The file of model version churn/3 was not loaded: it")
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize(("make", "words"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_model_file_is_told(load: Loads, tmp_path: Path, make: Made, words: str) -> None:
    with pytest.raises((UnreadableModel, Untrusted)) as refusal:
        load(make(tmp_path / "marker"))
    assert words in str(refusal.value)
    assert not (tmp_path / "marker").exists()
    assert isinstance(refusal.value, Invalid | Untrusted)


@pytest.mark.parametrize(("make", "words"), SKOPS.values(), ids=SKOPS.keys())
def test_files_of_skops(load: Loads, tmp_path: Path, make: Made, words: str) -> None:
    with pytest.raises((UnreadableModel, RefusedModel, Untrusted)) as refusal:
        load(make(tmp_path / "marker"), format="skops", limit=1 << 22)
    assert words in str(refusal.value)
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("make", [make for make, _ in EVERY.values()], ids=list(EVERY))
def test_inspecting_runs_nothing_either(tmp_path: Path, make: Made) -> None:
    with suppress(LiteMlopsError):
        found = inspect_model(make(tmp_path / "marker"), limit=1 << 22)
        assert found.imports
    assert not (tmp_path / "marker").exists()


def test_all_names_are_listed_before_anything_is_made(load: Loads, tmp_path: Path) -> None:
    data = pickle.dumps(
        [system(tmp_path / "marker"), Reduced(eval, ("1",)), Reduced(os.getcwd, ())]
    )
    with pytest.raises(Untrusted) as refusal:
        load(data)
    assert refusal.value.imports == ("posix:system", "builtins:eval", "posix:getcwd")


def test_what_the_owner_trusts_is_loaded(load: Loads) -> None:
    data = pickle.dumps(Reduced(os.getpid, ()))
    assert imports_of(data) == ("posix:getpid",)
    assert load(data, trusted=["posix:getpid"]) == os.getpid()


def test_a_registered_extension_code_is_refused_all_the_same(load: Loads, tmp_path: Path) -> None:
    copyreg.add_extension("os", "system", 240)
    try:
        with pytest.raises(RefusedModel, match="extension codes"):
            load(b"\x80\x02\x82\xf0X\x04\0\0\0true\x85R.", trusted=["os:system"])
    finally:
        copyreg.remove_extension("os", "system", 240)


def test_a_file_that_is_too_large_is_not_read(load: Loads) -> None:
    with pytest.raises(RefusedModel, match="it has 115 bytes and at most 100 are loaded"):
        load(pickle.dumps("a" * 100), limit=100)
