"""`dvc.yaml` read as steps, and written as `[[step]]` tables.

    found = read_dvc(Path("dvc.yaml"))
    found.tables      # what the stages become
    found.told        # what was not understood, or is otherwise here
    found.to_toml()

Stages with cmd, wdir, deps, params, outs, metrics, plots and always_changed; foreach and matrix;
vars, and `${...}` of them or of params.yaml: what stands there becomes a param of the step, which
`-P` can change. Nothing of DVC is needed, and its files are only read.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lite_mlops.errors import Conflict, Invalid, LiteMlopsError, NotFound
from lite_mlops.pipelines.cache import read_params
from lite_mlops.pipelines.steps import Graph, checked_place
from lite_mlops.pipelines.tables import graph_of, text_of
from lite_mlops.settings import FILE_NAME, load_tables
from lite_mlops.yamltext import read_yaml

_PARAMS = "params.yaml"
_TEMPLATE = re.compile(r"(\\?)\$\{\s*([^}]*?)\s*\}")
_PART = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
_KNOWN = frozenset(
    "cmd wdir deps params outs metrics plots always_changed frozen desc meta vars".split()
)
_REMOTE = re.compile(r"[a-z][a-z0-9+]*://")
_NO_MEANING = {
    "persist": "is removed before its step runs, although DVC lets it stay",
    "remote": "is kept in the object store of the project, and not on a remote of DVC",
}


@dataclass(frozen=True)
class FromDvc:
    """What a `dvc.yaml` becomes; `told` are sentences on what it does not."""

    tables: tuple[dict[str, Any], ...]
    told: tuple[str, ...]

    def graph(self, root: Path) -> Graph:
        """Return the pipeline. Raises `Invalid` if the stages do not fit together."""
        return graph_of([*self.tables], {}, root)

    def to_toml(self) -> str:
        """Return the steps as tables of `lite-mlops.toml`."""
        return "\n".join(_toml_table(table) for table in self.tables)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"steps": [*self.tables], "told": [*self.told]}


class _Unknown(Exception):
    """Something in a template has no value, or one that cannot be written into a text."""


class _Stage:
    """One stage, while it becomes a table."""

    def __init__(
        self, name: str, scope: Mapping[str, Any], around: Mapping[str, Any], below: str
    ) -> None:
        self.name = name
        self.told: list[str] = []
        self._scope, self._around, self._below = scope, around, below
        self.params: dict[str, Any] = {}

    def tell(self, what: str) -> None:
        """Say what is not understood, or is otherwise here."""
        self.told.append(f"Stage {self.name!r}: {what}")

    def text(self, value: Any) -> str:
        """Return a text with its templates resolved: loops by their values, others as params."""
        return _TEMPLATE.sub(self._resolved, str(value))

    def _resolved(self, match: re.Match[str]) -> str:
        if match[1]:  # escaped
            return match[0][1:]
        name = match[2]
        if (found := _look_up(self._scope, name)) is not _NOTHING:
            return _scalar(name, found)
        found = _look_up(self._around, name)
        if found is _NOTHING:
            raise _Unknown(f"${{{name}}} has no value in its vars or in {_PARAMS}")
        text = _scalar(name, found)
        if not re.fullmatch(r"[A-Za-z_][\w.-]*", name):
            return text
        self.params[name] = found
        return f"{{{name}}}"

    def path(self, value: str, folder: str) -> str:
        """Return a path relative to the project."""
        return checked_place(str(PurePosixPath(self._below, folder, value)), self.name)


_NOTHING = object()


def _look_up(values: Mapping[str, Any], name: str) -> Any:
    found: Any = values
    for match in _PART.finditer(name):
        part: Any = match[1] if match[1] is not None else int(match[2])
        if isinstance(found, list) and str(part).isdigit() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, Mapping) and part in found:
            found = found[part]
        else:
            return _NOTHING
    return found


def _scalar(name: str, value: Any) -> str:
    if isinstance(value, list | dict):
        raise _Unknown(f"${{{name}}} is a {type(value).__name__}, which is not written out here")
    return "" if value is None else text_of(value)


# -- reading ------------------------------------------------------------------------------------


def read_dvc(path: Path, root: Path | None = None) -> FromDvc:
    """Return the steps of a `dvc.yaml`; paths are relative to `root`, default: its folder.

    Raises:
        NotFound: there is no such file.
        Invalid: it is no `dvc.yaml`.
    """
    folder = path.parent
    try:
        content = read_yaml(path.read_text(encoding="utf-8"), by_hand=True)
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}") from None
    except Invalid as error:
        raise Invalid(f"{path}: {error}") from None
    stages = content.get("stages") if isinstance(content, dict) else None
    if not isinstance(stages, dict):
        raise Invalid(f"{path} has no stages: it is no dvc.yaml of a pipeline.")
    told = [
        f"{key} of the file is not taken over."
        for key in content
        if key not in ("stages", "vars", "params", "metrics", "plots")
    ]
    told += [
        f"{key} of the file names what to show, and is not needed here."
        for key in ("params", "metrics", "plots")
        if key in content
    ]
    around = _variables(content.get("vars"), folder, told)
    below = _below(folder, root)
    tables: list[dict[str, Any]] = []
    for name, stage in stages.items():
        for one, scope, body in _unrolled(str(name), stage, around, told):
            made = _Stage(one, scope, around, below)
            try:
                tables.append(_table(made, body))
            except (_Unknown, LiteMlopsError) as error:
                made.told = []
                made.tell(f"it is left out: {str(error).rstrip('.')}.")
            told += made.told
    return FromDvc(tuple(tables), tuple(told))


def _below(folder: Path, root: Path | None) -> str:
    if root is None:
        return ""
    place, top = folder.resolve(), root.resolve()
    if not place.is_relative_to(top):
        raise Invalid(f"{place} does not lie inside of the project in {top}.")
    return "" if place == top else place.relative_to(top).as_posix()


def _variables(told_vars: Any, folder: Path, told: list[str]) -> dict[str, Any]:
    """Return what `${...}` can be: the content of params.yaml and of `vars`."""
    found = _content(folder / _PARAMS)
    for one in told_vars if isinstance(told_vars, list) else []:
        if isinstance(one, dict):
            found |= one
        elif isinstance(one, str):
            file, _, keys = one.partition(":")
            content = _content(folder / file)
            if not content:
                told.append(f"The file of vars {file} is missing or empty.")
            wanted = keys.split(",") if keys else [*content]
            found |= {key: content[key] for key in wanted if key in content}
    return found


def _content(path: Path) -> dict[str, Any]:
    content = read_params(path)
    return dict(content) if isinstance(content, dict) else {}


def _unrolled(
    name: str, stage: Any, around: Mapping[str, Any], told: list[str]
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield each stage that a loop stands for: its name, the values of the loop, and its body."""
    if not isinstance(stage, dict):
        told.append(f"Stage {name!r}: it is left out, as it is not a mapping.")
        return
    if "foreach" in stage:
        items = _referred(stage["foreach"], around)
        body = stage.get("do")
        if not isinstance(items, list | dict) or not isinstance(body, dict):
            told.append(f"Stage {name!r}: it is left out, as its foreach cannot be followed.")
            return
        pairs = items.items() if isinstance(items, dict) else enumerate(items)
        for key, item in pairs:
            plain = not isinstance(items, dict) and not isinstance(item, list | dict)
            label = text_of(item) if plain else key
            yield f"{name}@{label}", {"item": item, "key": key}, body
        return
    if "matrix" in stage:
        axes = {key: _referred(one, around) for key, one in _mapping(stage["matrix"]).items()}
        if not axes or not all(isinstance(one, list) for one in axes.values()):
            told.append(f"Stage {name!r}: it is left out, as its matrix cannot be followed.")
            return
        body = {key: one for key, one in stage.items() if key != "matrix"}
        for point in itertools.product(*(enumerate(values) for values in axes.values())):
            item = {axis: value for axis, (_, value) in zip(axes, point, strict=True)}
            parts = [
                f"{axis}{place}" if isinstance(value, list | dict) else text_of(value)
                for axis, (place, value) in zip(axes, point, strict=True)
            ]
            label = "-".join(parts)
            yield f"{name}@{label}", {"item": item, "key": label}, body
        return
    yield name, {}, stage


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _referred(value: Any, around: Mapping[str, Any]) -> Any:
    """Return a value, or what it refers to as a whole, such as ${models}."""
    if isinstance(value, str) and (match := _TEMPLATE.fullmatch(value.strip())):
        return _look_up(around, match[2])
    return value


