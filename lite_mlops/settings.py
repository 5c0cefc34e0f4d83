"""Settings: `lite-mlops.toml` beside the project folder < environment < what code passes.

    durability = "full"          # in lite-mlops.toml
    LITE_MLOPS_DURABILITY=full   # in the environment
    Project(durability="full")   # in code

This is the only module that reads environment variables.
"""

from __future__ import annotations

import dataclasses
import getpass
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lite_mlops.errors import Invalid, suggestion

FILE_NAME = "lite-mlops.toml"
PREFIX = "LITE_MLOPS_"

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise ValueError("expected true or false")


def _number(low: float, high: float) -> Callable[[object], float]:
    def parse(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError("expected a number")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            raise ValueError(f"expected a number from {low:g} to {high:g}")
        return number

    return parse


def _choice(*allowed: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if value not in allowed:
            raise ValueError("expected " + " or ".join(repr(word) for word in allowed))
        return str(value)

    return parse


def _workers(value: object) -> str:
    if not re.fullmatch(r"auto|[1-9]\d*(\.\.[1-9]\d*)?", text := str(value)):
        raise ValueError("expected a number, bounds such as '1..4', or 'auto'")
    return text


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [word.strip() for word in value.split(",") if word.strip()]
    if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
        return tuple(value)
    raise ValueError("expected a list of names")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("expected a text")
    return value.strip()


def _setting(default: Any, parse: Callable[[object], Any], help_text: str) -> Any:
    metadata = {"parse": parse, "help": help_text}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a project; every field has a default, a help text and a parser."""

    durability: str = _setting(
        "normal",
        _choice("normal", "full"),
        "'normal': a power cut costs at most the last second; 'full': every call is synced to disk",
    )
    wait_seconds: float = _setting(
        30.0,
        _number(0, 86_400),
        "how long reading or deciding waits for another process that holds the store",
    )
    backlog_mb: float = _setting(
        64.0,
        _number(0, 65_536),
        "how much is kept in memory while the disk cannot be written to",
    )
    rotate_mb: float = _setting(
        8.0, _number(0.001, 65_536), "size at which a process starts a new journal file"
    )
    keep_journals_mb: float = _setting(
        64.0,
        _number(0, 1_048_576),
        "folded journals kept before a verified backup of the database replaces them",
    )
    free_space_mb: float = _setting(
        64.0, _number(0, 1_048_576), "folding pauses while less disk space than this would be left"
    )
    database_memory_mb: float = _setting(
        512.0, _number(64, 1_048_576), "memory limit of the embedded database in one process"
    )
    database_threads: float = _setting(
        2, _number(1, 1024), "threads of the embedded database in one process"
    )
    capture_code: bool = _setting(
        True, _flag, "record git commit, branch, remote and uncommitted changes of each run"
    )
    capture_environment: bool = _setting(
        True, _flag, "record Python, packages, host and command line of each run"
    )
    capture_variables: tuple[str, ...] = _setting(
        (), _names, "further environment variables to record with each run"
    )
    mask: tuple[str, ...] = _setting(
        (), _names, "further parts of names whose values are secrets and are never stored"
    )
    system_metrics: bool = _setting(
        False, _flag, "record CPU, memory and GPU use while a run is active"
    )
    system_metrics_seconds: float = _setting(
        10.0, _number(0.1, 3600), "seconds between two readings of the system metrics"
    )
    sql_seconds: float = _setting(
        10.0, _number(0.1, 3600), "time limit of one statement of the SQL console"
    )
    sql_memory_mb: float = _setting(
        1024.0, _number(256, 1_048_576), "memory limit of the SQL console's process"
    )
    sql_rows: float = _setting(
        10_000, _number(1, 100_000_000), "rows that the SQL console returns at most"
    )
    model_format: str = _setting(
        "joblib",
        _choice("joblib", "skops"),
        "the format of model files; 'skops' needs that package and takes more time and space",
    )
    model_mb: float = _setting(
        2048.0,
        _number(1, 1_048_576),
        "the largest model file that is loaded, and the most that a compressed one unpacks to",
    )
    lower: bool = _setting(
        True,
        _flag,
        "try to make a plan of each model that is registered, which answers without scikit-learn",
    )
    workers: str = _setting(
        "1",
        _workers,
        "processes that answer behind `serve`: a number, bounds such as 1..4, or auto",
    )
    signed_by: tuple[str, ...] = _setting(
        (), _names, "public keys; a model is loaded only if it is signed by one of them"
    )
    canary_alpha: float = _setting(
        0.01,
        _number(1e-9, 0.5),
        "the chance that a canary is rolled back which is not worse than the present version",
    )
    canary_errors: float = _setting(
        0.0,
        _number(0, 0.99),
        "the share of requests that a canary may fail beyond what the present version does",
    )
    canary_slow: float = _setting(
        0.05,
        _number(0, 0.99),
        "the share of a canary's calls that may be slow beyond those of the present version",
    )
    canary_tolerance: float = _setting(
        2.0,
        _number(1, 1000),
        "a call is slow that takes so many times as long as 95 of 100 of the present version",
    )
    canary_seconds: float = _setting(
        2.0,
        _number(0.01, 3600),
        "how long a canary or a shadow may take for a call of up to a thousand rows; then the "
        "present version answers, and it is asked no more until it has returned",
    )
    canary_doubtful: float = _setting(
        0.02,
        _number(0, 0.99),
        "the share of requests that may be doubtful to a canary beyond those of the present one",
    )
    actor: str = _setting("", _text, "who is recorded with decisions; default: the login name")

    @property
    def model_bytes(self) -> int:
        """The largest model file that is loaded, in bytes."""
        return int(self.model_mb * (1 << 20))

    def who(self) -> str:
        """Return the name recorded with decisions."""
        if self.actor:
            return self.actor
        try:
            return getpass.getuser()
        except (OSError, KeyError):  # no password entry and no USER variable, as in containers
            return "unknown"


_FIELDS = {f.name: f for f in dataclasses.fields(Settings)}


def _parsed(name: str, value: object, place: str) -> Any:
    if name not in _FIELDS:
        raise Invalid(f"{place}: there is no setting {name!r}.{suggestion(name, _FIELDS)}")
    try:
        return _FIELDS[name].metadata["parse"](value)
    except ValueError as error:
        raise Invalid(f"{place}: {name} = {value!r} cannot be used: {error}.") from None


def _is_table(value: object) -> bool:
    """Return whether it is a table or an array of tables."""
    items = value if isinstance(value, list) and value else [value]
    return all(isinstance(item, dict) for item in items)


def _read(path: Path) -> dict[str, Any]:
    """Return what a settings file holds; nothing if there is none. Raises `Invalid`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}") from None
    import tomllib  # only a project with a settings file pays for the parser

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"{path} is not valid TOML: {error}") from None


