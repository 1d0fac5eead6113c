"""Making the secrets, and the databases out of them."""

from __future__ import annotations

import asyncio
import base64
import os
import stat
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from deploy.local.postgres import binaries
from deploy.local.routes import load_routes

ROOT = Path(__file__).resolve().parents[3]


def _create(folder: Path) -> str:
    script = ["/bin/sh", str(ROOT / "deploy/secrets/create.sh"), str(folder)]
    return subprocess.run(script, check=True, capture_output=True, text=True).stdout


def test_secrets_are_made_once_and_never_again(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    _create(folder)
    before = {file.name: file.read_text() for file in folder.iterdir()}
    assert _create(folder) == ""
    assert {file.name: file.read_text() for file in folder.iterdir()} == before
    (folder / "cursor_key").unlink()
    assert _create(folder) == "created cursor_key\n"


def test_on_the_host_only_the_owner_gets_to_them_and_in_a_container_any_user_does(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    _create(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o444}


def test_secrets_are_of_the_kind_that_services_read(tmp_path: Path) -> None:
    _create(tmp_path)
    for name in ("master_key", "cursor_key", "draft_key"):
        assert len(base64.b64decode((tmp_path / name).read_text(), validate=False)) == 32
    key = load_pem_private_key((tmp_path / "signing_key").read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(key.curve, ec.SECP256R1)
    passwords = set()
    for name in load_routes().services:
        url = urlsplit((tmp_path / f"{name}_database_url").read_text().strip())
        assert (url.username, url.path, url.hostname, url.port) == (name, f"/{name}", "postgres", 5432)
        passwords.add(url.password)
    assert len(passwords) == len(load_routes().services)


def test_without_openssl_nothing_is_left_that_looks_like_a_secret(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("mkdir", "chmod", "mv", "dirname"):
        (tools / name).symlink_to(f"/bin/{name}" if Path(f"/bin/{name}").exists() else f"/usr/bin/{name}")
    folder = tmp_path / "files"
    script = ["/bin/sh", str(ROOT / "deploy/secrets/create.sh"), str(folder)]
    done = subprocess.run(script, env={"PATH": str(tools)}, capture_output=True, check=False)
    assert done.returncode != 0
    assert [file for file in folder.iterdir() if not file.name.startswith(".")] == []


def _databases(secrets: Path) -> None:
    server = urlsplit(os.environ["TEST_DATABASE_URL"])
    environment = {
        "PATH": f"{binaries()}:{os.environ['PATH']}",
        "SECRETS": str(secrets),
        "PGHOST": str(server.hostname),
        "PGPORT": str(server.port),
        "PGUSER": str(server.username),
        "PGPASSWORD": str(server.password),
        "PGDATABASE": "postgres",
    }
    script = ["/bin/sh", str(ROOT / "deploy/postgres/databases.sh")]
    subprocess.run(script, env=environment, check=True, capture_output=True)


async def _connect(name: str, password: str, database: str) -> asyncpg.Connection[asyncpg.Record]:
    server = urlsplit(os.environ["TEST_DATABASE_URL"])
    return await asyncpg.connect(
        host=server.hostname, port=server.port, user=name, password=password, database=database, timeout=10
    )


@pytest.mark.integration
async def test_each_service_gets_a_database_of_its_own_and_a_changed_password_takes_effect(tmp_path: Path) -> None:
    first, second = f"deploy_a_{os.getpid()}", f"deploy_b_{os.getpid()}"
    secrets = {name: tmp_path / f"{name}_database_url" for name in (first, second)}
    for name, file in secrets.items():
        file.write_text(f"postgresql://{name}:old'pass@postgres:5432/{name}\n")
    try:
        await asyncio.to_thread(_databases, tmp_path)
        secrets[first].write_text(f"postgresql://{first}:new@postgres:5432/{first}\n")
        await asyncio.to_thread(_databases, tmp_path)
        connection = await _connect(first, "new", first)
        await connection.execute("CREATE TABLE mine (id int)")
        await connection.close()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await _connect(first, "old'pass", first)
        await (await _connect(second, "old'pass", second)).close()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _connect(second, "old'pass", first)
    finally:
        superuser = await asyncpg.connect(os.environ["TEST_DATABASE_URL"])
        for name in secrets:
            await superuser.execute(f'DROP DATABASE IF EXISTS "{name}"')
            await superuser.execute(f'DROP ROLE IF EXISTS "{name}"')
        await superuser.close()
