"""Judging: whether a canary is worse than the present version, beyond chance.

    judge = Judge("churn/3", "churn/4")
    verdict = judge.look(present_counts, canary_counts)     # again and again; None: no sign of it

Three things are compared: requests that failed, calls of the model that were slow, and requests
with a row that is unlike the training data ("doubtful"). For each there is a sequential test
(`sequential.py`). A canary that is not worse is rolled back with a chance of at most `alpha`,
however long it is tried and however often it is looked at: each test may use a third of it.

What is assumed, and what it means:

- Requests are independent of each other. With a key, all requests of a key are of one side: where
  few keys make most of the requests, two versions may differ by whose requests they got.
- Each judge has an `alpha` of its own: every process that serves the endpoint by itself, and each
  of its starts. Where several processes judge one trial, their chances add up.
- Of the quality, the answers are not judged but the rows: how many of them are unlike what the
  version was trained with. Whether answers are right is known only when labels come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from lite_mlops.serving.trials.counts import Counts
from lite_mlops.serving.trials.sequential import Block, Sequential
from lite_mlops.serving.trials.trial import percent
from lite_mlops.settings import Settings

About: TypeAlias = Literal["errors", "latency", "quality"]
ABOUT: tuple[About, ...] = ("errors", "latency", "quality")

_WORDS = {
    "errors": ("requests", "failed"),
    "latency": ("calls", "were slow"),
    "quality": ("answered requests", "were doubtful"),
}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When a canary is rolled back.

    Attributes:
        alpha: The chance that one is which is not worse.
        errors, latency, quality: By how much it has to be worse, as a share.
        tolerance: A call is slow that takes so many times as long as 95 of 100 of the present ones.
        seconds: After which a call of up to a thousand rows is given up, and has failed.
    """

    alpha: float = 0.01
    errors: float = 0.0
    latency: float = 0.05
    quality: float = 0.02
    tolerance: float = 2.0
    seconds: float = 2.0

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        """Return the rules that the settings say."""
        return cls(
            alpha=settings.canary_alpha,
            errors=settings.canary_errors,
            latency=settings.canary_slow,
            quality=settings.canary_doubtful,
            tolerance=settings.canary_tolerance,
            seconds=settings.canary_seconds,
        )

    @property
    def needed(self) -> float:
        """The e-value at which a canary is rolled back."""
        return len(ABOUT) / self.alpha

    def margin(self, about: About) -> float:
        """Return by how much a canary has to be worse."""
        found: float = getattr(self, about)
        return found


@dataclass(frozen=True)
class Verdict:
    """That a canary is worse, in what, and by which evidence.

    `present` and `canary` are how many there were, and how many of them were bad.
    """

    about: About
    e: float
    needed: float
    present_name: str
    canary_name: str
    present: tuple[int, int]
    canary: tuple[int, int]

    def __str__(self) -> str:
        many, bad = _WORDS[self.about]
        return (
            f"{self.canary_name} is worse than {self.present_name} beyond chance: of its {many} "
            f"{_share(self.canary)} {bad}, of those of {self.present_name} {_share(self.present)} "
            f"({self.about}: evidence {self.e:,.4g}, {self.needed:,.4g} needed)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON can hold it."""
        return {
            "about": self.about,
            "e": round(self.e, 3),
            "needed": self.needed,
            "present": {"version": self.present_name, **_counted(self.present)},
            "canary": {"version": self.canary_name, **_counted(self.canary)},
        }


def _counted(pair: tuple[int, int]) -> dict[str, Any]:
    many, bad = pair
    return {"of": many, "bad": bad, "rate": round(bad / many, 6) if many else None}


def _share(pair: tuple[int, int]) -> str:
    many, bad = pair
    return f"{bad:,} of {many:,} ({percent(bad / many if many else 0.0)})"


def pair_of(counts: Counts, about: About) -> tuple[int, int]:
    """Return how many there were of what is compared, and how many of them were bad."""
    if about == "errors":
        return counts.requests, counts.failed
    if about == "latency":
        return counts.calls, counts.slow
    return counts.answered, counts.doubtful


class Judge:
    """Compares a canary with the present version, by counts that only grow.

    Args:
        present_name: The present version.
        canary_name: The canary.
        rules: When it is rolled back.
    """

    def __init__(self, present_name: str, canary_name: str, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self._names = present_name, canary_name
        self._tests = {about: Sequential(self.rules.margin(about)) for about in ABOUT}
        self._seen = Counts(), Counts()

    @property
    def evidence(self) -> Mapping[About, float]:
        """The e-value of each test; 1 is none."""
        return {about: test.e for about, test in self._tests.items()}

    def look(self, present: Counts, canary: Counts) -> Verdict | None:
        """Return in what the canary is worse, if it is; of several, the clearest.

        Args:
            present: What was counted of the present version until now.
            canary: What was counted of the canary.
        """
        before, self._seen = self._seen, (present, canary)
        if not (present.holds(before[0]) and canary.holds(before[1])):
            return None  # a process is gone with what it counted: what is new cannot be told
        new = present.since(before[0]), canary.since(before[1])
        for about, test in self._tests.items():
            test.add(Block(*pair_of(new[0], about), *pair_of(new[1], about)))
        about, e = max(self.evidence.items(), key=lambda one: one[1])
        if e < self.rules.needed:
            return None
        return Verdict(
            about,
            e,
            self.rules.needed,
            *self._names,
            pair_of(present, about),
            pair_of(canary, about),
        )
