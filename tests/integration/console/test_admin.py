"""Administration: who sees which section, and each section's acts with what they leave behind."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.integration.console.people import Person
from tests.product import Product

ADMIN, SUPERVISOR, AUDITOR, TEACHER, DUTY_ROOM = "admin", "st088", "auditor", "st107", "st121"
SECTIONS = {
    "/admin": {ADMIN, SUPERVISOR, AUDITOR},
    "/admin/parked": {ADMIN},
    "/admin/directory": {ADMIN, SUPERVISOR, AUDITOR},
    "/admin/accounts": {ADMIN},
    "/admin/rosters": {ADMIN, SUPERVISOR},
    "/admin/rosters/YX-CA": {ADMIN, SUPERVISOR},
    "/admin/policies": {ADMIN, SUPERVISOR},
    "/admin/rehearsal": {ADMIN, SUPERVISOR},
    "/admin/deliveries": {ADMIN, SUPERVISOR},
    "/admin/audit": {SUPERVISOR, AUDITOR},
    "/admin/calendar": {ADMIN, SUPERVISOR, AUDITOR},
    "/developers": {ADMIN, SUPERVISOR, AUDITOR, TEACHER},
}


def parsed(text: str) -> LexborHTMLParser:
    return LexborHTMLParser(text)


def fields(page: str, action: str) -> dict[str, str]:
    """What a form would send as it stands: inputs and chosen options."""
    form = parsed(page).css_first(f'form[method=post][action="{action}"]')
    assert form is not None, action
    found = {}
    for one in form.css("input"):
        if one.attributes.get("type") != "checkbox" and one.attributes.get("name"):
            found[str(one.attributes["name"])] = one.attributes.get("value") or ""
    for one in form.css("select"):
        chosen = one.css_first("option[selected]")
        found[str(one.attributes["name"])] = (chosen.attributes.get("value") or "") if chosen else ""
    return found


async def said_after(person: Person, answer: httpx.Response) -> str:
    """What the page says to which an accepted form leads."""
    assert answer.status_code == 303, answer.text
    bar = parsed((await person.browser.get(answer.headers["location"])).text).css_first("p.done[role=status]")
    assert bar is not None, answer.headers["location"]
    return bar.text()


@pytest.mark.parametrize("who", [ADMIN, SUPERVISOR, AUDITOR, TEACHER])
async def test_everybody_opens_their_own_sections_and_is_refused_the_others(town: Product, who: str) -> None:
    async with Person.signed_in(town, who) as person:
        allowed = {path for path in SECTIONS if (await person.get(path)).status_code == 200}
        assert allowed == {path for path, readers in SECTIONS.items() if who in readers}
        refused = set(SECTIONS) - allowed
        assert {(await person.get(path)).status_code for path in refused} <= {403}
        page = parsed((await person.get("/developers")).text)
        offered = {link.attributes["href"] for link in page.css("nav.sections a")}
        assert offered == allowed - {"/admin/rosters/YX-CA"}
        assert bool(page.css('header a[href="/admin"]')) == (who != TEACHER)


async def test_a_refused_post_leaves_everything_as_it_was(town: Product) -> None:
    async with Person.signed_in(town, TEACHER) as person:
        for path, form in (
            ("/admin/accounts", {"kind": "person", "name": "intruder", "post": "admin"}),
            ("/admin/rosters/YX-CA", {"version": "1"}),
            ("/admin/parked/intake/skip", {"topic": "dispatch.events", "stream": "x", "reason": "none"}),
        ):
            assert (await person.post(path, form)).status_code == 403, path
    assert (await town.ask(ADMIN, "directory", "GET", "/api/v1/accounts/intruder")).status_code == 404


async def test_the_health_of_every_service_is_shown(town: Product) -> None:
    async with Person.signed_in(town, ADMIN) as person:
        page = parsed((await person.get("/admin")).text)
    rows = {row.attributes["id"]: row.text() for row in page.css("tr[id^=pulse-]")}
    assert set(rows) == {f"pulse-{service}" for service in town.apps}
    assert all("正常" in text for text in rows.values()), rows


# Parked events -------------------------------------------------------------------------------------------------------


async def _poison(town: Product, case: str) -> None:
    """An event of dispatch that nobody understands, in a case's stream."""
    async with town.apps["dispatch"].database.transaction() as tx:
        await tx.db.execute(
            """
            WITH head AS (UPDATE stream_head SET sequence = sequence + 1 WHERE key = $1 RETURNING sequence)
            INSERT INTO outbox (event_id, type, topic, key, sequence, occurred_at, correlation_id, value)
            SELECT $2::uuid, 'referral.acknowledged.v99', 'dispatch.events', $1, sequence, app_now(), $2::uuid::text, '{}'
            FROM head
            """,
            case,
            uuid4(),
        )
    await town.settle()


