"""Gates: what a version has to show before an alias moves to it, and what it showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lite_mlops.faces import loaded_on_use

if TYPE_CHECKING:
    from lite_mlops.gates.case import Answered
    from lite_mlops.gates.checks.own import OwnEvidence
    from lite_mlops.gates.definition import Check, Gate, gate_of
    from lite_mlops.gates.gates import Gates
    from lite_mlops.gates.junit import as_junit
    from lite_mlops.gates.markdown import as_markdown
    from lite_mlops.gates.replay import ChangedRow, Replayed
    from lite_mlops.gates.verdicts import GateReport, Verdict
    from lite_mlops.gates.workflows import WORKFLOWS, workflow

# Models and statistics are loaded by who judges; the imports above say the same to type checkers.
_HOME_OF = {
    "WORKFLOWS": "workflows",
    "Answered": "case",
    "ChangedRow": "replay",
    "Check": "definition",
    "Gate": "definition",
    "GateReport": "verdicts",
    "Gates": "gates",
    "OwnEvidence": "checks.own",
    "Replayed": "replay",
    "Verdict": "verdicts",
    "gate_of": "definition",
    "as_junit": "junit",
    "as_markdown": "markdown",
    "workflow": "workflows",
}

__all__ = [
    "WORKFLOWS",
    "Answered",
    "ChangedRow",
    "Check",
    "Gate",
    "GateReport",
    "Gates",
    "OwnEvidence",
    "Replayed",
    "Verdict",
    "as_junit",
    "as_markdown",
    "gate_of",
    "workflow",
]

__getattr__ = loaded_on_use(__name__, _HOME_OF)
