"""Webhooks: a message as JSON to an address, signed, and never to where it must not go.

    [channel.team]
    type = "webhook"
    url_env = "TEAM_HOOK"          # or url = "https://hooks.example/..."
    secret_env = "TEAM_SECRET"     # signs each message

The receiver proves a message by `X-Lite-Mlops-Signature: t=SECONDS,v1=HEX`: HEX is the HMAC-SHA256
of `SECONDS.BODY` under the secret; one that is old is a replay. The key `text` is what Slack and
those that took over its form show.

The name of the address is resolved once, every address that it has is checked, and that very
address is connected to, so that a name which changes in between leads nowhere else. Addresses that
the internet cannot reach are refused unless `private = true`; redirects are not followed, and no
proxy is used.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import random
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from lite_mlops.jsontext import json_text
from lite_mlops.monitoring.alerts.channels.channel import Channel, NotSent, secret
from lite_mlops.monitoring.alerts.channels.message import Message

_SECONDS = 10.0
_ATTEMPTS = 3
_PAUSES = (0.5, 2.0)  # seconds before the second and third attempt, and half as much by chance
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LATER = {408, 425, 429}

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, kw_only=True)
class Webhook(Channel):
    """An address that is posted to."""

    url: str = ""
    url_env: str = ""
    secret_env: str = ""
    private: bool = False
    timeout: float = _SECONDS
    kind = "webhook"

    def send(self, message: Message) -> None:
        """Post the message, up to three times. Raises `NotSent`."""
        parts = _parts(self.url or secret(self.name, self.url_env))
        key = secret(self.name, self.secret_env) if self.secret_env else None
        body = json_text({"text": message.text, **message.to_dict()}).encode()
        for attempt in range(_ATTEMPTS):
            try:
                return self._post(parts, key, body, message)
            except NotSent as error:
                if not error.later or attempt == _ATTEMPTS - 1:
                    raise
            time.sleep(_PAUSES[attempt] * random.uniform(1.0, 1.5))  # noqa: S311
        return None

    def told(self) -> str:
        """Return the host that is posted to: the rest of such an address is often a secret."""
        return urlsplit(self.url).hostname or "" if self.url else f"${self.url_env}"

    def _post(self, parts: SplitResult, key: str | None, body: bytes, message: Message) -> None:
        host = parts.hostname or ""
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "lite-mlops",
            "Idempotency-Key": message.id,
        }
        if key is not None:
            headers["X-Lite-Mlops-Signature"] = signature(key, body, int(time.time()))
        connection = _connection(parts, self.private, self.timeout)
        try:
            connection.request("POST", _target(parts), body, headers)
            with connection.getresponse() as answer:
                status = answer.status
        except (OSError, http.client.HTTPException) as error:
            raise NotSent(f"{host} did not answer: {_why(error)}") from None
        finally:
            connection.close()
        if 300 <= status < 400:
            told = f"{host} answered {status}; redirects are not followed"
            raise NotSent(told, later=False)
        if not 200 <= status < 300:
            later = status >= 500 or status in _LATER
            raise NotSent(f"{host} answered {status}", later=later)


def signature(key: str, body: bytes, seconds: int) -> str:
    """Return what proves that a body was sent at a time by who knows the key (HMAC-SHA256)."""
    signed = f"{seconds}.".encode() + body
    return f"t={seconds},v1={hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()}"


def problem_of_url(url: str) -> str | None:
    """Return what is wrong with an address; None if it can be posted to."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "it has to begin with https:// or http:// and name a host"
    if parts.username is not None or parts.password is not None:
        return "names and passwords in it are not used"
    if port == 0 or any(sign <= " " or sign == "\x7f" for sign in url):
        return "there is a sign or a port in it that cannot be"
    return None


def _parts(url: str) -> SplitResult:
    if (problem := problem_of_url(url)) is not None:
        raise NotSent(f"the address cannot be used: {problem}", later=False)
    return urlsplit(url)


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _why(error: Exception) -> str:
    return "it took too long" if isinstance(error, TimeoutError) else type(error).__name__


def is_public(address: IpAddress) -> bool:
    """Return whether an address is one of the internet, also if it wraps one of another kind."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if address.teredo is not None:
            wrapped = address.teredo[1]
        if wrapped is not None:
            return is_public(wrapped)
    return address.is_global and not address.is_multicast


def _addresses(host: str, port: int, *, private: bool) -> list[str]:
    """Return the addresses of a host. Raises `NotSent` if one of them may not be posted to."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotSent(f"the name {host} cannot be resolved") from None
    addresses = list(dict.fromkeys(str(one[4][0]).partition("%")[0] for one in found))
    for address in addresses:
        if not private and not is_public(ipaddress.ip_address(address)):
            raise NotSent(
                f"{host} is {address}, which is no address of the internet; set private = true if "
                "it is meant",
                later=False,
            )
    return addresses


def _connection(parts: SplitResult, private: bool, timeout: float) -> http.client.HTTPConnection:  # noqa: FBT001
    host, tls = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if tls else 80)

    def connect(_: object, timeout: float | None, __: object = None) -> socket.socket:
        last: OSError | None = None
        for address in _addresses(host, port, private=private):
            try:
                return socket.create_connection((address, port), timeout)
            except OSError as error:
                last = error
        raise last or OSError("no address")

    made: http.client.HTTPConnection
    if tls:
        made = http.client.HTTPSConnection(
            host, port, timeout=timeout, context=ssl.create_default_context()
        )
    else:
        made = http.client.HTTPConnection(host, port, timeout=timeout)
    _connect_by(made, connect)
    return made


def _connect_by(
    connection: http.client.HTTPConnection, connect: Callable[..., socket.socket]
) -> None:
    """Have a connection made to the addresses that were checked; TLS still proves the name."""
    connection._create_connection = connect  # type: ignore[attr-defined]  # noqa: SLF001
