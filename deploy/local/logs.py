"""The services' log files: a short line on the screen for what deserves a look, and a size none may exceed."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

LOG_BYTES_MAX = 50 * 1024 * 1024
_LOOK_SECONDS = 0.5
_READ_BYTES_MAX = 64 * 1024
_WORTH_SHOWING = {"warning", "error", "critical"}


def shorten(line: str, width: int = 160) -> str | None:
    """The screen's version of a log line, or None when it is for the file alone: warnings and errors are shown."""
    text = line.strip()
    try:
        entry = json.loads(text)
    except ValueError:
        found = text.startswith(("WARNING", "ERROR", "CRITICAL", "Traceback"))
        return text[:width] if found else None
    if not isinstance(entry, dict) or str(entry.get("level", "")).lower() not in _WORTH_SHOWING:
        return None
    rest = {
        k: v for k, v in entry.items() if k not in {"level", "event", "timestamp", "service", "exception", "logger"}
    }
    details = " ".join(f"{name}={value}" for name, value in rest.items())
    return f"{str(entry['level']).upper()} {entry.get('event', '')} {details}"[:width].rstrip()


async def follow(names: Iterable[str], folder: Path) -> None:
    """Show new lines of `<name>.log` files, each under its name, until cancelled; cut a file that grows too large."""
    seen = {name: _size(folder / f"{name}.log") for name in names}
    width = max(len(name) for name in seen)
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        for name in seen:
            path = folder / f"{name}.log"
            lines, seen[name] = new_lines(path, seen[name])
            for short in filter(None, map(shorten, lines)):
                print(f"{name:<{width}} │ {short}", flush=True)
            if seen[name] > LOG_BYTES_MAX:
                cut(path)
                seen[name] = 0


def cut(path: Path) -> None:
    """Keep one older copy and empty the file; its writer goes on appending to it."""
    shutil.copyfile(path, path.with_suffix(".log.1"))
    with path.open("r+b") as file:
        file.truncate(0)


def new_lines(path: Path, start: int) -> tuple[list[str], int]:
    """Whole lines written since byte `start`, the newest 64 KiB of them, and the byte to go on from."""
    size = _size(path)
    if size <= start:
        return [], size
    with path.open("rb") as file:
        file.seek(max(start, size - _READ_BYTES_MAX))
        whole, _, rest = file.read(_READ_BYTES_MAX).rpartition(b"\n")
        return whole.decode("utf-8", "replace").splitlines(), file.tell() - len(rest)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
