"""Keeping plans: made when a model is registered or on demand, stored, switched off and on.

project.models.lower("churn/3")              # tries it anew, however long it takes
project.models.plan("churn@champion")        # which path it takes, and why not the other one
project.models.switch_lowering("churn/3", on=False)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from lite_mlops.errors import Conflict, Damaged, Invalid
from lite_mlops.models.answering import Asking
from lite_mlops.models.examples import Example, kept_rows, kept_with
from lite_mlops.models.finding import Finding
from lite_mlops.models.loading import differences
from lite_mlops.models.loading.requirements import tell
from lite_mlops.models.references import parse_reference
from lite_mlops.models.signing import open_version
from lite_mlops.models.versions import ModelVersion, resolve
from lite_mlops.security import mask_reason
from lite_mlops.store import Store
from lite_mlops.store.events import LoweringSwitched, VersionLowered

if TYPE_CHECKING:
    from lite_mlops.models.lowering.lower import Part
    from lite_mlops.models.signature import Signature
    from lite_mlops.store import Database, Objects

log = logging.getLogger("lite_mlops")

_MOST_WORDS = 500  # characters of a reason


def how_exact(exact: str | None) -> str:
    """Return in words how near a plan comes to its model."""
    return "bit for bit" if exact == "bits" else "within 1 unit in the last place"


@dataclass(frozen=True)
class KeptPlan:
    """What is known of the plan of a version.

    Attributes:
        plan: The object that holds it; None if there is none.
        why: Why there is none, or why it is not used; None if it is used.
        exact: `bits`, or `1 ulp`: within one unit in the last place.
        faster_from: From so many rows on the model itself is faster; None: never.
        switched_off: Whether somebody decided against it.
        model_sha256: The model file that it was made of.
        made_at: When; None if it was never tried.
    """

    plan: str | None = None
    why: str | None = None
    exact: str | None = None
    faster_from: int | None = None
    switched_off: bool = False
    model_sha256: str | None = None
    made_at: datetime | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any], version: ModelVersion) -> Self:
        """Return what a row of `version_plan` tells of a version."""
        made_at = row["made_at"]
        off = row["how"] == "off"
        why = row["why"]
        if made_at is None:
            why = f"not tried yet; `lite-mlops models lower {version.name}` does"
        elif row["plan"] is not None and row["sha256"] != version.sha256:
            why = "its plan was made of another file"
        if off:
            why = f"switched off; `lite-mlops models lower {version.name} --on` undoes it"
        return cls(
            plan=row["plan"],
            why=why,
            exact=row["exact"],
            faster_from=row["faster_from"],
            switched_off=off,
            model_sha256=row["sha256"],
            made_at=None if made_at is None else made_at.replace(tzinfo=UTC),
        )

    @property
    def used(self) -> bool:
        """Whether the version is answered from its plan."""
        return self.plan is not None and self.why is None

    @property
    def answering(self) -> tuple[str, int | None] | None:
        """What tells whether a version has to be loaded anew: its plan, and up to which row."""
        return (self.plan, self.faster_from) if self.plan is not None and self.used else None

    def __str__(self) -> str:
        if not self.used:
            return f"the model itself ({self.why})"
        beyond = (
            "" if self.faster_from is None else f"; the model from {self.faster_from:,} rows on"
        )
        return f"a plan, {how_exact(self.exact)}{beyond}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        made_at = None if self.made_at is None else self.made_at.isoformat()
        return vars(self) | {"made_at": made_at, "used": self.used}


@dataclass(frozen=True)
class Attempt:
    """What came of trying to make a plan of a model file; the fields are those of a `KeptPlan`."""

    sha256: str
    plan: str | None = None
    why: str | None = None
    exact: str | None = None
    faster_from: int | None = None

    def of(self, model: str, version: int) -> VersionLowered:
        """Return what is to be recorded of a version that has this file."""
        return VersionLowered(model=model, version=version, **vars(self))


def attempted(
    database: Database, version: ModelVersion, *, switched_off: bool = True
) -> Attempt | None:
    """Return what came of it for a version; None if it was not tried with its present file.

    With `switched_off` also if somebody decided against its plan.
    """
    row = database.one("version_plan", model=version.model, version=version.version)
    if row is None or row["made_at"] is None or row["sha256"] != version.sha256:
        return None
    if row["how"] == "off" and not switched_off:
        return None
    return Attempt(**{field.name: row[field.name] for field in fields(Attempt)})


def attempt(
    objects: Objects,
    sha256: str,
    signature: Signature,
    model: Any,
    example: Example | None,
    seconds: float | None = None,
) -> Attempt:
    """Try to make a plan of a model, prove it, and store it. Return what came of it."""
    from lite_mlops.models.lowering.lower import lower
    from lite_mlops.models.lowering.parts import NotLowered
    from lite_mlops.models.lowering.plan import BadPlan
    from lite_mlops.models.lowering.proving import faster_from, prove

    try:
        plan, lowering = lower(model, signature, sha256)
        plan, proof = prove(model, plan, lowering, signature, example, seconds=seconds)
    except (NotLowered, BadPlan) as error:  # the second: what was made cannot be read back
        return Attempt(sha256, why=str(error)[:_MOST_WORDS])
    crossover = faster_from(model, plan, signature)
    stored = objects.put_bytes(plan.to_bytes()).sha256
    return Attempt(sha256, stored, exact=proof.exact, faster_from=crossover)


def attempt_quietly(
    objects: Objects,
    sha256: str,
    signature: Signature,
    open_model: Callable[[], Any],
    example: str | None,
    what: str,
) -> Attempt:
    """Try to make a plan of what is being registered; whatever fails is told, and no more."""
    from lite_mlops.models.lowering.proving import SECONDS

    try:
        rows = kept_rows(objects, example, what)
        return attempt(objects, sha256, signature, open_model(), rows, SECONDS)
    except Exception as error:  # noqa: BLE001 (a model may raise whatever it likes)
        log.warning("%s is answered by the model itself: %r", what, error)
        return Attempt(sha256, why=f"it cannot be examined: {type(error).__name__}")


def open_asking(
    store: Store, version: ModelVersion, kept: KeptPlan | None, *, strict: bool = False
) -> Asking:
    """Return what answers for a version: its plan if it is used, else the model, loaded.

    Raises:
        Damaged: the file of the model is missing or is not the one that was registered.
        Denied: versions of packages differ with `strict`; or as loading the model does.
    """
    why = None if kept is None else kept.why
    if kept is not None and kept.used:
        try:
            return _open_plan(store, version, kept, strict=strict)
        except NotUsed as error:
            log.warning("%s is answered by the model itself: %s", version.name, error)
            why = str(error)
    asking = asking_well(
        open_version(store.objects, version, store.settings, strict=strict), version
    )
    asking.why = why
    return asking


class NotUsed(Exception):
    """Why a plan that is there is not used."""


def _open_plan(store: Store, version: ModelVersion, kept: KeptPlan, *, strict: bool) -> Asking:
    assert kept.plan is not None
    if strict:
        tell(differences(version.requirements), version.file.referrer, strict=True)
    if not store.objects.is_good(version.sha256):
        # Whoever loads it tells what is wrong with it; a plan does not answer for another file.
        raise NotUsed("its file is not the one that was registered")
    try:
        data = store.objects.mapped(kept.plan, f"the plan of {version.name}")
    except Damaged as error:
        raise NotUsed(str(error)) from error

    def open_model() -> Asking:
        return asking_well(open_version(store.objects, version, store.settings), version)

    return plan_asking(data, version, open_model, kept.faster_from)


def plan_asking(
    data: bytes | memoryview,
    version: ModelVersion,
    open_model: Callable[[], Asking],
    faster_from: int | None,
) -> Asking:
    """Return what answers for a version from the bytes of its plan.

    Raises:
        NotUsed: they are no plan of its file, or of a machine of another kind.
    """
    from lite_mlops.models.lowering.asking import PlanAsking
    from lite_mlops.models.lowering.plan import BadPlan, Plan
    from lite_mlops.models.lowering.running import Running

    try:
        plan = Plan.from_bytes(data)
        running = Running(plan)
    except BadPlan as error:
        raise NotUsed(str(error)) from error
    if plan.model_sha256 != version.sha256:
        raise NotUsed("its plan was made of another file")
    if not plan.here:
        raise NotUsed(f"its plan was proved on another kind of machine ({plan.machine})")
    return PlanAsking(running, version.signature, open_model, faster_from)


def asking_well(model: Any, version: ModelVersion) -> Asking:
    """Return what asks a loaded model, without settings that make single rows slow.

    Threads for each tree (`n_jobs`) take longer to begin than a row takes, and threads of OpenMP
    wait for each other. No answer depends on either.
    """
    from lite_mlops.models.lowering.asking import FewThreads
    from lite_mlops.models.lowering.parts import parts_of

    threaded = False
    for part in parts_of(model):
        if type(part).__module__.startswith("sklearn.") and getattr(part, "n_jobs", None):
            part.n_jobs = 1
        threaded |= "HistGradientBoosting" in type(part).__name__
    return (FewThreads if threaded else Asking)(model, version.signature)


class Plans(Finding):
    """How the versions of the models of a project are answered."""

    def plan(self, reference: str) -> KeptPlan:
        """Return what is known of the plan of a version.

        Raises:
            Invalid, NotFound: the reference names no version.
        """
        return self.plan_of(self.get(reference))

    def plan_of(self, version: ModelVersion, *, folded: bool = False) -> KeptPlan:
        """Return what is known of the plan of a version; `folded` as in `Store.reading`."""
        if not version.version:
            return KeptPlan(why="it is not registered")
        with self._store.reading(folded=folded) as database:
            row = database.dicts("version_plan", model=version.model, version=version.version)[0]
        found = KeptPlan.from_row(row, version)
        if found.used and self._store.settings.signed_by:
            why = "this project needs signatures (the setting signed_by), and a plan has none"
            return KeptPlan(**vars(found) | {"why": why})
        return found

    def lower(self, reference: str) -> KeptPlan:
        """Load a version and try to make a plan of it, however long its proof takes.

        Raises:
            Invalid, NotFound: the reference names no registered version.
            Damaged, Denied: its file cannot be loaded.
        """
        version = self.get(reference)
        if not version.version:
            raise Invalid(f"{reference} is not registered; plans are made of versions.")
        model = open_version(self._store.objects, version, self._store.settings)
        objects = self._store.objects
        rows = kept_with(objects, version)
        made = attempt(objects, version.sha256, version.signature, model, rows)
        self._store.append(made.of(version.model, version.version))
        return self.plan_of(version)

    def parts(self, reference: str) -> list[Part]:
        """Return the parts of a version, each with why it cannot be lowered, if it cannot.

        Raises:
            Invalid, NotFound: the reference names no version.
            Damaged, Denied: its file cannot be loaded.
        """
        from lite_mlops.models.lowering.lower import supported

        version = self.get(reference)
        model = open_version(self._store.objects, version, self._store.settings)
        return supported(model, version.signature)

    def switch_lowering(self, reference: str, *, on: bool, reason: str | None = None) -> KeptPlan:
        """Have a version be answered from its plan, or by the model itself. Return what is known.

        Whoever serves it follows, as an alias is followed.

        Raises:
            Invalid, NotFound: the reference names no version.
            Conflict: it is so already.
        """
        parsed = parse_reference(reference)
        with self._store.deciding() as decisions:
            version = resolve(decisions.database, parsed)
            row = decisions.database.dicts(
                "version_plan", model=version.model, version=version.version
            )[0]
            if (row["how"] != "off") is on:
                raise Conflict(
                    f"The plan of {version.name} is switched {'on' if on else 'off'} already."
                )
            decisions.record(
                LoweringSwitched(
                    model=version.model,
                    version=version.version,
                    how="on" if on else "off",
                    reason=mask_reason(reason, self._store.settings.mask),
                )
            )
        return self.plan_of(version)
