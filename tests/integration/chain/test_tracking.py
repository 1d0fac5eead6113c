"""A case can be followed from report to closure and beyond, by those who may; what is refused says why."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import jwt
import pytest

from chassis.clock import wall_clock
from deploy.local.process import run_once
from services.directory.tokens import read_keys
from tests.bench.reports import body_of
from tests.chain import Chain
from tests.integration.chain.journey import (
    CORRECTION_CASE,
    assess_plan_and_tell,
    close,
    closing_request,
    closure_version,
    finish_tasks,
    first_response,
    visit,
)
from tests.integration.chain.steps import CIVIL_AFFAIRS, OPERATOR, act, at, referral, response_of, send, until
from tests.samples.golden import golden_case

pytestmark = pytest.mark.asyncio(loop_scope="package")

START = at("2027-03-01T09:00:00+08:00")
"""A Monday."""
DEPARTMENTS = (
    "st088",
    "st091",
    "st094",
    "st097",
    "st099",
    "st101",
    "st103",
    "st105",
    "st107",
    "st085",
    "st112",
    "st002",
)
GRID_MEMBER = "st010"


def about(case: dict[str, Any], name: str, days: float, **child: str) -> dict[str, Any]:
    """A sample case told of another invented child, so many days after the start."""
    return {**case, "child": {"name": name, **child}, "received_at": (START + timedelta(days=days)).isoformat()}


async def report(product: Chain, case: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """Send a case at its own time."""
    await product.set_clock(at(case["received_at"]) + timedelta(seconds=5))
    return await send(product, case, **extra)


async def timeline(product: Chain, case_id: str) -> list[dict[str, Any]]:
    """The whole story of a case, page by page."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        path = f"/api/v1/cases/{case_id}/timeline"
        page = await product.get(CIVIL_AFFAIRS, "intake", path, limit=40, **cursor)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}


async def told(product: Chain, case_id: str, *types: str) -> list[dict[str, Any]]:
    """The story, once it has an entry of each of these types."""

    async def ask() -> list[dict[str, Any]] | None:
        items = await timeline(product, case_id)
        return items if set(types) <= {item["type"] for item in items} else None

    return await until(ask, f"the timeline never showed all of {types}")


def fates(items: list[dict[str, Any]], type_name: str) -> set[tuple[str, str]]:
    """(step, outcome) of the deadlines that entries of a type decided."""
    return {
        (clock["step"], clock["outcome"]) for item in items if item["type"] == type_name for clock in item["deadlines"]
    }


async def test_a_case_is_followed_from_report_to_closure_and_its_reopening(product: Chain) -> None:
    sample = about(CORRECTION_CASE, "司空青", 0, sex="male", birth_date="2009-11-15")
    opened = await report(product, sample)
    case = opened["case_id"]
    await product.set_clock(START + timedelta(hours=1))
    await first_response(product, opened, START + timedelta(minutes=50), GRID_MEMBER)
    for days in (7, 20):
        await product.set_clock(START + timedelta(days=days))
        await visit(product, GRID_MEMBER, case, START + timedelta(days=days, hours=-1))
        if days == 7:
            await product.set_clock(START + timedelta(days=9))
            await _missed(product, case, "N-9")
            await assess_plan_and_tell(product, opened, sample["answers"])
            await _closing_too_early_names_what_is_open(product, case)
    await finish_tasks(product, case)
    await product.set_clock(START + timedelta(days=27))
    await close(product, case)

    await _nothing_is_left_to_do(product, case, opened["case_number"])
    items = await told(product, case, "case.closed.v1", "referral.completed.v1", "notices.recorded.v1")
    _the_story_is_whole(items)

    again = await report(product, about(CORRECTION_CASE, "司空青", 28), reopen_case=opened["case_number"])
    assert (again["case_id"], again["disposition"], again["response_no"]) == (case, "case_reopened", 2)

    async def second() -> dict[str, Any] | None:
        found = await response_of(product, case)
        return found if found["response_no"] == 2 else None

    response = await until(second, "no second response")
    assert (response["state"], {one["state"] for one in response["referrals"]}) == ("open", {"issued"})
    longer = await timeline(product, case)
    assert [item for item in longer if item in items] == items, "what happened before the closure stands unchanged"
    assert [item["type"] for item in longer].count("report.received.v1") == 2


async def _missed(product: Chain, case_id: str, step: str) -> None:
    """Wait until the story says that a deadline was missed."""

    async def ask() -> bool | None:
        return True if (step, "missed") in fates(await timeline(product, case_id), "deadline.fired.v1") else None

    await until(ask, f"{step} was never said to be missed")


