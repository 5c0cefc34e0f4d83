"""Names and texts from elsewhere, made to fit the rules of here; what was changed is told."""

from __future__ import annotations

import hashlib
import re

from lite_mlops.errors import Invalid
from lite_mlops.importing.told import Told
from lite_mlops.tracking.keys import MAX_NAME, checked_name, shown

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_IN_A_MODEL = re.compile(r"[^A-Za-z0-9_.\-]+")
_MOST_MODEL = 100


def fitting_name(name: str, what: str, told: Told, subject: str) -> str:
    """Return a name as it can be used here: itself, or what is left of it and a piece of a hash."""
    try:
        return checked_name(name, what)
    except Invalid:
        piece = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
        fit = f"{_CONTROL.sub(' ', name)[: MAX_NAME - 9].strip()} {piece}".strip()
        told.add("Changed, as it cannot be used here", f"{what} {shown(name)} of {subject}")
        return fit


def fitting_text(text: str, limit: int, what: str, told: Told, subject: str) -> str:
    """Return a text as it can be kept here: at most `limit` characters."""
    text = _SURROGATE.sub("\ufffd", text)
    if len(text) > limit:
        told.add(f"Cut to {limit:,} characters", f"{what} of {subject}")
    return text[:limit]


def fitting_model_name(name: str) -> str:
    """Return the name of a model as it can be used here: letters, digits, '_', '.' and '-'.

    What had to be changed gets a piece of a hash, so that two names never become one.
    """
    fit = _IN_A_MODEL.sub("-", name).lstrip("_.-")
    if fit == name and len(fit) <= _MOST_MODEL and fit:
        return fit
    piece = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:6]
    return f"{fit[: _MOST_MODEL - 7].rstrip('-') or 'model'}-{piece}"
