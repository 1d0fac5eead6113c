"""One family file over several case families: links that O7 hears of, relatives as persons, the level visits follow."""

from typing import Any

from chassis.testing import Running
from contracts.intake import ReportAmended
from tests.integration.intake.story import AUDITOR, CIVIL, DIRECTOR, NEIGHBOUR, OPERATOR, SCHOOL, Desk

SISTER = {"name": "彭丽", "birth_date": "2012-02-02"}
GRANDMOTHER = {"name": "彭老太", "phone": "13800138000", "sex": "female", "id_number": "330000195202020019"}


async def family(desk: Desk, case: str, claims: Any = CIVIL) -> dict[str, Any]:
    answer = await desk.get(f"/families/{case}", claims, purpose="task")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def household(app: Running) -> dict[str, tuple[str, ...]]:
    """What each case was told last of who lives with it."""
    told = [e for e in await app.published(ReportAmended) if e.aspects == ("household",)]
    return {str(e.case_id): tuple(map(str, e.household_cases or ())) for e in told}


async def test_linked_families_are_one_file_and_each_case_hears_of_the_others(app: Running, desk: Desk) -> None:
    boy, girl = await desk.report(), await desk.report(child=SISTER)
    await desk.score(boy, "blue")
    await desk.score(girl, "red")
    alone = await family(desk, boy["case_number"])
    linked = await desk.post(f"/families/{boy['case_id']}/links", {"case": girl["case_number"]}, OPERATOR)
    both = await family(desk, boy["case_number"])
    again = await desk.post(f"/families/{girl['case_id']}/links", {"case": boy["case_number"]}, OPERATOR)
    assert (alone["visit_level"], len(alone["children"])) == ("blue", 1)
    assert linked.status_code == 201, linked.text
    assert both["visit_level"] == "red"
    assert [(c["relation"], c["cases"][0]["case_id"]) for c in both["children"]] == [
        ("child", boy["case_id"]),
        ("sibling", girl["case_id"]),
    ]
    assert (again.status_code, again.json()["code"]) == (409, "same_household")
    assert await household(app) == {boy["case_id"]: (girl["case_id"],), girl["case_id"]: (boy["case_id"],)}

    path = f"/families/{girl['case_id']}/links/{linked.json()['link_id']}/actions/end"
    assert (await desk.post(path, None, CIVIL)).status_code == 200
    assert await household(app) == {boy["case_id"]: (), girl["case_id"]: ()}
    assert await family(desk, boy["case_number"]) == alone


async def test_children_who_only_live_together_are_no_siblings_but_of_the_household(desk: Desk) -> None:
    boy, cousin = await desk.report(), await desk.report(child=SISTER)
    body = {"case": cousin["case_id"], "relation": "same_household"}
    assert (await desk.post(f"/families/{boy['case_id']}/links", body, DIRECTOR)).status_code == 201
    assert [child["relation"] for child in (await family(desk, boy["case_id"]))["children"]] == ["child", "other"]


async def test_three_families_linked_one_by_one_are_one_household(app: Running, desk: Desk) -> None:
    cases = [
        (await desk.report(child={"name": name, "birth_date": f"201{n}-03-03"}))["case_id"]
        for n, name in enumerate(("彭甲", "史乙", "马丙"))
    ]
    for one, other in ((0, 1), (2, 1)):
        body = {"case": cases[other]}
        assert (await desk.post(f"/families/{cases[one]}/links", body, CIVIL)).status_code == 201
    told = await household(app)
    assert {case: set(told[case]) for case in cases} == {case: {*cases} - {case} for case in cases}


