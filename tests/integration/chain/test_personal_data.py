"""No personal data outside the vault: markers planted in every personal field are looked for everywhere else.

The sweep reads every message of every topic, every row of every table of every database (the vault's too, where only
ciphertext may lie), every log file, every metric and the file that stands in for the telephone.
"""

import re
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.kafka import Kafka
from contracts.catalogue import TOPICS
from services.intake.amending import CallerBody
from services.intake.api.families import RelativeBody
from services.intake.bodies import ChildBody, PlaceBody, ReporterBody
from tests.chain import PASSWORD, Chain
from tests.integration.chain.journey import note
from tests.integration.chain.steps import CIVIL_AFFAIRS, OPERATOR, act, at, referral, response_of, until
from tests.samples.golden import golden_case
from tests.samples.surveys import row, upload, workbook

pytestmark = pytest.mark.asyncio(loop_scope="package")

MARK = "PLANTED"
RECEIVED = "2027-01-05T09:00:00+08:00"
CODED = {"kind", "mandated", "anonymous", "village", "group", "outside", "sex"}
"""Fields of the bodies that are codes, not personal data."""


def planted(model: type[Any], stem: str) -> dict[str, str]:
    """A value with a marker for every personal field of a request model: a new field is swept from its first day."""
    fields = [name for name in model.model_fields if name not in CODED]
    return {name: _value(name, f"{MARK}-{stem}-{name}") for name in fields}


def _value(field: str, marker: str) -> str:
    if field == "birth_date":
        return "2013-03-07"
    if "phone" in field:
        return "00098761234"
    if "id_number" in field:
        return "990099201303070018"
    return marker


MARKS = (MARK, "2013-03-07", "00098761234", "990099201303070018")


def report() -> dict[str, Any]:
    case = golden_case("YX-12")
    return {
        "received_at": RECEIVED,
        "channel": "hotline_a",
        "reporter": {"kind": "school_unit", **planted(ReporterBody, "reporter")},
        "place": {"village": "V07", "group": 5, **planted(PlaceBody, "place")},
        "child": planted(ChildBody, "child"),
        "narrative": f"{MARK}-narrative 我是班主任，电话 00098761234。",
        "concerns": case["concerns"],
        "facts": {k: v for k, v in case["facts"].items() if k != "age"},
        "answers": {k: v for k, v in case["answers"].items() if k != "B1"},
        "siblings": [{"child": planted(ChildBody, "sibling"), "narrative": f"{MARK}-sibling", "concerns": ["H4"]}],
    }


async def live(product: Chain) -> str:
    """A case in which people type, read, search and mistype personal data at every service."""
    await product.set_clock(at(RECEIVED) + timedelta(seconds=5))
    answer = await product.post(OPERATOR, "intake", "/api/v1/reports", report())
    assert answer.status_code == 201, answer.text
    opened = answer.json()
    response = await response_of(product, opened["case_id"])
    school, health = referral(response, "school"), referral(response, "health")
    await act(product, "st112", school, "acknowledge")
    text = await note(product, "st094", opened["case_id"], "return_reason", f"{MARK}-note")
    await act(product, "st094", health, "return", reason="other", proposed_department="school", note_id=text)
    file = await product.get(
        CIVIL_AFFAIRS, "intake", f"/api/v1/cases/{opened['case_id']}/file", purpose="task", fields="all"
    )
    assert MARK in str(file), "what was planted is really kept, and the one who may read it can"
    await _persons(product, opened)
    await _later(product, opened)
    await _no_case(product)
    await _survey(product)
    await _pages(product, opened["case_id"])
    await _mistype(product, opened["case_id"], school)
    await product.set_clock(at(RECEIVED) + timedelta(minutes=30))
    await until(lambda: _told(product, opened["case_id"]), "nobody was told of the missed clocks")
    return str(opened["case_id"])


async def _persons(product: Chain, opened: dict[str, Any]) -> None:
    """Search, profile and family file: found, read, and a grandmother recorded as a person."""
    sought = {"name": f"{MARK}-child-name", "birth_date": "2013-03-07", "phone": "00098761234"}
    found = await product.post(CIVIL_AFFAIRS, "intake", "/api/v1/persons/search", sought)
    assert found.json()["items"], found.text
    member = {"relation": "grandparent", "person": planted(RelativeBody, "relative")}
    path = f"/api/v1/families/{opened['case_id']}"
    added = await product.post(CIVIL_AFFAIRS, "intake", f"{path}/members", member)
    assert added.status_code == 201, added.text
    family = await product.get(CIVIL_AFFAIRS, "intake", path, purpose="task")
    person = f"/api/v1/persons/{opened['children'][0]['child_id']}"
    assert MARK in str(family["members"])
    assert MARK in str(await product.get(CIVIL_AFFAIRS, "intake", person, purpose="task"))