async def test_a_poisoned_stream_is_retried_in_vain_and_skipped_for_a_reason(town: Product) -> None:
    case = (await town.report("YX-19"))["case_id"]
    await _poison(town, case)
    stream = {"topic": "dispatch.events", "stream": case}
    async with Person.signed_in(town, ADMIN) as person:
        health = parsed((await person.get("/admin")).text).css_first("#pulse-intake")
        assert health is not None
        assert "需要处理" in health.text()
        page = (await person.get("/admin/parked")).text
        assert "referral.acknowledged.v99" in page
        stuck = {
            form.attributes["action"].split("/")[3]  # type: ignore[union-attr]  # every form has an action
            for form in parsed(page).css('form[action$="/skip"]')
        }
        assert {"intake", "risk_scoring", "console"} <= stuck

        for service in ("intake", "console"):
            again = await person.post(f"/admin/parked/{service}/retry", stream)
            assert again.status_code == 409
            assert "仍然无法处理" in again.text
        short = await person.post("/admin/parked/intake/skip", stream | {"reason": "x"})
        assert short.status_code == 422
        assert 'value="x"' in short.text
        for service in stuck:
            done = await person.post(f"/admin/parked/{service}/skip", stream | {"reason": "新版本的试验事件"})
            assert "已跳过" in await said_after(person, done), service
        assert case not in (await person.get("/admin/parked")).text
    for service in stuck:
        async with town.apps[service].database.reading() as db:
            kept = await db.fetchrow(
                "SELECT resolution, resolved_by, resolution_reason FROM parked WHERE key = $1", case
            )
        assert kept is not None
        assert tuple(kept) == ("skipped", ADMIN, "新版本的试验事件"), service


# Accounts and clients ------------------------------------------------------------------------------------------------


async def _token(town: Product, name: str, secret: str) -> int:
    form = {"grant_type": "client_credentials", "client_id": name, "client_secret": secret}
    return int((await town.apps["directory"].client.post("/oauth/token", data=form)).status_code)


async def test_a_client_is_made_its_key_renewed_and_shown_once_and_it_is_closed(town: Product) -> None:
    def key_of(page: str) -> str:
        shown = parsed(page).css_first("#secret")
        assert shown is not None
        return shown.text()

    form = {"kind": "client", "name": "client-trial", "organisation": "YX-PS", "key": str(uuid4())}
    async with Person.signed_in(town, ADMIN) as person:
        without = await person.post("/admin/accounts", form)
        assert without.status_code == 422
        assert 'value="client-trial"' in without.text
        made = await person.post("/admin/accounts", form | {"scope.referrals:read": "yes", "key": str(uuid4())})
        first = key_of(made.text)
        assert await _token(town, "client-trial", first) == 200
        assert first not in (await person.get("/admin/accounts")).text
        renewed = await person.post("/admin/accounts/client-trial/secret", {"kind": "client", "key": str(uuid4())})
        second = key_of(renewed.text)
        assert [await _token(town, "client-trial", one) for one in (first, second)] == [401, 200]
        closing = fields((await person.get("/admin/accounts")).text, "/admin/accounts/client-trial/disable")
        stale = await person.post("/admin/accounts/client-trial/disable", closing | {"version": "1"})
        assert stale.status_code == 412
        closed = await person.post("/admin/accounts/client-trial/disable", closing)
        assert await said_after(person, closed) == "账号已停用"
        assert await _token(town, "client-trial", second) == 401


async def test_a_person_gets_a_password_to_sign_in_with(town: Product) -> None:
    async with Person.signed_in(town, ADMIN) as person:
        made = await person.post("/admin/accounts", {"kind": "person", "name": "second-auditor", "post": "auditor"})
        shown = parsed(made.text).css_first("#secret")
        assert shown is not None, made.text
    async with Person.signed_in(town, "second-auditor", shown.text()) as newcomer:
        assert (await newcomer.get("/admin/audit")).status_code == 200


# Rosters -------------------------------------------------------------------------------------------------------------

ROSTER = "/admin/rosters/YX-YL"


async def _roster(town: Product) -> tuple[Any, int]:
    answer = await town.ask(ADMIN, "directory", "GET", "/api/v1/rosters/YX-YL")
    return answer.json(), int(answer.headers["etag"].strip('"v'))


