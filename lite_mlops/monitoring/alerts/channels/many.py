"""The many services that the package apprise knows, by addresses of its own.

    [channel.phone]
    type = "apprise"
    url_env = "PHONE_URL"      # such as ntfy://topic; what it holds is often a secret

It needs the extra: pip install 'lite-mlops[alerts]'.
"""

from __future__ import annotations

from dataclasses import dataclass

from lite_mlops.monitoring.alerts.channels.channel import Channel, NotSent, secret
from lite_mlops.monitoring.alerts.channels.message import Message


@dataclass(frozen=True, kw_only=True)
class Apprise(Channel):
    """A service that apprise can tell."""

    url_env: str
    kind = "apprise"

    def send(self, message: Message) -> None:
        """Tell the service. Raises `NotSent`."""
        try:
            import apprise  # only where it is installed
        except ImportError:
            raise NotSent(
                "the package apprise is not installed: pip install 'lite-mlops[alerts]'"
            ) from None
        services = apprise.Apprise()
        if not services.add(secret(self.name, self.url_env)):
            raise NotSent(f"apprise knows no such address as {self.url_env} holds", later=False)
        kind = apprise.NotifyType.FAILURE if message.severity == "alert" else None
        kind = kind or apprise.NotifyType.WARNING
        if not services.notify(body=message.text, title=message.title, notify_type=kind):
            raise NotSent("the service did not take it")

    def told(self) -> str:
        """Return the name of the variable that holds the address."""
        return f"${self.url_env}"
