"""A report as JUnit XML, which every CI system shows as tests.

Path("gate.xml").write_text(as_junit([report]))
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from lite_mlops.gates.verdicts import GateReport, Verdict
from lite_mlops.htmltext import visible
from lite_mlops.models import FAILED, PASSED


def _add(suite: ET.Element, report: GateReport, verdict: Verdict) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        classname=f"gate.{report.gate}",
        name=visible(verdict.name),
        time="0",
    )
    text = visible(verdict.sentence)
    if verdict.outcome == PASSED:
        ET.SubElement(case, "system-out").text = text
        return
    if not verdict.stops:
        ET.SubElement(case, "skipped", message=f"{verdict.outcome}: {text}")
        return
    tag = "failure" if verdict.outcome == FAILED else "error"
    ET.SubElement(case, tag, message=text, type=verdict.outcome).text = text


def as_junit(reports: Sequence[GateReport]) -> str:
    """Return reports as a JUnit document: a check that cannot tell is an error there.

    One that may not stop the gate and did not pass is shown as skipped.
    """
    root = ET.Element("testsuites", name="gates")
    for report in reports:
        stopping = report.stopping
        failures = sum(one.outcome == FAILED for one in stopping)
        suite = ET.SubElement(
            root,
            "testsuite",
            name=f"{report.candidate} for {report.target}",
            tests=str(len(report.verdicts)),
            failures=str(failures),
            errors=str(len(stopping) - failures),
            skipped=str(sum(v.outcome != PASSED and not v.stops for v in report.verdicts)),
            time=f"{report.seconds:.3f}",
            timestamp=report.judged_at.strftime("%Y-%m-%dT%H:%M:%S"),
        )
        for verdict in report.verdicts:
            _add(suite, report, verdict)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'
