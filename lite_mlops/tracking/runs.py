"""Runs: started, looked at, put away.

runs = project.runs
runs.get("amber-otter-412").metrics["auc"].value
runs.history(run_id, "loss", max_points=1000)
runs.delete(run_id, reason="wrong data")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lite_mlops.errors import Conflict, Invalid, NotFound, suggestion
from lite_mlops.security import mask_reason, mask_text
from lite_mlops.store import Database, Store, is_id
from lite_mlops.store.events import Note, RunDeleted, RunPurged, RunRestored, Tags
from lite_mlops.tracking.keys import checked_note, checked_tag, shown
from lite_mlops.tracking.status import STATUSES
from lite_mlops.tracking.values import Artifact, History, Metric, Run

if TYPE_CHECKING:
    from lite_mlops.tracking.search import RunPage
    from lite_mlops.tracking.search.sql import Place, Question


def find_id(database: Database, word: str) -> str:
    """Return the id of the run that `word` names: an id, its beginning or end, or a name.

    Raises:
        NotFound: no run answers to it; the message offers the nearest.
        Invalid: several do; the message lists them.
    """
    if not isinstance(word, str):
        raise Invalid(f"a run is named by a text; {shown(word)} is a {type(word).__name__}.")
    found = database.rows("run_ids", word=word)
    if found and (found[0][0] == word or len(found) == 1):
        return str(found[0][0])
    if not found:
        words = [text for row in database.rows("recent_run_words") for text in row]
        raise NotFound(f"There is no run {shown(word)}.{suggestion(word, words)}")
    several = ", ".join(f"{run_id} ({name})" for run_id, name, _ in found[:5])
    raise Invalid(f"{shown(word)} names {found[0][2]:,} runs: {several}. Use more of the id.")


class Parts(NamedTuple):
    """What was recorded of a run key by key, each in the order of the keys."""

    params: dict[str, str]
    metrics: dict[str, Metric]
    tags: dict[str, str]


def parts_of(
    database: Database, ids: Sequence[str], *, neighbours: bool = False
) -> dict[str, Parts]:
    """Return the params, latest metrics and tags of some runs by their ids.

    `neighbours` says that there are hardly any other runs between them.
    """
    found = {run_id: Parts({}, {}, {}) for run_id in ids}
    if not found:
        return found
    runs = None if neighbours or len(found) == 1 else [*found]
    rows = database.rows("parts_of_runs", runs=runs, first=min(found), last=max(found))
    for run, part, key, text, *metric in sorted(rows, key=itemgetter(2)):
        if run not in found:
            continue
        params, metrics, tags = found[run]
        if part == "metric":
            metrics[key] = Metric.from_columns(key, *metric)
        else:
            (params if part == "param" else tags)[key] = text
    return found


def _places(
    database: Database, question: Question, count: int, after: Place | None
) -> list[tuple[Any, ...]]:
    """Return where the first `count` runs that are found lie, and the `Place` of each."""
    from lite_mlops.tracking.search import Ground, Statement, start_for, statement_for

    def answer(asked: Statement) -> list[tuple[Any, ...]]:
        database.command(asked.sql, asked.values)
        return database.cursor.fetchall()

    columns = database.rows("summary_columns")
    ((first, last),) = database.rows("unsummed_runs", summed=bool(columns))
    ground = Ground.from_rows(columns, first, last)
    asked = start_for(question, ground, count, after)
    if asked is not None:
        ((since,),) = answer(asked)
        if since is not None:
            found = answer(statement_for(question, ground, count, after, since))
            if len(found) == count:
                return found
    return answer(statement_for(question, ground, count, after))


def _rows_of(
    database: Database, places: Sequence[tuple[Any, ...]]
) -> tuple[dict[int, dict[str, Any]], dict[int, Run]]:
    """Return the summaries at some `_places` by their rows, and the other runs by their hashes."""
    rows = [row for row, *_ in places if row is not None]
    over = database.dicts("summaries_at", rows=rows) if rows else []
    unsummed = [run_hash for row, *_, run_hash in places if row is None]
    others = database.dicts("runs_by_hash", hashes=unsummed) if unsummed else []
    parts = parts_of(database, [row["run_id"] for row in others])
    return (
        {row["row"]: row for row in over},
        {row["run_hash"]: Run.from_row(row, **parts[row["run_id"]]._asdict()) for row in others},
    )


def _read_history(
    database: Database, run_id: str, key: str, max_points: int | None
) -> History | None:
    """Return the points of a metric as they come; None if there are none."""
    asked = {"run": run_id, "key": key}
    points = None if max_points is None else database.value("metric_points", **asked)
    if max_points is None or points is None or points <= max_points:
        columns = database.arrays("metric_history", **asked)
        points = len(columns["step"])
    else:
        columns = database.arrays("sampled_history", **asked, points=max_points)
    if points == 0:
        return None
    return History(run_id, key, columns["step"], columns["time"], columns["value"], points)


class Runs:
    """The runs of a project: questions first, then decisions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- questions ------------------------------------------------------------------------------

    def get(self, run: str) -> Run:
        """Return one run with everything recorded of it.

        `run` is an id, the beginning or the end of one, or a name.

        Raises:
            NotFound, Invalid: no run answers to it, or several do.
        """
        with self._store.reading() as database:
            row = database.one("one_run", run=run) if is_id(run) else None
            if row is None:
                row = database.one("one_run", run=find_id(database, run))
            assert row is not None
            run_id = row["run_id"]
            parts = parts_of(database, [run_id])[run_id]
            artifacts = database.dicts("artifacts_of_run", run=run_id)
        kept = tuple(Artifact(**artifact) for artifact in artifacts)
        return Run.from_row(row, artifacts=kept, **parts._asdict())

    def latest_metrics(self, run: str) -> dict[str, Metric]:
        """Return the latest value and the range of each metric of a run, for polling it.

        Raises:
            NotFound, Invalid: no run answers to it, or several do.
        """
        with self._store.reading() as database:
            rows = database.dicts("latest_metrics", run=run) if is_id(run) else []
            if not rows:
                rows = database.dicts("latest_metrics", run=find_id(database, run))
        return {row["key"]: Metric.from_row(row) for row in rows}

    def page(
        self,
        *,
        experiment: str | None = None,
        status: str | None = None,
        parent: str | None = None,
        deleted: bool = False,
        count: int = 50,
        skip: int = 0,
    ) -> list[Run]:
        """Return runs, the newest first, with their params, latest metrics and tags.

        Raises:
            Invalid: the status is not one, or a count is negative.
            NotFound: there is no such experiment.
        """
        if status is not None and status not in STATUSES:
            raise Invalid(f"a run is {', '.join(STATUSES)}; {shown(status)} is none of them.")
        if count < 0 or skip < 0:
            raise Invalid(f"count and skip are not negative; they are {count} and {skip}.")
        with self._store.reading() as database:
            if experiment is not None:
                experiment = find_experiment(database, experiment)
            rows = database.dicts(
                "run_page",
                experiment=experiment,
                status=status,
                parent=parent,
                deleted=deleted,
                count=count,
                skip=skip,
            )
            unfiltered = (experiment, status, parent, deleted) == (None, None, None, False)
            ids = [row["run_id"] for row in rows]
            parts = parts_of(database, ids, neighbours=unfiltered)
        return [Run.from_row(row, **parts[row["run_id"]]._asdict()) for row in rows]

    def search(
        self,
        filter: str | None = None,  # noqa: A002  (the word of MLflow)
        order_by: str | Sequence[str] | None = None,
        max_results: int = 50,
        page_token: str | None = None,
        experiments: str | Sequence[str] | None = None,
        *,
        deleted: bool = False,
    ) -> RunPage:
        """Return the first runs that a filter finds, with their params, latest metrics and tags.

        `search("metrics.auc > 0.9 AND NOT tags.team LIKE 'a%'", order_by=["metrics.auc DESC"])`;
        the language is told in `tracking/search/grammar.py`. Runs without what they are sorted by
        come last, equal ones by their start, the newest first. A page token is that of the page
        before (`next_page_token`): no run appears twice or is left out because others started
        meanwhile. `experiments` are names, present or former; default: all.

        Raises:
            Invalid: the filter or an order cannot be understood, and the message points at the
                place; the number is not 1 to 50,000; or the token is not of this question.
            NotFound: there is no such experiment.
        """
        from lite_mlops.tracking import search  # a process that only logs never searches

        tree = search.parse_filter(filter)
        orders = search.parse_orders(order_by)
        question = search.Question(tree, orders, deleted=deleted)
        count = search.checked_count(max_results)
        with self._store.reading() as database:
            if experiments is not None:
                names = search.texts(experiments, "experiments")
                present = dict.fromkeys(find_experiment(database, name) for name in names)
                question = replace(question, experiments=tuple(present))
            after = search.read_token(question, page_token)
            places = _places(database, question, count + 1, after)
            over, unsummed = _rows_of(database, places[:count])
        runs = tuple(
            unsummed[run_hash] if row is None else Run.from_summary(over[row])
            for row, *_, run_hash in places[:count]
        )
        token = None
        if len(places) > count:
            token = search.write_token(question, places[count - 1][1:])
        return search.RunPage(runs, token, question.fields)

    def history(self, run: str, key: str, max_points: int | None = None) -> History:
        """Return the points of a metric by step and time.

        With `max_points` a longer history is down-sampled so that its extremes stay: it is cut
        into equal parts, of which the lowest and the highest point are kept.

        Raises:
            NotFound: there is no such run or metric.
            Invalid: `max_points` is below 4.
        """
        if max_points is not None and max_points < 4:
            raise Invalid(f"max_points is at least 4; it is {max_points}.")
        with self._store.reading() as database:
            found = _read_history(database, run, key, max_points) if is_id(run) else None
            if found is None:
                run_id = find_id(database, run)
                found = _read_history(database, run_id, key, max_points)
            if found is None:
                keys = [row[0] for row in database.rows("metric_keys", run=run_id)]
                raise NotFound(f"Run {run_id} has no metric {key!r}.{suggestion(key, keys)}")
        return found.in_order()

    def histories(self, run: str, keys: Sequence[str], max_points: int) -> list[History]:
        """Return the histories of several metrics of a run, those that it has, down-sampled.

        `max_points` is at least 4; see `history`.

        Raises:
            NotFound, Invalid: no run answers to it, or several do.
        """
        with self._store.reading() as database:
            run_id = find_id(database, run)
            found = [_read_history(database, run_id, key, max_points) for key in keys]
        return [history.in_order() for history in found if history is not None]

    def read_artifact(self, run: str, path: str) -> bytes:
        """Return the bytes of an artifact, proved by their SHA-256.

        Raises:
            NotFound: there is no such run or artifact.
            Damaged: the stored file is missing or not what was stored.
        """
        found, artifact = self._artifact(run, path)
        return self._store.objects.read(artifact.sha256, f"artifact {path!r} of run {found.id}")

    def copy_artifact(self, run: str, path: str, target: Path) -> None:
        """Copy an artifact to the file `target`; raises as `read_artifact` does."""
        found, artifact = self._artifact(run, path)
        referrer = f"artifact {path!r} of run {found.id}"
        self._store.objects.copy_out(artifact.sha256, target, referrer)

    def _artifact(self, run: str, path: str) -> tuple[Run, Artifact]:
        found = self.get(run)
        for artifact in found.artifacts:
            if artifact.path == path:
                return found, artifact
        near = suggestion(path, (artifact.path for artifact in found.artifacts))
        raise NotFound(f"Run {found.id} has no artifact {shown(path)}.{near}")

    # -- facts about earlier runs ---------------------------------------------------------------

    def tag(self, run: str, key: str, value: Any) -> None:
        """Set a tag of a run, or take it away with the value None.

        Raises:
            NotFound, Invalid: the run or the tag cannot be used.
        """
        self.tag_all(run, {key: value})

    def tag_all(self, run: str, tags: Mapping[str, Any]) -> None:
        """Set tags of a run, all of them or none; None takes a tag away.

        Raises:
            NotFound, Invalid: the run or one of the tags cannot be used.
        """
        mask = self._store.settings.mask
        pairs = [checked_tag(key, value, mask) for key, value in tags.items()]
        keys, texts = [key for key, _ in pairs], [text for _, text in pairs]
        self._store.append(Tags(run=self._id(run), keys=keys, texts=texts))

    def note(self, run: str, text: str) -> None:
        """Set the note of a run. Raises `NotFound` or `Invalid`."""
        note = mask_text(checked_note(text), self._store.settings.mask)
        self._store.append(Note(run=self._id(run), text=note))

    def _id(self, run: str) -> str:
        with self._store.reading() as database:
            return find_id(database, run)

    def _masked(self, reason: str | None) -> str | None:
        return mask_reason(reason, self._store.settings.mask)

    # -- decisions ------------------------------------------------------------------------------

    def delete(self, run: str, *, reason: str | None = None) -> str:
        """Put a run away, to be restored or purged later; return its id.

        Raises:
            NotFound, Invalid: no run answers to it, or several do.
            Conflict: it is going on, or deleted already.
        """
        return self.delete_all([run], reason=reason)[0]

    def delete_all(self, runs: Sequence[str], *, reason: str | None = None) -> list[str]:
        """Put several runs away, all of them or none; return their ids. Raises as `delete`."""
        with self._store.deciding() as decisions:
            ids = [_deletable(decisions.database, run) for run in runs]
            for run_id in dict.fromkeys(ids):
                decisions.record(RunDeleted(run=run_id, reason=self._masked(reason)))
        return ids

    def restore(self, run: str, *, reason: str | None = None) -> str:
        """Bring a deleted run back; return its id.

        Raises:
            NotFound, Invalid: no run answers to it, or several do.
            Conflict: it is not deleted.
        """
        return self.restore_all([run], reason=reason)[0]

    def restore_all(self, runs: Sequence[str], *, reason: str | None = None) -> list[str]:
        """Bring several deleted runs back, all of them or none; return their ids."""
        with self._store.deciding() as decisions:
            ids = [_restorable(decisions.database, run) for run in runs]
            for run_id in dict.fromkeys(ids):
                decisions.record(RunRestored(run=run_id, reason=self._masked(reason)))
        return ids

    def purge(self, run: str, *, reason: str | None = None) -> str:
        """Remove everything recorded of a deleted run for good; return its id.

        Its files are freed by the next cleaning (`gc`), unless something else refers to them.

        Raises:
            NotFound, Invalid: no run answers to it, or several do.
            Conflict: it is not deleted, or a model version comes from it.
        """
        return self.purge_all([run], reason=reason)[0]

    def purge_all(self, runs: Sequence[str], *, reason: str | None = None) -> list[str]:
        """Remove everything of several deleted runs, all of them or none; return their ids."""
        with self._store.deciding() as decisions:
            ids = [_purgeable(decisions.database, run) for run in runs]
            for run_id in dict.fromkeys(ids):
                decisions.record(RunPurged(run=run_id, reason=self._masked(reason)))
        return ids


