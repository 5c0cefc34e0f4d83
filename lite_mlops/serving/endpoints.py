"""Endpoints: what is served, what is tried beside it, and what happened to it.

    project.endpoints.canary("churn@champion", "churn/4", 0.1, reason="retrained in May")
    project.endpoints.shadow("churn@champion", "churn/5")
    project.endpoints.get("churn@champion").evidence
    project.endpoints.promote("churn@champion", reason="no worse on 40,000 requests")

These are decisions: every server of the endpoint follows them, within a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lite_mlops.errors import Conflict, Invalid, LiteMlopsError, NotFound, suggestion
from lite_mlops.models import (
    Models,
    ModelVersion,
    alias_move,
    alias_moves,
    compatible,
    look_ahead,
    parse_reference,
)
from lite_mlops.security import mask_reason
from lite_mlops.serving.endpoint_state import (
    COUNTED,
    EndpointState,
    Happening,
    ServingProcess,
    evidence_of,
)
from lite_mlops.serving.trials.trial import PROMOTED, Trial, checked_share, parse_canary
from lite_mlops.store import Database, Store, new_id

_AT_START = "when a server was started"
_STORY = 50  # lines of it that are shown


class Endpoints:
    """The endpoints of a project: questions first, then decisions."""

    def __init__(self, store: Store, models: Models) -> None:
        self._store = store
        self._models = models

    # -- questions ------------------------------------------------------------------------------

    def all(self) -> list[EndpointState]:
        """Return the endpoints that are served, or where something is tried; without stories."""
        with self._store.reading() as database:
            trials = _trials(database)
            serving: dict[str, list[ServingProcess]] = {}
            for row in database.dicts("endpoint_processes", reference=None):
                serving.setdefault(row["reference"], []).append(ServingProcess.from_row(row))
            return [
                EndpointState(
                    reference,
                    self._present_name(reference),
                    tuple(serving.get(reference, ())),
                    trials.get(reference, Trial(reference)),
                )
                for reference in sorted({*serving, *(r for r, t in trials.items() if _any(t))})
            ]

    def get(self, reference: str, *, rows: int = _STORY) -> EndpointState:
        """Return all that is known of an endpoint.

        Args:
            reference: What it answers for, such as churn@champion.
            rows: How much of its story: the latest lines.

        Raises:
            Invalid: it is no reference.
            NotFound: it means nothing, was never served, and nothing was ever tried there.
        """
        reference = str(parse_reference(reference))
        with self._store.reading() as database:
            trial = _trials(database, reference).get(reference, Trial(reference))
            processes = database.dicts("endpoint_processes", reference=reference)
            ids = [*trial.shadows.values(), *([] if trial.id is None else [trial.id])]
            found = database.dicts("endpoint_evidence", reference=reference, trials=ids)
            story = database.dicts("endpoint_story", reference=reference, rows=rows)
            known = [name for (name,) in database.rows("endpoint_references")]
            version = self._present_name(reference)
        if version is None and reference not in known:
            raise NotFound(f"There is no endpoint {reference!r}.{suggestion(reference, known)}")
        return EndpointState(
            reference,
            version,
            tuple(map(ServingProcess.from_row, processes)),
            trial,
            evidence_of(found),
            tuple(map(Happening.from_row, story)),
        )

    def trials(self) -> dict[str, Trial]:
        """Return what was decided to be tried, by endpoint; for those who ask again and again."""
        with self._store.reading(folded=True) as database:
            return _trials(database)

    def _present_name(self, reference: str) -> str | None:
        try:
            return self._models.decided(reference).name
        except LiteMlopsError:  # such as an alias that was taken away
            return None

    # -- decisions ------------------------------------------------------------------------------

    def canary(
        self,
        reference: str,
        version: str,
        share: float,
        *,
        key: str | None = None,
        reason: str | None = None,
    ) -> Trial:
        """Give a share of the requests of an endpoint to another version of its model.

        A version that is the canary already keeps its requests and its evidence if it gets a
        greater share. Worse beyond chance, it is rolled back; see `lite_mlops.serving.trials`.

        Args:
            reference: What the endpoint answers for, such as churn@champion.
            version: The version to try, such as churn/4.
            share: Its share of the requests, more than 0 and less than 1.
            key: A column by which requests stay together: those with the same value in their first
                row are answered by the same version. None: by the header X-Canary-Key if it is
                there, else each by itself.
            reason: Why; recorded with the decision.

        Raises:
            Invalid: it is another model, or the version that answers already; or it cannot say what
                that says; or the share cannot be used.
            NotFound: there is no such model, version or alias.
        """
        share = checked_share(share)
        with_key = {} if key is None else {"key": key}

        def change(trial: Trial) -> Trial:
            found = self._tried(trial, version)
            check_canary(self._models.decided(trial.reference), found)
            kept = trial.canary == found.version
            named: dict[str, Any] = {"key": trial.key if kept else None} | with_key
            return replace(
                trial,
                canary=found.version,
                share=share,
                id=trial.id if kept else new_id(),
                how="canary",
                **named,
            )

        return self._decide(reference, change, reason, {"share": share})

    def stop_canary(self, reference: str, *, reason: str | None = None) -> Trial:
        """Have the present version answer all requests again. Raises `NotFound`."""
        return self._decide(reference, lambda trial: _without_canary(trial, "canary off"), reason)

    def shadow(self, reference: str, version: str, *, reason: str | None = None) -> Trial:
        """Have a version asked what an endpoint answers, only to compare.

        Raises:
            Invalid: it is the version that answers already.
            NotFound: there is no such model, version or alias.
        """

        def change(trial: Trial) -> Trial:
            name = self._tried(trial, version, any_model=True).name
            if name in trial.shadows:
                raise Conflict(f"{name} is a shadow of {trial.reference} already.")
            return replace(trial, shadows={**trial.shadows, name: new_id()}, how="shadow")

        return self._decide(reference, change, reason, {"shadow": version})

    def stop_shadow(
        self, reference: str, version: str | None = None, *, reason: str | None = None
    ) -> Trial:
        """Ask a shadow no more, or all of them.

        Raises:
            NotFound: it is no shadow of the endpoint.
        """

        def change(trial: Trial) -> Trial:
            name = None if version is None else str(parse_reference(version))
            gone = list(trial.shadows) if name is None else [name]
            if not gone or not set(gone) <= set(trial.shadows):
                known = ", ".join(trial.shadows) or "none"
                raise NotFound(f"{trial.reference} has no such shadow; there is {known}.")
            left = {one: id_ for one, id_ in trial.shadows.items() if one not in gone}
            return replace(trial, shadows=left, how="shadow off")

        return self._decide(reference, change, reason, {"shadow": version} if version else None)

    def pause(self, reference: str, *, reason: str | None = None) -> Trial:
        """Give canary and shadows no requests for now; what was counted stays.

        Raises:
            NotFound: nothing is tried there.
            Conflict: it is paused already.
        """
        return self._decide(reference, lambda trial: _switched(trial, paused=True), reason)

    def resume(self, reference: str, *, reason: str | None = None) -> Trial:
        """Give canary and shadows their requests again.

        Raises:
            NotFound: nothing is tried there.
            Conflict: it is not paused.
        """
        return self._decide(reference, lambda trial: _switched(trial, paused=False), reason)

    def promote(
        self, reference: str, *, reason: str | None = None, override: bool = False
    ) -> ModelVersion:
        """Move the alias of an endpoint to the version of its canary, and end its trial.

        Both is one decision; the evidence is recorded with it. Servers go over to the canary that
        they have loaded already. Where the alias has a gate, it must have passed, as for
        `Models.promote`; with `override`, which needs a reason, it is moved past it.

        Raises:
            Invalid: the endpoint answers for no alias, or an override has no reason.
            NotFound: there is no canary.
            Denied: the gate of the alias has not passed, or approvals are missing.
        """
        parsed = parse_reference(reference)
        if parsed.alias is None:
            raise Invalid(
                f"{parsed} is always the same; only an alias, such as {parsed.model}@champion, can "
                "be moved to its canary."
            )
        state = self.get(reference)
        ahead = look_ahead(self._store, parsed.model, parsed.alias)
        reason = mask_reason(reason, self._store.settings.mask)
        with self._store.deciding() as decisions:
            trial = _trials(decisions.database, str(parsed)).get(str(parsed), Trial(str(parsed)))
            ended = _without_canary(trial, PROMOTED)
            assert trial.canary is not None
            evidence = _promoted(state, trial)
            moves = alias_moves(
                self._store,
                decisions.database,
                alias_move(decisions.database, parsed.model, parsed.alias, trial.canary),
                ahead,
                evidence=evidence,
                reason=reason,
                override=override,
            )
            decisions.record_together(*moves, ended.decision(reason, evidence, trial.canary))
        return self._models.get(str(parsed))

    def try_when_started(
        self,
        references: Sequence[str],
        canary: str | None,
        key: str | None,
        shadows: Sequence[str],
    ) -> None:
        """Decide what a server that starts is to try, unless it is so already.

        Args:
            references: What it serves.
            canary: Such as `churn/4=10%`.
            key: The column by which requests stay together.
            shadows: Such as churn/5.

        Raises:
            Invalid: something of it cannot be tried, or it is not clear at which endpoint.
            NotFound: there is no such version.
        """
        if canary is None and key is not None:
            raise Invalid(f"the key {key!r} is of no use without a canary.")
        if canary is not None:
            version, share = parse_canary(canary)
            reference = _meant(references, version)
            present = self.trials().get(reference, Trial(reference))
            name = str(parse_reference(version))
            if (present.canary_name, present.share, present.key) != (name, share, key):
                self.canary(reference, version, share, key=key, reason=_AT_START)
        for version in shadows:
            reference = _meant(references, version)
            present = self.trials().get(reference, Trial(reference))
            if str(parse_reference(version)) not in present.shadows:
                self.shadow(reference, version, reason=_AT_START)

    def roll_back(self, trial: Trial, reason: str, evidence: Mapping[str, Any]) -> Trial | None:
        """End the trial of a canary that was found to be worse; None if it is over already.

        Raises:
            Busy, Denied: the decision cannot be recorded.
        """

        def change(present: Trial) -> Trial | None:
            if present.id != trial.id or present.canary is None:
                return None
            return _without_canary(present, "rolled back")

        return self._decided(trial.reference, change, reason, {**evidence, "share": trial.share})

    def _decide(
        self,
        reference: str,
        change: Callable[[Trial], Trial],
        reason: str | None,
        evidence: Mapping[str, Any] | None = None,
    ) -> Trial:
        decided = self._decided(str(parse_reference(reference)), change, reason, evidence)
        assert decided is not None
        return decided

    def _decided(
        self,
        reference: str,
        change: Callable[[Trial], Trial | None],
        reason: str | None,
        evidence: Mapping[str, Any] | None,
    ) -> Trial | None:
        with self._store.deciding() as decisions:
            trial = _trials(decisions.database, reference).get(reference, Trial(reference))
            changed = change(trial)
            if changed is None:
                return None
            reason = mask_reason(reason, self._store.settings.mask)
            about = changed.canary or trial.canary if "shadow" not in changed.how else None
            decisions.record(changed.decision(reason, evidence, about))
            decisions.settle()
            return _trials(decisions.database, reference)[reference]

    def _tried(self, trial: Trial, version: str, *, any_model: bool = False) -> ModelVersion:
        """Return the version that is to be tried. Raises `Invalid`, `NotFound`."""
        present = self._models.decided(trial.reference)
        found = self._models.decided(version)
        if found.model != present.model and not any_model:
            raise Invalid(
                f"{found.name} is no version of {present.model}; a canary is another version of "
                "the model that it may replace. A shadow can be of any."
            )
        if found.name == present.name:
            raise Invalid(f"{found.name} is what {trial.reference} answers with already.")
        return found

    def differences(self, reference: str, version: str) -> list[str]:
        """Return what breaks for clients of an endpoint if a version answers them."""
        present, other = self._models.get(reference), self._models.get(version)
        changes = compatible(present.signature, other.signature)
        return [str(change) for change in changes if change.breaking]


def check_canary(present: ModelVersion, canary: ModelVersion) -> None:
    """Do nothing if a canary can say all that the present version says. Raises `Invalid`."""
    if present.signature.probabilities and not canary.signature.probabilities:
        raise Invalid(
            f"{canary.name} has no probabilities, which clients of {present.name} may ask for."
        )


def _meant(references: Sequence[str], version: str) -> str:
    """Return the endpoint at which a version is to be tried. Raises `Invalid`."""
    served = [str(parse_reference(reference)) for reference in references]
    model = parse_reference(version).model
    found = served if len(served) == 1 else [r for r in served if parse_reference(r).model == model]
    if len(found) != 1:
        raise Invalid(
            f"it is not clear at which endpoint {version} is to be tried: {', '.join(served)}. Use "
            f"`lite-mlops endpoint canary ENDPOINT {version}`."
        )
    return found[0]


def _any(trial: Trial) -> bool:
    return trial.canary is not None or bool(trial.shadows)


def _trials(database: Database, reference: str | None = None) -> dict[str, Trial]:
    rows = database.dicts("endpoint_trials", reference=reference)
    return {row["reference"]: Trial.from_row(row) for row in rows}


def _promoted(state: EndpointState, trial: Trial) -> dict[str, Any]:
    """Return what is known of a canary, as evidence of its promotion."""
    found: dict[str, Any] = {"share": trial.share, "previous": state.version}
    for role in ("current", "canary"):
        one = state.of(role, trial.canary_name if role == "canary" else state.version)
        if one is not None:
            found[role] = {name: getattr(one, name) for name in COUNTED}
            if "e" in one.detail:
                found["e"] = one.detail["e"]
    return found


def _without_canary(trial: Trial, how: str) -> Trial:
    """Return a trial after its canary ended. Raises `NotFound`."""
    if trial.canary is None:
        raise NotFound(f"{trial.reference} has no canary.")
    paused = trial.paused and bool(trial.shadows)
    return replace(trial, canary=None, share=0.0, key=None, id=None, paused=paused, how=how)


def _switched(trial: Trial, *, paused: bool) -> Trial:
    """Return a trial paused or resumed. Raises `NotFound`, `Conflict`."""
    if not _any(trial):
        raise NotFound(f"Nothing is tried at {trial.reference}.")
    if trial.paused == paused:
        raise Conflict(f"What is tried at {trial.reference} is {_state(trial)} already.")
    return replace(trial, paused=paused, how="paused" if paused else "resumed")


def _state(trial: Trial) -> str:
    return "paused" if trial.paused else "running"
