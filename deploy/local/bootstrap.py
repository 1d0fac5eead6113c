"""Makes `.venv` from a hash-locked requirements file, only when that file has changed.

Runs before anything is installed: standard library only. `python -m deploy.local.bootstrap [requirements file]`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

from deploy.local.screen import LocalError, Progress, fail, say

ROOT = Path(__file__).resolve().parents[2]
PYTHON_OLDEST = (3, 11)

_NO_NETWORK = re.compile(
    r"NewConnectionError|name resolution|nodename nor servname|Network is unreachable|Connection (refused|timed out)"
    r"|ConnectTimeout|ConnectionError|getaddrinfo failed|error sending request|dns error",
    re.IGNORECASE,
)


def environment_key(lock: bytes, version: tuple[int, int], platform: str) -> str:
    """What an environment was made from; a different key means it must be made again."""
    return hashlib.sha256(b"\0".join([lock, repr(version).encode(), platform.encode()])).hexdigest()


def why_install_failed(output: str, lock_name: str) -> LocalError:
    """The one line that explains a failed installation, from the installer's output."""
    if _NO_NETWORK.search(output):
        return LocalError(
            "没有网络：首次运行需要下载软件包一次，请联网后重试",
            "no network: packages must be downloaded once; connect and run again",
        )
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in output or "Hash mismatch" in output:
        return LocalError(
            f"下载的软件包与 {lock_name} 的校验值不符，已拒绝安装",
            f"a downloaded package does not match its hash in {lock_name}; refused",
        )
    missing = re.search(r"No matching distribution found for ([\w.\-]+)", output)
    if missing:
        return LocalError(
            f"软件源中没有 {missing[1]} 适用于本平台的版本",
            f"the package index has no {missing[1]} for {sysconfig.get_platform()}, Python {sys.version.split()[0]}",
        )
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "?")
    return LocalError(f"安装失败：{last}", "installation failed; see .local/log/setup.log")


def create_environment(venv: Path) -> None:
    """An empty virtual environment; without ensurepip (Debian's bare python3) the system's own pip serves it."""
    with_pip = importlib.util.find_spec("ensurepip") is not None
    if not with_pip and not (_module("pip") or _module("uv")):
        raise LocalError(
            "系统 Python 缺少 venv/pip，请先安装（Debian/Ubuntu：apt-get install python3-venv）",
            "this Python lacks venv and pip; install them first (Debian/Ubuntu: apt-get install python3-venv)",
        )
    command = [sys.executable, "-m", "venv", "--clear", *([] if with_pip else ["--without-pip"]), str(venv)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise LocalError(
            f"无法创建虚拟环境 {venv.name}（Debian/Ubuntu：apt-get install python3-venv）",
            f"cannot create {venv.name} (Debian/Ubuntu: apt-get install python3-venv)",
        )


def install(venv: Path, lock: Path, log: Path) -> None:
    """Install exactly what `lock` lists into `venv`, every file checked against its hash."""
    total = lock.read_text().count("==")
    output = ""
    for command in _installers(venv, lock):
        progress = Progress("安装依赖", "installing packages", total)
        status, output = _run_counting(command, progress)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(output)
        if status == 0:
            progress.done()
            return
    raise why_install_failed(output, lock.name)


def ensure(lock: Path, venv: Path | None = None) -> bool:
    """Bring `venv` to what `lock` says; True when something had to be installed."""
    venv = venv or ROOT / ".venv"
    stamp = venv / f".{lock.stem}.stamp"
    key = environment_key(lock.read_bytes(), sys.version_info[:2], sysconfig.get_platform())
    if stamp.is_file() and stamp.read_text() == key and _python_of(venv).exists():
        return False
    if not _python_of(venv).exists() or _version_of(venv) != sys.version_info[:2]:
        say(f"创建虚拟环境 {venv.name}（Python {sys.version.split()[0]}）", "creating the virtual environment")
        create_environment(venv)
    install(venv, lock, ROOT / ".local/log/setup.log")
    stamp.write_text(key)
    return True


def _installers(venv: Path, lock: Path) -> list[list[str]]:
    """Commands to try in turn: uv where it is importable (faster), then pip."""
    python = str(_python_of(venv))
    arguments = ["install", "--require-hashes", "-r", str(lock)]
    commands = []
    if _module("uv"):
        commands.append([sys.executable, "-m", "uv", "pip", *arguments, "--python", python])
    quiet = ["--progress-bar", "off", "--disable-pip-version-check", "--no-input"]
    if (venv / "bin/pip").exists():
        commands.append([python, "-m", "pip", *arguments, *quiet])
    elif _module("pip"):
        commands.append([sys.executable, "-m", "pip", "--python", python, *arguments, *quiet])
    return commands


def _run_counting(command: list[str], progress: Progress) -> tuple[int, str]:
    lines: list[str] = []
    done = 0
    progress.show(0)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            started = re.match(r"\s*(?:Collecting|Requirement already satisfied:|\+) ([\w.\-]+)", line)
            if started:
                done += 1
                progress.show(done, started[1])
            elif line.startswith("Installing collected packages"):
                progress.show(done, "写入磁盘 / writing to disk")
    return process.returncode, "".join(lines)


def _module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _python_of(venv: Path) -> Path:
    return venv / "bin/python"


def _version_of(venv: Path) -> tuple[int, int] | None:
    file = venv / "pyvenv.cfg"
    text = file.read_text() if file.exists() else ""
    found = re.search(r"^version(?:_info)? *= *(\d+)\.(\d+)", text, re.MULTILINE)
    return (int(found[1]), int(found[2])) if found else None


def main(arguments: list[str]) -> int:
    """Ensure the environment for the named requirements file (development by default)."""
    try:
        if sys.version_info < PYTHON_OLDEST:
            raise LocalError(
                "需要 Python 3.11 或更新版本", f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}"
            )
        ensure(ROOT / (arguments[0] if arguments else "requirements-dev.lock"))
    except LocalError as error:
        fail(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
