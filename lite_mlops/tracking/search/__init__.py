"""Finding runs: a filter language, orders, and pages that lose no run."""

from lite_mlops.tracking.search.fields import Field, Kind, Subject, Value
from lite_mlops.tracking.search.grammar import parse_filter, parse_orders, texts
from lite_mlops.tracking.search.page import checked_count, read_token, write_token
from lite_mlops.tracking.search.results import SHOWN, Page, RunPage
from lite_mlops.tracking.search.sql import (
    Builder,
    Ground,
    Place,
    Question,
    Sorted,
    Statement,
    start_for,
    statement_for,
)

__all__ = [
    "SHOWN",
    "Builder",
    "Field",
    "Ground",
    "Kind",
    "Page",
    "Place",
    "Question",
    "RunPage",
    "Sorted",
    "Statement",
    "Subject",
    "Value",
    "checked_count",
    "parse_filter",
    "parse_orders",
    "read_token",
    "start_for",
    "statement_for",
    "texts",
    "write_token",
]
