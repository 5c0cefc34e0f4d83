"""Signatures with Ed25519."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from lite_mlops.errors import Conflict, Damaged, Denied, Invalid, NotFound
from lite_mlops.security.signing import (
    BadSignature,
    default_key_path,
    key_id,
    make_key,
    read_key,
    sign,
    verify,
)

# RFC 8032, section 7.1, test 2: the public key, the message and its signature.
PUBLIC = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
MESSAGE = b"\x72"
SIGNATURE = (
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def written(raw: str) -> str:
    return base64.b64encode(bytes.fromhex(raw)).decode()


def test_the_default_lies_outside_of_projects() -> None:
    assert ".lite-mlops" not in default_key_path().parts


def test_what_is_no_public_key_is_refused() -> None:
    for wrong in ("", "ed25519:", "ed25519:AAAA", "rsa:" + "A" * 44, "ed25519:" + "*" * 44):
        with pytest.raises(Invalid, match="is no public key; expected 'ed25519:'"):
            key_id(wrong)


def test_the_id_of_a_key() -> None:
    assert key_id("ed25519:" + written(PUBLIC)) == "39f713d0a644253f"


class TestWithTheLibrary:
    @pytest.fixture(autouse=True)
    def _library(self) -> None:
        pytest.importorskip("cryptography")

    def test_the_example_of_the_standard(self) -> None:
        public = "ed25519:" + written(PUBLIC)
        verify(public, written(SIGNATURE), MESSAGE)
        with pytest.raises(BadSignature):
            verify(public, written(SIGNATURE), b"\x73")

    def test_what_was_signed_is_verified(self, tmp_path: Path) -> None:
        path = tmp_path / "keys" / "signing.pem"
        key = make_key(path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert read_key(path) == key
        assert key.id == key_id(key.public)
        signature = sign(path, b"abc")
        verify(key.public, signature, b"abc")
        other = make_key(tmp_path / "other.pem")
        for public, told, data in (
            (key.public, signature, b"abd"),
            (other.public, signature, b"abc"),
            (key.public, "", b"abc"),
            (key.public, "no base64!", b"abc"),
            (key.public, base64.b64encode(bytes(64)).decode(), b"abc"),
            (key.public, signature[:-4], b"abc"),
        ):
            with pytest.raises(BadSignature, match="The signature is not of these bytes by the "):
                verify(public, told, data)

    def test_a_key_is_never_overwritten(self, tmp_path: Path) -> None:
        path = tmp_path / "signing.pem"
        key = make_key(path)
        with pytest.raises(Conflict, match="a key is never overwritten"):
            make_key(path)
        assert read_key(path) == key

    def test_a_key_that_others_can_read_is_not_used(self, tmp_path: Path) -> None:
        path = tmp_path / "signing.pem"
        make_key(path)
        os.chmod(path, 0o640)
        with pytest.raises(Denied, match=r"can be read by others \(mode 0640\)"):
            sign(path, b"abc")

    def test_keys_that_cannot_be_used(self, tmp_path: Path) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import x25519

        with pytest.raises(NotFound, match="There is no signing key in"):
            sign(tmp_path / "none.pem", b"")
        path = tmp_path / "signing.pem"
        path.touch(0o600)
        with pytest.raises(Damaged, match="cannot be read"):
            read_key(path)
        path.write_bytes(
            x25519.X25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        with pytest.raises(Invalid, match="is no Ed25519 key"):
            read_key(path)
