"""Performance: how good the answers were, once labels have come. Pure functions, but `measuring`.

`classification` and `regression` hold the metrics, `intervals` how sure they are, `calibration`
whether probabilities say the truth, `selection` whether labels are a random sample, `windows` what
is measured together, `reference` what it is compared with, and `judging` what of it fires.
"""

from lite_mlops.monitoring.performance.calibration import Calibration, ReliabilityBin, calibrate
from lite_mlops.monitoring.performance.intervals import Measured
from lite_mlops.monitoring.performance.judging import Judged, figure, findings_of, moment, told
from lite_mlops.monitoring.performance.reference import Reference
from lite_mlops.monitoring.performance.report import PerformanceReport
from lite_mlops.monitoring.performance.selection import Selection, selected
from lite_mlops.monitoring.performance.windows import (
    BALANCED,
    TOLERANCE,
    Rules,
    WindowPerformance,
)

__all__ = [
    "BALANCED",
    "TOLERANCE",
    "Calibration",
    "Judged",
    "Measured",
    "PerformanceReport",
    "Reference",
    "ReliabilityBin",
    "Rules",
    "Selection",
    "WindowPerformance",
    "calibrate",
    "figure",
    "findings_of",
    "moment",
    "selected",
    "told",
]
