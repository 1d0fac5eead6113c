"""What the directory needs beyond every service's settings."""

from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from chassis.settings import Settings as EveryService


class Settings(EveryService):
    """Keys, token lifetimes, and the secrets of the sample township."""

    signing_key_file: Path
    """PEM file of ES256 private keys: the first signs, all are published. Made by `keygen`."""
    person_token_lifetime: timedelta = timedelta(hours=8)
    client_token_lifetime: timedelta = timedelta(minutes=10)
    demo_password: SecretStr = SecretStr("shouwang-demo-2026")
    """The password of every sample account; used only by `load --demo-passwords`."""
    demo_seed: SecretStr | None = None
    """Makes the sample clients' secrets the same on every load; absent: each is random."""
