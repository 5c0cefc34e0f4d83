"""Tokens: told once, kept as a hash, good until they expire or are revoked."""

from __future__ import annotations

import time

import pytest

from lite_mlops.errors import Conflict, Invalid, NotFound
from lite_mlops.project import Project
from lite_mlops.security.tokens import hash_of, matches, new_token


def test_a_token_is_good_and_only_its_hash_is_kept(project: Project) -> None:
    token = project.tokens.make("shop", reason="the web shop")
    assert token.startswith("lmt_")
    assert len(token) > 40
    assert project.tokens.check(token)
    for wrong in ("", token[:-1], token + "x", token.upper(), new_token(), "\ud800"):
        assert not project.tokens.check(wrong)
    project.store.close()
    for path in project.folder.rglob("*"):
        assert not path.is_file() or token.encode() not in path.read_bytes()
    (kept,) = project.tokens.all()
    assert (kept.name, kept.expired, kept.expires_at) == ("shop", False, None)
    assert "hash" not in kept.to_dict()


def test_a_revoked_token_is_good_no_more_and_its_name_is_free(project: Project) -> None:
    first = project.tokens.make("shop")
    with pytest.raises(Conflict, match="There is a token 'shop'"):
        project.tokens.make("shop")
    project.tokens.revoke("shop", reason="it leaked")
    second = project.tokens.make("shop")
    project.tokens.refresh()
    assert not project.tokens.check(first)
    assert project.tokens.check(second)
    kinds = project.sql("SELECT kind FROM decisions ORDER BY number").rows
    assert kinds == (("token_made",), ("token_revoked",), ("token_made",))


def test_a_token_expires(project: Project) -> None:
    token = project.tokens.make("brief", days=0.5 / 86_400)
    assert project.tokens.check(token)
    expires = project.tokens.all()[0].expires_at
    assert expires is not None
    while project.tokens.check(token):
        time.sleep(0.01)
    assert project.tokens.all()[0].expired


def test_what_is_revoked_has_to_be_there(project: Project) -> None:
    project.tokens.make("shop")
    with pytest.raises(NotFound, match=r"There is no token 'shp'\. Did you mean 'shop'"):
        project.tokens.revoke("shp")


@pytest.mark.parametrize("name", ["", "a b", "../x", "x" * 101, "ä"])
def test_a_name_that_cannot_be(project: Project, name: str) -> None:
    with pytest.raises(Invalid, match="cannot be used: letters"):
        project.tokens.make(name)
    assert not project.exists


@pytest.mark.parametrize("days", [0, -1, float("nan"), 40_000])
def test_a_time_that_cannot_be(project: Project, days: float) -> None:
    with pytest.raises(Invalid, match="days cannot be used"):
        project.tokens.make("shop", days=days)


def test_every_hash_is_looked_at() -> None:
    token = new_token()
    assert matches(token, ["0" * 64, hash_of(token), "1" * 64])
    assert not matches(token, [])
