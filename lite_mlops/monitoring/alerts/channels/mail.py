"""E-mail by SMTP.

    [channel.ops]
    type = "email"
    host = "smtp.example.org"
    from = "mlops@example.org"
    to = ["ops@example.org"]
    user = "mlops"
    password_env = "SMTP_PASSWORD"

The connection is encrypted by STARTTLS; `tls = "always"` speaks TLS from the beginning, and
`tls = "none"` is for a server on this machine, to which no password is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lite_mlops.monitoring.alerts.channels.channel import Channel, NotSent, secret
from lite_mlops.monitoring.alerts.channels.message import Message

if TYPE_CHECKING:
    import smtplib
    import ssl
    from email.message import EmailMessage

_PORTS = {"starttls": 587, "always": 465, "none": 25}


@dataclass(frozen=True, kw_only=True)
class Mail(Channel):
    """Somebody's mailbox."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 0
    tls: str = "starttls"
    user: str = ""
    password_env: str = ""
    timeout: float = 20.0
    cafile: str = ""
    kind = "email"

    def send(self, message: Message) -> None:
        """Send the message. Raises `NotSent`."""
        import smtplib  # loading it takes longer than most commands

        password = secret(self.name, self.password_env) if self.password_env else None
        try:
            with self._connected() as server:
                if password is not None:
                    server.login(self.user, password)
                server.send_message(self._mail(message))
        except smtplib.SMTPResponseException as error:
            # What a server answers may repeat what it was sent; its code tells enough.
            later = not 500 <= error.smtp_code < 600
            raise NotSent(f"{self.host} answered {error.smtp_code}", later=later) from None
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            raise NotSent(f"{self.host} did not take it: {type(error).__name__}") from None

    def told(self) -> str:
        """Return to whom it goes."""
        return ", ".join(self.to)

    def _connected(self) -> smtplib.SMTP:
        import smtplib

        port = self.port or _PORTS[self.tls]
        if self.tls == "always":
            return smtplib.SMTP_SSL(self.host, port, timeout=self.timeout, context=self._context())
        server = smtplib.SMTP(self.host, port, timeout=self.timeout)
        if self.tls == "starttls":
            try:
                server.starttls(context=self._context())
            except BaseException:
                server.close()
                raise
        return server

    def _context(self) -> ssl.SSLContext:
        import ssl

        return ssl.create_default_context(cafile=self.cafile or None)

    def _mail(self, message: Message) -> EmailMessage:
        from email.message import EmailMessage
        from email.utils import format_datetime

        mail = EmailMessage()
        mail["Subject"] = f"[lite-mlops] {message.title}"
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.to)
        mail["Date"] = format_datetime(message.at)
        mail["Message-ID"] = f"<{message.id}@lite-mlops.invalid>"  # the same when sent again
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail
