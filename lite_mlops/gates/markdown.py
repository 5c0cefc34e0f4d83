"""A report as Markdown, for a pull request: the outcome, a line for each check, what it rests on.

Path("gate.md").write_text(as_markdown([report]))
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lite_mlops.documents import escaped
from lite_mlops.gates.verdicts import GateReport, Verdict
from lite_mlops.models import CANNOT_TELL, FAILED, PASSED

_WORDS = {PASSED: "passed", FAILED: "**failed**", CANNOT_TELL: "**cannot tell**"}


def _row(verdict: Verdict) -> str:
    word = _WORDS[verdict.outcome]
    if verdict.outcome != PASSED and not verdict.stops:
        word = f"{verdict.outcome}, does not stop it"
    return f"| {word} | {escaped(verdict.name)} | {escaped(verdict.sentence)} |"


def _changes(report: GateReport) -> Iterator[str]:
    """Return the largest changes of a replay as a table of its own."""
    for verdict in report.verdicts:
        largest = verdict.evidence.get("largest") if verdict.check == "replay" else None
        if not largest:
            continue
        yield from (
            "",
            "<details><summary>The largest changes</summary>",
            "",
            "| prediction | then | now | score then | score now |",
            "| --- | --- | --- | ---: | ---: |",
        )
        for one in largest:
            scores = (
                "" if one[name] is None else f"{one[name]:.4g}"
                for name in ("score_then", "score_now")
            )
            cells = (*(escaped(str(one[key])) for key in ("prediction_id", "then", "now")), *scores)
            yield f"| {' | '.join(cells)} |"
        yield from ("", "</details>")


def _one(report: GateReport) -> Iterator[str]:
    against = "" if report.against is None else f", against {escaped(report.against)}"
    yield f"## Gate {escaped(report.gate)}: {escaped(report.candidate)} {report.outcome}"
    yield ""
    yield f"For {escaped(report.target)}{against}."
    yield ""
    yield "| | check | why |"
    yield "| --- | --- | --- |"
    yield from map(_row, report.verdicts)
    yield from _changes(report)
    yield ""
    data = "no data"
    if report.data_name is not None:
        sha256 = f" ({report.data_sha256[:12]})" if report.data_sha256 else ""
        data = f"{escaped(report.data_name)}{sha256}, {report.rows:,} rows"
    yield (
        f"Judged {report.judged_at:%Y-%m-%d %H:%M} UTC by {escaped(report.actor)} in "
        f"{report.seconds:.1f} s, on {data}; seed {report.seed}; settings {report.digest[:12]}."
    )


def as_markdown(reports: Sequence[GateReport]) -> str:
    """Return reports as Markdown, one below the other; what was recorded is data, not markup."""
    return "\n\n".join("\n".join(_one(report)) for report in reports) + "\n"
