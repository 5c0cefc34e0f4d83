"""Reproducing a run: in a fresh folder, from what was recorded; then the results are compared.

    verdict = project.reproducing.reproduce("amber-otter-412")
    verdict.outcome  # "identical", "within tolerance" or "different"

The run logs to a project of its own, so nothing that it decides (registering a model, moving an
alias) touches this one. What it measured is then adopted, and the verdict is kept with both runs.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lite_mlops.errors import Conflict, Invalid, NotFound
from lite_mlops.jsontext import json_text
from lite_mlops.pipelines.reproduction.adopting import adopt
from lite_mlops.pipelines.reproduction.data import bring_data
from lite_mlops.pipelines.reproduction.recipe import Recipe, recipe_of
from lite_mlops.pipelines.reproduction.verdict import (
    Reproduction,
    Tolerance,
    compare_data,
    compare_packages,
    compare_surroundings,
    judge,
)
from lite_mlops.pipelines.reproduction.workplace import (
    carry_out,
    find_python,
    find_repository,
    last_lines,
    lay_out_code,
    make_environment,
)
from lite_mlops.settings import environment_for_child
from lite_mlops.store import FOLDER_NAME, Store, open_store
from lite_mlops.store.events import Artifact
from lite_mlops.tracking import DIFF_PATH, PACKAGES_PATH, Run, Runs, Starter, parse_requirements

TAG_OF = "reproduction_of"
TAG_OUTCOME = "reproduction"


@dataclass(frozen=True)
class _Workplace:
    """The folders of one reproduction."""

    folder: Path

    @property
    def code(self) -> Path:
        return self.folder / "code"

    @property
    def project(self) -> Path:
        return self.folder / "project" / FOLDER_NAME

    @property
    def environment(self) -> Path:
        return self.folder / "environment"

    @property
    def output(self) -> Path:
        return self.folder / "output.log"


class Reproducing:
    """Reproduces the runs of a project: first what it would take, then doing it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs = Runs(store)

    # -- questions ------------------------------------------------------------------------------

    def recipe(self, run: str) -> Recipe:
        """Return what it takes to run a run again, with what is missing for it.

        Raises:
            NotFound, Invalid: no run answers to `run`, or several do.
        """
        found = self._runs.get(run)
        return recipe_of(
            found, _text(self._runs, found, DIFF_PATH), _text(self._runs, found, PACKAGES_PATH)
        )

    # -- doing it -------------------------------------------------------------------------------

    def reproduce(
        self,
        run: str,
        *,
        repository: Path | None = None,
        isolated: bool = False,
        folder: Path | None = None,
        tolerance: Tolerance | None = None,
    ) -> Reproduction:
        """Run a run again and return the verdict, which is kept with both runs.

        Args:
            run: Its id, the beginning or end of it, or its name.
            repository: Where its commit is; default: around the working directory, the project
                and the place where it ran.
            isolated: In a new virtual environment with the recorded packages, instead of the
                current one.
            folder: Where to run, which must not exist, and which is kept; default: a temporary
                folder, which is removed.
            tolerance: How far results may lie apart.

        Raises:
            NotFound, Invalid: no run answers to `run`, or several do.
            Conflict: something that it takes is missing; the message names every piece, and
                nothing was run. Or the command logged no run that can be compared.
        """
        recipe = self.recipe(run)
        recorded = self._runs.get(recipe.run_id)
        if recorded.ended_at is None:
            raise Conflict(f"Run {recorded.id} is going on; reproduce it when it has ended.")
        top = self._repository(recipe, repository)
        python = find_python(recipe.python) if isolated else sys.executable
        with _made(folder) as workplace:
            lay_out_code(top, str(recipe.commit), recipe.diff, workplace.code)
            if gone := bring_data(self._store, recorded.id, recipe.top, workplace.code):
                raise _missing(recorded.id, gone)
            if isolated:
                environment = workplace.environment
                python = str(make_environment(environment, recipe.packages, python))
            return self._compared(recorded, recipe, workplace, python, tolerance or Tolerance())

    def _repository(self, recipe: Recipe, repository: Path | None) -> Path:
        missing, top = [*recipe.missing], None
        if recipe.commit:
            places = [repository] if repository is not None else self._places(recipe)
            try:
                top = find_repository(places, recipe.commit)
            except NotFound as error:
                missing.append(str(error))
        if missing or top is None:
            raise _missing(recipe.run_id, missing)
        return top

    def _places(self, recipe: Recipe) -> list[Path]:
        places = [Path.cwd(), self._store.layout.folder.parent]
        if recipe.top is not None and Path(recipe.top).is_dir():
            places.append(Path(recipe.top))
        return places

    def _compared(
        self,
        recorded: Run,
        recipe: Recipe,
        workplace: _Workplace,
        python: str,
        tolerance: Tolerance,
    ) -> Reproduction:
        from lite_mlops.pipelines.reproduction.models import compare_models  # NumPy

        origin = open_store(workplace.project, self._store.settings)
        try:
            again = self._again(recorded, recipe, workplace, origin, python)
            verdict = judge(
                recorded,
                again,
                models=compare_models(self._store, origin, recorded.id, again.id, tolerance),
                causes=[
                    *_failure(recorded, again, workplace.output),
                    *self._causes(recorded, again, recipe, origin),
                ],
                by=tolerance,
            )
            self._keep(verdict, again, origin, name=f"{recorded.name} again")
        finally:
            origin.close()
        return verdict

    def _again(
        self, recorded: Run, recipe: Recipe, workplace: _Workplace, origin: Store, python: str
    ) -> Run:
        """Run the command and return the run that it logged."""
        workplace.project.parent.mkdir()
        command = recipe.command_in(str(workplace.code), python)
        place = workplace.code / (recipe.folder or "")
        active = None
        if recipe.wrapped:  # it may log nothing by itself
            starter = Starter(origin)
            active = starter.start(recorded.experiment, recorded.name, argv=command)
            active.log_params(recorded.params)
        variables = environment_for_child(workplace.project, active.id if active else None)
        code = carry_out(command, place, variables | dict(recipe.variables), workplace.output)
        if active is not None:
            active.end("finished" if code == 0 else "failed")
            return Runs(origin).get(active.id)
        runs = Runs(origin)
        logged = runs.page(count=10_000) if workplace.project.is_dir() else []
        found = _counterpart(recorded, list(reversed(logged)))
        if found is None:
            raise Conflict(
                f"The command of run {recorded.id} ended with {code} and logged no run that can be "
                f"compared. The last it printed:\n{last_lines(workplace.output)}"
            )
        return runs.get(found.id)

    def _causes(self, recorded: Run, again: Run, recipe: Recipe, origin: Store) -> list[str]:
        data = [
            _data_of(store, run.id) for store, run in ((self._store, recorded), (origin, again))
        ]
        requirements = _text(Runs(origin), again, PACKAGES_PATH)
        return [
            *compare_surroundings(recorded.source, again.source),
            *compare_data(*data),
            *compare_packages(recipe.packages, parse_requirements(requirements)),
        ]

    def _keep(self, verdict: Reproduction, again: Run, origin: Store, *, name: str) -> None:
        """Adopt the new run, and keep the verdict with both."""
        tags = {TAG_OF: verdict.run_id, TAG_OUTCOME: verdict.outcome}
        adopt(again, origin, self._store, name=name, tags=tags)
        text = json_text(verdict.to_dict(), indent=2).encode()
        stored = self._store.objects.put_bytes(text)
        for run_id in (verdict.run_id, verdict.again_id):
            self._store.append(
                Artifact(
                    run=run_id,
                    path=f"reproductions/{verdict.again_id}.json",
                    sha256=stored.sha256,
                    size=stored.size,
                    media="application/json",
                )
            )
        self._runs.tag(verdict.run_id, TAG_OUTCOME, verdict.outcome)


