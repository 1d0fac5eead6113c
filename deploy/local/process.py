"""One child process: started in a session of its own, its output in a log file, stopped by its own signal.

A child must never outlive the supervisor. A clean end is the supervisor's work; for the other case, a supervisor
killed outright, Linux itself sends the child its stop signal (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Owner:
    """A system user, by numbers."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    """What to run. `stop_signal` asks for a clean end; `stop_seconds` is how long that may take before SIGKILL."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    log: Path
    cwd: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 20.0
    owner: Owner | None = None


def dies_with_parent(stop_signal: signal.Signals) -> Callable[[], None]:
    """What a new child does before its program starts: ask the kernel for `stop_signal` when the parent is gone.

    The parent may die between fork and this call; the changed parent id shows that, and the child ends at once.
    """
    parent = os.getpid()

    def ask() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return ask


class Child:
    """A running child process."""

    def __init__(self, command: Command, process: asyncio.subprocess.Process) -> None:
        self.command = command
        self._process = process

    @classmethod
    async def start(cls, command: Command) -> Child:
        """Start it; output is appended to its log file directly, so a slow terminal never holds it up."""
        command.log.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(command.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            process = await asyncio.create_subprocess_exec(
                *as_user(command.argv, command.owner, command.stop_signal),
                env=dict(command.env),
                cwd=command.cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
                preexec_fn=dies_with_parent(command.stop_signal),
            )
        finally:
            os.close(descriptor)
        return cls(command, process)

    @property
    def pid(self) -> int:
        """Process id; also the id of its process group."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Exit status once ended, negative for a signal; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for the end; returns the exit status."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask for a clean end, wait, then kill; whatever the child itself left in its group is killed too."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(self.command.stop_signal)
            try:
                await asyncio.wait_for(self._process.wait(), self.command.stop_seconds)
            except TimeoutError:
                self.kill()
                await self._process.wait()
        self.kill()

    def kill(self) -> None:
        """End the child and everything in its process group now."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def as_user(argv: Sequence[str], owner: Owner | None, stop_signal: signal.Signals = signal.SIGTERM) -> list[str]:
    """`argv`, run as the system user `owner` when one is named (Postgres refuses to run as root).

    The one capability left to that user lets it reach a data folder below folders that only root may enter, so no
    permission of the machine's folders has to change. A change of user clears PR_SET_PDEATHSIG: it is set again here.
    """
    if owner is None:
        return list(argv)
    return [
        "setpriv", f"--reuid={owner.uid}", f"--regid={owner.gid}", "--clear-groups",
        "--inh-caps=+dac_override", "--ambient-caps=+dac_override",
        f"--pdeathsig={stop_signal.name.removeprefix('SIG')}", "--", *argv,
    ]  # fmt: skip


async def run_once(command: Command, timeout_seconds: float = 300.0) -> int:
    """Run a command to its end (a migration, a load); returns its exit status, killed when it takes too long."""
    child = await Child.start(command)
    try:
        return await asyncio.wait_for(child.wait(), timeout_seconds)
    finally:
        await child.stop()


def last_lines(log: Path, count: int = 1) -> str:
    """The end of a log file, for a message."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        lines = [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return " | ".join(lines[-count:])
