"""Alerts: incidents made of what monitors find, and channels that tell somebody of them."""

from lite_mlops.monitoring.alerts.alerts import Alerts, ChannelState
from lite_mlops.monitoring.alerts.incidents import Happening, Incident, Silence
from lite_mlops.monitoring.alerts.rules import ACKNOWLEDGED, OPEN, RESOLVED

__all__ = [
    "ACKNOWLEDGED",
    "OPEN",
    "RESOLVED",
    "Alerts",
    "ChannelState",
    "Happening",
    "Incident",
    "Silence",
]
