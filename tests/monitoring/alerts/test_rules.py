"""Rules: what opens, worsens and clears, and that nobody is told too often; by examples and by
random histories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lite_mlops.monitoring.alerts.rules import (
    ACKNOWLEDGED,
    CLEARED,
    OPEN,
    RESOLVED,
    STANDING,
    Rules,
    Standing,
    Step,
    next_step,
)
from lite_mlops.monitoring.findings import ALERT, INFO, NONE, SEVERITIES, UNKNOWN, WARN

NOW = datetime(2026, 5, 1, tzinfo=UTC)
RULES = Rules()


def step(*severities: str, **known: object) -> Step | None:
    return next_step(RULES, Standing(severities, **known), NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("severities", "opens"),
    [
        ((), None),
        ((NONE, WARN), None),
        ((WARN, NONE), None),
        ((WARN, WARN), WARN),
        ((WARN, NONE, WARN), WARN),
        ((WARN, NONE, NONE, WARN), None),
        ((NONE, ALERT), ALERT),
        ((ALERT, NONE), None),
        ((WARN, UNKNOWN, WARN), WARN),  # what cannot be judged is no window
        ((WARN, WARN, UNKNOWN), None),
        ((INFO, INFO, INFO), None),
    ],
)
def test_what_opens_an_incident(severities: tuple[str, ...], opens: str | None) -> None:
    expected = None if opens is None else Step("opened", OPEN, opens, tell=True)
    assert step(*severities) == expected


def test_an_alert_after_a_warning_is_told_at_once() -> None:
    told_at = {WARN: NOW - timedelta(minutes=1)}
    found = step(WARN, WARN, ALERT, state=OPEN, severity=WARN, told=True, told_at=told_at)
    assert found == Step("worse", OPEN, ALERT, tell=True)


def test_the_same_is_told_again_after_the_cool_down_unless_acknowledged() -> None:
    for hours, tells in ((3, False), (4, True)):
        told_at = {WARN: NOW - timedelta(hours=hours)}
        found = step(WARN, WARN, state=OPEN, severity=WARN, told=True, told_at=told_at)
        assert found == (Step("still", OPEN, WARN, tell=True) if tells else None)
        assert step(WARN, state=ACKNOWLEDGED, severity=WARN, told=True, told_at=told_at) is None


def test_it_clears_after_two_quiet_windows() -> None:
    known = {"state": OPEN, "severity": ALERT, "told": True}
    assert step(ALERT, NONE, **known) is None
    assert step(ALERT, NONE, UNKNOWN, **known) is None
    assert step(ALERT, NONE, INFO, **known) == Step("cleared", CLEARED, ALERT, tell=True)


def test_who_is_silent_opens_and_clears_without_a_word() -> None:
    assert step(ALERT, silenced=True) == Step("opened", OPEN, ALERT, tell=False)
    known = {"state": OPEN, "severity": ALERT, "silenced": True}
    assert step(NONE, NONE, told=True, **known) == Step("cleared", CLEARED, ALERT, tell=False)
    # When the silence is over it is told, as it never was.
    found = step(ALERT, state=OPEN, severity=ALERT)
    assert found == Step("still", OPEN, ALERT, tell=True)


def test_what_comes_back_within_the_cool_down_opens_without_a_word() -> None:
    told_at = {ALERT: NOW - timedelta(hours=1)}
    assert step(ALERT, told_at=told_at) == Step("opened", OPEN, ALERT, tell=False)


class Histories(RuleBasedStateMachine):
    """One subject through random windows, decisions of people, silences and time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.windows: list[str] = []
        self.state: str | None = None
        self.severity = ""
        self.told = False
        self.silenced = False
        self.told_at: dict[str, datetime] = {}
        self.tellings: list[tuple[datetime, str, str]] = []
        self.opened = self.closed = 0

    @rule(
        severity=st.sampled_from(SEVERITIES),
        passed=st.sampled_from([timedelta(minutes=5), timedelta(hours=7), timedelta(days=1)]),
    )
    def window(self, severity: str, passed: timedelta) -> None:
        self.now += passed
        self.windows.append(severity)
        standing = Standing(
            tuple(self.windows[-10:]),
            self.state,
            self.severity,
            self.told,
            dict(self.told_at),
            self.silenced,
        )
        found = next_step(RULES, standing, self.now)
        if found is None:
            judged = [one for one in self.windows if one != UNKNOWN]
            assert severity != ALERT or self.state is not None  # an alert never goes by
            if self.state is not None and severity != UNKNOWN:
                assert any(one in (WARN, ALERT) for one in judged[-2:]) or len(judged) < 2
            return
        assert (found.how == "opened") == (self.state is None)
        assert not (found.tell and self.silenced)
        self.opened += found.how == "opened"
        self.severity = found.severity
        if found.tell:
            self.tellings.append((self.now, found.how, found.severity))
            if found.how != "cleared":
                self.told_at[found.severity] = self.now
                self.told = True
            else:
                assert self.told
        self.state = found.state
        if found.state == CLEARED:
            self.close()

    def close(self) -> None:
        self.closed += 1
        self.state, self.windows, self.told = None, [], False

    @rule()
    def acknowledge(self) -> None:
        if self.state == OPEN:
            self.state = ACKNOWLEDGED

    @rule()
    def resolve(self) -> None:
        if self.state in STANDING:
            self.state = RESOLVED
            self.close()

    @rule(silenced=st.booleans())
    def silence(self, silenced: bool) -> None:  # noqa: FBT001
        self.silenced = silenced

    @invariant()
    def there_is_one_at_most(self) -> None:
        assert self.opened - self.closed == (self.state is not None)

    @invariant()
    def the_same_is_told_once_in_a_cool_down(self) -> None:
        told = [(at, severity) for at, how, severity in self.tellings if how != "cleared"]
        for place, (at, severity) in enumerate(told):
            for later, again in told[place + 1 :]:
                worse = SEVERITIES.index(again) > SEVERITIES.index(severity)
                assert worse or later - at >= RULES.cooldown

    @invariant()
    def it_is_told_to_be_over_once(self) -> None:
        assert sum(how == "cleared" for _, how, _ in self.tellings) <= self.closed


TestHistories = Histories.TestCase
