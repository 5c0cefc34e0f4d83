"""The recipe of a run: the command, code, packages and variables that were recorded of it.

recipe = recipe_of(run, diff, requirements)
recipe.missing  # what would be needed and was not recorded; empty if it can be run again

Pure functions of what was recorded; nothing is looked for on the disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from lite_mlops.security import MASKED
from lite_mlops.tracking import Run, parse_requirements

_CUT = "\n[cut: "
# Tell where a run ran, not how: they are not handed on to the next run.
_OF_THE_PLACE = ("VIRTUAL_ENV", "CONDA_DEFAULT_ENV", "SLURM_JOB", "SLURM_ARRAY")
_PYTHON = re.compile(r"(?i)python[0-9.]*w?(?:\.exe)?")


@dataclass(frozen=True)
class Recipe:
    """What is needed to run a run again."""

    run_id: str
    command: tuple[str, ...]  # the interpreter first, as it was
    executable: str | None  # the Python that the run had
    wrapped: bool  # it was `lite-mlops run` that tracked it, the command itself may log nothing
    commit: str | None
    diff: str  # uncommitted changes of tracked files
    untracked: tuple[str, ...]
    folder: str | None  # the working directory, below the top of the repository
    top: str | None  # where the top of the repository was
    python: str | None
    packages: Mapping[str, str]
    variables: Mapping[str, str]
    missing: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as JSON can hold it."""
        lists = ("command", "untracked", "missing")
        return vars(self) | {name: list(getattr(self, name)) for name in lists}

    def command_in(self, top: str, python: str) -> list[str]:
        """Return the command with `python` for its interpreter and `top` for the old repository."""
        words = [self._moved(word, top) for word in self.command]
        if words and (words[0] == self.executable or _PYTHON.fullmatch(_last_part(words[0]))):
            words[0] = python
        return words

    def _moved(self, word: str, top: str) -> str:
        if self.top and (word == self.top or word.startswith((f"{self.top}/", f"{self.top}\\"))):
            return top + word[len(self.top) :]
        return word


def _last_part(word: str) -> str:
    return PureWindowsPath(word).name


def recipe_of(run: Run, diff: str = "", requirements: str = "") -> Recipe:
    """Return the recipe of a run from its record, its uncommitted diff and its requirements."""
    source = run.source
    git: Mapping[str, Any] = source.get("git") or {}
    command = tuple(source.get("command") or ())
    folder = git.get("folder")
    variables = {
        name: value
        for name, value in (source.get("variables") or {}).items()
        if not name.startswith(_OF_THE_PLACE)
    }
    return Recipe(
        run_id=run.id,
        command=command,
        executable=source.get("executable"),
        wrapped=bool(source.get("wrapped")),
        commit=git.get("commit"),
        diff=diff,
        untracked=tuple(git.get("untracked") or ()),
        folder=folder,
        top=_top(source.get("folder"), folder),
        python=source.get("python"),
        packages=parse_requirements(requirements),
        variables=variables,
        missing=tuple(_missing(source, git, command, diff, variables)),
    )


def _top(folder: str | None, below: str | None) -> str | None:
    """Return the top of the repository: the working directory without what lies below the top."""
    if folder is None or below is None:
        return None
    depth = len(PurePosixPath(below).parts)
    kind = PureWindowsPath if "\\" in folder else PurePosixPath
    path = kind(folder)
    return str(path.parents[depth - 1]) if depth else str(path)


def _missing(
    source: Mapping[str, Any],
    git: Mapping[str, Any],
    command: tuple[str, ...],
    diff: str,
    variables: Mapping[str, str],
) -> list[str]:
    """Return what would be needed and was not recorded, one sentence a piece."""
    if not source:
        return ["Nothing of its code and environment was recorded: capturing was switched off."]
    return [*_missing_command(command, variables), *_missing_code(source, git, command, diff)]


def _missing_command(command: tuple[str, ...], variables: Mapping[str, str]) -> Iterator[str]:
    if not command:
        yield "Its command line was not recorded."
    elif any("ipykernel" in word for word in command):
        yield "It was logged from a notebook, which is no command that can be run again."
    elif len(command) == 1 or command[1:] in (("-",), ("-i",)):
        yield "It was logged from an interactive session, or a script on standard input."
    if any(MASKED in word for word in command):
        yield "Its command line held a secret, which was masked and is not known any more."
    if masked := [name for name, value in variables.items() if MASKED in value]:
        yield f"The variable {masked[0]} held a secret, which was masked."


def _missing_code(
    source: Mapping[str, Any], git: Mapping[str, Any], command: tuple[str, ...], diff: str
) -> Iterator[str]:
    if not git:
        yield "No git: its code was not under version control, or that was not captured."
        return
    if not git.get("commit"):
        yield "Its git repository had no commit yet."
    elif git.get("folder") is None:
        yield "Its working directory lay outside of the git repository of its script."
    if git.get("dirty") and not diff:
        yield "Its uncommitted changes are recorded but cannot be read."
    elif _CUT in diff:
        yield "Its uncommitted changes were too many to be recorded whole."
    untracked = set(git.get("untracked") or ())
    if scripts := [word for word in command if _below(word, git, source) in untracked]:
        yield f"The script {scripts[0]} was not under version control: git add it."


def _below(word: str, git: Mapping[str, Any], source: Mapping[str, Any]) -> str:
    """Return a word of the command as a path below the top of the repository."""
    folder = str(git.get("folder") or "")
    path = PurePosixPath(word)
    if path.is_absolute():
        top = _top(source.get("folder"), git.get("folder"))
        return path.relative_to(top).as_posix() if top and path.is_relative_to(top) else word
    return (PurePosixPath(folder) / path).as_posix()
