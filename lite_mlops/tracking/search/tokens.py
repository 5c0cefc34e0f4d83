"""The words of a filter, each with its place, and errors that point at it.

tokens("metrics.auc > 0.9")   -> word `metrics.auc`, sign `>`, word `0.9`, end
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from lite_mlops.errors import Invalid

MAX_LENGTH = 10_000  # characters
_SHOWN_WIDTH = 100  # characters of the line in an error

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<word>[\w./:@#$+\-]+)
      | (?P<quoted>'(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*`)
      | (?P<sign><=|>=|!=|==|<>|[=<>(),])""",
    re.VERBOSE,
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True)
class Token:
    """One word of a filter: `text` without its quotes, and where it stands."""

    kind: Literal["word", "quoted", "sign", "end"]
    text: str
    quote: str  # the quotation mark around it, if any
    start: int
    end: int

    def says(self, *words: str) -> bool:
        """Return whether it is one of these keywords or signs, in upper or lower case."""
        return self.kind in ("word", "sign") and self.text.upper() in words


def fail(source: str, message: str, start: int, end: int) -> NoReturn:
    """Raise `Invalid` with the line of `source` that holds the place, and carets below it."""
    first = source.rfind("\n", 0, start) + 1
    last = source.find("\n", start)
    last = len(source) if last < 0 else last
    begin = max(first, min(start - _SHOWN_WIDTH // 2, last - _SHOWN_WIDTH))
    finish = min(last, begin + _SHOWN_WIDTH)
    before, after = "..." if begin > first else "", "..." if finish < last else ""
    line = "".join(char if char.isprintable() else "\ufffd" for char in source[begin:finish])
    carets = "^" * max(1, min(end, finish) - start)
    indent = " " * (len(before) + start - begin)
    raise Invalid(f"{message}\n  {before}{line}{after}\n  {indent}{carets}")


def tokens(source: str) -> list[Token]:
    """Return the words of a filter; the last one is its end.

    Raises:
        Invalid: it is too long, or a character or quotation mark has no meaning.
    """
    if len(source) > MAX_LENGTH:
        fail(
            source,
            f"This is too long: {len(source):,} characters, at most {MAX_LENGTH:,}.",
            MAX_LENGTH,
            MAX_LENGTH + 1,
        )
    if bad := _SURROGATE.search(source):
        fail(source, "This character is half of a pair, which is no text.", bad.start(), bad.end())
    found: list[Token] = []
    place = 0
    while place < len(source):
        match = _TOKEN.match(source, place)
        if match is None:
            _refuse(source, place)
        text = match[0]
        if match["quoted"]:
            quote = text[0]
            inner = text[1:-1].replace(quote * 2, quote)
            found.append(Token("quoted", inner, quote, place, match.end()))
        elif not match["space"]:
            found.append(Token("word" if match["word"] else "sign", text, "", place, match.end()))
        place = match.end()
    found.append(Token("end", "", "", len(source), len(source)))
    return found


def _refuse(source: str, place: int) -> NoReturn:
    char = source[place]
    if char in "'\"`":
        fail(source, f"The quotation mark {char} is not closed.", place, place + 1)
    hint = {"&": " Write AND.", "|": " Write OR.", "!": " Write NOT or !=.", "~": " Write NOT."}
    fail(source, f"{char!r} has no meaning here.{hint.get(char, '')}", place, place + 1)
