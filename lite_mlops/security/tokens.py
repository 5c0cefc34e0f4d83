"""Tokens: who knows one may ask a server. Only a hash of each is kept.

token = project.tokens.make("shop")       # told once, and never again
project.tokens.check(token)               # True, in constant time
project.tokens.revoke("shop")
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lite_mlops.errors import Conflict, Invalid, NotFound, suggestion
from lite_mlops.security.secrets import mask_reason
from lite_mlops.store import Store, now
from lite_mlops.store.events import TokenMade, TokenRevoked

_PREFIX = "lmt_"  # so that a token that leaked is recognised as one
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_MOST_DAYS = 36_500


@dataclass(frozen=True)
class Token:
    """What is known of a token: never the token itself."""

    name: str
    made_at: datetime
    actor: str
    expires_at: datetime | None

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Token:
        """Return the token of a row of the database."""
        return cls(row["name"], _in_utc(row["made_at"]), row["actor"], _in_utc(row["expires_at"]))

    def to_dict(self) -> dict[str, Any]:
        """Return the token as JSON can hold it."""
        return vars(self) | {"expired": self.expired}


def _in_utc(moment: Any) -> Any:
    return None if moment is None else moment.replace(tzinfo=UTC)


def new_token() -> str:
    """Return a new token of 256 random bits."""
    return _PREFIX + secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    """Return the SHA-256 of a token, which is all that is kept: it has too many bits to be guessed.

    A slow hash, as for passwords that people choose, would only slow every request down.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def matches(token: str, hashes: Iterable[str]) -> bool:
    """Return whether a token has one of the hashes, in a time that does not tell which."""
    found = hash_of(token)
    known = False
    for one in hashes:
        known |= hmac.compare_digest(found, one)
    return known


class Tokens:
    """The tokens of a project."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._good: dict[str, datetime | None] | None = None  # hashes, and when they expire

    # -- questions ------------------------------------------------------------------------------

    def all(self) -> list[Token]:
        """Return the tokens that were not revoked, by name."""
        with self._store.reading() as database:
            return [Token.from_row(row) for row in database.dicts("tokens")]

    def check(self, token: str) -> bool:
        """Return whether a token is good; what `refresh` read last counts."""
        if self._good is None:
            self.refresh()
        assert self._good is not None
        present = datetime.now(UTC)
        return matches(
            token,
            [one for one, expires in self._good.items() if expires is None or expires > present],
        )

    def refresh(self) -> None:
        """Read which tokens are good; whoever checks for long calls it when something changed."""
        with self._store.reading(folded=True) as database:
            rows = database.dicts("tokens")
        self._good = {row["hash"]: _in_utc(row["expires_at"]) for row in rows}

    # -- decisions ------------------------------------------------------------------------------

    def make(self, name: str, *, days: float | None = None, reason: str | None = None) -> str:
        """Make a token and return it: the only time that it is told.

        Args:
            name: Whom or what it is for.
            days: How long it is good; None: until it is revoked.
            reason: Why; recorded with the decision.

        Raises:
            Invalid: the name or the number of days cannot be used.
            Conflict: there is a token of this name.
        """
        if not _NAME.fullmatch(name):
            raise Invalid(f"the name {name!r} cannot be used: letters, digits, '_', '.' and '-'.")
        if days is not None and not 0 < days <= _MOST_DAYS:
            raise Invalid(f"{days:g} days cannot be used: more than 0, at most {_MOST_DAYS:,}.")
        token = new_token()
        expires = None
        if days is not None:
            expires = now() + int(timedelta(days=days) / timedelta(microseconds=1))
        with self._store.deciding() as decisions:
            if any(row["name"] == name for row in decisions.database.dicts("tokens")):
                raise Conflict(f"There is a token {name!r}; revoke it first, or choose a name.")
            decisions.record(
                TokenMade(
                    name=name,
                    text=hash_of(token),
                    expires=expires,
                    reason=mask_reason(reason, self._store.settings.mask),
                )
            )
        return token

    def revoke(self, name: str, *, reason: str | None = None) -> None:
        """Have a token be good no more; servers that run notice within a second.

        Raises:
            NotFound: there is no token of this name.
        """
        with self._store.deciding() as decisions:
            known = [row["name"] for row in decisions.database.dicts("tokens")]
            if name not in known:
                raise NotFound(f"There is no token {name!r}.{suggestion(name, known)}")
            decisions.record(
                TokenRevoked(name=name, reason=mask_reason(reason, self._store.settings.mask))
            )
