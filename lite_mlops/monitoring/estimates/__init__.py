"""Estimates: how well a model does while labels are not there yet. Pure functions on NumPy arrays.

`calibration` turns scores into chances, `expected` turns chances into metrics, `loss` is for
regressors, `concept` compares with what labels say later. `windows` estimates window after window,
`report` tells it, and `judging` says what asks for somebody.
"""

from lite_mlops.monitoring.estimates.answers import Answers, Numbers
from lite_mlops.monitoring.estimates.calibration import Calibration, calibrate
from lite_mlops.monitoring.estimates.concept import ConceptDrift, concept_drift
from lite_mlops.monitoring.estimates.expected import Estimate, expected_metrics
from lite_mlops.monitoring.estimates.judging import ASSUMPTION
from lite_mlops.monitoring.estimates.loss import LossModel, fit_loss
from lite_mlops.monitoring.estimates.report import EstimateReport, WindowEstimates
from lite_mlops.monitoring.estimates.windows import (
    WINDOW_ROWS,
    estimate_losses,
    estimate_windows,
)

__all__ = [
    "ASSUMPTION",
    "WINDOW_ROWS",
    "Answers",
    "Calibration",
    "ConceptDrift",
    "Estimate",
    "EstimateReport",
    "LossModel",
    "Numbers",
    "WindowEstimates",
    "calibrate",
    "concept_drift",
    "estimate_losses",
    "estimate_windows",
    "expected_metrics",
    "fit_loss",
]
