"""Signs access tokens (RFC 9068, ES256) and publishes the keys to check them with.

The key file holds PEM private keys one after another: the first signs, all are published. To rotate, `keygen --rotate` puts
a new key in front; the old one stays published until it is removed, so tokens already out stay valid.
"""

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from chassis.auth import ALGORITHM, TOKEN_TYPE
from chassis.clock import new_uuid7, wall_clock

_END = b"-----END PRIVATE KEY-----"
CLOCK_SKEW = timedelta(seconds=5)


class UnusableKey(ValueError):
    """The key file holds something else than P-256 private keys in PKCS 8."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair; `kid` is its RFC 7638 thumbprint, so the same key has the same id everywhere."""

    kid: str
    private: ec.EllipticCurvePrivateKey
    public: dict[str, Any]


def read_keys(pem: bytes) -> tuple[SigningKey, ...]:
    """The keys of a key file, the signing one first. Raises UnusableKey."""
    blocks = [block.strip() + b"\n" + _END + b"\n" for block in pem.split(_END) if block.strip()]
    keys = tuple(_signing_key(block) for block in blocks)
    if not keys:
        raise UnusableKey("no key")
    return keys


def _signing_key(block: bytes) -> SigningKey:
    try:
        private = load_pem_private_key(block, password=None)
    except ValueError:
        raise UnusableKey("not a PEM private key") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
        raise UnusableKey("not a P-256 key")
    public = orjson.loads(jwt.algorithms.ECAlgorithm.to_jwk(private.public_key()))
    members = {name: public[name] for name in ("crv", "kty", "x", "y")}
    kid = jwt.utils.base64url_encode(sha256(orjson.dumps(members, option=orjson.OPT_SORT_KEYS)).digest()).decode()
    return SigningKey(kid, private, {**members, "kid": kid, "use": "sig", "alg": ALGORITHM})


def new_key() -> bytes:
    """A fresh private key in PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_keys(path: Path, *, rotate: bool) -> bool:
    """Make the key file when it is missing; with `rotate` put a new key in front. Returns whether anything was written."""
    existing = path.read_bytes() if path.exists() else b""
    if existing and not rotate:
        return False
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(new_key() + existing)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return True


class Issuer:
    """Issues tokens in one issuer's name for one audience."""

    def __init__(self, keys: Sequence[SigningKey], issuer: str, audience: str) -> None:
        self._keys = tuple(keys)
        self._issuer = issuer
        self._audience = audience

    @property
    def name(self) -> str:
        """What tokens carry as `iss`."""
        return self._issuer

    def jwks(self) -> bytes:
        """The JWKS document: every published key."""
        return orjson.dumps({"keys": [key.public for key in self._keys]})

    async def read_jwks(self) -> bytes:
        """The same, as a key source for this service's own verifier."""
        return self.jwks()

    def issue(self, claims: dict[str, Any], lifetime: timedelta) -> str:
        """A signed token with these claims."""
        now = wall_clock()
        content = {
            **claims,
            "iss": self._issuer,
            "aud": self._audience,
            "iat": now,
            "nbf": now - CLOCK_SKEW,
            "exp": now + lifetime,
            "jti": str(new_uuid7()),
        }
        key = self._keys[0]
        return jwt.encode(content, key.private, algorithm=ALGORITHM, headers={"kid": key.kid, "typ": TOKEN_TYPE})
