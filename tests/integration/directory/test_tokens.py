"""Getting tokens: good, wrong, closed, throttled; and what other services make of them."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from chassis.auth import InvalidToken, Verifier
from chassis.testing import Issuer, Running
from contracts.access import Subject
from services.directory.domain.identity import FREE_FAILURES, LONGEST_WAIT
from services.directory.loading import load
from tests.integration.directory.conftest import PASSWORD, TEXT, LogIn, load_sample

TOKEN = "/oauth/token"


async def person(app: Running, name: str, password: str) -> httpx.Response:
    return await app.client.post(TOKEN, data={"grant_type": "password", "username": name, "password": password})


async def subject_elsewhere(app: Running, token: str) -> Subject:
    """The subject as another service reads it, from the published keys alone."""

    async def published() -> bytes:
        return (await app.client.get("/.well-known/jwks.json")).content

    return Subject.from_claims(await Verifier(published, "shouwang", "shouwang-api").verify(token))


async def test_a_person_gets_an_eight_hour_token_that_other_services_understand(app: Running) -> None:
    answer = (await person(app, "ST002", PASSWORD)).json()
    subject = await subject_elsewhere(app, answer["access_token"])
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 8 * 3600)
    assert (subject.account, subject.staff, subject.organisation) == ("st002", "ST002", "V01-VC")
    assert subject.villages == {"V01"}


async def test_a_departments_client_gets_a_ten_minute_token_with_its_scopes(empty: Running) -> None:
    secret = (await load_sample(empty)).secrets["client-yx-ps"]
    form = {"grant_type": "client_credentials", "scope": "referrals:read reports:create"}
    by_basic = await empty.client.post(TOKEN, data=form, auth=("client-yx-ps", secret))
    by_form = await empty.client.post(TOKEN, data={**form, "client_id": "client-yx-ps", "client_secret": secret})
    for answer in (by_basic, by_form):
        body = answer.json()
        subject = await subject_elsewhere(empty, body["access_token"])
        assert (body["expires_in"], body["scope"]) == (600, "referrals:read reports:create")
        assert (subject.kind, subject.department) == ("client", "police")
        assert subject.scopes == set(body["scope"].split())
        assert answer.headers["cache-control"] == "no-store"


async def test_a_token_for_us_is_refused_by_a_service_with_another_audience(app: Running) -> None:
    token = (await person(app, "st002", PASSWORD)).json()["access_token"]
    keys = app.process.runtime.resources["issuer"].read_jwks
    with pytest.raises(InvalidToken):
        await Verifier(keys, "shouwang", "another-api").verify(token)


async def test_a_token_of_another_issuer_is_refused_here(app: Running) -> None:
    answer = await app.client.get("/api/v1/areas", headers={"Authorization": f"Bearer {Issuer.new().token()}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")


async def test_wrong_password_unknown_name_closed_and_foreign_kind_get_the_same_answer(
    app: Running, log_in: LogIn
) -> None:
    admin = await log_in("admin")
    await app.client.delete("/api/v1/accounts/st003", headers={**admin, "If-Match": '"v1"'})
    answers = [
        await person(app, "st002", "not the password"),
        await person(app, "nobody", PASSWORD),
        await person(app, "st003", PASSWORD),
        await person(app, "client-yx-ps", PASSWORD),
    ]
    assert {answer.status_code for answer in answers} == {400}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["error"] == "invalid_grant"


async def test_a_wrong_client_secret_is_challenged(app: Running) -> None:
    answer = await app.client.post(TOKEN, data={"grant_type": "client_credentials"}, auth=("client-yx-ps", "wrong"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_a_scope_beyond_the_account_is_refused(app: Running, log_in: LogIn) -> None:
    secret = "s" * 40
    body = {"name": "reader", "kind": "client", "organisation": "YX-PS", "scopes": ["stats:read"], "secret": secret}
    headers = {**await log_in("admin"), "Idempotency-Key": "k"}
    assert (await app.client.post("/api/v1/accounts", json=body, headers=headers)).status_code == 201
    form = {"grant_type": "client_credentials", "scope": "referrals:act"}
    answer = await app.client.post(TOKEN, data=form, auth=("reader", secret))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    "request_", [{"json": {"grant_type": "password"}}, {"content": b"x"}, {"data": {"grant_type": ["a", "b"]}}]
)
async def test_a_malformed_token_request_is_an_invalid_request(app: Running, request_: dict[str, Any]) -> None:
    answer = await app.client.post(TOKEN, **request_)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("name", ["st002", "nobody"])
async def test_guessing_is_slowed_down_whether_or_not_the_name_exists(app: Running, name: str) -> None:
    for _ in range(FREE_FAILURES):
        assert (await person(app, name, "a wrong guess")).status_code == 400
    slowed = await person(app, name, "a wrong guess")
    assert (slowed.status_code, slowed.json()["error"]) == (429, "slow_down")
    assert 1 <= int(slowed.headers["retry-after"]) <= LONGEST_WAIT.total_seconds()


async def test_after_the_wait_the_right_password_opens_and_clears_the_count(app: Running) -> None:
    for _ in range(FREE_FAILURES):
        await person(app, "st002", "a wrong guess")
    assert (await person(app, "st002", PASSWORD)).status_code == 429
    await app.set_clock(await app.database.now() + LONGEST_WAIT)
    assert (await person(app, "st002", PASSWORD)).status_code == 200
    assert (await person(app, "st002", "a wrong guess")).status_code == 400


async def test_an_attacker_cannot_stretch_the_wait_beyond_a_minute(app: Running) -> None:
    for _ in range(FREE_FAILURES):
        await person(app, "st002", "a wrong guess")
    for _ in range(20):
        await app.set_clock(await app.database.now() + LONGEST_WAIT)
        assert (await person(app, "st002", "a wrong guess")).status_code == 400
        assert (await person(app, "st002", "a wrong guess")).status_code == 429
    await app.set_clock(await app.database.now() + LONGEST_WAIT + timedelta(seconds=1))
    assert (await person(app, "st002", PASSWORD)).status_code == 200


async def test_a_new_password_ends_the_sessions_of_the_old_one(app: Running, log_in: LogIn) -> None:
    session = await log_in("st002")
    assert (await app.client.get("/api/v1/sessions/current", headers=session)).json()["account"] == "st002"
    body = {"secret": "an even better password", "current": PASSWORD}
    changed = await app.client.post("/api/v1/accounts/st002/password", json=body, headers=session)
    assert changed.status_code == 204
    assert (await app.client.get("/api/v1/sessions/current", headers=session)).status_code == 401
    assert (await person(app, "st002", PASSWORD)).status_code == 400
    assert (await person(app, "st002", "an even better password")).status_code == 200


async def test_somebody_elses_password_takes_an_administrator(app: Running, log_in: LogIn) -> None:
    body = {"secret": "an even better password", "current": PASSWORD}
    path = "/api/v1/accounts/st003/password"
    assert (await app.client.post(path, json=body, headers=await log_in("st002"))).status_code == 403
    assert (await app.client.post(path, json=body, headers=await log_in("admin"))).status_code == 204


async def test_clients_find_the_token_endpoint_by_its_metadata(app: Running) -> None:
    document = (await app.client.get("/.well-known/oauth-authorization-server")).json()
    assert document["issuer"] == "shouwang"
    assert document["token_endpoint"] == "http://service/oauth/token"
    assert (await app.client.get(document["jwks_uri"])).json()["keys"][0]["alg"] == "ES256"


async def test_without_a_password_nobody_gets_in(empty: Running) -> None:
    await load(empty.database, TEXT, empty.process.runtime.settings, demo=False)
    for guess in ("", PASSWORD, "nobody has this password"):
        assert (await person(empty, "st002", guess)).status_code == 400
