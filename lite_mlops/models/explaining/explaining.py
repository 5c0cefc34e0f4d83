"""The contributions of features to answers: exact where a model is linear, by occlusion elsewhere.

    (explanation,) = explanations(asking, version.signature.validate([{"age": 41, "plan": "pro"}]))
    explanation.to_dict()

Each value is compared with one reference: the median of the training data, the first category, the
earliest time. What was not in the training data of a number has 0 for it.
"""

from __future__ import annotations

from lite_mlops.errors import Invalid
from lite_mlops.models.answering import Asking
from lite_mlops.models.explaining import linear, occlusion
from lite_mlops.models.explaining.values import MAX_EXPLAINED, Explanation
from lite_mlops.models.signature import Signature, Table


def why_unexplained(signature: Signature) -> str | None:
    """Return why the answers of a model cannot be explained by its features; None if they can."""
    if signature.tensor is not None:
        return "the model takes a tensor; contributions are told of columns."
    if len(signature.outputs) != 1:
        return f"the model answers {len(signature.outputs)} values; contributions are told of one."
    (output,) = signature.outputs
    if output.kind == "cluster":
        return "the model answers with a cluster, which is no amount that features add to."
    if output.kind == "any" and output.type not in ("integer", "float"):
        return "the model answers with no number and no class; contributions are told of these."
    return None


def check_explained(signature: Signature, table: Table) -> None:
    """Do nothing if the answers to these rows can be explained. Raises `Invalid`."""
    refusal = why_unexplained(signature)
    if refusal is not None:
        raise Invalid(f"this answer cannot be explained: {refusal}")
    if len(table) > MAX_EXPLAINED:
        raise Invalid(
            f"{len(table):,} rows are too many to explain at once; at most {MAX_EXPLAINED}."
        )


def explanations(asking: Asking, table: Table) -> list[Explanation]:
    """Return what the features contributed to the answer to each row.

    Exact for linear models of scikit-learn, also behind steps that treat each column by itself:
    scalers, imputers, encoders, and transformers of columns made of these. Elsewhere the model is
    asked again with each value replaced by its reference.

    Raises:
        Invalid: there are more than `MAX_EXPLAINED` rows, the model cannot answer them, or its
            answers are of a kind that has no contributions.
    """
    check_explained(asking.signature, table)
    reference = asking.signature.validate([asking.signature.example_row()])
    told = linear.told(asking, table, reference)
    if told is None:
        told = occlusion.told(asking, table, reference)
    return told.explanations(table, reference)
