"""All families that are lowered; importing them makes their classes and ops known."""

from lite_mlops.models.lowering import (
    boosting,
    columns,
    encoding,
    imputing,
    linear,
    scaling,
    trees,
)

__all__ = ["boosting", "columns", "encoding", "imputing", "linear", "scaling", "trees"]
