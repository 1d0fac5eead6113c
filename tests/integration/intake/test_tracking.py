"""The case file, its story, and the watchdog that barks until a response opens."""

from datetime import timedelta
from uuid import UUID, uuid4

from chassis.testing import Running
from contracts.dispatch import (
    DeadlineFired,
    FeedbackGiven,
    ReferralAcknowledged,
    ReferralIssued,
    ResponseRevised,
    ReturnDecided,
    StepMet,
)
from contracts.intake import DispatchOverdue
from contracts.notification import NoticesRecorded
from contracts.vocabulary import Actor
from tests.integration.intake.story import (
    CIVIL,
    COLLEAGUE,
    DIRECTOR,
    HEALTH,
    NEIGHBOUR,
    OPERATOR,
    POLICE,
    SCHOOL,
    Desk,
    township,
)

OFFICER = Actor(kind="person", account="police-staff", department="police")


async def test_levels_and_roles_reach_the_case_file(desk: Desk) -> None:
    answer = await desk.report()
    await desk.score(answer, "orange")
    await desk.score(answer, "yellow")
    await desk.dispatch(answer, civil_affairs="lead", school="assist")
    case = await desk.case(answer["case_number"])
    assert (case["level"], case["highest_level"], case["case_lead"]) == ("yellow", "orange", "civil_affairs")
    assert case["departments"] == {"civil_affairs": "lead", "school": "assist"}
    assert case["dispatched_at"] is not None


async def test_a_case_is_not_sent_again_to_who_has_its_version(desk: Desk) -> None:
    answer = await desk.report()
    path, headers = f"/api/v1/cases/{answer['case_id']}", desk.app.as_(**CIVIL)
    tag = (await desk.app.client.get(path, headers=headers)).headers["ETag"]
    same = await desk.app.client.get(path, headers={**headers, "If-None-Match": tag})
    await desk.score(answer, "yellow")
    changed = await desk.app.client.get(path, headers={**headers, "If-None-Match": tag})
    assert (same.status_code, changed.status_code) == (304, 200)


async def test_the_list_shows_each_reader_what_concerns_them_in_pages(desk: Desk) -> None:
    answers = [await desk.report(child={}) for _ in range(3)]
    await desk.report(child={}, place={"village": "V01", "group": 2})
    await desk.dispatch(answers[0], school="assist")
    first = (await desk.get("/cases", CIVIL, limit=3)).json()
    rest = (await desk.get("/cases", CIVIL, limit=3, cursor=first["next_cursor"])).json()
    assert len(first["items"]) == 3
    assert first["items"][0]["case_id"] == answers[0]["case_id"]
    assert len({item["case_id"] for item in first["items"] + rest["items"]}) == 4
    counts = {
        name: len((await desk.get("/cases", claims)).json()["items"])
        for name, claims in (("village", DIRECTOR), ("other", NEIGHBOUR), ("school", SCHOOL), ("health", HEALTH))
    }
    assert counts == {"village": 3, "other": 1, "school": 1, "health": 0}


async def test_the_list_is_narrowed_by_state_level_village_and_change(app: Running, desk: Desk) -> None:
    red = await desk.report(child={})
    other = await desk.report(child={}, place={"village": "V01"})
    await desk.score(red, "red")
    since = await app.database.now()
    await desk.close(other, since)

    async def found(**query: str) -> list[str]:
        return [item["case_id"] for item in (await desk.get("/cases", CIVIL, **query)).json()["items"]]

    assert await found(level="red") == [red["case_id"]]
    assert await found(state="closed") == await found(village="V01") == [other["case_id"]]
    assert await found(updated_since=since.isoformat()) == [other["case_id"]]
    assert (await desk.get("/cases", CIVIL, colour="red")).status_code == 400


async def test_the_story_is_told_in_the_order_things_happened(app: Running, desk: Desk) -> None:
    answer = await desk.report()
    event = await desk.announced(answer["report_id"])
    key, at = answer["case_id"], event.recorded_at
    act = {
        "case_id": key,
        "case_number": event.case_number,
        "referral_id": uuid4(),
        "department": "police",
        "organisation": "YX-police",
        "role": "lead",
        "level": "yellow",
        "township": "YX",
        "by": OFFICER,
    }
    late = StepMet(
        deadline_id=uuid4(),
        step="S4",
        tier="each",
        department="police",
        due_at=at + timedelta(minutes=10),
        met_at=at + timedelta(minutes=12),
        late_seconds=120,
    )
    await app.publish(ReferralAcknowledged(**act, at=at + timedelta(minutes=12), met=(late,)), key)
    await app.publish(
        DeadlineFired(
            **{name: act[name] for name in ("case_id", "case_number", "township", "level", "referral_id")},
            deadline_id=late.deadline_id,
            step="S4",
            tier="each",
            department="police",
            organisation="YX-police",
            place=event.report.place,
            stage="breach",
            due_at=late.due_at,
            planned_at=late.due_at,
            fired_at=at + timedelta(minutes=10),
            lateness_seconds=0,
            policy_version="2026-11",
        ),
        key,
    )
    await app.publish(NoticesRecorded(case_id=None, cause_type="x", notices=(), recorded_at=at), "elsewhere")
    await app.settle()
    story = (await desk.get(f"/cases/{key}/timeline", CIVIL)).json()["items"]
    assert [(item["type"], [d["outcome"] for d in item["deadlines"]]) for item in story] == [
        ("report.received.v1", []),
        ("deadline.fired.v1", ["missed"]),
        ("referral.acknowledged.v1", ["late"]),
    ]
    assert story[2]["actor"] == OFFICER.model_dump(exclude_none=True)
    assert await app.parked() == 0


