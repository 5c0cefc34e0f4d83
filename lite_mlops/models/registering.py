"""Registering: a fitted model, or what a run kept, becomes the next version of a name.

project.models.register(model, "churn", input_example=x_train[:5], run=run.id)
project.models.register_kept("runs:/6ba7b810/model", "churn")
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import metadata
from platform import python_version
from typing import Any

from lite_mlops.errors import Conflict, Damaged, Invalid, NotFound
from lite_mlops.models.examples import example_of
from lite_mlops.models.files import save_model
from lite_mlops.models.references import (
    Reference,
    RunReference,
    checked_model_name,
    parse_any_reference,
)
from lite_mlops.models.signature import Signature, infer_signature
from lite_mlops.models.tagging import checked_tags
from lite_mlops.models.versions import DESCRIPTION, Member, ModelVersion, resolve
from lite_mlops.security import mask_reason
from lite_mlops.store import Database, Decisions, Store
from lite_mlops.store.events import AliasSet, VersionRegistered, VersionTagged
from lite_mlops.tracking.keys import checked_value

_ENDINGS = (".joblib", ".skops", ".onnx", ".pkl")
_MEDIA = "application/x-model"


def _requirements() -> dict[str, str]:
    """Return the versions of what a scikit-learn model is made of, from installed metadata."""
    names = ("scikit-learn", "numpy", "scipy", "joblib")
    return {"python": python_version()} | {name: metadata.version(name) for name in names}


@dataclass(frozen=True)
class Origin:
    """Where a version comes from, as it stood when it was registered."""

    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)  # versions of data, and their roles
    code: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """Everything of a version but its number: its bytes are stored, nothing is recorded yet."""

    sha256: str
    size: int
    signature: Signature
    requirements: Mapping[str, str]
    format: str = "joblib"
    class_name: str | None = None
    run: str | None = None
    example: str | None = None
    members: Mapping[str, Member] = field(default_factory=dict)
    trusted: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    origin: Origin = field(default_factory=Origin)


def origin_of(database: Database, run: str | None, metrics: Mapping[str, float]) -> Origin:
    """Return what is recorded of a run; `metrics` go before its own. Raises `NotFound`."""
    if run is None:
        return Origin(metrics=metrics)
    row = database.one("run_at_registration", run=run)
    if row is None:
        raise NotFound(f"There is no run {run!r}.")
    source = {} if row["source"] is None else json.loads(row["source"])
    git = source.get("git") or {}
    code = {name: git[name] for name in ("commit", "branch", "dirty", "remote") if git.get(name)}
    if source.get("argv"):
        code["argv"] = source["argv"]
    return Origin(
        params=row["params"] or {},
        metrics=(row["metrics"] or {}) | dict(metrics),
        data=row["data"] or {},
        code=code,
    )


def record_version(
    decisions: Decisions,
    name: str,
    made: Prepared,
    reason: str | None,
    *,
    version: int | None = None,
) -> int:
    """Record a version of a model and return its number; default: the next one."""
    if version is None:
        version = (decisions.database.value("last_version", model=name) or 0) + 1
    origin = made.origin
    decisions.record(
        VersionRegistered(
            model=name,
            version=version,
            sha256=made.sha256,
            size=made.size,
            media=_MEDIA,
            run=made.run,
            signature=made.signature.to_dict(),
            requirements=dict(made.requirements),
            format=made.format,
            class_name=made.class_name,
            example=made.example,
            members={key: member._asdict() for key, member in made.members.items()} or None,
            params=dict(origin.params) or None,
            metrics=dict(origin.metrics) or None,
            data=dict(origin.data) or None,
            code=dict(origin.code) or None,
            trusted=list(made.trusted) or None,
            reason=reason,
        )
    )
    if made.tags:
        keys, texts = list(made.tags), list(made.tags.values())
        decisions.record(VersionTagged(model=name, version=version, keys=keys, texts=[*texts]))
    return version


class Registering:
    """How versions of the models of a project come to be."""

    _store: Store

    # -- questions ------------------------------------------------------------------------------

    def get(self, reference: str) -> ModelVersion:
        """Return the version that a reference such as 'churn@champion' names.

        'runs:/ID/model' names what a run kept in the folder `model` of its artifacts, or what it
        registered under that name; what is not registered has the version 0.

        Raises:
            Invalid: it is not a reference.
            NotFound: there is no such model, alias, version or run, or it was removed.
        """
        parsed = parse_any_reference(reference)
        if isinstance(parsed, RunReference):
            return self._of_run(parsed)
        with self._store.reading() as database:
            return resolve(database, parsed)

    def _of_run(self, reference: RunReference) -> ModelVersion:
        with self._store.reading() as database:
            run = _run_id(database, reference.run)
            registered = database.rows("versions_of_run", run=run)
            row = database.one("kept_by_run", run=run)
            files = database.rows("model_files_of_run", run=run, folder=reference.folder)
            named = [version for model, version in registered if model == reference.folder]
            if named:
                return resolve(database, Reference(reference.folder, version=max(named)))
            if not files and len(registered) == 1 and reference.folder == "model":
                return resolve(database, Reference(registered[0][0], version=registered[0][1]))
        stored = {path.rpartition("/")[2]: (sha256, size) for path, sha256, size in files}
        model = next((name for name in stored if name.endswith(_ENDINGS)), None)
        if model is None or row is None:
            known = ", ".join(f"{model}/{version}" for model, version in registered)
            raise NotFound(
                f"Run {run} kept no model as {reference.folder!r}."
                + (f" It registered {known}." if known else "")
            )
        if "signature.json" not in stored:
            raise Invalid(
                f"{reference} has no signature.json beside it: what it takes is not known. "
                "Register it with an input_example."
            )
        referrer = f"signature of {reference}"
        signature = json.loads(self._store.objects.read(stored["signature.json"][0], referrer))
        example = stored.get("input_example.json")
        return ModelVersion(
            model=f"runs:/{run}/{reference.folder}",
            version=0,
            sha256=stored[model][0],
            size=stored[model][1],
            run_id=run,
            signature=Signature.from_dict(signature),
            requirements={},
            created_at=row["started_at"],
            actor=row["actor"],
            metrics=row["metrics"] or {},
            format=model.rpartition(".")[2].replace("pkl", "joblib"),
            example=None if example is None else example[0],
        )

    # -- decisions ------------------------------------------------------------------------------

    def register(
        self,
        model: Any,
        name: str,
        *,
        run: str | None = None,
        input_example: Any = None,
        alias: str | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        reason: str | None = None,
    ) -> ModelVersion:
        """Store a fitted model and give it the next version number of `name`.

        Args:
            model: A fitted model: anything with `predict`.
            name: The name of the model; it need not exist yet.
            run: The id of the run that it comes from, with its params, metrics, data and code.
            input_example: Some rows that it takes; kept with it, at most 100 of them.
            alias: An alias to point to the new version at once.
            metrics: Further metrics of the version, or others than those of the run.
            tags: Tags of the version.
            description: What somebody should know about it.
            reason: Why; recorded with the decision.

        Raises:
            Invalid: the name cannot be used, the model cannot be written, or its features are
                not known.
            NotFound: there is no such run.
        """
        name = checked_model_name(name)
        texts = _checked_texts(tags, description, self._store.settings.mask)
        numbers = _checked_metrics(metrics)
        signature = infer_signature(model, input_example)
        if not callable(getattr(model, "predict", None)):
            raise Invalid(f"this {type(model).__name__} is no model: it has no predict.")
        example = None
        if input_example is not None:
            example = self._store.objects.put_bytes(example_of(input_example).to_bytes()).sha256
        stored = save_model(self._store.objects, model)
        made = Prepared(
            sha256=stored.sha256,
            size=stored.size,
            signature=signature,
            requirements=_requirements(),
            class_name=_class_name(model),
            run=run,
            example=example,
            tags=texts,
            origin=Origin(metrics=numbers),
        )
        return self._record(name, made, alias, reason)

    def register_kept(
        self, reference: str, name: str, *, alias: str | None = None, reason: str | None = None
    ) -> ModelVersion:
        """Register what a run kept, such as 'runs:/6ba7b810/model', as the next version of `name`.

        Its bytes are stored already and are not copied.

        Raises:
            Invalid, NotFound: the reference or the name cannot be used.
            Damaged: the bytes are gone.
        """
        name = checked_model_name(name)
        kept = self.get(reference)
        if not self._store.objects.refresh(kept.sha256):
            raise Damaged(f"The file of {reference} is missing; nothing was registered.")
        made = Prepared(
            sha256=kept.sha256,
            size=kept.size,
            signature=kept.signature,
            requirements=kept.requirements or _requirements(),
            format=kept.format,
            class_name=kept.class_name,
            run=kept.run_id,
            example=kept.example,
            members=kept.members,
            trusted=kept.trusted,
        )
        return self._record(name, made, alias, reason)

    def _record(
        self, name: str, made: Prepared, alias: str | None, reason: str | None
    ) -> ModelVersion:
        """Record a version whose bytes are stored, and an alias that points to it."""
        if alias is not None:
            alias = checked_model_name(alias, "alias")
        reason = mask_reason(reason, self._store.settings.mask)
        with self._store.deciding() as decisions:
            database = decisions.database
            origin = origin_of(database, made.run, made.origin.metrics)
            version = record_version(decisions, name, replace(made, origin=origin), reason)
            if alias is not None:
                previous = database.value("alias_version", model=name, alias=alias)
                decisions.record(
                    AliasSet(
                        model=name, alias=alias, version=version, previous=previous, reason=reason
                    )
                )
        return self.get(f"{name}/{version}")


def _class_name(model: Any) -> str:
    kind = type(model)
    return f"{kind.__module__}.{kind.__qualname__}"


def _run_id(database: Database, word: str) -> str:
    found = [run for (run,) in database.rows("run_word", word=word)]
    if not found:
        raise NotFound(f"There is no run {word!r}.")
    if len(found) > 1 and word not in found:
        raise Conflict(f"Several runs begin with {word!r}; write more of the id.")
    return str(found[0])


def _checked_metrics(metrics: Mapping[str, float] | None) -> dict[str, float]:
    return {str(key): checked_value(str(key), value) for key, value in (metrics or {}).items()}


def _checked_texts(
    tags: Mapping[str, Any] | None, description: str | None, mask: tuple[str, ...]
) -> dict[str, str]:
    given = dict(tags or {}) | ({} if description is None else {DESCRIPTION: description})
    return {key: text for key, text in checked_tags(given, mask).items() if text is not None}
