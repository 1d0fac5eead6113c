"""The department queue: order, pages, filters, what each reader sees; and the list of clocks."""

from datetime import datetime, timedelta
from typing import Any

from chassis.testing import Running
from contracts.dispatch import ResponseOpened
from contracts.notification import NoticesRecorded
from tests.integration.dispatch.story import (
    CIVIL,
    DIRECTOR,
    GRID,
    HEALTH,
    LEADER,
    OTHER_GRID,
    POLICE,
    SCHOOL,
    Story,
    deliver,
    id_of,
    opened,
    scored,
    township,
)


async def several(app: Running) -> Story:
    """Five responses of different levels, opened at the same moment."""
    await deliver(app, township(), "YX")
    now = None
    for name in ("YX-05", "YX-01", "YX-04", "YX-02", "YX-09"):
        data = scored(name)
        assert data.report is not None
        now = now or data.report.received_at
        report = data.report.model_copy(update={"received_at": now})
        await app.set_clock(now + timedelta(minutes=1))
        await deliver(app, data.model_copy(update={"report": report, "effective_at": now}), data.case_id)
    story = await opened(app, "YX-08")
    await app.set_clock((now or story.received) + timedelta(minutes=2))
    return story


async def walk(story: Story, who: dict[str, Any], limit: int, **filters: Any) -> list[Any]:
    """Every page of a queue, one after the other."""
    items: list[Any] = []
    extra: dict[str, Any] = {}
    while True:
        page = (await story.get(who, "/referrals", limit=limit, **filters, **extra)).json()
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        extra = {"cursor": page["next_cursor"]}


async def test_the_queue_shows_the_nearest_clock_first_over_all_pages(app: Running) -> None:
    story = await several(app)
    whole = await walk(story, CIVIL, 200)
    due = [item["next_deadline"]["due_at"] if item["next_deadline"] else "9999" for item in whole]
    assert due == sorted(due)
    assert any(item["next_deadline"] is None for item in whole)
    for size in (1, 3, 7):
        assert [item["referral_id"] for item in await walk(story, CIVIL, size)] == [i["referral_id"] for i in whole]


async def test_each_reader_finds_their_own_organisation_and_civil_affairs_everything(app: Running) -> None:
    story = await several(app)
    everything = await walk(story, CIVIL, 200)
    police = await walk(story, POLICE, 200)
    assert {item["organisation"] for item in police} == {"YX-PS"}
    assert {i["referral_id"] for i in police} < {i["referral_id"] for i in everything}
    assert {item["case_number"] for item in await walk(story, GRID, 200)} == {"YX-01"}
    assert await walk(story, OTHER_GRID, 200) == []
    assert {item["case_number"] for item in await walk(story, DIRECTOR, 200)} == {"YX-01"}
    assert {item["organisation"] for item in await walk(story, SCHOOL, 200)} == {"YX-SCH1"}


async def test_what_the_queue_hides_the_single_address_hides_too(app: Running) -> None:
    story = await several(app)
    everything = {item["referral_id"] for item in await walk(story, CIVIL, 200)}
    for who in (POLICE, GRID, OTHER_GRID, DIRECTOR, SCHOOL, HEALTH, LEADER):
        listed = {item["referral_id"] for item in await walk(story, who, 200)}
        readable = {i for i in everything if (await story.get(who, f"/referrals/{i}")).status_code == 200}
        assert listed == readable, who["sub"]


async def test_filters_narrow_the_queue(app: Running) -> None:
    story = await several(app)
    whole = await walk(story, CIVIL, 200)
    checks: dict[str, tuple[Any, Any]] = {
        "level": ("red", lambda i: i["level"] == "red"),
        "role": ("lead", lambda i: i["role"] == "lead"),
        "village": ("V05", lambda i: i["village"] == "V05"),
        "case_number": ("YX-04", lambda i: i["case_number"] == "YX-04"),
        "step": ("S4", lambda i: i["next_deadline"] and i["next_deadline"]["step"] == "S4"),
        "state": ("issued", lambda i: i["state"] == "issued"),
    }
    for name, (value, holds) in checks.items():
        wanted = [item["referral_id"] for item in whole if holds(item)]
        assert 0 < len(wanted) <= len(whole)
        assert [i["referral_id"] for i in await walk(story, CIVIL, 5, **{name: value})] == wanted, name


async def test_overdue_follows_the_clock(app: Running) -> None:
    story = await opened(app, "YX-01")
    assert await walk(story, POLICE, 10, overdue="true") == []
    await app.set_clock(story.due("S4", "police") + timedelta(seconds=1))
    late = await walk(story, POLICE, 10, overdue="true")
    assert [item["next_deadline"]["state"] for item in late] == ["overdue"]
    assert await walk(story, POLICE, 10, overdue="false") == []


async def test_a_completed_referral_leaves_the_queue_and_stays_in_the_feed(app: Running) -> None:
    story = await opened(app, "YX-01")
    since = await story.now()
    await story.must(HEALTH, "acknowledge")
    await story.must(HEALTH, "complete", {"outcome": "done"})
    assert await walk(story, HEALTH, 10) == []
    assert [i["state"] for i in await walk(story, HEALTH, 10, state="completed")] == ["completed"]
    fed = await walk(story, HEALTH, 1, updated_since=since.isoformat())
    assert [i["state"] for i in fed] == ["completed"]
    everything = await walk(story, CIVIL, 3, updated_since=story.received.isoformat())
    assert [i["updated_at"] for i in everything] == sorted(i["updated_at"] for i in everything)
    assert len(everything) == len(story.opened.referrals)