async def _closing_too_early_names_what_is_open(product: Chain, case_id: str) -> None:
    async def feedback_arrived() -> bool | None:
        items = (await product.get("st002", "assistance", f"/api/v1/closures/{case_id}"))["items"]
        return True if "feedback" not in {item["code"] for item in items if item["state"] == "open"} else None

    await until(feedback_arrived, "assistance never learnt that the reporter was told")
    body = await closing_request(product, case_id)

    async def refused() -> list[dict[str, Any]] | None:
        """What the guard names, once assistance has heard of every act that went before."""
        version = await closure_version(product, "st002", case_id)
        answer = await product.post("st002", "assistance", "/api/v1/closures", body, version=version)
        assert (answer.status_code, answer.json()["code"]) == (409, "closure_items_open"), answer.text
        found = list(answer.json()["open_items"])
        return found if {item["code"] for item in found} == {"observation", "visits", "no_open_task"} else None

    still_open = await until(refused, "the guard does not name exactly what is open")
    assert all(item["zh"] and item["en"] for item in still_open)
    state = (await product.get(CIVIL_AFFAIRS, "intake", f"/api/v1/cases/{case_id}"))["state"]
    assert state == "open"


async def _nothing_is_left_to_do(product: Chain, case_id: str, number: str) -> None:
    async def closed() -> dict[str, Any] | None:
        found = await response_of(product, case_id)
        return found if found["state"] == "closed" else None

    response = await until(closed, "dispatch never closed the response")
    assert {clock["state"] for clock in response["deadlines"]} <= {"met", "cancelled"}
    for who in DEPARTMENTS:
        queue = await product.get(who, "dispatch", "/api/v1/referrals", case_number=number)
        assert queue["items"] == [], who


def _the_story_is_whole(items: list[dict[str, Any]]) -> None:
    moments = [at(item["at"]) for item in items]
    assert moments == sorted(moments)
    seen = [item["type"] for item in items]
    expected = [
        "report.received.v1", "risk.assessed.v1", "response.opened.v1", "referral.acknowledged.v1",
        "safety.confirmed.v1", "visit.recorded.v1", "assessment.recorded.v1", "guardian.notified.v1",
        "feedback.given.v1", "plan.agreed.v1", "closure.requested.v1", "case.closed.v1",
    ]  # fmt: skip
    assert {*expected, "arrival.reported.v1", "plan.opened.v1", "referral.completed.v1", "note.written"} <= set(seen)
    in_order = (
        "report.received.v1", "risk.assessed.v1", "response.opened.v1", "referral.acknowledged.v1",
        "arrival.reported.v1", "safety.confirmed.v1", "visit.recorded.v1", "assessment.recorded.v1",
        "closure.requested.v1", "case.closed.v1",
    )  # fmt: skip
    firsts = [seen.index(name) for name in in_order]
    assert firsts == sorted(firsts)
    arrivals = [item["actor"]["staff"] for item in items if item["type"] == "arrival.reported.v1"]
    assert set(arrivals) == {"ST010", "ST002", "ST101"}, "who was there"
    decided = {clock["step"] for item in items for clock in item["deadlines"]}
    assert {"S3", "S4", "S5a", "S5b", "S5c", "S6", "S8", "S13"} <= decided
    by = {item["type"]: item["actor"] for item in items}
    assert "ST127" in str(by["report.received.v1"]), "who took the call"
    assert by["response.opened.v1"]["kind"] == "system"
    assert "ST088" in str(by["guardian.notified.v1"])
    assert ("S5a", "met") in fates(items, "arrival.reported.v1")
    assert ("N-9", "late") in fates(items, "guardian.notified.v1"), "due on the fifth working day, told on the seventh"
    assert ("S13", "met") in fates(items, "feedback.given.v1")


async def test_a_restricted_case_exists_neither_for_the_village_nor_for_departments_without_a_role(
    product: Chain,
) -> None:
    opened = await report(product, about(golden_case("YX-02"), "谷梁月", 30))
    response = await response_of(product, opened["case_id"])
    assert response["restricted"]
    await told(product, opened["case_id"], "response.opened.v1")
    for who in ("st050", "st058", "st099", "st097"):
        for service, path in (
            ("intake", f"/api/v1/cases/{opened['case_id']}/timeline"),
            ("intake", f"/api/v1/cases/{opened['case_number']}"),
            ("dispatch", f"/api/v1/responses/{opened['case_id']}"),
        ):
            answer = await product.client.get(product.url(service, path), headers=await product.login(who))
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (who, path)
    police = await product.get("st091", "intake", f"/api/v1/cases/{opened['case_id']}/timeline")
    assert police["items"], "who has a role reads on"


