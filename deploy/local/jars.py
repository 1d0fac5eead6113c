"""Apache Kafka's jars: fetched once by Maven coordinates, checked against kafka-jars.lock, kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from deploy.local.screen import LocalError, Progress, say

LOCK_FILE = Path(__file__).with_name("kafka-jars.lock")


@dataclass(frozen=True)
class Jar:
    """One jar: its Maven coordinates and the sha256 it must have."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        """File name in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def parse_lock(text: str) -> tuple[Jar, ...]:
    """Jars from lines "group:artifact:version sha256"."""
    jars = []
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            coordinates, digest = line.split()
            group, artifact, version = coordinates.split(":")
            jars.append(Jar(group, artifact, version, digest))
    return tuple(jars)


def kafka_version(jars: Sequence[Jar]) -> str:
    """Version of the broker among the jars."""
    return next(jar.version for jar in jars if jar.artifact.startswith("kafka_"))


def class_path(folder: Path, jars: Sequence[Jar]) -> str:
    """Java's class path: exactly the locked jars, whatever else lies in the folder."""
    return os.pathsep.join(str(folder / jar.file) for jar in jars)


def unsound(folder: Path, jars: Sequence[Jar]) -> list[Jar]:
    """Jars that are missing from the folder or are not what the lock says."""
    return [jar for jar in jars if not (folder / jar.file).is_file() or _sha256(folder / jar.file) != jar.sha256]


def cache_folder(environ: Mapping[str, str]) -> Path:
    """The user's cache, shared by all copies of the repository."""
    base = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "shouwang"


def ensure_jars(environ: Mapping[str, str]) -> str:
    """Class path of a complete, checked set of jars. Errors: LocalError when they cannot be fetched or do not match."""
    jars = parse_lock(LOCK_FILE.read_text())
    folder = cache_folder(environ) / f"kafka-{kafka_version(jars)}"
    missing = unsound(folder, jars)
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        _fetch(missing, folder)
        wrong = unsound(folder, jars)
        if wrong:
            raise LocalError(
                f"下载的 {wrong[0].file} 与校验值不符，已拒绝使用",
                f"the downloaded {wrong[0].file} does not match its hash; refused",
            )
    return class_path(folder, jars)


def _fetch(jars: Sequence[Jar], folder: Path) -> None:
    """By Maven where it is installed (it knows the machine's mirrors and proxies), else by jgo in Python."""
    with tempfile.TemporaryDirectory(dir=folder) as draft:
        failure = _fetch_with_maven(jars, Path(draft)) if shutil.which("mvn") else "no Maven"
        if failure is not None:
            failure = _fetch_with_jgo(jars, Path(draft))
        if failure is not None:
            raise LocalError(
                f"无法下载 Apache Kafka（没有网络？）：{failure}",
                "Apache Kafka cannot be downloaded; it is needed once (no network?)",
            )
        for jar in jars:
            (Path(draft) / jar.file).replace(folder / jar.file)


def pom(jars: Sequence[Jar]) -> str:
    """A Maven project that depends on exactly these jars and on nothing they would bring along."""
    dependencies = "".join(
        f"<dependency><groupId>{escape(jar.group)}</groupId><artifactId>{escape(jar.artifact)}</artifactId>"
        f"<version>{escape(jar.version)}</version><exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId>"
        "</exclusion></exclusions></dependency>"
        for jar in jars
    )
    return (
        "<project><modelVersion>4.0.0</modelVersion>"
        "<groupId>local</groupId><artifactId>broker</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )


def _fetch_with_maven(jars: Sequence[Jar], folder: Path) -> str | None:
    say(
        f"用 Maven 下载 Apache Kafka（{len(jars)} 个文件，约 45 MB）",
        "downloading Apache Kafka with Maven, about 45 MB",
    )
    (folder / "pom.xml").write_text(pom(jars))
    command = [
        "mvn",
        "-q",
        "-B",
        "-f",
        str(folder / "pom.xml"),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={folder}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode == 0 and all((folder / jar.file).is_file() for jar in jars):
        return None
    return next((line for line in done.stdout.splitlines() if "ERROR" in line), "Maven failed")[:200]


def _fetch_with_jgo(jars: Sequence[Jar], folder: Path) -> str | None:
    from jgo.maven import MavenContext  # only where Maven did not serve

    progress = Progress("下载 Apache Kafka", "downloading Apache Kafka", len(jars))
    context = MavenContext(repo_cache=folder / "repository", timeout=60)
    for done, jar in enumerate(jars):
        progress.show(done, jar.file)
        try:
            found = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
        except Exception as error:  # jgo raises whatever its HTTP library does; the reason is shown to the person
            return f"{jar.file}: {error}"[:200]
        shutil.copy(found, folder / jar.file)
    progress.done()
    return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
