"""The design, checked on the syntax trees: floors, homes of packages, and what an import costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import lite_mlops
from lite_mlops.errors import Invalid
from lite_mlops.project import Project
from tests.conftest import FORGOTTEN

PACKAGE = Path(lite_mlops.__file__).parent

# From the bottom up. A module imports from its own floor's folder and from floors below.
FLOORS = [
    {"errors", "csvtext", "faces", "jsontext", "htmltext", "precedence", "processors", "spans"},
    {"charts"},
    {"documents"},
    {"settings", "frames", "yamltext"},
    {"store"},
    {
        "security",
        "data",
        "models",
        "tracking",
        "monitoring",
        "serving",
        "gates",
        "pipelines",
        "autologging",
        "importing",
    },
    {"loops"},  # from a drift to a promotion: it uses all of them
    {"project"},
    {"verbs", "web"},
    {"demo"},
    {"cli"},
    {"__init__", "__main__"},
]

# Between concepts, only these: the left one imports the right one.
SIDEWAYS = {
    ("tracking", "security"),
    ("data", "tracking"),  # the rules for names
    ("data", "security"),  # reasons of decisions
    ("tracking", "data"),  # an active run logs its data
    ("models", "security"),
    ("models", "tracking"),  # names, tags and the filter language
    ("models", "data"),  # a model card tells what its data looked like
    ("autologging", "tracking"),
    ("autologging", "data"),
    ("autologging", "models"),
    ("autologging", "security"),
    ("importing", "models"),
    ("importing", "security"),
    ("importing", "tracking"),
    ("gates", "data"),  # versions, expectations and leakage
    ("gates", "models"),
    ("gates", "monitoring"),
    ("gates", "security"),  # reasons of decisions
    ("gates", "tracking"),  # paired comparisons of models on the same rows
    ("monitoring", "data"),
    ("monitoring", "models"),
    ("monitoring", "security"),  # reasons of decisions
    ("monitoring", "tracking"),  # evaluations, by which estimates are calibrated
    ("monitoring", "security"),  # pseudonyms, by which labels may be told
    ("monitoring", "tracking"),  # what versions answered when they were evaluated
    ("serving", "models"),
    ("verbs", "web"),  # `serve` and `app`
    ("serving", "security"),  # pseudonyms
    ("pipelines", "data"),
    ("pipelines", "models"),
    ("pipelines", "security"),
    ("pipelines", "tracking"),
}

# Third-party packages and the places that may import them.
HOMES = {
    "click": {"cli"},
    "rich": {"cli"},
    "duckdb": {"store"},
    "fastcdc": {"store"},
    "jinja2": {"web"},
    "psutil": {"tracking"},
    "joblib": {"models", "pipelines"},
    "watchdog": {"pipelines"},
    "optuna": {"pipelines"},  # these four only where they are installed
    "ray": {"pipelines"},
    "dask": {"pipelines"},
    "distributed": {"pipelines"},
    "skops": {"models"},  # these three only where they are installed
    "onnxruntime": {"models"},
    "cryptography": {"security"},
    "scipy": {"data", "monitoring"},
    "numpy": {
        "autologging",
        "tracking",
        "data",
        "models",
        "monitoring",
        "serving",
        "gates",
        "pipelines",
        "demo",
        "web",
    },
    "sklearn": {"autologging", "models", "monitoring", "demo"},
    "threadpoolctl": {"models", "monitoring"},  # it comes with scikit-learn
    "pandas": {"models", "frames"},  # these three only where they are installed
    "apprise": {"monitoring"},  # only where it is installed
    "orjson": {"jsontext"},  # only where it is installed
    "polars": {"frames"},
    "pyarrow": {"frames"},
}

# Packages that `import lite_mlops` and `lite-mlops --help` must not load.
HEAVY = ("sklearn", "duckdb", "numpy", "pandas", "scipy", "joblib", "asyncio", "http", "psutil")


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__"), path


MODULES = dict(_modules())


def place(module: str) -> str:
    """The file or folder right below the package that a module lies in."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def floor(module: str) -> int:
    return next(level for level, places in enumerate(FLOORS) if place(module) in places)


