"""Which column each feature comes from, where every feature comes from one column alone.

owners([StandardScaler()], ("age", "visits"))    # array([0, 1])
owners([PCA()], ("age", "visits"))               # None: it mixes them

Known are steps of scikit-learn that treat each column by itself, whatever they do to it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]

_BY_COLUMN = frozenset(
    "Binarizer GenericUnivariateSelect KBinsDiscretizer MaxAbsScaler MinMaxScaler "
    "MissingIndicator OneHotEncoder OrdinalEncoder PowerTransformer QuantileTransformer RFE RFECV "
    "RobustScaler SelectFdr SelectFpr SelectFromModel SelectFwe SelectKBest SelectPercentile "
    "SequentialFeatureSelector SimpleImputer SplineTransformer StandardScaler TargetEncoder "
    "VarianceThreshold".split()
)

# A name that no other can be mistaken for, whatever a step adds to it.
_MARK = "\x00{}\x01"
_MARKED = re.compile("\x00([0-9]+)\x01")


def owners(steps: Sequence[Any], columns: Sequence[str]) -> Places | None:
    """Return the place of the column that each feature after the steps comes from.

    None where a step mixes columns, or is not known.
    """
    if steps and list(getattr(steps[0], "feature_names_in_", columns)) != list(columns):
        return None
    found: Places | None = np.arange(len(columns))
    for step in steps:
        found = None if found is None else _after(step, found)
    return found


def _after(step: Any, before: Places) -> Places | None:
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return before
    cls = type(step)
    if not cls.__module__.startswith("sklearn."):
        return None
    if cls.__name__ == "Pipeline":
        found: Places | None = before
        for _, inner in step.steps:
            found = None if found is None else _after(inner, found)
        return found
    if cls.__name__ == "ColumnTransformer":
        return _after_columns(step, before)
    if cls.__name__ == "FeatureUnion":
        each = [_after(inner, before) for _, inner in step.transformer_list if inner != "drop"]
        known = [one for one in each if one is not None]
        return np.concatenate(known) if known and len(known) == len(each) else None
    if cls.__name__ == "FunctionTransformer":
        return before if step.func is None else None
    return _by_names(step, before) if cls.__name__ in _BY_COLUMN else None


def _by_names(step: Any, before: Places) -> Places | None:
    """Return the owners by the names that a step gives to marked columns."""
    bare = copy.copy(step)
    vars(bare).pop("feature_names_in_", None)  # otherwise it takes no other names
    try:
        names = bare.get_feature_names_out([_MARK.format(place) for place in range(len(before))])
    except (AttributeError, TypeError, ValueError):  # it has no names to give
        return None
    marked = [_MARKED.findall(name) for name in names]
    if any(len(one) != 1 for one in marked):
        return None
    return before[np.array([int(place) for (place,) in marked], np.intp)]


def _after_columns(step: Any, before: Places) -> Places | None:
    outputs = step.output_indices_
    found = np.full(max(part.stop for part in outputs.values()), -1, np.intp)
    names = list(getattr(step, "feature_names_in_", ()))
    for name, inner, columns in step.transformers_:
        if isinstance(inner, str) and inner == "drop":
            continue
        chosen = _chosen(columns, names, len(before))
        inside = None if chosen is None else _after(inner, before[chosen])
        part = found[outputs[name]]
        if inside is None or len(inside) != len(part):
            return None
        part[:] = inside
    return found if (found >= 0).all() else None


def _chosen(columns: Any, names: list[str], width: int) -> Places | None:
    """Return the places of columns that are chosen by names, places, a slice or a mask."""
    if isinstance(columns, slice):
        if {type(columns.start), type(columns.stop)} & {str}:
            return None
        return np.arange(width)[columns]
    listed: list[Any] = [columns] if isinstance(columns, str | int | np.integer) else list(columns)
    if listed and all(isinstance(one, str) for one in listed):
        return np.array([names.index(one) for one in listed], np.intp)
    if listed and all(isinstance(one, bool | np.bool_) for one in listed):
        return np.flatnonzero(listed)
    return np.arange(width)[np.array(listed, np.intp)]
