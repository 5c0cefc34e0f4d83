"""Alerts: incidents made of what monitors find, and channels that tell somebody of them."""

from lite_mlops.monitoring.alerts.alerts import Alerts, ChannelState
from lite_mlops.monitoring.alerts.incidents import Happening, Incident, Silence

__all__ = ["Alerts", "ChannelState", "Happening", "Incident", "Silence"]
