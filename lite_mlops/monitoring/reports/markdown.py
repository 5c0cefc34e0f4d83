"""A report as Markdown, for a pull request or a wiki. Pure functions."""

from __future__ import annotations

from lite_mlops.documents import Section, escaped, section_markdown
from lite_mlops.monitoring.reports.facts import ReportFacts
from lite_mlops.monitoring.reports.sections import sections
from lite_mlops.monitoring.reports.verdict import sentence

_FIRST = ("What to look at", "Performance")


def markdown(facts: ReportFacts) -> str:
    """Return the verdict, what to look at and the performance; all further sections folded away."""
    found = sections(facts)
    parts = [f"# Monitoring report: {escaped(facts.name)}", f"**{escaped(sentence(facts))}**"]
    parts += [section_markdown(one) for one in found if one.title in _FIRST]
    parts += [_folded(one) for one in found if one.title not in _FIRST]
    return "\n\n".join(parts) + "\n"


def _folded(section: Section) -> str:
    inside = section_markdown(section).partition("\n\n")[2]
    return f"<details>\n<summary>{escaped(section.title)}</summary>\n\n{inside}\n\n</details>"
