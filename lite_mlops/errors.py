"""Everything this package raises on purpose.

    LiteMlopsError
      Invalid      a value that cannot be accepted; also a ValueError
      NotFound     a name or id that nothing answers to; also a LookupError
      Conflict     it contradicts what is already recorded
      Denied       it is understood, and not allowed
      Busy         something else holds what is needed; trying again later may work
      Damaged      stored bytes are not what was written

A concrete error subclasses one kind, or a kind is raised with a whole sentence. Each door
(command line, HTTP) maps the six kinds once, to exit codes and to status codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class LiteMlopsError(Exception):
    """Base of every error of this package; the message says what happened and what to do."""


class Invalid(LiteMlopsError, ValueError):
    """A value cannot be accepted."""


class NotFound(LiteMlopsError, LookupError):
    """Nothing has this name or id."""


class Conflict(LiteMlopsError):
    """The request contradicts what is already recorded."""


class Denied(LiteMlopsError):
    """The request is understood, and not allowed."""


class Busy(LiteMlopsError):
    """Something else holds what is needed."""


class Damaged(LiteMlopsError):
    """Stored bytes are not what was written."""


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ' Did you mean ...?' for the names closest to `word`, or an empty text."""
    import difflib  # only who errs needs it

    near = difflib.get_close_matches(word, list(known), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(name) for name in near)}?" if near else ""


def raise_first(problems: Sequence[LiteMlopsError]) -> None:
    """Raise the problems of one call as one, after everything else of it was done."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise type(problems[0])(" ".join(str(problem) for problem in problems))
