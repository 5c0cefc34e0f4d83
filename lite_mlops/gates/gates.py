"""Gates: what a version has to show before it gets an alias, and showing it.

    report = project.gates.run("churn/4", against="churn@champion", replay="7d")
    report.passed, report["ROC AUC not worse"].reason
    project.models.promote("churn/4", "champion", reason="better recall")

`run` judges and keeps the evidence. The registry holds each move of the alias against what was
kept, under the same lock as the move (`lite_mlops.models.gating`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from lite_mlops.errors import Invalid, NotFound, suggestion
from lite_mlops.gates.case import Case
from lite_mlops.gates.checks import judge
from lite_mlops.gates.definition import FIELDS, Check, Gate, gate_of
from lite_mlops.gates.replay import (
    MOST_ROWS,
    Replayed,
    recorded_requests,
    replay,
    replay_window,
)
from lite_mlops.gates.verdicts import GateReport, Verdict
from lite_mlops.jsontext import json_text
from lite_mlops.models import (
    Judged,
    Models,
    ModelVersion,
    checked_model_name,
    definitions,
    held_last,
    open_asking,
    parse_reference,
)
from lite_mlops.security import mask_reason
from lite_mlops.store import Store, as_datetime
from lite_mlops.store.events import GateDefined, GateJudged

_EXAMPLE = """Write one in lite-mlops.toml:
[gate.{model}]
data = "holdout@latest"
label = "target"
[[gate.{model}.check]]
check = "not worse"
metric = "accuracy"
margin = 0.01"""


class Gates:
    """The gates of a project: questions first, then decisions."""

    def __init__(self, store: Store, models: Models) -> None:
        self._store = store
        self._models = models

    # -- questions ------------------------------------------------------------------------------

    def all(self) -> list[Gate]:
        """Return all gates, of the settings file and of code. Raises `Invalid`."""
        with self._store.reading() as database:
            found = definitions(self._store, database)
        return [gate_of(name, found[name]) for name in sorted(found)]

    def get(self, name: str) -> Gate:
        """Return a gate by its name.

        Raises:
            NotFound: there is no such gate.
            Invalid: its definition cannot be used.
        """
        with self._store.reading() as database:
            found = definitions(self._store, database)
        if name not in found:
            raise NotFound(f"There is no gate {name!r}.{suggestion(name, found)}")
        return gate_of(name, found[name])

    def of(self, model: str, alias: str | None = None) -> Gate:
        """Return the gate of an alias of a model; without an alias the only one of the model.

        Raises:
            NotFound: there is none; the message shows how to write one.
            Invalid: there are several.
        """
        found = [
            one
            for one in self.all()
            if one.requirement.model == model and alias in (None, one.requirement.alias)
        ]
        if not found:
            what = model if alias is None else f"{model}@{alias}"
            raise NotFound(f"There is no gate of {what}. {_EXAMPLE.format(model=model)}")
        if len(found) > 1:
            names = ", ".join(one.target for one in found)
            raise Invalid(f"{model} has several gates, {names}; say which by `against`.")
        return found[0]

    def history(
        self,
        model: str | None = None,
        *,
        version: int | None = None,
        alias: str | None = None,
        rows: int = 50,
    ) -> list[Judged]:
        """Return what gates said, the latest first; of one model, version or alias if named."""
        with self._store.reading() as database:
            found = database.dicts(
                "gate_verdicts", model=model, version=version, alias=alias, gate=None, rows=rows
            )
        return [Judged.from_row(row) for row in found]

    def report(self, number: int) -> GateReport:
        """Return a report that was kept, by the number of its decision. Raises `NotFound`."""
        with self._store.reading() as database:
            row = database.one("gate_verdict", decision=number)
        if row is None:
            raise NotFound(f"There is no report {number}; `lite-mlops gate history` lists them.")
        return report_of(Judged.from_row(row))

    def replay(
        self,
        candidate: str,
        window: str = "7d",
        *,
        rows: int = MOST_ROWS,
        seed: int = 0,
        positive: Any = None,
        tolerance: float = 0.0,
    ) -> Replayed:
        """Return what a version says to recorded requests of its model; see `gates.replay`.

        Args:
            candidate: Such as churn/4.
            window: Such as '7d', '24h', 'all' or '2026-03-01..2026-03-08'.
            rows: How many are asked again at most; of more, a sample is drawn.
            seed: Of the sample.
            positive: The class whose probability is the score; None: the one that sorts last.
            tolerance: By how much a number may differ and count as the same answer.

        Raises:
            Invalid, NotFound: there is no such version, the window cannot be read, nothing was
                recorded in it, or only pseudonyms were.
            Damaged, Denied: the version cannot be loaded.
            Busy: the database was replaced meanwhile.
        """
        when = replay_window(window)
        with self._store.reading():  # attached once for all of them
            version = self._registered(candidate)
            plan = self._models.plan_of(version)
            requests = recorded_requests(
                self._store, version, when, rows=rows, seed=seed, positive=positive
            )
        asking = open_asking(self._store, version, plan)
        return replay(self._store, asking, requests, tolerance=tolerance)

    # -- judging --------------------------------------------------------------------------------

    def run(
        self,
        candidate: str,
        against: str | None = None,
        *,
        data: Any = None,
        replay: str | None = None,
        seed: int | None = None,
        definition: Mapping[str, Any] | None = None,
        keep: bool = True,
        reason: str | None = None,
    ) -> GateReport:
        """Judge a version by a gate, and keep the evidence.

        Args:
            candidate: Such as churn/4.
            against: The alias that it is to get, such as churn@champion, or another version to
                compare it with; None: the alias of the only gate of the model.
            data: What both are asked on: a table, a file, or a version as NAME@VERSION; None: what
                the gate names.
            replay: The window of recorded requests to replay, such as '7d'. Where the gate has no
                check of it, it is told, and stops nothing.
            seed: Of everything that is drawn at random; None: what the gate says.
            definition: A gate of the moment instead of the one that is written; no alias moves by
                it.
            keep: Whether it is recorded.
            reason: Why it is judged; recorded with the evidence.

        Raises:
            Invalid, NotFound: there is no such version or gate, or its definition cannot be used.
        """
        began, judged_at = time.perf_counter(), datetime.now(UTC)
        version = self._registered(candidate)
        gate = self._gate(version, against, definition)
        current = self._current(gate, against)
        seed = gate.seed if seed is None else seed
        if replay is not None:
            replay_window(replay)  # refused before anything is done
            gate = _with_replay(gate)
        case = Case(self._store, gate, version, current, data=data, replay=replay, seed=seed)
        verdicts = tuple(judge(case, check) for check in gate.checks)
        try:
            data_sha256 = case.data_sha256
        except (Invalid, NotFound):  # the checks that need it have told it
            data_sha256 = None
        report = GateReport(
            gate=gate.name,
            candidate=version.name,
            target=gate.target,
            against=None if current is None else current.name,
            digest=gate.requirement.digest,
            data_name=case.data_name,
            data_sha256=data_sha256,
            rows=case.rows,
            seed=seed,
            judged_at=judged_at,
            actor=self._store.settings.who(),
            seconds=time.perf_counter() - began,
            verdicts=verdicts,
        )
        return self._kept(report, version, current, gate, reason) if keep else report

    def _registered(self, reference: str) -> ModelVersion:
        parse_reference(reference)  # refuses what no version is
        return self._models.get(reference)

    def _gate(
        self, version: ModelVersion, against: str | None, definition: Mapping[str, Any] | None
    ) -> Gate:
        parsed = None if against is None else parse_reference(against)
        if parsed is not None and parsed.model != version.model:
            raise Invalid(
                f"{version.name} is no version of {parsed.model}; a candidate is compared with "
                "another version of the model that it may replace."
            )
        alias = None if parsed is None else parsed.alias
        if definition is None:
            return self.of(version.model, alias)
        named = {"model": version.model} | ({} if alias is None else {"alias": alias})
        return gate_of(version.model, {**named, **definition})

    def _current(self, gate: Gate, against: str | None) -> ModelVersion | None:
        """Return the version to compare with; None if the alias never pointed to one."""
        reference = parse_reference(gate.target if against is None else against)
        if reference.alias is None:
            return self._models.get(str(reference))
        with self._store.reading() as database:
            return held_last(database, reference.model, reference.alias)

    def _kept(
        self,
        report: GateReport,
        version: ModelVersion,
        current: ModelVersion | None,
        gate: Gate,
        reason: str | None,
    ) -> GateReport:
        found = {
            "verdicts": [one.to_dict() for one in report.verdicts],
            "seconds": round(report.seconds, 3),
            "target": report.target,
        }
        event = GateJudged(
            gate=report.gate,
            model=version.model,
            version=version.version,
            alias=gate.requirement.alias,
            baseline=None if current is None else current.version,
            digest=report.digest,
            data_name=report.data_name,
            data_sha256=report.data_sha256,
            rows=report.rows,
            seed=report.seed,
            outcome=report.outcome,
            report=json.loads(json_text(found)),
            reason=mask_reason(reason, self._store.settings.mask),
        )
        event.body()  # refuses what is too long, before the project is held
        with self._store.deciding() as decisions:
            recorded = decisions.record(event)
            return replace(report, number=recorded.decision, judged_at=as_datetime(decisions.time))

    # -- decisions ------------------------------------------------------------------------------

    def define(
        self, name: str, definition: Mapping[str, Any], *, reason: str | None = None
    ) -> Gate:
        """Define a gate in code; from now on its alias moves only through it.

        A table of the same name in the settings file goes first.

        Raises:
            Invalid: the name or the definition cannot be used.
        """
        name = checked_model_name(name, "gate")
        try:
            plain = json.loads(json.dumps(definition, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise Invalid(f"the gate cannot be written as JSON: {error}.") from None
        if not isinstance(plain, dict):
            raise Invalid(f"a gate is a dictionary; {definition!r} is none.")
        gate = gate_of(name, plain)
        self._record(name, plain, reason)
        return gate

    def remove(self, name: str, *, reason: str | None = None) -> None:
        """Take a gate away that was defined in code.

        Raises:
            NotFound: there is no such gate, or it stands in the settings file.
        """
        with self._store.reading() as database:
            coded = [found for found, _ in database.rows("gate_definitions")]
        if name not in coded:
            raise NotFound(
                f"No gate {name!r} was defined in code.{suggestion(name, coded)} One of the "
                "settings file is taken away there."
            )
        self._record(name, None, reason)

    def _record(self, name: str, definition: dict[str, Any] | None, reason: str | None) -> None:
        reason = mask_reason(reason, self._store.settings.mask)
        with self._store.deciding() as decisions:
            decisions.record(GateDefined(gate=name, definition=definition, reason=reason))


def _with_replay(gate: Gate) -> Gate:
    """Return a gate with a check that tells of a replay, if it has none."""
    if any(check.kind == "replay" for check in gate.checks):
        return gate
    options = {name: one.default for name, one in FIELDS["replay"].items()} | {"failed": None}
    return replace(gate, checks=(*gate.checks, Check("replay", "replay", options, blocks=False)))


def report_of(judged: Judged) -> GateReport:
    """Return the report that a verdict on record was made of."""
    verdicts: Sequence[Mapping[str, Any]] = judged.report["verdicts"]
    return GateReport(
        gate=judged.gate,
        candidate=judged.name,
        target=f"{judged.model}@{judged.alias}",
        against=None if judged.baseline is None else f"{judged.model}/{judged.baseline}",
        digest=judged.digest,
        data_name=judged.data_name,
        data_sha256=judged.data_sha256,
        rows=judged.rows,
        seed=judged.seed,
        judged_at=judged.judged_at,
        actor=judged.actor,
        seconds=judged.report["seconds"],
        verdicts=tuple(
            Verdict(**{name: value for name, value in one.items() if name != "stops"})
            for one in verdicts
        ),
        number=judged.number,
    )
