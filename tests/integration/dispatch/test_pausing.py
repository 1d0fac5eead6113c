"""Pausing, extending, urging and supervising a response through the API, with what is announced and what the clocks do."""

import argparse
from datetime import datetime, timedelta
from typing import Any

import httpx

from chassis.testing import Running
from contracts.dispatch import (
    CaseUrged,
    DeadlineFired,
    ExtensionDecided,
    ExtensionRequested,
    ResponsePaused,
    ResponseResumed,
    ResponseRevised,
    SupervisionOrdered,
    SupervisionReplied,
)
from services.dispatch import auditor
from tests.integration.dispatch.story import (
    CIVIL,
    DIRECTOR,
    HEALTH,
    LEADER,
    POLICE,
    Story,
    again,
    deliver,
    id_of,
    opened,
    person,
)

SUPERVISOR = person("civil_affairs", "YX-CA", "civil_affairs_supervisor")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


async def post(
    story: Story, who: dict[str, Any], path: str, body: dict[str, Any] | None = None, key: str | None = "key"
) -> httpx.Response:
    """POST a command; the key is the caller's, the path's and the given one."""
    headers = story.app.as_(**who)
    if key is not None:
        headers["Idempotency-Key"] = f"{path} {key}"
    return await story.app.client.post(f"/api/v1{path}", json=body or {}, headers=headers)


async def done(story: Story, who: dict[str, Any], path: str, body: dict[str, Any] | None = None, **more: Any) -> Any:
    """A command that must succeed; its answer."""
    answer = await post(story, who, path, body, **more)
    assert answer.status_code in (200, 201), (path, answer.status_code, answer.text)
    return answer.json()


async def refused(story: Story, who: dict[str, Any], path: str, body: dict[str, Any] | None = None, **more: Any) -> Any:
    """A command that must be refused; status and code or reason."""
    answer = await post(story, who, path, body, **more)
    problem = answer.json()
    return answer.status_code, problem.get("reason") or (problem.get("errors") or [problem])[0]["code"]


async def paused(story: Story, at: datetime) -> Any:
    """Propose and approve a pause at this moment."""
    await story.app.set_clock(at)
    await done(story, CIVIL, f"/responses/{story.key}/pause", {"reason": "awaiting_court"}, key=str(at))
    return await done(story, SUPERVISOR, f"/responses/{story.key}/pause/approve", key=str(at))


async def fire_at(app: Running, at: datetime) -> None:
    await app.set_clock(at)
    await app.fire()


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


# Pause -----------------------------------------------------------------------------------------------------------------


async def test_a_paused_response_is_silent_until_its_bound_and_then_goes_on(app: Running) -> None:
    story = await opened(app, "YX-15")
    before = {d["deadline_id"]: d for d in (await story.view(CIVIL))["deadlines"]}
    at = story.received + HOUR
    view = await paused(story, at)
    until = moment_of(view["until"])
    assert (view["state"], view["decided_by"]["account"]) == ("running", SUPERVISOR["sub"])
    (event,) = await app.published(ResponsePaused)
    assert (event.by.account, event.approved_by.account, event.until) == (CIVIL["sub"], SUPERVISOR["sub"], until)
    stood = (await story.view(CIVIL))["deadlines"]
    moved = {d["deadline_id"] for d in stood if d["due_at"] != before[d["deadline_id"]]["due_at"]}
    assert moved == {str(d.deadline_id) for d in event.deadlines}
    assert {d["deadline_id"] for d in stood if d["state"] == "running"} == moved
    await fire_at(app, until - MINUTE)
    assert await app.published(DeadlineFired) == []
    settings = app.process.runtime.settings
    assert await auditor.audit_command(argparse.Namespace(hours=1.0), settings) == 0
    await fire_at(app, until + MINUTE)
    (over,) = await app.published(ResponseResumed)
    assert (over.cause, over.resumed_at, over.by.kind) == ("bound_reached", until, "system")
    assert (await story.view(CIVIL))["pause"]["state"] == "ended"
    await fire_at(app, until + 3 * DAY)
    assert {e.planned_at >= until for e in await app.published(DeadlineFired)} == {True}
    assert await refused(story, CIVIL, f"/responses/{story.key}/pause", {"reason": "awaiting_court"}, key="2") == (
        409,
        "paused_before",
    )


