"""The cryptography of the vault: one data key per child and per reporter, each value sealed to its own place.

Sealed values are AES-256-GCM: suite byte, nonce, ciphertext. The associated data is `table|row|field|key version`, so a
value copied to another row or field does not open. A data key is wrapped by the master key; destroying its row makes
everything of that person unreadable. Search goes over a blind index: HMAC-SHA256 of a normalised key under a key of its own
and per kind, which equal keys share and nobody without the key can compute.
"""

import base64
import binascii
import hmac
import os
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES, NONCE_BYTES = 32, 12
AES_256_GCM = b"\x01"
"""The suite byte: a later suite gets another one and old values stay readable."""
MARK_BYTES = 16


class Unreadable(ValueError):
    """A sealed value does not open here: wrong key, wrong place, or altered. The message holds no value."""


class KeyProvider(Protocol):
    """Holds the master key. A provider over a KMS fetches its key-encryption keys at start and then works locally too."""

    @property
    def version(self) -> int:
        """The version new data keys are wrapped with."""
        ...

    def wrap(self, key: bytes, about: bytes) -> bytes:
        """Encrypt a data key under the current version."""
        ...

    def unwrap(self, version: int, wrapped: bytes, about: bytes) -> bytes:
        """Decrypt a data key. Raises Unreadable."""
        ...

    def derive(self, purpose: str) -> bytes:
        """A secret of 32 bytes for one purpose, the same whenever asked."""
        ...


class FileKey:
    """The master key as one secret text: 32 bytes in base64 or hexadecimal."""

    version = 1

    def __init__(self, text: str) -> None:
        master = _decoded(text.strip())
        self._master = master
        self._wrapping = AESGCM(_derived(master, "wrap data keys"))

    def wrap(self, key: bytes, about: bytes) -> bytes:
        return _seal(self._wrapping, key, about)

    def unwrap(self, version: int, wrapped: bytes, about: bytes) -> bytes:
        if version != self.version:
            raise Unreadable("no master key of that version")
        return _open(self._wrapping, wrapped, about)

    def derive(self, purpose: str) -> bytes:
        return _derived(self._master, purpose)


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key of one child or reporter, with its wrapped form for the store."""

    owner: UUID
    version: int
    wrapped: bytes
    cipher: AESGCM

    def seal(self, table: str, row: UUID, field: str, value: str) -> bytes:
        """Encrypt a value for exactly this table, row and field."""
        return _seal(self.cipher, value.encode(), self._place(table, row, field))

    def open(self, table: str, row: UUID, field: str, sealed: bytes) -> str:
        """Decrypt what `seal` made for the same place. Raises Unreadable."""
        return _open(self.cipher, sealed, self._place(table, row, field)).decode()

    def _place(self, table: str, row: UUID, field: str) -> bytes:
        return f"{table}|{row}|{field}|{self.version}".encode()


class Vault:
    """Makes and opens data keys, and computes what may be searched or guessed by nobody else."""

    def __init__(self, keys: KeyProvider) -> None:
        self._keys = keys
        self._index = keys.derive("blind index")
        self.receipt_secret = keys.derive("receipt codes")

    def new_key(self, owner: UUID) -> DataKey:
        """A fresh data key for a child or reporter."""
        key = os.urandom(KEY_BYTES)
        return DataKey(owner, self._keys.version, self._keys.wrap(key, owner.bytes), AESGCM(key))

    def key(self, owner: UUID, version: int, wrapped: bytes) -> DataKey:
        """The stored data key of its owner. Raises Unreadable when it was wrapped for somebody else or altered."""
        return DataKey(owner, version, wrapped, AESGCM(self._keys.unwrap(version, wrapped, owner.bytes)))

    def mark(self, kind: str, normal: str) -> bytes:
        """The keyed digest of a value that `domain.matching.keys` made: 16 bytes, since many are kept for each person."""
        return hmac.digest(self._index, f"mark {kind}\0{normal}".encode(), "sha256")[:MARK_BYTES]


def _derived(master: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"shouwang intake {purpose}".encode()).derive(master)


def _seal(cipher: AESGCM, value: bytes, about: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return AES_256_GCM + nonce + cipher.encrypt(nonce, value, AES_256_GCM + about)


def _open(cipher: AESGCM, sealed: bytes, about: bytes) -> bytes:
    if sealed[:1] != AES_256_GCM:
        raise Unreadable("unknown suite")
    try:
        return cipher.decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], AES_256_GCM + about)
    except (InvalidTag, ValueError):
        raise Unreadable("does not open") from None


def _decoded(text: str) -> bytes:
    try:
        master = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        master = b""
    if len(master) != KEY_BYTES:
        raise ValueError("the master key must be 32 bytes in base64 or hexadecimal")
    return master
