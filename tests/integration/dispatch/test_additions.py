"""Over HTTP and events: referrals added, taken back and moved, safety-only tasks, amendments, notices by hand."""

from datetime import datetime, timedelta
from typing import Any

from chassis.testing import Running
from contracts.assistance import ComplianceChecked, LadderStepRecorded, PlacementChanged, VisitFailed
from contracts.dispatch import NoticeGiven, ReferralRevoked, ResponseOpened, ResponseRevised
from contracts.intake import ReportAmended
from contracts.risk_scoring import RiskAssessed
from contracts.vocabulary import Actor, Place
from tests.integration.dispatch.story import (
    CIVIL,
    DIRECTOR,
    GRID,
    HEALTH,
    LEADER,
    POLICE,
    Story,
    deliver,
    id_of,
    opened,
    person,
    scored,
    township,
)

BY = Actor(kind="person", account="ca-1", department="civil_affairs", organisation="YX-CA")
FINANCE = person("finance", "YX-FO")
LEAGUE = person("youth_league", "YX-YL")
SUPERVISOR = person("civil_affairs", "YX-CA", "civil_affairs_supervisor")
OTHER_DIRECTOR = person("village_committee", "V02-VC", "child_director", villages=["V02"])


async def post(story: Story, who: dict[str, Any], path: str, body: dict[str, Any], key: str | None = "k") -> Any:
    headers = story.app.as_(**who) | ({"Idempotency-Key": key} if key else {})
    return await story.app.client.post(f"/api/v1/responses/{story.key}{path}", json=body, headers=headers)


async def amendment(story: Story, **what: Any) -> ReportAmended:
    content: dict[str, Any] = {
        "case_id": story.data.case_id,
        "case_number": story.data.case_number,
        "township": "YX",
        "response_no": 1,
        "report_id": story.opened.report_id,
        "amendment_id": id_of(f"amendment {sorted(what)}"),
        "aspects": ("narrative",),
        "by": BY,
        "at": await story.now(),
        **what,
    }
    return ReportAmended(**content)


def mine(view: Any, department: str) -> Any:
    return next(r for r in view["referrals"] if r["department"] == department and r["state"] != "ended")


# Added, taken back, moved ------------------------------------------------------------------------------------------------


async def test_civil_affairs_adds_a_department_and_it_signs_from_its_own_queue(app: Running) -> None:
    story = await opened(app, "YX-04")
    body = {"department": "finance", "reason": "conference_decision"}
    assert (await post(story, CIVIL, "/referrals", body, key=None)).status_code == 400
    assert (await post(story, POLICE, "/referrals", body)).json()["reason"] == "informed_only"
    answer = await post(story, CIVIL, "/referrals", body)
    assert answer.status_code == 201
    assert mine(answer.json(), "finance")["because"] == ["ADDED-conference_decision:assist"]
    event = await story.revised()
    assert (event.cause, [r.department for r in event.referrals]) == ("added_referral", ["finance"])
    assert {d.step for d in event.deadlines} == {"S4", "task"}
    added = str(event.referrals[0].referral_id)
    assert (await story.must(FINANCE, "acknowledge", on=added))["state"] == "acknowledged"
    again = await post(story, CIVIL, "/referrals", body, key="k2")
    assert (again.status_code, again.json()["code"]) == (409, "already_takes_part")
    wrong = await post(story, CIVIL, "/referrals", {**body, "reason": "because"}, key="k3")
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "#/reason")
    kept_out = await post(story, CIVIL, "/referrals", {**body, "department": "health"}, key="k4")
    assert kept_out.json()["errors"][0]["code"] == "department_kept_out"