async def test_an_act_is_refused_by_state_version_field_and_department_with_what_to_do_next(product: Chain) -> None:
    opened = await report(product, about(golden_case("YX-19"), "公西朗", 31))
    lead = referral(await response_of(product, opened["case_id"]), "employment")
    path = f"/api/v1/referrals/{lead}/actions/acknowledge"
    version = (await product.get("st097", "dispatch", f"/api/v1/referrals/{lead}"))["version"]

    async def ask(who: str, body: dict[str, Any], seen: int | None) -> tuple[int, dict[str, Any]]:
        answer = await product.post(who, "dispatch", path, body, version=seen)
        assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.text
        return answer.status_code, answer.json()

    assert (await ask("st097", {}, None))[0] == 428
    status, problem = await ask("st097", {}, version + 7)
    assert (status, problem["code"], problem["current_version"]) == (412, "stale_version", version)
    status, problem = await ask("st097", {"remark": "x"}, version)
    assert (status, problem["errors"][0]["pointer"]) == (422, "#/remark")
    assert (await ask("st094", {}, version))[0] == 404, "health has no part in the case"
    assert (await ask("st099", {}, version))[0] == 404, "finance has its own referral, not this one"
    assert (await ask("st015", {}, version))[0] == 404, "another village"
    for who in ("st094", "st015"):
        for service, of in (("intake", "cases"), ("dispatch", "responses")):
            where = product.url(service, f"/api/v1/{of}/{opened['case_id']}")
            answer = await product.client.get(where, headers=await product.login(who))
            assert answer.status_code == 404, (who, of)

    signed = await act(product, "st097", lead, "acknowledge")
    status, problem = await ask("st097", {}, signed["version"])
    assert (status, problem["code"], problem["current_state"]) == (409, "already_acknowledged", "acknowledged")
    assert problem["current_version"] == signed["version"]
    assert "acknowledge" not in problem["available_actions"]
    assert "report-arrival" in problem["available_actions"]


async def test_a_report_sent_twice_with_one_key_is_one_report(product: Chain) -> None:
    case = about(golden_case("YX-19"), "壤驷平", 32)
    await product.set_clock(at(case["received_at"]) + timedelta(seconds=5))
    body, key = body_of(case, received_at=case["received_at"]), uuid4().hex

    async def post(**changes: Any) -> Any:
        return await product.post(OPERATOR, "intake", "/api/v1/reports", {**body, **changes}, key=key)

    answers = [await post(), *await asyncio.gather(post(), post())]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    first = answers[0].json()
    assert [answer.json() for answer in answers] == [first] * 3, "the same answer, the receipt code included"
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true", "true"]
    other = await post(narrative="另一件事")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    items = await told(product, first["case_id"], "response.opened.v1")
    assert [item["type"] for item in items].count("report.received.v1") == 1


async def test_a_token_that_is_missing_expired_unsigned_or_altered_opens_nothing(product: Chain) -> None:
    good = (await product.login("st088"))["Authorization"].removeprefix("Bearer ")
    claims, header = jwt.decode(good, options={"verify_signature": False}), jwt.get_unverified_header(good)
    pem = await asyncio.to_thread(Path(product.environments["directory"]["SIGNING_KEY_FILE"]).read_bytes)
    own = read_keys(pem)[0].private
    past = wall_clock() - timedelta(minutes=5)
    heads = {"kid": header["kid"], "typ": header["typ"]}
    bad = {
        "missing": None,
        "expired": jwt.encode({**claims, "exp": past}, own, algorithm="ES256", headers=heads),
        "unsigned": jwt.encode(claims, "", algorithm="none", headers=heads),
        "altered": _with(good, jwt.encode({**claims, "department": "police"}, own, algorithm="ES256", headers=heads)),
    }
    resigned = jwt.encode(claims, own, algorithm="ES256", headers=heads)
    for service, path in (
        ("intake", "/api/v1/cases"),
        ("risk_scoring", f"/api/v1/assessments?case_id={uuid4()}"),
        ("dispatch", "/api/v1/referrals"),
        ("notification", "/api/v1/inbox"),
    ):
        for what, token in bad.items():
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            answer = await product.client.get(product.url(service, path), headers=headers)
            assert answer.status_code == 401, (service, what, answer.text)
            assert "Bearer" in answer.headers["WWW-Authenticate"]
        headers = {"Authorization": f"Bearer {resigned}"}
        answer = await product.client.get(product.url(service, path), headers=headers)
        assert answer.status_code != 401, "the only thing wrong with the others is what this test did to them"


def _with(signed: str, claims: str) -> str:
    """The claims of one token under the signature of another."""
    head, body, _ = claims.split(".")
    return f"{head}.{body}.{signed.split('.')[2]}"


@asynccontextmanager
async def _without_clocks(product: Chain, referral_id: str) -> AsyncIterator[None]:
    """Take a referral's clocks away behind the service's back; put them back afterwards."""
    connection = await asyncpg.connect(product.database_of("dispatch"))
    try:
        gone = await connection.fetch(
            "DELETE FROM deadline WHERE subject = $1 RETURNING to_jsonb(deadline)::text AS row", referral_id
        )
        assert gone
        yield
        await connection.executemany(
            "INSERT INTO deadline SELECT * FROM jsonb_populate_record(NULL::deadline, $1::jsonb)",
            [(one["row"],) for one in gone],
        )
    finally:
        await connection.close()


async def test_the_auditor_finds_an_open_task_whose_clocks_are_gone(product: Chain) -> None:
    opened = await report(product, about(golden_case("YX-19"), "亓官和", 33))
    lead = referral(await response_of(product, opened["case_id"]), "employment")

    async def clean() -> bool | None:
        return True if await run_once(product.command("dispatch", "audit")) == 0 else None

    await until(clean, "the auditor has findings although nothing is wrong")
    async with _without_clocks(product, lead):
        assert await run_once(product.command("dispatch", "audit")) == 1
    await until(clean, "the auditor still has findings")
