"""The indicators: every one has a number or says why not, late stays late, few are not shown, everybody sees their own part."""

from datetime import timedelta
from typing import Any

from contracts.policy import load_policy
from services.console.indicators.definitions import BENEFITS, MEASURE_LIST
from tests.product import Product

CIVIL_AFFAIRS, POLICE, VILLAGE = "st088", "st092", "st002"


async def _indicators(town: Product, who: str, **asked: Any) -> dict[str, Any]:
    answer = await town.console.client.get(
        "/api/v1/indicators", params=asked, headers={"Authorization": f"Bearer {await town.token(who)}"}
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _figure(found: dict[str, Any], kpi: str, measure: str | None = None, group: str | None = None) -> dict[str, Any]:
    (indicator,) = [i for i in found["indicators"] if i["id"] == kpi]
    (figure,) = [f for f in indicator["figures"] if f["measure"] == measure and f["group"] == group]
    return dict(figure)


def test_every_indicator_and_every_measure_of_the_policy_is_counted() -> None:
    policy = load_policy("2026-11")
    counted = {(measure.kpi, measure.name) for measure in MEASURE_LIST}
    assert {kpi for kpi, _ in counted} == {kpi.id for kpi in policy.kpis.list}
    asked = {(k.id, b.measure) for k in policy.kpis.list for b in (*k.target, *(k.alarm or ())) if b.measure}
    assert asked - counted == {("K20", "unprocessed"), ("K20", "dead letters")}


def test_the_benefits_counted_are_those_the_catalogue_names() -> None:
    policy = load_policy("2026-11")
    named: dict[str, set[str]] = {}
    for entry in policy.assistance.catalogue:
        for rule in entry.eligibility:
            named.setdefault(rule, set()).add(entry.code)
    assert {rule: set(codes) for rule, codes in BENEFITS.items()} == {r: c for r, c in named.items() if r in BENEFITS}


async def test_a_late_acknowledgement_stays_late_and_grouping_adds_up(town: Product) -> None:
    before = _figure(await _indicators(town, CIVIL_AFFAIRS, kpi="K4"), "K4")
    await town.report("YX-01")
    await town.advance(timedelta(hours=2))
    after = await _indicators(town, CIVIL_AFFAIRS, kpi=["K4", "K9"])
    late = _figure(after, "K4")
    assert late["among"] > before["among"]
    assert late["counted"] == before["counted"]
    assert _figure(after, "K9", "open breaches")["value"] > 0
    by_department = await _indicators(town, CIVIL_AFFAIRS, kpi="K4", group_by="department")
    (indicator,) = by_department["indicators"]
    assert sum(figure["among"] for figure in indicator["figures"]) == late["among"]


async def test_few_are_not_shown_outside_civil_affairs_and_a_village_sees_itself(town: Product) -> None:
    await town.report("YX-05")
    own = await _indicators(town, VILLAGE)
    assert own["villages"] == ["V01"]
    for indicator in own["indicators"]:
        for figure in indicator["figures"]:
            assert figure["among"] is None or figure["among"] == 0 or figure["among"] >= 5, (indicator["id"], figure)
    assert (await _indicators(town, POLICE))["department"] == "police"


async def test_scorecards_stand_beside_each_other_for_the_quarter(town: Product) -> None:
    await town.report("YX-01")
    await town.advance(timedelta(hours=2))
    now = await town.now()
    name = f"{now.year}-Q{(now.month - 1) // 3 + 1}"
    answer = await town.console.client.get(
        "/api/v1/indicators/scorecards",
        params={"quarter": name, "per": "department"},
        headers={"Authorization": f"Bearer {await town.token(CIVIL_AFFAIRS)}"},
    )
    assert answer.status_code == 200, answer.text
    cards = {card["subject"]: card for card in answer.json()["cards"]}
    assert cards["police"]["counts"]["breached"] > 0
