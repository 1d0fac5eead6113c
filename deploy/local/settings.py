"""Where everything of the local stack is: folders, ports and servers, from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from deploy.local.routes import Routes, load_routes
from deploy.local.screen import LocalError

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"


@dataclass(frozen=True)
class LocalSettings:
    """One run of the local stack. `*_url`/`*_servers` set mean: use that server, start none."""

    data: Path
    gateway_port: int
    postgres_port: int
    kafka_port: int
    kafka_controller_port: int
    service_ports: Mapping[str, int]
    database_url: str | None
    kafka_bootstrap_servers: str | None
    kafka_partitions: int
    log_level: str

    @property
    def logs(self) -> Path:
        """Folder of the log files, one per process."""
        return self.data / "log"

    @property
    def secrets(self) -> Path:
        """Folder of keys and passwords, made on the first run."""
        return self.data / "secrets"

    def address(self, service: str) -> str:
        """Base URL of a service's own port."""
        return f"http://{HOST}:{self.service_ports[service]}"

    @property
    def gateway(self) -> str:
        """The one address for all services."""
        return f"http://{HOST}:{self.gateway_port}"


@dataclass(frozen=True)
class Servers:
    """The servers this run stands on. `durable_broker` is False on the memory-only stand-in."""

    database_url: str
    kafka_bootstrap_servers: str
    durable_broker: bool = True


def settings_from(environ: Mapping[str, str], routes: Routes | None = None) -> LocalSettings:
    """Settings from environment variables; a port that is no number is an error of one line."""
    routes = routes or load_routes()
    kafka_port = _port(environ, "KAFKA_PORT", 9094)
    return LocalSettings(
        data=Path(environ.get("LOCAL_DIR", str(ROOT / ".local"))).resolve(),
        gateway_port=_port(environ, "GATEWAY_PORT", 8000),
        postgres_port=_port(environ, "POSTGRES_PORT", 5433),
        kafka_port=kafka_port,
        kafka_controller_port=_port(environ, "KAFKA_CONTROLLER_PORT", kafka_port + 1),
        service_ports={name: _port(environ, port_setting(name), port) for name, port in routes.ports.items()},
        database_url=environ.get("DATABASE_URL") or None,
        kafka_bootstrap_servers=environ.get("KAFKA_BOOTSTRAP_SERVERS") or None,
        kafka_partitions=int(environ.get("KAFKA_PARTITIONS", "4")),
        log_level=environ.get("LOG_LEVEL", "INFO"),
    )


def port_setting(service: str) -> str:
    """Name of the environment variable that moves a service's port."""
    return f"{service.upper()}_PORT"


def database_url_of(base: str, role: str, password: str, database: str) -> str:
    """DSN of one service's own database and role on the server of `base`; its query (sslmode, ...) is kept."""
    parts = urlsplit(base)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, f"{role}:{quote(password, safe='')}@{host}", f"/{database}", parts.query, ""))


def service_environment(
    name: str, settings: LocalSettings, servers: Servers, passwords: Mapping[str, str], inherited: Mapping[str, str]
) -> dict[str, str]:
    """The environment of one service's process: the settings table of the product, nothing of another service."""
    secrets = settings.secrets
    own = {
        "DATABASE_URL": database_url_of(servers.database_url, name, passwords[name], name),
        "KAFKA_BOOTSTRAP_SERVERS": servers.kafka_bootstrap_servers,
        "KAFKA_PARTITIONS": str(settings.kafka_partitions),
        "HTTP_HOST": HOST,
        "HTTP_PORT": str(settings.service_ports[name]),
        "PUBLIC_URL": settings.gateway,
        "JWKS_URL": f"{settings.address('directory')}/.well-known/jwks.json",
        "CURSOR_KEY_FILE": str(secrets / "cursor.key"),
        "LOG_LEVEL": settings.log_level,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(ROOT),
    }
    if not servers.durable_broker:
        own["KAFKA_IDEMPOTENT"] = "false"
    match name:
        case "intake":
            own["MASTER_KEY_FILE"] = str(secrets / "master.key")
        case "directory":
            own["SIGNING_KEY_FILE"] = str(secrets / "signing.pem")
        case "notification":
            own["SINK_FILE"] = str(settings.data / "notification-sink.jsonl")
        case "console":
            own |= {
                f"{owner.upper()}_URL": settings.address(owner) for owner in settings.service_ports if owner != name
            }
            own["SECURE_COOKIES"] = "false"
            own["DRAFT_KEY_FILE"] = str(secrets / "draft.key")
        case _:
            pass
    return {key: value for key, value in inherited.items() if key in _INHERITED or key.startswith("LC_")} | own


_INHERITED = {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "SSL_CERT_FILE", "PYTHONWARNINGS", "PYTHONASYNCIODEBUG"}


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    value = environ.get(name) or str(default)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise LocalError(f"{name}={value} 不是端口号", f"{name}={value} is no port number")
    return int(value)


def current_settings() -> LocalSettings:
    """Settings of this process's environment."""
    return settings_from(os.environ)
