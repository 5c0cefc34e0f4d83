"""Registering: a fitted model, or what a run kept, becomes the next version of a name.

project.models.register(model, "churn", input_example=x_train[:5], run=run.id)
project.models.register_kept("runs:/6ba7b810/model", "churn")
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from lite_mlops.errors import Invalid, LiteMlopsError, NotFound
from lite_mlops.models import loading
from lite_mlops.models.answering import Asking
from lite_mlops.models.examples import ANSWERED, example_of
from lite_mlops.models.finding import Finding
from lite_mlops.models.gating import refuse_if_gated
from lite_mlops.models.importances import class_of
from lite_mlops.models.loading import ModelFile
from lite_mlops.models.loading.refusals import needs_trust, told
from lite_mlops.models.lowering import Attempt, attempt_quietly, attempted
from lite_mlops.models.references import (
    Reference,
    checked_model_name,
)
from lite_mlops.models.signature import Personal, Signature, infer_signature
from lite_mlops.models.signing import open_version
from lite_mlops.models.tagging import checked_tags
from lite_mlops.models.trusting import tell_needs, trusted_before
from lite_mlops.models.versions import DESCRIPTION, Member, ModelVersion, Seal, resolve
from lite_mlops.security import mask_reason
from lite_mlops.store import Database, Decisions, Store, as_datetime
from lite_mlops.store.events import (
    AliasSet,
    Decision,
    VersionRegistered,
    VersionSigned,
    VersionTagged,
)
from lite_mlops.tracking.keys import checked_name, checked_value

Trust: TypeAlias = Collection[str] | bool  # names as 'module:name', or all of them


@dataclass(frozen=True)
class Origin:
    """Where a version comes from, as it stood when it was registered.

    Params and metrics are those given with it; those of its run are read from there.
    """

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
    needs: tuple[str, ...] = ()  # what its file imports beyond the shipped list
    trusted: tuple[str, ...] = ()  # what of that the owner confirmed
    compression: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    origin: Origin = field(default_factory=Origin)
    seals: tuple[Seal, ...] = ()  # signatures of what it was before
    attempt: Attempt | None = None  # what came of making a plan; None: it was not tried


def origin_of(database: Database, run: str | None, metrics: Mapping[str, float]) -> Origin:
    """Return what is recorded of a run besides its params and metrics, which it may still log.

    Raises:
        NotFound: there is no such run.
    """
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
    return Origin(metrics=metrics, data=row["data"] or {}, code=code)


def record_version(
    decisions: Decisions,
    name: str,
    made: Prepared,
    reason: str | None,
    *,
    version: int | None = None,
) -> int:
    """Record a version of a model, with its tags, seals and plan, and return its number.

    Default: the next one.
    """
    if version is None:
        version = (decisions.database.value("last_version", model=name) or 0) + 1
    origin = made.origin
    registered: list[Decision] = [
        VersionRegistered(
            model=name,
            version=version,
            sha256=made.sha256,
            size=made.size,
            media=loading.FORMATS[made.format].media,
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
            compression=made.compression,
            reason=reason,
        )
    ]
    if made.tags:
        keys, texts = list(made.tags), list(made.tags.values())
        registered.append(VersionTagged(model=name, version=version, keys=keys, texts=[*texts]))
    registered += [
        VersionSigned(model=name, version=version, public=seal.public, seal=seal.signature)
        for seal in made.seals
    ]
    facts = () if made.attempt is None else (made.attempt.of(name, version),)
    decisions.record_together(*registered, facts=facts)
    return version


def with_plan(store: Store, made: Prepared, what: str) -> Prepared:
    """Return what is about to be registered with what comes of making its plan.

    Its file is loaded for it only if it imports nothing beyond the shipped list. Otherwise it
    stays as it is; so it does where plans are switched off or only what is signed is loaded, and a
    graph of ONNX does, which has none.
    """
    objects, settings = store.objects, store.settings
    if not settings.lower or settings.signed_by or made.format == "onnx":
        return made
    file = ModelFile(
        made.sha256, made.size, made.format, referrer=what, compression=made.compression
    )
    try:
        if loading.inspect_model(objects.read(made.sha256, what), format=made.format).needs_trust:
            return made
    except LiteMlopsError:  # who asks it is told
        return made

    def open_model() -> Any:
        with warnings.catch_warnings():
            # Who serves it is told; that packages differ is no surprise for what comes from afar.
            warnings.simplefilter("ignore", loading.EnvironmentDiffers)
            return loading.load_model(objects, file, limit=settings.model_bytes)

    found = attempt_quietly(objects, made.sha256, made.signature, open_model, made.example, what)
    return replace(made, attempt=found)


class Registering(Finding):
    """How versions of the models of a project come to be."""

    # -- decisions ------------------------------------------------------------------------------

    def register(
        self,
        model: Any,
        name: str,
        *,
        run: str | None = None,
        input_example: Any = None,
        training: Any = None,
        format: str | None = None,  # noqa: A002
        artifacts: Mapping[str, str | Path] | None = None,
        trust: Trust = (),
        personal: Personal = (),
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
            input_example: Some rows that it takes; kept with it, the first 1,000 at most.
            training: The data it was fitted on, for the ranges and categories of its signature.
            format: The format of its file: joblib, skops or onnx; default: that of the settings.
            artifacts: Files that a `PythonModel` needs, by the names it finds them under.
            trust: What its file may import beyond the shipped list, as 'module:name'; True: all
                that it imports. What was confirmed for an earlier version need not be said again.
            personal: Columns that tell about a person: their values are recorded with predictions
                as pseudonyms, or for `{"name": "none"}` not at all.
            alias: An alias to point to the new version at once.
            metrics: Further metrics of the version, or others than those of the run.
            tags: Tags of the version.
            description: What somebody should know about it.
            reason: Why; recorded with the decision.

        Raises:
            Invalid: the name cannot be used, the model cannot be written, its features are not
                known, or a personal column is not among them.
            NotFound: there is no such run or artifact.
            Denied: the alias has a gate, which a new version cannot have passed.
        """
        name, alias = self._checked_names(name, alias)
        texts = _checked_texts(tags, description, self._store.settings.mask)
        numbers = _checked_metrics(metrics)
        signature = None
        if not isinstance(model, loading.PythonModel):
            signature = infer_signature(model, input_example, training)
        format = format or self._store.settings.model_format  # noqa: A001
        if format != "onnx" and not callable(getattr(model, "predict", None)):
            raise Invalid(f"this {type(model).__name__} is no model: it has no predict.")
        if signature is not None:
            signature.with_recorded(personal)  # refused before anything is stored
        members = self._kept_members(artifacts or {})
        saved = loading.save_model(
            self._store.objects, model, format=format, limit=self._store.settings.model_bytes
        )
        if signature is None:
            model = self._loaded_once(model, saved, members)
            signature = infer_signature(model, input_example, training)
        made = Prepared(
            sha256=saved.sha256,
            size=saved.size,
            signature=signature.with_recorded(personal),
            requirements=saved.requirements,
            format=saved.format,
            class_name=class_of(model),
            run=run,
            example=self._kept_example(input_example, model, signature),
            members=members,
            needs=saved.needs_trust,
            trusted=_confirmed(saved.needs_trust, trust),
            tags=texts,
            origin=Origin(metrics=numbers),
        )
        made = replace(made, attempt=self._attempt(name, made, lambda: model))
        return self._record(name, made, alias, reason)

    def register_file(
        self,
        path: str | Path,
        name: str,
        *,
        input_example: Any = None,
        trust: Trust = (),
        alias: str | None = None,
        run: str | None = None,
        reason: str | None = None,
    ) -> ModelVersion:
        """Register a model file that was written elsewhere as the next version of `name`.

        It is loaded once, after what it imports was found trusted, to learn what it takes.

        Raises:
            Invalid: the name cannot be used, or it is no model or one whose features are unknown.
            NotFound: there is no such file or run.
            Denied: it imports what is neither on the shipped list nor in `trust`; nothing of it
                was loaded, and nothing was registered.
        """
        name, alias = self._checked_names(name, alias)
        path = Path(path)
        try:
            data = path.read_bytes()
        except (FileNotFoundError, IsADirectoryError):
            raise NotFound(f"There is no model file {str(path)!r}.") from None
        with told(str(path)):
            found = loading.inspect_model(data)
        trusted = _confirmed(found.needs_trust, trust)
        before = set[str]()
        if self._store.layout.folder.is_dir():
            with self._store.reading() as database:
                before = trusted_before(database, name)
        missing = [item for item in found.needs_trust if item not in {*trusted, *before}]
        with told(str(path)):
            if missing:
                raise needs_trust(missing)
        stored = self._store.objects.put_bytes(data)
        file = ModelFile(
            stored.sha256,
            stored.size,
            found.format,
            referrer=str(path),
            compression=found.compression,
            trusted=tuple(found.needs_trust),
        )
        limit = self._store.settings.model_bytes
        model = loading.load_model(self._store.objects, file, limit=limit)
        if not callable(getattr(model, "predict", None)):
            raise Invalid(f"{path} holds no model: its {type(model).__name__} has no predict.")
        signature = infer_signature(model, input_example)
        made = Prepared(
            sha256=stored.sha256,
            size=stored.size,
            signature=signature,
            requirements=loading.requirements_of(found.imports),
            format=found.format,
            class_name=class_of(model),
            run=run,
            example=self._kept_example(input_example, model, signature),
            needs=found.needs_trust,
            trusted=trusted,
            compression=found.compression,
        )
        made = replace(made, attempt=self._attempt(name, made, lambda: model))
        return self._record(name, made, alias, reason)

    def register_kept(
        self,
        reference: str,
        name: str,
        *,
        trust: Trust = (),
        alias: str | None = None,
        reason: str | None = None,
    ) -> ModelVersion:
        """Register what a run kept, such as 'runs:/6ba7b810/model', as the next version of `name`.

        Its bytes are stored already and are not copied. `reference` may name a version as well,
        which then has a second name.

        Raises:
            Invalid, NotFound: the reference or the name cannot be used.
            Damaged: the bytes are gone, or are not what was stored.
        """
        name, alias = self._checked_names(name, alias)
        kept = self.get(reference)
        self._store.objects.refresh(kept.sha256)
        found = loading.inspect_model(self._store.objects.read(kept.sha256, kept.file.referrer))
        made = Prepared(
            sha256=kept.sha256,
            size=kept.size,
            signature=kept.signature,
            requirements=kept.requirements or loading.requirements_of(found.imports),
            format=kept.format,
            class_name=kept.class_name,
            run=kept.run_id,
            example=kept.example,
            members=kept.members,
            needs=found.needs_trust,
            trusted=tuple({*kept.trusted, *_confirmed(found.needs_trust, trust)}),
            compression=kept.compression,
        )
        made = replace(made, attempt=self._attempted(kept, name, made))
        return self._record(name, made, alias, reason)

    def _checked_names(self, name: str, alias: str | None) -> tuple[str, str | None]:
        """Return the names of a model and an alias. Raises `Invalid`, or `Denied` for a gate."""
        name, alias = checked_model_name(name), _checked_alias(alias)
        if alias is not None and self._store.layout.folder.is_dir():
            with self._store.reading(folded=True) as database:
                refuse_if_gated(self._store, database, name, alias)
        return name, alias

    def _loaded_once(
        self, model: loading.PythonModel, saved: loading.Saved, members: Mapping[str, Member]
    ) -> Any:
        """Return a model that is written in Python with its files, as it may not answer before."""
        file = ModelFile(
            saved.sha256,
            saved.size,
            saved.format,
            referrer=f"this {type(model).__name__}",
            artifacts=members,
            trusted=saved.needs_trust,
        )
        return loading.load_model(self._store.objects, file, limit=self._store.settings.model_bytes)

    def _kept_example(self, example: Any, model: Any, signature: Signature) -> str | None:
        """Keep rows that a model takes, with its answers to the first; return their hash."""
        if example is None:
            return None
        found = example_of(example)
        if not callable(getattr(model, "predict", None)):  # such as a graph that is not loaded yet
            return self._store.objects.put_bytes(found.to_bytes()).sha256
        try:
            answers = Asking(model, signature).ask(found.records()[:ANSWERED])
        except Invalid:  # rows that were given to show the types, and that it does not take
            pass
        else:
            found = found.with_answers(answers.predicted)
        return self._store.objects.put_bytes(found.to_bytes()).sha256

    def _attempt(self, name: str, made: Prepared, open_model: Callable[[], Any]) -> Attempt | None:
        """Return what comes of making a plan of a version that is about to be registered."""
        if not self._store.settings.lower:
            return None
        return attempt_quietly(
            self._store.objects,
            made.sha256,
            made.signature,
            open_model,
            made.example,
            f"the new version of {name}",
        )

    def _attempted(self, kept: ModelVersion, name: str, made: Prepared) -> Attempt | None:
        """Return what came of making a plan of what is kept, or comes of it now.

        What is not trusted is not loaded for it.
        """
        objects, settings = self._store.objects, self._store.settings
        with self._store.reading() as database:
            known = attempted(database, kept)
            trusted = {*made.trusted, *trusted_before(database, name)}
        if known is not None:
            if known.plan is not None:
                objects.refresh(known.plan)
            return known
        if settings.signed_by or not trusted.issuperset(made.needs):
            return None
        trusting = replace(kept, trusted=tuple(trusted))
        return self._attempt(name, made, lambda: open_version(objects, trusting, settings))

    def _kept_members(self, artifacts: Mapping[str, str | Path]) -> dict[str, Member]:
        found = {}
        for key, path in artifacts.items():
            try:
                stored = self._store.objects.put_file(Path(path))
            except (FileNotFoundError, IsADirectoryError):
                raise NotFound(
                    f"There is no file {str(path)!r} for the artifact {key!r}."
                ) from None
            found[checked_name(key, "artifact name")] = Member(stored.sha256, stored.size)
        return found

    def _record(
        self, name: str, made: Prepared, alias: str | None, reason: str | None
    ) -> ModelVersion:
        """Record a version whose bytes are stored, with its plan, and an alias that points to it.

        The plan was made before: who follows the alias is to find it there.
        """
        reason = mask_reason(reason, self._store.settings.mask)
        with self._store.deciding() as decisions:
            database = decisions.database
            refuse_if_gated(self._store, database, name, alias)
            known = trusted_before(database, name) & set(made.needs) if made.needs else set[str]()
            made = replace(
                made,
                origin=origin_of(database, made.run, made.origin.metrics),
                trusted=tuple(sorted({*made.trusted, *known})),
            )
            version = record_version(decisions, name, made, reason)
            if alias is not None:
                previous = database.value("alias_version", model=name, alias=alias)
                decisions.record(
                    AliasSet(
                        model=name, alias=alias, version=version, previous=previous, reason=reason
                    )
                )
            if made.run is None:  # else it has what is logged of the run
                actor, aliases = self._store.settings.who(), () if alias is None else (alias,)
                at = as_datetime(decisions.time)
                found = _as_recorded(name, version, made, at, actor, reason, aliases)
            else:
                decisions.settle()
                found = resolve(database, Reference(name, version=version))
        tell_needs(found, made.needs)
        return found


