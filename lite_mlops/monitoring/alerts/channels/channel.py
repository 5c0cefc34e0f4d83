"""Channel: somebody who can be told, by one way of telling."""

from __future__ import annotations

from dataclasses import dataclass

from lite_mlops.errors import LiteMlopsError
from lite_mlops.monitoring.alerts.channels.message import Message
from lite_mlops.settings import secret_of


class NotSent(LiteMlopsError):
    """A message did not arrive; `later` says whether it is worth trying again."""

    def __init__(self, text: str, *, later: bool = True) -> None:
        super().__init__(text)
        self.later = later


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A channel of the file, `[channel.NAME]`.

    Attributes:
        name: Of the channel.
        least: The mildest severity that it is told, 'warn' or 'alert'.
    """

    name: str
    least: str = "warn"

    kind = ""

    def send(self, message: Message) -> None:
        """Tell it. Raises `NotSent`."""
        raise NotImplementedError

    def told(self) -> str:
        """Return where it tells, without a secret."""
        return ""


def secret(channel: str, variable: str) -> str:
    """Return a secret of a channel from the environment. Raises `NotSent` if it is not there."""
    found = secret_of(variable)
    if found is None:
        raise NotSent(
            f"the channel {channel} needs the environment variable {variable}, which is not set"
        )
    return found
