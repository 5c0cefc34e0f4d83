"""Wording: what is known of an endpoint, in sentences for people who were not there.

canary_lines(state)     # "errors: no sign that it is worse (evidence 0.4, 300 needed)"
shadow_line(evidence)   # "asked 400 requests; says something else of 3 of 400 rows (0.75 %)"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lite_mlops.serving.endpoint_state import EndpointState, Evidence, Happening
from lite_mlops.serving.trials.judging import ABOUT
from lite_mlops.serving.trials.trial import percent

_WEAK, _CLEAR = 3.0, 0.1  # an e-value; a share of the one that is needed


def sign_of(e: float, needed: float) -> str:
    """Return in words what an e-value says of a canary."""
    if e >= needed:
        return "worse beyond chance"
    if e >= _CLEAR * needed:
        return "a clear sign that it is worse"
    return "a weak sign that it is worse" if e >= _WEAK else "no sign that it is worse"


def canary_lines(state: EndpointState) -> dict[str, str]:
    """Return what is known of the canary: by what is compared, in words."""
    found = state.of("canary", state.trial.canary_name)
    if found is None or "e" not in found.detail:
        return {}
    needed, failures = found.detail["needed"], found.detail.get("failures", {})
    told = {
        about: f"{sign_of(e, needed)} (evidence {e:.4g}, {needed:,.4g} needed)"
        for about, e in ((about, found.detail["e"].get(about, 1.0)) for about in ABOUT)
    }
    return told | {"fails with": ", ".join(f"{kind} {n:,}" for kind, n in failures.items())}


def rule_line(state: EndpointState) -> str:
    """Return in a sentence when the canary is rolled back; empty if nothing is known of it."""
    found = state.of("canary", state.trial.canary_name)
    if found is None or "needed" not in found.detail:
        return ""
    needed = found.detail["needed"]
    return (
        f"It is rolled back when one of them reaches {needed:,.4g}, which a canary that is not "
        f"worse does with a chance of at most {percent(len(ABOUT) / needed)}."
    )


def count_rows(state: EndpointState) -> Iterator[tuple[str, str, str, str, str, str, str]]:
    """Give what was counted of both versions of a trial, a row each, as `COUNT_COLUMNS` has it."""
    names = {"current": state.version, "canary": state.trial.canary_name}
    for role, title in (("current", "present"), ("canary", "canary")):
        one = state.of(role, names[role])
        if one is None:
            continue
        calls = one.detail.get("calls", 0)
        answered = one.requests - one.failed
        mean = one.detail.get("microseconds", 0) / calls / 1000 if calls else None
        yield (
            one.version,
            title,
            f"{one.requests:,}",
            _of(one.failed, one.requests),
            _of(one.slow, calls),
            _of(one.doubtful, answered),
            "" if mean is None else f"{mean:.3g} ms",
        )


COUNT_COLUMNS = ("version", "", "requests", "failed", "slow calls", "doubtful", "a call takes")


def _of(part: int, whole: int) -> str:
    return f"{part:,} ({percent(part / whole)})" if whole else ""


def shadow_line(one: Evidence) -> str:
    """Return in a sentence how a shadow compares with the present version."""
    detail = one.detail
    parts = [f"asked {one.requests:,} request{'' if one.requests == 1 else 's'}"]
    if detail.get("dropped"):
        parts.append(f"no time for {detail['dropped']:,}")
    if one.failed:
        parts.append(f"failed {one.failed:,}")
    rows = detail.get("rows", 0)
    if rows:
        parts.append(
            f"says something else of {detail['changed']:,} of {rows:,} rows "
            f"({percent(detail['changed'] / rows)})"
        )
    if detail.get("numbers"):
        mean = detail["difference"] / detail["numbers"]
        parts.append(f"numbers differ by {mean:.3g} on average, {detail['largest']:.3g} at most")
    if rows:
        milliseconds = detail["microseconds"] / rows / 1000
        parts.append(f"a row takes {milliseconds:.3g} ms, asked by itself")
    return "; ".join(parts)


def happened(one: Happening) -> str:
    """Return what a line of a story tells beside what happened: why, or what goes with it."""
    why = one.reason or one.detail.get("why")
    if why:
        return str(why)
    return ", ".join(f"{name} {_plain(value)}" for name, value in one.detail.items())


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{name} {_plain(one)}" for name, one in value.items()) + ")"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
