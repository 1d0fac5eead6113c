"""The inbox is one's own; the ledger is for those who answer for the case."""

from typing import Any
from uuid import uuid4

from chassis.testing import Running
from contracts.dispatch import Notice
from tests.unit.notification.scene import CASE, fired, opened

KEY = str(CASE)
OFFICER: dict[str, Any] = {"sub": "a-92", "staff": "ST092", "org": "YX-PS", "dept": "police"}
COLLEAGUE: dict[str, Any] = {"sub": "a-93", "staff": "ST093", "org": "YX-PS", "dept": "police"}
CIVIL_AFFAIRS: dict[str, Any] = {"sub": "a-89", "staff": "ST089", "org": "YX-CA", "dept": "civil_affairs"}
VILLAGE: dict[str, Any] = {
    "sub": "a-2", "staff": "ST002", "org": "V01-VC", "dept": "village_committee", "villages": ["V01"],
    "posts": ["child_director"],
}  # fmt: skip
GRID: dict[str, Any] = {
    "sub": "a-8", "staff": "ST008", "org": "V01-VC", "dept": "village_committee", "villages": ["V01"],
    "groups": ["V01-G3"], "posts": ["grid_member"],
}  # fmt: skip
LEAGUE: dict[str, Any] = {"sub": "a-105", "staff": "ST105", "org": "YX-YL", "dept": "youth_league"}
HOTLINE: dict[str, Any] = {"sub": "a-127", "staff": "ST127", "org": "YX-HL", "posts": ["hotline_operator"]}


async def dispatched(app: Running, **changes: Any) -> None:
    await app.publish(opened(**changes), KEY)
    await app.settle()


async def inbox(app: Running, who: dict[str, Any], **query: Any) -> dict[str, Any]:
    answer = await app.client.get("/api/v1/inbox", params=query, headers=app.as_(**who))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_the_inbox_holds_my_messages_and_my_organisations_and_nobody_elses(app: Running) -> None:
    await dispatched(app)
    mine = (await inbox(app, OFFICER))["items"]
    assert sorted((item["to"], item["kind"]) for item in mine) == [
        ("organisation", "referral_issued"),
        ("staff", "referral_issued"),
    ]
    assert mine[0]["params"]["case_number"]
    assert mine[0]["title"]["zh"]
    assert mine[0]["case_id"] == KEY
    assert [item["to"] for item in (await inbox(app, COLLEAGUE))["items"]] == ["organisation"]
    assert (await inbox(app, LEAGUE))["items"] == []


async def test_a_grid_member_of_another_group_does_not_read_the_villages_queue(app: Running) -> None:
    await dispatched(app)
    assert (await inbox(app, VILLAGE))["items"]
    assert (await inbox(app, GRID))["items"] == []


async def test_a_seen_message_moves_behind_the_unseen_ones_and_keeps_who_saw_it_first(app: Running) -> None:
    await dispatched(app)
    items = (await inbox(app, OFFICER))["items"]
    shared = next(item for item in items if item["to"] == "organisation")
    for who in (COLLEAGUE, OFFICER):
        answer = await app.client.post(f"/api/v1/inbox/{shared['id']}/seen", headers=app.as_(**who))
        assert answer.status_code == 200
        assert answer.json()["seen_by"] == "ST093"
    after = (await inbox(app, OFFICER))["items"]
    assert [item["to"] for item in after] == ["staff", "organisation"]
    assert after[1]["seen_at"]
    assert [item["to"] for item in (await inbox(app, OFFICER, unseen_only=True))["items"]] == ["staff"]


async def test_somebody_elses_message_cannot_be_marked_or_guessed(app: Running) -> None:
    await dispatched(app)
    item = (await inbox(app, OFFICER))["items"][0]
    for message_id in (item["id"], uuid4()):
        answer = await app.client.post(f"/api/v1/inbox/{message_id}/seen", headers=app.as_(**LEAGUE))
        assert answer.status_code == 404


