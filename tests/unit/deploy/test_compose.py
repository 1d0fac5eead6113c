"""compose.yaml: every service, contained, supplied with its own secrets only, and accepted by the tools that read it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.settings import Settings
from deploy.local.kafka import server_properties
from deploy.local.routes import load_routes

ROOT = Path(__file__).resolve().parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVICES = load_routes().services
OURS = [name for name, one in CONTAINERS.items() if one["image"].startswith("shouwang:")]
JOBS = {"databases", "migrate", "sample"}
OTHER_VARIABLES = {"MASTER_KEY_FILE", "DRAFT_KEY_FILE", "SIGNING_KEY_FILE", "SINK_FILE", "FORWARDED_ALLOW_IPS"}


def test_every_service_runs_and_nothing_else_of_ours_does() -> None:
    assert set(OURS) == {*SERVICES, *JOBS} - {"databases"}
    for name in SERVICES:
        assert CONTAINERS[name]["command"] == [f"services.{name}", "serve"]


@pytest.mark.parametrize("name", OURS)
def test_what_is_started_is_a_module_of_the_project(name: str) -> None:
    if name == "migrate":
        assert CONTAINERS[name]["entrypoint"] == ["/bin/sh", "/app/migrate.sh"]
        return
    path = ROOT / CONTAINERS[name]["command"][0].replace(".", "/")
    assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_is_contained(name: str) -> None:
    one = CONTAINERS[name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["mem_limit"]
    assert one["pids_limit"]
    assert one["logging"]["options"]["max-size"]
    assert "privileged" not in one
    assert not any("docker.sock" in volume for volume in one.get("volumes", ()))


@pytest.mark.parametrize("name", OURS)
def test_ours_runs_as_the_user_of_the_image(name: str) -> None:
    assert CONTAINERS[name]["user"] == "10001:10001"


@pytest.mark.parametrize("name", sorted(set(CONTAINERS) - JOBS))
def test_what_stays_running_comes_back_and_may_finish_its_work(name: str) -> None:
    one = CONTAINERS[name]
    assert one["restart"] == "unless-stopped"
    assert one["stop_grace_period"]
    # Our services' check is the image's.
    assert "healthcheck" in one or name in SERVICES


def test_a_service_is_given_longer_to_stop_than_it_takes() -> None:
    shutdown = Settings(database_url="").shutdown_seconds
    for name in SERVICES:
        assert int(CONTAINERS[name]["stop_grace_period"].removesuffix("s")) > shutdown


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_reads_its_own_secrets_and_no_others(name: str) -> None:
    secrets = set(CONTAINERS[name]["secrets"])
    own = {"directory": {"signing_key"}, "intake": {"master_key"}, "console": {"draft_key"}}.get(name, set())
    assert secrets == {f"{name}_database_url", "cursor_key", *own}
    named = {
        v.removeprefix("/run/secrets/") for k, v in CONTAINERS[name]["environment"].items() if k.endswith("_KEY_FILE")
    }
    assert named == secrets - {f"{name}_database_url"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_variable_is_one_that_services_know(name: str) -> None:
    known = {field.upper() for field in Settings.model_fields}
    for variable in CONTAINERS[name]["environment"]:
        assert variable in known | OTHER_VARIABLES or variable.removesuffix("_FILE") in known


def test_every_secret_is_a_file_outside_version_control_that_the_script_makes(tmp_path: Path) -> None:
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"deploy/secrets/files/{name}"}
    assert "files/" in (ROOT / "deploy/secrets/.gitignore").read_text().splitlines()
    script = ["/bin/sh", str(ROOT / "deploy/secrets/create.sh"), str(tmp_path)]
    subprocess.run(script, check=True, capture_output=True)
    assert {file.name for file in tmp_path.iterdir()} == set(COMPOSE["secrets"])


def test_no_value_in_the_file_is_a_secret() -> None:
    for one in CONTAINERS.values():
        for variable, value in (one.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|_KEY|DATABASE_URL", variable):
                assert variable.endswith("FILE"), variable
                assert value.startswith("/run/secrets/")


def test_only_the_gateway_is_published_and_by_default_to_this_machine_alone() -> None:
    published = {name: one["ports"] for name, one in CONTAINERS.items() if "ports" in one and "profiles" not in one}
    assert published == {"gateway": ["${GATEWAY_ADDRESS:-127.0.0.1}:${GATEWAY_PORT:-8080}:8080"]}
    for name in ("prometheus", "grafana"):
        assert all(port.startswith("127.0.0.1:") for port in CONTAINERS[name]["ports"])


def test_only_notification_may_reach_the_outside() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    outside = {name for name, one in CONTAINERS.items() if "outside" in one["networks"]}
    assert outside - {"gateway", "prometheus", "grafana"} == {"notification"}


def test_tables_are_there_before_a_service_starts_and_a_missing_broker_stops_none() -> None:
    for name in SERVICES:
        assert CONTAINERS[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert "databases" in CONTAINERS["migrate"]["depends_on"]
    assert "postgres" in CONTAINERS["databases"]["depends_on"]
    urls = {f"{name}_database_url" for name in SERVICES}
    assert set(CONTAINERS["migrate"]["secrets"]) == urls
    assert set(CONTAINERS["databases"]["secrets"]) == urls | {"postgres_password"}


def test_state_lives_in_named_volumes() -> None:
    assert CONTAINERS["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    assert CONTAINERS["kafka"]["volumes"] == ["kafka:/var/lib/kafka/data"]
    for one in CONTAINERS.values():
        for volume in one.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (source.startswith("./") and volume.endswith(":ro"))
            assert not source.startswith("./") or (ROOT / source).exists()


def test_postgres_never_trades_durability_for_speed_nor_logs_what_people_said() -> None:
    command = CONTAINERS["postgres"]["command"]
    options = dict(option.split("=") for option in command if "=" in option)
    assert options["fsync"] == options["synchronous_commit"] == "on"
    assert options["log_min_error_statement"] == "panic"
    assert options["log_parameter_max_length"] == options["log_parameter_max_length_on_error"] == "0"


def test_the_broker_agrees_with_the_local_stack_on_all_but_addresses() -> None:
    local = dict(line.split("=", 1) for line in server_properties(Path("/data"), 9092, 9093).splitlines())
    ours = {
        key.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for key, value in CONTAINERS["kafka"]["environment"].items()
        if key.startswith("KAFKA_") and key != "KAFKA_HEAP_OPTS"
    }
    assert ours["auto.create.topics.enable"] == "false"
    places = {"controller.quorum.voters", "listeners", "advertised.listeners", "log.dirs", "num.partitions"}
    for name in (ours.keys() & local.keys()) - places:
        assert ours[name] == local[name], name


def test_images_are_of_the_versions_the_local_stack_runs() -> None:
    jars = (ROOT / "deploy/local/kafka-jars.lock").read_text()
    (kafka,) = set(re.findall(r"^org\.apache\.kafka:kafka_2\.13:(\S+) ", jars, re.MULTILINE))
    assert CONTAINERS["kafka"]["image"] == f"apache/kafka:{kafka}"
    assert CONTAINERS["postgres"]["image"] == CONTAINERS["databases"]["image"] == "postgres:18"
    assert all(":" in one["image"] and not one["image"].endswith(":latest") for one in CONTAINERS.values())


def test_what_may_be_set_is_in_the_example_with_the_same_default() -> None:
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", (ROOT / "compose.yaml").read_text(encoding="utf-8")))
    lines = [line for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines() if line[:1].isupper()]
    assert dict(line.split("=", 1) for line in lines) == used


def test_the_compose_tool_of_this_machine_accepts_the_file(tmp_path: Path) -> None:
    tool = shutil.which("docker-compose")
    if tool is None:
        pytest.skip("docker-compose is not installed here: apt-get install docker-compose")
    done = subprocess.run(
        [tool, "--profile", "monitoring", "--profile", "sample", "config"],
        cwd=ROOT,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == set(CONTAINERS)
