"""Signatures with Ed25519 (RFC 8032): who made these bytes, for whoever knows the public key.

    path = default_key_path()
    key = make_key(path)              # once; the file is for its owner alone
    signature = sign(path, sha256.encode())
    verify(key.public, signature, sha256.encode())

The private key lies outside of any project: a project is copied, backed up and shared, and a copy
of the key could sign anything. Needs the package cryptography:
`pip install 'lite-mlops[signing]'`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lite_mlops.errors import Conflict, Damaged, Denied, Invalid, NotFound

_PREFIX = "ed25519:"  # how a public key is written, before its 32 bytes in base64


class BadSignature(Damaged):
    """A signature is not of these bytes by this key."""


@dataclass(frozen=True)
class Key:
    """A key as others may know it.

    Attributes:
        id: The first 16 hexadecimal digits of the SHA-256 of the public key's 32 bytes.
        public: The public key, such as 'ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='.
    """

    id: str
    public: str


def default_key_path() -> Path:
    """Return where a person's private key lies by default, outside of all projects."""
    return Path.home() / ".config" / "lite-mlops" / "signing.pem"


def _library() -> tuple[Any, Any, Any]:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise Invalid(
            "signing needs the package cryptography: pip install 'lite-mlops[signing]'."
        ) from None
    return ed25519, serialization, InvalidSignature


def _told(raw: bytes) -> Key:
    return Key(hashlib.sha256(raw).hexdigest()[:16], _PREFIX + base64.b64encode(raw).decode())


def _raw(public: str) -> bytes:
    try:
        raw = base64.b64decode(public.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not public.startswith(_PREFIX) or len(raw) != 32:
        raise Invalid(f"{public!r:.80} is no public key; expected '{_PREFIX}' and 44 characters.")
    return raw


def key_id(public: str) -> str:
    """Return the id of a public key. Raises `Invalid` for what is none."""
    return _told(_raw(public)).id


def make_key(path: Path) -> Key:
    """Make a key pair, and write the private key to a new file that only its owner can read.

    Raises:
        Conflict: there is a file already; a key is never overwritten.
        Invalid: the package cryptography is not installed.
    """
    ed25519, serialization, _ = _library()
    private = ed25519.Ed25519PrivateKey.generate()
    text = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict(f"There is a file {path} already; a key is never overwritten.") from None
    with os.fdopen(opened, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return _told(private.public_key().public_bytes_raw())


def _private(path: Path) -> Any:
    ed25519, serialization, _ = _library()
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(1 << 16)
    except FileNotFoundError:
        raise NotFound(f"There is no signing key in {path}; make one first.") from None
    if mode & 0o077:
        raise Denied(
            f"The signing key {path} can be read by others (mode {mode:04o}). If nobody did, "
            "`chmod 600` makes it usable; else make a new one."
        )
    try:
        key = serialization.load_pem_private_key(text, password=None)
    except (ValueError, TypeError) as error:
        raise Damaged(f"The signing key {path} cannot be read: {error}.") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise Invalid(f"The key {path} is no Ed25519 key.")
    return key


def read_key(path: Path) -> Key:
    """Return the public part of a private key file.

    Raises:
        NotFound, Damaged, Invalid: there is no key, or none that can be used.
        Denied: others than its owner can read it.
    """
    return _told(_private(path).public_key().public_bytes_raw())


def sign(path: Path, data: bytes) -> str:
    """Return the signature of bytes by a private key file, as 88 characters of base64.

    Raises:
        NotFound, Damaged, Invalid, Denied: as `read_key`.
    """
    return base64.b64encode(_private(path).sign(data)).decode()


def verify(public: str, signature: str, data: bytes) -> None:
    """Do nothing if a signature is of these bytes by this key.

    Raises:
        BadSignature: it is not.
        Invalid: the public key is none, or the package cryptography is not installed.
    """
    raw = _raw(public)
    ed25519, _, invalid = _library()
    try:
        given = base64.b64decode(signature, validate=True)
        ed25519.Ed25519PublicKey.from_public_bytes(raw).verify(given, data)
    except (invalid, binascii.Error, ValueError):
        raise BadSignature(
            f"The signature is not of these bytes by the key {_told(raw).id}; they or the "
            "signature were changed, or another key made it."
        ) from None