def _from_file(path: Path) -> dict[str, Any]:
    # Tables belong to the concepts (gates, monitors); plain keys are settings.
    plain = {name: value for name, value in _read(path).items() if not _is_table(value)}
    return {name: _parsed(name, value, str(path)) for name, value in plain.items()}


def load_tables(root: Path, *names: str) -> dict[str, Any]:
    """Return the tables of these names in `lite-mlops.toml` of the project in `root`.

    They belong to the concepts (steps, gates, monitors), which check what stands in them.

    Raises:
        Invalid: the file cannot be read.
    """
    found = _read(root / FILE_NAME)
    return {name: found[name] for name in names if name in found}


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for name in _FIELDS:
        variable = PREFIX + name.upper()
        if variable in environ:
            found[name] = _parsed(name, environ[variable], variable)
    return found


def load_settings(
    root: Path, options: Mapping[str, object], environ: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings of the project whose folder lies in `root`.

    Raises:
        Invalid: a setting is unknown or has a value that cannot be used; says where it stands.
    """
    values = _from_file(root / FILE_NAME)
    values |= _from_environment(os.environ if environ is None else environ)
    values |= {name: _parsed(name, value, "option") for name, value in options.items()}
    return Settings(**values)


def tables_of(root: Path, concept: str) -> dict[str, dict[str, Any]]:
    """Return the tables `[concept.NAME]` of the file in `root`, by name.

    Raises:
        Invalid: the file cannot be read, one of them is no table, or a table beside them has a
            name that is nearly the same.
    """
    path = root / FILE_NAME
    whole = _read(path)
    for name in whole:
        if name != concept and _is_table(whole[name]) and suggestion(name, [concept]):
            raise Invalid(f"{path}: there is no table {name!r}. Did you mean {concept!r}?")
    found = whole.get(concept, {})
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise Invalid(f"{path}: {concept} needs a name: write it as [{concept}.NAME].")
    return found


def file_state(root: Path) -> tuple[int, int] | None:
    """Return what changes with the file in `root`; None if there is none."""
    try:
        status = (root / FILE_NAME).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def secret_of(variable: str) -> str | None:
    """Return a secret that the environment holds under this name; it is never stored or told."""
    return os.environ.get(variable) or None


def chosen_folder() -> str | None:
    """Return the project folder that the environment names, if it names one."""
    return os.environ.get(PREFIX + "DIR")


def joined_run() -> str | None:
    """Return the run that `lite-mlops run` started for this process, if it did."""
    return os.environ.get(PREFIX + "RUN_ID")


def environment_for_child(folder: Path, run_id: str | None) -> dict[str, str]:
    """Return the environment in which a started script joins the run `run_id`, if there is one."""
    chosen = {PREFIX + "DIR": str(folder), "PYTHONUNBUFFERED": "1"}
    inherited = {name: value for name, value in os.environ.items() if name != PREFIX + "RUN_ID"}
    return inherited | chosen | ({} if run_id is None else {PREFIX + "RUN_ID": run_id})


# OMP_NUM_THREADS is heeded by all of them that have no variable of their own set.
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def environment_with_threads(threads: int) -> dict[str, str]:
    """Return the environment of a process in which BLAS and OpenMP take so many threads.

    What the user has set stays; where it is OMP_NUM_THREADS, nothing is added.
    """
    inherited = dict(os.environ)
    if "OMP_NUM_THREADS" in inherited:
        return inherited
    return dict.fromkeys(_THREADS, str(threads)) | inherited


# What changes the outcome or the speed of training without standing in the code.
_TELLING = ("PYTHONHASHSEED", "CUBLAS_WORKSPACE_CONFIG", "OMP_", "MKL_", "OPENBLAS_", "CUDA_")
_TELLING_JOBS = ("SLURM_JOB", "SLURM_ARRAY", "CONDA_DEFAULT_ENV", "VIRTUAL_ENV")
_TELLING_NAMES = ("LANG", "TZ")


def telling_variables(further: tuple[str, ...]) -> dict[str, str]:
    """Return the environment variables worth recording with a run."""
    prefixes = _TELLING + _TELLING_JOBS
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(prefixes) or name in (*_TELLING_NAMES, *further)
    }
