"""A case from report to closure, as the people of the sample township would work it: each step by who may take it."""

from datetime import datetime, timedelta
from typing import Any

from tests.chain import Chain
from tests.integration.chain.steps import CIVIL_AFFAIRS, act, at, referral, response_of, send, until

DESK = {
    "police": "st091",
    "civil_affairs": "st088",
    "health": "st094",
    "justice": "st101",
    "women_federation": "st103",
    "youth_league": "st105",
    "disabled_federation": "st107",
    "employment": "st097",
    "finance": "st099",
    "township_government": "st085",
    "school": "st112",
}
"""Somebody who may act for each department with one unit; the second school is the junior middle school."""

CORRECTION_CASE = {
    "id": "YX-20-before",
    "received_at": "2026-04-24T09:00:00+08:00",
    "channel": "department",
    "reporter": {"kind": "state_organ", "mandated": True, "anonymous": False},
    "place": {"village": "V01", "group": 4},
    "child": {"name": "柯景明", "sex": "male", "birth_date": "2009-03-15"},
    "narrative": "司法所通报：柯景明开始社区矫正，在汽修店做学徒，请镇里配合帮教。",
    "concerns": ["N9c"],
    "facts": {"age": 17, "enrolled": False, "hukou": "local", "suspected_harm": False, "guardian_suspected_harmer": False},
    "answers": {
        "A1": "none", "A2": "none", "A3": "none", "A4": "first", "A5": "none",
        "B1": "16-17", "B2": "none", "B3": "none", "B4": "daily",
        "C1": "adequate", "C2": "cooperative", "C3": "none", "C4": "none",
        "D1": "met", "D2": "ok", "D3": "ok", "D4": "stable",
        "E1": "limited", "E2": "none", "E3": "none",
    },
}  # fmt: skip
"""The earlier round of golden case YX-20: a BLUE case, so that two weeks of observation are enough."""


async def note(product: Chain, who: str, case_id: str, kind: str, text: str = "样例文字") -> str:
    """Write a text into the vault; its id. Intake may hear a moment later that the writer has a part in the case."""

    async def written() -> str | None:
        answer = await product.post(who, "intake", f"/api/v1/cases/{case_id}/notes", {"kind": kind, "text": text})
        if answer.status_code == 404:
            return None
        assert answer.status_code == 201, answer.text
        return str(answer.json()["note_id"])

    return await until(written, f"{who} may not write a note")


def desk(one: dict[str, Any]) -> str:
    """Who acts for a referral: a village by its child director (ST002, ST015, ...), others by the table."""
    if one["department"] != "village_committee":
        return DESK[one["department"]]
    return {
        "V01": "st002",
        "V02": "st015",
        "V03": "st026",
        "V04": "st035",
        "V05": "st050",
        "V06": "st063",
        "V07": "st073",
    }[one["organisation"][:3]]


async def first_response(product: Chain, opened: dict[str, Any], moment: datetime, grid_member: str) -> dict[str, Any]:
    """Everybody signs, all three tiers arrive and see the child, the lead confirms safety."""
    response = await response_of(product, opened["case_id"])
    for one in response["referrals"]:
        await act(product, desk(one), one["referral_id"], "acknowledge")
    village = referral(response, "village_committee")
    lead = referral(response, response["case_lead"])
    seen = {"arrived_at": moment.isoformat(), "child_seen": True}
    await act(product, grid_member, village, "report-arrival", **seen)
    await act(product, "st002", village, "report-arrival", **seen)
    await act(product, DESK[response["case_lead"]], lead, "report-arrival", **seen)
    await act(
        product,
        DESK[response["case_lead"]],
        lead,
        "confirm-safety",
        basis="safety_plan",
        confirmed_at=moment.isoformat(),
    )
    return await response_of(product, opened["case_id"])


async def assess_plan_and_tell(product: Chain, opened: dict[str, Any], answers: dict[str, str]) -> None:
    """The written assessment is signed, the plan agreed, guardian and reporter told."""
    case_id = opened["case_id"]
    response = await response_of(product, case_id)
    civil = referral(response, "civil_affairs")
    text = await note(product, CIVIL_AFFAIRS, case_id, "assessment")
    child = opened["children"][0]["child_id"]
    await act(product, CIVIL_AFFAIRS, civil, "record-assessment", child_id=child, answers=answers, note_id=text)
    await act(product, CIVIL_AFFAIRS, civil, "notify-guardian")
    await act(product, CIVIL_AFFAIRS, civil, "give-feedback", report_id=opened["report_id"])

    async def plan() -> int | None:
        answer = await product.client.get(
            product.url("assistance", f"/api/v1/plans/{case_id}"), headers=await product.login(CIVIL_AFFAIRS)
        )
        return int(answer.json()["version"]) if answer.status_code == 200 else None

    version = await until(plan, "no plan shell after safety was confirmed")
    body = {
        "measures": [{"code": "YOUTH_MENTORING", "owner_department": "youth_league", "goal": "development"}],
        "conference": {
            "held_at": (await now_of(product) - timedelta(minutes=1)).isoformat(),
            "attendees": ["ST088", "ST101"],
        },
    }
    answer = await product.post(CIVIL_AFFAIRS, "assistance", f"/api/v1/plans/{case_id}/agree", body, version=version)
    assert answer.status_code == 200, answer.text