async def test_pages_of_the_inbox_follow_each_other_without_gap_or_repeat(app: Running) -> None:
    await dispatched(app)
    for stage in ("breach", "second_breach", "repeat"):
        await app.publish(fired(stage, "police"), KEY)
    await app.settle()
    whole = [item["id"] for item in (await inbox(app, OFFICER))["items"]]
    first_seen = whole[2]
    await app.client.post(f"/api/v1/inbox/{first_seen}/seen", headers=app.as_(**OFFICER))
    whole = [item["id"] for item in (await inbox(app, OFFICER))["items"]]
    assert len(whole) == 8
    assert whole[-1] == first_seen
    paged: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = await inbox(app, OFFICER, limit=3, **cursor)
        paged += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert paged == whole


async def test_the_ledger_of_a_case_says_who_was_told_by_which_channel_and_when(app: Running) -> None:
    await dispatched(app)
    answer = await app.client.get("/api/v1/notices", params={"case_id": KEY}, headers=app.as_(**CIVIL_AFFAIRS))
    items = answer.json()["items"]
    call = next(item for item in items if (item["recipient"], item["channel"]) == ("ST092", "call"))
    assert (call["state"], call["rule"], call["sent_at"]) == ("pending", "H1", None)
    app_message = next(item for item in items if (item["recipient"], item["channel"]) == ("ST092", "app"))
    assert app_message["state"] == "sent"
    assert app_message["sent_at"]
    assert app_message["notice_id"] == call["notice_id"]
    one = await app.client.get(f"/api/v1/notices/{call['id']}", headers=app.as_(**CIVIL_AFFAIRS))
    assert one.json() == call


async def test_pages_of_the_ledger_follow_each_other(app: Running) -> None:
    await dispatched(app)
    head = app.as_(**CIVIL_AFFAIRS)
    whole = (await app.client.get("/api/v1/notices", params={"case_id": KEY}, headers=head)).json()["items"]
    paged: list[Any] = []
    query: dict[str, Any] = {"case_id": KEY, "limit": 4}
    while True:
        page = (await app.client.get("/api/v1/notices", params=query, headers=head)).json()
        paged += page["items"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert paged == whole
    assert len(whole) > 8


async def test_the_ledger_is_hidden_from_who_has_no_part_in_the_case(app: Running) -> None:
    await dispatched(app)
    some = (await app.client.get("/api/v1/notices", params={"case_id": KEY}, headers=app.as_(**CIVIL_AFFAIRS))).json()[
        "items"
    ][0]
    for path in (f"/api/v1/notices?case_id={KEY}", f"/api/v1/notices/{some['id']}"):
        assert (await app.client.get(path, headers=app.as_(**LEAGUE))).status_code == 404
        assert (await app.client.get(path, headers=app.as_(**HOTLINE))).status_code == 403
        assert (await app.client.get(path)).status_code == 401
        assert (await app.client.get(path, headers=app.as_(**CIVIL_AFFAIRS, township="ZZ"))).status_code == 404


async def test_a_restricted_case_hides_its_ledger_from_the_village_and_a_conflict_from_its_unit(app: Running) -> None:
    await dispatched(app, restricted=True, conflict_unit="police")
    path = f"/api/v1/notices?case_id={KEY}"
    assert (await app.client.get(path, headers=app.as_(**VILLAGE))).status_code == 404
    assert (await app.client.get(path, headers=app.as_(**OFFICER))).status_code == 404
    assert (await app.client.get(path, headers=app.as_(**CIVIL_AFFAIRS))).status_code == 200


async def test_a_case_nobody_was_told_of_is_not_found(app: Running) -> None:
    path = f"/api/v1/notices?case_id={uuid4()}"
    assert (await app.client.get(path, headers=app.as_(**CIVIL_AFFAIRS))).status_code == 404
    assert (await app.client.get(f"/api/v1/notices/{uuid4()}", headers=app.as_(**CIVIL_AFFAIRS))).status_code == 404


async def test_the_masked_circulation_shows_no_case_to_its_reader(app: Running) -> None:
    await dispatched(app, notices=(Notice(notice="N-6", bodies=("youth_league",)),))
    (item,) = (await inbox(app, LEAGUE))["items"]
    assert (item["kind"], item["case_id"], item["params"]) == ("circulation", None, {"notice": "N-6"})
