"""The container image as its recipe says it: what goes in, who runs it, what starts, when it counts as healthy."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def _instructions() -> list[tuple[str, str]]:
    text = (ROOT / "deploy/image/Dockerfile").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines()) if word]


def _stages() -> list[list[tuple[str, str]]]:
    stages: list[list[tuple[str, str]]] = []
    for instruction in _instructions():
        if instruction[0] == "FROM":
            stages.append([])
        if stages:
            stages[-1].append(instruction)
    return stages


def _of(stage: list[tuple[str, str]], word: str) -> list[str]:
    return [rest for name, rest in stage if name == word]


BUILD, FINAL = _stages()


def test_the_base_is_the_python_of_the_project_pinned_by_tag() -> None:
    assert _instructions()[0] == ("ARG", "PYTHON=python:3.11-slim-bookworm")
    assert _of(BUILD, "FROM") == ["${PYTHON} AS build"]
    assert _of(FINAL, "FROM") == ["${PYTHON}"]


def test_dependencies_are_hash_checked_wheels_of_the_lock() -> None:
    (install,) = (run for run in _of(BUILD, "RUN") if "pip " in run)
    assert "--require-hashes" in install
    assert "--only-binary=:all:" in install
    assert "-r requirements.lock" in install


def test_the_final_stage_installs_nothing_and_runs_as_a_numbered_user() -> None:
    assert not re.search(r"apt-get|pip install|gcc|curl|wget", " ".join(_of(FINAL, "RUN")))
    assert _of(FINAL, "USER") == ["10001:10001"]
    after_user = [name for name, _ in FINAL[[name for name, _ in FINAL].index("USER") + 1 :]]
    assert not {"RUN", "COPY"} & set(after_user)


def test_nothing_is_added_from_the_network() -> None:
    words = [name for name, _ in _instructions()]
    assert "ADD" not in words
    assert "://" not in " ".join(rest for name, rest in _instructions() if name in {"COPY", "RUN"})


def _copied() -> list[str]:
    return [source for copy in _of(BUILD, "COPY") for source in copy.split()[:-1]]


@pytest.mark.parametrize("source", _copied())
def test_what_is_copied_exists_and_passes_the_ignore_file(source: str) -> None:
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert (ROOT / source).exists()
    assert any(source.rstrip("/") == allowed or source.startswith(allowed + "/") for allowed in let_through)


def test_the_build_sees_no_secret_and_nothing_but_what_it_copies() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    let_through = {line[1:] for line in lines if line.startswith("!")}
    assert let_through == {"requirements.lock", "contracts", "chassis", "services", "deploy/image"}


def test_what_it_runs_by_default_is_a_module_of_the_project() -> None:
    (entrypoint,) = _of(FINAL, "ENTRYPOINT")
    (command,) = _of(FINAL, "CMD")
    assert json.loads(entrypoint) == ["python", "-m"]
    module, verb = json.loads(command)
    assert (ROOT / module.replace(".", "/") / "__main__.py").is_file()
    assert verb == "serve"


@contextmanager
def _answering(status: int) -> Iterator[int]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
        assert asked == ["/readyz"]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_container_is_healthy_exactly_when_the_service_is_ready(status: int, healthy: bool) -> None:
    (check,) = _of(FINAL, "HEALTHCHECK")
    _, *arguments = json.loads(check[check.index("CMD ") + 4 :])
    with _answering(status) as port:
        done = subprocess.run(
            [sys.executable, *arguments], env={"HTTP_PORT": str(port)}, capture_output=True, check=False, timeout=30
        )
    assert (done.returncode == 0) is healthy


def _migrate(tmp_path: Path, failing: str = "") -> subprocess.CompletedProcess[str]:
    """Run migrate.sh with a `python` that only tells how it was called."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("directory_database_url", "intake_database_url", "risk_scoring_database_url", "cursor_key"):
        (secrets / name).write_text(name)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@ $DATABASE_URL_FILE"\n[ "$2" != "{failing}" ]\n')
    python.chmod(0o755)
    return subprocess.run(
        ["/bin/sh", str(ROOT / "deploy/image/migrate.sh")],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "SECRETS": str(secrets)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_service_is_migrated_with_its_own_address(tmp_path: Path) -> None:
    done = _migrate(tmp_path)
    assert done.returncode == 0
    assert [line for line in done.stdout.splitlines() if line.startswith("-m")] == [
        f"-m services.{name} migrate {tmp_path}/secrets/{name}_database_url"
        for name in ("directory", "intake", "risk_scoring")
    ]


def test_a_failing_migration_stops_the_rest_and_is_told(tmp_path: Path) -> None:
    done = _migrate(tmp_path, failing="services.intake")
    assert done.returncode != 0
    assert "risk_scoring" not in done.stdout
