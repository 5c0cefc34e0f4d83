"""`lite-mlops serve --workers`: this process looks after those that answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lite_mlops.cli.output import say

if TYPE_CHECKING:
    from lite_mlops.project import Project
    from lite_mlops.web import Asked, Bounds, Pace, Tally


def token_told(token: str) -> str:
    """Return what is said of the token of a bundle."""
    return f"The token of clients, for as long as this server runs: {token}"


def supervised(
    asked: Asked, port: int, bounds: Bounds, project: Project | None, pace: Pace | None = None
) -> Tally:
    """Have workers serve until the process is told to end; return what they answered."""
    from lite_mlops.security.tokens import hash_of, new_token
    from lite_mlops.web import Supervisor, story_of

    if project is None and asked.require_token:
        token = new_token()
        asked = replace(asked, require_token=False, token_hash=hash_of(token))
        say(token_told(token))

    tell = None if project is None else story_of(project)
    return Supervisor(asked, port, bounds, say=say, tell=tell, pace=pace).run()