async def _later(product: Chain, opened: dict[str, Any]) -> None:
    """An amendment, another contact about the case, and its words read again."""
    amendment = {
        "children": [{"child": planted(ChildBody, "amended") | {"birth_date": "2013-03-07"}}],
        "place": {"village": "V07", "group": 5, **planted(PlaceBody, "moved")},
        "narrative": f"{MARK}-amendment",
        "reporter": planted(CallerBody, "caller"),
    }
    path = f"/api/v1/reports/{opened['report_id']}/amendments"
    amended = await product.post(OPERATOR, "intake", path, amendment)
    assert amended.status_code == 201, amended.text
    follow_up = {"kind": "follow_up", "channel": "hotline_a", "case": opened["case_number"]}
    again = {**follow_up, "caller": {"kind": "public", **planted(ReporterBody, "again")}, "narrative": f"{MARK}-again"}
    contact = await product.post(OPERATOR, "intake", "/api/v1/contacts", again)
    assert contact.status_code == 201, contact.text


async def _no_case(product: Chain) -> None:
    """A call with its number, a silent contact to be called back, words without a case."""
    called = {"channel": "hotline_a", "caller_number": "00098761234"}
    call = await product.post(OPERATOR, "intake", "/api/v1/calls", called)
    assert call.status_code == 201, call.text
    silent = {
        "kind": "silent", "channel": "hotline_a", "call_id": call.json()["call_id"], "narrative": f"{MARK}-silent",
        "caller": {"kind": "unknown", **planted(ReporterBody, "silent")},
    }  # fmt: skip
    contact = await product.post(OPERATOR, "intake", "/api/v1/contacts", silent)
    assert contact.status_code == 201, contact.text
    number = await product.get(OPERATOR, "intake", f"/api/v1/callbacks/{contact.json()['callback_id']}/number")
    assert number["number"] == "00098761234"
    words = await product.get(CIVIL_AFFAIRS, "intake", f"/api/v1/contacts/{contact.json()['contact_id']}/words")
    assert MARK in words["text"]


async def _survey(product: Chain) -> None:
    """A sheet with a row that is taken over and one that is refused."""
    said = {
        "name": f"{MARK}-row", "birth_date": date(2013, 3, 7), "village": "V06", "group": 3, "school": f"{MARK}-school",
        "guardian_name": f"{MARK}-guardian", "guardian_phone": "00098761234", "concerns": "N5",
    }  # fmt: skip
    refused = {**said, "name": f"{MARK}-refused", "village": "V77", "id_number": "990099201303070018"}
    headers = {**await product.login(CIVIL_AFFAIRS), "Idempotency-Key": uuid4().hex}
    sheet = dict(upload(workbook([row(**said), row(**refused)]), f"{MARK}.xlsx"))
    answer = await product.client.post(product.url("intake", "/api/v1/surveys"), files=sheet, headers=headers)
    assert answer.status_code == 202, answer.text

    async def taken_over() -> list[str] | None:
        path = f"/api/v1/surveys/{answer.json()['survey_id']}/report"
        items = (await product.get(CIVIL_AFFAIRS, "intake", path))["items"]
        states = [item["state"] for item in items]
        return states if len(states) == 2 and "staged" not in states else None

    assert "refused" in await until(taken_over, "the survey was never taken over")


async def _pages(product: Chain, case_id: str) -> None:
    """The console: a draft typed and kept, a search, a case's file opened; its tables are swept like all others."""
    base = product.url("console", "")
    async with httpx.AsyncClient(
        base_url=base, headers={"Accept": "text/html"}, timeout=30, trust_env=False
    ) as browser:

        async def post(path: str, form: dict[str, Any]) -> httpx.Response:
            secret = re.search(r'name="csrf" content="([0-9a-f]+)"', (await browser.get("/help")).text)
            answer = await browser.post(path, data=form | ({"csrf": secret.group(1)} if secret else {}))
            assert answer.status_code < 400, (path, answer.status_code)
            return answer

        await post("/login", {"username": OPERATOR, "password": PASSWORD})
        begun = await post("/desk/new", {})
        (draft,) = parse_qs(urlsplit(begun.headers["location"]).query)["draft"]
        typed = {
            "mode": "report", "channel": "hotline_a", "reporter_kind": "public", "place": "V01", "concerns": ["H1"],
            "phone": "00098761234", "narrative": f"{MARK}-draft", "child.name": f"{MARK}-typed",
            "child.birth_date": "2013-03-07",
        }  # fmt: skip
        await post(f"/desk/{draft}/draft", typed)
        assert MARK in (await browser.get("/desk", params={"draft": draft})).text, "the draft is really kept"
        await post("/logout", {})
        await post("/login", {"username": CIVIL_AFFAIRS, "password": PASSWORD})
        await post("/cases/search", {"name": f"{MARK}-child-name", "phone": "00098761234"})
        for page in (f"/cases/{case_id}", f"/cases/{case_id}/file", "/registers"):
            assert (await browser.get(page)).status_code == 200, page


