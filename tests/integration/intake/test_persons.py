"""Finding a person before creating one, and the profile across cases, masked by role and logged."""

from typing import Any

from chassis.testing import Running
from tests.integration.intake.story import (
    AUDITOR,
    CIVIL,
    COLLEAGUE,
    DIRECTOR,
    FINANCE,
    GRID,
    NEIGHBOUR,
    OPERATOR,
    POLICE,
    SCHOOL,
    SECRETS,
    Desk,
)


async def search(desk: Desk, claims: Any = CIVIL, **particulars: Any) -> list[dict[str, Any]]:
    answer = await desk.post("/persons/search", particulars, claims)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


FINDING: tuple[tuple[dict[str, str], str], ...] = (
    ({"name": "彭乐乐"}, "name"),
    ({"name": "朋勒勒"}, "name_sound"),
    ({"name": "peng lele"}, "name_sound"),
    ({"name": "pll", "village": "V06"}, "village"),
    ({"birth_date": "2019-11-02", "village": "V06"}, "birth_date"),
    ({"name": "彭小乐", "birth_date": "2019-11-02", "village": "V06"}, "name_similar"),
    ({"id_number": "330000 2020 0125 0019"}, "id_number"),
    ({"phone": "000-1234-5678"}, "phone"),
)


async def test_a_person_is_found_by_what_is_known_with_reasons_and_masked(desk: Desk) -> None:
    answer = await desk.report()
    await desk.report(child={"name": "李小明", "birth_date": "2012-02-02"}, place={"village": "V01"})
    for particulars, same in FINDING:
        [found] = await search(desk, **particulars)
        assert found["person_id"] == answer["children"][0]["child_id"], particulars
        assert [case["case_number"] for case in found["cases"]] == [answer["case_number"]]
        assert same in found["same"], particulars
        assert (found["name"], found["birth_year"], found["sex"]) == ("彭*", "2019", "male")
        assert found["id_number"] == "330***********0019"
        assert found["phone"].count("*") == 4


async def test_the_likeliest_person_comes_first(desk: Desk) -> None:
    for name, born in (("彭小乐", "2019-11-02"), ("彭乐乐", "2011-01-01"), ("彭乐乐", "2019-11-02")):
        await desk.report(child={"name": name, "birth_date": born})
    found = await search(desk, name="彭乐乐", birth_date="2019-11-02", village="V06")
    assert [one["score"] for one in found] == sorted((one["score"] for one in found), reverse=True)
    assert found[0]["score"] == 100
    assert len(found) == 3


async def test_a_search_leaves_no_value_in_the_log(app: Running, desk: Desk) -> None:
    await desk.report()
    await search(desk, name="彭乐乐", birth_date="2019-11-02")
    async with app.database.reading() as db:
        logged = [str(row["detail"]) for row in await db.fetch("SELECT detail FROM audit_entry")]
    assert logged
    assert not [entry for entry in logged if "彭" in entry or "2019" in entry]
    assert any("birth_date" in entry for entry in logged)


async def test_a_profile_reads_all_cases_of_a_child_by_role(desk: Desk) -> None:
    answer = await desk.report()
    await desk.dispatch(answer, civil_affairs="lead", police="assist", school="assist", finance="inform")
    person = answer["children"][0]["child_id"]
    seen = {}
    for claims in (CIVIL, POLICE, SCHOOL, DIRECTOR, GRID, COLLEAGUE):
        reply = await desk.get(f"/persons/{person}", claims, purpose="task")
        assert reply.status_code == 200, (claims, reply.text)
        fields = {view["field"]: (view["sight"], view["value"]) for view in reply.json()["fields"]}
        seen[claims["sub"]] = fields
    assert seen[CIVIL["sub"]]["id_number"] == ("full", SECRETS["id_number"])
    assert seen[POLICE["sub"]]["health"] == ("full", SECRETS["health"])
    assert seen[SCHOOL["sub"]]["name"] == ("masked", "彭*")
    assert seen[SCHOOL["sub"]]["id_number"] == ("hidden", None)
    assert seen[DIRECTOR["sub"]]["name"] == ("full", SECRETS["name"])
    assert seen[GRID["sub"]]["guardian_name"] == ("hidden", None)
    assert seen[COLLEAGUE["sub"]]["name"] == ("masked", "彭*")
    view = (await desk.get(f"/persons/{person}", CIVIL, purpose="task")).json()
    assert [case["case_number"] for case in view["cases"]] == [answer["case_number"]]
    assert [contact["report_number"] for contact in view["contacts"]] == [answer["report_number"]]
    assert {item["type"] for item in view["history"]} == {"report.received.v1", "response.opened.v1"}


async def test_a_profile_is_refused_like_its_cases_and_every_reading_is_logged(desk: Desk) -> None:
    answer = await desk.report()
    await desk.dispatch(answer, civil_affairs="lead", finance="inform")
    person = answer["children"][0]["child_id"]
    codes = {
        claims["sub"]: (await desk.get(f"/persons/{person}", claims, purpose="task")).status_code
        for claims in (NEIGHBOUR, SCHOOL, FINANCE, AUDITOR, CIVIL)
    }
    unknown = await desk.get(f"/persons/{answer['report_id']}", CIVIL, purpose="task")
    log = (await desk.get(f"/cases/{answer['case_id']}/access-log", AUDITOR)).json()
    reads = [(e["actor"]["account"], e["detail"]["result"]) for e in log["items"] if e["action"] == "person.read"]
    assert codes == {
        NEIGHBOUR["sub"]: 404,
        SCHOOL["sub"]: 404,
        FINANCE["sub"]: 403,
        AUDITOR["sub"]: 403,
        CIVIL["sub"]: 200,
    }
    assert unknown.status_code == 404
    assert reads == [(c["sub"], "denied") for c in (NEIGHBOUR, SCHOOL, FINANCE)] + [(CIVIL["sub"], "given")]


async def test_a_case_in_conflict_with_the_readers_unit_stays_out_of_the_profile(desk: Desk) -> None:
    answer = await desk.report(facts={"conflict_unit": "police"})
    person = answer["children"][0]["child_id"]
    assert (await desk.get(f"/persons/{person}", POLICE, purpose="task")).status_code == 404
    assert await search(desk, POLICE, name=SECRETS["name"]) == []
    assert len(await search(desk, OPERATOR, name=SECRETS["name"])) == 1
