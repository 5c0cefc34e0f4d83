"""What an import has to tell: what could not be taken over as it was, and why."""

from __future__ import annotations

from typing import Any

_MOST_NAMED = 20
_MOST_SHOWN = 3


class Told:
    """Remarks, gathered by what they say; of each some of those it is said of are kept."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}

    def add(self, remark: str, subject: str) -> None:
        """Say `remark` of `subject`."""
        named = self._found.setdefault(remark, [])
        if subject in named:
            return
        self._counts[remark] = self._counts.get(remark, 0) + 1
        if len(named) < _MOST_NAMED:
            named.append(subject)

    def lines(self) -> list[str]:
        """Return one line for each remark, with the first of those it is said of."""
        found = []
        for remark, named in self._found.items():
            more = self._counts[remark] - min(len(named), _MOST_SHOWN)
            further = f" and {more:,} more" if more > 0 else ""
            found.append(f"{remark}: {', '.join(named[:_MOST_SHOWN])}{further}.")
        return found

    def to_list(self) -> list[dict[str, Any]]:
        """Return the remarks as JSON can hold them."""
        return [
            {"remark": remark, "count": self._counts[remark], "of": list(named)}
            for remark, named in self._found.items()
        ]
