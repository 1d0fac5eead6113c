"""The local Postgres and Kafka: what was written is there after a stop and a start."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local import stack
from deploy.local.databases import ensure_databases
from deploy.local.screen import LocalError
from deploy.local.settings import LocalSettings, database_url_of, settings_from
from deploy.local.supervisor import Supervisor
from deploy.local.testing import throw_away

PASSWORDS = {"postgres": "local", "intake": "it's", "dispatch": "d"}


def settings(folder: Path) -> LocalSettings:
    return throw_away(settings_from({}), folder, {})


async def test_postgres_and_kafka_keep_their_data_over_a_restart(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    for run in range(2):
        plan = stack.prepare(chosen, PASSWORDS, os.environ)
        supervisor = Supervisor()
        try:
            await stack.start_servers(plan, supervisor)
            await ensure_databases(plan.servers.database_url, ["intake", "dispatch"], PASSWORDS)
            own = database_url_of(plan.servers.database_url, "intake", PASSWORDS["intake"], "intake")
            if run == 0:
                await _write(own, plan.servers.kafka_bootstrap_servers)
            else:
                assert await _read(own, plan.servers.kafka_bootstrap_servers) == (["kept"], [b"kept"])
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(database_url_of(own, "intake", PASSWORDS["intake"], "dispatch"))
        finally:
            await supervisor.stop()


async def test_a_database_server_that_cannot_start_is_one_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        chosen = replace(settings(tmp_path), postgres_port=taken.getsockname()[1], kafka_bootstrap_servers="unused:1")
        plan = stack.prepare(chosen, PASSWORDS, os.environ)
        assert plan.postgres is not None
        supervisor = Supervisor()
        with pytest.raises(LocalError, match="PostgreSQL cannot start"):
            await stack.start_postgres(plan, supervisor)


def test_a_second_run_on_the_same_data_is_refused(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    with stack.only_one(chosen), pytest.raises(LocalError, match="already running"), stack.only_one(chosen):
        pass
    with stack.only_one(chosen):
        pass


async def _write(database_url: str, bootstrap_servers: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("CREATE TABLE word (text text)")
    await connection.execute("INSERT INTO word VALUES ('kept')")
    await connection.close()
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    await admin.create_topics([NewTopic("words", 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=True)
    await producer.start()
    await producer.send_and_wait("words", b"kept")
    await producer.stop()


async def _read(database_url: str, bootstrap_servers: str) -> tuple[list[str], list[bytes]]:
    connection = await asyncpg.connect(database_url)
    rows = [row["text"] for row in await connection.fetch("SELECT text FROM word")]
    await connection.close()
    consumer = AIOKafkaConsumer("words", bootstrap_servers=bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    batch = await consumer.getmany(timeout_ms=20_000)
    await consumer.stop()
    return rows, [record.value for records in batch.values() for record in records]
