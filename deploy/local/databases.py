"""Each service's own database and role, on whichever server is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import asyncpg

from deploy.local.screen import LocalError


async def ensure_databases(superuser_url: str, services: Iterable[str], passwords: Mapping[str, str]) -> None:
    """Create what is missing; a role owns its database and may connect to no other.

    Errors: LocalError when the server cannot be reached or the given user may not create roles and databases.
    """
    try:
        connection = await asyncpg.connect(superuser_url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise LocalError(
            f"无法连接数据库服务器：{error}", "cannot connect to the database server of DATABASE_URL"
        ) from error
    try:
        for name in services:
            await _ensure(connection, name, passwords[name])
    except asyncpg.InsufficientPrivilegeError as error:
        raise LocalError(
            f"DATABASE_URL 的用户无权创建角色或数据库：{error}",
            "the user of DATABASE_URL may not create roles and databases",
        ) from error
    finally:
        await connection.close()


async def _ensure(connection: asyncpg.Connection[asyncpg.Record], name: str, password: str) -> None:
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
        await connection.execute(f'CREATE ROLE "{name}"')
    secret = await connection.fetchval("SELECT quote_literal($1)", password)
    await connection.execute(f'ALTER ROLE "{name}" LOGIN PASSWORD {secret}')
    if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
        await connection.execute(f'GRANT "{name}" TO CURRENT_USER')
        await connection.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
    await connection.execute(f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC')
