"""The full response and the road to closure through the running services: a RED case of harm by the guardian.

It is over before the first golden case is called in: the clock of the services only moves forward.
"""

from datetime import timedelta
from typing import Any

import pytest

from tests.chain import Chain
from tests.integration.chain.desk import CIVIL_AFFAIRS, OPERATOR, Desk, opened
from tests.integration.chain.journey import closing_request, closure_version
from tests.integration.chain.steps import at, until

pytestmark = pytest.mark.asyncio(loop_scope="package")

RED_AT = at("2024-09-02T10:00:00+08:00")
"""A Monday."""
GRID, DIRECTOR, LEADER, POLICE, HEALTH, FINANCE = "st010", "st002", "st116", "st091", "st094", "st099"
COLLEAGUE, CLERK = "st089", "st090"
"""Two more people of civil affairs."""

HARMED: dict[str, Any] = {
    "id": "harmed",
    "channel": "hotline_a",
    "reporter": {"kind": "teacher", "mandated": True, "anonymous": False},
    "place": {"village": "V01", "group": 4},
    "child": {"name": "濮阳冬", "sex": "male", "birth_date": "2014-05-06"},
    "narrative": "我是班主任。孩子今早脸上、背上都是新伤，说是爸爸用皮带打的。",
    "concerns": ["H1"],
    "facts": {
        "enrolled": True, "compulsory_stage": True, "hukou": "local", "visible_injury": True, "serious_injury": True,
        "emergency_care_needed": True, "abuser_co_resident": True, "suspected_harm": True,
        "guardian_suspected_harmer": True, "other_guardian_available": False, "prior_reports_12m": 0,
    },
    "answers": {
        "A1": "severe", "A2": "now", "A3": "free", "A4": "repeated", "A5": "none",
        "B1": "6-11", "B2": "none", "B3": "distress", "B4": "daily",
        "C1": "often_unattended", "C2": "refuses", "C3": "unknown", "C4": "none",
        "D1": "met", "D2": "ok", "D3": "ok", "D4": "stable", "E1": "limited", "E2": "none", "E3": "none",
    },
}  # fmt: skip
BETTER = HARMED["answers"] | {
    "A1": "none", "A2": "none", "A3": "none", "A4": "first", "B3": "none",
    "C1": "adequate", "C2": "cooperative", "C3": "none",
}  # fmt: skip
"""What the assessment finds once the mother is back and the father has left."""

EARLY = {"level", "observation", "child_seen", "no_order", "placement"}
"""What the guard still names four weeks after the report."""


async def test_a_red_case_of_harm_by_the_guardian_is_worked_to_its_closure(product: Chain) -> None:
    desk = await opened(product, HARMED, RED_AT, known_since=(RED_AT - timedelta(hours=8)).isoformat())
    await _amended(desk)
    await _first_hour(desk)
    await _ladder(desk)
    await _written_down(desk)
    foster = await _placed(desk)
    await _conference_and_money(desk)
    await _child_not_met(desk)
    await _levels(desk)
    await _home_again(desk, foster)
    await _observed(desk)
    await _closed(desk)
    await _reviewed(desk)
    await _receipt(desk)
    await _registers(desk)
    _story(await desk.told("case.closed.v1", "order.ended.v1", "disbursement.changed.v1"))
    await _indicators(desk)


async def _amended(desk: Desk) -> None:
    """The desk learns more after dispatch: every department with an open task is shown it."""
    await desk.clock(minutes=4)
    words = {"safe_until": desk.at(hours=3), "narrative": "校医说背上还有旧伤。"}
    await desk.do(OPERATOR, "intake", f"reports/{desk.report['report_id']}/amendments", words)

    async def reached() -> bool | None:
        referrals = (await desk.response())["referrals"]
        return True if all(one["amended_at"] for one in referrals if one["role"] != "inform") else None

    await until(reached, "the amendment did not reach every open referral")
    moved = next(clock for clock in (await desk.response())["deadlines"] if clock["step"] == "S6")
    assert at(moved["due_at"]) == RED_AT + timedelta(hours=3), "the child is handed over in three hours"
    await desk.everybody("acknowledge", "issued")
    assert (await desk.refer(POLICE, "police", "see-amendment"))["amended_at"] is None


