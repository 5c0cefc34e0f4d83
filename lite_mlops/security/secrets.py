"""Secrets are masked before anything is written: by the name they go under, or by their own form.

    mask_value("db_password", "hunter2")         -> "[masked]"
    mask_text("https://ann:s3cret@host/x")       -> "https://[masked]@host/x"
    mask_argv(["fit.py", "--api-key", "abc"])    -> ["fit.py", "--api-key", "[masked]"]

Pure functions. What has neither a telling name nor a known form cannot be recognised.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

MASKED = "[masked]"

_NAME_PARTS = (
    "password|passwd|passphrase|secret|token|credential|api_?key|apikey|access_?key|private_?key"
    "|auth|cookie|session_?id|connection_?string|dsn|signature_key|encryption_key|pwd"
)
# A part counts where a word begins and ends, so that "author" or "tokenizer" stay readable.
_NAME = re.compile(rf"(?:^|[^a-z])(?:{_NAME_PARTS})s?(?:$|[^a-z])")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_FORMS = re.compile(
    r"""
      (?<=://)[^/\s:@'"]*:[^/\s@'"]+(?=@)              # user:password@ in a URL
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
_ASSIGNMENT = re.compile(r"^(-{0,2}[A-Za-z][\w.\-]*)=(.*)$", re.DOTALL)
_QUERY = re.compile(r"([?&;])([A-Za-z][\w.\-]*)=([^&\s;#'\"]+)")
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9+/._~\-]{8,}=*", re.IGNORECASE)


def is_secret_name(name: str, further: Iterable[str] = ()) -> bool:
    """Return whether a value under this name is a secret; `further` are parts of names as well."""
    plain = _CAMEL.sub("_", name).lower().replace("-", "_")
    return bool(_NAME.search(plain)) or any(part.lower() in plain for part in further if part)


def mask_text(text: str, further: Iterable[str] = ()) -> str:
    """Return `text` with everything that has the form of a secret masked."""

    def query(match: re.Match[str]) -> str:
        secret = is_secret_name(match[2], further)
        return f"{match[1]}{match[2]}={MASKED if secret else match[3]}"

    text = _FORMS.sub(MASKED, text)
    text = _BEARER.sub(lambda match: f"{match[1]} {MASKED}", text)
    return _QUERY.sub(query, text) if "=" in text else text


def mask_value(name: str, value: str, further: Iterable[str] = ()) -> str:
    """Return a named value, masked if its name or its form tells of a secret."""
    return MASKED if is_secret_name(name, further) else mask_text(value, further)


def mask_argv(argv: Sequence[str], further: Iterable[str] = ()) -> list[str]:
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
