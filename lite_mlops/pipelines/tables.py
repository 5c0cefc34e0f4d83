"""The `[[step]]` tables of `lite-mlops.toml`, read and checked.

    [params]
    rate = 0.1

    [[step]]
    name = "train"
    command = "python train.py --rate {rate}"
    inputs = ["clean.csv"]
    outputs = ["model.json"]
    params = ["rate"]

`{rate}` in the command, an input or an output is the value of the param, quoted for the shell.
`params` names those of `[params]`, or is a table of the step's own. `param_files` tells which keys
of YAML, JSON or TOML files count: `{"params.yaml" = ["train.depth"]}`. `metrics` are outputs in one
of these forms whose numbers become metrics of the run.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lite_mlops.errors import Invalid, suggestion
from lite_mlops.pipelines.steps import Graph, ParamFile, Step, checked_place, is_pattern
from lite_mlops.settings import FILE_NAME, load_tables
from lite_mlops.tracking.keys import checked_name

NAME = "pipeline"  # of what the tables of a project make up
KEYS = (
    "name", "command", "inputs", "outputs", "metrics", "params", "param_files", "after", "folder",
    "always",
)  # fmt: skip
_WORD = re.compile(r"[\w.,:/\\=+-]+")  # that needs no quotes
_PLACE = re.compile(r"\{([A-Za-z_][\w.-]*)\}")


def load_graph(root: Path, given: Mapping[str, Any] | None = None) -> Graph:
    """Return the pipeline that the tables of the project in `root` make up.

    `given` are values of params that go before those of the tables.

    Raises:
        Invalid: a table cannot be used; the message names the step and the key.
    """
    tables = load_tables(root, "step", "params")
    return graph_of(tables.get("step", []), tables.get("params", {}), root, given)


def graph_of(tables: Any, shared: Any, root: Path, given: Mapping[str, Any] | None = None) -> Graph:
    """Return the pipeline of `[[step]]` tables and of the table `[params]`. Raises `Invalid`."""
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise Invalid(f"{FILE_NAME}: steps stand in tables [[step]], one for each.")
    if not isinstance(shared, dict):
        raise Invalid(f"{FILE_NAME}: [params] is a table of names and values.")
    given = dict(given or {})
    known = {**shared, **{key: None for one in tables for key in _own(one)}}
    for name in given:
        if name not in known:
            raise Invalid(_unknown_param(name, known, tables))
    return Graph(NAME, root, [_step(table, shared, given) for table in tables])


def _unknown_param(name: str, known: Mapping[str, Any], tables: list[dict[str, Any]]) -> str:
    """Return why a param cannot be given: commands read files of params themselves."""
    for table in tables:
        for file in _param_files(table.get("param_files", {}), FILE_NAME):
            if name in file.keys:
                return (
                    f"{name!r} stands in {file.path}, which the command of step "
                    f"{table.get('name')!r} reads: change it there."
                )
    return f"There is no param {name!r} in any step.{suggestion(name, known)}"


def _own(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the params that a step has for itself."""
    params = table.get("params", {})
    return params if isinstance(params, dict) else {}


def _step(table: Mapping[str, Any], shared: Mapping[str, Any], given: Mapping[str, Any]) -> Step:
    if "name" not in table:
        raise Invalid(f"{FILE_NAME}: a [[step]] has no name.")
    name = checked_name(table["name"], "step name")
    where = f"{FILE_NAME}: step {name!r}"
    for key in table:
        if key not in KEYS:
            raise Invalid(f"{where}: there is no key {key!r}.{suggestion(key, KEYS)}")
    params = _params(table.get("params", []), shared, given, where)
    folder = table.get("folder", "")
    if not isinstance(folder, str):
        raise Invalid(f"{where}: folder is a path; {folder!r} is none.")
    always = table.get("always", False)
    if not isinstance(always, bool):
        raise Invalid(f"{where}: always is true or false; {always!r} is neither.")
    metrics = _paths(table, "metrics", params, where)
    outputs = (*dict.fromkeys((*_paths(table, "outputs", params, where), *metrics)),)
    for output in outputs:
        _check_output(output, where)
    return Step(
        name=name,
        command=_command(table.get("command"), params, where),
        written=_command(table.get("command"), {}, where),
        params=params,
        param_files=_param_files(table.get("param_files", {}), where),
        after=tuple(_texts(table.get("after", []), "after", where)),
        folder=checked_place(folder, where) if folder not in ("", ".") else "",
        always=always,
        inputs=_paths(table, "inputs", params, where),
        outputs=outputs,
        metrics=metrics,
    )


