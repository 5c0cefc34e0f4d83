"""Cells of CSV that no spreadsheet takes for a formula.

safe_cell("=1+1")     -> "'=1+1"
"""

from __future__ import annotations

import re

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_PLAIN_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


def safe_cell(value: str) -> str:
    """Return a text with a quote before it if a spreadsheet would run it; numbers stay."""
    formula = value.startswith(_FORMULA) and not _PLAIN_NUMBER.fullmatch(value)
    return f"'{value}" if formula else value
