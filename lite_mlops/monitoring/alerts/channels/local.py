"""Channels of this machine: the terminal, a file, and the desktop."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lite_mlops.jsontext import json_text
from lite_mlops.monitoring.alerts.channels.channel import Channel, NotSent
from lite_mlops.monitoring.alerts.channels.message import Message

_SECONDS = 10.0
# What is passed as arguments is no script, so that nothing in a message is run.
_APPLE = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"


@dataclass(frozen=True, kw_only=True)
class Terminal(Channel):
    """The error output of the process that tells."""

    kind = "terminal"

    def send(self, message: Message) -> None:
        """Print the message. Raises `NotSent`."""
        try:
            print(message.text, file=sys.stderr, flush=True)
        except (OSError, ValueError) as error:  # it is closed
            raise NotSent(f"nothing can be printed: {error}", later=False) from None


@dataclass(frozen=True, kw_only=True)
class LogFile(Channel):
    """A file that gets a line of JSON for each message."""

    path: Path
    kind = "log"

    def send(self, message: Message) -> None:
        """Append the message. Raises `NotSent`."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json_text(message.to_dict()) + "\n")
        except OSError as error:
            raise NotSent(f"{self.path} cannot be written to: {error.strerror}") from None

    def told(self) -> str:
        """Return the path of the file."""
        return str(self.path)


@dataclass(frozen=True, kw_only=True)
class Desktop(Channel):
    """A notification on the desktop of who runs the process, by notify-send or osascript."""

    kind = "desktop"

    def send(self, message: Message) -> None:
        """Show the message. Raises `NotSent`."""
        text = "\n".join(map(str, message.lines)) or message.text
        try:
            subprocess.run(
                _command(message.title, text, message.severity),
                check=True,
                capture_output=True,
                timeout=_SECONDS,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise NotSent(f"the desktop does not show it: {type(error).__name__}") from None


def _command(title: str, text: str, severity: str) -> Sequence[str]:
    """Return the command that shows a notification. Raises `NotSent` where there is none."""
    if program := shutil.which("notify-send"):
        urgency = "critical" if severity == "alert" else "normal"
        return [program, "--app-name", "lite-mlops", "--urgency", urgency, "--", title, text]
    if program := shutil.which("osascript"):
        return [program, "-e", _APPLE, title, text]
    raise NotSent("there is neither notify-send nor osascript on this machine", later=False)