async def test_a_referral_is_taken_back_or_moved_by_who_coordinates(app: Running) -> None:
    story = await opened(app, "YX-01")
    health, justice = story.referral("health"), story.referral("justice")
    reason = {"reason": "no_longer_needed"}
    assert (await story.act(HEALTH, "revoke", reason)).status_code == 403
    assert (await story.act(LEADER, "revoke", reason, on=health)).status_code == 403
    gone = await story.must(CIVIL, "revoke", reason, on=health)
    assert (gone["state"], gone["ended_reason"], gone["available_actions"]) == ("ended", "revoked", [])
    (revoked,) = await app.published(ReferralRevoked)
    assert (revoked.department, revoked.reason, set(revoked.cancelled.values())) == (
        "health",
        "no_longer_needed",
        {"revoked"},
    )
    moved = await story.must(CIVIL, "reroute", {"department": "finance", "reason": "wrong_department"}, on=justice)
    assert moved["ended_reason"] == "rerouted"
    event = await story.revised()
    assert (event.cause, event.withdrawn) == ("added_referral", (justice,))
    assert [(r.department, r.role) for r in event.referrals] == [("finance", "assist")]
    police = {"department": "justice", "reason": "other"}
    refused = await story.act(CIVIL, "reroute", police, on=story.referral("police"))
    assert (refused.status_code, refused.json()["reason"]) == (403, "supervisor_needed")
    assert (await story.act(SUPERVISOR, "revoke", {"reason": "other"}, on=story.referral("police"))).json()["code"] == (
        "case_lead_stays"
    )
    await story.must(SUPERVISOR, "reroute", police, on=story.referral("police"))
    assert (await story.view(CIVIL))["case_lead"] == "justice"


async def test_a_safety_only_task_shows_its_words_and_nothing_else_of_a_restricted_case(app: Running) -> None:
    story = await opened(app, "YX-02")
    village = story.data.report.place.village if story.data.report else None
    director = person("village_committee", f"{village}-VC", "child_director", villages=[village])
    assert (await story.get(director, "/referrals")).json()["items"] == []
    body = {"department": "village_committee", "task": "watch_place"}
    assert (await post(story, CIVIL, "/safety-tasks", body)).json()["reason"] == "police_lead_only"
    answer = await post(story, POLICE, "/safety-tasks", body, key="p")
    assert answer.status_code == 201
    event = await story.revised()
    assert (event.cause, [(r.safety_only, r.masked) for r in event.referrals]) == ("safety_only_task", [(True, True)])
    (item,) = (await story.get(director, "/referrals")).json()["items"]
    assert (item["concerns"], item["children"], item["because"]) == (None, [], ["SAFETY-ONLY:assist"])
    assert item["tasks"][0]["zh"].startswith("留意住所周边")
    assert (await story.get(director, f"/responses/{story.key}")).status_code == 404
    assert (await story.must(director, "acknowledge", on=item["referral_id"]))["state"] == "acknowledged"
    league = await post(story, POLICE, "/safety-tasks", {"department": "youth_league", "task": "stand_by"}, key="l")
    assert league.status_code == 201
    assert (await story.get(LEAGUE, f"/responses/{story.key}")).status_code == 404
    (told,) = (await story.get(LEAGUE, "/referrals")).json()["items"]
    assert (told["concerns"], told["children"]) == (None, [])


# By a later fact ---------------------------------------------------------------------------------------------------------


async def test_a_guardian_who_did_not_heed_the_village_goes_to_the_police_by_itself(app: Running) -> None:
    story = await opened(app, "YX-05")
    assert {r.department: r.role for r in story.opened.referrals}["police"] == "inform"
    checked = ComplianceChecked(
        case_id=story.data.case_id, case_number="YX-05", township="YX", ladder_step_id=id_of("G1"), step="G1",
        document="admonition", complied=True, by=BY, at=await story.now(),
    )  # fmt: skip
    before = len(await app.published(ResponseRevised))
    await deliver(app, checked, story.key)
    await deliver(app, checked.model_copy(update={"complied": False, "step": "G2"}), story.key)
    assert len(await app.published(ResponseRevised)) == before
    await deliver(app, checked.model_copy(update={"complied": False}), story.key)
    event = await story.revised()
    assert event.cause == "guardian_non_compliance"
    assert [(r.department, r.role) for r in event.referrals] == [("police", "assist")]
    assert {d.step for d in event.deadlines} == {"S4", "task"}
    assert (await story.must(POLICE, "acknowledge"))["tasks"][0]["zh"] == "监护人不听劝诫，训诫并责令改正"


async def test_failed_visits_at_red_call_the_police_out_the_same_day(app: Running) -> None:
    story = await opened(app, "YX-01")
    failed = VisitFailed(
        case_id=story.data.case_id, post="grid_member", attempted_at=await story.now(), failure="child_not_shown",
        failures_in_row=1, level="red", by=BY,
    )  # fmt: skip
    await deliver(app, failed, story.key)
    assert [c for c in (await story.view(CIVIL))["deadlines"] if c["step"] == "welfare_check"] == []
    await deliver(app, failed.model_copy(update={"welfare_check": True}), story.key)
    assert (await story.revised()).cause == "welfare_check"
    check = await story.clock("welfare_check")
    assert datetime.fromisoformat(check["due_at"]) == failed.attempted_at + timedelta(hours=6)
    await story.must(POLICE, "acknowledge")
    await story.must(POLICE, "report-arrival", {"arrived_at": (await story.now()).isoformat(), "child_seen": True})
    assert (await story.clock("welfare_check"))["state"] == "met"


