"""Receiving labels: they are joined with the predictions they are of, checked, and recorded.

    receive(store, told, strict=False)                            # by the ids of predictions
    receive(store, told, key=Key("churn", "customer"))            # by a recorded column

All joins are the database's and all checks are of whole columns. Everything is checked before the
first label is recorded, and those of one call are recorded together.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data.wording import amount
from lite_mlops.errors import Invalid, NotFound, suggestion
from lite_mlops.models import Signature
from lite_mlops.monitoring.labels.reading import (
    codes_of,
    first_texts,
    reading_of,
)
from lite_mlops.monitoring.labels.received import EXAMPLES, LeftOut, Received
from lite_mlops.monitoring.labels.told import MAX_TEXT, Texts, Told, encodable
from lite_mlops.security.pseudonyms import Pseudonyms
from lite_mlops.store import Database, Store
from lite_mlops.store.events import Labels

_LABELS_OF_A_LINE = 20_000
_LINE = 4_000_000  # characters of labels in one line

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Key:
    """A recorded column of a model by which labels are told.

    A label is of the latest prediction with that value which was made before it was known, for
    each version; with `every`, of all of these.
    """

    model: str
    column: str
    every: bool = False


@dataclass(frozen=True, eq=False)
class _Joined:
    """Labels with the predictions they are of; arrays of one length, in the order of the rows."""

    places: NDArray[np.int64]  # of the rows
    ids: Texts
    labels: Texts
    numbers: NDArray[np.float64]  # the labels as numbers; NaN where they are none
    versions: Texts
    known_at: NDArray[np.int64]  # microseconds; `_NEVER` where it was not told
    standing: Texts  # the labels that stand; None where there is none
    standing_at: NDArray[np.int64]

    def where(self, chosen: Mask) -> _Joined:
        return _Joined(**{name: values[chosen] for name, values in vars(self).items()})


_NEVER = np.iinfo(np.int64).min


def receive(store: Store, told: Told, *, key: Key | None = None, strict: bool = False) -> Received:
    """Record labels and return what came of them.

    Rows that name no prediction, have no label, or one that cannot be of the model are left out and
    told; with `strict` they are refused, and nothing is recorded.

    Raises:
        NotFound: `strict`, and there is no such prediction; or the model of the key is not there.
        Invalid: `strict`, and a label is missing or cannot be of the model; a time is none; or the
            key is no recorded column of the model.
        Denied: the journal cannot be written to.
    """
    whole = np.asarray((told.names != "") & (told.labels != ""), np.bool_)
    unlabelled = _left_out(~whole, told.names, "row {}")
    _check_lengths(told)
    joined = _join(store, told, whole, key)
    found = np.zeros(len(told), np.bool_)
    found[joined.places] = True
    unknown = _left_out(whole & ~found, told.names)
    joined, unseen, wrong = _read(store, joined)
    unreadable = np.zeros(len(told), np.bool_)
    unreadable[wrong.places] = True
    unreadable[joined.places] = False  # a row of a key may be of several versions
    if strict:
        _refuse(told, unlabelled, unknown, wrong, key)
    kept, received = _settle(joined)
    received = replace(
        received,
        rows=len(told),
        recorded=len(np.unique(joined.places)),
        unknown=unknown,
        unlabelled=unlabelled,
        unreadable=_left_out(unreadable, told.labels),
        unseen=dict(unseen.most_common(EXAMPLES)),
    )
    _record(store, kept)
    return received


def _left_out(rows: Mask, values: Texts, form: str = "{!r}") -> LeftOut:
    count = int(rows.sum())
    if not count:
        return LeftOut()
    places = np.flatnonzero(rows)[:EXAMPLES]
    shown = (form.format(place if form != "{!r}" else values[place]) for place in places.tolist())
    return LeftOut(count, tuple(dict.fromkeys(shown)))


def _check_lengths(told: Told) -> None:
    lengths = np.fromiter(map(len, told.labels), np.int64, len(told))
    if len(told) and lengths.max() > MAX_TEXT:
        place = int(lengths.argmax())
        raise Invalid(
            f"the label of {told.names[place][:40]!r} has {lengths[place]:,} characters; at most "
            f"{MAX_TEXT:,} are kept."
        )


# -- joining ------------------------------------------------------------------------------------


def _join(store: Store, told: Told, whole: Mask, key: Key | None) -> _Joined:
    places = np.flatnonzero(whole)
    rows = told.where(whole)
    names = encodable(rows.names)
    if not len(places):
        return _joined({name: np.empty(0, object) for name in _COLUMNS})
    with store.reading() as database, ExitStack() as stack:
        columns = {"place": places, "name": names, "label": rows.labels}
        columns["known_at"] = _known_at(database, rows.times)
        stack.enter_context(database.shown("told_labels", columns))
        if key is None:
            return _joined(database.arrays("labels_by_id", never=_NEVER))
        versions = _places_of(database, key)
        keys = _forms(store, key, places, names)
        with database.shown("told_keys", keys):
            return _joined(
                database.arrays(
                    "labels_by_key",
                    model=key.model,
                    versions=list(versions),
                    places=list(versions.values()),
                    every=key.every,
                    never=_NEVER,
                )
            )


_COLUMNS = (
    *("place", "label", "number", "known_at", "prediction_id", "version"),
    *("standing", "standing_at"),
)


def _joined(found: Mapping[str, Any]) -> _Joined:
    def numbers(name: str, absent: Any, kind: Any) -> NDArray[Any]:
        values = found[name]
        if isinstance(values, np.ma.MaskedArray):
            values = values.filled(absent)
        return np.asarray(values, kind)

    def texts(name: str) -> Texts:
        values = found[name]
        texts = np.asarray(np.ma.getdata(values), object)
        texts[np.ma.getmaskarray(values)] = None
        return texts

    return _Joined(
        places=numbers("place", -1, np.int64),
        ids=texts("prediction_id"),
        labels=texts("label"),
        numbers=numbers("number", np.nan, np.float64),
        versions=texts("version"),
        known_at=numbers("known_at", _NEVER, np.int64),
        standing=texts("standing"),
        standing_at=numbers("standing_at", _NEVER, np.int64),
    )


def _known_at(database: Database, times: Texts) -> NDArray[np.int64]:
    """Return times in microseconds since 1970 UTC; `_NEVER` where none was told."""
    known = np.full(len(times), _NEVER, np.int64)
    its = np.flatnonzero(times != "")
    if not len(its):
        return known
    with database.shown("told_times", {"place": its, "time": times[its]}):
        found = database.arrays("told_times")["known_at"]
    wrong = np.flatnonzero(np.ma.getmaskarray(found))
    if len(wrong):
        more = f" (and {len(wrong) - 1:,} more)" if len(wrong) > 1 else ""
        raise Invalid(
            f"{times[its[wrong[0]]]!r} is no time{more}; expected one such as '2026-01-31' or "
            "'2026-01-31T12:00:00Z'."
        )
    known[its] = np.ma.getdata(found)
    return known


def _places_of(database: Database, key: Key) -> dict[int, int]:
    """Return the place that the column has in each version that answered, counted from 1."""
    if database.value("last_version", model=key.model) is None:
        known = [name for (name,) in database.rows("model_names")]
        raise NotFound(f"There is no model {key.model!r}.{suggestion(key.model, known)}")
    answering = [version for (version,) in database.rows("answering_versions", model=key.model)]
    signatures = _signatures(database, [f"{key.model}/{version}" for version in answering])
    found: dict[int, int] = {}
    columns: dict[str, str] = {}
    for version in answering:
        signature = signatures.get(f"{key.model}/{version}")
        if signature is None:
            continue
        columns |= {column.name: column.recorded for column in signature.columns}
        if key.column in signature.features:
            found[version] = signature.features.index(key.column) + 1
    if not found and answering:
        near = suggestion(key.column, columns)
        asked = ", ".join(list(columns)[:20]) or "none"
        raise Invalid(
            f"{key.column!r} is no column that {key.model} is asked with; these are: {asked}.{near}"
        )
    if found and columns[key.column] == "none":
        raise Invalid(
            f"The values of {key.column!r} are not recorded with predictions of {key.model}, so "
            "labels cannot be told by them. Use the ids of the predictions."
        )
    return found


def _signatures(database: Database, names: list[str]) -> dict[str, Signature]:
    rows = database.rows("signatures_of", names=names)
    return {name: Signature.from_dict(json.loads(text)) for name, text in rows}


def _forms(store: Store, key: Key, places: NDArray[np.int64], names: Texts) -> dict[str, Any]:
    """Return the values of a key in the forms in which they may be recorded."""
    path = store.layout.pseudonyms
    if not path.exists():
        return {"place": places, "name": names}
    pseudonyms = Pseudonyms(path)
    forms = [names, *_as_pseudonyms(pseudonyms, key.column, names)]
    return {"place": np.tile(places, len(forms)), "name": np.concatenate(forms)}


def _as_pseudonyms(pseudonyms: Pseudonyms, column: str, names: Texts) -> Iterator[Texts]:
    """Yield the pseudonyms of values as texts, and as the numbers that they may be."""

    def float_text(name: str) -> str:
        try:
            return str(float(name))
        except ValueError:
            return name

    listed: list[str] = names.tolist()
    for texts in (listed, [float_text(name) for name in listed]):
        yield np.array([pseudonyms.of(column, text) for text in texts], object)


# -- checking -----------------------------------------------------------------------------------


def _read(store: Store, joined: _Joined) -> tuple[_Joined, Counter[str], _Joined]:
    """Return the labels as they are meant, the classes never seen, and what cannot be read."""
    names = list(dict.fromkeys(joined.versions.tolist()))
    unseen: Counter[str] = Counter()
    labels, readable = joined.labels.copy(), np.ones(len(joined.places), np.bool_)
    if names:
        with store.reading() as database:
            signatures = _signatures(database, names)
    for name in names:
        its = joined.versions == name if len(names) > 1 else slice(None)
        meant = reading_of(signatures.get(name)).meant(joined.labels[its], joined.numbers[its])
        labels[its], readable[its] = meant.texts, meant.readable
        unseen += meant.unseen
    return replace(joined, labels=labels).where(readable), unseen, joined.where(~readable)


def _refuse(
    told: Told, unlabelled: LeftOut, unknown: LeftOut, wrong: _Joined, key: Key | None
) -> None:
    """Raise if a row was left out."""
    if unlabelled:
        raise Invalid(
            f"Nothing was recorded: {amount(unlabelled.count, 'row')} of {len(told):,} has no "
            f"label or names nothing ({unlabelled})."
        )
    if unknown:
        named = "prediction" if key is None else f"prediction whose {key.column} is"
        if unknown.count == 1:
            raise NotFound(f"There is no {named} {unknown}.")
        raise NotFound(
            f"Nothing was recorded: there is no {named} {unknown}, {unknown.count:,} of "
            f"{amount(len(told), 'row')}."
        )
    if len(wrong.places):
        named = ", ".join(first_texts(wrong.labels.tolist(), EXAMPLES))
        raise Invalid(
            f"Nothing was recorded: {wrong.versions[0]} answers with numbers, and "
            f"{amount(len(wrong.places), 'label')} of {len(told):,} is none ({named})."
        )


# -- recording ----------------------------------------------------------------------------------


def _settle(joined: _Joined) -> tuple[_Joined, Received]:
    """Return the labels to be recorded, and what they change."""
    count = len(joined.places)
    first, mixed = np.ones(count, np.bool_), np.zeros(count, np.bool_)
    if len(set(joined.ids.tolist())) < count:
        first, mixed = _once(joined)
    one, mixed = joined.where(first), mixed[first]
    stood = np.asarray([label is not None for label in one.standing], np.bool_)
    timed = one.known_at != _NEVER
    older = stood & timed & (one.known_at < one.standing_at)
    same = stood & np.asarray(one.labels == one.standing, np.bool_)
    # Said again without news. Where rows contradict each other their order matters, and all stay.
    again = same & ~mixed & (~timed | older | (one.known_at == one.standing_at))
    received = Received(
        rows=0,
        recorded=0,
        labels=len(set(one.ids.tolist())),
        repeated=int(again.sum()) + count - len(one.places),
        replaced=len(set(one.ids[stood & ~same & ~older].tolist())),
        outdated=int((older & ~same).sum()),
        contradictory=len(set(one.ids[mixed].tolist())),
    )
    return one.where(~again), received


def _once(joined: _Joined) -> tuple[Mask, Mask]:
    """Return which labels to keep where predictions have several, and where these differ.

    Of those that say the same the last one is kept, and of those that do not all are.
    """
    ids, labels = codes_of(joined.ids.tolist()), codes_of(joined.labels.tolist())
    known = np.where(joined.known_at == _NEVER, np.iinfo(np.int64).max, joined.known_at)
    order = np.lexsort((np.arange(len(ids)), known, ids))
    starts = np.flatnonzero(np.diff(ids[order], prepend=-1))
    lowest = np.minimum.reduceat(labels[order], starts)
    highest = np.maximum.reduceat(labels[order], starts)
    mixed = (lowest != highest)[ids]
    keep = mixed.copy()
    keep[order[np.append(starts[1:], len(order)) - 1]] = True
    return keep, mixed


def _record(store: Store, joined: _Joined) -> None:
    if not len(joined.places):
        return
    longest = max(map(len, joined.labels)) + max(map(len, joined.ids)) + 8
    step = max(1, min(_LABELS_OF_A_LINE, _LINE // longest))
    timed = bool((joined.known_at != _NEVER).any())
    events = []
    for start in range(0, len(joined.places), step):
        part = slice(start, start + step)
        known: list[int | None] = joined.known_at[part].tolist()
        if timed:
            known = [None if moment == _NEVER else moment for moment in known]
        events.append(
            Labels(
                ids=joined.ids[part].tolist(),
                texts=joined.labels[part].tolist(),
                times=known if timed else None,
            )
        )
    if len(events) == 1:
        store.append(events[0])
    else:
        store.append_together(events)
