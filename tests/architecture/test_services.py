"""Every service is built the same way and keeps to what it declares."""

import importlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.routing import APIRoute
from prometheus_client.metrics import MetricWrapperBase

from chassis.auth import PUBLIC, guards_of
from contracts.access import ACTIONS
from contracts.catalogue import TOPICS, TYPES
from tests.architecture.tree import ROOT, SERVICES, service

OWNERS = {topic.owner: topic.name for topic in TOPICS}
ADDRESSES: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "routes.yaml").read_text(encoding="utf-8"))["services"]
each_service = pytest.mark.parametrize("name", SERVICES)


def routes(name: str) -> list[APIRoute]:
    """The API routes a service declares."""
    return [route for router in service(name).routers for route in router.routes if isinstance(route, APIRoute)]


@each_service
def test_a_service_has_the_files_every_service_has(name: str) -> None:
    folder = ROOT / "services" / name
    assert (folder / "__main__.py").is_file()
    assert (folder / "migrations" / "env.py").is_file()
    assert list((folder / "migrations" / "versions").glob("0001*.py"))
    assert (folder / "store.py").is_file() or (folder / "store").is_dir()
    assert service(name).migrations == folder / "migrations"


@each_service
def test_a_service_says_in_three_lines_what_it_owns_reacts_to_and_announces(name: str) -> None:
    text = importlib.import_module(f"services.{name}").__doc__ or ""
    assert len(text.strip().splitlines()) in {3, 4, 5}
    assert {"owns", "reacts", "announces"} <= {word.strip(".:,;").lower() for word in text.split()}


@each_service
def test_a_service_is_called_what_its_folder_is_called_and_owns_its_topic(name: str) -> None:
    assert service(name).name == name
    if name in OWNERS:
        assert service(name).topic == OWNERS[name]


@each_service
def test_every_handled_type_is_in_the_catalogue_and_comes_from_another_service(name: str) -> None:
    for payload in service(name).handlers:
        assert TYPES.get(payload.TYPE) is payload
        assert service(name).topic != payload.TOPIC


@each_service
def test_every_route_is_guarded_by_a_known_action_or_declared_public(name: str) -> None:
    for route in routes(name):
        guards = guards_of(route)
        if route.path in PUBLIC | service(name).public:
            assert guards == ()
        else:
            assert guards, f"{route.path} has no guard"
            assert set(guards) <= ACTIONS, route.path


@each_service
def test_no_two_operations_of_a_service_share_a_name_or_an_address(name: str) -> None:
    names = Counter(route.name for route in routes(name))
    addresses = Counter((route.path, method) for route in routes(name) for method in route.methods or ())
    assert [key for key, count in (names + Counter()).items() if count > 1] == []
    assert [key for key, count in addresses.items() if count > 1] == []


def longest_owner(path: str) -> str | None:
    """The service the gateway sends a path to: the longest prefix of whole segments wins."""
    found = [
        (len(prefix), name)
        for name, address in ADDRESSES.items()
        for prefix in address.get("prefixes", ())
        if path == prefix or path.startswith(prefix.rstrip("/") + "/")
    ]
    return max(found)[1] if found else None


@each_service
def test_the_gateway_leads_every_route_to_its_own_service(name: str) -> None:
    assert [route.path for route in routes(name) if longest_owner(route.path) != name] == []


def test_no_prefix_is_promised_to_two_services() -> None:
    prefixes = Counter(prefix for address in ADDRESSES.values() for prefix in address.get("prefixes", ()))
    assert [prefix for prefix, count in prefixes.items() if count > 1] == []


@pytest.mark.parametrize("path", sorted((ROOT / "services").glob("*/metrics.py")), ids=lambda path: path.parent.name)
def test_a_services_metrics_are_named_after_it_and_explained(path: Path) -> None:
    module = importlib.import_module(f"services.{path.parent.name}.metrics")
    found = [value for value in vars(module).values() if isinstance(value, MetricWrapperBase)]
    assert found
    for metric in found:
        family = next(iter(metric.describe()))
        assert family.name.startswith(f"{path.parent.name}_"), family.name
        assert len(family.documentation) > 10
