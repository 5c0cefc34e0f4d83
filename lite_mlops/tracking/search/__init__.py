"""Finding runs: a filter language, orders, and pages that lose no run."""

from lite_mlops.tracking.search.fields import Field, Kind, Subject, Value
from lite_mlops.tracking.search.grammar import parse_filter, parse_orders, texts
from lite_mlops.tracking.search.page import checked_count, read_token, write_token
from lite_mlops.tracking.search.results import SHOWN, Page, RunPage
from lite_mlops.tracking.search.sql import (
    LARGE,
    Builder,
    Place,
    Question,
    Sorted,
    Statement,
    bound_for,
    statement_for,
)

__all__ = [
    "LARGE",
    "SHOWN",
    "Builder",
    "Field",
    "Kind",
    "Page",
    "Place",
    "Question",
    "RunPage",
    "Sorted",
    "Statement",
    "Subject",
    "Value",
    "bound_for",
    "checked_count",
    "parse_filter",
    "parse_orders",
    "read_token",
    "statement_for",
    "texts",
    "write_token",
]
