"""Channels as `lite-mlops.toml` says them, `[channel.NAME]`; secrets are named, never written.

channels_of(root)["team"].send(message)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lite_mlops.errors import Invalid, suggestion
from lite_mlops.monitoring.alerts.channels.channel import Channel
from lite_mlops.monitoring.alerts.channels.local import Desktop, LogFile, Terminal
from lite_mlops.monitoring.alerts.channels.mail import Mail
from lite_mlops.monitoring.alerts.channels.many import Apprise
from lite_mlops.monitoring.alerts.channels.webhook import Webhook, problem_of_url
from lite_mlops.settings import FILE_NAME, tables_of

Parser = Callable[[object], Any]

TERMINAL = "terminal"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or any(sign < " " for sign in value):
        raise ValueError("expected a text of one line")
    return value.strip()


def _variable(value: object) -> str:
    text = _text(value)
    if not text.replace("_", "").isalnum():
        raise ValueError("expected the name of an environment variable")
    return text


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 300:
        raise ValueError("expected seconds, more than 0 and at most 300")
    return float(value)


def _port(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65_536:
        raise ValueError("expected a port, 1 to 65535")
    return value


def _url(value: object) -> str:
    text = _text(value)
    if (problem := problem_of_url(text)) is not None:
        raise ValueError(problem)
    return text


def _people(value: object) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not found or not all("@" in str(x) for x in found):
        raise ValueError("expected one address of mail, or a list of them")
    return tuple(map(_text, found))


def _path(value: object) -> Path:
    return Path(_text(value)).expanduser()


def _one_of(*words: str) -> Parser:
    def parse(value: object) -> str:
        if value not in words:
            raise ValueError("expected " + " or ".join(map(repr, words)))
        return str(value)

    return parse


_ALL: Mapping[str, Parser] = {"least": _one_of("warn", "alert")}
_TYPES: Mapping[str, tuple[type[Channel], Mapping[str, Parser]]] = {
    "terminal": (Terminal, {}),
    "log": (LogFile, {"path": _path}),
    "desktop": (Desktop, {}),
    "webhook": (
        Webhook,
        {
            "url": _url,
            "url_env": _variable,
            "secret_env": _variable,
            "private": _flag,
            "timeout": _seconds,
        },
    ),
    "email": (
        Mail,
        {
            "host": _text,
            "from": _text,
            "to": _people,
            "port": _port,
            "tls": _one_of("starttls", "always", "none"),
            "user": _text,
            "password_env": _variable,
            "timeout": _seconds,
            "cafile": _text,
        },
    ),
    "apprise": (Apprise, {"url_env": _variable}),
}
_FIELDS = {"from": "sender"}
_NEEDED = {"log": ("path",), "email": ("host", "from", "to"), "apprise": ("url_env",)}


def channels_of(root: Path) -> dict[str, Channel]:
    """Return the channels that the file in `root` says; without any, the terminal.

    Raises:
        Invalid: a type or key is unknown, a value cannot be used, or one is missing.
    """
    found = {
        name: channel_of(name, values, f"{root / FILE_NAME}: channel.{name}", root)
        for name, values in tables_of(root, "channel").items()
    }
    return found or {TERMINAL: Terminal(name=TERMINAL)}


def channel_of(name: str, values: Mapping[str, Any], place: str, root: Path) -> Channel:
    """Return the channel that a table says. Raises `Invalid`."""
    kind = str(values.get("type", ""))
    if kind not in _TYPES:
        known = ", ".join(_TYPES)
        near = suggestion(kind, _TYPES)
        raise Invalid(f"{place}: type = {kind!r} cannot be used: expected {known}.{near}")
    made, parsers = _TYPES[kind]
    options: dict[str, Any] = {}
    for key, value in values.items():
        if key == "type":
            continue
        parser = parsers.get(key) or _ALL.get(key)
        if parser is None:
            near = suggestion(key, {*parsers, *_ALL})
            raise Invalid(f"{place}: a channel of type {kind!r} has no {key!r}.{near}")
        try:
            options[_FIELDS.get(key, key)] = parser(value)
        except ValueError as error:
            shown = "..." if key == "url" else repr(value)  # it is often a secret
            raise Invalid(f"{place}: {key} = {shown} cannot be used: {error}.") from None
    _check(kind, values, options, place)
    if "path" in options:
        options["path"] = root / options["path"]
    return made(name=name, **options)


def _check(kind: str, values: Mapping[str, Any], options: Mapping[str, Any], place: str) -> None:
    """Raise `Invalid` if something is missing, or does not go together."""
    for key in _NEEDED.get(kind, ()):
        if key not in values:
            raise Invalid(f"{place}: {key!r} is missing.")
    if kind == "webhook" and ("url" in options) == ("url_env" in options):
        raise Invalid(f"{place}: either url or url_env says where to post to.")
    if kind == "email":
        if ("user" in options) != ("password_env" in options):
            raise Invalid(f"{place}: user and password_env go together.")
        if options.get("tls") == "none" and options["host"] not in _LOOPBACK:
            raise Invalid(f"{place}: tls = 'none' is for a server on this machine only.")
        if options.get("tls") == "none" and "password_env" in options:
            raise Invalid(f"{place}: no password is sent without TLS.")