async def test_who_may_pause_and_when(app: Running) -> None:
    story = await opened(app, "YX-15")
    path = f"/responses/{story.key}/pause"
    assert await refused(story, CIVIL, path, {"reason": "holiday"}) == (422, "pause_reason")
    assert await refused(story, CIVIL, path, {"reason": "awaiting_court"}, key=None) == (
        400,
        "idempotency_key_required",
    )
    assert await refused(story, CIVIL, f"{path}/approve") == (403, "forbidden")
    assert await refused(story, SUPERVISOR, f"{path}/approve") == (409, "no_pause_proposed")
    await done(story, SUPERVISOR, path, {"reason": "awaiting_court"})
    assert await refused(story, SUPERVISOR, f"{path}/approve", key="own") == (403, "second_person")
    assert await refused(story, CIVIL, path, {"reason": "awaiting_court"}, key="2") == (409, "pause_waiting")
    waiting = (await story.get(SUPERVISOR, "/responses/pauses")).json()["items"]
    assert [(one["case_number"], one["state"]) for one in waiting] == [("YX-15", "proposed")]
    second = {**SUPERVISOR, "sub": "another", "staff": "another"}
    assert (await done(story, second, f"{path}/decline"))["state"] == "declined"
    assert await refused(story, CIVIL, f"/responses/{story.key}/resume") == (409, "not_paused")
    assert await refused(story, CIVIL, f"/responses/{id_of('nobody')}/pause", {"reason": "awaiting_court"}) == (
        404,
        "not_found",
    )
    red = await opened(app, "YX-01")
    assert await refused(red, CIVIL, f"/responses/{red.key}/pause", {"reason": "awaiting_court"}) == (
        409,
        "pause_level",
    )


async def test_a_higher_level_ends_a_pause_at_once_and_a_person_may_at_any_time(app: Running) -> None:
    risen, resumed = await opened(app, "YX-15"), await opened(app, "YX-15", case="second", report="second")
    due = risen.due("S6")
    at = risen.received + HOUR
    for story in (risen, resumed):
        await paused(story, at)
    later = at + 5 * HOUR
    await app.set_clock(later)
    await deliver(app, again(risen.data, "manual_raise", "red", later), risen.key)
    view = await done(resumed, CIVIL, f"/responses/{resumed.key}/resume")
    assert (view["state"], view["ended_by"]) == ("ended", "person")
    causes = {str(e.case_id): (e.cause, e.resumed_at) for e in await app.published(ResponseResumed)}
    assert causes[risen.key] == ("level_raised", later)
    assert (await risen.view(CIVIL))["level"] == "red"
    assert moment_of((await risen.clock("S6"))["due_at"]) == later + 4 * HOUR
    stood = moment_of((await resumed.clock("S6"))["due_at"]) - due
    assert timedelta() <= stood - 5 * HOUR < MINUTE
    assert (await app.published(ResponseRevised))[-1].level_before == "yellow"
    await fire_at(app, later + 30 * DAY)
    assert len(await app.published(ResponseResumed)) == 2


async def test_a_closed_case_needs_no_end_of_its_pause(app: Running) -> None:
    story = await opened(app, "YX-15")
    view = await paused(story, story.received + HOUR)
    async with app.database.transaction() as tx:
        await tx.db.execute("UPDATE response SET state = 'closed' WHERE case_id = $1", story.data.case_id)
    await fire_at(app, moment_of(view["until"]) + MINUTE)
    assert await app.published(ResponseResumed) == []
    async with app.database.reading() as db:
        assert await db.fetchval("SELECT count(*) FROM deadline WHERE kind = 'pause' AND state = 'armed'") == 0


# Extension -----------------------------------------------------------------------------------------------------------


async def test_a_department_asks_before_expiry_and_civil_affairs_decides(app: Running) -> None:
    story = await opened(app, "YX-15")
    clock = await story.clock("task", "health")
    path, due = f"/deadlines/{clock['deadline_id']}/extensions", moment_of(clock["due_at"])
    wish = {"reason": "documents_pending", "until": (due + DAY).isoformat()}
    assert await refused(story, DIRECTOR, path, wish) == (404, "not_found")
    assert await refused(story, HEALTH, path, {**wish, "until": (due + 30 * DAY).isoformat()}) == (
        422,
        "extension_bound",
    )
    assert await refused(story, HEALTH, f"/deadlines/{id_of('no clock')}/extensions", wish) == (404, "not_found")
    asked = await done(story, HEALTH, path, wish)
    assert (asked["state"], asked["due_before"]) == ("asked", clock["due_at"])
    assert await refused(story, HEALTH, path, wish, key="2") == (409, "extension_waiting")
    for who, seen in ((CIVIL, 1), (HEALTH, 1), (POLICE, 0)):
        assert len((await story.get(who, "/extensions", state="asked")).json()["items"]) == seen
    decide = f"/extensions/{asked['extension_id']}/decide"
    assert await refused(story, HEALTH, decide, {"granted": True}) == (403, "forbidden")
    granted = await done(story, CIVIL, decide, {"granted": True})
    assert (granted["state"], moment_of(granted["granted_until"])) == ("granted", due + DAY)
    assert moment_of((await story.clock("task", "health"))["due_at"]) == due + DAY
    assert await refused(story, CIVIL, decide, {"granted": False}, key="2") == (409, "extension_decided")
    (requested,), (decided,) = await app.published(ExtensionRequested), await app.published(ExtensionDecided)
    assert (requested.step, requested.by.organisation) == ("task", "YX-HC")
    assert (decided.granted, decided.deadline.due_at) == (True, due + DAY)
    explained = (await story.get(HEALTH, f"/deadlines/{clock['deadline_id']}/explanation")).json()
    assert ([m["cause"] for m in explained["moves"]], explained["agrees"]) == (["extended"], True)
    await app.set_clock(due + 2 * DAY)
    late = {"reason": "documents_pending", "until": (due + 9 * DAY).isoformat()}
    assert await refused(story, HEALTH, path, late, key="3") == (409, "deadline_passed")