async def test_an_event_delivered_twice_is_told_once(app: Running, desk: Desk) -> None:
    answer = await desk.report()
    event = await desk.announced(answer["report_id"])
    feedback = FeedbackGiven(
        case_id=event.case_id,
        case_number=event.case_number,
        referral_id=uuid4(),
        department="civil_affairs",
        organisation="YX-CA",
        role="lead",
        level="yellow",
        township="YX",
        by=OFFICER,
        at=event.recorded_at,
        report_id=event.report.report_id,
    )
    raw = await app.publish(feedback, answer["case_id"])
    await app.deliver(raw)
    await app.settle()
    story = (await desk.get(f"/cases/{answer['case_id']}/timeline", CIVIL)).json()["items"]
    assert [item["type"] for item in story].count("feedback.given.v1") == 1
    assert (await desk.case(answer["case_id"]))["reports"][0]["feedback_possible"] is True


async def test_an_upheld_return_moves_the_sight_of_the_case(app: Running, desk: Desk) -> None:
    answer = await desk.report()
    event = await desk.announced(answer["report_id"])
    await desk.dispatch(answer, civil_affairs="lead", school="assist")
    issued = ReferralIssued(referral_id=uuid4(), department="health", organisation="YX-health", role="assist")
    decided = ReturnDecided(
        case_id=event.case_id,
        case_number=event.case_number,
        referral_id=uuid4(),
        department="school",
        organisation="YX-school",
        role="assist",
        level="yellow",
        township="YX",
        by=OFFICER,
        at=event.recorded_at,
        upheld=True,
        issued=issued,
    )
    await app.publish(decided, answer["case_id"])
    await app.settle()
    statuses = [(await desk.get(f"/cases/{answer['case_id']}", claims)).status_code for claims in (SCHOOL, HEALTH)]
    assert statuses == [404, 200]


async def test_a_department_with_a_safety_only_task_gets_no_sight_of_the_case(app: Running, desk: Desk) -> None:
    answer = await desk.report()
    event = await desk.announced(answer["report_id"])
    await desk.dispatch(answer, civil_affairs="lead")
    task = ReferralIssued(
        referral_id=uuid4(), department="school", organisation="YX-school", role="assist", masked=True, safety_only=True
    )
    revised = ResponseRevised(
        case_id=event.case_id,
        case_number=event.case_number,
        response_id=uuid4(),
        township="YX",
        cause="safety_only_task",
        level_before="yellow",
        level="yellow",
        restricted=True,
        concerns=("H5",),
        case_lead="civil_affairs",
        coordinator="civil_affairs",
        referrals=(task,),
        revised_at=event.recorded_at,
        policy_version="2026-11",
    )
    await app.publish(revised, answer["case_id"])
    await app.settle()
    assert (await desk.get(f"/cases/{answer['case_id']}", SCHOOL)).status_code == 404
    assert (await desk.case(answer["case_id"]))["departments"] == {"civil_affairs": "lead"}


async def test_a_response_to_one_child_gives_no_sight_of_the_sibling(app: Running, desk: Desk) -> None:
    answer = await desk.report(siblings=[{"child": {"name": "彭小妹"}}])
    first, second = answer["children"]
    await desk.dispatch(answer, civil_affairs="lead")
    event = await desk.announced(answer["report_id"])
    issued = ReferralIssued(
        referral_id=uuid4(),
        department="school",
        organisation="YX-school",
        role="assist",
        children=(UUID(first["child_id"]),),
    )
    decided = ReturnDecided(
        case_id=event.case_id,
        case_number=event.case_number,
        referral_id=uuid4(),
        department="health",
        organisation="YX-health",
        role="assist",
        level="yellow",
        township="YX",
        by=OFFICER,
        at=event.recorded_at,
        upheld=True,
        issued=issued,
    )
    await app.publish(decided, answer["case_id"])
    await app.settle()
    statuses = [(await desk.get(f"/cases/{child['case_id']}", SCHOOL)).status_code for child in (first, second)]
    assert statuses == [200, 404]


async def test_the_watchdog_barks_every_five_minutes_until_the_response_opens(app: Running, desk: Desk) -> None:
    answer = await desk.report()
    assert await app.fire(timedelta(minutes=9)) == 0
    assert await app.fire(timedelta(minutes=1, seconds=1)) == 1
    assert await app.fire(timedelta(minutes=5)) == 1
    barks = await app.published(DispatchOverdue)
    assert [(str(bark.report_id), bark.repeat_no) for bark in barks] == [
        (answer["report_id"], 0),
        (answer["report_id"], 1),
    ]
    await desk.dispatch(answer, civil_affairs="lead")
    assert await app.fire(timedelta(minutes=30)) == 0


async def test_a_call_logged_late_does_not_wake_the_watchdog_at_once(app: Running, desk: Desk) -> None:
    await desk.report(received_at=(await app.database.now() - timedelta(hours=2)).isoformat())
    assert await app.fire() == 0


async def test_an_older_structure_of_the_township_does_not_replace_a_newer_one(app: Running, desk: Desk) -> None:
    newer = township(3).model_copy(update={"villages": township().villages[:1], "groups": ()})
    await app.publish(newer, "YX")
    await app.publish(township(2), "YX")
    await app.settle()
    assert (
        await desk.post(
            "/reports", {"channel": "hotline_a", "reporter": {"kind": "public"}, "place": {"village": "V06"}}
        )
    ).status_code == 422


async def test_an_operator_sees_restricted_cases_only_when_they_took_the_call(desk: Desk) -> None:
    await desk.report(concerns=["H3"])
    seen = [len((await desk.get("/cases", claims)).json()["items"]) for claims in (OPERATOR, COLLEAGUE, POLICE)]
    assert seen == [1, 0, 0]
