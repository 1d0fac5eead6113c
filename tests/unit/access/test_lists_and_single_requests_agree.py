"""One policy for single requests and lists: a referral is listed if and only if it may be read one by one."""

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.access import ACTIONS, Allowed, Resource, Subject, decide, may, scope

DEPARTMENTS = ("civil_affairs", "police", "village_committee", "school", "township_government")
ORGANISATIONS = {"civil_affairs": ["YX-CA"], "police": ["YX-PS"], "village_committee": ["V01-VC", "V02-VC"]}
GROUPS = ("V01-G1", "V01-G2", "V02-G1")
POSTS = ("grid_member", "group_head", "child_director", "lead_department", "responsible_leader", "hotline_operator")


@st.composite
def subjects(draw: st.DrawFn) -> Subject:
    department = draw(st.sampled_from(DEPARTMENTS))
    client = draw(st.booleans())
    return Subject(
        kind="client" if client else "person",
        account="somebody",
        township=draw(st.sampled_from(("YX", "LJ"))),
        organisation=draw(st.sampled_from(ORGANISATIONS.get(department, [department]))),
        department=department,
        posts=frozenset(draw(st.sets(st.sampled_from(POSTS[:-1]), max_size=2))),
        scopes=frozenset(draw(st.sets(st.sampled_from(("referrals:read", "referrals:act"))))),
        groups=frozenset(draw(st.sets(st.sampled_from(GROUPS), max_size=2))),
    )


@st.composite
def rows(draw: st.DrawFn) -> Resource:
    department = draw(st.sampled_from(DEPARTMENTS))
    return Resource(
        township=draw(st.sampled_from(("YX", "LJ"))),
        department=department,
        organisation=draw(st.sampled_from(ORGANISATIONS.get(department, [department]))),
        group=draw(st.sampled_from((*GROUPS, None))),
        restricted=draw(st.booleans()),
        conflict_unit=draw(st.sampled_from((*DEPARTMENTS, None))),
    )


@settings(max_examples=600)
@given(subjects(), rows())
def test_a_list_shows_exactly_what_could_be_read_one_by_one(subject: Subject, row: Resource) -> None:
    listed = scope(subject, "referral.list").covers(row)
    assert listed == isinstance(decide(subject, "referral.list", row), Allowed)


@given(subjects(), rows(), st.sampled_from(sorted(ACTIONS)))
def test_nobody_passes_a_decision_whose_door_is_closed(subject: Subject, row: Resource, action: str) -> None:
    if not may(subject, action):
        assert not isinstance(decide(subject, action, row), Allowed)


@given(subjects(), rows(), st.sampled_from(sorted(ACTIONS)))
def test_a_unit_in_conflict_touches_no_case_of_its_own(subject: Subject, row: Resource, action: str) -> None:
    if row.conflict_unit == subject.department:
        assert not isinstance(decide(subject, action, row), Allowed)


def test_an_unknown_action_is_refused() -> None:
    subject = Subject(kind="person", account="a", township="YX", department="civil_affairs")
    assert not isinstance(decide(subject, "case.invent", Resource(township="YX")), Allowed)