async def now_of(product: Chain) -> datetime:
    """What the services' clocks show."""
    answer = await product.get(CIVIL_AFFAIRS, "dispatch", "/api/v1/referrals", limit=1)
    return at(answer["server_time"])


async def visit(product: Chain, who: str, case_id: str, moment: datetime) -> None:
    """A satisfactory visit in person that saw the child."""
    body = {
        "case_id": case_id,
        "visited_at": moment.isoformat(),
        "child_seen": True,
        "in_person": True,
        "heard_alone": True,
        "satisfactory": True,
        "note_id": await note(product, who, case_id, "visit"),
    }
    answer = await product.post(who, "assistance", "/api/v1/visits", body)
    assert answer.status_code == 201, answer.text


async def finish_tasks(product: Chain, case_id: str) -> None:
    """Every department with a task completes it, the plan's measure included."""
    response = await response_of(product, case_id)
    for one in response["referrals"]:
        if one["role"] != "inform" and one["state"] == "acknowledged":
            await act(product, desk(one), one["referral_id"], "complete", outcome="done")
    plan = await product.get(CIVIL_AFFAIRS, "assistance", f"/api/v1/plans/{case_id}")
    for measure in plan["measures"]:
        answer = await product.post(
            DESK[measure["owner"]["code"]],
            "assistance",
            f"/api/v1/plans/{case_id}/measures/{measure['measure_id']}/finish",
            {"outcome": "achieved"},
            version=plan["version"],
        )
        assert answer.status_code == 200, answer.text


async def closing_request(product: Chain, case_id: str) -> dict[str, Any]:
    """The body of a proposal to close, its texts written first."""
    return {
        "case_id": case_id,
        "reason": "GOAL_MET",
        "summary_note_id": await note(product, "st002", case_id, "closing_summary"),
        "child_view_note_id": await note(product, "st002", case_id, "child_view"),
        "guardian_view_note_id": await note(product, "st002", case_id, "guardian_view"),
    }


async def closure_version(product: Chain, who: str, case_id: str) -> int:
    """The version against which closure commands are given."""
    return int((await product.get(who, "assistance", f"/api/v1/closures/{case_id}"))["version"])


async def close(product: Chain, case_id: str) -> None:
    """The village proposes, civil affairs decides."""
    body = await closing_request(product, case_id)

    async def proposed() -> bool | None:
        """The last completions reach assistance a moment after dispatch has them: until then the guard still says no."""
        version = await closure_version(product, "st002", case_id)
        answer = await product.post("st002", "assistance", "/api/v1/closures", body, version=version)
        assert answer.status_code in (200, 201, 409), answer.text
        return True if answer.status_code != 409 else None

    await until(proposed, "the guard does not let the case close")
    version = await closure_version(product, CIVIL_AFFAIRS, case_id)
    decided = await product.post(
        CIVIL_AFFAIRS, "assistance", f"/api/v1/closures/{case_id}/decide", {"approve": True}, version=version
    )
    assert decided.status_code == 200, decided.text


async def live_through(product: Chain, case: dict[str, Any], closed_at: datetime) -> dict[str, Any]:
    """From report to closure, the clock moved on day by day. Returns the answer to the report."""
    received = at(case["received_at"])
    await product.set_clock(received + timedelta(seconds=5))
    opened = await send(product, case)
    await product.set_clock(received + timedelta(hours=1))
    await first_response(product, opened, received + timedelta(minutes=50), "st010")
    await assess_plan_and_tell(product, opened, case["answers"])
    for days in (7, 20):
        await product.set_clock(received + timedelta(days=days))
        await visit(product, "st010", opened["case_id"], received + timedelta(days=days, hours=-1))
    await finish_tasks(product, opened["case_id"])
    await product.set_clock(closed_at)
    await close(product, opened["case_id"])

    async def closed() -> bool | None:
        found = await product.get(CIVIL_AFFAIRS, "intake", f"/api/v1/cases/{opened['case_id']}")
        return True if found["state"] == "closed" else None

    await until(closed, "the case file does not show the closure")
    return opened
