"""The port: where a server listens, and how it stops listening without cutting anybody off.

listening = listen(bound("127.0.0.1", 8000))
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
import sys
from contextlib import suppress
from ipaddress import ip_address

from lite_mlops.errors import Busy, Invalid

LOOPBACK = "127.0.0.1"

_BACKLOG = 1_024
_ATTACH_FILTER, _BPF_RETURN = 26, 6  # of Linux: SO_ATTACH_FILTER, and BPF_RET | BPF_K


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name, which may begin with 127 as well
        return host == "localhost"


def url_of(host: str, port: int, *, tls: bool) -> str:
    """Return where a server answers."""
    name = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{name}:{port}"


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that has a port and does not listen yet; 0 takes a free one.

    Raises:
        Busy: the port is taken.
        Invalid: the port or the host cannot be used.
    """
    if not 0 <= port <= 65_535:
        raise Invalid(f"{port} is not a port: 0 to 65535.")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise Invalid(f"{host} is not an address of this machine.") from None
    made = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # there it would let two servers share the port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise Invalid(f"{host} is not an address of this machine.") from None
        raise _taken(port, error) from None
    return made


def listen(made: socket.socket) -> socket.socket:
    """Have a bound socket listen, and return it. Raises `Busy`."""
    try:
        made.listen(_BACKLOG)
        made.setblocking(False)
    except OSError as error:
        port = made.getsockname()[1]
        made.close()
        raise _taken(port, error) from None
    return made


def _taken(port: int, error: OSError) -> Busy:
    return Busy(f"Port {port} cannot be used ({error.strerror}); choose another.")


def turn_deaf(listening: socket.socket) -> None:
    """Have the system drop what knocks from now on, as nobody will be let in any more.

    Otherwise a client could get in between the last look and the closing, and be cut off. It
    knocks again after a second, and is refused.
    """
    if sys.platform == "linux":
        dropping = ctypes.create_string_buffer(struct.pack("HBBI", _BPF_RETURN, 0, 0, 0))
        program = struct.pack("HP", 1, ctypes.addressof(dropping))
        with suppress(OSError):  # where it may not, the moment stays
            listening.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)