class _made:  # noqa: N801  a context manager that is used like a function
    """Makes the folders to work in; a temporary one goes afterwards."""

    def __init__(self, folder: Path | None) -> None:
        self._given = folder

    def __enter__(self) -> _Workplace:
        if self._given is None:
            self._folder = Path(tempfile.mkdtemp(prefix="lite-mlops-"))
        else:
            try:
                self._given.mkdir(parents=True)
            except FileExistsError:
                raise Conflict(f"{self._given} exists; reproduce in a fresh folder.") from None
            except OSError as error:
                raise Invalid(f"{self._given} cannot be made: {error.strerror}.") from None
            self._folder = self._given.absolute()
        return _Workplace(self._folder)

    def __exit__(self, *_: object) -> None:
        if self._given is None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _text(runs: Runs, run: Run, path: str) -> str:
    """Return a file that was captured of a run as text; empty if there is none."""
    if all(artifact.path != path for artifact in run.artifacts):
        return ""
    return runs.read_artifact(run.id, path).decode("utf-8", errors="replace")


def _missing(run_id: str, pieces: Sequence[str]) -> Conflict:
    listed = "".join(f"\n- {piece}" for piece in pieces)
    return Conflict(f"Run {run_id} cannot be run again; nothing was run.{listed}")


def _failure(recorded: Run, again: Run, output: Path) -> list[str]:
    """Return that the command failed, if it did not before, with the last line it printed."""
    if again.status == recorded.status or again.status == "finished":
        return []
    return [f"the command failed: {last_lines(output, 1)}"]


def _data_of(store: Store, run_id: str) -> dict[str, str]:
    with store.reading() as database:
        rows = database.dicts("data_of_run", run=run_id)
    return {f"{row['role']} {row['name']}": row["sha256"] for row in rows}


def _counterpart(recorded: Run, candidates: Sequence[Run]) -> Run | None:
    """Return the run that stands for the recorded one: with its params, its name, or the only."""
    alike = [one for one in candidates if one.params == recorded.params]
    named = [one for one in candidates if one.name == recorded.name]
    both = [one for one in alike if one in named]
    for some in (both, alike, named):
        if some:
            return some[0]
    return candidates[0] if len(candidates) == 1 else None
