"""Hand-overs between lines A and B and to other areas: one case, and nothing finished before the receiver acknowledged."""

from datetime import timedelta
from typing import Any

from chassis.testing import Running
from contracts.intake import TransferRecorded
from tests.integration.intake.story import CIVIL, COLLEAGUE, OPERATOR, POLICE, SCHOOL, Claims, Desk

LINE_B: Claims = {"sub": "client-line-b", "kind": "client", "org": "YX-PS", "scopes": ["reports:create"]}


async def handed_over(desk: Desk, claims: Claims = OPERATOR, **body: Any) -> dict[str, Any]:
    """A contact handed over; the contact's answer."""
    body = {"kind": "transferred", "channel": "hotline_a", **body}
    answer = await desk.post("/contacts", body, claims)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def states(app: Running) -> list[tuple[str, str]]:
    """What was announced of hand-overs."""
    return [(event.state, event.receiver) for event in await app.published(TransferRecorded)]


async def cases(desk: Desk) -> int:
    """How many cases there are."""
    return len((await desk.get("/cases", CIVIL)).json()["items"])


async def test_line_a_hands_a_case_to_line_b_and_gets_it_back_and_it_stays_one_case(app: Running, desk: Desk) -> None:
    report = await desk.report()
    out = await handed_over(desk, case=report["case_id"], receiver="hotline_b")
    path = f"/transfers/{out['transfer_id']}"
    outsider = await desk.post(f"{path}/actions/acknowledge", {}, LINE_B, version=1)
    acknowledged = await desk.post(f"{path}/actions/acknowledge", {}, {**LINE_B, "dept": "police"}, version=1)
    assert (outsider.status_code, acknowledged.json()["state"]) == (403, "acknowledged")
    back = await handed_over(desk, LINE_B, channel="hotline_b", receiver="hotline_a", case=report["case_number"])
    taken = await desk.post(f"/transfers/{back['transfer_id']}/actions/acknowledge", {}, COLLEAGUE, version=1)
    assert (taken.json()["direction"], taken.json()["case_id"]) == ("in", report["case_id"])
    assert await cases(desk) == 1
    file = await desk.case(report["case_id"])
    assert [(t["direction"], t["state"]) for t in file["transfers"]] == [
        ("out", "acknowledged"),
        ("in", "acknowledged"),
    ]
    story = (await desk.get(f"/cases/{report['case_id']}/timeline", CIVIL)).json()["items"]
    clocks = [d["outcome"] for item in story if item["type"] == "transfer.recorded.v1" for d in item["deadlines"]]
    assert clocks == ["running", "met", "running", "met"]
    await app.fire(timedelta(hours=1))
    assert "overdue" not in {state for state, _ in await states(app)}


async def test_what_line_b_sends_is_taken_up_by_a_report_that_signs_for_it(app: Running, desk: Desk) -> None:
    words = {"kind": "public", "phone": "00055512345"}
    sent = await handed_over(desk, LINE_B, channel="hotline_b", receiver="hotline_a", caller=words)
    bare = await desk.post(f"/transfers/{sent['transfer_id']}/actions/acknowledge", {}, version=1)
    assert [error["code"] for error in bare.json()["errors"]] == ["case_or_report"]
    report = await desk.report(channel="hotline_b", transfer_id=sent["transfer_id"])
    taken = (await desk.get(f"/transfers/{sent['transfer_id']}", OPERATOR)).json()
    assert (taken["state"], taken["report_id"], taken["case_id"]) == (
        "acknowledged",
        report["report_id"],
        report["case_id"],
    )
    assert await states(app) == [("sent", "hotline_a"), ("acknowledged", "hotline_a")]
    twice = await desk.post(
        "/reports", {"channel": "hotline_b", "reporter": {"kind": "public"}, "transfer_id": sent["transfer_id"]}
    )
    assert (twice.status_code, twice.json()["current_state"]) == (409, "acknowledged")
    assert await cases(desk) == 1


async def test_a_hand_over_nobody_acknowledges_stays_visible_and_is_said_again(app: Running, desk: Desk) -> None:
    sent = await handed_over(desk, receiver="hotline_b")
    assert await app.fire(timedelta(minutes=9)) == 0
    await app.fire(timedelta(minutes=2))
    await app.fire(timedelta(minutes=10))
    assert [state for state, _ in await states(app)] == ["sent", "overdue", "overdue"]
    overdue = (await app.published(TransferRecorded))[1:]
    assert [event.repeat_no for event in overdue] == [0, 1]
    [open_one] = (await desk.get("/transfers", CIVIL, unfinished=True)).json()["items"]
    assert (open_one["transfer_id"], open_one["overdue"]) == (sent["transfer_id"], True)
    unsettled = (await desk.get("/contacts", CIVIL, unsettled=True)).json()["items"]
    assert [contact["contact_id"] for contact in unsettled] == [sent["contact_id"]]
    late = await desk.post(f"/transfers/{sent['transfer_id']}/actions/acknowledge", {}, POLICE, version=1)
    assert late.json()["late_seconds"] >= 600
    assert await app.fire(timedelta(days=1)) == 0
    assert (await desk.get("/transfers", CIVIL, unfinished=True)).json()["items"] == []


