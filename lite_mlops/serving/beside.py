"""Beside: what one process tries beside one endpoint, by what was decided.

    beside = Beside("churn@champion", endpoint, means)
    beside.follow(trial)         # when something was decided
    if beside.judge(): ...       # a few times a second; a canary was rolled back

A canary or a shadow is loaded, warmed, and has to reproduce the answers that were kept with its
example, before it is asked anything. One that cannot is told, and never started.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from lite_mlops.errors import LiteMlopsError
from lite_mlops.models import Models, ModelVersion
from lite_mlops.serving.endpoint import Endpoint
from lite_mlops.serving.endpoints import Endpoints, check_canary
from lite_mlops.serving.loaded import Loaded
from lite_mlops.serving.story import What, note
from lite_mlops.serving.telling import Telling
from lite_mlops.serving.trials.arm import Arm
from lite_mlops.serving.trials.counts import Counts
from lite_mlops.serving.trials.judging import Judge, Rules, Verdict
from lite_mlops.serving.trials.pace import Pace
from lite_mlops.serving.trials.routing import Canary, Routing
from lite_mlops.serving.trials.shadow import Comparison, Shadow
from lite_mlops.serving.trials.sticky import Sticky
from lite_mlops.serving.trials.trial import PROMOTED, Trial
from lite_mlops.store import Store

log = logging.getLogger("lite_mlops")

Role: TypeAlias = Literal["canary", "shadow"]
_BEGINS: dict[Role, What] = {"canary": "canary answers", "shadow": "shadow asked"}
_CANNOT: dict[Role, What] = {"canary": "canary cannot answer", "shadow": "shadow cannot be asked"}
_HANGS: dict[Role, What] = {"canary": "canary hangs", "shadow": "shadow hangs"}
_RETURNED: dict[Role, What] = {"canary": "canary returned", "shadow": "shadow returned"}

Say = Callable[[str], None]
Load = Callable[[ModelVersion], Loaded]


class Both(NamedTuple):
    """What was counted of the present version and of the canary."""

    present: Counts
    canary: Counts


@dataclass(frozen=True)
class Tried:
    """A canary that is loaded, and what it is compared with.

    Attributes:
        id: Of the trial.
        present, canary: The versions, and their counts.
        pace: What is usual for the calls of the present version.
        judge: Compares them.
    """

    id: str
    present: Arm
    canary: Arm
    pace: Pace
    judge: Judge

    @classmethod
    def of(cls, trial_id: str, present: Loaded, canary: Loaded, rules: Rules) -> Tried:
        """Return a comparison that begins."""
        pace = Pace(rules.tolerance)
        return cls(
            trial_id,
            Arm(present, pace, usual=True),
            Arm(canary, pace, usual=False, seconds=rules.seconds),
            pace,
            Judge(present.version.name, canary.version.name, rules),
        )

    def counts(self) -> Both:
        """Return what this process counted until now."""
        return Both(self.present.counts(), self.canary.counts())

    def listen(self, *, on: bool) -> None:
        """Be told of the calls of both models, or no more."""
        self.present.listen(on=on)
        self.canary.listen(on=on)


# Where several processes answer for an endpoint, one judges, by what all of them counted: it is
# told the id of the trial and what this process counted; None: another process judges.
CountsOf = Callable[[str, Both], Both | None]


def counted_here(_: str, both: Both) -> Both:
    """Return what this process counted."""
    return both


@dataclass(frozen=True)
class Means:
    """What a server has to try something.

    Attributes:
        store: The store of the project.
        models: Its models.
        endpoints: Where a roll-back is decided.
        load: Loads a version and proves it by its example; it gives up one that hangs.
        say: Is told, in a sentence, what changed and what could not.
        rules: When a canary is rolled back.
        counts: By what it is judged; None: it is judged elsewhere.
    """

    store: Store
    models: Models
    endpoints: Endpoints
    load: Load
    say: Say
    rules: Rules
    counts: CountsOf | None


class Beside:
    """What is tried beside one endpoint.

    Attributes:
        tried: The canary; None: none.
        promoted: A canary to which the alias is about to move.
        shadows: By name.
    """

    def __init__(self, reference: str, endpoint: Endpoint, means: Means) -> None:
        self._reference = reference
        self._endpoint = endpoint
        self._means = means
        self._trial = Trial(reference)
        self._telling = Telling(means.store, reference)
        self._shadow_ids: dict[str, str] = {}  # under which they are counted
        self._failed: set[str] = set()  # ids of what cannot be tried
        self._verdict: tuple[Trial, Verdict] | None = None  # of a canary that was stopped
        self._judges = means.counts is not None  # as it was when it looked last
        self._hanging: set[str] = set()  # ids of what did not return when it looked last
        self.tried: Tried | None = None
        self.promoted: Loaded | None = None
        self.shadows: dict[str, Shadow] = {}

    def comparisons(self) -> Mapping[str, Comparison]:
        """Return what the shadows said, by name."""
        return {name: shadow.comparison() for name, shadow in self.shadows.items()}

    # -- what is decided ------------------------------------------------------------------------

    def follow(self, trial: Trial) -> None:
        """Try what is decided from now on."""
        if self.tried is not None and self.tried.id != trial.id:
            self.tell()  # the last of it
        if trial.decided_at != self._trial.decided_at:
            self._failed.clear()  # somebody wants it to be tried again
        self._trial, self.promoted = trial, None
        if self._verdict is not None and self._verdict[0].id != trial.id:
            self._verdict = None
        self._follow_canary()
        self._follow_shadows()
        self._route()

    def _follow_canary(self) -> None:
        trial, tried, current = self._trial, self.tried, self._endpoint.current
        wanted = trial.canary is not None and trial.canary_name != current.version.name
        same = tried is not None and wanted and tried.id == trial.id
        kept = None  # another version answers beside it now: the comparison begins again
        if tried is not None:
            if same and tried.present.loaded is current:
                return
            kept = tried.canary.loaded if same else None
            # An alias is looked at before what is tried, and both may change in between.
            self.promoted = tried.canary.loaded if trial.how == PROMOTED else None
            self._drop_canary(leave=not same)
        if not wanted or trial.id is None or trial.id in self._failed:
            return
        loaded = kept or self._load(str(trial.canary_name), trial.id, "canary")
        if loaded is not None:
            self.tried = Tried.of(trial.id, current, loaded, self._means.rules)

    def _drop_canary(self, *, leave: bool) -> None:
        tried, self.tried = self.tried, None
        self._route()
        if tried is not None:
            tried.listen(on=False)
            if leave:
                tried.canary.loaded.leave()

    def _follow_shadows(self) -> None:
        current, wanted = self._endpoint.current, self._trial.shadows
        for name in list(self.shadows):
            if wanted.get(name) != self._shadow_ids[name] or name == current.version.name:
                self._drop_shadow(name)
        for name, id_ in wanted.items():
            if name in self.shadows or name == current.version.name or id_ in self._failed:
                continue
            loaded = self._load(name, id_, "shadow")
            if loaded is not None:
                shadow = Shadow(loaded, self._means.rules.seconds)
                self.shadows[name], self._shadow_ids[name] = shadow, id_
        for shadow in self.shadows.values():
            shadow.present = current
            shadow.start()

    def _drop_shadow(self, name: str) -> None:
        shadow, id_ = self.shadows.pop(name), self._shadow_ids.pop(name)
        self._telling.shadow(id_, name, shadow.comparison())
        self._route()  # before it stops
        shadow.stop()
        shadow.loaded.leave()

    def _route(self) -> None:
        """Give requests as it is decided, from the next one on."""
        trial, current, tried = self._trial, self._endpoint.current, self.tried
        if tried is not None:
            tried.listen(on=True)
        if trial.paused or (tried is None and not self.shadows):
            self._endpoint.routing = None
            return
        canary = None
        if tried is not None and self._verdict is None:
            sticky = Sticky(tried.id, trial.share)
            canary = Canary(tried.canary, trial.share, sticky, trial.key, tried.judge)
        present = Arm(current, Pace(), usual=True) if tried is None else tried.present
        self._endpoint.routing = Routing(present, canary, list(self.shadows.values()))

    def _load(self, name: str, id_: str, role: Role) -> Loaded | None:
        """Return a version that is to be tried, loaded; None if it cannot answer."""
        means, present = self._means, self._endpoint.version
        try:
            version = means.models.decided(name)
            loaded = means.load(version)
            if role == "canary":
                check_canary(present, version)
        except Exception as error:  # noqa: BLE001 (whatever a model does, the present one goes on)
            known = isinstance(error, LiteMlopsError)
            self._failed.add(id_)
            means.say(
                f"{name} is not tried as a {role} of {self._reference}, {present.name} goes on: "
                f"{error if known else f'it fails: {error!r}'}"
            )
            # What a model raises may hold values of rows; the story is for everyone.
            self._note(_CANNOT[role], name, why=str(error) if known else type(error).__name__)
            return None
        loaded.announce()
        self._note(_BEGINS[role], name)
        means.say(f"{name} is tried as a {role} of {self._reference}.")
        return loaded

    def stop(self) -> None:
        """Try nothing more in this process, and write down what was counted."""
        self.tell()
        self._trial = Trial(self._reference)
        self._drop_canary(leave=True)
        for name in list(self.shadows):
            self._drop_shadow(name)

    # -- what is found --------------------------------------------------------------------------

    def judge(self) -> bool:
        """Stop the canary if it is worse, at once; return whether that was decided for all."""
        tried, counts = self.tried, self._means.counts
        self._look_who_hangs()
        if tried is None:
            return False
        both = tried.counts()
        if self._verdict is None and counts is not None:
            counted = counts(tried.id, both)
            self._judges = counted is not None
            verdict = None if counted is None else tried.judge.look(*counted)
            if verdict is not None:
                self._stop_canary(verdict)
        tried.pace.learn()  # only now, so that no call is judged by what it taught
        return self._verdict is not None and self._rolled_back(*self._verdict)

    def _look_who_hangs(self) -> None:
        """Tell which canary or shadow does not return, and which does again."""
        hanging = set()
        if self.tried is not None:
            arm = self.tried.canary
            hanging |= self._told_hanging(self.tried.id, arm.loaded, "canary", hangs=arm.hangs)
        for name, shadow in self.shadows.items():
            id_ = self._shadow_ids[name]
            hanging |= self._told_hanging(id_, shadow.loaded, "shadow", hangs=shadow.hangs)
        self._hanging = hanging

    def _told_hanging(self, id_: str, loaded: Loaded, role: Role, *, hangs: bool) -> set[str]:
        name = loaded.version.name
        if hangs and id_ not in self._hanging:
            why = f"a call did not return in time (canary_seconds, {self._means.rules.seconds:g})"
            self._means.say(f"{name} is asked no more as a {role} of {self._reference}: {why}.")
            self._note(_HANGS[role], name, why=why)
        elif not hangs and id_ in self._hanging:
            self._means.say(f"{name} returned, and is asked again as a {role}.")
            self._note(_RETURNED[role], name)
        return {id_} if hangs else set()

    def _stop_canary(self, verdict: Verdict) -> None:
        self._verdict = self._trial, verdict
        self._route()
        self._means.say(f"{verdict}. {self._reference} goes on without it.")
        self._note("canary stopped", verdict.canary_name, why=str(verdict), **verdict.to_dict())
        self.tell()

    def _rolled_back(self, trial: Trial, verdict: Verdict) -> bool:
        """Decide that a canary is rolled back; return whether that could be recorded."""
        try:
            self._means.endpoints.roll_back(trial, str(verdict), verdict.to_dict())
        except LiteMlopsError as error:
            log.warning("That %s is rolled back waits: %s", trial.canary_name, error)
            return False
        return True

    def tell(self) -> None:
        """Write down what was counted, as far as it changed."""
        tried = self.tried
        if tried is not None:
            both = tried.counts()
            judge = tried.judge if self._judges else None
            self._telling.arm(tried.id, "current", tried.present, both.present)
            self._telling.arm(tried.id, "canary", tried.canary, both.canary, judge)
        for name, comparison in self.comparisons().items():
            self._telling.shadow(self._shadow_ids[name], name, comparison)

    def _note(self, what: What, name: str, **detail: object) -> None:
        model, _, number = name.rpartition("/")
        if model != self._endpoint.version.model:
            detail["model"] = model
        note(self._means.store, self._reference, what, int(number), **detail)
