"""All families that are lowered; importing them makes their classes and ops known."""

from lite_mlops.models.lowering import (
    bayes,
    boosting,
    columns,
    encoding,
    ensembles,
    features,
    imputing,
    linear,
    networks,
    scaling,
    trees,
)

__all__ = [
    "bayes",
    "boosting",
    "columns",
    "encoding",
    "ensembles",
    "features",
    "imputing",
    "linear",
    "networks",
    "scaling",
    "trees",
]
