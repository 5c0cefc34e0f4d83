"""Registered versions from elsewhere: numbered, tagged and named by aliases here, once.

    with store.deciding() as decisions:
        added = add_versions(store, decisions, model, told)

Which version of here is which of elsewhere stands in the reason of its registration, which never
changes. Nothing is trusted that was not confirmed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lite_mlops.errors import NotFound
from lite_mlops.importing.told import Told
from lite_mlops.models import (
    WHOLE_MODEL,
    Prepared,
    origin_of,
    record_version,
    requirement_for,
)
from lite_mlops.security import mask_value
from lite_mlops.store import Decisions, Store
from lite_mlops.store.events import AliasSet, VersionTagged


@dataclass(frozen=True)
class PastVersion:
    """A version as it is elsewhere: its bytes are stored, and `mark` tells it from all others."""

    number: int
    mark: str
    made: Prepared | None  # None: it is here already, or cannot be registered
    tags: Mapping[str, str] = field(default_factory=dict)
    following: Mapping[str, str] = field(default_factory=dict)  # tags that may change elsewhere


@dataclass(frozen=True)
class PastModel:
    """A model as it is elsewhere; `number_tag` keeps a number that could not be kept."""

    name: str
    reason: str
    number_tag: str
    versions: tuple[PastVersion, ...]
    aliases: Mapping[str, int]  # to numbers of elsewhere
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Added:
    """How much of a model was new."""

    versions: int
    aliases: int


def marks_here(store: Store, models: Sequence[str]) -> dict[str, set[str]]:
    """Return why the versions of some models that are here were registered."""
    found: dict[str, set[str]] = {model: set() for model in models}
    if store.layout.folder.is_dir():
        with store.reading() as database:
            for model, _, reason in database.rows("versions_here", models=list(models)):
                found[model].add(reason)
    return found


def add_versions(store: Store, decisions: Decisions, model: PastModel, told: Told) -> Added:
    """Register the versions that are not here yet and move the aliases that moved elsewhere."""
    rows = decisions.database.rows("versions_here", models=[model.name])
    known = {reason: number for _, number, reason in rows}
    taken = {number for _, number, _ in rows}
    new = [one for one in model.versions if one.made is not None and one.mark not in known]
    keep = not any(one.number in taken for one in new)
    here = {one.number: known[one.mark] for one in model.versions if one.mark in known}
    following = max(taken, default=0) + 1
    for one in new:
        number = one.number if keep else following
        following += 1
        _register(decisions, model, one, number)
        here[one.number] = number
    if here:
        _tag(decisions, model, here, store.settings.mask)
    moved = sum(
        _move(store, decisions, model, alias, here.get(number), told)
        for alias, number in model.aliases.items()
    )
    return Added(len(new), moved)


def _register(decisions: Decisions, model: PastModel, one: PastVersion, number: int) -> None:
    assert one.made is not None
    made = one.made
    try:
        made = replace(made, origin=origin_of(decisions.database, made.run, {}))
    except NotFound:  # its run is not here
        made = replace(made, run=None)
    if number != one.number:
        made = replace(made, tags={**made.tags, model.number_tag: str(one.number)})
    record_version(decisions, model.name, made, one.mark, version=number)


def _tag(
    decisions: Decisions, model: PastModel, here: Mapping[int, int], mask: tuple[str, ...]
) -> None:
    """Add the tags that are not here; those that follow elsewhere are set again."""
    known: dict[int, dict[str, str | None]] = {}
    for version, key, value in decisions.database.rows("version_tags_here", model=model.name):
        known.setdefault(version, {})[key] = value
    wanted: list[tuple[int, Mapping[str, str], Mapping[str, str]]] = [
        (WHOLE_MODEL, model.tags, {}),
        *(
            (here[one.number], one.tags, one.following)
            for one in model.versions
            if one.number in here
        ),
    ]
    for version, tags, following in wanted:
        present = known.get(version, {})
        texts = {key: text for key, text in tags.items() if key not in present}
        texts |= {key: text for key, text in following.items() if present.get(key) != text}
        if texts:
            decisions.record(
                VersionTagged(
                    model=model.name,
                    version=version,
                    keys=list(texts),
                    texts=[mask_value(key, text, mask) for key, text in texts.items()],
                    reason=model.reason,
                )
            )


def _move(
    store: Store,
    decisions: Decisions,
    model: PastModel,
    alias: str,
    target: int | None,
    told: Told,
) -> bool:
    """Have an alias point where it points elsewhere, unless it was moved here since."""
    name = f"{model.name}@{alias}"
    if target is None:
        told.add("Not set, because the version it points to is not registered here", name)
        return False
    present = decisions.database.value("alias_version", model=model.name, alias=alias)
    if present == target:
        return False
    reasons = decisions.database.rows("alias_reason", model=model.name, alias=alias)
    if reasons and reasons[0][0] != model.reason:
        told.add("Left as it was set here", name)
        return False
    if requirement_for(store, decisions.database, model.name, alias) is not None:
        told.add("Not set, because it has a gate here", name)
        return False
    decisions.record(
        AliasSet(
            model=model.name, alias=alias, version=target, previous=present, reason=model.reason
        )
    )
    return True
