"""The code of a step: its own, and what it calls in the modules of the user, as hashes by name.

    function_code(train)                  # {"steps.train": "9f...", "steps.RATE": "1c..."}
    script_code("train.py", files)        # {"train.py": "77...", "helpers.py": "0d..."}

Code is compared by its syntax tree: comments, docstrings and layout do not count. The standard
library and installed packages are not followed. Of a function, what it can reach by name is
followed: functions, classes, and the values of globals. Of a script, the files it imports.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import inspect
import json
import sys
import sysconfig
import textwrap
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lite_mlops.pipelines.files import Files

_OWN = Path(__file__).parents[1]
_INSTALLED = tuple(
    Path(path) for name, path in sysconfig.get_paths().items() if "lib" in name
)  # fmt: skip
_PLAIN = (type(None), bool, int, float, complex, str, bytes)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# -- syntax trees -------------------------------------------------------------------------------


def tree_hash(tree: ast.AST) -> str:
    """Return the hash of a syntax tree without its docstrings and the decorators of steps."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
            _strip(node)
    return _digest(ast.dump(tree))


def _strip(node: Any) -> None:
    first = node.body[0] if node.body else None
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        node.body = node.body[1:] or [ast.Pass()]
    if isinstance(node, ast.FunctionDef):
        node.decorator_list = [one for one in node.decorator_list if not _is_step(one)]


def _is_step(decorator: ast.expr) -> bool:
    """Return whether a decorator makes a step: what it says counts by itself."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in ("step", "pipeline")


def _imported(tree: ast.AST) -> list[list[Any]]:
    """Return what a file imports: how many dots, and the name of each module that may be meant."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [[0, alias.name] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found.append([node.level, module])
            inner = [f"{module}.{alias.name}" if module else alias.name for alias in node.names]
            found += [[node.level, name] for name in inner]
    return found


# -- scripts ------------------------------------------------------------------------------------


def script_code(script: str, files: Files) -> dict[str, str]:
    """Return the hash of a Python file and of the user's modules that it imports, by their paths.

    `script` is relative to the root of the files. What cannot be parsed counts byte by byte.
    """
    folder = PurePosixPath(script).parent
    found: dict[str, str] = {}
    waiting = [script]
    while waiting:
        path = waiting.pop()
        sha256 = files.hash_of(path)
        if path in found or sha256 is None:
            continue
        digest, imported = _about(path, sha256, files)
        found[path] = digest
        for level, name in imported:
            start = PurePosixPath(path).parents[level - 1] if level else folder
            waiting += _module_files(start, name, files)
    return found


def _about(path: str, sha256: str, files: Files) -> tuple[str, list[list[Any]]]:
    if sha256 not in files.scripts:
        try:
            tree = ast.parse(files.path(path).read_bytes())
        except (SyntaxError, ValueError):
            files.note_script(sha256, [sha256, []])
        else:
            imported = _imported(tree)
            files.note_script(sha256, [tree_hash(tree), imported])
    digest, imported = files.scripts[sha256]
    return digest, imported


def _module_files(folder: PurePosixPath, name: str, files: Files) -> Iterator[str]:
    """Yield the files of a module that lies in a folder, and of the packages around it."""
    place = folder
    for part in name.split(".") if name else []:
        place /= part
        for path in (f"{place}.py", f"{place}/__init__.py"):
            if files.path(path).is_file():
                yield path
    if not name and files.path(f"{place}/__init__.py").is_file():
        yield f"{place}/__init__.py"


# -- functions ----------------------------------------------------------------------------------


def function_code(function: Any) -> dict[str, str]:
    """Return the hash of a function and of all of the user's code and globals that it reaches."""
    found: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = [("", function)]
    seen: list[Any] = []  # held, so that no id is used twice
    ids: set[int] = set()
    while waiting:
        name, one = waiting.pop()
        one = _plain_callable(one)
        if id(one) in ids and not isinstance(one, _PLAIN):
            continue
        ids.add(id(one))
        seen.append(one)
        waiting += _take(name, one, found)
    return found


def _plain_callable(one: Any) -> Any:
    """Return the function behind a step or a bound method."""
    inner = getattr(one, "__lite_mlops_function__", None)
    if inner is not None:
        return inner
    return one.__func__ if isinstance(one, MethodType) else one


def _take(name: str, one: Any, found: dict[str, str]) -> list[tuple[str, Any]]:
    """Note one thing that is reached, and return what it reaches itself."""
    if isinstance(one, FunctionType):
        if not _is_users(one):
            return [("", one.__wrapped__)] if hasattr(one, "__wrapped__") else []
        found[_label(one)] = _source_hash(one)
        return [*_reached(one)]
    if isinstance(one, type):
        if not _is_users(one):
            return []
        found[_label(one)] = _source_hash(one)
        return [*_members(one)]
    if isinstance(one, functools.partial):
        return [("", one.func), *((f"{name} args", value) for value in one.args),
                *((f"{name} {key}", value) for key, value in one.keywords.items())]  # fmt: skip
    if isinstance(one, ModuleType):
        return []
    if isinstance(inner := getattr(one, "__wrapped__", None), FunctionType):  # as functools.cache
        return [("", inner)]
    digest = _value_hash(one)
    if digest is not None and name:
        found[name] = digest
    return [("", type(one))]


