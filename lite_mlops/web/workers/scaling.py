"""Scaling: how many workers there should be, from what was measured; values in, a value out.

    bounds = Bounds.parse("1..4")
    trend, step = decide(Trend(), Look(at=now, workers=1, delay=0.041, busy=0.97), bounds, Pace())

Up quickly, down slowly. A worker is added once requests have waited, or the workers have been busy,
for a while; one is taken away after a much longer while in which the others would have done. Who
takes one away and soon needs it again waits for twice as long the next time, so that a load that
comes and goes does not start and end processes all day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

from lite_mlops.errors import Invalid
from lite_mlops.processors import processors

MOST = 64  # workers
_FORM = re.compile(r"(\d{1,4})(?:\.\.(\d{1,4}))?")
_MOST_PATIENCE = 16.0  # times the usual while
_SOON = 4.0  # whiles after which a worker that is needed again was not taken away too early


@dataclass(frozen=True)
class Bounds:
    """How many workers there are at least and at most."""

    least: int
    most: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the bounds of `4`, `1..4`, or `auto`: from 1 to the number of processors.

        Raises:
            Invalid: it is none of these.
        """
        if text == "auto":
            return cls(1, processors())
        found = _FORM.fullmatch(text)
        least = int(found[1]) if found else 0
        most = int(found[2] or found[1]) if found else 0
        if not 1 <= least <= most <= MOST:
            raise Invalid(
                f"the workers are {text!r}; expected a number such as 4, bounds such as 1..4 (at "
                f"most {MOST}), or auto."
            )
        return cls(least, most)

    def __str__(self) -> str:
        return str(self.least) if self.least == self.most else f"{self.least}..{self.most}"


@dataclass(frozen=True, kw_only=True)
class Pace:
    """When the number of workers changes; times are seconds, shares are of the time.

    Attributes:
        delay: Requests that wait for longer than this call for another worker,
        busy: and so do workers that are busy for more than this share,
        up_seconds: if either lasts for so long.
        idle: Workers that are busy for less than this share can spare one,
        down_seconds: if that lasts for so long.
        look: Between two looks.
        silent: A worker that tells nothing for so long is stuck.
    """

    delay: float = 0.01
    busy: float = 0.8
    up_seconds: float = 1.0
    idle: float = 0.3
    down_seconds: float = 60.0
    look: float = 0.2
    silent: float = 10.0


@dataclass(frozen=True)
class Look:
    """What was measured since the last look.

    Attributes:
        at: When, in seconds.
        workers: How many answered.
        delay: How long requests waited for the work on them to begin, in seconds, on the mean.
        busy: The share of the time for which the workers were busy, on the mean.
    """

    at: float
    workers: int
    delay: float
    busy: float


@dataclass(frozen=True)
class Trend:
    """What earlier looks have seen: since when it is too much, or too little."""

    pressed_since: float | None = None
    idle_since: float | None = None
    shrunk_at: float | None = None
    patience: float = 1.0


@dataclass(frozen=True)
class Step:
    """A change of the number of workers, and why."""

    workers: int
    because: str


def decide(trend: Trend, look: Look, bounds: Bounds, pace: Pace) -> tuple[Trend, Step | None]:
    """Return what the next look should know, and a step if one is to be made.

    No look is to be had while a worker starts or ends: what is measured then says little.
    """
    pressed = look.delay > pace.delay or look.busy > pace.busy
    idle = not pressed and look.busy < pace.idle and _others_would_do(look, pace)
    trend = replace(
        trend,
        pressed_since=_since(trend.pressed_since, look.at, holds=pressed),
        idle_since=_since(trend.idle_since, look.at, holds=idle),
    )
    if trend.pressed_since is not None and look.at - trend.pressed_since >= pace.up_seconds:
        if look.workers < bounds.most:
            return _grown(trend, look, pace), Step(look.workers + 1, _pressure(look, pace))
    elif trend.idle_since is not None and look.workers > bounds.least:
        lasted = look.at - trend.idle_since
        if lasted >= pace.down_seconds * trend.patience:
            because = (
                f"the workers were busy {100 * look.busy:.0f} % of the time for {lasted:.0f} s"
            )
            return _shrunk(trend, look, pace), Step(look.workers - 1, because)
    return trend, None


def _since(before: float | None, at: float, *, holds: bool) -> float | None:
    if not holds:
        return None
    return at if before is None else before


def _others_would_do(look: Look, pace: Pace) -> bool:
    """Return whether one worker less could do the same without being pressed."""
    return look.workers > 1 and look.busy * look.workers / (look.workers - 1) < pace.busy


def _grown(trend: Trend, look: Look, pace: Pace) -> Trend:
    patience = trend.patience
    if trend.shrunk_at is not None:
        lasted = look.at - trend.shrunk_at
        if lasted < _SOON * pace.down_seconds * patience:
            patience = min(2 * patience, _MOST_PATIENCE)
        else:
            patience = 1.0
    return Trend(patience=patience)


def _shrunk(trend: Trend, look: Look, pace: Pace) -> Trend:  # noqa: ARG001
    return Trend(shrunk_at=look.at, patience=trend.patience)


def _pressure(look: Look, pace: Pace) -> str:
    if look.delay > pace.delay:
        return f"the queue delay was {look.delay * 1000:.0f} ms"
    return f"the workers were busy {100 * look.busy:.0f} % of the time"