# Amendments --------------------------------------------------------------------------------------------------------------


async def test_an_amendment_shows_in_every_open_queue_until_it_was_seen(app: Running) -> None:
    story = await opened(app, "YX-01")
    stale = await app.database.now()
    await deliver(app, await amendment(story, aspects=("facts", "safe_until")), story.key)
    view = await story.view(CIVIL)
    assert all(r["amended"] == ["facts", "safe_until"] and r["version"] == 2 for r in view["referrals"])
    assert (await story.act(POLICE, "acknowledge", version=1)).status_code == 412
    feed = (await story.get(GRID, "/referrals", updated_since=stale.isoformat())).json()["items"]
    assert [item["amended_at"] is not None for item in feed] == [True]
    seen = await story.must(POLICE, "see-amendment")
    assert (seen["amended"], seen["amended_at"]) == ([], None)
    assert (await story.act(POLICE, "see-amendment")).json()["code"] == "nothing_amended"
    assert mine(await story.view(CIVIL), "village_committee")["amended"] != []


async def test_the_village_follows_the_child_to_the_place_that_became_known(app: Running) -> None:
    data = scored("YX-05")
    assert data.report is not None
    report = data.report.model_copy(update={"place": Place()})
    story = await _opened_with(app, data.model_copy(update={"report": report}))
    assert next(r.organisation for r in story.opened.referrals if r.department == "village_committee") == "YX-CA"
    place = Place(group="V02-G1")
    await deliver(app, await amendment(story, aspects=("place",), place=place), story.key)
    event = await story.revised()
    assert (event.cause, event.place and event.place.village, event.withdrawn) == (
        "amendment",
        "V02",
        (story.referral("village_committee"),),
    )
    assert {(d.step, d.organisation) for d in event.deadlines} >= {
        ("S5a", "V02-VC"),
        ("S5b", "V02-VC"),
        ("S4", "V02-VC"),
    }
    assert {d.due_at for d in event.deadlines if d.step == "S5b"} == {story.due("S5b")}
    (item,) = (await story.get(OTHER_DIRECTOR, "/referrals")).json()["items"]
    assert (item["village"], item["group"], item["state"]) == ("V02", "V02-G1", "issued")
    assert (await story.get(DIRECTOR, "/referrals")).json()["items"] == []


async def _opened_with(app: Running, data: RiskAssessed) -> Story:
    assert data.report is not None
    await app.set_clock(data.report.received_at + timedelta(minutes=1))
    await deliver(app, township(), "YX")
    await deliver(app, data, data.case_id)
    return Story(app, data, (await app.published(ResponseOpened))[-1])


async def test_an_amended_hand_over_moves_safety_and_its_explanation_agrees(app: Running) -> None:
    story = await opened(app, "YX-05")
    for hours, number in ((3, 1), (5, 2)):
        until = await story.now() + timedelta(hours=hours)
        what = {"aspects": ("safe_until",), "safe_until": until, "amendment_id": id_of(f"hand-over {number}")}
        await deliver(app, await amendment(story, **what), story.key)
        clock = await story.clock("S6")
        assert datetime.fromisoformat(clock["due_at"]) == until
        why = (await story.get(CIVIL, f"/deadlines/{clock['deadline_id']}/explanation")).json()
        assert (why["agrees"], len(why["moves"])) == (True, number)
    assert (await story.revised()).cause == "amendment"


async def test_an_amendment_that_overtakes_its_response_is_not_lost(app: Running) -> None:
    data = scored("YX-01")
    assert data.report is not None
    await app.set_clock(data.report.received_at + timedelta(minutes=1))
    await deliver(app, township(), "YX")
    early = ReportAmended(
        case_id=data.case_id, case_number="YX-01", township="YX", response_no=1, report_id=data.report.report_id,
        amendment_id=id_of("early"), aspects=("place",), place=Place(village="V02", group="V02-G1"), by=BY,
        at=await app.database.now(),
    )  # fmt: skip
    await deliver(app, early, data.case_id)
    await deliver(app, data, data.case_id)
    story = Story(app, data, (await app.published(ResponseOpened))[-1])
    assert (await story.revised()).cause == "amendment"
    view = await story.view(CIVIL)
    assert (view["village"], mine(view, "village_committee")["organisation"]) == ("V02", "V02-VC")
    async with app.database.reading() as db:
        assert await db.fetchval("SELECT count(*) FROM waiting_amendment") == 0


