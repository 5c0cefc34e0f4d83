"""Monitoring: drift and performance from the predictions that were recorded."""

from lite_mlops.monitoring.drift import ColumnDrift, DriftReport, JointDrift
from lite_mlops.monitoring.watching import Monitoring, Performance

__all__ = ["ColumnDrift", "DriftReport", "JointDrift", "Monitoring", "Performance"]