async def _first_hour(desk: Desk) -> None:
    """Urged and supervised, all three tiers arrive; the child is in hospital and safe."""
    case = desk.case
    await desk.clock(minutes=15)
    urged = await desk.do(CIVIL_AFFAIRS, "dispatch", f"responses/{case}/urges", {"organisations": ["V01-VC"]})
    assert urged["organisations"] == ["V01-VC"]
    order = await desk.do(LEADER, "dispatch", f"responses/{case}/supervisions", {"organisations": ["YX-HC"]})
    reply = {"note_id": await desk.note(HEALTH)}
    supervised = await desk.do(HEALTH, "dispatch", f"supervisions/{order['supervision_id']}/reply", reply)
    assert [unit["late_seconds"] for unit in supervised["units"]] == [0]
    await desk.do(LEADER, "dispatch", f"supervisions/{order['supervision_id']}/lift")
    await _given(desk, "procuratorate")
    await desk.clock(minutes=28)
    seen = {"arrived_at": desk.at(minutes=25), "child_seen": True}
    for who, department in ((GRID, "village_committee"), (DIRECTOR, "village_committee"), (POLICE, "police")):
        await desk.refer(who, department, "report-arrival", **seen)
    await desk.clock(minutes=50)
    hospital = {
        "case_id": case, "child_ids": [desk.child], "kind": "P8", "reason": "domestic_violence", "emergency": True,
        "started_at": desk.at(minutes=45), "medical_note_id": await desk.note(POLICE),
    }  # fmt: skip
    await desk.assist(POLICE, "placements", hospital)
    await desk.refer(POLICE, "police", "confirm-safety", basis="safe_place", confirmed_at=desk.at(minutes=50))
    await desk.reassessments(placement_start=True)
    await _given(desk, "county_civil_affairs", "county_protection_centre")
    await desk.refer(POLICE, "police", "notify-guardian")


async def _given(desk: Desk, *bodies: str) -> None:
    """Civil affairs tells bodies outside and writes it down (N-11)."""

    async def owed() -> bool | None:
        clocks = [one for one in (await desk.response())["deadlines"] if one["step"] == "N-11"]
        return True if len([one for one in clocks if one["state"] == "running"]) == len(bodies) else None

    await until(owed, f"a notice to each of {bodies} was never owed")
    for body in bodies:
        told = {"body": body, "means": "telephone", "given_at": await desk.now()}
        await desk.do(CIVIL_AFFAIRS, "dispatch", f"responses/{desk.case}/notices/N-11", told)


async def _step(desk: Desk, who: str, issuer: str, document: str, response: str, **more: Any) -> dict[str, Any]:
    said = {"document": document, "issuer": issuer, "issued_on": await desk.now(), "response": response}
    return await desk.assist(who, f"ladders/{desk.case}/steps", {**said, "reason": "harm", **more})


async def _checked(desk: Desk, who: str, document: str, *, complied: bool) -> None:
    steps = (await desk.get("assistance", f"ladders/{desk.case}", who=who))["steps"]
    one = next(step["ladder_step_id"] for step in steps if step["document"]["code"] == document)
    found = {"complied": complied, "checked_at": await desk.now()}
    await desk.assist(who, f"ladders/{desk.case}/steps/{one}/checks", found)


