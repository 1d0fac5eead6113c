"""Settings, ports and environments of the local stack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.ports import NeededPort, check_ports, needed_ports
from deploy.local.routes import load_routes
from deploy.local.screen import LocalError
from deploy.local.settings import LocalSettings, Servers, database_url_of, service_environment, settings_from
from deploy.local.testing import throw_away

SERVERS = Servers("postgresql://postgres:root@127.0.0.1:5433/postgres", "127.0.0.1:9094")


def settings(**environ: str) -> LocalSettings:
    return settings_from(environ)


def environment(name: str, servers: Servers = SERVERS, **inherited: str) -> dict[str, str]:
    passwords = {service: f"{service}-secret" for service in load_routes().services}
    return service_environment(name, settings(LOCAL_DIR="/data"), servers, passwords, inherited)


def test_without_any_setting_the_documented_ports_are_used() -> None:
    chosen = settings()
    assert (chosen.gateway_port, chosen.postgres_port, chosen.kafka_port) == (8000, 5433, 9094)
    assert dict(chosen.service_ports) == {
        "directory": 8001,
        "intake": 8002,
        "risk_scoring": 8003,
        "dispatch": 8004,
        "assistance": 8005,
        "notification": 8006,
        "console": 8007,
    }


def test_a_setting_moves_one_port_and_the_addresses_that_follow_from_it() -> None:
    chosen = settings(RISK_SCORING_PORT="9003", KAFKA_PORT="29094")
    assert chosen.address("risk_scoring") == "http://127.0.0.1:9003"
    assert chosen.kafka_controller_port == 29095


@pytest.mark.parametrize("value", ["0", "65536", "-1", "eighty"])
def test_a_port_setting_that_is_no_port_is_refused_by_name(value: str) -> None:
    with pytest.raises(LocalError, match=f"INTAKE_PORT={value}"):
        settings(INTAKE_PORT=value)


def test_a_server_that_exists_needs_no_port_here() -> None:
    own = {port.setting for port in needed_ports(settings())}
    borrowed = {
        port.setting for port in needed_ports(settings(DATABASE_URL="postgresql://x/y", KAFKA_BOOTSTRAP_SERVERS="x:1"))
    }
    assert own - borrowed == {"POSTGRES_PORT", "KAFKA_PORT", "KAFKA_CONTROLLER_PORT"}


def test_every_taken_port_is_named_with_its_user_and_the_setting_that_moves_it() -> None:
    taken = {8002, 5433}
    with pytest.raises(LocalError) as raised:
        check_ports(needed_ports(settings()), free=lambda port: port not in taken)
    assert "8002 (intake: INTAKE_PORT=" in raised.value.zh
    assert "5433 (postgres: POSTGRES_PORT=" in raised.value.zh
    assert "8001" not in raised.value.zh


def test_two_users_of_one_port_are_an_error_before_anything_starts() -> None:
    ports = (NeededPort(8000, "gateway", "GATEWAY_PORT"), NeededPort(8000, "intake", "INTAKE_PORT"))
    with pytest.raises(LocalError, match="GATEWAY_PORT or INTAKE_PORT"):
        check_ports(ports, free=lambda port: True)


def test_free_ports_raise_nothing() -> None:
    check_ports(needed_ports(settings()), free=lambda port: True)


def test_a_services_dsn_keeps_the_servers_address_and_options_and_quotes_the_password() -> None:
    base = "postgresql://admin:pw@db.example:6000/postgres?sslmode=require"
    assert database_url_of(base, "intake", "a/b@c", "intake") == (
        "postgresql://intake:a%2Fb%40c@db.example:6000/intake?sslmode=require"
    )


def test_a_service_gets_its_own_database_and_addresses() -> None:
    env = environment("risk_scoring")
    assert env["DATABASE_URL"] == "postgresql://risk_scoring:risk_scoring-secret@127.0.0.1:5433/risk_scoring"
    assert env["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:9094"
    assert (env["HTTP_PORT"], env["PUBLIC_URL"]) == ("8003", "http://127.0.0.1:8000")
    assert env["JWKS_URL"] == "http://127.0.0.1:8001/.well-known/jwks.json"
    assert env["CURSOR_KEY_FILE"] == "/data/secrets/cursor.key"


def test_each_key_reaches_only_the_service_that_needs_it() -> None:
    holders = {
        key: {name for name in load_routes().services if key in environment(name)}
        for key in ("MASTER_KEY_FILE", "SIGNING_KEY_FILE", "SINK_FILE")
    }
    assert holders == {"MASTER_KEY_FILE": {"intake"}, "SIGNING_KEY_FILE": {"directory"}, "SINK_FILE": {"notification"}}


def test_a_service_inherits_no_secret_of_the_shell_that_started_it() -> None:
    env = environment(
        "intake", PATH="/bin", DATABASE_URL="postgresql://superuser@x/y", AWS_SECRET="s", LC_ALL="zh_CN.UTF-8"
    )
    assert "AWS_SECRET" not in env
    assert "superuser" not in env["DATABASE_URL"]
    assert (env["PATH"], env["LC_ALL"]) == ("/bin", "zh_CN.UTF-8")


def test_the_memory_only_broker_is_told_to_the_services() -> None:
    assert "KAFKA_IDEMPOTENT" not in environment("intake")
    assert environment("intake", replace(SERVERS, durable_broker=False))["KAFKA_IDEMPOTENT"] == "false"


def test_a_test_run_uses_its_own_folder_and_ports_and_prefers_test_servers(tmp_path: Path) -> None:
    chosen = throw_away(
        settings(DATABASE_URL="postgresql://mine/x"), tmp_path, {"TEST_DATABASE_URL": "postgresql://test/x"}
    )
    assert chosen.data == tmp_path
    assert chosen.database_url == "postgresql://test/x"
    assert {5433, 9094}.isdisjoint({chosen.postgres_port, chosen.kafka_port})
