"""`make run`: servers, databases, migrations, sample township, services, gateway, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from deploy.local import stack
from deploy.local.databases import ensure_databases
from deploy.local.demo import DEMO_PASSWORD, OPERATOR
from deploy.local.logs import follow
from deploy.local.ports import check_ports, needed_ports
from deploy.local.process import Command, last_lines, run_once
from deploy.local.screen import LocalError, Progress, say
from deploy.local.secrets import ensure_secrets, write_private
from deploy.local.settings import ROOT, LocalSettings, current_settings, service_environment
from deploy.local.supervisor import Supervisor, until_signal

SAMPLE = ROOT / "tests/samples/township.yaml"
READY_SECONDS_MAX = 180.0


@dataclass(frozen=True)
class Run:
    """One run: what was prepared, the roles' passwords, and the supervisor of its processes."""

    plan: stack.Plan
    passwords: Mapping[str, str]
    supervisor: Supervisor


Work = Callable[[Run], Coroutine[None, None, None]]


def run() -> int:
    """Start everything and stay until a signal."""
    return _with_stack(_start_all, stay=True)


def migrate() -> int:
    """Servers, databases and migrations; then stop."""
    return _with_stack(_migrate, stay=False)


def _with_stack(work: Work, *, stay: bool) -> int:
    settings = current_settings()
    with stack.only_one(settings):
        check_ports(needed_ports(settings))
        passwords = ensure_secrets(settings.secrets, settings.service_ports)
        plan = stack.prepare(settings, passwords, os.environ)
        return asyncio.run(_supervise(Run(plan, passwords, Supervisor()), work, stay=stay))


async def _supervise(this: Run, work: Work, *, stay: bool) -> int:
    """Do the work, stay until a signal if asked to, and stop everything however it went."""
    signalled = asyncio.create_task(until_signal())
    working = asyncio.create_task(work(this))
    settings = this.plan.settings
    following: asyncio.Task[None] | None = None
    try:
        await asyncio.wait({signalled, working}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            if stay:
                following = asyncio.create_task(follow([*settings.service_ports, "gateway"], settings.logs))
                await signalled
        return 0
    finally:
        for task in filter(None, (working, following)):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, LocalError):
                await task
        say("正在停止（再按一次 Ctrl-C 立即结束）", "stopping (Ctrl-C again ends at once)")
        impatient = asyncio.create_task(_kill_on_signal(this.supervisor))
        await this.supervisor.stop()
        impatient.cancel()
        signalled.cancel()
        say("已全部停止，数据保留", "all stopped; the data is kept")


async def _kill_on_signal(supervisor: Supervisor) -> None:
    await until_signal()
    supervisor.kill()


async def _start_all(this: Run) -> None:
    settings = this.plan.settings
    await _migrate(this)
    logins = await _load_sample(this)
    for name in settings.service_ports:
        await this.supervisor.start("2 services", service_command(this, name, "serve"))
    await this.supervisor.start("2 services", _gateway_command(settings))
    await _until_services_ready(settings)
    _welcome(settings, logins, durable=this.plan.servers.durable_broker)


async def _migrate(this: Run) -> None:
    """Servers, databases and roles, every service's migrations side by side: each a no-op when done before."""
    names = list(this.plan.settings.service_ports)
    await stack.start_servers(this.plan, this.supervisor)
    await ensure_databases(this.plan.servers.database_url, names, this.passwords)
    say("迁移数据库", "migrating the databases")
    await asyncio.gather(*(_must(service_command(this, name, "migrate")) for name in names))
    if this.plan.broker is not None and this.plan.broker.empty:
        # The databases may be older than the broker's log: the outboxes fill it again, consumers drop what they know.
        await asyncio.gather(*(_must(service_command(this, name, "replay")) for name in names))


def service_command(this: Run, name: str, *arguments: str) -> Command:
    """`python -m services.<name> <arguments>` in that service's environment, logging to its own file."""
    settings = this.plan.settings
    return Command(
        name=name,
        argv=[sys.executable, "-m", f"services.{name}", *arguments],
        env=service_environment(name, settings, this.plan.servers, this.passwords, os.environ),
        log=settings.logs / f"{name}.log",
        cwd=ROOT,
    )