async def _ladder(desk: Desk) -> None:
    """From an interview to a warning letter; at the refusal the police get their task by themselves, N-8 by rule."""
    await desk.clock(hours=6)
    await _step(desk, GRID, "grid_member", "interview", "disputes")
    await desk.clock(hours=20)
    await _checked(desk, GRID, "interview", complied=False)
    await _step(desk, DIRECTOR, "village_committee", "admonition", "refuses")

    async def asked() -> bool | None:
        because = [one["because"] for one in (await desk.response())["referrals"] if one["department"] == "police"]
        return True if "GUARDIAN-NON-COMPLIANCE:assist" in because[0] else None

    await until(asked, "the police were never asked to reprimand the guardian")
    await _step(desk, POLICE, "police", "reprimand", "disputes", document_number="云派训字〔2024〕3号")
    letter = await _step(desk, POLICE, "police", "warning_letter", "accepts", document_number="云派告字〔2024〕12号")
    assert [one["code"] for one in letter["orders_in_force"]] == ["warning_letter"]
    decided = {"decision": "not_now", "note_id": await desk.note(CIVIL_AFFAIRS)}
    await desk.assist(CIVIL_AFFAIRS, f"ladders/{desk.case}/reviews/decide", decided)

    async def copied() -> bool | None:
        page = await desk.get("notification", "notices", case_id=desk.case, limit=200)
        told = {notice["recipient"] for notice in page["items"] if notice["rule"] == "N-8"}
        return True if {"V01-VC", "YX-PS"} <= told else None

    await until(copied, "village and police never got their copies of the warning letter")


async def _written_down(desk: Desk) -> None:
    """The signed assessment (S8) and the reporter's result (S13)."""
    await desk.clock(hours=22)
    await desk.assessed(HARMED["answers"])
    await desk.refer(POLICE, "police", "give-feedback", report_id=desk.report["report_id"])
    await desk.reassessments(placement_start=False, order_issued=False)


async def _receipt_of(desk: Desk, given_by: str, received_by: str) -> dict[str, Any]:
    paper = await desk.note(CIVIL_AFFAIRS)
    return {"given_by": given_by, "received_by": received_by, "at": await desk.now(), "receipt_note_id": paper}


async def _placed(desk: Desk) -> str:
    """From hospital to a foster family: proposed, approved by another, started. That is one move, not an end."""
    await desk.clock(hours=24)
    foster = {
        "case_id": desk.case, "child_ids": [desk.child], "kind": "P2", "reason": "domestic_violence",
        "unavailable": {"P0": "removal_reason_stands", "P1": "none_exists"}, "place": "FOSTER-07",
        "medical_note_id": await desk.note(CIVIL_AFFAIRS), "address_note_id": await desk.note(CIVIL_AFFAIRS),
    }  # fmt: skip
    proposed = (await desk.assist(CIVIL_AFFAIRS, "placements", foster))["placements"][-1]["placement_id"]
    await desk.assist(COLLEAGUE, f"placements/{proposed}/approve")
    handed = {"started_at": await desk.now(), "hand_over": await _receipt_of(desk, POLICE.upper(), "FOSTER-07")}
    placements = (await desk.assist(CIVIL_AFFAIRS, f"placements/{proposed}/start", handed))["placements"]
    assert [(one["kind"]["code"], one["state"], one["end_cause"]) for one in placements] == [
        ("P8", "ended", "moved"),
        ("P2", "started", None),
    ]
    assert not {"placement_start", "placement_end"} & await desk.reassessments(placement_move=True)
    await _given(desk, "county_civil_affairs", "county_protection_centre")
    return str(proposed)