async def test_nobody_signs_for_the_receiver_without_its_receipt_nor_for_their_own(app: Running, desk: Desk) -> None:
    out = await handed_over(desk, receiver="citizen_hotline")
    path = f"/transfers/{out['transfer_id']}/actions/acknowledge"
    for body, code in (({}, "receipt_missing"), ({"receipt": "13800001111"}, "string_pattern_mismatch")):
        answer = await desk.post(path, body, CIVIL, version=1)
        assert [error["code"] for error in answer.json()["errors"]] == [code]
    assert (await desk.post(path, {"receipt": "TS-2026-118"}, CIVIL, version=1)).json()["receipt"] == "TS-2026-118"
    own = await handed_over(desk, channel="hotline_b", receiver="hotline_a")
    mine = await desk.post(f"/transfers/{own['transfer_id']}/actions/acknowledge", {}, version=1)
    assert (mine.status_code, mine.json()["reason"]) == (403, "own_transfer")
    assert (await desk.get("/transfers", SCHOOL)).status_code == 403


async def test_a_refused_hand_over_is_still_the_senders_until_somebody_has_it(app: Running, desk: Desk) -> None:
    sent = await handed_over(desk, receiver="hotline_b")
    path = f"/transfers/{sent['transfer_id']}"
    wrong = await desk.post(f"{path}/actions/refuse", {"reason": "busy"}, POLICE, version=1)
    assert [error["code"] for error in wrong.json()["errors"]] == ["unknown_reason"]
    refused = (await desk.post(f"{path}/actions/refuse", {"reason": "not_our_duty"}, POLICE, version=1)).json()
    assert (refused["state"], refused["available_actions"]) == ("refused", ["resend"])
    assert await app.fire(timedelta(minutes=11)) == 1, "the clock ran on"
    late = await desk.post(f"{path}/actions/acknowledge", {}, POLICE, version=2)
    assert (late.status_code, late.json()["available_actions"]) == (409, ["resend"])
    again = (await desk.post(f"{path}/actions/resend", {"receiver": "citizen_hotline"}, version=2)).json()
    assert (again["state"], again["receiver"], again["overdue"]) == ("sent", "citizen_hotline", False)
    assert await app.fire(timedelta(minutes=29)) == 0
    assert await app.fire(timedelta(minutes=2)) == 1


async def test_a_child_elsewhere_is_handed_to_that_area_at_once_and_waits_for_its_word(
    app: Running, desk: Desk
) -> None:
    report = await desk.report(place={"outside": "临江镇"}, facts={})
    await desk.dispatch(report, civil_affairs="lead")
    [transfer] = (await desk.case(report["case_id"]))["transfers"]
    assert (transfer["receiver"], transfer["state"]) == ("receiving_area", "sent")
    receipt = f"/api/v1/receipts/{report['receipt_code']}"
    seen = (await desk.app.client.get(receipt)).json()
    assert (seen["transfer"], seen["stage"]) == ("waiting", "handed_over")
    await desk.close(report, await app.database.now() + timedelta(hours=1))
    assert (await desk.app.client.get(receipt)).json()["stage"] == "handed_over", "not over before it is acknowledged"
    path = f"/transfers/{transfer['transfer_id']}/actions"
    await desk.post(f"{path}/acknowledge", {"receipt": "LJ-2026-7"}, CIVIL, version=1)
    seen = (await desk.app.client.get(receipt)).json()
    assert (seen["transfer"], seen["stage"]) == ("acknowledged", "finished")
    assert "LJ-2026-7" not in str(await app.published())


async def test_a_case_that_stays_here_after_all_takes_its_hand_over_back(desk: Desk) -> None:
    report = await desk.report(place={"outside": True}, facts={})
    [transfer] = (await desk.case(report["case_id"]))["transfers"]
    path = f"/transfers/{transfer['transfer_id']}/actions/withdraw"
    assert (await desk.post(path, {}, CIVIL, version=1)).json()["state"] == "withdrawn"
    assert (await desk.app.client.get(f"/api/v1/receipts/{report['receipt_code']}")).json()["transfer"] is None