def _gateway_command(settings: LocalSettings) -> Command:
    addresses = {f"{name.upper()}_URL": settings.address(name) for name in settings.service_ports}
    own = {"GATEWAY_PORT": str(settings.gateway_port), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return Command(
        name="gateway",
        argv=[sys.executable, "-m", "deploy.local.gateway"],
        env={"PATH": os.environ.get("PATH", os.defpath)} | own | addresses,
        log=settings.logs / "gateway.log",
        cwd=ROOT,
        stop_seconds=12,
    )


async def _must(command: Command) -> None:
    status = await run_once(command)
    if status != 0:
        step = " ".join(command.argv[2:])
        raise LocalError(
            f"{step} 失败（{status}）：{last_lines(command.log)[-300:]}", f"{step} failed ({status}); see {command.log}"
        )


async def _load_sample(this: Run) -> Sequence[str]:
    """Load the sample township; returns the lines the loader prints for a person: people's demo logins.

    The secrets of the sample's API clients are told once, when the accounts are made: they go to a private file.
    """
    say("载入样例镇（云溪镇，全部虚构）", "loading the sample township (all invented)")
    settings = this.plan.settings
    log = settings.logs / "load.log"
    log.unlink(missing_ok=True)
    await _must(replace(service_command(this, "directory", "load", str(SAMPLE), "--demo-passwords"), log=log))
    told = [line for line in log.read_text().splitlines() if line.strip() and not line.startswith("{")]
    log.unlink()
    clients = [line for line in told if line.startswith("client-")]
    if clients:
        write_private(_clients_file(settings), "".join(f"{line}\n" for line in clients).encode())
    return [line for line in told if line not in clients]


def _clients_file(settings: LocalSettings) -> Path:
    return settings.secrets / "demo-clients.txt"


async def _until_services_ready(settings: LocalSettings) -> None:
    """Wait for every /readyz, showing how many answer and which is awaited."""
    addresses = {name: settings.address(name) + "/readyz" for name in settings.service_ports}
    addresses["gateway"] = settings.gateway + "/livez"
    progress = Progress("等待服务就绪", "waiting for the services", len(addresses))
    deadline = time.monotonic() + READY_SECONDS_MAX
    ready: set[str] = set()
    async with httpx.AsyncClient(timeout=3, trust_env=False) as client:
        while len(ready) < len(addresses):
            waiting = [name for name in addresses if name not in ready]
            progress.show(len(ready), ", ".join(waiting))
            answers = await asyncio.gather(*(_is_ready(client, addresses[name]) for name in waiting))
            ready.update(name for name, answer in zip(waiting, answers, strict=True) if answer)
            if time.monotonic() > deadline:
                listed = ", ".join(n for n in waiting if n not in ready)
                raise LocalError(
                    f"服务没有就绪：{listed}，见 .local/log/", f"services not ready: {listed}; see .local/log/"
                )
            await asyncio.sleep(0.2)
    progress.done()


async def _is_ready(client: httpx.AsyncClient, address: str) -> bool:
    try:
        return (await client.get(address)).status_code == 200
    except httpx.HTTPError:
        return False


def _welcome(settings: LocalSettings, logins: Sequence[str], *, durable: bool) -> None:
    print(f"\n  守望 Shouwang  用浏览器打开 / open in a browser:  {settings.gateway}/")
    print("\n  接口说明 / APIs")
    for name in settings.service_ports:
        print(f"    {name:<14} {settings.address(name)}/docs   ({settings.gateway}/docs/{name}/)")
    print("\n  演示账号 / demo logins")
    for line in logins:
        print(f"    {line}")
    if _clients_file(settings).exists():
        print(f"    接口客户端 / API clients: {_clients_file(settings)}")
    print("\n  试一试 / try:  make demo")
    form = f"grant_type=password&username={OPERATOR}&password={DEMO_PASSWORD}"
    pick = """python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])'"""
    print(f"""    TOKEN=$(curl -s -d "{form}" {settings.gateway}/oauth/token | {pick})""")
    print(f"""    curl -H "Authorization: Bearer $TOKEN" {settings.gateway}/api/v1/areas""")
    if not durable:
        print("\n  ! 内存消息代理：停止后消息丢失 / memory-only broker: messages are lost when stopped")
    print(f"\n  日志 / logs: {settings.logs}    停止 / stop: Ctrl-C\n", flush=True)
