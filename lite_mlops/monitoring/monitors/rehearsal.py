"""Rehearsal: which alarms a chosen drift would raise, after how many rows, and how many there are
when nothing is changed; so that thresholds are chosen with open eyes.

    found = project.monitors.rehearse("churn", ["shift age=0.5sd", "missing income=10%"])
    found.untouched, found.alarms

It works on a copy of the project in a temporary folder, with the very checks of the monitor:
nothing is stored in the project and nobody is told. Windows are drawn from the recorded rows in
blocks of neighbours (moving-block bootstrap, Kuensch 1989), so that what depends on the order
stays. Before the change a window holds such rows alone; after k rows its last k are changed. Only
what is asked is made up, so that of the checks drift, quality and joint drift are made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lite_mlops.data import Datasets
from lite_mlops.data.wording import amount
from lite_mlops.errors import Invalid, suggestion
from lite_mlops.htmltext import html_table
from lite_mlops.models import Models
from lite_mlops.monitoring.findings import ALERT, Finding
from lite_mlops.monitoring.monitors.changes import Change, Rows, present_in
from lite_mlops.monitoring.monitors.checks import CHECKS
from lite_mlops.monitoring.monitors.looking import Looker, findings_of
from lite_mlops.monitoring.monitors.monitor import LEAST_ROWS, Monitor
from lite_mlops.monitoring.monitors.parts import Parts
from lite_mlops.monitoring.watching import Monitoring
from lite_mlops.monitoring.windows import Window
from lite_mlops.store import FOLDER_NAME, Layout, Store, as_stored, new_id
from lite_mlops.store.events import Predictions

DRAWS = 20
_MOST_DRAWS = 1_000
_LEAST_RECORDED = 200
_MOST_RECORDED = 50_000
_MOST_WINDOW = 5_000
_PLENTY = 5  # windows of recorded rows
_BLOCK = 25  # neighbours that are drawn together
_STEPS = 6  # numbers of changed rows at which it is looked
_ROWS_OF_A_LINE = 2_000
_MADE = ("drift", "quality", "joint")  # of the checks: what is asked, and nothing else
_TWICE = {"duplicates", "repeated", "ids"}  # rules that rows which are drawn again break
_BEGIN = datetime(2000, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Alarm:
    """How often a subject of a check fires: shares of windows, untouched and changed in all rows.

    `rows` is the median of the changed rows after which it fired first, and `told` that after which
    an incident opens by the rules of the monitor; None if it never does.
    """

    check: str
    subject: str
    untouched: float
    changed: float
    alert: float  # the share of changed windows in which it is an alert
    rows: int | None
    told: int | None
    sentence: str  # of one of them

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        return dict(vars(self))


@dataclass(frozen=True)
class Rehearsal:
    """What a change would raise, and what is raised without any."""

    monitor: str
    model: str
    changes: tuple[str, ...]
    window: int  # rows
    recorded: int  # rows that were drawn from
    draws: int
    untouched: float  # the share of windows in which anything fires
    changed: float
    alarms: tuple[Alarm, ...]

    def __str__(self) -> str:
        told = (
            f"Untouched, {_share(self.untouched, self.draws)} of {amount(self.draws, 'window')} of "
            f"{self.window:,} rows raise something."
        )
        if not self.changes:
            return told
        what = " and ".join(self.changes)
        return f"{told} With {what}, {_share(self.changed, self.draws)} do."

    @property
    def note(self) -> str:
        """What to keep in mind about the figures; '' if nothing."""
        if self.recorded >= _PLENTY * self.window:
            return ""
        return (
            f"With {_PLENTY * self.window:,} recorded rows or more the figures would be better: "
            "windows that are drawn from few rows share what is odd about these."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the rehearsal as JSON can hold it."""
        lists = {
            "changes": list(self.changes),
            "alarms": [one.to_dict() for one in self.alarms],
        }
        return vars(self) | lists | {"verdict": str(self), "note": self.note}

    def _repr_html_(self) -> str:
        rows = [
            (one.check, one.subject, f"{one.untouched:.0%}", f"{one.changed:.0%}", one.rows)
            for one in self.alarms
        ]
        return html_table(str(self), ("check", "subject", "untouched", "changed", "rows"), rows)