@cache
def imports(path: Path) -> tuple[tuple[str, bool], ...]:
    """Every imported module, and whether it is loaded when the importing module is."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[str, bool]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            late.update(ast.walk(node))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            late.update(ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node not in late
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner if inner in MODULES else str(node.module)), node not in late


def test_every_module_lies_on_a_floor() -> None:
    placed = set().union(*FLOORS)
    assert {place(name) for name, _ in MODULES.items()} <= placed


def _all_imports() -> Iterator[tuple[str, str]]:
    for module, path in MODULES.items():
        for imported, _ in imports(path):
            yield module, imported


def test_imports_go_down() -> None:
    wrong = [
        f"{module} imports {imported}, which is not below it"
        for module, imported in _all_imports()
        if imported.startswith("lite_mlops")
        and place(module) != place(imported)
        and floor(imported) >= floor(module)
        and (place(module), place(imported)) not in SIDEWAYS
    ]
    assert wrong == []


def test_no_import_cycles() -> None:
    graph = {
        name: {m for m, at_once in imports(path) if at_once and m.startswith("lite_mlops.")}
        for name, path in MODULES.items()
    }
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail, module))
        if module not in done:
            for imported in graph.get(module, ()):
                if not module.startswith(f"{imported}."):  # a folder is loaded before its files
                    visit(imported, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_third_party_packages_have_one_home() -> None:
    known = {"lite_mlops", *sys.stdlib_module_names}
    wrong = [
        f"{module} imports {imported}"
        for module, imported in _all_imports()
        if (package := imported.split(".")[0]) not in known
        and place(module) not in HOMES.get(package, ())
    ]
    assert wrong == []


def test_other_folders_use_the_face_of_a_folder() -> None:
    """The public face of `store` and of each concept is its `__init__`, with stated exceptions."""
    inner = {
        "lite_mlops.store.events": "each concept logs its own events",
        "lite_mlops.store.console": "the table that SQL returns",
        "lite_mlops.store.doctor": "what `doctor` finds",
        "lite_mlops.store.cleaning": "what `gc` frees",
        "lite_mlops.store.backup": "what `backup` makes",
        "lite_mlops.store.usage": "what `du` measures",
        "lite_mlops.store.standing": "what `status` tells",
        "lite_mlops.tracking.comparing": "runs side by side; loaded by who compares",
        "lite_mlops.tracking.comparing.measuring": "metrics with intervals; loaded by who judges",
        "lite_mlops.tracking.comparing.verdicts": "paired verdicts; loaded by who judges",
        "lite_mlops.tracking.search": "the filter language; loaded by who searches",
        "lite_mlops.tracking.context": "the active run",
        "lite_mlops.monitoring.reports": "what reports say; loaded by who writes one",
        "lite_mlops.tracking.evaluations": "what was labelled; loaded by who estimates",
        "lite_mlops.monitoring.fairness": "groups in reports; loaded by who asks for them",
        "lite_mlops.monitoring.findings": "what every check speaks in",
        "lite_mlops.monitoring.drift": "what drift reports; loaded by who asks for it",
        "lite_mlops.monitoring.windows": "which predictions are meant",
        "lite_mlops.monitoring.monitors": "what is watched; loaded by who watches",
        "lite_mlops.monitoring.alerts": "what fires, and who is told; loaded by who watches",
        "lite_mlops.monitoring.labels": "what came of labels; loaded by who tells some",
        "lite_mlops.monitoring.performance": "how good the answers were; loaded by who asks for it",
        "lite_mlops.models.diff": "versions side by side; loaded by who compares",
        "lite_mlops.tracking.keys": "the rules for names",
        "lite_mlops.serving.trials": "words of what is tried; loaded by who tries",
        "lite_mlops.serving.wording": "what is known of an endpoint, in sentences",
        "lite_mlops.data.sources": "what files looked like when they were read",
        "lite_mlops.data.wording": "counts and shares, as they stand in sentences",
        "lite_mlops.security.pseudonyms": "keyed hashes; loaded by who records predictions",
        "lite_mlops.security.tokens": "who may ask a server; loaded by who serves",
        "lite_mlops.security.signing": "keys and signatures; loaded by who signs",
    }
    for module, imported in _all_imports():
        parts = imported.split(".")
        if parts[0] == "lite_mlops" and len(parts) > 2 and parts[1] != place(module):
            assert imported in inner, f"{module} reaches into {imported}"


def loaded_by(code: str) -> set[str]:
    code += "; import sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


# What Windows lacks: attributes, modules, and options of `Popen` that it refuses.
LACKING = {
    "os": {"fork", "getpgid", "geteuid", "getuid", "killpg", "nice", "register_at_fork", "setsid",
           "sched_getaffinity", "waitid", "WNOWAIT", "P_PID", "fdatasync", "statvfs", "uname"},
    "signal": {"SIGKILL", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGCHLD", "SIGUSR1", "SIGUSR2",
               "setitimer", "pthread_sigmask", "sigwait"},
    "socket": {"AF_UNIX", "SO_REUSEPORT"},
}  # fmt: skip
LACKING_MODULES = {"fcntl", "grp", "pwd", "resource", "termios", "tty"}
LACKING_OPTIONS = {"start_new_session", "pass_fds", "preexec_fn", "process_group"}
_MENTIONED = [
    *(f"{module}.{name}" for module, names in LACKING.items() for name in names),
    *(f"import {name}" for name in LACKING_MODULES),
    *(f"{name}=" for name in LACKING_OPTIONS),
]


def unguarded(tree: ast.AST) -> Iterator[str]:
    """Yield what Windows lacks and no `if` on the system stands around."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If | ast.IfExp):
            test = ast.unparse(node.test)
            if "sys.platform" in test or "hasattr(os" in test:
                continue
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in LACKING.get(node.value.id, ()):
                yield f"{node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.Import):
            yield from (f"{node.lineno}: {one.name}" for one in node.names
                        if one.name in LACKING_MODULES)  # fmt: skip
        elif isinstance(node, ast.keyword) and node.arg in LACKING_OPTIONS:
            yield f"{node.value.lineno}: {node.arg}"
        yield from unguarded(node)


