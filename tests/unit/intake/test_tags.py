"""Which tags the rules set, which end by themselves, and who may set or end one."""

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.access import Subject
from contracts.policy import Circumstances
from services.intake.domain.tags import Held, Refused, Situation, circumstances, decide_tag, settle, tag_rules
from tests.samples.golden import POLICY

RULES = tag_rules(POLICY.policy_version)
CASE = UUID(int=1)
CODES = [tag.code for tag in POLICY.tags]
CONCERNS = [concern.code for concern in POLICY.concerns]


def seen(
    *concerns: str, facts: dict[str, bool | int | str] | None = None, answers: dict[str, str] | None = None
) -> Circumstances:
    return circumstances(POLICY, concerns, facts or {}, answers or {})


@pytest.mark.parametrize(
    ("concerns", "facts", "expected"),
    [
        (["H9"], {}, {"STREET_NOW", "STREET_HISTORY"}),
        (["H7"], {}, {"HARMED", "TRAFFICKED_COERCED"}),
        (["N1"], {}, {"DE_FACTO_UNSUPPORTED"}),
        (["H1"], {}, {"HARMED", "PROBLEM_FAMILY"}),
        (["N3"], {}, {"LEFT_BEHIND_OR_MIGRANT"}),
        (["N5"], {}, {"POVERTY"}),
        (["N6"], {}, {"ILLNESS"}),
        (["N7"], {}, {"DISABILITY"}),
        (["N11"], {}, {"MIGRANT_WORKER_CHILD"}),
        ([], {"parent_imprisoned": True}, {"PRISONER_CHILD"}),
        (["N4"], {}, {"DROPOUT"}),
        (["N9a"], {}, {"IDLE"}),
        (["N9c"], {}, {"CORRECTION"}),
        ([], {"orphan": True}, {"ORPHAN"}),
        (["H6"], {"disabled": True}, {"HARMED", "ABANDONED_DISABLED"}),
        (["N8"], {}, {"NO_HUKOU"}),
    ],
)  # fmt: skip
def test_each_target_group_of_the_plan_follows_from_its_concern_or_fact(
    concerns: list[str], facts: dict[str, bool | int | str], expected: set[str]
) -> None:
    settled = settle(RULES, (), Situation(seen(*concerns, facts=facts), open_cases=frozenset({CASE})))
    assert set(settled.added) == expected | {"IN_DIFFICULTY"}


def test_a_case_makes_a_minor_in_difficulty_and_an_unfounded_one_takes_it_back_with_all_it_brought() -> None:
    opened = settle(RULES, (), Situation(seen("H1"), open_cases=frozenset({CASE})))
    held = [Held(tag, state, "rule", CASE) for tag, state in opened.added.items()]
    closed = Situation(seen("H1"), was_derived=opened.derived, closed_as={CASE: "UNFOUNDED"})
    assert set(opened.added) == {"IN_DIFFICULTY", "HARMED", "PROBLEM_FAMILY"}
    assert set(settle(RULES, held, closed).ended) == set(opened.added)
    good = settle(RULES, held, Situation(seen("H1"), was_derived=opened.derived, closed_as={CASE: "GOAL_MET"}))
    assert good.ended == {"PROBLEM_FAMILY": "rule_over"}


def test_an_open_ladder_step_keeps_the_problem_family_after_the_case() -> None:
    held = [Held("PROBLEM_FAMILY", None, "rule", CASE)]
    running = settle(RULES, held, Situation(seen(), ladder_open=True))
    assert settle(RULES, (), Situation(seen(), ladder_open=True)).added == {"PROBLEM_FAMILY": None}
    assert (running.ended, settle(RULES, held, Situation(seen())).ended) == ({}, {"PROBLEM_FAMILY": "rule_over"})


def test_a_prisoners_child_stays_until_the_parent_is_out_and_the_follow_up_over() -> None:
    held = [Held("PRISONER_CHILD", None, "rule", CASE)]
    out = seen(facts={"parent_released": True})
    assert settle(RULES, held, Situation(out, open_cases=frozenset({CASE}))).ended == {}
    assert settle(RULES, held, Situation(out)).ended == {"PRISONER_CHILD": "rule_over"}