async def test_arrival_and_safety_are_never_extended(app: Running) -> None:
    story = await opened(app, "YX-01")
    for step, who in (("S5c", POLICE), ("S6", POLICE), ("S5b", DIRECTOR)):
        clock = await story.clock(step)
        wish = {"reason": "force_majeure", "until": (moment_of(clock["due_at"]) + HOUR).isoformat()}
        answer = await post(story, who, f"/deadlines/{clock['deadline_id']}/extensions", wish)
        assert (answer.status_code, answer.json()["code"]) == (409, "never_extended")
        assert "S9, S13, task" in answer.json()["title"]


# 催办 and 督办 ---------------------------------------------------------------------------------------------------------


async def test_an_urge_shows_on_the_queue_item_and_leaves_its_version_alone(app: Running) -> None:
    story = await opened(app, "YX-01")
    assert await refused(story, HEALTH, f"/responses/{story.key}/urges") == (403, "forbidden")
    before = (await story.get(HEALTH, f"/referrals/{story.referral('health')}")).json()
    urged = await done(story, LEADER, f"/responses/{story.key}/urges", {"organisations": ["YX-HC"]})
    assert urged["referrals"] == [str(story.referral("health"))]
    after = (await story.get(HEALTH, "/referrals")).json()["items"][0]
    assert (before["urged_at"], moment_of(after["urged_at"])) == (None, moment_of(urged["at"]))
    assert (after["version"], after["next_deadline"]) == (before["version"], before["next_deadline"])
    (event,) = await app.published(CaseUrged)
    assert (event.organisations, event.by.department) == (("YX-HC",), "township_government")
    assert await refused(story, LEADER, f"/responses/{story.key}/urges", {"organisations": ["YX-GOV"]}, key="2") == (
        422,
        "unit_without_task",
    )


async def test_a_supervision_order_is_replied_to_or_breaches_and_is_lifted_by_the_township(app: Running) -> None:
    story = await opened(app, "YX-01")
    path = f"/responses/{story.key}/supervisions"
    assert await refused(story, CIVIL, path) == (403, "forbidden")
    order = await done(story, LEADER, path, {"organisations": ["YX-PS", "YX-HC"]})
    due = moment_of(order["reply_due_at"])
    one = f"/supervisions/{order['supervision_id']}"
    for who, seen in ((POLICE, 1), (DIRECTOR, 0), (CIVIL, 1), (LEADER, 1)):
        assert len((await story.get(who, "/supervisions")).json()["items"]) == seen, who
    note = str(id_of("a reply"))
    assert await refused(story, POLICE, f"{one}/reply") == (422, "missing")
    await done(story, POLICE, f"{one}/reply", {"note_id": note})
    assert await refused(story, POLICE, f"{one}/reply", {"note_id": note}, key="2") == (409, "replied_before")
    assert await refused(story, DIRECTOR, f"{one}/reply", {"note_id": note}) == (403, "not_supervised")
    await fire_at(app, due + 16 * MINUTE)
    fired = {
        (e.organisation, e.stage): e.targets for e in await app.published(DeadlineFired) if e.step == "supervision"
    }
    assert fired["YX-HC", "breach"] == ("responsible_leader",)
    assert fired["YX-HC", "second_breach"] == ("township_head",)
    assert ("YX-PS", "breach") not in fired
    view = await done(story, HEALTH, f"{one}/reply", {"note_id": note})
    assert [(u["organisation"], u["late_seconds"] > 0) for u in view["units"]] == [("YX-HC", True), ("YX-PS", False)]
    assert (await done(story, LEADER, f"{one}/lift"))["state"] == "lifted"
    (ordered,) = await app.published(SupervisionOrdered)
    replies = [(e.organisation, e.ended, e.late_seconds > 0) for e in await app.published(SupervisionReplied)]
    assert set(ordered.organisations) == {"YX-HC", "YX-PS"}
    assert replies == [("YX-PS", False, False), ("YX-HC", False, True), (None, True, False)]
    assert (await story.get(POLICE, "/supervisions", open_only=True)).json()["items"] == []
