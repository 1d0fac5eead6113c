"""A scored report becomes referrals, clocks and notices in one act."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.consumer import NotYet
from chassis.testing import Running
from contracts.dispatch import ResponseOpened
from contracts.envelope import RawEvent, read_envelope
from tests.integration.dispatch.story import CIVIL, HEALTH, LEADER, deliver, id_of, opened, scored, township
from tests.samples.golden import golden_case, golden_cases, moment, optional_moment

FIRST_REPORTS = [case for case in golden_cases() if case["expected"]["disposition"] != "attached_to_open_case"]


async def test_each_golden_report_opens_with_exactly_its_referrals_and_deadlines(
    app: Running, subtests: pytest.Subtests
) -> None:
    for case in FIRST_REPORTS:
        story = await opened(app, case["id"], after=timedelta(seconds=1))
        with subtests.test(case=case["id"]):
            _opened_as_expected(story.opened, case["expected"])


def _opened_as_expected(event: ResponseOpened, expected: Any) -> None:
    assert {r.department: r.role for r in event.referrals} == expected["referrals"]
    assert (event.case_lead, event.coordinator) == (expected["case_lead"], expected["coordinator"])
    assert list(event.external_notices) == expected["external_notices"]
    assert event.not_created.items() >= expected["not_created"].items()
    clocks = {d.step: d.due_at for d in event.deadlines} | {m.step: m.due_at for m in event.met}
    for step, due in expected["deadlines"].items():
        assert clocks.get(step) == optional_moment(due), step
    guardian = next(n for n in event.notices if n.notice == "N-9")
    assert guardian.status == expected["guardian_notice"]["status"]
    assert guardian.due_at == optional_moment(expected["guardian_notice"]["due"])
    assert {d.step for d in event.deadlines if d.provisional} >= set(expected["calendar_provisional"])


async def test_each_department_is_the_organisation_of_the_place_and_the_grade(
    app: Running, subtests: pytest.Subtests
) -> None:
    for name, department, organisation in [
        ("YX-01", "village_committee", "V01-VC"),
        ("YX-08", "village_committee", "V04-VC"),
        ("YX-21", "village_committee", "V04-VC"),
        ("YX-02", "school", "YX-SCH1"),
        ("YX-07", "school", "YX-SCH1"),
        ("YX-12", "school", "YX-SCH2"),
        ("YX-14", "school", "YX-SCH2"),
        ("YX-11", "police", "YX-PS"),
        ("YX-24", "civil_affairs", "YX-CA"),
    ]:
        story = await opened(app, name)
        with subtests.test(case=name):
            assert {r.department: r.organisation for r in story.opened.referrals}[department] == organisation


async def test_a_village_nobody_named_is_the_duty_of_civil_affairs(app: Running) -> None:
    data = scored("YX-01")
    assert data.report is not None
    nowhere = data.report.model_copy(
        update={"place": data.report.place.model_copy(update={"village": None, "group": None})}
    )
    await app.set_clock(data.report.received_at)
    await deliver(app, township(), "YX")
    await deliver(app, data.model_copy(update={"report": nowhere}), data.case_id)
    event = (await app.published(ResponseOpened))[-1]
    assert {r.department: r.organisation for r in event.referrals}["village_committee"] == "YX-CA"


async def test_triage_is_met_by_the_opening_and_late_for_ever_when_it_was_late(app: Running) -> None:
    on_time = await opened(app, "YX-01", after=timedelta(minutes=1))
    assert {(m.step, m.late_seconds) for m in on_time.opened.met} == {("S2", 0), ("S3", 0)}
    late = await opened(app, "YX-02", after=timedelta(minutes=12))
    assert {m.step for m in late.opened.met} == {"S2", "S3"}
    assert all(120 <= m.late_seconds < 150 for m in late.opened.met)
    assert (await late.clock("S3"))["late_seconds"] >= 120


async def test_the_same_report_delivered_again_opens_nothing(app: Running) -> None:
    story = await opened(app, "YX-01")
    event = await app.publish(scored("YX-05"), str(id_of("YX-05 case")))
    await app.settle()
    await app.deliver(event)
    await app.settle()
    assert len(await app.published(ResponseOpened)) == 2
    assert story.opened.response_id == (await app.published(ResponseOpened))[0].response_id


async def test_a_report_waits_for_the_township_and_is_never_parked(app: Running) -> None:
    data = scored("YX-01")
    await app.publish(data, str(data.case_id))
    inbox = app.process.inbox
    waiting: list[RawEvent] = [
        read_envelope(d.topic, d.key, d.headers, d.value)
        for d in await (await app.broker.consumer("peek", [data.TOPIC])).poll(10, 0)
    ]
    with pytest.raises(NotYet):
        await inbox.apply(waiting)
    assert await app.parked() == 0
    await deliver(app, township(), "YX")
    await app.settle()
    assert len(await app.published(ResponseOpened)) == 1


async def test_many_reports_in_one_batch_open_together(app: Running) -> None:
    await deliver(app, township(), "YX")
    names = [f"batch {n}" for n in range(40)]
    for name in names:
        data = scored("YX-05", case=name, report=name)
        await app.publish(data, str(data.case_id))
    await app.settle()
    events = await app.published(ResponseOpened)
    assert {event.case_number for event in events} == set(names)
    assert len({r.referral_id for event in events for r in event.referrals}) == sum(len(e.referrals) for e in events)


async def test_an_opening_and_its_correction_in_one_batch_leave_every_clock_watched(app: Running) -> None:
    data = scored("YX-05")
    assert data.report is not None
    await app.set_clock(data.report.received_at)
    await deliver(app, township(), "YX")
    attached = scored("YX-06", case="YX-05", report="YX-06")
    await app.publish(data, str(data.case_id))
    await app.publish(attached, str(data.case_id))
    await app.settle()
    async with app.database.reading() as db:
        rows = await db.fetch("SELECT kind, due_at, detail FROM deadline WHERE state = 'armed'")
        level = await db.fetchval("SELECT level FROM response")
    assert level == "orange"
    expected = golden_case("YX-06")["expected"]["deadlines"]
    due = {row["kind"]: row["due_at"] for row in rows}
    assert {step: due[step] for step in ("S5b", "S5c", "S6", "S8", "S9")} == {
        step: moment(expected[step]) for step in ("S5b", "S5c", "S6", "S8", "S9")
    }
    assert sum(row["kind"] == "S13" for row in rows) == 2
    signing = [row["detail"]["recipient"] for row in rows if row["kind"] == "S4"]
    assert len(signing) == len(set(signing)) > 4


async def test_the_response_is_one_picture_for_who_may_see_it(app: Running) -> None:
    story = await opened(app, "YX-04")
    view = await story.view(CIVIL)
    assert view["level"] == "yellow"
    assert view["not_created"] == {"S5a": "conflict_of_interest", "S5b": "conflict_of_interest"}
    assert view["external_notices"] == ["county_health"]
    assert {r["department"] for r in view["referrals"]} == set(golden_case("YX-04")["expected"]["referrals"])
    assert (await story.get(HEALTH, f"/responses/{story.key}")).status_code == 404
    assert (await story.get(LEADER, f"/responses/{story.key}")).status_code == 200
    assert (await story.get(CIVIL, f"/responses/{id_of('nobody')}")).status_code == 404


async def test_a_clock_explains_itself_by_rule_days_and_stages(app: Running) -> None:
    story = await opened(app, "YX-13")
    clock = await story.clock("S8")
    answer = await story.get(CIVIL, f"/deadlines/{clock['deadline_id']}/explanation")
    told = answer.json()
    assert told["limit"]["clock"] == "WD"
    counted = [day for day in told["days"] if day["number"]]
    assert moment(told["deadline"]["due_at"]) == moment(golden_case("YX-13")["expected"]["deadlines"]["S8"])
    assert len(counted) <= told["limit"]["days"]
    assert [stage["stage"] for stage in told["stages"]] == ["warn_50", "warn_80", "breach", "second_breach"]
    triage = await story.clock("S3")
    met = (await story.get(CIVIL, f"/deadlines/{triage['deadline_id']}/explanation")).json()
    assert (met["step"]["zh"], met["agrees"], met["deadline"]["state"]) == ("全部派单", True, "met")
