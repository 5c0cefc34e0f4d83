"""An active run: the object that logs.

    with project.start_run("baseline") as run:
        run.log_params({"depth": 3})
        for step in range(100):
            run.log_metric("loss", 0.9**step, step=step)

A wrong call raises `Invalid` or `Conflict`; the disk never makes a call fail. Calls with several
values keep everything that is right, even if one of them is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

from lite_mlops.errors import Conflict, Invalid, LiteMlopsError, raise_first
from lite_mlops.htmltext import html_facts
from lite_mlops.security import mask_text, mask_value
from lite_mlops.settings import Settings
from lite_mlops.store import Store, kept_store
from lite_mlops.store.events import Event, Note, Params, RunEnded, Tags
from lite_mlops.tracking import context
from lite_mlops.tracking.artifacts import ArtifactLog
from lite_mlops.tracking.figures import figure_bytes
from lite_mlops.tracking.keys import (
    MAX_PARAM,
    checked_name,
    checked_note,
    checked_path,
    checked_tag,
    checked_text,
    items,
    shown,
)
from lite_mlops.tracking.metrics import MetricLogging
from lite_mlops.tracking.status import ENDINGS, ending_for

if TYPE_CHECKING:
    from lite_mlops.data import DatasetVersion


class ActiveRun(MetricLogging):
    """A run that is going on in this process."""

    def __init__(
        self,
        store: Store,
        run_id: str,
        name: str,
        experiment: str,
        *,
        joined: bool = False,
        params: Mapping[str, str] | None = None,
        next_steps: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(run_id, store.journal.append, next_steps or {})
        self.name = name
        self.experiment = experiment
        self.status = "running"
        self.joined = joined  # another process ends it
        self.around = False  # runs that start meanwhile are nested in it, and do not end it
        self._store = store
        self._pid = os.getpid()
        self._params = dict(params or {})
        self.artifacts = ArtifactLog(store.objects, run_id, self._event)
        self._at_end: list[Any] = []

    def __repr__(self) -> str:
        return f"<ActiveRun {self.id} {self.name!r} {self.status} in {self.experiment!r}>"

    def to_dict(self) -> dict[str, Any]:
        """Return what identifies the run; `Runs.get` returns everything recorded of it."""
        return {
            "id": self.id,
            "name": self.name,
            "experiment": self.experiment,
            "status": self.status,
        }

    def _repr_html_(self) -> str:
        return html_facts(f"Run {self.name}", self.to_dict())

    def __reduce__(self) -> tuple[Any, ...]:
        # A worker process that is handed the run logs to it through a journal of its own.
        store = self._store
        return _joined, (store.layout.folder, store.settings, self.id, self.name, self.experiment)

    # -- params, tags, note ---------------------------------------------------------------------

    def log_param(self, key: str, value: Any) -> Any:
        """Log one param and return its value; a param is written once.

        Raises:
            Invalid: the key is not a name, or the value is too long.
            Conflict: the param has another value already.
        """
        self.log_params({key: value})
        return value

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log params; each is written once, the same value again changes nothing.

        Raises:
            Invalid: a key is not a name, or a value is too long; all others are logged.
            Conflict: a param has another value already; all others are logged.
        """
        new: dict[str, str] = {}
        problems: list[LiteMlopsError] = []
        for key, value in items(params, "params"):
            try:
                name = checked_name(key, "param name")
                text = checked_text(value, f"param {name!r}", MAX_PARAM)
                text = mask_value(name, text, self._store.settings.mask)
            except Invalid as problem:
                problems.append(problem)
                continue
            known = self._params.get(name)
            if known is None:
                new[name] = text
            elif known != text:
                problems.append(
                    Conflict(
                        f"param {name!r} of run {self.id} is {shown(known)} and cannot become "
                        f"{shown(text)}: params are written once. Use a tag for what changes."
                    )
                )
        if new:
            for keys, texts in _pieces(list(new), list(new.values())):
                self._event(Params(run=self.id, keys=keys, texts=texts))
            self._params.update(new)
        raise_first(problems)

    def set_tag(self, key: str, value: Any) -> None:
        """Set one tag; setting it again replaces the value.

        Raises:
            Invalid: the key is not a name, or the value is too long.
        """
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; a value of None takes the tag away.

        Raises:
            Invalid: a key is not a name, or a value is too long; all others are set.
        """
        keys: list[str] = []
        texts: list[str | None] = []
        problems: list[LiteMlopsError] = []
        for key, value in items(tags, "tags"):
            try:
                name, text = checked_tag(key, value, self._store.settings.mask)
                keys.append(name)
                texts.append(text)
            except Invalid as problem:
                problems.append(problem)
        if keys:
            for some, values in _pieces(keys, texts):
                self._event(Tags(run=self.id, keys=some, texts=values))
        raise_first(problems)

    def set_note(self, text: str) -> None:
        """Set the note of the run, in Markdown; setting it again replaces it.

        Raises:
            Invalid: the text is too long.
        """
        note = checked_note(text)
        self._event(Note(run=self.id, text=mask_text(note, self._store.settings.mask)))

    def given(
        self,
        params: Mapping[str, Any] | None,
        tags: Mapping[str, Any] | None,
        note: str | None,
    ) -> Self:
        """Log what was given where the run was started; return the run."""
        try:
            self.log_params(params or {})
            self.set_tags(tags or {})
            if note is not None:
                self.set_note(note)
        except BaseException:
            self.end("failed")
            raise
        return self

    # -- artifacts ------------------------------------------------------------------------------

    def log_artifact(self, local_path: str | Path, artifact_path: str | None = None) -> None:
        """Keep a copy of a file, or of a folder with everything in it, with the run.

        `artifact_path` is the folder of the run that it goes to.

        Raises:
            NotFound: there is no such file.
            Invalid: the file cannot be read, or the artifact path leaves the run.
        """
        self.artifacts.add(local_path, artifact_path)

    def log_artifacts(self, local_dir: str | Path, artifact_path: str | None = None) -> None:
        """Keep a copy of everything in a folder with the run.

        Raises:
            NotFound: there is no such folder.
            Invalid: a file cannot be read, or the artifact path leaves the run; all others are
                kept.
        """
        self.artifacts.add_folder(local_dir, artifact_path)

    def log_text(self, text: str, artifact_file: str) -> None:
        """Keep a text with the run, as the file `artifact_file`. Raises `Invalid`."""
        self.artifacts.add_text(text, artifact_file)

    def log_dict(self, dictionary: Any, artifact_file: str) -> None:
        """Keep a dictionary or list with the run, as JSON. Raises `Invalid`."""
        self.artifacts.add_dict(dictionary, artifact_file)

    def log_figure(self, figure: Any, artifact_file: str) -> None:
        """Keep a picture with the run: a matplotlib or plotly figure, a PIL image, or bytes.

        The ending of `artifact_file` chooses the format.

        Raises:
            Invalid: it is none of these, or the ending is not one that it can be written as.
        """
        path = checked_path(artifact_file)
        self.artifacts.put_bytes(figure_bytes(figure, path), path)

    def log_table(self, data: Any, artifact_file: str) -> None:
        """Keep a table with the run, as `.json` or `.csv`.

        `data` is a list of rows (dictionaries), a dictionary of columns, or a DataFrame.

        Raises:
            Invalid: it is none of these, or the ending is another one.
        """
        self.artifacts.add_table(data, artifact_file)

    def log_evaluation(
        self, y_true: Any, y_pred: Any, *, y_score: Any = None, name: str = "test", ids: Any = None
    ) -> None:
        """Keep what the model answered on the rows it was evaluated on, for comparing runs later.

        Labels and answers are one number or text a row, `y_score` the score of the class that sorts
        last, `ids` what names the rows. They become the artifact `evaluations/<name>.npz`; no
        metric is logged.

        Raises:
            Invalid: a column is empty, not of one kind, or not as long as the others; a value is
                missing or infinite; ids occur twice; scores come with more than two labels.
        """
        from lite_mlops.tracking.evaluations import evaluation, path_of  # NumPy

        path = path_of(name)
        self.artifacts.put_bytes(evaluation(y_true, y_pred, y_score, ids).to_bytes(), path)

    def log_dataset(
        self,
        data: Any,
        name: str,
        *,
        role: str = "training",
        column_names: Sequence[str] | None = None,
        snapshot: bool = False,
    ) -> DatasetVersion:
        """Record that this run uses `data`, as `Datasets.log` does. Raises `Invalid`."""
        from lite_mlops.data import Datasets  # which stands on the names of this folder

        if self.status != "running":
            self._refuse("")
        return Datasets(self._store).log(
            self.id, data, name, role=role, column_names=column_names, snapshot=snapshot
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold back what is logged inside; it is written at the end, unless an error ends it."""
        bodies: list[str] = []
        append, self._append = self._append, _collector(bodies)
        try:
            yield
        finally:
            self._append = append
        for body in bodies:
            append(body)

    def behind(
        self, action: Callable[[ArtifactLog], None], *, size: int = 0, seconds: float = 1.0
    ) -> None:
        """Have `action` add files to the run in the background, even after the run has ended.

        It must not raise. `size` is what it holds in memory, in bytes; `seconds` is how long the
        end of the process waits for it. Whoever reads the project in this process waits for it.
        """
        store = self._store

        def emit(event: Event) -> None:
            store.append(event)

        files = ArtifactLog(store.objects, self.id, emit)
        store.background.do(lambda: action(files), size=size, seconds=seconds)

    # -- the end --------------------------------------------------------------------------------

    def end(self, status: str = "finished") -> None:
        """End the run. Raises `Invalid` for a status other than finished, failed or killed."""
        if status not in ENDINGS:
            raise Invalid(f"a run ends as {', '.join(ENDINGS)}; {shown(status)} is none of them.")
        if self.status != "running":
            return
        while self._at_end:
            self._at_end.pop()()
        context.leave(self)
        # A forked child holds a copy of its parent's run; only the process that began it ends it.
        if not self.joined and os.getpid() == self._pid:
            self._event(RunEnded(run=self.id, status=status))
        self.status = status
        self._append = self._refuse

    finish = end

    def at_end(self, action: Any) -> None:
        """Have `action` called without arguments when the run ends."""
        self._at_end.append(action)

    def _refuse(self, body: str) -> NoReturn:  # noqa: ARG002
        raise Conflict(
            f"Run {self.id} ({self.name}) has {self.status}; nothing more can be logged to it. "
            f"start_run(run_id={self.id!r}) resumes it."
        )

    def _event(self, event: Event) -> None:
        self._append(event.body())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end(ending_for(error))


_PIECE = 1_000_000  # characters of one event at most


def _pieces(keys: list[str], texts: list[Any]) -> Iterator[tuple[list[str], list[Any]]]:
    """Split many long values into several events, each of which fits into a line."""
    start = size = 0
    for end, (key, text) in enumerate(zip(keys, texts, strict=True)):
        size += len(key) + len(text or "")
        if size > _PIECE and end > start:
            yield keys[start:end], texts[start:end]
            start, size = end, len(key) + len(text or "")
    yield keys[start:], texts[start:]


def _collector(bodies: list[str]) -> Callable[[str], int]:
    def collect(body: str) -> int:
        bodies.append(body)
        return 0

    return collect


def _joined(folder: Path, settings: Settings, *names: str) -> ActiveRun:
    """Return the run of another process, for logging to it from this one."""
    return ActiveRun(kept_store(folder, settings), *names, joined=True)