async def _conference_and_money(desk: Desk) -> None:
    """Advice on benefits, a conference that decides four measures, aid granted, money paid by three people."""
    case = desk.case
    known = {"case_id": case, "child_id": desk.child, "rules": ["E-5"], "facts": {"sudden_hardship": True}}
    advice = await desk.do(CIVIL_AFFAIRS, "assistance", "eligibility", known)
    assert [(one["rule"]["code"], one["result"]) for one in advice["items"]] == [("E-5", "likely")]
    await desk.clock(hours=50)
    invited = ["civil_affairs", "police", "village_committee", "school", "health", "justice", "women_federation"]
    called = {"case_id": case, "scheduled_at": desk.at(hours=51), "invited": invited, "agenda": ["safety", "plan"]}
    conference = await desk.do(CIVIL_AFFAIRS, "assistance", "conferences", called)
    await desk.clock(hours=52)
    owners = {"TEMPORARY_AID": "civil_affairs", "FUND_DISBURSEMENT": "finance", "LEGAL_AID": "justice"}
    held = {
        "held_at": desk.at(hours=51), "attended": invited[:4], "attendees": ["ST088", "ST091", "ST002", "ST109"],
        "decisions": ["plan_agreed"], "minutes_note_id": await desk.note(CIVIL_AFFAIRS),
        "goals": [{"head": "living"}, {"head": "guardianship"}],
        "measures": [{"code": code, "owner_department": owner} for code, owner in owners.items()],
    }  # fmt: skip
    path = f"conferences/{conference['conference_id']}/hold"
    record = await desk.do(CIVIL_AFFAIRS, "assistance", path, held, version=conference["version"])
    assert [one["code"] for one in record["absent"]] == ["health", "justice", "women_federation"]

    await desk.measure(CIVIL_AFFAIRS, "TEMPORARY_AID", "accept")
    await desk.measure(CIVIL_AFFAIRS, "TEMPORARY_AID", "grant")
    line = {"year": 2024, "code": "2080199", "amount": 300_000}
    line_id = (await desk.do(LEADER, "assistance", "budget-lines", line))["line_id"]
    fund = next(
        one["measure_id"]
        for one in (await desk.get("assistance", "measures", case_id=case))["items"]
        if one["measure"]["code"] == "FUND_DISBURSEMENT"
    )
    wish = {"measure_id": fund, "line_id": line_id, "amount": 80_000, "payee_reference": "P-2024-1"}
    payment = (await desk.do(CLERK, "assistance", "disbursements", wish))["disbursement_id"]
    await desk.do(CIVIL_AFFAIRS, "assistance", f"disbursements/{payment}/approve", version=1)
    paid = await desk.do(FINANCE, "assistance", f"disbursements/{payment}/pay", version=2)
    assert paid["state"] == "paid"
    for who, code in ((CIVIL_AFFAIRS, "TEMPORARY_AID"), (FINANCE, "FUND_DISBURSEMENT"), ("st101", "LEGAL_AID")):
        await desk.measure(who, code, "complete", {"outcome": "achieved"})


async def _child_not_met(desk: Desk) -> None:
    """A visit, then nobody at home twice: the police look the same day, a reassessment is owed and done."""
    await desk.clock(hours=54)
    assert (await desk.visited(GRID))["planned_visit_id"], "it answers the grid member's visit of the day"
    for hours in (0, 6):
        await desk.clock(days=4, hours=hours)
        failed = {"case_id": desk.case, "attempted_at": await desk.now(), "failure": "nobody_home"}
        answer = await desk.do(GRID, "assistance", "visits/failures", failed)
    assert (answer["failures_in_row"], answer["welfare_check"]) == (2, True)
    await desk.reassessments(two_failed_visits=True)
    await desk.clock(days=4, hours=7)
    await desk.refer(POLICE, "police", "report-arrival", arrived_at=await desk.now(), child_seen=True)
    await desk.assessed(
        BETTER, abuser_co_resident=False, other_guardian_available=True, serious_injury=False, visible_injury=False,
        emergency_care_needed=False,
    )  # fmt: skip
    assert await desk.reassessments(two_failed_visits=False, placement_move=False) == set()


async def _levels(desk: Desk) -> None:
    """Two persons lower by one, one person raises at once."""
    await desk.clock(days=5)
    await desk.refer(POLICE, "police", "notify-guardian")
    await desk.lowered("orange")
    raising = {"to": "red", "evidence": "self_harm_signal", "reason_note_id": await desk.note(DIRECTOR)}
    await desk.level(DIRECTOR, "raise", raising)
    await desk.shows_level("red")
    await desk.assessed(BETTER, suspected_harm=False, guardian_suspected_harmer=False)
    for level in ("orange", "yellow"):
        await desk.lowered(level)


