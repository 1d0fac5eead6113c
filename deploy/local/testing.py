"""`make test`: static checks, then every test on throw-away servers, which are gone afterwards."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from deploy.local import kafka, postgres, stack
from deploy.local.containers import container_servers, look_at_engine, use_containers
from deploy.local.ports import free_port
from deploy.local.process import dies_with_parent
from deploy.local.screen import LocalError, say
from deploy.local.settings import ROOT, LocalSettings, Servers, current_settings
from deploy.local.supervisor import Supervisor, until_signal

CHECKS: tuple[tuple[str, ...], ...] = (
    ("ruff", "check", "."),
    ("mypy",),
    ("lint-imports",),
)


def check() -> int:
    """Ruff, mypy, import-linter; all run, the first failure's status is returned."""
    status = 0
    for program, *arguments in CHECKS:
        say(f"检查 {program} {' '.join(arguments)}", "checking")
        code = subprocess.run(
            [str(Path(sys.executable).with_name(program)), *arguments], cwd=ROOT, check=False
        ).returncode
        status = status or code
    return status


def test(arguments: Sequence[str]) -> int:
    """Checks, then pytest with `arguments`; the exit status is 0 only when both passed."""
    checked = check()
    with tempfile.TemporaryDirectory(prefix="shouwang-test-") as folder:
        settings = throw_away(current_settings(), Path(folder), os.environ)
        tested = _with_servers(settings, arguments)
    if checked:
        say("静态检查未通过，见上", "the static checks failed, see above")
    return checked or tested


def throw_away(settings: LocalSettings, folder: Path, environ: Mapping[str, str]) -> LocalSettings:
    """Settings of a test run: data in a temporary folder, ports chosen by the system, TEST_* servers if given."""
    return replace(
        settings,
        data=folder,
        postgres_port=free_port(),
        kafka_port=free_port(),
        kafka_controller_port=free_port(),
        database_url=environ.get("TEST_DATABASE_URL") or settings.database_url,
        kafka_bootstrap_servers=environ.get("TEST_KAFKA_BOOTSTRAP_SERVERS") or settings.kafka_bootstrap_servers,
    )


def _with_servers(settings: LocalSettings, arguments: Sequence[str]) -> int:
    password = secrets.token_urlsafe(16)
    with _containers(settings, password) as settings:
        plan = stack.prepare(settings, {"postgres": password}, os.environ)
        if not plan.servers.durable_broker:
            raise LocalError("测试需要真正的 Apache Kafka", "the tests need a real Apache Kafka; see the reason above")
        return asyncio.run(_pytest(plan, arguments))


@contextmanager
def _containers(settings: LocalSettings, password: str) -> Iterator[LocalSettings]:
    """The same settings, or with servers in containers when Docker has the images and none was named."""
    named = settings.database_url is not None or settings.kafka_bootstrap_servers is not None
    if named or not use_containers(look_at_engine()):
        yield settings
        return
    say("使用 Docker 容器中的服务器", "using servers in Docker containers")
    with container_servers(password) as servers:
        asyncio.run(_answering(servers))
        yield replace(
            settings, database_url=servers.database_url, kafka_bootstrap_servers=servers.kafka_bootstrap_servers
        )


async def _answering(servers: Servers) -> None:
    try:
        async with asyncio.timeout(stack.SERVER_SECONDS_MAX):
            await postgres.until_ready(servers.database_url)
            await kafka.until_ready(servers.kafka_bootstrap_servers)
    except TimeoutError:
        raise LocalError("容器中的服务器没有回答", "the servers in containers do not answer") from None


async def _pytest(plan: stack.Plan, arguments: Sequence[str]) -> int:
    supervisor = Supervisor()
    signalled = asyncio.create_task(until_signal())
    try:
        await stack.start_servers(plan, supervisor)
        own = {
            "TEST_DATABASE_URL": plan.servers.database_url,
            "TEST_KAFKA_BOOTSTRAP_SERVERS": plan.servers.kafka_bootstrap_servers,
        }
        without = {"DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"}  # a test must not reach the developer's own data
        environment = {key: value for key, value in os.environ.items() if key not in without} | own
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "pytest",
            *arguments,
            cwd=ROOT,
            env=environment,
            preexec_fn=dies_with_parent(signal.SIGTERM),
        )
        ended = asyncio.create_task(process.wait())
        await asyncio.wait({signalled, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            process.terminate()
            await ended
            return 130
        return ended.result()
    finally:
        signalled.cancel()
        await supervisor.stop()


def clean(settings: LocalSettings) -> int:
    """Delete the data of the local stack and the tools' caches; the downloads and .venv stay."""
    with stack.only_one(settings):
        shutil.rmtree(settings.data, ignore_errors=True)
    for name in (".mypy_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis"):
        shutil.rmtree(ROOT / name, ignore_errors=True)
    say("已删除本地数据与缓存", "local data and caches deleted")
    return 0
