"""All families that are lowered; importing them makes their classes and ops known."""

from lite_mlops.models.lowering import (
    bayes,
    boosting,
    clusters,
    columns,
    encoding,
    ensembles,
    features,
    imputing,
    kernels,
    linear,
    networks,
    scaling,
    trees,
)

__all__ = [
    "bayes",
    "boosting",
    "clusters",
    "columns",
    "encoding",
    "ensembles",
    "features",
    "imputing",
    "kernels",
    "linear",
    "networks",
    "scaling",
    "trees",
]
