"""Who sees which field, decided without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.access import GOVERNMENT, Allowed, Denied, Resource, Subject, decide
from contracts.policy import load_policy
from services.intake.domain.reach import reach
from services.intake.sight import (
    CHILD_FIELDS,
    FIELDS,
    NARRATIVE,
    REPORTER_FIELDS,
    CaseFacts,
    Field,
    Full,
    Grant,
    Hidden,
    Masked,
    field_of,
    mask,
    see,
)

POLICY = load_policy("2026-11")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
CASE = CaseFacts(
    township="YX",
    village="V01",
    group="V01-G2",
    level="yellow",
    restricted=False,
    conflict_unit=None,
    concerns=frozenset({"H5", "N9b"}),
    age=15,
    departments={
        "police": "lead",
        "school": "assist",
        "health": "assist",
        "employment": "assist",
        "justice": "assist",
        "youth_league": "inform",
        "women_federation": "assist",
        "finance": "assist",
    },
    entered_by="op",
    entered_at=NOW - timedelta(hours=1),
)


def somebody(department: str | None, *posts: str, **more: object) -> Subject:
    return Subject("person", "me", "YX", department=department, posts=frozenset(posts), **more)  # type: ignore[arg-type]


def sights(subject: Subject, case: CaseFacts = CASE, **more: object) -> dict[str, object]:
    fields = [field_of(name, restricted=case.restricted, policy=POLICY) for name in FIELDS]
    return {field.name: see(subject, case, field, NOW, (), **more) for field in fields}  # type: ignore[arg-type]


def visible(found: dict[str, object]) -> set[str]:
    return {name for name, sight in found.items() if not isinstance(sight, Hidden)}


def test_the_class_of_every_field_comes_from_the_policy() -> None:
    secret = {name for name in FIELDS if field_of(name, restricted=False, policy=POLICY).grade == "P1"}
    assert secret == set(REPORTER_FIELDS)
    assert field_of(NARRATIVE, restricted=True, policy=POLICY).grade == "P1"


def test_the_school_sees_neither_money_nor_crime_nor_health() -> None:
    assert visible(sights(somebody("school"))) == {
        "name", "sex", "birth_date", "address", "phone", "guardian_name", "guardian_phone", "school",
        "school_situation",
    }  # fmt: skip


def test_finance_sees_the_payee_alone() -> None:
    assert visible(sights(somebody("finance"))) == {"payee"}


@pytest.mark.parametrize(("age", "seen"), [(15, False), (16, True), (None, False)])
def test_employment_sees_people_of_working_age_only(age: int | None, *, seen: bool) -> None:
    assert bool(visible(sights(somebody("employment"), replace(CASE, age=age)))) is seen


def test_offences_are_for_justice_where_the_concern_needs_them() -> None:
    justice = somebody("justice")
    assert sights(justice)["offences"] == Full()
    assert isinstance(sights(justice, replace(CASE, concerns=frozenset({"N5"})))["offences"], Hidden)


def test_a_masked_referral_leaves_what_has_no_masked_form_hidden() -> None:
    assert isinstance(sights(somebody("school"), replace(CASE, masked=frozenset({"school"})))["school"], Hidden)


def test_who_is_only_informed_sees_initials() -> None:
    found = sights(somebody("youth_league"))
    assert found["name"] == Masked(initials=True)
    assert visible(found) == {"name"}


def test_a_grid_member_finds_the_child_and_learns_nothing_else() -> None:
    grid = somebody("village_committee", villages=frozenset({"V01"}), groups=frozenset({"V01-G2"}))
    assert visible(sights(grid)) == {"name", "address", "location", "landmark"}
    assert visible(sights(replace(grid, groups=frozenset({"V01-G3"})))) == set()


def test_nobody_in_a_department_sees_the_reporter_without_a_grant() -> None:
    for department in ("civil_affairs", "police", "village_committee", "township_government", "school"):
        leader = somebody(department, "duty_leader", villages=frozenset({"V01"}))
        found = sights(leader, replace(CASE, level="red"), reason="imminent_danger")
        assert visible(found).isdisjoint(REPORTER_FIELDS), department


def test_a_grant_is_for_its_person_its_fields_and_its_time() -> None:
    field, police = Field("reporter_name", "P1"), somebody("police")
    grant = Grant("me", frozenset({"reporter_name"}), NOW + timedelta(hours=1), UUID(int=1))
    assert see(police, CASE, field, NOW, [grant]) == Full("grant")
    for other in (
        replace(grant, account="you"),
        replace(grant, fields=frozenset({"narrative"})),
        replace(grant, expires_at=NOW),
    ):
        assert isinstance(see(police, CASE, field, NOW, [other]), Hidden)
    assert isinstance(see(somebody("civil_affairs"), CASE, field, NOW, [grant]), Hidden)


def test_civil_affairs_see_all_that_is_sensitive_and_nothing_secret() -> None:
    civil = somebody("civil_affairs")
    assert visible(sights(civil)) == {*CHILD_FIELDS, NARRATIVE}
    assert visible(sights(civil, replace(CASE, restricted=True))) == set(CHILD_FIELDS)


@pytest.mark.parametrize(("hours", "full"), [(24, True), (25, False)])
def test_an_operators_own_entry_stays_open_for_a_day(hours: int, *, full: bool) -> None:
    operator = replace(somebody(None, "hotline_operator"), account="op")
    case = replace(CASE, entered_at=NOW - timedelta(hours=hours))
    assert (sights(operator, case)["reporter_name"] == Full()) is full
    assert sights(operator, case)["name"] == (Full() if full else Masked())


def test_break_glass_is_for_people_on_red_with_a_reason_and_never_against_a_bar() -> None:
    red, field = replace(CASE, level="red", departments={}), Field("address", "P2")
    school = somebody("school")
    assert see(school, red, field, NOW, (), reason="imminent_danger", on_duty=True) == Full("break_glass")
    assert isinstance(see(school, red, field, NOW, (), on_duty=True), Hidden)
    assert isinstance(see(school, replace(red, level="orange"), field, NOW, (), reason="x", on_duty=True), Hidden)
    assert isinstance(see(replace(school, kind="client"), red, field, NOW, (), reason="x", on_duty=True), Hidden)
    assert isinstance(
        see(school, replace(red, conflict_unit="school"), field, NOW, (), reason="x", on_duty=True), Hidden
    )
    village = somebody("village_committee", villages=frozenset({"V01"}))
    assert isinstance(see(village, replace(red, restricted=True), field, NOW, (), reason="x", on_duty=True), Hidden)
    assert see(school, red, field, NOW, (), reason="imminent_danger") == Hidden("not_on_duty")


def test_an_auditor_sees_logs_and_no_content() -> None:
    assert visible(sights(somebody(None, "auditor"), replace(CASE, level="red"), reason="x")) == set()


@pytest.mark.parametrize(
    ("field", "value", "masked"),
    [
        ("name", "彭乐乐", "彭*"),
        ("name", "欧阳小明", "欧阳*"),
        ("guardian_name", "欧阳", "欧*"),
        ("id_number", "330000202001250019", "330***********0019"),
        ("phone", "00012345678", "000****5678"),
        ("phone", "110", "***"),
        ("birth_date", "2019-11-02", "2019"),
        ("address", "水塔旁边", "V01-G2"),
        ("health", "足跟化脓", None),
    ],
)
def test_masked_forms(field: str, value: str, masked: str | None) -> None:
    assert mask(field, value, "V01-G2") == masked


def test_initials_for_those_who_are_informed() -> None:
    assert (mask("name", "彭乐乐", None, initials=True), mask("name", "Ann Lee", None, initials=True)) == (
        "彭某",
        "A.L.某",
    )


# The policy for single cases, for lists and for fields agree ------------------------------------------------------------

departments = st.sampled_from([None, "village_committee", "civil_affairs", "township_government", "police", "school"])
posts = st.frozensets(
    st.sampled_from(
        ["hotline_operator", "auditor", "child_director", "responsible_leader", "civil_affairs_supervisor"]
    ),
    max_size=2,
)
villages = st.frozensets(st.sampled_from(["V01", "V02"]))
groups = st.frozensets(st.sampled_from(["V01-G1", "V01-G2"]))
subjects = st.builds(
    Subject,
    kind=st.just("person"),
    account=st.sampled_from(["me", "op"]),
    township=st.sampled_from(["YX", "ZZ"]),
    department=departments,
    posts=posts,
    villages=villages,
    groups=groups,
)
cases = st.builds(
    CaseFacts,
    township=st.just("YX"),
    village=st.sampled_from([None, "V01", "V02"]),
    group=st.sampled_from([None, "V01-G1", "V01-G2"]),
    level=st.sampled_from([None, "red", "yellow"]),
    restricted=st.booleans(),
    conflict_unit=st.sampled_from([None, "police", "school", "civil_affairs", "village_committee"]),
    concerns=st.just(frozenset({"H5"})),
    age=st.just(9),
    departments=st.dictionaries(st.sampled_from(["police", "school"]), st.sampled_from(["lead", "assist", "inform"])),
    entered_by=st.sampled_from(["me", "op"]),
    entered_at=st.just(NOW),
)


def resource(case: CaseFacts) -> Resource:
    return Resource(
        township=case.township,
        village=case.village,
        group=case.group,
        restricted=case.restricted,
        conflict_unit=case.conflict_unit,
        departments=case.departments,
        entered_by=case.entered_by,
        entered_at=case.entered_at,
        now=NOW,
    )


@given(subjects, cases)
def test_whoever_may_not_know_of_a_case_sees_no_field_of_it(subject: Subject, case: CaseFacts) -> None:
    decision = decide(subject, "file.read", resource(case))
    if isinstance(decision, Denied) and decision.hidden and subject.department != GOVERNMENT:
        assert visible(sights(subject, case)) == set()


@given(subjects, cases)
def test_a_list_shows_exactly_the_cases_that_may_be_read_one_by_one(subject: Subject, case: CaseFacts) -> None:
    decision, found = decide(subject, "case.list", resource(case)), reach(subject)
    listed = (
        found.township == case.township
        and (found.villages is None or case.village in found.villages)
        and (found.groups is None or case.group in found.groups)
        and not (found.unrestricted and case.restricted)
        and (found.restricted_of is None or not case.restricted or case.entered_by == found.restricted_of)
        and (found.involving is None or found.involving in case.departments)
        and (found.not_against is None or case.conflict_unit != found.not_against)
    )
    if not (isinstance(decision, Denied) and decision.reason == "not_your_role"):
        assert listed is isinstance(decision, Allowed)
