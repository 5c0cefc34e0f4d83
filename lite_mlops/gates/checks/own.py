"""Own checks: a function of the project, which the definition of the gate names.

    # checks.py, beside lite-mlops.toml
    def no_silent_ward(evidence, ward="icu"):
        rows = evidence.columns["ward"] == ward
        return bool(evidence.predicted[rows].any()), f"{rows.sum()} patients of {ward}"

    # lite-mlops.toml
    [[gate.sepsis.check]]
    check = "python"
    function = "checks:no_silent_ward"
    options = { ward = "icu" }

It returns true or false, or that and a reason. What it raises fails the check.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data import Columns
from lite_mlops.errors import Invalid, LiteMlopsError, NotFound, suggestion
from lite_mlops.gates.case import Answered, Case
from lite_mlops.gates.definition import Check
from lite_mlops.gates.verdicts import Found, failed, met
from lite_mlops.models import ModelVersion


@dataclass(frozen=True, eq=False)
class OwnEvidence:
    """What a function of the project is given.

    Attributes:
        version: The candidate.
        current: The version that it may replace; None: there is none.
        columns: The data, by column; empty if there is none.
        labels: The true answers; None if there is no label.
        predicted: What the candidate answers to the data.
        scores: Its probabilities, shape (rows, classes).
        current_predicted, current_scores: Those of the present version.
        ask: Answers other rows with the candidate: `ask(rows).predicted`.
    """

    version: ModelVersion
    current: ModelVersion | None
    columns: Columns
    labels: NDArray[Any] | None
    predicted: NDArray[Any] | None
    scores: NDArray[np.float64] | None
    current_predicted: NDArray[Any] | None
    current_scores: NDArray[np.float64] | None
    ask: Callable[[Any], Answered]


def judge_own(returned: Any, function: str) -> Found:
    """Return what a function meant: true or false, or that and a reason.

    Raises:
        Invalid: it is neither.
    """
    holds, reason = returned, ""
    if isinstance(returned, tuple) and len(returned) == 2:
        holds, reason = returned
    if not isinstance(holds, bool | np.bool_) or not isinstance(reason, str):
        raise Invalid(
            f"{function} returned {returned!r}; a check returns true or false, or that and a "
            "reason."
        )
    word = "holds" if holds else "does not hold"
    return met(bool(holds), reason or f"{function} {word}.")


@contextmanager
def _found_in(folder: Path) -> Iterator[None]:
    """Have modules of a folder found first, for the time of a check."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _module(folder: Path, name: str) -> ModuleType:
    """Return a module, read anew if it is a file of the project's folder. Raises `NotFound`."""
    file = folder / (name.replace(".", "/") + ".py")
    if file.is_file() and "." not in name:
        spec = importlib.util.spec_from_file_location(f"_gate_checks_{name}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # which dataclasses look for
        spec.loader.exec_module(module)
        return module
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise NotFound(f"there is no module {name!r} in {folder} or on the path: {error}") from None


def _evidence(case: Case) -> OwnEvidence:
    columns: Columns = {}
    labels = ours = theirs = None
    try:
        sample = case.sample
    except NotFound:  # there is no data
        pass
    except Invalid:
        columns, ours = case.columns, case.answers(case.columns)
    else:
        columns, labels, ours, theirs = (
            sample.columns,
            sample.labels,
            sample.candidate,
            sample.current,
        )
    return OwnEvidence(
        case.candidate,
        case.current,
        columns,
        labels,
        None if ours is None else ours.predicted,
        None if ours is None else ours.scores,
        None if theirs is None else theirs.predicted,
        None if theirs is None else theirs.scores,
        case.answers,
    )


def check_python(case: Case, check: Check) -> Found:
    """Return what a function of the project says of the candidate."""
    module_name, _, name = check["function"].partition(":")
    folder = case.store.layout.folder.parent
    options: Mapping[str, Any] = check["options"] or {}
    with _found_in(folder):
        try:
            module = _module(folder, module_name)
            function = getattr(module, name, None)
            if not callable(function):
                known = [one for one in vars(module) if not one.startswith("_")]
                raise NotFound(f"{module_name} has no function {name!r}.{suggestion(name, known)}")
            found = judge_own(function(_evidence(case), **options), check["function"])
        except LiteMlopsError:
            raise
        except Exception as error:  # noqa: BLE001  whatever the function of somebody else raises
            return failed(f"{check['function']} raised {type(error).__name__}: {error}")
    return Found(**{**vars(found), "evidence": _source(module)})


def _source(module: ModuleType) -> dict[str, str]:
    """Return the hash of the file of a module, as evidence of what was asked."""
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).is_file():
        return {}
    return {"sha256": hashlib.sha256(Path(file).read_bytes()).hexdigest()}