def test_a_dropout_is_suspected_until_the_answer_says_more() -> None:
    assert settle(RULES, (), Situation(seen("N4"))).added == {"DROPOUT": "suspected"}
    assert settle(RULES, (), Situation(seen("N4", answers={"D2": "dropout"}))).added == {"DROPOUT": "actual"}


def test_a_tag_a_person_ended_comes_back_only_when_the_facts_call_for_it_anew() -> None:
    first = settle(RULES, (), Situation(seen("N5")))
    again = settle(RULES, (), Situation(seen("N5"), was_derived=first.derived))
    gone = settle(RULES, (), Situation(seen(), was_derived=first.derived))
    anew = settle(RULES, (), Situation(seen("N5"), was_derived=gone.derived))
    assert (dict(again.added), set(anew.added)) == ({}, {"POVERTY"})


@settings(max_examples=80, deadline=None)
@given(
    concerns=st.sets(st.sampled_from(CONCERNS), max_size=5),
    held=st.sets(st.sampled_from(CODES), max_size=6),
    by_person=st.booleans(),
    case_open=st.booleans(),
)
def test_settling_twice_changes_nothing_and_a_persons_tag_never_ends_by_itself(
    concerns: set[str], held: set[str], by_person: bool, case_open: bool
) -> None:
    cases = frozenset({CASE}) if case_open else frozenset()
    tags = [Held(tag, None, "person" if by_person else "rule", CASE) for tag in held]
    first = settle(RULES, tags, Situation(seen(*concerns), cases))
    after = [one for one in tags if one.tag not in first.ended] + [Held(t, s) for t, s in first.added.items()]
    second = settle(RULES, after, Situation(seen(*concerns), cases, was_derived=first.derived))
    assert dict(second.added) == {}
    assert not (by_person and first.ended)


def subject(department: str, *posts: str) -> Subject:
    return Subject("person", "a", "YX", department=department, posts=frozenset(posts))


NOTHING = Situation(seen())


@pytest.mark.parametrize(
    ("department", "act", "tag", "refused"),
    [
        ("civil_affairs", "set", "HARMED", None),
        ("village_committee", "set", "DISABILITY", None),
        ("village_committee", "end", "DISABILITY", "not_your_tag"),
        ("village_committee", "end", "POVERTY", None),
        ("school", "set", "DROPOUT", None),
        ("school", "end", "POVERTY", "not_your_tag"),
        ("justice", "end", "PRISONER_CHILD", None),
        ("health", "set", "ILLNESS", "not_your_tag"),
        ("civil_affairs", "set", "NO_SUCH", "unknown_tag"),
    ],
)
def test_who_keeps_the_register_sets_and_ends_its_tags(
    department: str, act: str, tag: str, refused: str | None
) -> None:
    held = Held(tag, "suspected" if tag == "DROPOUT" else None, "person") if act == "end" else None
    decision = decide_tag(RULES, POLICY.registers, subject(department), act, tag, None, held, NOTHING)  # type: ignore[arg-type]
    assert (decision.code if isinstance(decision, Refused) else None) == refused


def test_what_a_case_or_a_ladder_step_holds_in_place_cannot_be_ended() -> None:
    civil = subject("civil_affairs")
    in_case = decide_tag(
        RULES, POLICY.registers, civil, "end", "IN_DIFFICULTY", None, Held("IN_DIFFICULTY"),
        Situation(seen(), open_cases=frozenset({CASE})),
    )  # fmt: skip
    on_ladder = decide_tag(
        RULES, POLICY.registers, civil, "end", "PROBLEM_FAMILY", None, Held("PROBLEM_FAMILY"),
        Situation(seen(), ladder_open=True),
    )  # fmt: skip
    assert (in_case, on_ladder) == (Refused("case_open"), Refused("ladder_open"))


def test_a_state_that_the_tag_has_not_or_has_already_is_refused() -> None:
    civil, held = subject("civil_affairs"), Held("DROPOUT", "actual", "person")

    def ask(state: str | None) -> object:
        return decide_tag(RULES, POLICY.registers, civil, "set", "DROPOUT", state, held, NOTHING)

    assert (ask("returned"), ask("actual"), ask("vanished")) == (
        "returned", Refused("already_set"), Refused("unknown_state"),
    )  # fmt: skip
