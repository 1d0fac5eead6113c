"""The supervisor with real child processes: what crashes comes back, what is stopped is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from deploy.local.process import Child, Command, run_once
from deploy.local.screen import LocalError
from deploy.local.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[3]

SUPERVISING = """
import asyncio, sys
from pathlib import Path
from deploy.local.process import Command
from deploy.local.supervisor import Supervisor, until_signal

folder = Path(sys.argv[1])
CHILD = '''
import signal, subprocess, sys, time, os
from pathlib import Path
folder, name = Path(sys.argv[1]), sys.argv[2]
def stop(number, frame):
    with (folder / "order").open("a") as order:
        order.write(name + "\\\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
grandchild = subprocess.Popen(["sleep", "600"])
(folder / (name + ".new")).write_text(f"{os.getpid()} {grandchild.pid}")
(folder / (name + ".new")).rename(folder / (name + ".pids"))
while True:
    time.sleep(60)
'''

def command(name):
    argv = [sys.executable, "-c", CHILD, str(folder), name]
    return Command(name, argv, {"PATH": "/usr/bin:/bin"}, folder / f"{name}.log", folder, stop_seconds=10)

async def main():
    supervisor = Supervisor()
    await supervisor.start("0 postgres", command("postgres"))
    await supervisor.start("1 kafka", command("kafka"))
    await supervisor.start("2 services", command("intake"))
    await supervisor.start("2 services", command("dispatch"))
    await until_signal()
    await supervisor.stop()

asyncio.run(main())
"""
NAMES = ("postgres", "kafka", "intake", "dispatch")


def shell(script: str, folder: Path, name: str = "child", stop_seconds: float = 5.0) -> Command:
    return Command(
        name, ["sh", "-c", script], dict(os.environ), folder / f"{name}.log", folder, stop_seconds=stop_seconds
    )


async def eventually(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not happened():
            await asyncio.sleep(0.02)


def running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def supervise(folder: Path) -> tuple[subprocess.Popen[bytes], list[int]]:
    """A supervising process with four children, and the ids of all children and grandchildren once all run."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(SUPERVISING), str(folder)], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    await eventually(lambda: all((folder / f"{name}.pids").exists() for name in NAMES))
    pids = [int(pid) for name in NAMES for pid in (folder / f"{name}.pids").read_text().split()]
    assert len(pids) == 8
    return process, pids


async def test_a_child_that_crashes_is_started_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    supervisor = Supervisor()
    await supervisor.start("services", shell("echo started >> starts; echo out of luck; exit 3", tmp_path, "intake"))
    await eventually(lambda: (tmp_path / "starts").exists() and len((tmp_path / "starts").read_text().split()) >= 2)
    await supervisor.stop()
    told = capsys.readouterr().out
    assert "intake ended (3), restarting in 0.5 s" in told
    assert "out of luck" in told


async def test_a_stopped_child_is_not_started_again(tmp_path: Path) -> None:
    supervisor = Supervisor()
    await supervisor.start("services", shell("echo started >> starts; exec sleep 600", tmp_path))
    await eventually((tmp_path / "starts").exists)
    await supervisor.stop()
    assert (tmp_path / "starts").read_text() == "started\n"
    assert supervisor.crashes() == {}


async def test_on_sigterm_services_stop_first_then_the_broker_then_the_database_and_nothing_is_left(
    tmp_path: Path,
) -> None:
    process, pids = await supervise(tmp_path)
    process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(process.wait, 30)
    order = (tmp_path / "order").read_text().split()
    assert process.returncode == 0
    assert (set(order[:2]), order[2:]) == ({"intake", "dispatch"}, ["kafka", "postgres"])
    assert [pid for pid in pids if running(pid)] == []


async def test_children_end_even_when_the_supervisor_is_killed_outright(tmp_path: Path) -> None:
    process, pids = await supervise(tmp_path)
    process.kill()
    await asyncio.to_thread(process.wait, 30)
    try:
        await eventually(lambda: not any(running(pid) for pid in pids[::2]))
        assert sorted((tmp_path / "order").read_text().split()) == sorted(NAMES)
    finally:
        for grandchild in filter(running, pids):
            os.kill(grandchild, signal.SIGKILL)


async def test_a_child_that_will_not_stop_is_killed_with_all_it_started(tmp_path: Path) -> None:
    script = (
        "trap '' TERM; sleep 600 & echo $! > grandchild.new; mv grandchild.new grandchild; while :; do sleep 1; done"
    )
    child = await Child.start(shell(script, tmp_path, stop_seconds=0.2))
    await eventually((tmp_path / "grandchild").exists)
    await child.stop()
    assert child.status == -signal.SIGKILL
    grandchild = int((tmp_path / "grandchild").read_text())
    await eventually(lambda: not running(grandchild))


async def test_a_server_that_ends_before_it_is_ready_is_an_error_and_is_not_restarted(tmp_path: Path) -> None:
    supervisor = Supervisor()
    never: asyncio.Event = asyncio.Event()

    async def ready() -> None:
        await never.wait()

    with pytest.raises(LocalError, match="no luck"):
        await supervisor.start_server(
            "servers",
            shell("echo x >> starts; exit 1", tmp_path),
            ready(),
            lambda: LocalError("不行", "no luck"),
            seconds=20,
        )
    await supervisor.stop()
    assert (tmp_path / "starts").read_text() == "x\n"


async def test_a_single_command_reports_its_status_and_logs_its_output(tmp_path: Path) -> None:
    assert await run_once(shell("echo migrated; exit 7", tmp_path, "migrate")) == 7
    assert (tmp_path / "migrate.log").read_text() == "migrated\n"