async def _home_again(desk: Desk, foster: str) -> None:
    await desk.clock(days=6)
    gone = {"reason_ended_note_id": await desk.note(CIVIL_AFFAIRS)}
    handed = {**gone, "hand_over": await _receipt_of(desk, "FOSTER-07", DIRECTOR.upper())}
    placements = (await desk.assist(CIVIL_AFFAIRS, f"placements/{foster}/return-home", handed))["placements"]
    assert placements[-1]["state"] == "returned_home"
    await desk.reassessments(placement_end=True)
    for day in (7, 9):
        await desk.clock(days=day - 0.1)
        await desk.visited(DIRECTOR, "after_return_home")
    await _checked(desk, DIRECTOR, "admonition", complied=True)
    for document in ("reprimand", "warning_letter"):
        await _checked(desk, POLICE, document, complied=True)
    await desk.assessed(BETTER)
    await desk.everybody("complete", "acknowledged", outcome="done")


async def _observed(desk: Desk) -> None:
    """Too early the guard names exactly what is missing; ninety days after safety the order has ended by itself."""
    await desk.clock(days=28)
    await _checked(desk, POLICE, "warning_letter", complied=True)

    async def named() -> bool | None:
        return True if set(await desk.closing()) == EARLY else None

    await until(named, "the guard does not name exactly what is open")
    body = await closing_request(desk.product, desk.case)
    version = await closure_version(desk.product, DIRECTOR, desk.case)
    early = await desk.product.post(DIRECTOR, "assistance", "/api/v1/closures", body, version=version)
    assert (early.status_code, {item["code"] for item in early.json()["open_items"]}) == (409, EARLY)
    for days in (82, 92):
        await desk.clock(days=days)
        await desk.visited(GRID)
    await desk.reassessments(order_ended=True)


async def _closed(desk: Desk) -> None:
    """Handed over in writing, proposed by the village, agreed by police and leader, decided by civil affairs."""
    body = await closing_request(desk.product, desk.case) | {"handover": {"universal_service": "school"}}

    async def ready() -> bool | None:
        return True if set(await desk.closing()) == {"level"} else None

    await until(ready, "more is open than the level, which the hand-over settles")
    await desk.assist(DIRECTOR, "closures", body)
    path = f"closures/{desk.case}"
    version = await closure_version(desk.product, CIVIL_AFFAIRS, desk.case)
    alone = await desk.product.post(
        CIVIL_AFFAIRS, "assistance", f"/api/v1/{path}/decide", {"approve": True}, version=version
    )
    assert (alone.status_code, set(alone.json()["parties"])) == (409, {"police", "responsible_leader"})
    for who in (POLICE, LEADER):
        await desk.assist(who, f"{path}/concur")
    closed = await desk.assist(CIVIL_AFFAIRS, f"{path}/decide", {"approve": True})
    owed = {notice["recipient"] for notice in closed["notices"] if notice["state"] == "owed"}
    assert owed == {"child", "guardian", "reporter"}


async def _reviewed(desk: Desk) -> None:
    await desk.clock(days=94)
    review = {
        "attended": ["civil_affairs", "police"], "lessons": ["worked_well"], "held_at": await desk.now(),
        "note_id": await desk.note(CIVIL_AFFAIRS),
    }  # fmt: skip
    done = await desk.do(CIVIL_AFFAIRS, "assistance", f"after-case-reviews/{desk.case}", review)
    assert (done["state"], done["late_seconds"]) == ("done", 0)


