"""The operator's view over HTTP: what is parked, retried and skipped with the operator's account; health in numbers."""

from chassis.testing import Running
from tests.integration.engine.test_operator_verbs import history, poisoned
from tests.integration.engine.toy import Fault

STREAM = {"topic": "upstream.events", "key": "k"}
ADMIN = {"posts": ["admin"], "sub": "wang"}


async def test_parked_events_are_listed_retried_and_skipped_by_an_administrator_alone(toy: Running) -> None:
    await poisoned(toy)
    path = "/api/v1/operations/toy/parked"
    nobody = await toy.client.get(path, headers=toy.as_(sub="nobody"))
    assert nobody.status_code == 403
    listed = (await toy.client.get(path, headers=toy.as_(**ADMIN))).json()["items"]
    assert [(item["key"], item["sequence"], item["error_class"]) for item in listed] == [
        ("k", 2, "Poison"),
        ("k", 3, None),
    ]
    assert (await toy.client.get("/api/v1/operations/toy/health", headers=toy.as_(**ADMIN))).json()["parked"] == 1

    again = await toy.client.post(f"{path}/retry", json=STREAM, headers=toy.as_(**ADMIN))
    assert (again.status_code, again.json()["code"]) == (409, "still_fails")
    unexplained = await toy.client.post(f"{path}/skip", json=STREAM, headers=toy.as_(**ADMIN))
    assert unexplained.status_code == 422
    Fault.poison = set()
    skipped = await toy.client.post(
        f"{path}/skip", json={**STREAM, "reason": "sent by mistake"}, headers=toy.as_(**ADMIN)
    )
    assert skipped.status_code == 200
    assert await history(toy, "k") == [1, 3]
    async with toy.database.reading() as db:
        assert await db.fetchval("SELECT resolved_by FROM parked WHERE sequence = 2") == "wang"
    twice = await toy.client.post(f"{path}/skip", json={**STREAM, "reason": "once more"}, headers=toy.as_(**ADMIN))
    assert twice.json()["code"] == "nothing_blocks"
