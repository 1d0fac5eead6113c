"""Who would get a report that is still being typed."""

from chassis.testing import Running
from contracts.dispatch import ResponseOpened
from tests.integration.dispatch.story import deliver
from tests.integration.dispatch.test_before_it_is_real import sample

OPERATOR = {"sub": "op-1", "staff": "op-1", "org": "YX-HL", "posts": ["hotline_operator"]}
AUDITOR = {**OPERATOR, "posts": ["auditor"]}


async def test_recipients_are_named_with_reasons_and_people_on_duty_and_nothing_is_opened(app: Running) -> None:
    await deliver(app, sample(), "YX")
    body = {"level": "red", "concerns": ["H1"], "facts": {"life_threatened": True}, "village": "V01"}
    answer = await app.client.post("/api/v1/rehearsals/routing", json=body, headers=app.as_(**OPERATOR))
    assert answer.status_code == 200, answer.text
    told = {one["department"]: one for one in answer.json()["recipients"]}
    assert (told["police"]["role"], told["police"]["because"][0]) == ("lead", "H1:lead")
    assert told["police"]["people"]
    assert told["police"]["open_referrals"] == 0
    assert await app.published(ResponseOpened) == []


async def test_a_place_that_is_none_is_named_and_a_stranger_is_refused(app: Running) -> None:
    await deliver(app, sample(), "YX")
    body = {"level": "blue", "concerns": ["N5"], "village": "V99"}
    refused = await app.client.post("/api/v1/rehearsals/routing", json=body, headers=app.as_(**OPERATOR))
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_village")
    stranger = await app.client.post("/api/v1/rehearsals/routing", json=body, headers=app.as_(**AUDITOR))
    assert stranger.status_code == 403