async def _receipt(desk: Desk) -> None:
    """What the teacher sees with the code: stages and times, nothing of the child."""

    async def ask() -> dict[str, Any] | None:
        url = desk.product.url("intake", f"/api/v1/receipts/{desk.report['receipt_code']}")
        shown = dict((await desk.product.client.get(url)).json())
        return shown if shown["stage"] == "finished" else None

    shown = await until(ask, "the receipt never showed the end")
    assert [one["stage"] for one in shown["stages"]] == ["received", "handed_over", "child_seen", "safe", "finished"]
    assert shown["result"] == "given"


async def _registers(desk: Desk) -> None:
    """While it ran the case stood in the ledger and among the problem families; now it has left both."""
    for register in ("REG-02", "REG-05"):
        for as_of, expected in ((desk.at(days=3), [desk.case]), (await desk.now(), [])):
            page = await desk.get("intake", f"registers/{register}", as_of=as_of)
            assert [row["subject_id"] for row in page["items"]] == expected, (register, as_of)
        moves = (await desk.get("intake", f"registers/{register}/history"))["items"]
        assert {"entered", "left"} <= {move["change"] for move in moves}


def _story(items: list[dict[str, Any]]) -> None:
    """Each step in its order, with what became of its clock."""
    seen = [item["type"] for item in items]
    in_order = (
        "report.received.v1", "response.opened.v1", "report.amended.v1", "referral.acknowledged.v1", "case.urged.v1",
        "supervision.ordered.v1", "supervision.replied.v1", "arrival.reported.v1", "placement.changed.v1",
        "safety.confirmed.v1", "ladder-step.recorded.v1", "compliance.checked.v1", "feedback.given.v1",
        "conference.held.v1", "visit.recorded.v1", "visit.failed.v1", "level-lowering.proposed.v1",
        "referral.completed.v1", "order.ended.v1", "closure.requested.v1", "case.closed.v1",
    )  # fmt: skip
    firsts = [seen.index(name) for name in in_order]
    assert firsts == sorted(firsts)
    assert {"eligibility.advised.v1", "plan.agreed.v1", "measure.changed.v1", "reassessment.done.v1"} <= set(seen)
    fates: dict[str, set[str]] = {}
    for item in items:
        for clock in item["deadlines"]:
            fates.setdefault(clock["step"], set()).add(clock["outcome"])
    met = ("S2", "S3", "S4", "S5a", "S5b", "S5c", "S6", "S7", "S8", "S9", "S12", "S13", "N-11", "supervision_reply")
    assert {step: "met" in fates.get(step, ()) for step in met} == dict.fromkeys(met, True)
    late = next(item for item in items if item["type"] == "visit.recorded.v1")
    assert [clock["outcome"] for clock in late["deadlines"]] == ["late"], "the visit of the first day came on the third"


async def _indicators(desk: Desk) -> None:
    """The console has the facts: K3 to K16 count this case, and nothing else in this time."""
    token = await desk.product.login(CIVIL_AFFAIRS)

    async def ask() -> dict[tuple[str, str | None], Any] | None:
        answer = await desk.product.client.get(
            desk.product.url("console", "/api/v1/indicators"), params={"since": RED_AT.isoformat()}, headers=token
        )
        assert answer.status_code == 200, answer.text
        found = {
            (one["id"], figure["measure"]): figure["value"] if one["id"] in ("K6", "K15") else figure["counted"]
            for one in answer.json()["indicators"]
            for figure in one["figures"]
        }
        return found if all(found.get(key) == value for key, value in FACTS.items()) else None

    await until(ask, "the indicators do not tell this case")


FACTS: dict[tuple[str, str | None], float] = {
    ("K3", None): 1,
    ("K4", None): 7,
    ("K5", None): 1,
    ("K5", "by tier"): 3,
    ("K6", "median to first contact"): 25.0,
    ("K6", "median to safety"): 50.0,
    ("K7", None): 2,
    ("K11", None): 1,
    ("K13", None): 0,
    ("K14", "manual lowerings"): 1,
    ("K15", "known to reported"): 480.0,
    ("K16", None): 1,
}
