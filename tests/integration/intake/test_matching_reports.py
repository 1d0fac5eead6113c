"""A report on a child that is known: it joins the open case, or a person decides; and what the caller learns of it."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.testing import Running
from services.intake.domain.matching import Particulars
from services.intake.recognising import tokens
from services.intake.store import persons, reports, tags
from services.intake.store.reports import Sealed
from services.intake.store.tags import Child
from services.intake.store.writing import insert_all
from services.intake.vault import FileKey, Vault
from tests.integration.intake.conftest import SETTINGS
from tests.integration.intake.story import (
    AUDITOR,
    CIVIL,
    COLLEAGUE,
    OPERATOR,
    SCHOOL,
    SECRETS,
    SUPERVISOR,
    Desk,
    report_body,
)

BOY = {"name": "彭乐乐", "birth_date": "2019-11-02"}
CLOSED_ON = datetime(2026, 5, 21, 2, tzinfo=UTC)


async def rows(app: Running, query: str, *values: Any) -> list[Any]:
    async with app.database.reading() as db:
        return list(await db.fetch(query, *values))


@pytest.mark.parametrize(
    ("child", "score", "same"),
    [
        ({"name": "彭 乐乐", "birth_date": "2019-11-02"}, 100, ["name", "birth_date", "village"]),
        ({"name": "朋勒勒", "birth_date": "2019-11-02"}, 97, ["name_sound", "birth_date", "village"]),
        (
            {"name": "彭乐", "id_number": SECRETS["id_number"], "birth_date": "2019-11-02"},
            100,
            ["id_number", "name_similar"],
        ),
    ],
)
async def test_a_report_on_a_known_child_joins_the_open_case_and_says_why(
    desk: Desk, child: dict[str, str], score: int, same: list[str]
) -> None:
    first = await desk.report()
    second = await desk.report(child=child)
    log = (await desk.get(f"/cases/{first['case_id']}/access-log", AUDITOR)).json()
    event = await desk.announced(second["report_id"])
    assert (second["disposition"], second["case_id"]) == ("attached_to_open_case", first["case_id"])
    assert (second["children"][0]["case_id"], second["children"][0]["opened"]) == (first["case_id"], False)
    assert (second["recognised"]["case_id"], second["recognised"]["score"]) == (first["case_id"], score)
    assert second["recognised"]["same"][: len(same)] == same
    assert str(event.case_id) == first["case_id"]
    assert second["possible_duplicates"] == []
    [entry] = [item for item in log["items"] if item["action"] == "report.recognised"]
    assert (entry["detail"]["report_id"], entry["detail"]["score"]) == (second["report_id"], score)


@pytest.mark.parametrize(
    ("child", "place", "score"),
    [
        ({"name": "彭小乐", "birth_date": "2019-11-02"}, {"village": "V06"}, 83),
        ({"name": "彭乐乐", "birth_date": "2019-11-20"}, {"village": "V06"}, 82),
        ({"name": "彭乐乐", "birth_date": "2019-11-02"}, {"village": "V01"}, 85),
        ({"name": "彭乐乐", "birth_date": "2019-11-02", "sex": "female"}, {"village": "V06"}, 89),
        ({"name": "彭乐乐"}, {"village": "V06"}, 82),
    ],
)
async def test_below_the_threshold_a_person_decides(
    desk: Desk, child: dict[str, str], place: dict[str, str], score: int
) -> None:
    first = await desk.report()
    second = await desk.report(child=child, place=place)
    [offered] = second["possible_duplicates"]
    waiting = (await desk.get("/persons/duplicates", CIVIL)).json()["items"]
    assert second["disposition"] == "case_opened"
    assert (offered["case_id"], offered["kind"], offered["score"]) == (first["case_id"], "same_child", score)
    assert offered["person_id"] == first["children"][0]["child_id"]
    assert [(one["other_id"], one["child_id"], one["score"]) for one in waiting] == [
        (first["children"][0]["child_id"], second["children"][0]["child_id"], score)
    ]


async def test_a_child_of_the_same_carers_is_offered_as_of_one_household(desk: Desk) -> None:
    body = {"name": "彭丽", "birth_date": "2013-03-03", "guardian_phone": "13800138000"}
    first = await desk.report(child={**BOY, "guardian_phone": "+86 138 0013 8000"})
    second = await desk.report(child=body, place={"village": "V01"})
    [offered] = second["possible_duplicates"]
    assert (offered["case_id"], offered["kind"]) == (first["case_id"], "same_household")
    assert "phone" in offered["same"]


async def test_the_desk_may_say_that_it_is_another_child(desk: Desk) -> None:
    first = await desk.report()
    second = await desk.report(child=BOY, not_same_as=[first["case_number"]])
    assert (second["disposition"], second["possible_duplicates"]) == ("case_opened", [])


async def test_who_may_not_know_the_case_learns_nothing_of_it_and_sees_no_file(app: Running, desk: Desk) -> None:
    await desk.report(concerns=["H2"])
    told = await desk.report(COLLEAGUE, child=BOY)
    school = await desk.report(SCHOOL, child=BOY, channel="department", reporter={"kind": "teacher"})
    for answer in (told, school):
        assert answer["disposition"] == "accepted"
        assert (answer["case_id"], answer["case_number"], answer["children"], answer["recognised"]) == (
            None,
            None,
            [],
            None,
        )
        assert set(answer["links"]) == {"self", "receipt"}
    [case] = await rows(app, "SELECT case_id, case_number FROM case_file")
    attached = await rows(app, "SELECT disposition FROM report ORDER BY recorded_at")
    assert [row["disposition"] for row in attached] == ["case_opened", *["attached_to_open_case"] * 2]
    for reader in (COLLEAGUE, SCHOOL):
        assert (await desk.get(f"/cases/{case['case_id']}", reader)).status_code == 404
        assert (await desk.get(f"/reports/{told['report_id']}", reader)).status_code == 404
    assert (await desk.get(f"/receipts/{told['receipt_code']}")).json()["stage"] == "received"


async def test_a_report_that_was_recognised_opens_no_file_to_who_entered_it(desk: Desk) -> None:
    first = await desk.report()
    again = await desk.report(COLLEAGUE, child=BOY)
    seen = await desk.file(again["case_id"], COLLEAGUE, "name,address,phone")
    own = await desk.file(first["case_id"], OPERATOR, "name,address,phone")
    assert {view["sight"] for view in seen.values()} == {"masked"}
    assert {name: view["sight"] for name, view in own.items()} == {"name": "masked", "address": "full", "phone": "full"}


async def test_two_reports_on_one_child_at_the_same_moment_make_one_case(app: Running, desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.post("/reports", report_body(child=BOY)) for _ in range(6)))
    found = [answer.json()["disposition"] for answer in answers]
    assert sorted(found) == ["attached_to_open_case"] * 5 + ["case_opened"]
    assert len(await rows(app, "SELECT FROM case_file")) == 1


async def test_a_known_sibling_brings_the_report_into_its_family(desk: Desk) -> None:
    first = await desk.report(siblings=[{"child": {"name": "彭丽", "birth_date": "2015-05-05"}}])
    again = await desk.report(
        child={"name": "彭强", "birth_date": "2017-07-07"},
        siblings=[{"child": {"name": "彭莉", "birth_date": "2015-05-05"}}, {"child": BOY}],
    )
    filed = [child["case_id"] for child in again["children"]]
    assert (again["disposition"], again["case_id"]) == ("attached_to_open_case", first["case_id"])
    assert again["children"][0]["opened"]
    assert filed[1:] == [first["children"][1]["case_id"], first["case_id"]]


async def test_a_twin_whose_name_sounds_the_same_is_left_to_a_person(desk: Desk) -> None:
    twins = [{"name": "王思琪", "birth_date": "2016-06-06"}, {"name": "王思淇", "birth_date": "2016-06-06"}]
    first = await desk.report(child=twins[0], siblings=[{"child": twins[1]}])
    misspelt = await desk.report(child={"name": "王诗奇", "birth_date": "2016-06-06"})
    exact = await desk.report(child=twins[1])
    assert misspelt["disposition"] == "case_opened"
    assert {one["case_id"] for one in misspelt["possible_duplicates"]} == {c["case_id"] for c in first["children"]}
    assert exact["children"][0]["case_id"] == first["children"][1]["case_id"]


async def closed_case(app: Running, desk: Desk, **changes: Any) -> dict[str, Any]:
    await app.set_clock(datetime(2026, 5, 1, tzinfo=UTC))
    answer = await desk.report(**changes)
    await app.set_clock(CLOSED_ON + timedelta(minutes=1))
    await desk.close(answer, CLOSED_ON)
    return answer


async def test_a_known_child_comes_back_within_ninety_days_to_the_same_case(app: Running, desk: Desk) -> None:
    before = await closed_case(app, desk)
    await app.set_clock(CLOSED_ON + timedelta(days=90))
    again = await desk.report(child=BOY)
    event = await desk.announced(again["report_id"])
    assert (again["disposition"], again["case_id"], again["response_no"]) == ("case_reopened", before["case_id"], 2)
    assert event.children[0].facts["days_since_closure"] == 90


@pytest.mark.parametrize(("days", "prior"), [(91, (1, "one")), (365, (1, "one")), (366, (None, None))])
async def test_later_a_known_child_gets_a_new_case_that_reads_as_the_same_person(
    app: Running, desk: Desk, days: int, prior: tuple[int | None, str | None]
) -> None:
    before = await closed_case(app, desk)
    await app.set_clock(CLOSED_ON + timedelta(days=days, hours=1))
    again = await desk.report(COLLEAGUE, child=BOY)
    [child] = (await desk.announced(again["report_id"])).children
    person = (await desk.get(f"/persons/{child.child_id}", CIVIL, purpose="task")).json()
    links = [(link["case_id"], link["relation"]) for link in (await desk.case(again["case_id"]))["linked_cases"]]
    own = await desk.file(again["case_id"], COLLEAGUE, "name,id_number")
    assert again["disposition"] == "case_opened"
    assert (child.facts.get("prior_reports_12m"), child.answers.get("E2")) == prior
    assert links == [(before["case_id"], "follows")]
    assert person["person_id"] == before["children"][0]["child_id"]
    assert [case["case_id"] for case in person["cases"]] == [before["case_id"], again["case_id"]]
    assert person["merges"][0]["note_id"] is None
    assert own["name"]["value"] == BOY["name"]
    assert own["id_number"]["value"] is None


async def test_a_returning_child_says_who_else_of_the_household_has_an_open_case(app: Running, desk: Desk) -> None:
    before = await closed_case(app, desk)
    sister = await desk.report(child={"name": "彭丽", "birth_date": "2015-05-05"})
    linked = await desk.post(f"/families/{sister['case_id']}/links", {"case": before["case_number"]}, SUPERVISOR)
    await app.set_clock(CLOSED_ON + timedelta(days=3))
    again = await desk.report(child=BOY)
    event = await desk.announced(again["report_id"])
    assert linked.status_code == 201, linked.text
    assert again["disposition"] == "case_reopened"
    assert list(map(str, event.household_cases or ())) == [sister["case_id"]]


async def test_a_key_that_many_share_brings_forward_a_few(app: Running, desk: Desk) -> None:
    for number in range(14):
        await desk.report(child={"name": f"{'赵钱孙李周吴郑王冯陈褚卫蒋沈'[number]}某", "birth_date": "2014-04-04"})
    answer = await desk.report(child={"name": "彭朵朵", "birth_date": "2014-04-04"})
    assert answer["disposition"] == "case_opened"
    assert len(answer["possible_duplicates"]) <= 5


async def test_tokens_hold_no_name_and_are_short(app: Running, desk: Desk) -> None:
    await desk.report()
    tokens = await rows(app, "SELECT kind, token FROM person_token")
    assert {row["kind"] for row in tokens} == {
        "id_number",
        "phone",
        "sound",
        "initials_birth",
        "initials_village",
        "birth_village",
    }
    assert {len(row["token"]) for row in tokens} == {16}
    assert len(tokens) <= 12


async def test_a_child_known_from_a_register_alone_gets_its_first_case_under_its_own_record(
    app: Running, desk: Desk
) -> None:
    child_id = await on_register(app, {**BOY, "phone": "13800138000"}, "V06")
    [found] = (await desk.post("/persons/search", {"name": "彭乐乐"}, CIVIL)).json()["items"]
    answer = await desk.report(child=BOY)
    seen = await desk.file(answer["case_id"], OPERATOR, "name,phone")
    again = await desk.report(child=BOY)
    assert (found["person_id"], found["village"], found["case_id"]) == (str(child_id), "V06", None)
    assert (answer["disposition"], answer["children"][0]["child_id"]) == ("case_opened", str(child_id))
    assert answer["recognised"]["score"] == 100
    assert (seen["name"]["sight"], seen["phone"]["sight"]) == ("full", "masked")
    assert (again["disposition"], again["case_id"]) == ("attached_to_open_case", answer["case_id"])


async def on_register(app: Running, said: dict[str, str], village: str) -> UUID:
    """A child as a survey leaves it: on the register, in the vault, findable, without a case."""
    child_id, vault = uuid4(), Vault(FileKey(SETTINGS["master_key"]))
    key = vault.new_key(child_id)
    known = Particulars.of(
        name=said["name"],
        birth_date=date.fromisoformat(said["birth_date"]),
        phones=(said["phone"],),
        villages=(village,),
    )
    fields = []
    for name, value in said.items():
        row = uuid4()
        fields.append(Sealed(row, child_id, name, "P2", key.seal("vault_child", row, name, value)))
    async with app.database.transaction() as tx:
        await tags.save_children(tx.db, [Child(child_id, "YX", village, None, child_id)], tx.now)
        marks = [(child_id, kind, token) for token, kind in tokens(known, vault).items()]
        rows_of = [
            reports.add_keys([key]),
            reports.add_child_fields(uuid4(), fields, tx.now),
            persons.add_tokens(marks),
        ]
        await insert_all(tx.db, rows_of)
    return child_id
