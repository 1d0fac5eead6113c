"""Keeps child processes running: starts them, restarts what crashes with growing pauses, stops all in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from deploy.local.process import Child, Command, last_lines
from deploy.local.screen import LocalError, say

RESTART_SECONDS_FIRST = 0.5
RESTART_SECONDS_MAX = 30.0
HEALTHY_SECONDS = 60.0


def restart_pause_seconds(crashes: int) -> float:
    """Pause before the restart after `crashes` crashes in a row: 0.5, 1, 2, ... at most 30 seconds."""
    return float(min(RESTART_SECONDS_MAX, RESTART_SECONDS_FIRST * 2.0 ** min(crashes - 1, 10)))


@dataclass
class _Kept:
    command: Command
    child: Child
    crashes: int = 0


class Supervisor:
    """Children in groups. Groups are stopped in the reverse of the order in which they were first used."""

    def __init__(self) -> None:
        self._groups: dict[str, dict[asyncio.Task[None], _Kept]] = {}
        self._stopping = False

    async def start(self, group: str, command: Command) -> None:
        """Start a child and keep it running until `stop`."""
        self._adopt(group, command, await Child.start(command))

    async def start_server(
        self,
        group: str,
        command: Command,
        ready: Coroutine[None, None, None],
        why_not: Callable[[], LocalError],
        seconds: float,
    ) -> None:
        """Start a child and return once `ready` is done; one that ends or is silent before that is an error."""
        child = await Child.start(command)
        ended = asyncio.create_task(child.wait())
        answered = asyncio.create_task(ready)
        try:
            await asyncio.wait({ended, answered}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if ended.done() or not answered.done():
                raise why_not()
            answered.result()
        except BaseException:
            await child.stop()
            raise
        finally:
            ended.cancel()
            answered.cancel()
        self._adopt(group, command, child)

    def _adopt(self, group: str, command: Command, child: Child) -> None:
        kept = _Kept(command, child)
        keeper = asyncio.create_task(self._keep(kept), name=f"keep {command.name}")
        self._groups.setdefault(group, {})[keeper] = kept

    def crashes(self) -> dict[str, int]:
        """Crashes in a row of each child that is not steady, by name."""
        return {k.command.name: k.crashes for kept in self._groups.values() for k in kept.values() if k.crashes}

    async def stop(self) -> None:
        """Stop every group in turn, each group's children side by side; nothing is left running."""
        self._stopping = True
        for group in reversed(list(self._groups)):
            kept = self._groups.pop(group)
            await asyncio.gather(*(self._stop_one(keeper, one) for keeper, one in kept.items()))

    def kill(self) -> None:
        """End everything now, without waiting (a second Ctrl-C)."""
        self._stopping = True
        for kept in self._groups.values():
            for one in kept.values():
                one.child.kill()

    async def _stop_one(self, keeper: asyncio.Task[None], kept: _Kept) -> None:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper
        await kept.child.stop()

    async def _keep(self, kept: _Kept) -> None:
        name = kept.command.name
        while True:
            started = time.monotonic()
            status = await kept.child.wait()
            if self._stopping:
                return
            await kept.child.stop()  # whatever it left in its process group
            kept.crashes = 1 if time.monotonic() - started > HEALTHY_SECONDS else kept.crashes + 1
            pause = restart_pause_seconds(kept.crashes)
            why = last_lines(kept.command.log)[-160:]
            say(
                f"{name} 意外退出（{status}），{pause:g} 秒后重启：{why}",
                f"{name} ended ({status}), restarting in {pause:g} s",
            )
            await asyncio.sleep(pause)
            kept.child = await Child.start(kept.command)


async def until_signal(
    signals: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP),
) -> signal.Signals:
    """Return the first of `signals` that arrives."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[signal.Signals] = loop.create_future()

    def arrive(number: signal.Signals) -> None:
        if not arrived.done():
            arrived.set_result(number)

    for number in signals:
        loop.add_signal_handler(number, arrive, number)
    return await arrived
