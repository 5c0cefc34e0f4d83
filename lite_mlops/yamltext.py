r"""YAML: what `yaml.safe_dump` makes of plain values, and what people write into their files.

    read_yaml("name: churn\nflavors:\n  sklearn:\n    code: null\n")
    read_yaml("stages:\n  fit:\n    deps: [a.csv]\n    cmd: |\n      echo\n", by_hand=True)

Mappings and lists in blocks, empty ones as {} and [], plain and quoted scalars over several lines
(YAML 1.1, section 9). With `by_hand` also other flow collections, and literal and folded blocks;
without, they are refused: a file that has them was not written by MLflow. Anchors and tags never
are read. Nothing is ever constructed but texts, numbers, None, lists and dictionaries.
"""

from __future__ import annotations

import re
from typing import Any

from lite_mlops.errors import Invalid

_MOST_DEPTH = 50
_WORDS = {"null": None, "~": None, "": None, "true": True, "false": False}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?")  # 1e3 is a text
_SPECIAL = {".nan": "nan", ".inf": "inf", "+.inf": "inf", "-.inf": "-inf"}
_KEY = re.compile(r"(?![-?](?: |$))([^\s'\"{}\[\]&*!|>%@`,#][^\n]*?):(?: +|$)")
_QUOTED_KEY = re.compile(r"""('(?:[^']|'')*'|"(?:[^"\\]|\\.)*"):(?: +|$)""")
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r",
    "e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0",
    "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)


def read_yaml(text: str, *, by_hand: bool = False) -> Any:
    """Return the value of a document. Raises `Invalid` with the line that is not understood."""
    lines = text.replace("\r\n", "\n").split("\n")
    reader = _ByHand(lines) if by_hand else _Reader(lines)
    value = reader.block(0, 0) if reader.skip() else None
    if reader.skip():
        raise reader.wrong("it does not belong to what stands before")
    return value


