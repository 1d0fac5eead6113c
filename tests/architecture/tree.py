"""The files and services of the repository, for the tests that look at its shape."""

import importlib
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from chassis.service import Service

ROOT = Path(__file__).parents[2]
PRODUCT = ("contracts", "chassis", "services", "deploy")
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/service.py"))
_NOT_OURS = {".venv", ".local", ".git", "__pycache__", "static", "vendor"}


def modules(*folders: str) -> Iterator[Path]:
    """Python files of these top folders."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not _NOT_OURS & set(path.relative_to(ROOT).parts):
                yield path


def name(path: Path) -> str:
    """A path as it is written in a list of exceptions."""
    return path.relative_to(ROOT).as_posix()


@cache
def committed() -> tuple[Path, ...]:
    """Every file that belongs to the repository, tracked or about to be; without git, everything but what is generated."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        found = [ROOT / text for text in listing.stdout.decode().split("\0") if text]
    else:
        found = [
            path for path in ROOT.rglob("*") if not {".venv", ".local", ".git"} & set(path.relative_to(ROOT).parts)
        ]
    return tuple(sorted(path for path in found if path.is_file()))


@cache
def service(name_: str) -> Service:
    """A service's declaration."""
    declared: Service = importlib.import_module(f"services.{name_}.service").SERVICE
    return declared
