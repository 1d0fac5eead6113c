"""Alerts and dashboards: they ask for numbers that exist, are tested, and tell a person what to do."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from deploy.gateway.routes import host_of
from deploy.local.routes import load_routes

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy/prometheus"
SERVICES = load_routes().services
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "rules.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDS = {rule["record"] for rule in RULES if "record" in rule}
TESTS = [
    case
    for name in ("rules_test.yaml", "rules_budget_test.yaml")
    for case in yaml.safe_load((FOLDER / name).read_text())["tests"]
]
DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
RUNBOOK = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
FROM_ELSEWHERE = {"up", "process_resident_memory_bytes"}
"""Made by Prometheus and by its client library themselves."""


def _expressions() -> dict[str, str]:
    found = {rule.get("alert") or rule["record"]: rule["expr"] for rule in RULES}
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]:
            found |= {f"{file.stem}: {panel['title']} {t['refId']}": t["expr"] for t in panel["targets"]}
    return found


EXPRESSIONS = _expressions()


def _metrics() -> dict[str, MetricWrapperBase]:
    files = [ROOT / "chassis/metrics.py", *sorted((ROOT / "services").glob("*/metrics.py"))]
    modules = [importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts)) for file in files]
    exported: dict[str, MetricWrapperBase] = {}
    for metric in [one for module in modules for one in vars(module).values() if isinstance(one, MetricWrapperBase)]:
        suffixes = {Counter: ("_total",), Histogram: ("_count", "_sum", "_bucket")}.get(type(metric), ("",))
        exported |= {metric._name + suffix: metric for suffix in suffixes}
    return exported


METRICS = _metrics()
WORDS = {"sum", "max", "min", "count", "by", "on", "and", "or", "unless", "offset"}


def _series(expression: str) -> list[tuple[str, str]]:
    """Each metric an expression asks for, with what stands in its braces."""
    bare = re.sub(r"\b(?:by|on) \([^)]*\)", " ", expression)
    return [
        (name, braces)
        for name, braces in re.findall(
            r"(?<![\w\[\"])([a-z_][\w:]*)(\{[^}]*\})?(?![\w(\"=!~])", re.sub(r"\[\w+\]", "", bare)
        )
        if name not in WORDS
    ]


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_every_number_asked_for_is_measured_with_the_labels_asked_for(where: str) -> None:
    series = _series(EXPRESSIONS[where])
    assert series or where == "Watchdog"
    for name, braces in series:
        assert name in METRICS or name in RECORDS or name in FROM_ELSEWHERE, name
        if name not in METRICS:
            continue
        metric = METRICS[name]
        wanted = {*re.findall(r"(\w+)(?:=~|!~|!=|=)\"", braces)} - {"service", "instance", "job", "le"}
        assert wanted <= set(metric._labelnames), (name, wanted)
        for bound in re.findall(r'le="([^"]*)"', braces):
            assert isinstance(metric, Histogram)
            assert float(bound) in metric._upper_bounds


def test_the_reader_of_expressions_sees_every_metric() -> None:
    seen = _series(
        'sum by (service, le) (rate(a_total{x="1", y!="/readyz"}[5m])) / on (service) b:c:d5m > 0.5 unless e offset 15m'
    )
    assert seen == [("a_total", '{x="1", y!="/readyz"}'), ("b:c:d5m", ""), ("e", "")]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_urgent_it_is_in_both_languages_and_what_to_do(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in {"page", "ticket"} or name == "Watchdog"
    zh, _, en = alert["annotations"]["summary"].partition(" / ")
    assert re.search(r"[\u4e00-\u9fff]", zh)
    assert en
    assert not re.search(r"[\u4e00-\u9fff]", en)
    assert alert["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_section_with_something_to_do_in_both_languages(name: str) -> None:
    section = re.search(rf"^### {name}\n(.+?)\n(.+?)\n(?:\n|$)", RUNBOOK, re.MULTILINE)
    assert section is not None
    assert re.search(r"[\u4e00-\u9fff]", section[1])
    assert re.match(r"[A-Z`]", section[2])


def test_the_runbook_has_no_section_for_an_alert_that_is_gone() -> None:
    alerts = RUNBOOK[RUNBOOK.index("## 告警 Alerts") : RUNBOOK.index("## 操作 Procedures")]
    assert set(re.findall(r"^### (\w+)$", alerts, re.MULTILINE)) == set(ALERTS)


def test_every_link_inside_the_runbook_leads_somewhere() -> None:
    anchors = {*re.findall(r'<a id="([^"]+)">', RUNBOOK), *(name.lower() for name in ALERTS)}
    assert set(re.findall(r"\]\(#([^)]+)\)", RUNBOOK)) <= anchors
    elsewhere = (
        file.read_text(encoding="utf-8") for folder in ("deploy", "docs") for file in (ROOT / folder).rglob("*.md")
    )
    assert {anchor for text in elsewhere for anchor in re.findall(r"runbook\.md#([\w-]+)", text)} <= anchors


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_is_seen_to_fire_and_to_be_silent(name: str) -> None:
    cases = [case for test in TESTS for case in test["alert_rule_test"] if case["alertname"] == name]
    assert any(case.get("exp_alerts") for case in cases)
    assert name == "Watchdog" or any(not case.get("exp_alerts") for case in cases)


def test_the_rules_pass_their_tests() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed here: apt-get install prometheus")
    for arguments in (
        ["check", "config", "prometheus.yml"],
        ["test", "rules", "rules_test.yaml", "rules_budget_test.yaml"],
    ):
        done = subprocess.run(
            [promtool, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_is_scraped_under_its_own_name() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    job = next(one for one in config["scrape_configs"] if one["job_name"] == "shouwang")
    found = {tuple(one["targets"]): one["labels"] for one in job["static_configs"]}
    assert found == {(f"{host_of(name)}:8000",): {"service": name} for name in SERVICES}


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_names_its_panels_in_both_languages_and_lays_them_side_by_side(file: Path) -> None:
    board = json.loads(file.read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        assert re.search(r"[\u4e00-\u9fff].* [A-Z\d]", panel["title"])
        assert panel["datasource"] == {"type": "prometheus", "uid": "prometheus"}
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_grafana_finds_its_data_and_its_dashboards() -> None:
    folder = ROOT / "deploy/grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yaml").read_text(encoding="utf-8"))["datasources"]
    assert (source["uid"], source["url"]) == ("prometheus", "http://prometheus:9090")
    (provider,) = yaml.safe_load((folder / "dashboards/shouwang.yaml").read_text(encoding="utf-8"))["providers"]
    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in compose
    home = re.search(r"HOME_DASHBOARD_PATH: (\S+)", compose)
    assert home is not None
    assert Path(home[1]).name in {file.name for file in DASHBOARDS}
