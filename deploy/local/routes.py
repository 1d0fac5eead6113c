"""The one table of services: name, default port, path prefixes. Read from deploy/routes.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import yaml

ROUTES_FILE = Path(__file__).resolve().parents[1] / "routes.yaml"


@dataclass(frozen=True)
class Target:
    """Where a request goes: the service and the path to ask it for."""

    service: str
    path: str


@dataclass(frozen=True)
class Routes:
    """Path prefixes of every service, longest first."""

    ports: Mapping[str, int]
    prefixes: tuple[tuple[str, str], ...]

    @property
    def services(self) -> tuple[str, ...]:
        """Names of all services, in the order of the file."""
        return tuple(self.ports)

    def target(self, path: str) -> Target | None:
        """The service that answers `path`, or None. Dot segments and empty segments name nothing."""
        segments = path.split("/")[1:]
        climbs = not {".", ".."}.isdisjoint(unquote(path).split("/"))
        if not path.startswith("/") or climbs or "" in segments[:-1]:
            return None
        if segments[0] == "docs" and len(segments) > 2:
            service = segments[1].replace("-", "_")
            rest = "/".join(segments[2:])
            return Target(service, f"/docs/{rest}") if service in self.ports else None
        for prefix, service in self.prefixes:
            if path == prefix or path.startswith(prefix + "/"):
                return Target(service, path)
        return None


def parse_routes(text: str) -> Routes:
    """Routes from the YAML text of deploy/routes.yaml; a prefix claimed twice is an error."""
    services = yaml.safe_load(text)["services"]
    owners: dict[str, str] = {}
    for name, entry in services.items():
        for prefix in entry["prefixes"]:
            if prefix in owners:
                raise ValueError(f"{prefix} belongs to {owners[prefix]} and to {name}")
            owners[prefix] = name
    return Routes(
        ports={name: int(entry["port"]) for name, entry in services.items()},
        prefixes=tuple(sorted(owners.items(), key=lambda item: -len(item[0]))),
    )


def load_routes(path: Path = ROUTES_FILE) -> Routes:
    """Routes from the file."""
    return parse_routes(path.read_text(encoding="utf-8"))