async def test_a_relative_is_one_person_in_several_families(app: Running, desk: Desk) -> None:
    boy, girl = await desk.report(), await desk.report(child=SISTER, place={"village": "V01"})
    body = {"relation": "grandparent", "of_case": boy["case_number"], "person": GRANDMOTHER}
    made = await desk.post(f"/families/{boy['case_id']}/members", body, DIRECTOR)
    assert made.status_code == 201, made.text
    [found] = (await desk.post("/persons/search", {"phone": "+86 138 0013 8000"}, CIVIL)).json()["items"]
    assert (found["kind"], found["person_id"], found["name"]) == ("relative", made.json()["person_id"], "彭*")
    assert (found["relation"], found["families"]) == ("grandparent", [boy["case_id"]])
    body = {"relation": "guardian", "person_id": found["person_id"]}
    assert (await desk.post(f"/families/{girl['case_id']}/members", body, CIVIL)).status_code == 201
    [again] = (await desk.post("/persons/search", {"phone": "13800138000"}, CIVIL)).json()["items"]
    assert set(again["families"]) == {boy["case_id"], girl["case_id"]}

    [member] = (await family(desk, boy["case_id"]))["members"]
    values = {view["field"]: view["value"] for view in member["fields"]}
    assert (member["relation"], member["of_child"]) == ("grandparent", boy["children"][0]["child_id"])
    assert (values["name"], values["id_number"]) == (GRANDMOTHER["name"], GRANDMOTHER["id_number"])
    [seen] = (await family(desk, boy["case_id"], DIRECTOR))["members"]
    sights = {view["field"]: (view["sight"], view["value"]) for view in seen["fields"]}
    assert sights["name"] == ("full", GRANDMOTHER["name"])
    assert sights["id_number"] == ("masked", "330***********0019")
    path = f"/families/{boy['case_id']}/members/{made.json()['member_id']}/actions/end"
    assert (await desk.post(path, None, CIVIL)).status_code == 204
    assert (await family(desk, boy["case_id"]))["members"] == []


async def test_the_family_file_is_for_those_of_its_cases_and_shows_no_case_they_may_not_know(desk: Desk) -> None:
    boy = await desk.report()
    girl = await desk.report(child=SISTER, concerns=["H2"])
    await desk.score(boy, "blue")
    await desk.score(girl, "red", restricted=True)
    assert (await desk.post(f"/families/{boy['case_id']}/links", {"case": girl["case_id"]}, CIVIL)).status_code == 201
    seen = await family(desk, boy["case_id"], DIRECTOR)
    codes = [
        (await desk.get(f"/families/{boy['case_id']}", claims, purpose="task")).status_code
        for claims in (NEIGHBOUR, SCHOOL)
    ]
    log = (await desk.get(f"/cases/{girl['case_id']}/access-log", AUDITOR)).json()
    assert [child["cases"][0]["case_id"] for child in seen["children"]] == [boy["case_id"]]
    assert (seen["families"], seen["links"], seen["visit_level"]) == ([boy["case_id"]], [], "red")
    assert codes == [404, 404]
    assert [e["actor"]["account"] for e in log["items"] if e["action"] == "family.read"] == [
        DIRECTOR["sub"],
        NEIGHBOUR["sub"],
        SCHOOL["sub"],
    ]


async def test_a_link_or_member_that_makes_no_sense_is_refused_with_the_rule(desk: Desk) -> None:
    boy, girl = await desk.report(), await desk.report(child=SISTER)
    path = f"/families/{boy['case_id']}"
    unknown = await desk.post(f"{path}/links", {"case": "YX-2020-000009"}, CIVIL)
    itself = await desk.post(f"{path}/links", {"case": boy["case_id"]}, CIVIL)
    school = await desk.post(f"{path}/links", {"case": girl["case_id"]}, SCHOOL)
    stranger = await desk.post(f"{path}/members", {"relation": "guardian", "person_id": boy["report_id"]}, CIVIL)
    other = await desk.post(
        f"{path}/members", {"relation": "guardian", "of_case": girl["case_id"], "person": GRANDMOTHER}, CIVIL
    )
    neither = await desk.post(f"{path}/members", {"relation": "guardian"}, CIVIL)
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (422, "unknown_case")
    assert (itself.status_code, itself.json()["code"]) == (409, "same_household")
    assert school.status_code == 403
    assert (stranger.status_code, stranger.json()["errors"][0]["code"]) == (422, "unknown_relative")
    assert (other.status_code, other.json()["errors"][0]["code"]) == (422, "not_in_family")
    assert neither.status_code == 422
