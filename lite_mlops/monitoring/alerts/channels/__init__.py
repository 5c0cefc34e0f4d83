"""Channels: terminal, log file, desktop, webhook, e-mail, and what the package apprise knows."""

from lite_mlops.monitoring.alerts.channels.channel import Channel, NotSent
from lite_mlops.monitoring.alerts.channels.message import Line, Message
from lite_mlops.monitoring.alerts.channels.reading import channels_of

__all__ = ["Channel", "Line", "Message", "NotSent", "channels_of"]
