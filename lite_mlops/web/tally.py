"""What a server has answered and recorded, in a sentence.

print(serving.tally())        # 1,204 rows answered, 1,204 recorded.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tally:
    """What was answered and recorded, in rows; None of these where nothing is recorded."""

    rows: int = 0
    recorded: int | None = None
    dropped: int | None = None

    def __add__(self, other: Tally) -> Tally:
        """Return both together."""
        return Tally(
            self.rows + other.rows,
            _sum(self.recorded, other.recorded),
            _sum(self.dropped, other.dropped),
        )

    def __str__(self) -> str:
        told = f"{self.rows:,} row{'' if self.rows == 1 else 's'} answered"
        if self.recorded is None:
            return f"{told}."
        dropped = f", {self.dropped:,} dropped for want of room" if self.dropped else ""
        return f"{told}, {self.recorded:,} recorded{dropped}."


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)
