"""Gate results: what gates said of a version, and how it got its aliases; for cards and lineage.

    for result in gate_results(database, version, moves):
        result.gate, result.outcome, result.against, result.approvals, result.overridden

Everything is read from what is on record: the verdicts, the approvals, and the moves of aliases
with the verdict or the override by which they were made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lite_mlops.models.aliases import AliasMove
from lite_mlops.models.gating import PASSED, Approval, Judged
from lite_mlops.models.versions import ModelVersion
from lite_mlops.store import Database

OVERRIDDEN, NOT_RUN = "overridden", "not run"
_MANY = 1_000  # verdicts of one version that are looked at


@dataclass(frozen=True)
class GateResult:
    """What a gate said of a version that was to get an alias, and whether it got it.

    Attributes:
        number: Of the decision: the verdict, or without one the move.
        gate: The name of the gate.
        target: What it keeps, such as churn@champion.
        outcome: "passed", "failed", "cannot tell" or, past it without a verdict, "not run".
        judged_at, judged_by: When it ran, and who ran it.
        against: The version that it was compared with, such as churn/3; None: there was none.
        data, data_sha256, rows: What it was judged on.
        checks: Each check with its outcome and why.
        approvals: Who approved the version on this evidence, and when.
        moved_at, moved_by, reason: When the alias moved to it because of this result, who moved it
            and why; None: it did not.
        overridden: What stood against the move that was made all the same; None: nothing.
    """

    number: int
    gate: str
    target: str
    outcome: str
    judged_at: datetime | None = None
    judged_by: str | None = None
    against: str | None = None
    data: str | None = None
    data_sha256: str | None = None
    rows: int = 0
    checks: tuple[tuple[str, str, str], ...] = ()
    approvals: tuple[tuple[str, datetime], ...] = ()
    moved_at: datetime | None = None
    moved_by: str | None = None
    reason: str | None = None
    overridden: str | None = None

    @property
    def result(self) -> str:
        """The outcome, or that it was overridden."""
        return OVERRIDDEN if self.overridden is not None else self.outcome

    @property
    def found(self) -> str:
        """How many of the checks passed."""
        good = sum(outcome == PASSED for _, outcome, _ in self.checks)
        return f"{good} of {len(self.checks)} checks passed" if self.checks else ""

    @property
    def judged_on(self) -> str | None:
        """The data with the beginning of its hash and its rows; None: there was none."""
        if self.data is None:
            return None
        digits = "" if self.data_sha256 is None else f"{self.data_sha256[:12]}, "
        return f"{self.data} ({digits}{self.rows:,} rows)"


def _of_verdict(judged: Judged, approvals: Iterable[Approval]) -> dict[str, Any]:
    """Return what a verdict and the approvals on its evidence tell."""
    given: dict[str, datetime] = {}
    for one in approvals:
        if one.alias == judged.alias and one.is_of(judged):
            given[one.actor] = one.approved_at
    checks = judged.report.get("verdicts", ())
    return {
        "number": judged.number,
        "outcome": judged.outcome,
        "judged_at": judged.judged_at,
        "judged_by": judged.actor,
        "against": None if judged.baseline is None else f"{judged.model}/{judged.baseline}",
        "data": judged.data_name,
        "data_sha256": judged.data_sha256,
        "rows": judged.rows,
        "checks": tuple((one["name"], one["outcome"], one["reason"]) for one in checks),
        "approvals": tuple(given.items()),
    }


def results_of(
    version: ModelVersion,
    moves: Iterable[AliasMove],
    verdicts: Sequence[Judged],
    approvals: Sequence[Approval],
    overridden: Mapping[int, str],
) -> tuple[GateResult, ...]:
    """Return the results of gates on a version, the oldest first.

    Args:
        version: The version.
        moves: Those of the aliases of its model.
        verdicts: Those on the version.
        approvals: Those of the version.
        overridden: What stood against moves to it, by the number of the override.
    """
    known = {one.number: one for one in verdicts}
    found: list[GateResult] = []
    told: dict[tuple[str, str], int] = {}  # the last verdict on which an alias moved to it
    for move in moves:
        gate = (move.evidence or {}).get("gate")
        if move.version != version.version or not isinstance(gate, dict):
            continue
        number, counted = gate.get("verdict"), gate.get("approved_by")
        judged = known.get(number) if isinstance(number, int) else None
        objection = overridden.get(move.number - 1)  # both are recorded together
        if judged is None and objection is None:
            continue  # the words of who moved it, and no gate
        about: dict[str, Any] = {"number": move.number, "outcome": NOT_RUN}
        if judged is not None:
            about = _of_verdict(judged, approvals)
            told[judged.gate, judged.alias] = judged.number
            names = counted if isinstance(counted, list) else []
            about["approvals"] = tuple(one for one in about["approvals"] if one[0] in names)
        found.append(
            GateResult(
                gate=str(gate.get("name")),
                target=f"{move.model}@{move.alias}",
                moved_at=move.moved_at,
                moved_by=move.actor,
                reason=move.reason,
                overridden=objection,
                **about,
            )
        )
    latest = {(one.gate, one.alias): one for one in sorted(verdicts, key=lambda one: one.number)}
    for key, one in latest.items():
        if one.number > told.get(key, 0):  # it did not get the alias by this one
            target = f"{one.model}@{one.alias}"
            found.append(GateResult(gate=one.gate, target=target, **_of_verdict(one, approvals)))
    return tuple(sorted(found, key=lambda one: one.number))


def gate_results(
    database: Database, version: ModelVersion, moves: Iterable[AliasMove]
) -> tuple[GateResult, ...]:
    """Return what gates said of a version, and what came of it, the oldest first."""
    about = {"model": version.model, "version": version.version}
    rows = database.dicts("gate_verdicts", **about, alias=None, gate=None, rows=_MANY)
    verdicts = [Judged.from_row(row) for row in rows]
    given = [Approval.from_row(row) for row in database.dicts("approvals", **about, alias=None)]
    overridden = dict(database.rows("gate_overrides", **about))
    return results_of(version, moves, verdicts, given, overridden)


def when(moment: datetime) -> str:
    """Return a time in UTC, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
