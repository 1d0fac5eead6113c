"""Keys and passwords of a local installation, made once under `.local/secrets`, readable by their owner alone.

Losing `master.key` loses every identity in the vault; the files are therefore never made again while they exist.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def ensure_secrets(folder: Path, roles: Iterable[str]) -> Mapping[str, str]:
    """Make what is missing; returns the password of each database role, "postgres" (the local superuser) included.

    `master.key`: 32 random bytes, base64 (wraps the vault's keys). `signing.pem`: the ES256 private key that signs
    access tokens, PKCS 8. `cursor.key`: 32 random bytes, base64 (signs page cursors); `draft.key`: likewise (seals drafts).
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    _once(folder / "master.key", _random_key)
    _once(folder / "cursor.key", _random_key)
    _once(folder / "draft.key", _random_key)
    _once(folder / "signing.pem", _signing_key)
    file = folder / "database.json"
    passwords: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    missing = [role for role in ("postgres", *roles) if role not in passwords]
    if missing:
        passwords |= {role: secrets.token_urlsafe(24) for role in missing}
        write_private(file, json.dumps(passwords, indent=1).encode())
    return passwords


def write_private(path: Path, content: bytes) -> None:
    """Replace `path` in one step by a file that only its owner can read."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _once(path: Path, make: Callable[[], bytes]) -> None:
    if not path.exists():
        write_private(path, make())


def _random_key() -> bytes:
    return base64.b64encode(secrets.token_bytes(32)) + b"\n"


def _signing_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