# Notices by hand ---------------------------------------------------------------------------------------------------------


async def test_a_placement_owes_the_county_notices_until_they_are_given(app: Running) -> None:
    story = await opened(app, "YX-05")
    placed = PlacementChanged(
        case_id=story.data.case_id, case_number="YX-05", township="YX", placement_id=id_of("placement"),
        child_id=story.data.children[0].child_id, kind="P2", reason="guardian_absent", state="proposed",
        responsible="this_township", external_notices=("county_civil_affairs", "county_protection_centre"), by=BY,
        at=await story.now(),
    )  # fmt: skip
    await deliver(app, placed, story.key)
    await deliver(app, placed.model_copy(update={"state": "approved"}), story.key)
    await deliver(app, placed.model_copy(update={"state": "started"}), story.key)
    event = await story.revised()
    assert (event.cause, [n.bodies for n in event.notices]) == (
        "notice_owed",
        [("county_civil_affairs",), ("county_protection_centre",)],
    )
    assert [d.step for d in event.deadlines] == ["N-11", "N-11"]
    why = (await story.get(CIVIL, f"/deadlines/{event.deadlines[0].deadline_id}/explanation")).json()
    assert (why["step"]["zh"], why["rule"], why["agrees"]) == ("对外通知", "notices.N-11.limits.yellow", True)
    body = {"body": "county_civil_affairs", "means": "telephone"}
    given = await post(story, CIVIL, "/notices/N-11", body)
    assert given.status_code == 201
    states = {n["bodies"][0]: n["status"] for n in given.json()["notices"] if n["notice"] == "N-11"}
    assert states == {"county_civil_affairs": "given", "county_protection_centre": "manual"}
    (told,) = await app.published(NoticeGiven)
    assert ([m.step for m in told.met], told.means) == (["N-11"], "telephone")
    assert sorted(d["state"] for d in given.json()["deadlines"] if d["step"] == "N-11") == ["met", "running"]
    replayed = await post(story, CIVIL, "/notices/N-11", body)
    assert replayed.headers["Idempotency-Replayed"] == "true"
    for path, wrong, pointer in (
        ("/notices/N-2", body, "#/notice"),
        ("/notices/N-11", {**body, "body": "police"}, "#/body"),
        ("/notices/N-11", {**body, "given_at": "2020-01-01T00:00:00Z"}, "#/given_at"),
    ):
        refused = await post(story, CIVIL, path, wrong, key=f"{path}{pointer}")
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_warning_letter_owes_copies_to_the_village_and_the_police(app: Running) -> None:
    story = await opened(app, "YX-07")
    now = await story.now()
    letter = LadderStepRecorded(
        case_id=story.data.case_id, case_number="YX-07", township="YX", ladder_step_id=id_of("letter"), step="G3",
        document="warning_letter", issuer="police", issued_on=now, copies_to=("village_committee", "police"), by=BY, at=now,
    )  # fmt: skip
    await deliver(app, letter, story.key)
    event = await story.revised()
    assert [(n.notice, n.bodies, n.status) for n in event.notices] == [
        ("N-8", ("village_committee",), "due"),
        ("N-8", ("police",), "due"),
    ]
    notices = (await story.view(CIVIL))["notices"]
    assert [n["bodies"] for n in notices if n["notice"] == "N-8"] == [["village_committee"], ["police"]]


async def test_the_reporters_feedback_stands_among_the_notices(app: Running) -> None:
    story = await opened(app, "YX-05")
    (owed,) = [n for n in (await story.view(CIVIL))["notices"] if n["notice"] == "N-10"]
    assert (owed["status"], datetime.fromisoformat(owed["due_at"])) == ("due", story.due("S13"))
    await story.must(CIVIL, "give-feedback", {"report_id": str(story.opened.report_id)})
    (given,) = [n for n in (await story.view(CIVIL))["notices"] if n["notice"] == "N-10"]
    assert given["status"] == "given"
    assert (await post(story, CIVIL, "/referrals", {"department": "nobody", "reason": "other"})).status_code == 422
