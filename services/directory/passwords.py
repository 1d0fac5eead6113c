"""Secrets at rest: argon2 for people's passwords, SHA-256 for clients' random secrets. Checks take the same time whether or
not the account exists, and run in threads, few at a time, so that a flood of logins cannot take the memory or the loop."""

import asyncio
import hmac
from hashlib import sha256
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST_PASSWORD = 12
LEAST_SECRET = 32
LONGEST = 256
_AT_ONCE = 2

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # one of OWASP's equal settings
_NOBODY = _hasher.hash("nobody has this password")
_SHA = "sha256$"


class Passwords:
    """Hashes and checks, at most a few at once."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, kind: Literal["person", "client"], secret: str) -> str:
        """What to store for a secret."""
        if kind == "client":
            return _SHA + sha256(secret.encode()).hexdigest()
        async with self._slots:
            return await asyncio.to_thread(_hasher.hash, secret)

    async def check(self, secret_hash: str | None, secret: str) -> bool:
        """Does the secret fit? None (no such account, or one without a secret) takes as long as a wrong password."""
        if len(secret) > LONGEST:
            return False
        if secret_hash is not None and secret_hash.startswith(_SHA):
            return hmac.compare_digest(secret_hash, _SHA + sha256(secret.encode()).hexdigest())
        async with self._slots:
            fits = await asyncio.to_thread(_fits, secret_hash or _NOBODY, secret)
        return fits and bool(secret_hash)


def _fits(secret_hash: str, secret: str) -> bool:
    try:
        return _hasher.verify(secret_hash, secret)
    except (VerificationError, InvalidHashError):
        return False


def too_weak(kind: Literal["person", "client"], name: str, secret: str) -> bool:
    """Is this secret too short, too long, or built on the account's own name?"""
    least = LEAST_SECRET if kind == "client" else LEAST_PASSWORD
    return not least <= len(secret) <= LONGEST or name.lower() in secret.lower()