async def test_a_gap_made_in_a_roster_is_shown_and_closed_again(town: Product) -> None:
    async with Person.signed_in(town, ADMIN) as person:
        form = fields((await person.get(ROSTER)).text, ROSTER)
        saved = await person.post(ROSTER, form | {"s0.weekday": ""})
        assert "值班表已保存" in await said_after(person, saved)
        page = (await person.get(ROSTER, week=1)).text
        assert parsed(page).css("rect.gap")
        assert "分钟无人值班" in page
        row = parsed((await person.get("/admin/rosters")).text).css_first("#roster-YX-YL")
        assert row is not None
        assert "处缺口" in row.text()
        again = fields(page, ROSTER)
        whole = {name: value for name, value in form.items() if name not in {"version", "key"}}
        assert (await person.post(ROSTER, again | whole)).status_code == 303
        assert not parsed((await person.get(ROSTER, week=1)).text).css("rect.gap")


async def test_somebody_else_changed_the_roster_first_and_what_was_entered_is_kept(town: Product) -> None:
    async with Person.signed_in(town, ADMIN) as person:
        form = fields((await person.get(ROSTER)).text, ROSTER)
        body, version = await _roster(town)
        await town.ask(
            SUPERVISOR, "directory", "PUT", "/api/v1/rosters/YX-YL", {"shifts": body["shifts"]}, version=version
        )
        mine = form | {"s0.starts": "07:15"}
        refused = await person.post(ROSTER, mine)
        assert refused.status_code == 412
        assert "您填写的内容保留在下面" in refused.text
        kept = fields(refused.text, ROSTER)
        assert kept["s0.starts"] == "07:15"
        assert int(kept["version"]) == version + 1
        assert (await person.post(ROSTER, mine, part=True)).status_code == 200, "htmx swaps the form in"
        assert (await person.post(ROSTER, kept)).status_code == 303
    assert (await _roster(town))[0]["shifts"][0]["starts"] == "07:15"


async def test_an_override_stands_in_the_week_until_it_is_taken_back(town: Product) -> None:
    async with Person.signed_in(town, ADMIN) as person:
        page = (await person.get(ROSTER)).text
        form = fields(page, f"{ROSTER}/overrides")
        wrong = await person.post(f"{ROSTER}/overrides", form | {"ends_at": form["starts_at"], "reason": "leave"})
        assert wrong.status_code == 422
        ends = (datetime.fromisoformat(form["starts_at"]) + timedelta(hours=2)).isoformat(timespec="minutes")
        added = await person.post(f"{ROSTER}/overrides", form | {"ends_at": ends, "reason": "leave"})
        assert "临时调整已登记" in await said_after(person, added)
        page = (await person.get(ROSTER)).text
        (remove,) = parsed(page).css(f'form[action^="{ROSTER}/overrides/"][action$="/remove"]')
        assert parsed(page).css("rect.gap"), "nobody was named"
        taken_back = await person.post(str(remove.attributes["action"]), {"key": str(uuid4())})
        assert "已取消" in await said_after(person, taken_back)
        assert not parsed((await person.get(ROSTER)).text).css("rect.gap")


# Policies, rehearsal, deliveries, audit ------------------------------------------------------------------------------


async def test_another_version_is_tried_on_the_past_and_compared(town: Product) -> None:
    await town.report("YX-01")
    async with Person.signed_in(town, SUPERVISOR) as person:
        page = parsed((await person.get("/admin/policies", version="2026-11", days=30)).text)
        rows = [[cell.text() for cell in row.css("td")] for row in page.css("table.matrix tbody tr")]
        assert len(rows) == 4
        assert sum(int(cell) for row in rows for cell in row) >= 1
        assert "没有差异" in (await person.get("/admin/policies", old="2026-11", new="2026-11")).text
        assert (await person.get("/admin/policies", old="1999-01", new="2026-11")).status_code == 404
        assert (await person.get("/admin/policies", version="1999-01")).status_code == 422


async def test_an_escalation_is_rehearsed_for_a_case_and_for_a_report_nobody_made(town: Product) -> None:
    case = await town.report("YX-01")
    async with Person.signed_in(town, SUPERVISOR) as person:
        real = await person.get("/admin/rehearsal", case=case["case_number"])
        assert real.status_code == 200
        assert len(parsed(real.text).css("tbody tr")) > 3
        assert (await person.get("/admin/rehearsal", case="YX-1999-000001")).status_code == 404
    async with Person.signed_in(town, ADMIN) as person:
        made = parsed((await person.get("/admin/rehearsal", level="orange", village="V01", concern="H1")).text)
        assert "派单通知" in made.css_first("tbody").text()  # type: ignore[union-attr]  # the list of tellings
        assert (await person.get("/admin/rehearsal", case=case["case_number"])).status_code in {403, 404}


