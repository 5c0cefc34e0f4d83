"""Trying: a server has its endpoints try what is decided, judges canaries, and tells what it saw.

    trying = Trying(store, models, served, recording)
    trying.follow()      # when something was decided
    trying.look()        # a few times a second
    trying.end()

A canary or a shadow is loaded, warmed, and has to reproduce the answers that were kept with its
example, before it is asked anything. One that cannot is told, and never started.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from lite_mlops.errors import Invalid, LiteMlopsError
from lite_mlops.models import Models, ModelVersion
from lite_mlops.serving.endpoint import Endpoint
from lite_mlops.serving.endpoints import Endpoints
from lite_mlops.serving.loaded import Loaded
from lite_mlops.serving.served import Served
from lite_mlops.serving.story import note
from lite_mlops.serving.trials.arm import Arm
from lite_mlops.serving.trials.counts import Counts
from lite_mlops.serving.trials.judging import Judge, Rules, Verdict
from lite_mlops.serving.trials.pace import Pace
from lite_mlops.serving.trials.routing import Canary, Routing
from lite_mlops.serving.trials.shadow import Comparison, Shadow
from lite_mlops.serving.trials.sticky import Sticky
from lite_mlops.serving.trials.trial import PROMOTED, Trial
from lite_mlops.store import Store
from lite_mlops.store.events import TrialSeen

log = logging.getLogger("lite_mlops")

_TELL_SECONDS = 5.0  # between two writings of what was counted

Say = Callable[[str], None]
Load = Callable[[ModelVersion], Loaded]


class Both(NamedTuple):
    """What was counted of the present version and of the canary."""

    present: Counts
    canary: Counts


@dataclass
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

    def counts(self) -> Both:
        """Return what this process counted until now."""
        return Both(self.present.counts(), self.canary.counts())


# Where several processes answer for an endpoint, one judges, by what all of them counted.
CountsOf = Callable[[str, Tried], Both]


def counted_here(_: str, tried: Tried) -> Both:
    """Return what this process counted in the trial of an endpoint."""
    return tried.counts()


@dataclass
class Trying:
    """What one server tries.

    Args:
        store: The store of the project.
        models: Its models.
        served: The endpoints.
        load: Loads a version and proves it by its example.
        say: Is told, in a sentence, what changed and what could not.
        counts: What is judged, by the reference of the endpoint; None: it is judged elsewhere.
    """

    store: Store
    models: Models
    served: Served
    load: Load
    say: Say = log.info
    counts: CountsOf | None = counted_here
    _endpoints: Endpoints = field(init=False)
    _rules: Rules = field(init=False)
    _beside: dict[str, _Beside] = field(init=False)
    _told_at: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._endpoints = Endpoints(self.store, self.models)
        self._rules = Rules.of(self.store.settings)
        self._beside = {
            reference: _Beside(self, reference, endpoint) for reference, endpoint in self.served
        }

    def loaded(self, reference: str, version: ModelVersion) -> Loaded | None:
        """Return a version if it is loaded already, as the canary of an endpoint."""
        beside = self._beside[reference]
        found = beside.promoted if beside.tried is None else beside.tried.canary.loaded
        return None if found is None or found.version.name != version.name else found

    def follow(self) -> None:
        """Have each endpoint try what is decided."""
        trials = self._endpoints.trials()
        for reference, beside in self._beside.items():
            beside.follow(trials.get(reference, Trial(reference)))

    def look(self) -> None:
        """Judge the canaries; now and then write down what was counted."""
        for beside in self._beside.values():
            beside.judge()
        if time.monotonic() - self._told_at >= _TELL_SECONDS:
            self.tell()

    def tell(self) -> None:
        """Write down what was counted since it was written last."""
        self._told_at = time.monotonic()
        for beside in self._beside.values():
            beside.tell()

    def end(self) -> None:
        """Try nothing more in this process, and write down what was counted."""
        for beside in self._beside.values():
            beside.tell()
            beside.stop()

    def of(self, reference: str) -> tuple[Tried | None, Mapping[str, Comparison]]:
        """Return what is tried at an endpoint: the canary, and what its shadows said."""
        beside = self._beside[reference]
        return beside.tried, {name: one.comparison() for name, one in beside.shadows.items()}

    # -- for one endpoint -----------------------------------------------------------------------

    @property
    def rules(self) -> Rules:
        """When a canary is rolled back."""
        return self._rules

    def roll_back(self, trial: Trial, verdict: Verdict) -> bool:
        """Record that a canary is rolled back; return whether that could be."""
        try:
            self._endpoints.roll_back(trial, str(verdict), verdict.to_dict())
        except LiteMlopsError as error:
            log.warning("That %s is rolled back waits: %s", trial.canary_name, error)
            return False
        return True


class _Beside:
    """What is tried beside one endpoint, in this process."""

    def __init__(self, trying: Trying, reference: str, endpoint: Endpoint) -> None:
        self._trying = trying
        self._reference = reference
        self._endpoint = endpoint
        self._trial = Trial(reference)
        self.tried: Tried | None = None
        self.promoted: Loaded | None = None  # a canary to which the alias is about to move
        self.shadows: dict[str, Shadow] = {}  # by name
        self._shadow_ids: dict[str, str] = {}  # under which they are counted
        self._failed: set[str] = set()  # ids of what cannot be tried
        self._verdict: tuple[Trial, Verdict] | None = None  # of a canary that was stopped
        self._written: dict[tuple[str, str], Any] = {}

    # -- what is decided ------------------------------------------------------------------------

    def follow(self, trial: Trial) -> None:
        """Try what is decided from now on."""
        if self.tried is not None and self.tried.id != trial.id:
            self.tell()  # the last of it
        self._trial, self.promoted = trial, None
        if self._verdict is not None and self._verdict[0].id != trial.id:
            self._verdict = None
        self._follow_canary()
        self._follow_shadows()
        self._route()

    def _follow_canary(self) -> None:
        trial, tried, current = self._trial, self.tried, self._endpoint.current
        wanted = trial.canary is not None and trial.canary_name != current.version.name
        if tried is not None:
            if wanted and tried.id == trial.id and tried.present.loaded is current:
                return
            kept = tried.canary.loaded if wanted and tried.id == trial.id else None
            # An alias is looked at before what is tried, and both may change in between.
            self.promoted = tried.canary.loaded if trial.how == PROMOTED else None
            self._drop_canary(leave=kept is None)
        else:
            kept = None
        if not wanted or trial.id in self._failed:
            return
        assert trial.id is not None
        assert trial.canary_name is not None
        loaded = kept or self._load(trial.canary_name, trial.id, "canary")
        if loaded is None:
            return
        pace = Pace(self._trying.rules.tolerance)
        judge = Judge(current.version.name, loaded.version.name, self._trying.rules)
        self.tried = Tried(
            trial.id, Arm(current, pace, usual=True), Arm(loaded, pace, usual=False), pace, judge
        )

    def _drop_canary(self, *, leave: bool) -> None:
        tried, self.tried = self.tried, None
        self._endpoint.routing = None
        if tried is not None:
            tried.present.listen(on=False)
            tried.canary.listen(on=False)
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
                self.shadows[name], self._shadow_ids[name] = Shadow(loaded), id_
        for shadow in self.shadows.values():
            shadow.present = current
            shadow.start()

    def _drop_shadow(self, name: str) -> None:
        self._tell_shadow(name)
        shadow = self.shadows.pop(name)
        self._route()  # before it stops
        shadow.stop()
        shadow.loaded.leave()
        del self._shadow_ids[name]

    def _route(self) -> None:
        """Give requests as it is decided, from the next one on."""
        trial, current, tried = self._trial, self._endpoint.current, self.tried
        if tried is not None:
            tried.present.listen(on=True)
            tried.canary.listen(on=True)
        if trial.paused or (tried is None and not self.shadows):
            self._endpoint.routing = None
            return
        canary = None
        if tried is not None and self._verdict is None:
            sticky = Sticky(tried.id, trial.share)
            canary = Canary(tried.canary, trial.share, sticky, trial.key, tried.judge)
        present = Arm(current, Pace(), usual=True) if tried is None else tried.present
        self._endpoint.routing = Routing(present, canary, list(self.shadows.values()))

    def _load(self, name: str, id_: str, role: str) -> Loaded | None:
        """Return a version that is to be tried, loaded; None if it cannot answer."""
        trying, present = self._trying, self._endpoint.version
        try:
            version = trying.models.decided(name)
            loaded = trying.load(version)
            if role == "canary" and present.signature.probabilities:
                _check_probabilities(present, version)
        except Exception as error:  # noqa: BLE001 (whatever a model does, the present one goes on)
            known = isinstance(error, LiteMlopsError)
            self._failed.add(id_)
            trying.say(
                f"{name} is not tried as a {role} of {self._reference}, {present.name} goes on: "
                f"{error if known else f'it fails: {error!r}'}"
            )
            # What a model raises may hold values of rows; the story is for everyone.
            why = str(error) if known else type(error).__name__
            what = "canary cannot answer" if role == "canary" else "shadow cannot be asked"
            self._note(what, name, why=why)
            return None
        loaded.announce()
        self._note("canary answers" if role == "canary" else "shadow asked", name)
        trying.say(f"{name} is tried as a {role} of {self._reference}.")
        return loaded

    # -- what is found --------------------------------------------------------------------------

    def judge(self) -> None:
        """Stop the canary if it is worse, at once; then have it recorded for all servers."""
        tried, counts = self.tried, self._trying.counts
        if tried is None:
            return
        both = (counts or counted_here)(self._reference, tried)
        if self._verdict is None and counts is not None:
            verdict = tried.judge.look(*both)
            if verdict is not None:
                self._stop_canary(verdict)
        tried.pace.learn()  # only now, so that no call is judged by what it taught
        if self._verdict is not None and self._trying.roll_back(*self._verdict):
            self._trying.follow()

    def _stop_canary(self, verdict: Verdict) -> None:
        self._verdict = self._trial, verdict
        self._route()
        self._trying.say(f"{verdict}. {self._reference} goes on without it.")
        self._note("canary stopped", verdict.canary_name, why=str(verdict), **verdict.to_dict())
        self.tell()

    def tell(self) -> None:
        """Write down what was counted, if anything was."""
        tried = self.tried
        if tried is not None:
            both, judge = tried.counts(), tried.judge
            present = tried.present
            name = present.loaded.version.name
            self._write(tried.id, "current", name, both.present, {"failures": present.failures})
            detail: dict[str, Any] = {"failures": tried.canary.failures}
            if self._trying.counts is not None:
                detail |= {"e": dict(judge.evidence), "needed": judge.rules.needed}
            self._write(tried.id, "canary", tried.canary.loaded.version.name, both.canary, detail)
        for name in self.shadows:
            self._tell_shadow(name)

    def _tell_shadow(self, name: str) -> None:
        found = asdict(self.shadows[name].comparison())
        counts = Counts(requests=found.pop("requests"), failed=found.pop("failed"))
        self._write(self._shadow_ids[name], "shadow", name, counts, found)

    def _write(
        self,
        id_: str,
        role: str,
        name: str,
        counts: Counts,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        more = {
            **({} if role == "shadow" else {n: getattr(counts, n) for n in _FURTHER}),
            **(detail or {}),
        }
        event = TrialSeen(
            reference=self._reference,
            trial=id_,
            writer=self._trying.store.journal.writer,
            role=role,
            name=name,
            requests=counts.requests,
            failed=counts.failed,
            slow=counts.slow,
            doubtful=counts.doubtful,
            detail=more,
        )
        if self._written.get((role, id_)) != event:
            self._written[role, id_] = event
            self._trying.store.append(event)

    def _note(self, what: Any, name: str, **detail: Any) -> None:
        model, _, number = name.rpartition("/")
        if model != self._endpoint.version.model:
            detail["model"] = model
        note(self._trying.store, self._reference, what, int(number), **detail)

    def stop(self) -> None:
        """Try nothing more in this process."""
        self._drop_canary(leave=True)
        for name in list(self.shadows):
            self._drop_shadow(name)
        self._endpoint.routing = None


_FURTHER = ("rows", "calls", "microseconds")


def _check_probabilities(present: ModelVersion, canary: ModelVersion) -> None:
    if not canary.signature.probabilities:
        raise Invalid(f"it has no probabilities, which {present.name} has.")
