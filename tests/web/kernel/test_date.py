"""The time in the heads of answers is written as the standard library writes it."""

from __future__ import annotations

from email.utils import formatdate
from time import gmtime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lite_mlops.web.kernel import Response, answers

_LAST = 253_402_300_799  # the end of the year 9999


@given(some.integers(0, _LAST))
def test_it_is_as_email_utils_writes_it(seconds: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "gmtime", lambda: gmtime(seconds))
        made = answers.Answers()
        made.tick()
        message = made.message(Response(200, b"", "text/plain"), keep=True).decode()
    dates = [line for line in message.splitlines() if line.startswith("Date: ")]
    assert dates == [f"Date: {formatdate(seconds, usegmt=True)}"]


def test_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0]
    monkeypatch.setattr(answers, "gmtime", lambda: gmtime(now[0]))
    made = answers.Answers()
    found = []
    for now[0] in (784_111_777, 784_111_778):
        made.tick()
        found.append(made.message(Response(200, b"", "text/plain"), keep=True))
    assert b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n" in found[0]  # the example of RFC 9110
    assert b"Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n" in found[1]