def test_what_windows_lacks_is_guarded() -> None:
    found: set[str] = set()
    for module, path in MODULES.items():
        text = path.read_text(encoding="utf-8")
        if any(word in text for word in _MENTIONED):  # few are parsed
            found |= {f"{module}:{line}" for line in unguarded(ast.parse(text))}
    assert not found


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_by("import lite_mlops").intersection(HEAVY)


def test_a_process_that_only_logs_does_not_load_the_database(tmp_path: Path) -> None:
    code = (
        f"from lite_mlops import Project; run = Project({str(tmp_path)!r}).start_run(); "
        "run.log_metric('loss', 0.5); run.log_params({'a': 1}); run.log_text('t', 't.txt'); "
        "run.end()"
    )
    assert not loaded_by(code).intersection(HEAVY)


def test_public_names_are_listed_once_and_resolve() -> None:
    assert sorted(lite_mlops.__all__) == sorted({*lite_mlops._HOME_OF, "__version__"})
    for name in lite_mlops.__all__:
        assert getattr(lite_mlops, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        lite_mlops.nothing  # noqa: B018


def test_forgetting_to_choose_a_project_fails() -> None:
    with pytest.raises(Invalid, match=FORGOTTEN):
        Project()
    with pytest.raises(Invalid, match=FORGOTTEN):
        lite_mlops.start_run()