def _share(share: float, draws: int) -> str:
    return f"{round(share * draws)}"


def parse_change(text: str) -> Change:
    """Return the change that a text such as 'shift age=0.5sd' says. Raises `Invalid`."""
    kind, _, rest = text.strip().partition(" ")
    return Change.parse(kind, rest.strip())


def rehearse(
    looker: Looker,
    monitor: Monitor,
    changes: Sequence[str] = (),
    *,
    until: datetime | None = None,
    draws: int = DRAWS,
    seed: int = 7,
) -> Rehearsal:
    """Return which alarms of a monitor changes of recorded rows would raise.

    Args:
        looker: Of the project.
        monitor: Whose checks are made.
        changes: Such as 'shift age=0.5sd', 'missing income=10%', 'unit weight=x1000',
            'stuck speed' or 'category city=Oslo:20%'; all of them at once.
        until: Before which rows are drawn; None: now. A window of time has as many rows as the
            last one before.
        draws: How many windows are drawn.
        seed: Of the draws: the same gives the same.

    Raises:
        Invalid: a change, a column or the number of draws cannot be used; or too few rows were
            recorded.
        NotFound: there is no such model.
    """
    if not 1 <= draws <= _MOST_DRAWS:
        raise Invalid(f"{draws} draws cannot be used: 1 to {_MOST_DRAWS:,}.")
    parts = looker.parts_of(monitor, until)
    asked = [parse_change(text) for text in changes]
    places = _places(asked, parts)
    traffic = _Traffic.of(looker.store, parts)
    window = min(max(parts.rows, LEAST_ROWS), monitor.window.rows or _MOST_WINDOW, _MOST_WINDOW)
    left_out = dict.fromkeys(name for name in CHECKS if name not in _MADE)
    tried = replace(monitor, checks={**monitor.checks, **left_out})
    spreads = [traffic.spread(place) for place in places]
    steps = _steps(window) if asked else []
    random = np.random.default_rng(seed)
    tally = _Tally(draws, window, monitor.rules.firing)
    with _copy(looker.store, parts) as copied:
        for draw in range(draws):
            first, second = (traffic.drawn(window, random) for _ in range(2))
            for change, place, spread in zip(asked, places, spreads, strict=True):
                change.apply(second.rows, place, spread, random)
            begin = _BEGIN + draw * timedelta(days=1)
            copied.record(parts, [first, second], begin)
            before = copied.look(tried, parts, begin, window)
            tally.untouched(before)
            for step in steps:
                at = begin + step * _SECOND
                tally.changed(copied.look(tried, parts, at, window), step)
            tally.end()
    return tally.rehearsal(monitor, parts, asked, len(traffic))


def _places(changes: Sequence[Change], parts: Parts) -> list[int]:
    features = parts.version.signature.features
    for change in changes:
        if change.column not in features:
            near = suggestion(change.column, features)
            raise Invalid(f"{parts.version.name} has no column {change.column!r}.{near}")
    return [features.index(change.column) for change in changes]


def _steps(window: int) -> list[int]:
    """Return numbers of changed rows at which to look: ever more, up to all of the window."""
    found = {math.ceil(window / 2**power) for power in range(_STEPS)}
    return sorted(one for one in found if one >= 1)


@dataclass
class _Drawn:
    """Rows that were drawn, with what was answered."""

    rows: Rows
    answers: list[str]
    scores: list[list[float]] | None
    latencies: list[int]


