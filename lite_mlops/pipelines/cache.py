"""The cache rule: a step runs if, and only if, something that it depends on changed.

    evidence = gather(step, files, made)
    result = results.find(step.name, evidence.key)     # it came to this before
    evidence.differences(results.latest(step.name))    # why it would run

What a step depends on: its code, the content of its inputs, its params, the values it takes from
other steps and the ones it comes after. The key is the hash of all of that; results are kept by it,
and the twenty latest of each step with their outputs.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from lite_mlops.errors import Invalid
from lite_mlops.jsontext import json_text
from lite_mlops.pipelines.code import function_code, script_code, value_hash
from lite_mlops.pipelines.files import Files
from lite_mlops.pipelines.steps import Later, ParamFile, Step
from lite_mlops.store import Store

FORMAT = 1
_SCRIPTS = (".py", ".sh", ".r", ".jl", ".sql", ".js", ".pl", ".rb")
_WORD = re.compile(r"""[^\s'";|&<>()]+""")
_MODULE = re.compile(r"(?:^|\s)-m\s+([\w.]+)")
_MOST_SHOWN = 60


@dataclass(frozen=True)
class Output:
    """A file or folder that a step made, and the object that holds a copy of it."""

    path: str
    sha256: str
    object: str  # of a folder: the manifest of its snapshot
    size: int
    form: str  # "file" or "folder"


@dataclass(frozen=True)
class Result:
    """What a step came to, for one key."""

    step: str
    key: str
    run_id: str | None
    made_at: datetime
    outputs: tuple[Output, ...]
    value: str | None  # the object that holds what its function returned
    detail: Mapping[str, Any]  # what it depended on, in parts
    seconds: float

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Result:
        """Return the result of a row of `step_results`."""
        made = json.loads(row["outputs"])
        return cls(
            step=row["step"],
            key=row["key"],
            run_id=row["run_id"],
            made_at=row["ts"].replace(tzinfo=UTC),
            outputs=tuple(Output(**one) for one in made["files"]),
            value=(made.get("value") or {}).get("sha256"),
            detail=json.loads(row["detail"]),
            seconds=row["seconds"],
        )

    @property
    def made(self) -> str:
        """The hash of all that it made: what steps that come after it depend on."""
        parts = [[one.path, one.sha256] for one in self.outputs]
        return hashlib.sha256(json.dumps([parts, self.value, self.key]).encode()).hexdigest()


class Results:
    """The results that are kept of the steps of one pipeline."""

    def __init__(self, store: Store, pipeline: str) -> None:
        self._rows: dict[str, list[dict[str, Any]]] = {}
        if not store.layout.folder.is_dir():
            return
        with store.reading() as database:
            rows = database.dicts("step_results", pipeline=pipeline)
        for row in rows:
            self._rows.setdefault(row["step"], []).append(row)

    def find(self, step: str, key: str) -> Result | None:
        """Return what a step came to for a key; None if it is not known."""
        rows = self._rows.get(step, ())
        return next((Result.from_row(row) for row in rows if row["key"] == key), None)

    def latest(self, step: str) -> Result | None:
        """Return what a step came to last."""
        rows = self._rows.get(step)
        return Result.from_row(rows[0]) if rows else None


@dataclass(frozen=True)
class Evidence:
    """All that a step depends on, in parts that can be told."""

    code: Mapping[str, str]  # the hash of each piece of code, by its name
    inputs: Mapping[str, str | None]  # the hash of each input; None: it is missing
    params: Mapping[str, Any]
    values: Mapping[str, str]  # the hash of what comes from other steps
    outputs: tuple[str, ...]

    @property
    def key(self) -> str:
        """The hash of all of it."""
        text = json_text({"format": FORMAT, **self.to_dict()})
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def missing(self) -> list[str]:
        """The inputs that there are not."""
        return [path for path, sha256 in self.inputs.items() if sha256 is None]

    def to_dict(self) -> dict[str, Any]:
        """Return the parts as JSON can hold them, always in the same order."""
        parts = {
            name: dict(sorted(getattr(self, name).items()))
            for name in ("code", "inputs", "params", "values")
        }
        return {**parts, "outputs": sorted(self.outputs)}

    def differences(self, before: Result | None) -> list[str]:
        """Return what differs from when a step ran last, one phrase a piece."""
        if before is None:
            return ["it did not run yet"]
        now, then = self.to_dict(), before.detail
        found = [
            *_differing("code", now["code"], then.get("code", {})),
            *_differing("input", now["inputs"], then.get("inputs", {})),
            *_params_differing(now["params"], then.get("params", {})),
            *_differing("value", now["values"], then.get("values", {})),
        ]
        if now["outputs"] != then.get("outputs"):
            found.append("other outputs are named")
        return found


def _differing(
    what: str, now: Mapping[str, str | None], then: Mapping[str, str | None]
) -> Iterator[str]:
    for name in sorted({*now, *then}):
        if name not in then:
            yield f"{what} {name} is new"
        elif name not in now:
            yield f"{what} {name} is not there any more"
        elif now[name] is None and then[name] is not None:
            yield f"{what} {name} is missing"
        elif now[name] != then[name]:
            yield f"{what} {name} changed"


def _params_differing(now: Mapping[str, Any], then: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*now, *then}):
        if name not in then:
            yield f"param {name} is new: {_shown(now[name])}"
        elif name not in now:
            yield f"param {name} is not there any more"
        elif now[name] != then[name]:
            yield f"param {name} changed: {_shown(then[name])} -> {_shown(now[name])}"


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


