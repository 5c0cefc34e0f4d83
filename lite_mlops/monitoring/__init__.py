"""Monitoring: drift and performance from the predictions that were recorded."""

from lite_mlops.monitoring.watching import Monitoring, Performance

__all__ = ["Monitoring", "Performance"]
