"""How a run stands, and how it ends.

A run is `running` until it ends as `finished`, `failed` (an error left it) or `killed` (the user
stopped it). `crashed` is never logged: it is found, when the process of a running run is gone.
"""

from __future__ import annotations

ENDINGS = ("finished", "failed", "killed")
STATUSES = ("running", *ENDINGS, "crashed")


def ending_for(error: BaseException | None) -> str:
    """Return how a run ends that is left by `error`."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return "finished"
    return "killed" if isinstance(error, KeyboardInterrupt) else "failed"
