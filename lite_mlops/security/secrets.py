"""Secrets are masked before anything is written: by the name they go under, or by their own form.

    mask_value("db_password", "hunter2")         -> "[masked]"
    mask_text("https://ann:s3cret@host/x")       -> "https://[masked]@host/x"
    mask_argv(["fit.py", "--api-key", "abc"])    -> ["fit.py", "--api-key", "[masked]"]

Pure functions. What has neither a telling name nor a known form cannot be recognised.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

MASKED = "[masked]"
_SHORTEST = 16  # characters of a form that is known

# These tell of a secret wherever they stand in a name ("dbpassword"), these only as words of their
# own, so that "author" or "tokenizer" stay readable.
_PARTS = (
    "password|passwd|passphrase|passcode|credential|secret(?!ar)|api_?key(?!board)|authorization"
)
_WORDS = (
    "auth|cookie|session_?id|connection_?string|dsn|pwd|jwt"
    "|(?:access|private|account|signing|signature|encryption)_?key"
)
# A token is one, unless it is of those that language models read and count.
_COUNTED = (
    r"(?<!pad_)(?<!eos_)(?<!bos_)(?<!unk_)(?<!sep_)(?<!cls_)(?<!mask_)token"
    r"(?!_(?:id|count|type|length|limit|per)s?(?:$|[^a-z]))"
)
_NAME = re.compile(rf"(?:{_PARTS})|(?:^|[^a-z])(?:(?:{_WORDS})s?|{_COUNTED})(?:$|[^a-z])")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_FORMS = re.compile(
    r"""
      (?<=://)[^/\s:@'"]*:[^/\s'"]+(?=@)              # user:password@ in a URL
    | (?<=://)[A-Za-z0-9_\-]{20,}(?=@)                 # token@ in a URL
    | \bAKIA[0-9A-Z]{16}\b                             # AWS access key id
    | \bgh[pousr]_[A-Za-z0-9]{36,}\b                   # GitHub
    | \bgithub_pat_[A-Za-z0-9_]{22,}\b
    | \bglpat-[A-Za-z0-9_\-]{20,}                      # GitLab
    | \bhf_[A-Za-z0-9]{30,}\b                          # Hugging Face
    | \bsk-[A-Za-z0-9_\-]{20,}                         # several AI services
    | \bxox[abprs]-[A-Za-z0-9\-]{10,}                  # Slack
    | \bAIza[0-9A-Za-z_\-]{35}                         # Google
    | \beyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+   # JSON web token
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----[\s\S]*?(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----|\Z)
    """,
    re.VERBOSE,
)
_ASSIGNMENT = re.compile(r"^([-+~]{0,2}[A-Za-z][\w.\-]*)=(.*)$", re.DOTALL)
# A name and what parts it from its value: name=value, 'name': 'value', and a header's Name: value.
_NAMED = re.compile(
    r"""(?<![\w.\-])([A-Za-z][\w.\-]*)(?:\s?=\s?|(['"])\s*:\s*)|^([A-Za-z][\w.\-]*):[ ]""",
    re.MULTILINE,
)
_VALUE = re.compile(r"""(['"]).*?\1|(?!(?:(?i:bearer|basic)[ ])|\[masked\])[^&\s;#'",}\]]+""")
_BEARER = re.compile(
    r"\b((?i:bearer|basic))\s+(?=[A-Za-z0-9+/._~\-]*(?:[0-9=]|[a-z][A-Z]))[A-Za-z0-9+/._~\-]{8,}=*"
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str, further: tuple[str, ...] = ()) -> bool:
    """Return whether a value under this name is a secret; `further` are parts of names as well."""
    plain = _CAMEL.sub("_", name).lower().replace("-", "_")
    return bool(_NAME.search(plain)) or any(
        part.lower().replace("-", "_") in plain for part in further if part
    )


def mask_text(text: str, further: tuple[str, ...] = ()) -> str:
    """Return `text` with everything that has the form of a secret masked."""
    if len(text) < _SHORTEST and text.isalnum():  # a number or a word, as most values are
        return text
    text = _FORMS.sub(MASKED, text)
    text = _BEARER.sub(lambda match: f"{match[1]} {MASKED}", text)
    return _mask_named(text, further) if "=" in text or ":" in text else text


def mask_reason(reason: str | None, further: tuple[str, ...] = ()) -> str | None:
    """Return the reason of a decision with everything that has the form of a secret masked."""
    return None if reason is None else mask_text(reason, further)


def _mask_named(text: str, further: tuple[str, ...]) -> str:
    """Return `text` with the values masked that stand beside a telling name."""
    parts: list[str] = []
    done = 0
    for match in _NAMED.finditer(text):
        if match.end() < done or not is_secret_name(match[1] or match[3], further):
            continue
        if value := _VALUE.match(text, match.end()):
            quote = value[1] or ""
            parts += [text[done : match.end()], quote, MASKED, quote]
            done = value.end()
    return "".join([*parts, text[done:]])


def mask_value(name: str, value: str, further: tuple[str, ...] = ()) -> str:
    """Return a named value, masked if its name or its form tells of a secret."""
    return MASKED if is_secret_name(name, further) else mask_text(value, further)


def mask_argv(argv: Sequence[str], further: tuple[str, ...] = ()) -> list[str]:
    """Return a command line with the values of telling options and all known forms masked."""
    masked: list[str] = []
    hide_next = False
    for word in argv:
        if hide_next and not word.startswith("-"):
            masked.append(MASKED)
            hide_next = False
            continue
        assignment = _ASSIGNMENT.match(word)
        if assignment:
            name, value = assignment[1], assignment[2]
            masked.append(f"{name}={mask_value(name, value, further)}")
        else:
            masked.append(mask_text(word, further))
        hide_next = word.startswith("-") and not assignment and is_secret_name(word, further)
    return masked
