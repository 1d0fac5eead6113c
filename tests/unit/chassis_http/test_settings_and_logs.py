"""Settings come from the environment, secrets from files; logs are JSON lines that quote no one."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from chassis.log import begin_trace, configure, current_traceparent, logger
from chassis.settings import Settings

DSN = "postgresql://somebody@127.0.0.1/db"


def test_a_variable_is_the_fields_name_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", DSN)
    monkeypatch.setenv("HTTP_PORT", "8123")
    settings = Settings()  # type: ignore[call-arg]  # read from the environment
    assert (settings.database_url, settings.http_port) == (DSN, 8123)


def test_a_file_named_for_a_setting_gives_its_value_before_the_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "dsn"
    secret.write_text(f"{DSN}\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://other")
    monkeypatch.setenv("DATABASE_URL_FILE", str(secret))
    assert Settings().database_url == DSN  # type: ignore[call-arg]  # read from the environment


def test_a_named_file_that_is_missing_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CURSOR_KEY_FILE", str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError):
        Settings(database_url=DSN)


def test_settings_without_a_database_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(ValidationError):
        Settings()  # type: ignore[call-arg]  # that is the point


def test_a_secret_does_not_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURSOR_KEY", "open sesame")
    assert "sesame" not in repr(Settings(database_url=DSN))


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    root = logging.getLogger()
    kept, level = root.handlers[:], root.level
    configure("example", "INFO")
    yield capsys
    root.handlers[:] = kept
    root.setLevel(level)


def test_a_log_line_is_json_with_service_trace_and_the_exceptions_type_but_not_its_text(
    lines: pytest.CaptureFixture[str],
) -> None:
    begin_trace(None)
    try:
        raise ValueError("third house")
    except ValueError:
        logging.getLogger("a.library").exception("it failed")
    logger("ours").info("relay_sent", count=3)
    library, ours = (json.loads(line) for line in lines.readouterr().err.splitlines())
    trace = (current_traceparent() or "").split("-")[1]
    assert (library["error"], library["service"], library["trace_id"]) == ("ValueError", "example", trace)
    assert "test_settings_and_logs.py" in library["places"][0]
    assert "third house" not in json.dumps(library)
    assert (ours["event"], ours["count"], ours["level"]) == ("relay_sent", 3, "info")
