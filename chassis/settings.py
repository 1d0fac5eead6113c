"""Settings of a service, from the environment: read once at start, frozen after.

A variable is the field's name in capitals. For every field `X`, `X_FILE` may name a file that holds the value instead, so
that secrets come from mounted files and appear in no process listing.
"""

import os
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


class SecretFiles(PydanticBaseSettingsSource):
    """Reads `X_FILE` for each field `x`. Raises OSError when a named file cannot be read: no silent default."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{field_name.upper()}_FILE")
        value = Path(path).read_text(encoding="utf-8").strip() if path else None
        return value, field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """What every service needs to know. Services subclass it and add their own fields."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: str
    database_pool_max: int = Field(default=12, ge=2)
    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    kafka_partitions: int = Field(default=4, ge=1)
    kafka_prefix: str = ""
    """Stands before every topic and group, so that several installations may share a cluster."""
    kafka_idempotent: bool = True
    """Off only for brokers that cannot number producers (the memory-only stand-in); order and no loss hold all the same."""
    http_host: str = "127.0.0.1"
    http_port: int = 8000
    public_url: str = ""
    """Where people and partner systems reach the product, without a trailing slash. Empty: relative addresses."""
    max_body_bytes: int = 256 * 1024
    jwks_url: str = ""
    """The issuer's public keys: an http(s) address or a file path. Empty: every token is refused."""
    token_issuer: str = "shouwang"  # noqa: S105 - a name, not a secret
    token_audience: str = "shouwang-api"  # noqa: S105 - a name, not a secret
    cursor_key: SecretStr | None = None
    """Signs list cursors. Set it when a service runs more than once; without it each process makes its own."""
    log_level: str = "INFO"
    shutdown_seconds: float = 10.0

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then `X_FILE`, then `X`."""
        return init_settings, SecretFiles(settings_cls), env_settings
