"""What a reporter may learn with the query code alone: stages and whether the result was given, never anything that identifies."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from chassis.testing import Running
from contracts.dispatch import (
    ArrivalReported,
    FeedbackGiven,
    ReferralIssued,
    ReferralRevoked,
    ResponseRevised,
    SafetyConfirmed,
)
from contracts.vocabulary import SYSTEM
from tests.integration.intake.story import CIVIL, HEALTH, SCHOOL, SECRETS, WORDS, Desk


async def act(desk: Desk, report: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What every act of the police on this case says."""
    return {
        "case_id": report["case_id"],
        "case_number": report["case_number"],
        "referral_id": uuid4(),
        "department": "police",
        "organisation": "YX-police",
        "role": "lead",
        "level": "red",
        "township": "YX",
        "by": SYSTEM,
        "at": await desk.app.database.now(),
        **more,
    }


async def seen(desk: Desk, report: dict[str, Any]) -> dict[str, Any]:
    """The receipt as the reporter reads it."""
    answer = await desk.app.client.get(f"/api/v1/receipts/{report['receipt_code']}")
    assert answer.status_code == 200
    return dict(answer.json())


async def test_a_reporter_follows_the_stages_and_learns_nothing_else(app: Running, desk: Desk) -> None:
    report = await desk.report(reporter={"kind": "teacher"})
    earlier = await app.database.now() - timedelta(hours=1)
    await desk.dispatch(report, "red", police="lead")
    key, stages = report["case_id"], [(await seen(desk, report))["stage"]]
    arrived = ArrivalReported(
        **await act(desk, report), tier="township", arrived_at=await app.database.now(), child_seen=False
    )
    await app.publish(arrived, key)
    await app.settle()
    stages.append((await seen(desk, report))["stage"])
    early = arrived.model_copy(update={"child_seen": True, "arrived_at": earlier})
    for event in (early, arrived.model_copy(update={"child_seen": True})):
        await app.publish(event, key)
        await app.settle()
        stages.append((await seen(desk, report))["stage"])
    at = await app.database.now()
    await app.publish(
        SafetyConfirmed(**await act(desk, report), confirmed_at=at, basis="safe_place", response_no=1), key
    )
    await app.settle()
    stages.append((await seen(desk, report))["stage"])
    await desk.close(report, at + timedelta(days=1))
    stages.append((await seen(desk, report))["stage"])
    assert stages == ["handed_over", "handed_over", "handed_over", "child_seen", "safe", "finished"]
    assert (await seen(desk, report))["result"] == "not_yet"
    given = FeedbackGiven(**await act(desk, report), report_id=report["report_id"])
    await app.publish(given, key)
    await app.settle()
    told = await seen(desk, report)
    assert (told["result"], [stage["stage"] for stage in told["stages"]]) == (
        "given",
        ["received", "handed_over", "child_seen", "safe", "finished"],
    )
    secret = [*SECRETS.values(), WORDS, "V06", "red", "police", "H5", report["case_id"], report["case_number"]]
    assert not [value for value in secret if value in str(told)]


async def test_an_anonymous_reporter_is_called_by_nobody_and_may_ask_once_the_child_is_safe(
    app: Running, desk: Desk
) -> None:
    report = await desk.report(reporter={"kind": "unknown", "anonymous": True})
    await desk.dispatch(report, "red", police="lead")
    assert (await seen(desk, report))["result"] == "not_yet"
    at = await app.database.now()
    safe = SafetyConfirmed(**await act(desk, report), confirmed_at=at, basis="safe_place", response_no=1)
    impossible = FeedbackGiven(**await act(desk, report), report_id=report["report_id"], possible=False)
    for event in (safe, impossible):
        await app.publish(event, report["case_id"])
        await app.settle()
        assert (await seen(desk, report))["result"] == "can_be_asked"


async def test_a_referral_that_is_taken_back_takes_the_sight_of_the_case_with_it(app: Running, desk: Desk) -> None:
    report = await desk.report()
    await desk.dispatch(report, civil_affairs="lead")
    event = await desk.announced(report["report_id"])
    issued = [
        ReferralIssued(referral_id=uuid4(), department=d, organisation=f"YX-{d}", role="assist")
        for d in ("school", "health")
    ]
    shared: dict[str, Any] = {
        "case_id": report["case_id"],
        "case_number": report["case_number"],
        "response_id": uuid4(),
        "township": "YX",
        "cause": "assessment",
        "level_before": "yellow",
        "level": "yellow",
        "restricted": False,
        "concerns": ("H5",),
        "case_lead": "civil_affairs",
        "coordinator": "civil_affairs",
        "revised_at": event.recorded_at,
        "policy_version": "2026-11",
    }
    path = f"/cases/{report['case_id']}"

    async def may_read() -> list[int]:
        return [(await desk.get(path, who)).status_code for who in (SCHOOL, HEALTH, CIVIL)]

    await app.publish(ResponseRevised(**shared, referrals=tuple(issued)), report["case_id"])
    await app.settle()
    assert await may_read() == [200, 200, 200]
    await app.publish(ResponseRevised(**shared, withdrawn=(issued[0].referral_id, uuid4())), report["case_id"])
    await app.settle()
    assert await may_read() == [404, 200, 200]
    revoked = await act(desk, report, department="health", organisation="YX-health", role="assist")
    revoked["referral_id"] = issued[1].referral_id
    await app.publish(ReferralRevoked(**revoked, reason="not_needed"), report["case_id"])
    await app.settle()
    assert await may_read() == [404, 404, 200]
    assert await app.parked() == 0