def _decided_on(database: Database, word: str) -> Run:
    row = database.one("one_run", run=find_id(database, word))
    assert row is not None
    return Run.from_row(row)


def _deletable(database: Database, word: str) -> str:
    found = _decided_on(database, word)
    if found.deleted:
        raise Conflict(f"Run {found.id} is deleted already; `runs restore` brings it back.")
    if found.status == "running":
        raise Conflict(f"Run {found.id} is going on; end it before it is deleted.")
    return found.id


def _restorable(database: Database, word: str) -> str:
    found = _decided_on(database, word)
    if not found.deleted:
        raise Conflict(f"Run {found.id} is not deleted.")
    return found.id


def _purgeable(database: Database, word: str) -> str:
    found = _decided_on(database, word)
    if not found.deleted:
        raise Conflict(f"Run {found.id} is not deleted; only deleted runs are purged.")
    versions = database.rows("versions_of_run", run=found.id)
    if versions:
        names = ", ".join(f"{model}/{version}" for model, version in versions)
        raise Conflict(f"Run {found.id} is where {names} comes from; it stays traceable.")
    return found.id


def find_experiment(database: Database, name: str) -> str:
    """Return the present name of the experiment that `name` is or was.

    Raises:
        NotFound: there is none; the message offers the nearest.
    """
    leads_to = database.value("experiment_leads_to", name=name)
    if leads_to is None:
        known = [row["name"] for row in database.dicts("experiment_list", all=True)]
        raise NotFound(f"There is no experiment {shown(name)}.{suggestion(name, known)}")
    return str(leads_to)
