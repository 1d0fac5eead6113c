"""The sample township comes in once, is announced once, and keeps its people's accounts."""

from chassis.testing import Running
from contracts.directory import TownshipPublished
from services.directory.loading import load
from services.directory.service import watch_alerts
from tests.integration.directory.conftest import TEXT, LogIn, load_sample


async def accounts(app: Running) -> dict[str, tuple[str | None, bool]]:
    async with app.database.reading() as db:
        rows = await db.fetch("SELECT name, secret_hash, disabled_at FROM account")
    return {row["name"]: (row["secret_hash"], row["disabled_at"] is not None) for row in rows}


async def test_the_sample_is_saved_announced_and_given_accounts(empty: Running) -> None:
    outcome = await load_sample(empty)
    (announced,) = await empty.published(TownshipPublished)
    assert (announced.township, announced.version) == ("YX", 1)
    assert (len(announced.villages), len(announced.groups)) == (7, 32)
    assert len(await accounts(empty)) == len(outcome.added) == 132 + 2 + 19 + 2
    assert outcome.changed


async def test_loading_the_same_file_again_changes_nothing(app: Running) -> None:
    before = await accounts(app)
    outcome = await load_sample(app)
    assert (outcome.changed, outcome.added, outcome.closed, outcome.secrets) == (False, (), (), {})
    assert await accounts(app) == before
    assert len(await app.published(TownshipPublished)) == 1


async def test_a_changed_file_is_announced_and_accounts_keep_their_passwords(app: Running) -> None:
    before = await accounts(app)
    outcome = await load_sample(app, TEXT.replace("member: ST071, deputy: null", "member: ST071, deputy: ST070"))
    first, second = await app.published(TownshipPublished)
    assert outcome.changed
    assert (first.version, second.version) == (1, 2)
    assert {group.code: group.deputy for group in second.groups}["V06-G4"] == "ST070"
    assert await accounts(app) == before


async def test_who_left_the_township_loses_the_account(app: Running, log_in: LogIn) -> None:
    session = await log_in("st132")
    left = TEXT.replace("ST132", "ST133")
    outcome = await load_sample(app, left)
    assert outcome.closed == ("st132",)
    assert outcome.added == ("st133",)
    assert (await app.client.get("/api/v1/sessions/current", headers=session)).status_code == 401


async def test_without_the_sample_password_only_the_administrator_can_log_in(empty: Running) -> None:
    outcome = await load(empty.database, TEXT, empty.process.runtime.settings, demo=False)
    usable = {
        name for name, (secret, _) in (await accounts(empty)).items() if secret and not name.startswith("client-")
    }
    assert usable == {"admin"}
    assert len(outcome.secrets["admin"]) >= 20


async def test_sample_client_secrets_are_the_same_for_the_same_seed(empty: Running) -> None:
    first = (await load_sample(empty)).secrets["client-yx-ps"]
    async with empty.database.reading() as db:
        await db.execute("DELETE FROM account")
    again = (await load_sample(empty)).secrets
    assert again["client-yx-ps"] == first != again["client-yx-ca"]


async def test_the_vacancy_raises_an_alert_at_the_api_and_in_the_metrics(app: Running, log_in: LogIn) -> None:
    answer = await app.client.get("/api/v1/alerts", headers=await log_in("st088"))
    assert answer.json()["items"] == [{"kind": "vacant_post", "post": "group_head", "place": "V06-G4", "minutes": 0}]
    await watch_alerts(app.process.runtime)
    metrics = (await app.client.get("/metrics")).text
    assert 'directory_alerts{kind="vacant_post"} 1.0' in metrics
    assert 'directory_alerts{kind="empty_roster"} 0.0' in metrics


async def test_the_load_is_written_into_the_townships_audit_chain(app: Running) -> None:
    async with app.database.reading() as db:
        entries = await db.fetch("SELECT action, detail FROM audit_entry WHERE key = 'YX'")
    assert [(entry["action"], entry["detail"]["accounts_added"]) for entry in entries] == [("township.load", 155)]