# -- gathering ----------------------------------------------------------------------------------


def gather(step: Step, files: Files, made: Mapping[str, Result]) -> Evidence:
    """Return what a step depends on at present; `made` is what each step above it came to.

    Raises:
        Invalid: a file of params cannot be read, or an argument cannot be hashed.
    """
    inputs = {path: files.hash_of(path) for path in step.inputs}
    params = {**step.params, **_from_files(step.param_files, files)}
    values = {}
    for name, argument in step.arguments.items():
        if isinstance(argument, Later):
            above = made[argument.step]
            parts = "".join(f"[{part!r}]" for part in argument.parts)
            values[f"{name} of {argument.step}{parts}"] = str(above.value)
        elif not isinstance(argument, os.PathLike):  # paths are among its inputs or outputs
            params[name] = _told(step, name, argument)
    for name in step.after:
        values[f"end of {name}"] = made[name].made
    return Evidence(_code(step, files), inputs, params, values, step.outputs)


def _told(step: Step, name: str, value: Any) -> Any:
    """Return an argument as it counts: small plain values themselves, others by their hash."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    try:
        digest = value_hash(value)
    except Exception as error:  # any object may refuse to be pickled, with any error
        raise Invalid(
            f"Step {step.name!r}: the argument {name} is a {type(value).__name__}, which cannot be "
            f"compared with what it was ({error}). Make it inside of a step."
        ) from error
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN and isinstance(value, list | tuple) else digest


def _code(step: Step, files: Files) -> dict[str, str]:
    if step.function is not None:
        return function_code(step.function)
    written = step.command if step.written is None else step.written
    text = written if isinstance(written, str) else json.dumps(written)
    found = {"of the command": hashlib.sha256(f"{step.folder}\n{text}".encode()).hexdigest()}
    for path in _scripts(step, files):
        if path.endswith(".py"):
            found |= script_code(path, files)
        elif (sha256 := files.hash_of(path)) is not None:
            found[path] = sha256
    return found


def _scripts(step: Step, files: Files) -> Iterator[str]:
    """Yield the scripts in the project that a command names."""
    assert step.command is not None
    line = step.command if isinstance(step.command, str) else " ".join(step.command)
    words = _WORD.findall(line) if isinstance(step.command, str) else step.command
    modules = [f"{name.replace('.', '/')}{end}" for name in _MODULE.findall(line)
               for end in (".py", "/__main__.py", "/__init__.py")]  # fmt: skip
    given = {*step.inputs, *step.outputs}
    for word in dict.fromkeys([*words, *modules]):
        if word.startswith(("/", "-")) or not word.lower().endswith(_SCRIPTS):
            continue
        path = str(PurePosixPath(step.folder, word))
        if path not in given and files.path(path).is_file():
            yield path


def _from_files(told: tuple[ParamFile, ...], files: Files) -> dict[str, Any]:
    """Return the values that count in files of params, by file and key."""
    found: dict[str, Any] = {}
    for one in told:
        if not one.keys:
            found[one.path] = files.hash_of(one.path)
            continue
        content = read_params(files.path(one.path))
        for key in one.keys:
            found[f"{one.path}:{key}"] = _at(content, key)
    return found


def _at(content: Any, key: str) -> Any:
    """Return what stands at a dotted key; None if nothing does."""
    for part in key.split("."):
        if isinstance(content, list) and part.isdigit() and int(part) < len(content):
            content = content[int(part)]
        elif isinstance(content, dict) and part in content:
            content = content[part]
        else:
            return None
    return content


def read_params(path: Path) -> Any:
    """Return what stands in a file of params. A file that is missing holds nothing.

    Raises:
        Invalid: it is no YAML, JSON or TOML, or cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}") from None
    try:
        if path.suffix == ".json":
            return json.loads(text)
        if path.suffix == ".toml":
            import tomllib  # rarely needed

            return tomllib.loads(text)
        from lite_mlops.yamltext import read_yaml

        return read_yaml(text, by_hand=True)
    except ValueError as error:
        raise Invalid(f"{path} cannot be read: {error}") from None