def _label(one: Any) -> str:
    """Return the name of code, which is the same if its file is run or imported."""
    code = getattr(one, "__code__", None)  # a decorator may have given it the name of another
    name = one.__qualname__ if code is None else code.co_qualname
    return f"{_module_name(one.__module__)}.{name}"


def _module_name(name: str) -> str:
    file = getattr(sys.modules.get(name), "__file__", None)
    return Path(file).stem if name == "__main__" and file else name


def _is_users(one: Any) -> bool:
    """Return whether code is of the user: not of Python, of a package, or of this one."""
    module = sys.modules.get(getattr(one, "__module__", None) or "")
    return module is None or _is_users_module(module)


@functools.cache
def _is_users_file(file: str) -> bool:
    path = Path(file).resolve()
    if "site-packages" in path.parts or "dist-packages" in path.parts:
        return False
    return not any(path.is_relative_to(place) for place in (*_INSTALLED, _OWN))


def _is_users_module(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:
        return module.__name__ == "__main__"
    return _is_users_file(file)


def _source_hash(one: Any) -> str:
    try:
        source = textwrap.dedent(inspect.getsource(getattr(one, "__code__", one)))
        return tree_hash(ast.parse(source))
    except (OSError, TypeError, SyntaxError):  # typed at a prompt, made by exec, or a lambda
        code = getattr(one, "__code__", None)
        return _digest(repr(one) if code is None else _code_text(code))


def _code_text(code: CodeType) -> str:
    """Return compiled code as a text that is the same in every process."""
    parts = [code.co_code.hex(), repr(code.co_names), repr(code.co_varnames)]
    parts += [_code_text(one) if isinstance(one, CodeType) else repr(one) for one in code.co_consts]
    return "\n".join(parts)


def _names(code: CodeType) -> set[str]:
    found = {*code.co_names}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found |= _names(inner)
    return found


def _reached(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield what a function can reach by name, with the names that values have."""
    label, module = _label(function), _module_name(function.__module__)
    names = _names(function.__code__)
    for name in sorted(names):
        if name in function.__globals__:
            yield from _named(f"{module}.{name}", function.__globals__[name], names)
    cells = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        try:
            yield f"{label} {name}", cell.cell_contents
        except ValueError:  # not bound yet
            continue
    positional = [*enumerate(function.__defaults__ or ())]
    for key, value in [*positional, *(function.__kwdefaults__ or {}).items()]:
        if not isinstance(value, _PLAIN):  # plain ones stand in its source
            yield f"{label} default {key}", value
    if (wrapped := getattr(function, "__wrapped__", None)) is not None:
        yield "", wrapped
    yield from _imported_inside(function)


def _named(label: str, one: Any, names: set[str]) -> Iterator[tuple[str, Any]]:
    if not isinstance(one, ModuleType):
        yield label, one
    elif _is_users_module(one):
        for name in sorted(names):
            if name in vars(one):
                yield from _named(f"{one.__name__}.{name}", vars(one)[name], names)


def _imported_inside(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the text of the user's modules that a function imports when it runs."""
    if "IMPORT_NAME" not in _operations(function.__code__):
        return
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return
    for level, name in _imported(tree):
        module = sys.modules.get(function.__module__)
        package = getattr(module, "__package__", None) or ""
        try:
            spec = importlib.util.find_spec("." * level + name, package)
        except (ImportError, ValueError, AttributeError):  # a name in a module, and no module
            continue
        origin = None if spec is None else spec.origin
        if origin and origin.endswith(".py") and _is_users_file(origin):
            yield f"module {name}", Path(origin).read_bytes()


def _operations(code: CodeType) -> set[str]:
    import dis  # rarely needed

    found = {one.opname for one in dis.get_instructions(code)}
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            found |= _operations(inner)
    return found


def _members(one: type) -> Iterator[tuple[str, Any]]:
    """Yield the bases of a class, and its methods, which reach what they call."""
    for base in one.__bases__:
        yield "", base
    for member in vars(one).values():
        inner = getattr(member, "__func__", getattr(member, "fget", member))
        if isinstance(inner, FunctionType):  # its source is a part of that of the class
            yield from _reached(inner)


# -- values -------------------------------------------------------------------------------------


def _value_hash(value: Any) -> str | None:
    """Return the hash of a global value; None for what is no data, such as a logger."""
    try:
        return value_hash(value) if _is_data(value) else None
    except Exception:  # noqa: BLE001  any object may refuse to be pickled, with any error
        return None


def _is_data(value: Any) -> bool:
    if isinstance(value, _PLAIN):
        return True
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_data, value))
    if isinstance(value, dict):
        return all(_is_data(one) for pair in value.items() for one in pair)
    kind = type(value)
    if kind.__module__.partition(".")[0] in ("numpy", "pandas", "pathlib", "datetime", "decimal"):
        return True
    return _is_users(kind) and kind.__module__ != "builtins"


def value_hash(value: Any) -> str:
    """Return the hash of a value by what it holds, in whatever order a set or a dict was filled.

    Raises whatever the value raises if it cannot be pickled.
    """
    try:
        return _digest(f"json {json.dumps(value, sort_keys=True, allow_nan=True)}")
    except (TypeError, ValueError):
        import joblib  # slow to load, and rarely needed

        return _digest(f"joblib {joblib.hash(value, hash_name='sha1')}")