# -- stages -------------------------------------------------------------------------------------


def _table(stage: _Stage, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table of one stage. Raises `_Unknown` if it cannot be one."""
    for key in body:
        if key not in _KNOWN:
            stage.tell(f"{key} is not understood, and left out.")
    if body.get("frozen"):
        stage.tell("it is frozen in DVC; here it runs when something changed.")
    if body.get("vars"):
        stage.tell("vars of a stage are not taken over.")
    wdir = stage.text(body.get("wdir") or "")
    table: dict[str, Any] = {
        "name": stage.name,
        "command": _command(stage, body.get("cmd")),
        "inputs": [*dict.fromkeys(_inputs(stage, body, wdir))],
        "outputs": [*dict.fromkeys(_outputs(stage, body, wdir, "outs", "plots"))],
        "metrics": [*dict.fromkeys(_outputs(stage, body, wdir, "metrics"))],
        "param_files": _param_files(stage, body.get("params"), wdir),
        "folder": stage.path("", wdir) if wdir or stage.path("", "") != "." else "",
        "always": bool(body.get("always_changed")),
    }
    table["params"] = stage.params
    empty: tuple[Any, ...] = ([], {}, "", False)
    return {key: value for key, value in table.items() if key == "name" or value not in empty}


def _command(stage: _Stage, value: Any) -> str:
    lines = value if isinstance(value, list) else [value]
    texts = [stage.text(line).strip() for line in lines if line]
    if not texts:
        raise _Unknown("it has no cmd")
    return " && ".join(texts)


def _inputs(stage: _Stage, body: Mapping[str, Any], wdir: str) -> Iterator[str]:
    for value in body.get("deps") or []:
        text = stage.text(value)
        if not isinstance(value, str):
            stage.tell(f"the dep {value!r} is not understood, and left out.")
        elif _REMOTE.match(text):
            stage.tell(f"the dep {text} lies elsewhere, and is left out.")
        else:
            yield stage.path(text, wdir)


def _outputs(stage: _Stage, body: Mapping[str, Any], wdir: str, *kinds: str) -> Iterator[str]:
    for kind in kinds:
        for value in body.get(kind) or []:
            options = _mapping(next(iter(value.values()), None)) if isinstance(value, dict) else {}
            path = stage.text(next(iter(value)) if isinstance(value, dict) else value)
            if _REMOTE.match(path):
                stage.tell(f"the output {path} lies elsewhere, and is left out.")
                continue
            for option, meaning in _NO_MEANING.items():
                if options.get(option):
                    stage.tell(f"the output {path} {meaning}.")
            yield stage.path(path, wdir)


def _param_files(stage: _Stage, value: Any, wdir: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    default = stage.path(_PARAMS, wdir)
    for one in value or []:
        if isinstance(one, dict):
            for file, keys in one.items():
                place = stage.path(stage.text(file), wdir)
                found.setdefault(place, []).extend(stage.text(key) for key in keys or [])
        else:
            found.setdefault(default, []).append(stage.text(one))
    return found


# -- writing ------------------------------------------------------------------------------------


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml_value, value))}]"
    if isinstance(value, dict):
        pairs = [f"{_toml_text(key)} = {_toml_value(one)}" for key, one in value.items()]
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, int | float):
        return repr(value)
    return _toml_text("" if value is None else str(value))


def _toml_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml_table(table: Mapping[str, Any]) -> str:
    lines = [f"{key} = {_toml_value(value)}" for key, value in table.items()]
    return "\n".join(["[[step]]", *lines]) + "\n"


def add_to_settings(found: FromDvc, root: Path) -> Path:
    """Add the steps to `lite-mlops.toml` of the project in `root`; return that file.

    Raises:
        Conflict: a step of the same name stands there, or there are none to add.
        Invalid: the steps do not fit together, or with those that stand there.
    """
    path = root / FILE_NAME
    present = load_tables(root, "step", "params")
    if not found.tables:
        raise Conflict("No stage became a step; nothing was written.")
    names = {table.get("name") for table in present.get("step", [])}
    twice = [table["name"] for table in found.tables if table["name"] in names]
    if twice:
        raise Conflict(
            f"{path} has a step {twice[0]!r} already; nothing was written. Take it away first."
        )
    graph_of([*present.get("step", []), *found.tables], present.get("params", {}), root)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    gap = "\n" if before and not before.endswith("\n\n") else ""
    gap = f"\n{gap}" if before and not before.endswith("\n") else gap
    path.write_text(f"{before}{gap}{found.to_toml()}", encoding="utf-8")
    return path
