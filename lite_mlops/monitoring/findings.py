"""Finding: one judgement of a check on one subject, which every check of a model speaks in.

    Finding("drift", "age", ALERT, "age: mean 45 -> 52, KS 0.214.", value=4.3, limit=1.0)

Checks (drift, quality, performance, estimates, fairness, streams, service) return findings;
monitors keep them, alerts are made of them, and reports rank them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# From the mildest: cannot be judged, nothing found, real but too small to matter, and what fires.
UNKNOWN, NONE, INFO, WARN, ALERT = "unknown", "none", "info", "warn", "alert"
SEVERITIES = (UNKNOWN, NONE, INFO, WARN, ALERT)


@dataclass(frozen=True)
class Finding:
    """What a check says of a column, a metric, a group or the whole.

    `value` is what was measured and `limit` what it is held against, in the unit that `sentence`
    names; `evidence` is what shows it (rows, bins, intervals, counts), as JSON can hold it.
    """

    check: str
    subject: str  # '' is the whole
    severity: str
    sentence: str
    value: float | None = None
    limit: float | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fires(self) -> bool:
        """Whether it asks for somebody: severity warn or alert."""
        return self.severity in (WARN, ALERT)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON can hold it."""
        return vars(self) | {"evidence": dict(self.evidence), "fires": self.fires}
