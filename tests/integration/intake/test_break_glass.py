"""Break-glass is for those on duty, and its review rings until somebody made it."""

from datetime import timedelta
from typing import Any

from chassis.testing import Running
from contracts.directory import ShiftOverride
from contracts.intake import AccessReviewOverdue
from tests.integration.intake.story import (
    HEALTH,
    POLICE,
    SCHOOL,
    SECRETS,
    SUPERVISOR,
    Desk,
    person,
    township,
)

OFF_DUTY = person("school", sub="school-other")
COLLEAGUES_OF_POLICE = person("police", sub="police-other")


async def red_case(desk: Desk) -> str:
    """A child in danger now."""
    answer = await desk.report(facts={"violence_in_progress": True})
    await desk.score(answer, "red")
    return str(answer["case_id"])


async def opened(desk: Desk, case: str, who: Any) -> tuple[int, Any]:
    """Somebody opens the address with a reason: the status, and the value or the code of the refusal."""
    query = {"fields": "address", "purpose": "emergency", "reason": "imminent_danger"}
    answer = await desk.get(f"/cases/{case}/file", who, **query)
    body = answer.json()
    return answer.status_code, body["fields"][0]["value"] if answer.status_code == 200 else body["code"]


async def test_only_who_stands_on_a_roster_now_opens_a_red_file_on_the_spot(app: Running, desk: Desk) -> None:
    case = await red_case(desk)
    assert await opened(desk, case, SCHOOL) == (200, SECRETS["address"])
    assert await opened(desk, case, person("health", sub="duty-room")) == (200, SECRETS["address"])
    for off_duty in (OFF_DUTY, HEALTH, COLLEAGUES_OF_POLICE):
        assert await opened(desk, case, off_duty) == (403, "not_on_duty")
    query = {"fields": "address", "purpose": "emergency", "reason": "imminent_danger"}
    refused = (await desk.get(f"/cases/{case}/file", OFF_DUTY, **query)).json()
    assert refused["ask"] == ["police", "duty_room"]
    log = (await desk.get(f"/cases/{case}/access-log", SUPERVISOR)).json()["items"]
    assert [entry["detail"]["result"] for entry in log if entry["action"] == "file.read"].count("denied") == 4
    assert len((await desk.get("/cases/access-reviews", SUPERVISOR)).json()["items"]) == 2


async def test_without_a_reason_nobody_is_asked_for_the_roster(desk: Desk) -> None:
    case = await red_case(desk)
    answer = await desk.get(f"/cases/{case}/file", OFF_DUTY, fields="address", purpose="task")
    assert (answer.status_code, answer.json().get("code")) == (404, "not_found")


async def test_while_the_police_roster_is_empty_every_officer_counts_as_on_duty(app: Running, desk: Desk) -> None:
    case, now = await red_case(desk), await app.database.now()
    empty = ShiftOverride(
        roster="YX-police", starts_at=now - timedelta(hours=1), ends_at=now + timedelta(hours=1), staff=()
    )
    covered = ShiftOverride(
        roster="YX-school",
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(hours=1),
        staff=("school-other",),
    )
    await app.publish(township(2).model_copy(update={"overrides": (empty, covered)}), "YX")
    await app.settle()
    assert await opened(desk, case, POLICE) == (200, SECRETS["address"])
    assert await opened(desk, case, COLLEAGUES_OF_POLICE) == (200, SECRETS["address"])
    assert await opened(desk, case, OFF_DUTY) == (200, SECRETS["address"])
    assert await opened(desk, case, SCHOOL) == (403, "not_on_duty")


async def test_a_review_nobody_makes_is_said_every_day_until_it_is_made(app: Running, desk: Desk) -> None:
    case = await red_case(desk)
    await opened(desk, case, SCHOOL)
    [review] = (await desk.get("/cases/access-reviews", SUPERVISOR)).json()["items"]
    await app.fire(timedelta(hours=23))
    assert await app.published(AccessReviewOverdue) == []
    await app.fire(timedelta(hours=2))
    await app.fire(timedelta(hours=24))
    rings = await app.published(AccessReviewOverdue)
    assert [(str(ring.grant_id), ring.repeat_no) for ring in rings] == [
        (review["review_id"], 0),
        (review["review_id"], 1),
    ]
    path = f"/cases/{case}/access-reviews/{review['review_id']}/actions/decide"
    assert (await desk.post(path, {"outcome": "justified"}, SUPERVISOR)).status_code == 200
    await app.fire(timedelta(days=3))
    assert len(await app.published(AccessReviewOverdue)) == 2
    told = [item["type"] for item in (await desk.get(f"/cases/{case}/timeline", SUPERVISOR)).json()["items"]]
    hidden = [
        item["type"] for item in (await desk.get(f"/cases/{case}/timeline", person("civil_affairs"))).json()["items"]
    ]
    assert ("access-review.overdue.v1" in told, "access-review.overdue.v1" in hidden) == (True, False)
