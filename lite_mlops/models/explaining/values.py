"""What an explanation is: contributions of features, with the way and the unit they were told in.

explanation.method, explanation.unit       # 'exact linear', "log-odds of 'yes'"
explanation.contributions[0]               # the largest: column, value, reference, contribution
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lite_mlops.models.signature import Table

Method = Literal["exact linear", "occlusion"]

EXACT_LINEAR: Method = "exact linear"
OCCLUSION: Method = "occlusion"

MAX_EXPLAINED = 100  # rows at once


class Contribution(NamedTuple):
    """What the value of one column changed, against the value that it is compared with."""

    column: str
    value: Any  # None: missing
    reference: Any  # the training median, the first category, or the earliest time
    contribution: float  # in the unit of the explanation


@dataclass(frozen=True)
class Explanation:
    """What the features of one row contributed to its answer.

    Attributes:
        method: `exact linear`: they add up, `baseline + sum(contributions) = value`. `occlusion`:
            each is the change when that value alone is replaced, and they need not add up.
        unit: What is told in numbers, such as "log-odds of 'yes'" or "probability of 'yes'".
        baseline: It for the row of all references.
        value: It for this row.
        contributions: One for each column, the largest first, whatever its sign.
    """

    method: Method
    unit: str
    baseline: float
    value: float
    contributions: tuple[Contribution, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as JSON can hold it."""
        return vars(self) | {"contributions": [one._asdict() for one in self.contributions]}


@dataclass(frozen=True)
class Told:
    """The explanations of some rows as arrays.

    Attributes:
        units: By row.
        baselines, values: Shape (rows,).
        contributions: Shape (rows, columns).
    """

    method: Method
    units: Sequence[str]
    baselines: NDArray[np.float64]
    values: NDArray[np.float64]
    contributions: NDArray[np.float64]

    def explanations(self, table: Table, reference: Table) -> list[Explanation]:
        """Return them one by one; `reference` has one row."""
        names = table.signature.features
        rows = list(zip(*map(plain, table.arrays), strict=True))
        compared = [plain(array)[0] for array in reference.arrays]
        order = np.argsort(-np.abs(self.contributions), axis=1, kind="stable")
        found = []
        for row, places in enumerate(order.tolist()):
            sizes = self.contributions[row].tolist()
            contributions = tuple(
                Contribution(names[at], rows[row][at], compared[at], sizes[at]) for at in places
            )
            baseline, value = float(self.baselines[row]), float(self.values[row])
            found.append(Explanation(self.method, self.units[row], baseline, value, contributions))
        return found


def plain(array: NDArray[Any]) -> list[Any]:
    """Return the values of a column as JSON can hold them, None where one is missing."""
    if array.dtype.kind == "M":
        told = [np.datetime_as_string(one, unit="auto") for one in array]  # each as short as it is
        return [None if one == "NaT" else str(one) for one in told]
    return [None if one != one else one for one in array.tolist()]