def _plain(text: str) -> Any:
    """Return what a scalar without quotes stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) < 100:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return float(_SPECIAL[text]) if text in _SPECIAL else text


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code:
        return chr(int(code, 16)) if int(code, 16) < 0x110000 else "\ufffd"
    return _ESCAPES[match[4]] if match[4] in _ESCAPES else match[0]


def _folded(lines: list[str]) -> str:
    """Return the lines of a scalar as one: a break is a space, empty lines are breaks."""
    text, breaks = lines[0], 0
    for place, line in enumerate(lines[1:], start=2):
        if not line and place < len(lines):
            breaks += 1
            continue
        text += ("\n" * breaks or " ") + line
        breaks = 0
    return text


class _Reader:
    """Reads blocks from the line where it stands."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._at = 0

    def wrong(self, why: str) -> Invalid:
        """Return the error about the present line."""
        line = self._lines[self._at] if self._at < len(self._lines) else "(the end)"
        return Invalid(f"line {self._at + 1} of the YAML, {line.strip()[:60]!r}: {why}.")

    def skip(self) -> bool:
        """Go to the next line that says something; False if there is none."""
        while self._at < len(self._lines):
            text = self._lines[self._at].strip()
            if text and not text.startswith("#") and text not in ("---", "..."):
                return True
            self._at += 1
        return False

    def _indent(self) -> int:
        line = self._lines[self._at]
        return len(line) - len(line.lstrip(" "))

    def block(self, indent: int, depth: int) -> Any:
        """Return the value that begins on the present line, at `indent`."""
        if depth > _MOST_DEPTH:
            raise self.wrong(f"it lies more than {_MOST_DEPTH} levels deep")
        text = self._lines[self._at][indent:]
        if text == "-" or text.startswith("- "):
            return self._sequence(indent, depth)
        if _KEY.match(text) or _QUOTED_KEY.match(text):
            return self._mapping(indent, depth)
        return self._scalar(text, indent - 1)

    def _sequence(self, indent: int, depth: int) -> list[Any]:
        found = []
        while self.skip() and self._indent() == indent:
            text = self._lines[self._at][indent:]
            if text != "-" and not text.startswith("- "):
                break
            rest = text[1:].strip()
            if not rest:
                found.append(self._below(indent, depth, at_least=indent + 1))
                continue
            inner = indent + len(text) - len(text[1:].lstrip())
            self._lines[self._at] = " " * inner + rest  # what stands behind the dash is a block
            found.append(self.block(inner, depth + 1))
        return found

    def _mapping(self, indent: int, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self.skip() and self._indent() == indent:
            text = self._lines[self._at][indent:]
            match = _QUOTED_KEY.match(text) or _KEY.match(text)
            if match is None:
                break
            key = self._key(match)
            if key in found:
                raise self.wrong(f"the key {key!r} comes twice")
            rest = text[match.end() :].rstrip()
            if rest and not rest.startswith("#"):
                found[key] = self._scalar(rest, indent)
            else:
                found[key] = self._below(indent, depth, at_least=indent)
        return found

    @staticmethod
    def _key(match: re.Match[str]) -> str:
        word = match[1]
        if word[0] == "'" and len(word) > 1:
            return word[1:-1].replace("''", "'")
        return _ESCAPE.sub(_unescaped, word[1:-1]) if word[0] == '"' else word.rstrip()

    def _below(self, indent: int, depth: int, *, at_least: int) -> Any:
        """Return what stands below the present line: deeper, or a list at the same place."""
        self._at += 1
        if not self.skip():
            return None
        inner = self._indent()
        if inner > indent:
            return self.block(inner, depth + 1)
        if inner == at_least and self._lines[self._at][inner:].startswith("-"):
            text = self._lines[self._at][inner:]
            if text == "-" or text.startswith("- "):
                return self._sequence(inner, depth + 1)
        return None

    def _scalar(self, text: str, indent: int) -> Any:
        """Return the scalar that begins with `text` and goes on in lines deeper than `indent`."""
        if text[0] in "'\"":
            return self._quoted(text)
        if text in ("{}", "[]"):
            self._at += 1
            return {} if text == "{}" else []
        if text[0] in "{[|>" and (found := self._by_hand(text, indent)):
            return found[0]
        if text[0] in "{[&*!|>%@`":
            raise self.wrong(f"{text[0]!r} is not read here")
        lines = [text.partition(" #")[0].strip()]
        if ": " in lines[0] or lines[0].endswith(":"):
            raise self.wrong("a second colon stands in it")
        self._at += 1
        waiting: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.strip() and self._indent() <= indent:
                break
            waiting.append(line.strip())
            if line.strip():
                lines += waiting
                waiting = []
            self._at += 1
        return _plain(_folded(lines))

    def _by_hand(self, text: str, indent: int) -> tuple[Any] | None:  # noqa: ARG002
        """Return the value that is written as no program does; None where that is not read."""
        return None

    def _quoted(self, text: str) -> str:
        quote, rest = text[0], text[1:]
        pattern = re.compile(r"((?:[^']|'')*)'(?!')" if quote == "'" else r'((?:[^"\\]|\\.)*)"')
        lines: list[str] = []
        while True:
            match = pattern.match(rest)
            if match:
                break
            lines.append(rest)
            self._at += 1
            if self._at >= len(self._lines):
                raise self.wrong(f"the text that begins with {quote} does not end")
            rest = self._lines[self._at].strip(" \t")
        tail = rest[match.end() :].strip()
        if tail and not tail.startswith("#"):
            raise self.wrong("something stands behind the closing quote")
        lines.append(match[1])
        self._at += 1
        if quote == "'":
            return _folded([*_stripped(lines)]).replace("''", "'")
        return _ESCAPE.sub(_unescaped, _joined(_stripped(lines)))


_BLOCK = re.compile(r"([|>])([+-]?)([1-9]?)([+-]?)(?: +#.*)?")
_FLOW_SCALAR = re.compile(
    r"(?![?-] )[^\s,\[\]{}'\"&*!|>%@`#][^,\[\]{}]*?(?=\s*(?:,|\]|\}|:\s|:$|$)|\s+#)"
)
_FLOW_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\"""")


class _ByHand(_Reader):
    """Reads what people write as well: flow collections, literal and folded blocks."""

    def _by_hand(self, text: str, indent: int) -> tuple[Any] | None:
        return (self._flow(text) if text[0] in "{[" else self._block_text(text, indent),)

    def _flow(self, text: str) -> Any:
        """Return a collection in brackets, which may go on over lines."""
        whole = text
        while True:
            try:
                value, rest = _flow_value(whole, 0)
                break
            except _Unfinished:
                self._at += 1
                if self._at >= len(self._lines):
                    raise self.wrong(f"what begins with {text[0]} does not end") from None
                whole += "\n" + self._lines[self._at].strip()
            except (ValueError, RecursionError):
                raise self.wrong("these brackets are not read here") from None
        if whole[_spaces(whole, rest) :]:
            raise self.wrong("something stands behind the closing bracket")
        self._at += 1
        return value

    def _block_text(self, text: str, indent: int) -> str:
        """Return a literal (|) or folded (>) block: the deeper lines that follow."""
        match = _BLOCK.fullmatch(text)
        if match is None:
            raise self.wrong("this is no block of text")
        self._at += 1
        lines: list[str] = []
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.strip() and self._indent() <= indent:
                break
            lines.append(line)
            self._at += 1
        inner = next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), 0)
        if match[3]:
            inner = max(indent, 0) + int(match[3])
        lines = [line[inner:] for line in lines]
        ends = 0
        while lines and not lines[-1].strip():
            lines.pop()
            ends += 1
        body = "\n".join(lines) if match[1] == "|" else _folded_block(lines)
        chomp = match[2] or match[4]
        return body + ("" if chomp == "-" or not lines else "\n" * (ends + 1 if chomp else 1))


def _folded_block(lines: list[str]) -> str:
    """Return the lines of a folded block: breaks are spaces, but not around deeper lines."""
    text = ""
    for place, line in enumerate(lines):
        before = lines[place - 1] if place else ""
        if not place:
            text = line
        elif not line or not before:
            text += line or "\n"
        elif line[0] in " \t" or before[0] in " \t":
            text += "\n" + line
        else:
            text += " " + line
    return text


class _Unfinished(Exception):
    """What is in brackets goes on."""


def _spaces(text: str, at: int) -> int:
    """Return where something stands again, behind spaces and comments."""
    while at < len(text):
        if text[at] == "#" and at and text[at - 1].isspace():
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
        elif not text[at].isspace():
            break
        else:
            at += 1
    return at


def _flow_value(text: str, at: int) -> tuple[Any, int]:
    """Return the value in brackets that begins at `at`, and where it ends. Raises `ValueError`."""
    at = _spaces(text, at)
    if at >= len(text):
        raise _Unfinished
    if text[at] == "[":
        return _flow_list(text, at + 1)
    if text[at] == "{":
        return _flow_mapping(text, at + 1)
    if text[at] in "'\"":
        match = _FLOW_QUOTED.match(text, at)
        if match is None:
            raise _Unfinished
        inner = _folded(_stripped(match[0][1:-1].split("\n")))
        if match[0][0] == "'":
            return inner.replace("''", "'"), match.end()
        return _ESCAPE.sub(_unescaped, inner), match.end()
    match = _FLOW_SCALAR.match(text, at)
    if match is None:
        raise ValueError(text[at:])
    if match.end() == len(text):
        raise _Unfinished
    return _plain(" ".join(match[0].split("\n"))), match.end()


def _flow_list(text: str, at: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while text[(at := _spaces(text, at)) : at + 1] != "]":
        value, at = _flow_value(text, at)
        found.append(value)
        at = _flow_next(text, at, "]")
    return found, at + 1


def _flow_mapping(text: str, at: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while text[(at := _spaces(text, at)) : at + 1] != "}":
        key, at = _flow_value(text, at)
        at = _spaces(text, at)
        value = None
        if text[at : at + 1] == ":":
            at = _spaces(text, at + 1)
            if text[at : at + 1] not in (",", "}"):
                value, at = _flow_value(text, at)
        if isinstance(key, list | dict) or str(key) in found:
            raise ValueError(text)
        found[str(key)] = value
        at = _flow_next(text, at, "}")
    return found, at + 1


def _flow_next(text: str, at: int, end: str) -> int:
    """Return where the next member begins, or the closing bracket stands. Raises `ValueError`."""
    at = _spaces(text, at)
    if at >= len(text):
        raise _Unfinished
    if text[at] == ",":
        return at + 1
    if text[at : at + 1] != end:
        raise ValueError(text[at:])
    return at


def _stripped(lines: list[str]) -> list[str]:
    """Return lines without the spaces at their breaks; those at the two ends belong to the text."""
    if len(lines) == 1:
        return lines
    return [lines[0].rstrip(" \t"), *(line.strip(" \t") for line in lines[1:-1]),
            lines[-1].lstrip(" \t")]  # fmt: skip


def _joined(lines: list[str]) -> str:
    """Return the lines of a text in double quotes as one; a backslash takes a break away."""
    whole: list[str] = []
    for line in lines:
        if whole and _escapes_break(whole[-1]):
            whole[-1] = whole[-1][:-1] + line
        else:
            whole.append(line)
    return _folded(whole)


def _escapes_break(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1