@dataclass(frozen=True)
class _Traffic:
    """What was recorded, in the order of time."""

    rows: Rows
    answers: NDArray[np.object_]
    scores: NDArray[np.object_]
    latencies: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.latencies)

    @classmethod
    def of(cls, store: Store, parts: Parts) -> _Traffic:
        """Return the latest recorded rows of a version. Raises `Invalid`."""
        version = parts.version
        with store.reading() as database:
            found = database.rows(
                "recorded_rows",
                model=version.model,
                version=version.version,
                since=None,
                until=as_stored(parts.until),
                rows=_MOST_RECORDED,
            )[::-1]
        width = len(version.signature.features)
        if width == 0:
            raise Invalid(f"{version.name} takes no columns; only those can be changed.")
        whole = [row for row in found if len(row[1] or ()) == width]
        if len(whole) < _LEAST_RECORDED:
            raise Invalid(
                f"{amount(len(whole), 'row')} of {version.name} are recorded in full; a rehearsal "
                f"draws from {_LEAST_RECORDED} or more."
            )
        _, numbers, texts, answers, scores, latencies = zip(*whole, strict=True)
        nothing = [None] * width
        return cls(
            Rows(
                np.array(numbers, dtype=np.object_),
                np.array([one or nothing for one in texts], dtype=np.object_),
            ),
            np.array(answers, dtype=np.object_),
            _objects(scores),
            np.array([one or 0 for one in latencies], dtype=np.int64),
        )

    def spread(self, place: int) -> float:
        """Return the standard deviation of the numbers of a column."""
        column = self.rows.numbers[:, place]
        numbers = column[present_in(column)].astype(np.float64)
        finite = numbers[np.isfinite(numbers)]
        return float(finite.std()) if len(finite) else 0.0

    def drawn(self, count: int, random: np.random.Generator) -> _Drawn:
        """Draw so many rows, in blocks of neighbours."""
        starts = random.integers(0, len(self), -(-count // _BLOCK))
        places = ((starts[:, None] + np.arange(_BLOCK)) % len(self)).ravel()[:count]
        scores = self.scores[places].tolist()
        return _Drawn(
            self.rows.taken(places),
            self.answers[places].tolist(),
            None if any(one is None for one in scores) else scores,
            self.latencies[places].tolist(),
        )


def _objects(values: Sequence[Any]) -> NDArray[np.object_]:
    found = np.empty(len(values), np.object_)
    found[:] = values
    return found


class _Copy:
    """A copy of the project, in which windows are made up."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._monitoring = Monitoring(store, Models(store), Datasets(store))

    def record(self, parts: Parts, drawn: Sequence[_Drawn], begin: datetime) -> None:
        """Record rows, one a second."""
        first = int(begin.timestamp() * 1e6)
        for one in drawn:
            numbers, texts = one.rows.numbers.tolist(), one.rows.texts.tolist()
            for start in range(0, len(numbers), _ROWS_OF_A_LINE):
                part = slice(start, start + _ROWS_OF_A_LINE)
                count = len(numbers[part])
                times = [first + 1_000_000 * (start + place) for place in range(count)]
                self._store.append(
                    Predictions(
                        model=parts.version.model,
                        version=parts.version.version,
                        ids=[new_id() for _ in range(count)],
                        times=times,
                        inputs=numbers[part],
                        text_inputs=texts[part],
                        answers=one.answers[part],
                        shares=None if one.scores is None else one.scores[part],
                        latencies=one.latencies[part],
                    )
                )
            first += 1_000_000 * len(numbers)

    def look(self, monitor: Monitor, parts: Parts, since: datetime, rows: int) -> list[Finding]:
        """Return what a monitor finds in the rows from a time on."""
        window = Parts(
            monitoring=self._monitoring,
            monitor=monitor,
            version=parts.version,
            since=since,
            until=since + rows * _SECOND,
            rows=rows,
            looked_at=since + rows * _SECOND,
            past=parts.past_window,
        )
        return [
            one
            for one in findings_of(monitor, window)
            if one.check != "quality" or not _TWICE.issuperset(one.evidence.get("rules", ("",)))
        ]


@contextmanager
def _copy(original: Store, parts: Parts) -> Iterator[_Copy]:
    """Yield a copy of the project in which nothing was ever asked; it is gone at the end.

    What was asked in a past time that is the reference is kept.
    """
    past = parts.past_window or Window(until=_BEGIN)
    with TemporaryDirectory(prefix="lite-mlops-") as folder:
        layout = Layout(Path(folder) / FOLDER_NAME)
        layout.make()
        original.copy_database(layout)
        store = Store(layout.folder, original.settings)
        store.objects = original.objects
        try:
            with store.deciding() as decisions:
                decisions.database.run(
                    "forget_predictions", since=as_stored(past.since), until=as_stored(past.until)
                )
            yield _Copy(store)
        finally:
            store.close()


class _Tally:
    """Counts what fires in the windows that are drawn."""

    def __init__(self, draws: int, window: int, firing: int) -> None:
        self._draws, self._window, self._firing = draws, window, firing
        self._untouched: dict[tuple[str, str], int] = {}
        self._changed: dict[tuple[str, str], int] = {}
        self._alerts: dict[tuple[str, str], int] = {}
        self._rows: dict[tuple[str, str], list[int]] = {}
        self._told: dict[tuple[str, str], list[int]] = {}
        self._sentences: dict[tuple[str, str], str] = {}
        self._any_untouched = self._any_changed = 0
        self._first: dict[tuple[str, str], int] = {}
        self._first_alert: dict[tuple[str, str], int] = {}
        self._last: set[tuple[str, str]] = set()

    def untouched(self, findings: Sequence[Finding]) -> None:
        """Count a window without a change."""
        firing = [one for one in findings if one.fires]
        self._any_untouched += bool(firing)
        for one in firing:
            key = one.check, one.subject
            self._untouched[key] = self._untouched.get(key, 0) + 1
            self._sentences.setdefault(key, one.sentence)

    def changed(self, findings: Sequence[Finding], rows: int) -> None:
        """Count a window whose last rows are changed; more and more of them, until `end`."""
        self._last = {(one.check, one.subject) for one in findings if one.fires}
        for one in findings:
            if not one.fires:
                continue
            key = one.check, one.subject
            self._first.setdefault(key, rows)
            if one.severity == ALERT:
                self._first_alert.setdefault(key, rows)
            self._sentences[key] = one.sentence

    def end(self) -> None:
        """End the windows of one draw: what fires in the last one, all changed, is counted."""
        self._any_changed += bool(self._last)
        for key in self._last:
            rows = self._first[key]
            self._changed[key] = self._changed.get(key, 0) + 1
            self._rows.setdefault(key, []).append(rows)
            at_once = self._first_alert.get(key)
            again = rows + (self._firing - 1) * self._window
            told = again if at_once is None else min(at_once, again)
            self._told.setdefault(key, []).append(told)
            self._alerts[key] = self._alerts.get(key, 0) + (at_once is not None)
        self._first, self._first_alert, self._last = {}, {}, set()

    def rehearsal(
        self, monitor: Monitor, parts: Parts, changes: Sequence[Change], recorded: int
    ) -> Rehearsal:
        """Return what was counted."""
        alarms = [
            Alarm(
                check=key[0],
                subject=key[1],
                untouched=self._untouched.get(key, 0) / self._draws,
                changed=self._changed.get(key, 0) / self._draws,
                alert=self._alerts.get(key, 0) / self._draws,
                rows=_median(self._rows.get(key, [])),
                told=_median(self._told.get(key, [])),
                sentence=self._sentences[key],
            )
            for key in {**self._untouched, **self._changed}
        ]
        alarms.sort(key=lambda one: (-one.changed, -one.untouched, one.check, one.subject))
        return Rehearsal(
            monitor=monitor.name,
            model=parts.version.name,
            changes=tuple(map(str, changes)),
            window=self._window,
            recorded=recorded,
            draws=self._draws,
            untouched=self._any_untouched / self._draws,
            changed=self._any_changed / self._draws,
            alarms=tuple(alarms),
        )


def _median(rows: Sequence[int]) -> int | None:
    return round(median(rows)) if rows else None
