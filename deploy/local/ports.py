"""Ports: whether those a run needs are free, and which setting moves the one that is not."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from deploy.local.screen import LocalError
from deploy.local.settings import HOST, LocalSettings, port_setting


@dataclass(frozen=True)
class NeededPort:
    """A port a run will listen on, what for, and the setting that changes it."""

    number: int
    user: str
    setting: str


def needed_ports(settings: LocalSettings) -> tuple[NeededPort, ...]:
    """Every port this run will open; none for a server that exists already."""
    ports = [NeededPort(settings.gateway_port, "gateway", "GATEWAY_PORT")]
    ports += [NeededPort(port, name, port_setting(name)) for name, port in settings.service_ports.items()]
    if settings.database_url is None:
        ports.append(NeededPort(settings.postgres_port, "postgres", "POSTGRES_PORT"))
    if settings.kafka_bootstrap_servers is None:
        ports.append(NeededPort(settings.kafka_port, "kafka", "KAFKA_PORT"))
        ports.append(NeededPort(settings.kafka_controller_port, "kafka controller", "KAFKA_CONTROLLER_PORT"))
    return tuple(ports)


def is_free(port: int) -> bool:
    """Whether this process could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def check_ports(ports: tuple[NeededPort, ...], free: Callable[[int], bool] = is_free) -> None:
    """Raise one line naming the taken ports and their settings; also when two users claim one port."""
    claimed: dict[int, NeededPort] = {}
    for port in ports:
        if port.number in claimed:
            other = claimed[port.number]
            raise LocalError(
                f"端口 {port.number} 同时分给了 {other.user} 和 {port.user}，请修改 {other.setting} 或 {port.setting}",
                f"port {port.number} is given to both {other.user} and {port.user}; change {other.setting} or {port.setting}",
            )
        claimed[port.number] = port
    taken = [port for port in ports if not free(port.number)]
    if taken:
        listed = ", ".join(f"{port.number} ({port.user}: {port.setting}=…)" for port in taken)
        raise LocalError(
            f"端口被占用，请用括号内的设置更换：{listed}",
            f"ports taken, move them with the settings in brackets: {listed}",
        )


def free_port() -> int:
    """A port nobody listens on at this moment, chosen by the system."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        number: int = probe.getsockname()[1]
        return number
