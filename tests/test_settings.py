"""Settings come from the file, the environment and code; what cannot be used is told with where."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from lite_mlops.errors import Invalid
from lite_mlops.project import Project
from lite_mlops.settings import (
    FILE_NAME,
    PREFIX,
    Settings,
    environment_for_child,
    environment_with_threads,
    load_settings,
    telling_variables,
)


def loaded(
    folder: Path, text: str = "", environ: dict[str, str] | None = None, **options: Any
) -> Settings:
    """The settings of a project with this file, environment and options."""
    if text:
        (folder / FILE_NAME).write_text(text, encoding="utf-8")
    return load_settings(folder, options, environ or {})


# -- where they come from ------------------------------------------------------------------------


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    assert loaded(tmp_path) == Settings()


def test_the_environment_goes_before_the_file_and_code_before_both(tmp_path: Path) -> None:
    text = "wait_seconds = 1\nbacklog_mb = 1\nrotate_mb = 1\n"
    environ = {"LITE_MLOPS_BACKLOG_MB": "2", "LITE_MLOPS_ROTATE_MB": "2"}
    settings = loaded(tmp_path, text, environ, rotate_mb=3)
    assert (settings.wait_seconds, settings.backlog_mb, settings.rotate_mb) == (1, 2, 3)


def test_every_setting_can_be_set_in_every_place(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "durability": "full",
        "wait_seconds": 1.5,
        "backlog_mb": 2,
        "rotate_mb": 3,
        "keep_journals_mb": 4,
        "free_space_mb": 5,
        "database_memory_mb": 128,
        "database_threads": 1,
        "capture_code": False,
        "capture_environment": False,
        "capture_variables": ["A", "B"],
        "mask": ["pin"],
        "system_metrics": True,
        "system_metrics_seconds": 0.5,
        "sql_seconds": 6,
        "sql_memory_mb": 512,
        "sql_rows": 7,
        "model_format": "skops",
        "model_mb": 8,
        "lower": False,
        "workers": "1..4",
        "signed_by": ["k"],
        "canary_alpha": 0.05,
        "canary_errors": 0.001,
        "canary_slow": 0.1,
        "canary_tolerance": 3,
        "canary_seconds": 0.5,
        "canary_doubtful": 0.05,
        "actor": "ann",
    }
    assert set(values) == {field.name for field in dataclasses.fields(Settings)}
    lists: dict[str, Any] = {"capture_variables": ("A", "B"), "mask": ("pin",), "signed_by": ("k",)}
    expected = Settings(**(values | lists))

    def in_toml(value: object) -> str:
        return str(value).lower() if isinstance(value, bool) else repr(value)

    def in_environment(value: object) -> str:
        return ", ".join(value) if isinstance(value, list) else str(value)

    text = "".join(f"{name} = {in_toml(value)}\n" for name, value in values.items())
    environ = {PREFIX + name.upper(): in_environment(value) for name, value in values.items()}
    assert load_settings(tmp_path, values, {}) == expected
    assert load_settings(tmp_path, {}, environ) == expected
    assert loaded(tmp_path, text) == expected


@pytest.mark.parametrize("word", ["1", "TRUE", " yes ", "on"])
def test_the_environment_may_say_yes_in_several_words(tmp_path: Path, word: str) -> None:
    assert loaded(tmp_path, environ={"LITE_MLOPS_SYSTEM_METRICS": word}).system_metrics is True


@pytest.mark.parametrize("word", ["0", "False", "no", "off "])
def test_the_environment_may_say_no_in_several_words(tmp_path: Path, word: str) -> None:
    assert loaded(tmp_path, environ={"LITE_MLOPS_CAPTURE_CODE": word}).capture_code is False


def test_a_project_reads_the_file_beside_its_folder(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("durability = 'full'\n")
    assert Project(tmp_path).settings.durability == "full"
    assert Project(tmp_path / ".lite-mlops").settings.durability == "full"
    assert Project(tmp_path, durability="normal").settings.durability == "normal"


def test_a_project_reads_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITE_MLOPS_ACTOR", " ann ")
    assert Project(tmp_path).settings.actor == "ann"


def test_tables_belong_to_others(tmp_path: Path) -> None:
    text = "wait_seconds = 1\n[gates.churn]\nwait_seconds = 'x'\n[unknown]\na = 1\n"
    assert loaded(tmp_path, text) == Settings(wait_seconds=1)


def test_arrays_of_tables_belong_to_others_too(tmp_path: Path) -> None:
    text = "wait_seconds = 1\n[[gates]]\nname = 'a'\n[[gates]]\nname = 'b'\n"
    assert loaded(tmp_path, text) == Settings(wait_seconds=1)


def test_other_variables_with_the_same_beginning_are_left_alone(tmp_path: Path) -> None:
    environ = {"LITE_MLOPS_DIR": "/somewhere", "LITE_MLOPS_RUN_ID": "x", "LITE_MLOPS_OTHER": "y"}
    assert loaded(tmp_path, environ=environ) == Settings()


# -- what cannot be used -------------------------------------------------------------------------


def test_an_unknown_setting_is_told_with_those_near_to_it(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as error:
        loaded(tmp_path, durabilty="full")
    assert str(error.value) == (
        "option: there is no setting 'durabilty'. Did you mean 'durability'?"
    )


def test_an_unknown_setting_in_the_file_is_told_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as error:
        loaded(tmp_path, "colour = 'red'\n")
    assert str(error.value) == f"{tmp_path / FILE_NAME}: there is no setting 'colour'."


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("durability", "half", "expected 'normal' or 'full'"),
        ("durability", ["full"], "expected 'normal' or 'full'"),
        ("wait_seconds", -1, "expected a number from 0 to 86400"),
        ("wait_seconds", float("nan"), "expected a number from 0 to 86400"),
        ("wait_seconds", True, "expected a number"),
        ("wait_seconds", None, "expected a number"),
        ("rotate_mb", 0, "expected a number from 0.001 to 65536"),
        ("database_memory_mb", 1, "expected a number from 64 to 1.04858e+06"),
        ("capture_code", "maybe", "expected true or false"),
        ("capture_code", 2, "expected true or false"),
        ("capture_variables", 5, "expected a list of names"),
        ("mask", ["a", 5], "expected a list of names"),
        ("workers", 0, "expected a number, bounds such as '1..4', or 'auto'"),
        ("workers", "4..", "expected a number, bounds such as '1..4', or 'auto'"),
        ("actor", "  ", "expected a text"),
        ("actor", 5, "expected a text"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_with_the_setting(
    tmp_path: Path, name: str, value: object, reason: str
) -> None:
    with pytest.raises(Invalid) as error:
        load_settings(tmp_path, {name: value}, {})
    assert str(error.value) == f"option: {name} = {value!r} cannot be used: {reason}."


def test_a_value_in_the_environment_is_told_with_its_variable(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as error:
        loaded(tmp_path, environ={"LITE_MLOPS_DATABASE_THREADS": "0"})
    assert str(error.value) == (
        "LITE_MLOPS_DATABASE_THREADS: database_threads = '0' cannot be used: expected a number "
        "from 1 to 1024."
    )


def test_a_value_in_the_file_is_told_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as error:
        loaded(tmp_path, "capture_code = 'maybe'\n")
    assert str(error.value) == (
        f"{tmp_path / FILE_NAME}: capture_code = 'maybe' cannot be used: expected true or false."
    )


def test_a_word_where_a_number_belongs_is_told_with_the_numbers_that_are_right(
    tmp_path: Path,
) -> None:
    with pytest.raises(Invalid) as error:
        loaded(tmp_path, environ={"LITE_MLOPS_WAIT_SECONDS": "soon"})
    assert str(error.value) == (
        "LITE_MLOPS_WAIT_SECONDS: wait_seconds = 'soon' cannot be used: expected a number from 0 "
        "to 86400."
    )


def test_a_wrong_value_is_refused_even_where_another_place_goes_before_it(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="expected true or false"):
        loaded(tmp_path, "capture_code = 'maybe'\n", capture_code=True)


# -- the file ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["durability = \n", "a = 1\na = 2\n", "[gates\n"])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Invalid) as error:
        loaded(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path / FILE_NAME} is not valid TOML: ")
    assert "line " in str(error.value)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"actor = '\xff'\n")
    with pytest.raises(Invalid, match="cannot be read: 'utf-8' codec") as error:
        loaded(tmp_path)
    assert str(error.value).startswith(str(tmp_path / FILE_NAME))


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(Invalid, match=r"cannot be read: .*Is a directory"):
        loaded(tmp_path)


# -- what follows from them ----------------------------------------------------------------------


def test_decisions_are_recorded_under_the_actor_or_the_login_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOGNAME", "bob")
    assert Settings(actor="ann").who() == "ann"
    assert Settings().who() == "bob"


def test_a_child_is_told_the_project_and_the_run(tmp_path: Path) -> None:
    environment = environment_for_child(tmp_path, "6500")
    assert environment["LITE_MLOPS_DIR"] == str(tmp_path)
    assert environment["LITE_MLOPS_RUN_ID"] == "6500"
    assert environment["PATH"] == os.environ["PATH"]
    assert "LITE_MLOPS_RUN_ID" not in os.environ


def test_variables_are_recorded_in_the_order_of_their_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    names = list(telling_variables(()))
    assert names == sorted(names)
    assert {"OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"} <= set(names)


def test_threads_of_a_process_are_what_the_user_has_set_or_else_as_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("OMP", "OPENBLAS", "MKL", "BLIS"):
        monkeypatch.delenv(f"{name}_NUM_THREADS", raising=False)
    told = environment_with_threads(2)
    assert (told["OMP_NUM_THREADS"], told["OPENBLAS_NUM_THREADS"]) == ("2", "2")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "5")
    told = environment_with_threads(2)
    assert (told["OMP_NUM_THREADS"], told["OPENBLAS_NUM_THREADS"]) == ("2", "5")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")  # of this all others follow
    told = environment_with_threads(2)
    assert (told["OMP_NUM_THREADS"], told["OPENBLAS_NUM_THREADS"]) == ("7", "5")
    assert "MKL_NUM_THREADS" not in told
