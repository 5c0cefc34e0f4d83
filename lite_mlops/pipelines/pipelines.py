"""The pipelines of a project: why each step would run, and running them.

project.pipelines.status()                    # of the [[step]] tables of lite-mlops.toml
project.pipelines.run()                       # what has to run
project.pipelines.run("train", params={"rate": 0.2})    # a step and what it stands on
project.pipelines.run("flow.py:churn")        # a function of a file
project.pipelines.start("train", nice=10)     # in a process of its own, behind all others
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from lite_mlops.errors import Invalid, NotFound, suggestion
from lite_mlops.pipelines.alone import place_of
from lite_mlops.pipelines.cache import Results
from lite_mlops.pipelines.carrying import Tell
from lite_mlops.pipelines.deciding import statuses
from lite_mlops.pipelines.files import Files
from lite_mlops.pipelines.functions import PipelineFunction, resolved
from lite_mlops.pipelines.groups import apart
from lite_mlops.pipelines.outcome import PipelineRun, StepStatus
from lite_mlops.pipelines.outputs import kept_value
from lite_mlops.pipelines.running import Running
from lite_mlops.pipelines.steps import Graph
from lite_mlops.pipelines.tables import load_graph
from lite_mlops.processors import processors
from lite_mlops.settings import FILE_NAME, environment_for_child
from lite_mlops.store import Store

_FILE = ".py"
What = str | PipelineFunction[..., Any] | None


def _quiet(step: str, text: str) -> None:
    """Tell nobody."""


class Pipelines:
    """The pipelines of a project."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def root(self) -> Path:
        """The folder that the paths of `[[step]]` tables are relative to."""
        return self._store.layout.folder.parent

    @property
    def project_folder(self) -> Path:
        """The folder of the project."""
        return self._store.layout.folder

    # -- questions ------------------------------------------------------------------------------

    def graph(self, what: What = None, *, params: Mapping[str, Any] | None = None) -> Graph:
        """Return the steps of a pipeline and how they hang together.

        `what` is None or the name of a step, for the `[[step]]` tables of the project; FILE.py or
        FILE.py:NAME, for a function that is a pipeline; or that function itself.

        Raises:
            Invalid: it cannot be laid out, or a param is unknown.
            NotFound: there is no such step, file or function, or no tables.
        """
        if isinstance(what, PipelineFunction):
            return what.graph(params)
        if isinstance(what, str) and is_file(what):
            return load_function(what).graph(params)
        graph = load_graph(self.root, params)
        if not graph.steps:
            raise NotFound(
                f"There are no steps: {self.root / FILE_NAME} has no [[step]] tables, and no file "
                "with a pipeline was named."
            )
        return graph

    def status(
        self,
        what: What = None,
        *,
        targets: Sequence[str] = (),
        params: Mapping[str, Any] | None = None,
        force: bool = False,
    ) -> list[StepStatus]:
        """Return how each step stands, and why it would run; nothing is run.

        Raises:
            Invalid, NotFound: as `graph`.
        """
        graph, targets = self._chosen(what, targets, params)
        files = self._files(graph)
        names = graph.order(targets)
        results = Results(self._store, graph.name)
        forced = frozenset(targets or names) if force else frozenset[str]()
        found = statuses(graph, names, files, results, self._store, forced)
        if self._store.layout.pipelines.is_dir():
            files.save()
        return found

    def _chosen(
        self, what: What, targets: Sequence[str], params: Mapping[str, Any] | None
    ) -> tuple[Graph, Sequence[str]]:
        graph = self.graph(what, params=params)
        if isinstance(what, str) and not is_file(what):
            targets = [what, *targets]
        return graph, targets

    def _files(self, graph: Graph) -> Files:
        folder = self._store.layout.pipelines
        if self._store.layout.folder.is_dir():
            return Files(graph.root, place_of(self._store.layout, graph.name).with_suffix(".json"))
        return Files(graph.root, folder / "none")

    # -- running --------------------------------------------------------------------------------

    def run(
        self,
        what: What = None,
        *,
        targets: Sequence[str] = (),
        params: Mapping[str, Any] | None = None,
        force: bool = False,
        jobs: int | None = None,
        tell: Tell = _quiet,
    ) -> PipelineRun:
        """Run the steps of which something changed; return what became of each.

        Args:
            what: Which pipeline, as for `graph`; the name of a step is a target.
            targets: Run only these steps and those that they stand on.
            params: Values that go before those of the tables, or of the function's defaults.
            force: Run the targets, or all steps, even if nothing changed.
            jobs: How many steps run side by side; default: the processors that we may use.
            tell: Called with a step and what happens to it, or what its command prints.

        Raises:
            StepFailed: a step did not end well; its `report` tells of all steps. What was done
                is kept, and the next run goes on from there.
            Invalid, NotFound: as `graph`; or an input is not there. Nothing was run.
            Busy: the pipeline is running already, in another process.
        """
        graph, targets = self._chosen(what, targets, params)
        return self._run(graph, targets, params or {}, force=force, jobs=jobs, tell=tell)[0]

    def call(self, function: PipelineFunction[..., Any], params: Mapping[str, Any]) -> Any:
        """Run a pipeline that is a function, and return what it returns; raises as `run`."""
        graph, returned = function.layout(params)
        _, made = self._run(graph, (), params)
        return resolved(returned, lambda step: kept_value(self._store, made[step]))

    def _run(
        self,
        graph: Graph,
        targets: Sequence[str],
        params: Mapping[str, Any],
        *,
        force: bool = False,
        jobs: int | None = None,
        tell: Tell = _quiet,
    ) -> tuple[PipelineRun, Mapping[str, Any]]:
        if jobs is not None and jobs < 1:
            raise Invalid(f"At least one step has to run at a time; jobs = {jobs} is less.")
        self._store.layout.make()
        names = graph.order(targets)
        running = Running(
            self._store,
            graph,
            self._files(graph),
            params=params,
            force=frozenset(targets or names) if force else frozenset(),
            jobs=jobs or processors(),
            tell=tell,
        )
        return running.run(names)

    def words(
        self,
        what: str | None = None,
        *,
        targets: Sequence[str] = (),
        params: Mapping[str, Any] | None = None,
        force: bool = False,
        jobs: int | None = None,
        nice: int = 0,
    ) -> list[str]:
        """Return the command that runs a pipeline in a process of its own."""
        words = [sys.executable, "-m", "lite_mlops", "pipe", "run"]
        if what is not None:
            words += ["--file", what] if is_file(what) else [what]
        for name, value in (params or {}).items():
            words += ["-P", f"{name}={value}"]
        words += ["--force"] if force else []
        words += ["--jobs", str(jobs)] if jobs is not None else []
        words += ["--nice", str(nice)] if nice else []
        return [*words, *targets]

    def start(
        self,
        what: str | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        force: bool = False,
        nice: int = 10,
        output: IO[bytes] | int | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a pipeline in a process of its own, with a lower priority; do not wait for it.

        It ends as `lite-mlops pipe run`: with 0 if all steps are done, with 1 if one failed.
        SIGTERM, on Windows Ctrl-Break, interrupts it and leaves everything clean. `nice` is added
        to the priority number of this process, `output` gets what it prints.
        """
        words = self.words(what, params=params, force=force, nice=nice)
        return subprocess.Popen(
            words,
            env=environment_for_child(self._store.layout.folder, None),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            **apart(),
        )


# -- files with functions -----------------------------------------------------------------------


def is_file(what: str | None) -> bool:
    """Return whether this names a file with a function, and not a step."""
    return what is not None and what.partition(":")[0].endswith(_FILE)


def load_function(what: str) -> PipelineFunction[..., Any]:
    """Return the pipeline of FILE.py:NAME, or the only one of FILE.py.

    Raises:
        NotFound: there is no such file, or no such pipeline in it.
        Invalid: the file cannot be loaded, or it has several pipelines and none is named.
    """
    file, _, name = what.partition(":")
    path = Path(file)
    if not path.is_file():
        raise NotFound(f"There is no file {file}.")
    module = _loaded(path.resolve())
    found = {
        one.__lite_mlops_function__.__name__: one
        for one in vars(module).values()
        if isinstance(one, PipelineFunction)
    }
    if not found:
        raise NotFound(f"{file} has no pipeline; @lm.pipeline makes a function one.")
    if name and name not in found:
        raise NotFound(f"{file} has no pipeline {name!r}.{suggestion(name, found)}")
    if not name and len(found) > 1:
        listed = " or ".join(f"{file}:{one}" for one in found)
        raise Invalid(f"{file} has several pipelines; name one: {listed}.")
    return found[name or next(iter(found))]


def _loaded(path: Path) -> ModuleType:
    known = sys.modules.get(path.stem)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    if known is not None:
        raise Invalid(f"{path.name} has the name of another module that is loaded; rename it.")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[path.stem]
        raise
    return module