async def test_a_queue_item_says_what_is_open_to_its_reader(app: Running) -> None:
    story = await opened(app, "YX-01")
    (mine,) = await walk(story, POLICE, 10)
    assert mine["available_actions"] == ["acknowledge", "return", "report-arrival", "notify-guardian", "give-feedback"]
    others = {i["department"]: i["available_actions"] for i in await walk(story, CIVIL, 20)}
    assert others["police"] == ["reroute"]
    assert others["civil_affairs"] == ["acknowledge", "report-arrival", "record-assessment"]
    page = (await story.get(POLICE, "/referrals")).json()
    assert datetime.fromisoformat(page["server_time"]) >= story.received


async def test_a_masked_notice_shows_no_concern_and_every_other_reader_the_codes(app: Running) -> None:
    story = await opened(app, "YX-02")
    (notice,) = await walk(story, LEADER, 10)
    assert (notice["masked"], notice["concerns"], notice["level"]) == (True, None, "red")
    (task,) = await walk(story, HEALTH, 10)
    assert task["concerns"] == ["H2"]
    masked = await story.get(LEADER, f"/responses/{story.key}")
    assert masked.json()["concerns"] is None


async def test_a_misspelt_filter_a_foreign_cursor_and_a_huge_page_are_refused(app: Running) -> None:
    story = await several(app)
    assert (await story.get(CIVIL, "/referrals", levle="red")).status_code == 400
    assert (await story.get(CIVIL, "/referrals", level="purple")).status_code == 422
    assert (await story.get(CIVIL, "/referrals", limit=500)).status_code == 422
    cursor = (await story.get(CIVIL, "/referrals", limit=1)).json()["next_cursor"]
    assert (await story.get(CIVIL, "/referrals", limit=1, cursor=cursor, level="red")).status_code == 400


async def test_a_single_referral_carries_its_version_as_etag(app: Running) -> None:
    story = await opened(app, "YX-01")
    answer = await story.get(POLICE, f"/referrals/{story.referral('police')}")
    assert (answer.status_code, answer.headers["ETag"], answer.json()["version"]) == (200, '"v1"', 1)
    assert (await story.get(HEALTH, f"/referrals/{story.referral('police')}")).status_code == 404
    assert (await story.get(POLICE, f"/referrals/{id_of('nothing')}")).status_code == 404


async def test_moving_clocks_do_not_make_a_readers_version_stale(app: Running) -> None:
    story = await opened(app, "YX-01")
    (before,) = [i for i in await walk(story, CIVIL, 20) if i["department"] == "civil_affairs"]
    recorded = NoticesRecorded(
        case_id=story.data.case_id, cause_type=ResponseOpened.TYPE, notices=(), recorded_at=await story.now()
    )
    await deliver(app, recorded, story.key)
    (after,) = [i for i in await walk(story, CIVIL, 20) if i["department"] == "civil_affairs"]
    assert (before["next_deadline"]["step"], after["next_deadline"]["step"]) == ("S7", "S4")
    assert (await story.act(CIVIL, "acknowledge", version=before["version"])).status_code == 200


# Clocks -------------------------------------------------------------------------------------------------------------------


async def test_clocks_are_listed_by_their_deadline_for_the_organisation_that_owes_them(app: Running) -> None:
    story = await opened(app, "YX-01")
    mine = (await story.get(POLICE, "/deadlines")).json()["items"]
    assert {d["organisation"] for d in mine} == {"YX-PS"}
    assert [d["due_at"] for d in mine] == sorted(d["due_at"] for d in mine)
    assert {d["step"] for d in mine} == {"S4", "S5c", "S5p", "S6", "N-9", "S13", "task"}
    soon = (await story.get(POLICE, "/deadlines", before=story.due("S5c").isoformat())).json()["items"]
    assert {d["step"] for d in soon} == {
        d["step"] for d in mine if datetime.fromisoformat(d["due_at"]) < story.due("S5c")
    }
    await app.set_clock(story.due("S4", "police") + timedelta(seconds=1))
    overdue = (await story.get(POLICE, "/deadlines", state="overdue")).json()["items"]
    assert "S4" in {d["step"] for d in overdue}
    now = await story.now()
    assert all(datetime.fromisoformat(d["due_at"]) < now for d in overdue)
    assert (await story.get(POLICE, "/deadlines", state="overdue", step="S6")).json()["items"] == []


async def test_finished_clocks_stay_listed_with_their_lateness(app: Running) -> None:
    story = await opened(app, "YX-01")
    await app.set_clock(story.due("S4", "police") + timedelta(seconds=90))
    await story.must(POLICE, "acknowledge")
    (met,) = (await story.get(POLICE, "/deadlines", state="met")).json()["items"]
    assert (met["step"], 90 <= met["late_seconds"] <= 95) == ("S4", True)
    page = (await story.get(CIVIL, "/deadlines", limit=1)).json()
    rest = (await story.get(CIVIL, "/deadlines", limit=200, cursor=page["next_cursor"])).json()["items"]
    everything = (await story.get(CIVIL, "/deadlines", limit=200)).json()["items"]
    assert page["items"] + rest == everything
