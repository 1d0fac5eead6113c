"""The Kubernetes manifests: as written, and as Kustomize puts them together."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.settings import Settings
from deploy.gateway.routes import host_of
from deploy.local.routes import load_routes

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy/kubernetes"
SERVICES = load_routes().services
WRITTEN = sorted(FOLDER.rglob("*.yaml"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]

Manifest = dict[str, Any]


@functools.cache
def _rendered() -> tuple[Manifest, ...]:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed here, and only it can put the manifests together")
    done = subprocess.run([kubectl, "kustomize", str(FOLDER)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def _all(kind: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in _rendered() if one["kind"] == kind}


def _containers(deployment: Manifest) -> list[Manifest]:
    pod = deployment["spec"]["template"]["spec"]
    return [*pod.get("initContainers", ()), *pod["containers"]]


def _selects(selector: dict[str, str], manifest: Manifest) -> bool:
    labels: dict[str, str] = manifest["spec"]["template"]["metadata"]["labels"]
    return selector.items() <= labels.items()


def _matches(selector: Manifest, labels: dict[str, str]) -> bool:
    exact = selector.get("matchLabels", {}).items() <= labels.items()
    return exact and all(labels.get(e["key"]) in e["values"] for e in selector.get("matchExpressions", ()))


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: str(file.relative_to(FOLDER)))
def test_every_file_is_used_and_holds_no_secret(file: Path) -> None:
    for one in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        assert one["kind"] != "Secret"
        assert not {"stringData", "secretGenerator"} & one.keys()
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"postgres(ql)?://|BEGIN [A-Z ]*KEY|password:", text, re.IGNORECASE)
    if file.name != "kustomization.yaml":
        assert file.name in (file.parent / "kustomization.yaml").read_text(encoding="utf-8")


def test_every_service_has_its_folder_and_is_listed() -> None:
    names = {host_of(service) for service in SERVICES}
    assert {folder.name for folder in (FOLDER / "services").iterdir()} == names
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    assert {f"services/{name}" for name in names} <= set(listed)
    assert "components" not in yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_its_own_module_with_its_own_secrets(service: str) -> None:
    name = host_of(service)
    (container,) = _containers(_all("Deployment")[name])
    assert container["args"] == COMPOSE[service]["command"] == [f"services.{service}", "serve"]
    volume = next(v for v in _all("Deployment")[name]["spec"]["template"]["spec"]["volumes"] if v["name"] == "secrets")
    assert [s["secret"]["name"] for s in volume["projected"]["sources"]] == [f"shouwang-{name}", "shouwang-cursor"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_given_the_same_variables_as_in_compose(service: str) -> None:
    (container,) = _containers(_all("Deployment")[host_of(service)])
    given = {one["name"] for one in container["env"]} | _all("ConfigMap")["shouwang-settings"]["data"].keys()
    # The sink stands in for providers that are not there yet; without a file it goes to the log.
    assert given == COMPOSE[service]["environment"].keys() - {"SINK_FILE"}


def test_selectors_choose_their_own_pods_alone() -> None:
    deployments = _all("Deployment")
    assert set(deployments) == {*map(host_of, SERVICES), "gateway"}
    for kind in ("Service", "PodDisruptionBudget"):
        assert _all(kind).keys() == deployments.keys()
    for name in deployments:
        chosen = [
            deployments[name]["spec"]["selector"]["matchLabels"],
            _all("Service")[name]["spec"]["selector"],
            _all("PodDisruptionBudget")[name]["spec"]["selector"]["matchLabels"],
        ]
        for selector in chosen:
            assert [other for other, one in deployments.items() if _selects(selector, one)] == [name]
        spread = deployments[name]["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"]
        assert [other for other, one in deployments.items() if _selects(spread["matchLabels"], one)] == [name]


def test_ports_lead_from_the_ingress_to_the_process() -> None:
    (rule,) = _all("Ingress")["shouwang"]["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": "gateway", "port": {"name": "http"}}
    for name, deployment in _all("Deployment").items():
        (container,) = _containers(deployment)
        (port,) = container["ports"]
        (exposed,) = _all("Service")[name]["spec"]["ports"]
        assert exposed["targetPort"] == exposed["name"] == port["name"] == "http"
        assert exposed["port"] == port["containerPort"] == (8080 if name == "gateway" else 8000)
    assert _all("ConfigMap")["shouwang-settings"]["data"]["HTTP_PORT"] == "8000"


def test_probes_ask_the_ways_that_the_services_answer() -> None:
    for name in map(host_of, SERVICES):
        (container,) = _containers(_all("Deployment")[name])
        asked = {
            probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        # A service without its database is not ready; killing it would not bring the database back.
        assert asked == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}


def _workloads() -> dict[str, Manifest]:
    return _all("Deployment") | _all("Job")


def test_every_pod_is_contained() -> None:
    for name, one in _workloads().items():
        pod = one["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["securityContext"]["runAsUser"] == (101 if name == "gateway" else 10001)
        for container in _containers(one):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}


def test_a_pod_is_given_longer_to_stop_than_its_process_takes() -> None:
    for name in map(host_of, SERVICES):
        pod = _all("Deployment")[name]["spec"]["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] > Settings(database_url="").shutdown_seconds


def test_migrations_cover_every_service_and_have_the_layout_that_the_script_reads() -> None:
    pod = _all("Job")["migrate"]["spec"]["template"]["spec"]
    volume = next(volume for volume in pod["volumes"] if volume["name"] == "secrets")
    files = {item["path"]: s["secret"]["name"] for s in volume["projected"]["sources"] for item in s["secret"]["items"]}
    assert files == {f"{service}_database_url": f"shouwang-{host_of(service)}" for service in SERVICES}
    (migrate,) = pod["containers"]
    assert migrate["command"] == COMPOSE["migrate"]["entrypoint"]
    assert {"name": "secrets", "mountPath": "/run/secrets", "readOnly": True} in migrate["volumeMounts"]


def test_config_maps_and_images_are_those_that_exist() -> None:
    maps = _all("ConfigMap").keys()
    for one in _workloads().values():
        for volume in one["spec"]["template"]["spec"]["volumes"]:
            for source in volume.get("projected", {}).get("sources", ()):
                assert "configMap" not in source or source["configMap"]["name"] in maps
        for container in _containers(one):
            for source in container.get("envFrom", ()):
                assert source["configMapRef"]["name"] in maps
            assert container["image"] in {"registry.example/shouwang:latest", COMPOSE["gateway"]["image"]}


def test_nothing_may_be_reached_but_what_is_named() -> None:
    policies = _all("NetworkPolicy")
    assert policies["nothing-else"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    labels = {name: one["spec"]["template"]["metadata"]["labels"] for name, one in _workloads().items()}
    covered = {
        "services": set(map(host_of, SERVICES)),
        "databases-and-broker": {*map(host_of, SERVICES), "migrate"},
        "webhooks": {"notification"},
        "gateway": {"gateway"},
        "postgres": set(),
    }
    for name, pods in covered.items():
        selector = policies[name]["spec"]["podSelector"]
        assert {pod for pod, have in labels.items() if _matches(selector, have)} == pods, name


def test_webhooks_may_not_enter_a_private_network() -> None:
    (rule,) = _all("NetworkPolicy")["webhooks"]["spec"]["egress"]
    (to,) = rule["to"]
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(to["ipBlock"]["except"])
