"""What is tried, for Prometheus: both versions of a trial side by side, and what shadows said.

    lite_mlops_trial_failed{reference="churn@champion",role="canary",model="churn",version="4"} 3

Each begins anew with its trial, and is gone with it. Labels are what is served and tried.
"""

from __future__ import annotations

from lite_mlops.serving import Loaded, Routing, Served
from lite_mlops.web.kernel import Metrics

_TRIAL = {
    "requests": "Requests given to a version during a trial.",
    "failed": "Of these, those that it could not answer.",
    "doubtful": "Of these, those with a row that is not as in its training data.",
    "calls": "Calls of its model.",
    "slow": "Of these, those that took much longer than usual for the present version.",
    "seconds": "Time that all its calls took.",
}
_SHADOW = {
    "requests": "Requests that a shadow was asked.",
    "dropped": "Requests for which there was no time.",
    "failed": "Requests that it could not answer.",
    "rows": "Rows that it and the present version answered.",
    "changed": "Of these, those of which it says something else.",
    "difference_mean": "Mean difference of its numbers or probabilities.",
    "difference_largest": "Largest difference of its numbers or probabilities.",
    "seconds": "Time that its calls took.",
}


class TrialMetrics:
    """Tells what is tried beside what is served, when somebody asks."""

    def __init__(self, served: Served, metrics: Metrics) -> None:
        self._served = served
        of = ("reference", "role", "model", "version")
        self._trial = {
            name: metrics.gauge(f"lite_mlops_trial_{name}", text, *of)
            for name, text in _TRIAL.items()
        }
        self._shadow = {
            name: metrics.gauge(f"lite_mlops_shadow_{name}", text, *of)
            for name, text in _SHADOW.items()
        }
        self._evidence = metrics.gauge(
            "lite_mlops_canary_evidence",
            "Evidence (e-value) that a canary is worse; 1 is none.",
            *(*of, "about"),
        )

    def collect(self) -> None:
        """Bring the metrics to what is tried now."""
        for gauge in (*self._trial.values(), *self._shadow.values(), self._evidence):
            gauge.clear()
        for reference, endpoint in self._served:
            if endpoint.routing is not None:
                self._collect(reference, endpoint.routing)

    def _collect(self, reference: str, routing: Routing) -> None:
        canary = routing.canary
        if canary is not None:
            for role, arm in (("current", routing.present), ("canary", canary.arm)):
                of = _labels(reference, role, arm.loaded)
                counts = arm.counts().to_dict()
                counts["seconds"] = counts["microseconds"] / 1e6
                for name, gauge in self._trial.items():
                    gauge.set(counts[name], *of)
            for about, e in canary.judge.evidence.items():
                self._evidence.set(e, *_labels(reference, "canary", canary.arm.loaded), about)
        for shadow in routing.shadows:
            of = _labels(reference, "shadow", shadow.loaded)
            found = shadow.comparison()
            for name, gauge in self._shadow.items():
                value = {
                    "difference_mean": found.mean or 0.0,
                    "difference_largest": found.largest,
                    "seconds": found.microseconds / 1e6,
                }.get(name)
                gauge.set(getattr(found, name) if value is None else value, *of)


def _labels(reference: str, role: str, loaded: Loaded) -> tuple[str, str, str, str]:
    version = loaded.version
    return reference, role, version.model, str(version.version)
