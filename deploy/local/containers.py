"""Throw-away servers in containers, where a Docker engine already holds the images (testcontainers)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from deploy.local.ports import free_port
from deploy.local.settings import HOST, Servers

POSTGRES_IMAGE = "postgres:18"
KAFKA_IMAGE = "apache/kafka:4.3.1"


@dataclass(frozen=True)
class Engine:
    """What a look at the machine's Docker engine found."""

    reachable: bool
    images: frozenset[str]


def use_containers(engine: Engine, wanted: Collection[str] = (POSTGRES_IMAGE, KAFKA_IMAGE)) -> bool:
    """Whether containers can serve without a download: the engine answers and every image is there."""
    return engine.reachable and all(image in engine.images for image in wanted)


def look_at_engine() -> Engine:
    """Ask `docker` what it has; an engine that is absent or silent is not reachable."""
    if shutil.which("docker") is None:
        return Engine(reachable=False, images=frozenset())
    command = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return Engine(reachable=False, images=frozenset())
    return Engine(reachable=answer.returncode == 0, images=frozenset(answer.stdout.split()))


def kafka_settings(port: int) -> dict[str, str]:
    """Environment of the official image: one KRaft node, reached by clients on the machine's `port`."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{HOST}:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "4",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_HEAP_OPTS": "-Xms128m -Xmx512m",
    }


@contextmanager
def container_servers(password: str) -> Iterator[Servers]:
    """Postgres and Kafka in containers that are removed at the end. They answer soon after; the caller waits."""
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import DockerContainer

    testcontainers_config.ryuk_disabled = True  # its image may be absent; both containers are removed here
    port = free_port()
    postgres = (
        DockerContainer(POSTGRES_IMAGE)
        .with_env("POSTGRES_PASSWORD", password)
        .with_command("postgres -c max_connections=300")
        .with_exposed_ports(5432)
    )
    kafka = DockerContainer(KAFKA_IMAGE).with_bind_ports(9092, port)
    for name, value in kafka_settings(port).items():
        kafka = kafka.with_env(name, value)
    with postgres, kafka:
        exposed = postgres.get_exposed_port(5432)
        yield Servers(f"postgresql://postgres:{password}@{HOST}:{exposed}/postgres", f"{HOST}:{port}")