async def _mistype(product: Chain, case_id: str, referral_id: str) -> None:
    """Requests that are refused: their content must not come to light in an error, a log or a metric."""
    for service, path, body in (
        ("intake", "/api/v1/reports", {**report(), "channel": MARK, MARK: MARK}),
        ("intake", f"/api/v1/cases/{case_id}/notes", {"kind": MARK, "text": MARK}),
        ("dispatch", f"/api/v1/referrals/{referral_id}/actions/complete", {"outcome": MARK, "remark": MARK}),
        ("assistance", "/api/v1/visits", {"case_id": case_id, "note": MARK}),
        ("risk_scoring", "/api/v1/assessments/preview", {"children": [{"concerns": [MARK], "text": MARK}]}),
    ):
        answer = await product.post(CIVIL_AFFAIRS, service, path, body, version=1)
        assert answer.status_code in (400, 404, 409, 412, 422), (service, path, answer.status_code)
        if path != "/api/v1/reports":
            assert f'"{MARK}' not in answer.text.replace(f'"#/{MARK}', ""), answer.text


async def _told(product: Chain, case_id: str) -> bool | None:
    answer = await product.client.get(
        product.url("notification", "/api/v1/notices"),
        params={"case_id": case_id, "limit": 200},
        headers=await product.login(CIVIL_AFFAIRS),
    )
    return True if answer.status_code == 200 and "breach" in answer.text else None


async def messages(product: Chain) -> list[tuple[str, bytes]]:
    """Every message of this installation's topics: key, headers and value as bytes."""
    servers, prefix = product.environments["intake"]["KAFKA_BOOTSTRAP_SERVERS"], f"{product.run_name}."
    known = await Kafka(servers, prefix=prefix).end_offsets([topic.name for topic in TOPICS])
    ends = {}
    for where, end in known.items():
        topic, _, partition = where.rpartition("/")
        ends[TopicPartition(prefix + topic, int(partition))] = end
    consumer = AIOKafkaConsumer(bootstrap_servers=servers)
    await consumer.start()
    try:
        places = list(ends)
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        found: list[tuple[str, bytes]] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            for place, records in (await consumer.getmany(timeout_ms=500)).items():
                for record in records:
                    head = b"|".join(value for _, value in record.headers)
                    found.append((place.topic, b"|".join((record.key or b"", head, record.value or b""))))
        return found
    finally:
        await consumer.stop()


async def rows(dsn: str) -> list[tuple[str, bytes]]:
    """Every row of every table as text; binary columns decoded too, so that plain bytes cannot hide as hexadecimal."""
    connection = await asyncpg.connect(dsn)
    try:
        found: list[tuple[str, bytes]] = []
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for table in (row["tablename"] for row in tables):
            for row in await connection.fetch(f'SELECT * FROM "{table}"'):
                raw = b"|".join(value if isinstance(value, bytes) else str(value).encode() for value in row.values())
                found.append((table, raw))
        return found
    finally:
        await connection.close()


def leaks(source: str, found: list[tuple[str, bytes]]) -> list[str]:
    return [f"{source} {where}: {mark}" for where, raw in found for mark in MARKS if mark.encode() in raw]


async def test_planted_markers_are_found_nowhere_outside_the_vaults_ciphertext(product: Chain) -> None:
    case_id = await live(product)
    sent = await messages(product)
    assert sum(case_id.encode() in raw for _, raw in sent) > 5, "the sweep sees the case's events"
    bad = leaks("topic", sent)
    for service in product.environments:
        kept = await rows(product.database_of(service))
        assert kept
        bad += leaks(f"{service} table", kept)
        metrics = await product.client.get(product.url(service, "/metrics"))
        bad += leaks(f"{service} metrics", [("/metrics", metrics.content)])
    files = [path for path in product.settings.data.rglob("*") if path.is_file()]
    assert any(path.name == "notification-sink.jsonl" for path in files), "the sweep sees what was said by telephone"
    logs = {f"{service}.log" for service in product.environments}
    assert logs <= {path.name for path in files}, "the sweep sees what every service wrote"
    bad += leaks("file", [(path.name, path.read_bytes()) for path in files])
    assert not bad, "\n".join(sorted(set(bad)))
