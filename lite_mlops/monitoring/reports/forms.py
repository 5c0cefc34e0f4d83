"""The forms of a report: each a pure function from its facts to a text."""

from __future__ import annotations

from collections.abc import Callable

from lite_mlops.errors import Invalid, suggestion
from lite_mlops.jsontext import json_text
from lite_mlops.monitoring.reports.facts import ReportFacts
from lite_mlops.monitoring.reports.markdown import markdown
from lite_mlops.monitoring.reports.page import page


def _json(facts: ReportFacts) -> str:
    return json_text(facts.to_dict(), indent=2) + "\n"


FORMS: dict[str, Callable[[ReportFacts], str]] = {"html": page, "md": markdown, "json": _json}


def write(facts: ReportFacts, form: str = "html") -> str:
    """Return a report in one of the forms html, md, json. Raises `Invalid`."""
    if form not in FORMS:
        near = suggestion(form, FORMS) or f" There are {', '.join(FORMS)}."
        raise Invalid(f"a report has no form {form!r}.{near}")
    return FORMS[form](facts)
