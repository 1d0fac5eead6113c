"""The guardian ladder over HTTP: steps and their papers, compliance, orders, reviews, and the clocks behind them."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.testing import Running, running
from contracts.assistance import ComplianceChecked, LadderStepRecorded, OrderEnded, TaskFired
from services.assistance.service import SERVICE
from tests.integration.assistance.story import (
    CASE,
    CIVIL_AFFAIRS,
    GRID,
    LEAGUE,
    POLICE,
    START,
    VILLAGE,
    get,
    happen,
    id_of,
    post,
    report,
    response,
    risk,
    safety,
)
from tests.integration.assistance.working import tasks_fired

pytestmark = pytest.mark.integration

DAY = timedelta(days=1)


@pytest.fixture
async def app() -> AsyncIterator[Running]:
    async with running(SERVICE, now=START + timedelta(hours=4)) as service:
        yield service


async def opened(app: Running, **facts: Any) -> None:
    """A running case; `fired` and `restricted` may be given beside facts of the child."""
    fired, restricted = facts.pop("fired", ()), facts.pop("restricted", False)
    assessed = risk("red" if fired else "orange", facts={"age": 9, **facts}, fired=fired, restricted=restricted)
    await happen(app, report(), assessed, response(restricted=restricted), safety())


async def step(
    app: Running, document: str, who: dict[str, Any] = VILLAGE, *, ago: timedelta = timedelta(), **changes: Any
) -> httpx.Response:
    """Record a step that was taken `ago`."""
    issued = await app.database.now() - ago
    body = {
        "document": document,
        "issuer": "grid_member" if who is GRID else who["dept"],
        "issued_on": issued.isoformat(),
        "reason": "neglect",
        "response": "disputes",
        **changes,
    }
    return await post(app, f"ladders/{CASE}/steps", who, body, idempotency_key=f"{document} {issued.isoformat()}")


async def check(
    app: Running, answer: httpx.Response, complied: bool, who: dict[str, Any] = VILLAGE, **more: Any
) -> Any:
    """Check compliance with the newest step of an answer, now."""
    at = await app.database.now()
    step_id = answer.json()["steps"][-1]["ladder_step_id"]
    body = {"complied": complied, "checked_at": at.isoformat(), **more}
    found = await post(
        app, f"ladders/{CASE}/steps/{step_id}/checks", who, body, idempotency_key=f"check {at.isoformat()}"
    )
    assert found.status_code == 201, found.text
    return found


def codes(items: list[dict[str, Any]]) -> list[str]:
    return [item["code"] for item in items]


# Climbing -------------------------------------------------------------------------------------------------------------


async def test_a_guardian_is_brought_up_step_by_step_to_a_warning_letter(app: Running) -> None:
    await opened(app)
    early = await step(app, "admonition")
    assert (early.status_code, early.json()["code"]) == (409, "one_step_at_a_time")
    assert early.json()["missing"] == ["step:G0", "or:jump_reason"]
    assert "interview" in early.json()["allowed"]

    interview = await step(app, "interview", GRID)
    assert interview.status_code == 201, interview.text
    await app.fire(14 * DAY)
    await check(app, interview, complied=False)
    admonition = await step(app, "admonition")
    assert admonition.status_code == 201, admonition.text
    assert codes(admonition.json()["checks_owed"]) == ["G1"]

    # Not heeded at G1: the police hear of it by the event, without anybody's doing.
    await check(app, admonition, complied=False)
    told = (await app.published(ComplianceChecked))[-1]
    assert (told.step, told.complied, told.next_step, told.document) == ("G1", False, "G2", "admonition")

    reprimand = await step(app, "reprimand", POLICE, document_number="云派训字〔2026〕3号")
    assert reprimand.status_code == 201, reprimand.text
    await check(app, reprimand, complied=False, who=POLICE)
    letter = await step(app, "warning_letter", POLICE, document_number="云派告字〔2026〕12号", response="accepts")
    assert letter.status_code == 201, letter.text
    body = letter.json()
    assert codes(body["orders_in_force"]) == ["warning_letter"]
    assert [guardian["rung"]["code"] for guardian in body["guardians"]] == ["G3"]
    recorded = (await app.published(LadderStepRecorded))[-1]
    assert recorded.copies_to == ("village_committee", "police")
    assert recorded.in_force_until - recorded.issued_on == 90 * DAY
    assert [due - recorded.issued_on for due in recorded.checks_due] == [7 * DAY, 30 * DAY]
    assert "云派" not in recorded.model_dump_json()


async def test_a_guardian_who_refuses_at_g1_goes_to_the_police_at_once(app: Running) -> None:
    await opened(app)
    await step(app, "interview", response="refuses")
    refused = await step(app, "admonition", response="refuses")
    assert refused.status_code == 201, refused.text
    assert [told.next_step for told in await app.published(ComplianceChecked)] == ["G1", "G2"]
    assert (await step(app, "reprimand", POLICE, document_number="3号")).status_code == 201


async def test_red_harm_by_the_guardian_leaves_steps_out_and_says_so(app: Running) -> None:
    await opened(app, fired=("R1",), guardian_suspected_harmer=True)
    jumped = await step(app, "warning_letter", POLICE, document_number="12号", reason="harm")
    assert jumped.status_code == 201, jumped.text
    assert jumped.json()["steps"][0]["jump_reason"] == "fired:R1,fact:guardian_suspected_harmer"
    [recorded] = await app.published(LadderStepRecorded)
    assert recorded.jumped is True


async def test_a_guardian_who_is_ill_is_helped_before_the_police_are(app: Running) -> None:
    await opened(app)
    await step(app, "interview", reason="guardian_ill", response="refuses")
    refused = await step(app, "admonition", reason="guardian_ill")
    assert (refused.status_code, refused.json()["code"]) == (409, "assistance_first")
    assert refused.json()["missing"] == ["assistance"]


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"document": "telling_off"}, "#/document", "unknown_document"),
    ({"reason": "bad_mood"}, "#/reason", "unknown_reason"),
    ({"response": "shrugs"}, "#/response", "unknown_response"),
    ({"document": "reprimand"}, "#/document_number", "number_missing"),
    ({"document": "family_education_order", "document_number": "5号"}, "#/provider", "provider_missing"),
    ({"issued_on": "2030-01-01T00:00:00Z"}, "#/issued_on", "in_the_future"),
    ({"in_force_until": "2027-01-01T00:00:00Z"}, "#/in_force_until", "no_end"),
]


async def test_bad_input_names_the_field_and_the_rule(app: Running) -> None:
    await opened(app)
    for changes, pointer, code in WRONG:
        wrong = await step(app, **{"document": "interview", **changes})
        assert wrong.status_code == 422, wrong.text
        assert [(error["pointer"], error["code"]) for error in wrong.json()["errors"]] == [(pointer, code)]


async def test_only_those_whom_the_policy_names_sign(app: Running) -> None:
    await opened(app)
    signings: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (CIVIL_AFFAIRS, {"issuer": "village_committee"}),
        (VILLAGE, {"issuer": "grid_member"}),
        (CIVIL_AFFAIRS, {}),
    ]
    for who, changes in signings:
        assert (await step(app, "interview", who, **changes)).status_code == 403
    assert (await step(app, "interview", LEAGUE)).status_code == 403
    assert (await get(app, f"ladders/{CASE}", LEAGUE)).status_code == 200


async def test_where_the_village_is_barred_civil_affairs_acts_and_the_village_gets_no_copy(app: Running) -> None:
    await opened(app, fired=("R2",), restricted=True, guardian_suspected_harmer=True)
    assert (await step(app, "interview", VILLAGE)).status_code == 404
    assert (await step(app, "interview", CIVIL_AFFAIRS)).status_code == 201
    letter = await step(app, "warning_letter", POLICE, document_number="12号", reason="harm")
    assert letter.status_code == 201, letter.text
    assert (await app.published(LadderStepRecorded))[-1].copies_to == ("police",)
    await app.fire(8 * DAY)
    told = [one for one in await app.published(TaskFired) if one.subject == "compliance_check"]
    assert told
    assert all("village_committee" not in (one.owner, *one.targets) for one in told)


async def test_a_stale_version_and_a_repeated_command_do_no_harm(app: Running) -> None:
    await opened(app)
    stale = await step(app, "interview")
    assert stale.headers["ETag"]
    again = await post(
        app,
        f"ladders/{CASE}/steps",
        VILLAGE,
        {"document": "guidance", "issuer": "village_committee", "issued_on": START.isoformat(), "reason": "neglect",
         "response": "accepts"},
        if_match='"v1"',
        idempotency_key="late",
    )  # fmt: skip
    assert (again.status_code, again.json()["code"]) == (412, "stale_version")
    assert len((await get(app, f"ladders/{CASE}")).json()["steps"]) == 1


# Checks and orders over time ------------------------------------------------------------------------------------------


async def fired_of(app: Running, subject: str) -> list[tuple[str, str, float]]:
    """(code, stage, days since START) of what was announced of a subject."""
    found = [one for one in await app.published(TaskFired) if one.subject == subject]
    return [(one.code, one.stage, round((one.planned_at - START) / DAY, 2)) for one in found]


async def test_every_check_is_called_until_it_is_made_and_a_late_one_stays_late(app: Running) -> None:
    await opened(app)
    at = await app.database.now()
    interview = await step(app, "interview")
    await app.fire(13 * DAY + timedelta(hours=1))
    await app.fire(3 * DAY)
    told = [one for one in await app.published(TaskFired) if one.subject == "compliance_check"]
    assert [(one.code, one.stage, one.owner) for one in told][:2] == [
        ("G0", "due_soon", "village_committee"),
        ("G0", "overdue", "village_committee"),
    ]
    assert told[1].targets == ("civil_affairs",)
    assert {one.stage for one in told[2:]} == {"repeat"}
    assert abs(told[0].due_at - (at + 14 * DAY)) < timedelta(minutes=1)

    found = await check(app, interview, complied=True)
    assert found.json()["steps"][0]["checks"][0]["late_seconds"] > 2 * 86400 - 3600
    await app.fire(10 * DAY)
    assert len([one for one in await app.published(TaskFired) if one.subject == "compliance_check"]) == len(told)


async def test_a_warning_letter_is_checked_twice_and_ends_by_itself_after_ninety_days(app: Running) -> None:
    await opened(app, fired=("R1",), guardian_suspected_harmer=True)
    letter = await step(app, "warning_letter", POLICE, document_number="12号", reason="harm")
    await app.fire(7 * DAY)
    await check(app, letter, complied=True, who=POLICE)
    await app.fire(22 * DAY)
    breached = await check(app, letter, complied=False, who=POLICE, breached_order=True)
    told = (await app.published(ComplianceChecked))[-1]
    assert (told.breached_order, told.next_step) == (True, "G4")
    assert codes(breached.json()["checks_owed"]) == []

    await app.fire(59 * DAY)
    assert await app.published(OrderEnded) == []
    await app.fire(3 * DAY)
    [ended] = await app.published(OrderEnded)
    assert (ended.document, ended.cause) == ("warning_letter", "expired")
    after = (await get(app, f"ladders/{CASE}")).json()
    assert (after["orders_in_force"], after["steps"][0]["end_cause"]) == ([], "expired")
    assert datetime.fromisoformat(after["steps"][0]["ended_at"]) == ended.at


async def test_the_court_has_three_days_and_its_order_is_watched_until_it_ends(app: Running) -> None:
    await opened(app)
    applied = await step(app, "protection_order_application", CIVIL_AFFAIRS, reason="harm")
    assert applied.status_code == 201, applied.text
    assert codes(applied.json()["pending"]) == ["protection_order_application"]
    await app.fire(timedelta(hours=73))
    late = [one for one in await app.published(TaskFired) if one.code == "protection_order_application"]
    assert [one.stage for one in late][:2] == ["due_soon", "overdue"]

    now = await app.database.now()
    long = await step(
        app, "protection_order", POLICE, issuer="court", document_number="民保令1号", reason="harm",
        in_force_until=(now + 200 * DAY).isoformat(),
    )  # fmt: skip
    assert [error["code"] for error in long.json()["errors"]] == ["too_long"]
    until = now + 120 * DAY
    order = await step(
        app, "protection_order", POLICE, issuer="court", document_number="民保令1号", reason="harm",
        in_force_until=until.isoformat(),
    )  # fmt: skip
    assert order.status_code == 201, order.text
    assert (codes(order.json()["pending"]), codes(order.json()["orders_in_force"])) == ([], ["protection_order"])
    # The court answered: its clock is over, and the ladder has not moved.
    assert order.json()["guardians"][0]["rung"] is None
    before = len(await tasks_fired(app))
    await app.fire(89 * DAY)
    assert len(await tasks_fired(app)) == before
    await app.fire(2 * DAY)
    reminder = (await tasks_fired(app))[-1]
    assert (reminder.code, reminder.stage, reminder.subject) == ("protection_order", "due_soon", "order")
    assert reminder.due_at == until
    await app.fire(31 * DAY)
    [ended] = await app.published(OrderEnded)
    assert (ended.document, ended.cause, ended.at) == ("protection_order", "expired", until)


async def test_ordered_family_education_is_tracked_to_its_end(app: Running) -> None:
    await opened(app, fired=("R10",), guardian_suspected_harmer=True)
    order = await step(
        app, "family_education_order", POLICE, document_number="5号", reason="neglect",
        provider="women_federation", starts_on=START.isoformat(), sessions_planned=2,
    )  # fmt: skip
    assert order.status_code == 201, order.text
    step_id = order.json()["steps"][0]["ladder_step_id"]
    for day, attended in ((1, True), (2, False)):
        session = {"held_at": START.isoformat(), "attended": attended}
        kept = await post(app, f"ladders/{CASE}/steps/{step_id}/sessions", POLICE, session, idempotency_key=f"s{day}")
        assert kept.status_code == 201, kept.text
    assert [one["attended"] for one in kept.json()["steps"][0]["sessions"]] == [True, False]
    await app.fire(30 * DAY)
    assert ("G2", "overdue") in [(code, stage) for code, stage, _ in await fired_of(app, "compliance_check")]

    now = (await app.database.now()).isoformat()
    done = await post(app, f"ladders/{CASE}/steps/{step_id}/end", POLICE, {"cause": "fulfilled", "ended_at": now})
    assert done.status_code == 200, done.text
    assert done.json()["orders_in_force"] == []
    assert [one.cause for one in await app.published(OrderEnded)] == ["fulfilled"]
    again = await post(app, f"ladders/{CASE}/steps/{step_id}/end", POLICE, {"cause": "revoked", "ended_at": now})
    assert (again.status_code, again.json()["code"], again.json()["allowed"]) == (409, "paper_cannot_end_so", [])
    late = await post(app, f"ladders/{CASE}/steps/{step_id}/sessions", POLICE, session, idempotency_key="s9")
    assert late.json()["code"] == "no_education_order"


# Reviews and records --------------------------------------------------------------------------------------------------


async def test_grave_harm_opens_a_review_that_is_called_until_it_is_decided(app: Running) -> None:
    await opened(app, fired=("R4",))
    view = (await get(app, f"ladders/{CASE}", POLICE)).json()
    assert [review["grounds"] for review in view["reviews"]] == [["fired:R4"]]
    assert "decide_review" in view["available_actions"]
    await app.fire(timedelta(hours=73))
    stages = [one.stage for one in await app.published(TaskFired) if one.code == "G4_REVIEW"]
    assert stages[:2] == ["due_soon", "overdue"]
    assert (await step(app, "criminal_case", POLICE, reason="harm")).status_code == 409

    note = {"decision": "proceed", "note_id": str(id_of("review"))}
    assert (await post(app, f"ladders/{CASE}/reviews/decide", VILLAGE, note)).status_code == 403
    decided = await post(app, f"ladders/{CASE}/reviews/decide", POLICE, note)
    assert decided.status_code == 200, decided.text
    case = await step(app, "criminal_case", POLICE, reason="harm")
    assert case.status_code == 201, case.text
    assert codes(case.json()["pending"]) == ["criminal_case"]
    count = len(await tasks_fired(app))
    await app.fire(5 * DAY)
    assert len(await tasks_fired(app)) == count

    # More of it is found: what was decided is asked again.
    await happen(app, risk("red", score=80, fired=("R1", "R4")))
    [review] = (await get(app, f"ladders/{CASE}", POLICE)).json()["reviews"]
    assert (review["grounds"], review["decision"]) == (["fired:R1", "fired:R4"], None)


async def test_interviews_and_capacity_assessments_are_kept_as_codes_and_notes(app: Running) -> None:
    await opened(app)
    interview = {
        "held_at": START.isoformat(), "setting": "home", "present": ["ST002", "PS"], "response": "accepts",
        "note_id": str(id_of("interview")), "guardian_id": str(id_of("father")),
    }  # fmt: skip
    held = await post(app, f"ladders/{CASE}/interviews", POLICE, interview, idempotency_key="i1")
    assert held.status_code == 201, held.text
    assert held.json()["interviews"][0]["response"]["zh"] == "接受"

    ratings = dict.fromkeys(["daily_care", "supervision", "health", "livelihood", "upbringing"], "partial")
    assessed = {
        "assessed_at": START.isoformat(), "ratings": ratings, "conclusion": "with_support",
        "note_id": str(id_of("capacity")),
    }  # fmt: skip
    wrong = await post(app, f"ladders/{CASE}/capacity-assessments", CIVIL_AFFAIRS, assessed, idempotency_key="c1")
    assert [error["code"] for error in wrong.json()["errors"]] == ["domain_missing"]
    ratings["willingness"] = "splendid"
    wrong = await post(app, f"ladders/{CASE}/capacity-assessments", CIVIL_AFFAIRS, assessed, idempotency_key="c2")
    assert [error["pointer"] for error in wrong.json()["errors"]] == ["#/ratings/willingness"]
    ratings["willingness"] = "adequate"
    kept = await post(app, f"ladders/{CASE}/capacity-assessments", CIVIL_AFFAIRS, assessed, idempotency_key="c3")
    assert kept.status_code == 201, kept.text
    assert kept.json()["capacity_assessments"][0]["conclusion"]["code"] == "with_support"
    assert UUID(kept.json()["interviews"][0]["guardian_id"]) == id_of("father")