async def test_the_ledger_is_narrowed_by_case_and_names_no_restricted_case_to_the_administrator(town: Product) -> None:
    open_case, restricted = await town.report("YX-01"), await town.report("YX-02")
    async with town.apps["notification"].database.reading() as db:
        hidden = [row["case_number"] for row in await db.fetch("SELECT case_number FROM told_case WHERE restricted")]
    assert restricted["case_number"] in hidden, "the sample's second case is restricted"
    async with Person.signed_in(town, ADMIN) as person:
        page = parsed((await person.get("/admin/deliveries", case=open_case["case_number"], channel="app")).text)
        rows = page.css("tbody tr")
        assert rows
        assert {row.css("td")[2].text() for row in rows} == {open_case["case_number"]}
        assert {row.css("td")[5].text() for row in rows} == {"系统内"}
        assert not parsed((await person.get("/admin/deliveries", case=hidden[0])).text).css("tbody tr")
        assert not set(hidden) & {
            cell.text() for cell in parsed((await person.get("/admin/deliveries")).text).css("td")
        }
    async with Person.signed_in(town, SUPERVISOR) as person:
        assert parsed((await person.get("/admin/deliveries", case=hidden[0])).text).css("tbody tr")


async def test_a_break_glass_reading_is_judged_and_stands_in_the_cases_log(town: Product) -> None:
    case = await town.report("YX-01")
    query = "fields=address&purpose=emergency&reason=imminent_danger"
    read = await town.ask(DUTY_ROOM, "intake", "GET", f"/api/v1/cases/{case['case_id']}/file?{query}")
    assert read.status_code == 200, read.text
    async with Person.signed_in(town, AUDITOR) as auditor:
        log = await auditor.get("/admin/audit", case=case["case_number"])
        assert "记录完整" in log.text
        assert "file.read" in log.text
        assert not parsed(log.text).css('form[action*="/reviews/"]'), "an auditor reads and does not judge"
        assert (await auditor.get("/admin/audit", case="YX-1999-000001")).status_code == 404
    async with Person.signed_in(town, SUPERVISOR) as person:
        found = parsed((await person.get("/admin/audit")).text).css(f'form[action*="{case["case_id"]}/reviews/"]')
        assert len(found) == 1
        action = str(found[0].attributes["action"])
        judged = await person.post(action, {"outcome": "justified", "key": str(uuid4())})
        assert await said_after(person, judged) == "决定已记录"
        assert (await person.post(action, {"outcome": "justified", "key": str(uuid4())})).status_code == 409
        assert case["case_id"] in (await person.get("/admin/audit", state="justified")).text


async def test_a_request_for_secret_fields_is_granted_by_the_supervisor(town: Product) -> None:
    case = await town.report("YX-01")
    body = {"fields": ["narrative"], "reason": "investigation"}
    asked = await town.ask("st092", "intake", "POST", f"/api/v1/cases/{case['case_id']}/grants", body)
    assert asked.status_code == 201, asked.text
    async with Person.signed_in(town, SUPERVISOR) as person:
        page = (await person.get("/admin/audit", case=case["case_number"])).text
        (form,) = parsed(page).css(f'form[action$="/grants/{asked.json()["grant_id"]}"]')
        done = await person.post(str(form.attributes["action"]), {"granted": "yes", "hours": "24", "key": str(uuid4())})
        assert await said_after(person, done) == "决定已记录"
        page = (await person.get("/admin/audit", case=case["case_id"])).text
        row = parsed(page).css_first(f"#grant-{asked.json()['grant_id']}")
        assert row is not None
        assert "已授权" in row.text()


# Calendar and integration --------------------------------------------------------------------------------------------


async def test_a_year_without_data_is_marked_provisional(town: Product) -> None:
    async with Person.signed_in(town, ADMIN) as person:
        known, unknown = await person.get("/admin/calendar", year=2026), await person.get("/admin/calendar", year=2031)
    assert "已载入" in known.text
    assert len(parsed(known.text).css("td.day-makeup_workday")) == 6
    assert "尚未载入" in unknown.text
    assert not parsed(unknown.text).css("td.day-makeup_workday")


async def test_developers_find_every_service_and_every_code_explained(town: Product) -> None:
    async with Person.signed_in(town, TEACHER) as person:
        page = parsed((await person.get("/developers")).text)
    links = {link.attributes["href"] for link in page.css("main a")}
    assert {f"/docs/{service}/" for service in town.apps} <= links
    codes = [link for link in links if link and link.startswith("/problems/")]
    answers = [await town.apps["directory"].client.get(code) for code in codes]
    assert codes
    assert {answer.status_code for answer in answers} == {200}
