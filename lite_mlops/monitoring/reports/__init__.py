"""Reports: what is known of a served model, as one page, as Markdown or as JSON.

    facts = project.monitoring.report("churn@champion")
    Path("report.html").write_text(write(facts, "html"))

`facts` are values, `sections` say them in words and charts, `page` and `markdown` write them.
"""

from lite_mlops.monitoring.reports.facts import ReportFacts
from lite_mlops.monitoring.reports.forms import write

__all__ = ["ReportFacts", "write"]
