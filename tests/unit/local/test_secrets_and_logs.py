"""Secrets are made once and kept private; the screen shows what deserves a look; restarts slow down."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from deploy.local.logs import cut, new_lines, shorten
from deploy.local.process import Owner, as_user
from deploy.local.secrets import ensure_secrets
from deploy.local.supervisor import restart_pause_seconds


def test_a_second_run_keeps_every_key_and_password(tmp_path: Path) -> None:
    first = dict(ensure_secrets(tmp_path / "s", ["intake"]))
    kept = {file.name: file.read_bytes() for file in (tmp_path / "s").iterdir()}
    assert dict(ensure_secrets(tmp_path / "s", ["intake"])) == first
    assert {file.name: file.read_bytes() for file in (tmp_path / "s").iterdir()} == kept


def test_a_new_service_gets_a_password_without_changing_the_others(tmp_path: Path) -> None:
    first = ensure_secrets(tmp_path, ["intake"])
    second = ensure_secrets(tmp_path, ["intake", "dispatch"])
    assert second["intake"] == first["intake"]
    assert second["dispatch"] not in first.values()


def test_secrets_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    ensure_secrets(folder, ["intake"])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_keys_have_the_promised_form(tmp_path: Path) -> None:
    ensure_secrets(tmp_path, [])
    assert len(base64.b64decode((tmp_path / "master.key").read_bytes(), validate=False)) == 32
    assert (tmp_path / "master.key").read_bytes() != (tmp_path / "cursor.key").read_bytes()
    key = load_pem_private_key((tmp_path / "signing.pem").read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('{"level": "info", "event": "request", "path": "/x"}', None),
        ('{"level": "warning", "event": "parked", "key": "7"}', "WARNING parked key=7"),
        ("INFO:     Application startup complete.", None),
        ("Traceback (most recent call last):", "Traceback (most recent call last):"),
        ("[1, 2]", None),
    ],
)
def test_the_screen_shows_warnings_and_errors_alone(line: str, shown: str | None) -> None:
    assert shorten(line) == shown


def test_a_long_line_is_cut_on_the_screen() -> None:
    assert len(shorten(json.dumps({"level": "error", "event": "x" * 500})) or "") == 160


def test_a_line_is_shown_only_once_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("first\nsec")
    lines, place = new_lines(log, 0)
    log.write_text("first\nsecond\n")
    assert (lines, new_lines(log, place)[0]) == (["first"], ["second"])


def test_an_overlong_log_keeps_one_older_copy_and_starts_again(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("a") as writer:
        writer.write("old\n")
        writer.flush()
        cut(log)
        writer.write("new\n")
        writer.flush()
    assert (log.read_text(), (tmp_path / "x.log.1").read_text()) == ("new\n", "old\n")


def test_the_pause_before_a_restart_doubles_up_to_half_a_minute() -> None:
    assert [restart_pause_seconds(n) for n in (1, 2, 3, 7, 50)] == [0.5, 1.0, 2.0, 30.0, 30.0]


def test_a_command_runs_as_its_owner_and_still_dies_with_its_parent() -> None:
    assert as_user(["postgres"], None) == ["postgres"]
    prefixed = as_user(["postgres", "-D", "x"], Owner(998, 997))
    assert prefixed[-3:] == ["postgres", "-D", "x"]
    assert {"--reuid=998", "--regid=997", "--clear-groups", "--pdeathsig=TERM"} <= set(prefixed)