def _as_recorded(
    name: str,
    version: int,
    made: Prepared,
    created_at: datetime,
    actor: str,
    reason: str | None,
    aliases: tuple[str, ...],
) -> ModelVersion:
    """Return a version of no run as it will be read."""
    return ModelVersion(
        model=name,
        version=version,
        sha256=made.sha256,
        size=made.size,
        run_id=None,
        signature=made.signature,
        requirements=made.requirements,
        created_at=created_at,
        actor=actor,
        aliases=aliases,
        metrics=dict(made.origin.metrics),
        params=dict(made.origin.params),
        format=made.format,
        class_name=made.class_name,
        reason=reason,
        data=dict(made.origin.data),
        code=dict(made.origin.code),
        tags=dict(made.tags),
        example=made.example,
        members=made.members,
        trusted=made.trusted,
        compression=made.compression,
    )


def _confirmed(needed: tuple[str, ...], trust: Trust) -> tuple[str, ...]:
    if isinstance(trust, bool):
        return needed if trust else ()
    given = {trust} if isinstance(trust, str) else set(trust)
    return tuple(name for name in needed if name in given)


def _checked_alias(alias: str | None) -> str | None:
    return None if alias is None else checked_model_name(alias, "alias")


def _checked_metrics(metrics: Mapping[str, float] | None) -> dict[str, float]:
    return {str(key): checked_value(str(key), value) for key, value in (metrics or {}).items()}


def _checked_texts(
    tags: Mapping[str, Any] | None, description: str | None, mask: tuple[str, ...]
) -> dict[str, str]:
    given = dict(tags or {}) | ({} if description is None else {DESCRIPTION: description})
    return {key: text for key, text in checked_tags(given, mask).items() if text is not None}