def _check_output(output: str, where: str) -> None:
    if is_pattern(output):
        raise Invalid(f"{where}: the output {output} is a pattern; name the file or its folder.")
    if output.startswith(("/", "../")) or output in ("..", "."):
        raise Invalid(f"{where}: the output {output} does not lie inside of the project.")


def _texts(value: Any, key: str, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Invalid(f"{where}: {key} is a list of texts; {value!r} is none.")
    return value


def _paths(
    table: Mapping[str, Any], key: str, params: Mapping[str, Any], where: str
) -> tuple[str, ...]:
    texts = _texts(table.get(key, []), key, where)
    paths = [checked_place(filled(text, params, quote=False), f"{where}: {key}") for text in texts]
    twice = {path for path in paths if paths.count(path) > 1}
    if twice:
        raise Invalid(f"{where}: {min(twice)} stands twice among its {key}.")
    return tuple(paths)


def _params(
    value: Any, shared: Mapping[str, Any], given: Mapping[str, Any], where: str
) -> dict[str, Any]:
    if isinstance(value, dict):
        found = dict(value)
    else:
        found = {}
        for name in _texts(value, "params", where):
            if name not in shared:
                near = suggestion(name, shared)
                raise Invalid(f"{where}: there is no {name!r} in [params].{near}")
            found[name] = shared[name]
    return {name: given.get(name, one) for name, one in found.items()}


def _param_files(value: Any, where: str) -> tuple[ParamFile, ...]:
    if not isinstance(value, dict):
        raise Invalid(f"{where}: param_files is a table of files and the keys that count.")
    return tuple(
        ParamFile(
            checked_place(path, f"{where}: param_files"),
            tuple(_texts(keys, f"param_files.{path}", where)),
        )
        for path, keys in value.items()
    )


def _command(value: Any, params: Mapping[str, Any], where: str) -> str | tuple[str, ...]:
    if isinstance(value, str) and value.strip():
        return filled(value, params, quote=True)
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return tuple(filled(one, params, quote=False) for one in value)
    raise Invalid(f"{where}: command is a line for the shell or a list of words, not {value!r}.")


def text_of(value: Any) -> str:
    """Return the value of a param as a command gets it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def quoted(value: str) -> str:
    """Return a value as one word of a line for the shell: `sh`, or `cmd` on Windows."""
    if sys.platform == "win32":  # pragma: no cover
        return value if _WORD.fullmatch(value) else '"' + value.replace('"', '""') + '"'
    else:  # noqa: RET505  type checkers see one of both
        return shlex.quote(value)


def filled(text: str, params: Mapping[str, Any], *, quote: bool) -> str:
    """Return a text with the values of params in the place of `{name}`; other braces stay."""

    def value_of(match: re.Match[str]) -> str:
        if match[1] not in params:
            return match[0]
        value = text_of(params[match[1]])
        return quoted(value) if quote else value

    return _PLACE.sub(value_of, text)


def parsed_value(text: str) -> Any:
    """Return what the value of `-P name=value` is: a number, true, false, or a text."""
    words = {"true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def parsed_pairs(pairs: Sequence[str]) -> dict[str, Any]:
    """Return the params of texts such as `rate=0.1`. Raises `Invalid`."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise Invalid(f"-P needs KEY=VALUE; {pair!r} is not.")
        found[key] = parsed_value(value)
    return found
