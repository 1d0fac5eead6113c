"""Which paper may come next on the guardian ladder, who signs it, and when compliance is checked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.policy import load_policy
from services.assistance.domain.ladder import (
    Accepted,
    Check,
    Ladder,
    Refused,
    Review,
    Taken,
    allowed_documents,
    answered,
    check_owner,
    checks_due,
    decide_step,
    issuer_problem,
    next_step,
    review_grounds,
    rung,
)
from services.assistance.domain.orders import (
    Standing,
    Wrong,
    can_end,
    court_due,
    months_after,
    reminder_at,
    settled_by,
    standing,
    valid_until,
)
from services.assistance.domain.rounds import Child
from services.risk_scoring.domain import assess
from tests.samples import golden
from tests.samples.golden import Reporter, read, reporter_of, rule_check

POLICY = load_policy("2026-11")
SECTION = POLICY.guardian_ladder
DAY = timedelta(days=1)
START = datetime(2026, 3, 2, 1, tzinfo=UTC)
NAMESPACE = UUID(int=7)
MOVING = [document for document in SECTION.documents if not document.any_time]


def child(**changes: Any) -> Child:
    return replace(Child(UUID(int=1), 9, ()), **changes)


def taken(document: str, *results: bool, day: int = 0, refused: bool = False, **changes: Any) -> Taken:
    """A step taken on a day, with the results of its checks in order."""
    paper = SECTION.document(document)
    assert paper is not None
    at = START + day * DAY
    checks = tuple(
        Check(uuid5(NAMESPACE, f"{document} {day} {n}"), at + (n + 1) * DAY, complied, at + (n + 1) * DAY)
        for n, complied in enumerate(results)
    )
    step = Taken(
        uuid5(NAMESPACE, f"{document} {day}"), None, paper.step, document, at, not paper.any_time, None, refused, "done"
    )
    return replace(step, **{"checks": checks, **changes})


def may(document: str, *steps: Taken, reason: str | None = "neglect", **ladder: Any) -> Accepted | Refused:
    return decide_step(Ladder(taken=steps, **ladder), document, None, reason, POLICY)


HARMED = child(ever_fired=("R1",), facts={"guardian_suspected_harmer": True})


# One step at a time ---------------------------------------------------------------------------------------------------


def test_the_ladder_begins_with_an_interview() -> None:
    assert isinstance(may("interview"), Accepted)
    refused = may("admonition")
    assert isinstance(refused, Refused)
    assert (refused.rule, refused.missing) == ("one_step_at_a_time", ("step:G0", "or:jump_reason"))
    assert "interview" in refused.allowed
    assert "admonition" not in refused.allowed


@pytest.mark.parametrize(
    ("steps", "wanted", "missing"),
    [
        ((taken("interview", True),), "admonition", ("non_compliance:G0",)),
        ((taken("interview"),), "admonition", ("non_compliance:G0",)),
        ((taken("interview", False), taken("admonition", True, day=20)), "reprimand", ("non_compliance:G1",)),
        ((taken("interview", False),), "warning_letter", ("step:G1", "step:G2")),
    ],
)
def test_a_step_waits_for_non_compliance_with_the_one_before(
    steps: tuple[Taken, ...], wanted: str, missing: tuple[str, ...]
) -> None:
    refused = may(wanted, *steps)
    assert isinstance(refused, Refused)
    assert set(missing) <= set(refused.missing)


def test_after_non_compliance_the_next_step_is_open_and_only_that_one() -> None:
    steps = (taken("interview", False),)
    assert may("admonition", *steps) == Accepted(SECTION.document("admonition"), moves=True, jump_reason=None)  # type: ignore[arg-type]
    assert isinstance(may("reprimand", *steps), Refused)


def test_the_last_result_counts_whichever_way_it_went() -> None:
    assert isinstance(may("admonition", taken("interview", False, True)), Refused)
    assert isinstance(may("admonition", taken("interview", True, False)), Accepted)


def test_a_refusal_on_the_spot_is_non_compliance_at_once() -> None:
    assert isinstance(may("admonition", taken("interview", refused=True)), Accepted)


def test_papers_of_a_step_already_reached_may_be_added_or_repeated() -> None:
    steps = (taken("interview", False), taken("admonition", False, day=15), taken("reprimand", day=23))
    for document in ("guidance", "admonition", "family_education_order"):
        assert isinstance(may(document, *steps), Accepted)


def test_each_guardian_has_a_ladder_of_their_own() -> None:
    mother, father = UUID(int=11), UUID(int=12)
    steps = (taken("interview", False, guardian_id=father),)
    assert isinstance(decide_step(Ladder(steps), "admonition", father, "neglect", POLICY), Accepted)
    assert isinstance(decide_step(Ladder(steps), "admonition", mother, "neglect", POLICY), Refused)


# Jumps ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", ["reprimand", "warning_letter", "criminal_case"])
def test_a_red_rule_with_the_guardian_as_suspect_opens_g2_and_everything_above(document: str) -> None:
    accepted = may(document, children=(HARMED,))
    assert isinstance(accepted, Accepted)
    assert accepted.jump_reason == "fired:R1,fact:guardian_suspected_harmer"


def test_a_jump_never_opens_g1() -> None:
    assert isinstance(may("admonition", children=(HARMED,)), Refused)


@pytest.mark.parametrize(
    "facts", [{}, {"guardian_suspected_harmer": False}, {"guardian_suspected_harmer": "unknown"}], ids=str
)
def test_without_suspicion_of_the_guardian_nothing_is_jumped(facts: dict[str, Any]) -> None:
    assert isinstance(may("reprimand", children=(child(ever_fired=("R1",), facts=facts),)), Refused)


def test_what_fired_before_the_child_was_safe_still_counts() -> None:
    assert isinstance(may("reprimand", children=(replace(HARMED, fired=()),)), Accepted)


@pytest.mark.parametrize("rule", ["R1", "R2", "R4", "R11"])
def test_a_review_that_says_proceed_opens_g4_alone(rule: str) -> None:
    children = (child(ever_fired=(rule,)),)
    assert review_grounds(children, POLICY) == (f"fired:{rule}",)
    for reviews in ((), (Review(None),), (Review("not_now"),)):
        assert isinstance(may("criminal_case", children=children, reviews=reviews), Refused)
    assert isinstance(may("criminal_case", children=children, reviews=(Review("proceed"),)), Accepted)
    assert isinstance(may("warning_letter", children=children, reviews=(Review("proceed"),)), Refused)


def test_confinement_needs_malice_for_g4() -> None:
    children = (child(ever_fired=("R8",)),)
    assert isinstance(may("criminal_case", children=children, reviews=(Review("proceed"),)), Refused)
    assert isinstance(may("criminal_case", children=children, reviews=(Review("proceed", malice=True),)), Accepted)


@pytest.mark.parametrize("rule", ["R3", "R5", "R6", "R7", "R9", "R10", "O1"])
def test_other_rules_call_for_no_review(rule: str) -> None:
    assert review_grounds((child(ever_fired=(rule,)),), POLICY) == ()


@pytest.mark.parametrize(
    "check", [check for check in read("rules.yaml")["rules"] if check["fires"]], ids=lambda c: c["id"]
)
def test_the_rule_checks_open_jumps_and_reviews_as_the_policy_says(check: Any) -> None:
    reporter = Reporter(**check["reporter"]) if "reporter" in check else Reporter()
    [found] = assess((rule_check(check),), (reporter,), POLICY)
    known = child(
        concerns=found.concerns,
        facts={**found.facts, "guardian_suspected_harmer": True},
        answers=found.answers,
        ever_fired=found.fired,
    )
    override = any(code.startswith("R") for code in found.fired)
    assert isinstance(may("reprimand", children=(known,)), Accepted if override else Refused)
    reviewed = set(found.fired) & {"R1", "R2", "R4", "R8", "R11"}
    assert {code.removeprefix("fired:") for code in review_grounds((known,), POLICY)} == reviewed


@pytest.mark.parametrize("case", golden.golden_cases(), ids=lambda case: case["id"])
def test_the_golden_cases_open_a_jump_exactly_where_a_guardian_is_suspected_of_red_harm(case: Any) -> None:
    found = assess(golden.children_of(case), (reporter_of(case),), POLICY)
    children = tuple(
        child(child_id=UUID(int=n), concerns=one.concerns, facts=one.facts, answers=one.answers, ever_fired=one.fired)
        for n, one in enumerate(found)
    )
    expected = any(
        one.facts.get("guardian_suspected_harmer") is True and any(code.startswith("R") for code in one.fired)
        for one in found
    )
    assert isinstance(may("reprimand", children=children), Accepted if expected else Refused)


# Help first -----------------------------------------------------------------------------------------------------------


def test_a_guardian_without_ill_will_is_helped_before_anything_else() -> None:
    steps = (taken("interview", False),)
    refused = may("admonition", *steps, reason="guardian_ill")
    assert isinstance(refused, Refused)
    assert (refused.rule, refused.missing) == ("assistance_first", ("assistance",))
    assert isinstance(may("admonition", *steps, reason="guardian_ill", helped=True), Accepted)


def test_no_reason_to_jump_holds_against_a_guardian_without_ill_will() -> None:
    assert isinstance(may("reprimand", reason="guardian_overwhelmed", children=(HARMED,), helped=True), Refused)
    steps = (taken("interview"),)
    assert isinstance(may("reprimand", *steps, reason="guardian_ill", children=(HARMED,), helped=True), Refused)


def test_what_the_law_leaves_open_at_any_time_neither_waits_nor_moves_the_ladder() -> None:
    accepted = may("protection_order_application")
    assert isinstance(accepted, Accepted)
    assert (accepted.moves, accepted.jump_reason) == (False, "any_time")
    assert rung((taken("protection_order"),), None, POLICY) == -1
    assert isinstance(may("reprimand", taken("protection_order")), Refused)


# Whatever happens -----------------------------------------------------------------------------------------------------

Act = tuple[str, str, bool]


@given(
    acts=st.lists(
        st.tuples(
            st.sampled_from([document.code for document in SECTION.documents]),
            st.sampled_from(["neglect", "guardian_ill"]),
            st.sampled_from([None, True, False]),
        ),
        max_size=14,
    ),
    harmed=st.booleans(),
    helped=st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_the_ladder_never_skips_a_step_without_a_reason(
    acts: list[tuple[str, str, bool | None]], harmed: bool, helped: bool
) -> None:
    steps: tuple[Taken, ...] = ()
    for day, (document, reason, result) in enumerate(acts):
        before = Ladder(steps, (HARMED,) if harmed else (), helped=helped)
        decision = decide_step(before, document, None, reason, POLICY)
        listed = allowed_documents(before, None, reason, POLICY)
        assert (document in listed) is isinstance(decision, Accepted)
        if isinstance(decision, Refused):
            assert decision.missing
            continue
        rank, reached = SECTION.rank(decision.document.step), rung(steps, None, POLICY)
        if decision.jump_reason is None:
            assert rank <= reached + 1
            if rank == reached + 1 and rank > 0:
                last = [one for one in steps if one.moves and SECTION.rank(one.step) == reached]
                assert any(check.complied is False for one in last for check in one.checks)
        else:
            assert decision.document.any_time or harmed
        results = () if result is None else (result,)
        steps += (taken(document, *results, day=day * 3, jump_reason=decision.jump_reason),)


@given(
    document=st.sampled_from([document.code for document in SECTION.documents if SECTION.check_days(document)]),
    results=st.lists(st.booleans(), max_size=4),
)
@settings(max_examples=50, deadline=None)
def test_every_planned_check_is_owed_until_exactly_one_result_answers_it(document: str, results: list[bool]) -> None:
    paper = SECTION.document(document)
    assert paper is not None
    planned = [Check(uuid5(NAMESPACE, f"{n}"), at) for n, at in enumerate(checks_due(paper, START, POLICY))]
    step = taken(document, checks=tuple(planned))
    for day, complied in enumerate(results, 1):
        owed = answered(step)
        rest = [check for check in step.checks if owed is None or check.check_id != owed.check_id]
        done = Check(owed.check_id if owed else uuid5(NAMESPACE, f"extra {day}"), owed.due_at if owed else None)
        step = replace(step, checks=(*rest, replace(done, complied=complied, checked_at=START + day * DAY)))
    still = [check for check in step.checks if check.complied is None]
    assert len(still) == max(0, len(planned) - len(results))
    assert bool(standing([step], START).checks) is bool(still)


# Checks and issuers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "days"),
    [
        ("interview", (14,)),
        ("admonition", (7,)),
        ("reprimand", (7,)),
        ("family_education_order", (30,)),
        ("order_to_correct", (7, 30)),
        ("warning_letter", (7, 30)),
        ("protection_order", ()),
        ("public_order_penalty", ()),
    ],
)
def test_compliance_is_checked_on_the_days_of_the_policy(document: str, days: tuple[int, ...]) -> None:
    paper = SECTION.document(document)
    assert paper is not None
    assert checks_due(paper, START, POLICY) == tuple(START + n * DAY for n in days)


@pytest.mark.parametrize(
    ("step", "breached", "following"),
    [("G0", False, "G1"), ("G1", False, "G2"), ("G3", False, "G4"), ("G4", False, None), ("G2", True, "G4")],
)
def test_non_compliance_leads_one_step_up_and_a_breach_to_g4(step: str, breached: bool, following: str | None) -> None:
    assert next_step(step, breached, POLICY) == following


@pytest.mark.parametrize(
    ("document", "issuer", "department", "posts", "barred", "problem"),
    [
        ("interview", "village_committee", "village_committee", "", False, None),
        ("interview", "women_federation", "women_federation", "", False, None),
        ("interview", "grid_member", "village_committee", "grid_member", False, None),
        ("interview", "grid_member", "village_committee", "group_head", False, None),
        ("interview", "grid_member", "village_committee", "child_director", False, "not_the_issuer"),
        ("interview", "village_committee", "civil_affairs", "", False, "not_the_issuer"),
        ("admonition", "women_federation", "women_federation", "", False, "wrong_issuer"),
        ("admonition", "civil_affairs", "civil_affairs", "", False, "wrong_issuer"),
        ("admonition", "civil_affairs", "civil_affairs", "", True, None),
        ("admonition", "village_committee", "village_committee", "", True, "wrong_issuer"),
        ("reprimand", "police", "police", "", False, None),
        ("reprimand", "police", "civil_affairs", "", False, "not_the_issuer"),
        ("protection_order", "court", "justice", "", False, None),
        ("protection_order", "court", "school", "", False, "not_a_recorder"),
        ("protection_order", "police", "police", "", False, "wrong_issuer"),
    ],
)
def test_papers_are_signed_by_those_whom_the_policy_names(
    document: str, issuer: str, department: str, posts: str, barred: bool, problem: str | None
) -> None:
    paper = SECTION.document(document)
    assert paper is not None
    assert issuer_problem(paper, issuer, department, frozenset(posts.split()), barred, POLICY) == problem


@pytest.mark.parametrize(
    ("issuer", "recorder", "barred", "owner"),
    [
        ("police", "police", False, "police"),
        ("grid_member", "village_committee", False, "grid_member"),
        ("court", "justice", False, "justice"),
        ("village_committee", "village_committee", True, "civil_affairs"),
    ],
)
def test_checks_are_owed_by_the_issuer_or_whoever_recorded_an_outside_paper(
    issuer: str, recorder: str, barred: bool, owner: str
) -> None:
    assert check_owner(issuer, recorder, barred, POLICY) == owner


# Orders and proceedings -----------------------------------------------------------------------------------------------


def until(document: str, stated: datetime | None = None) -> datetime | Wrong | None:
    paper = SECTION.document(document)
    assert paper is not None
    return valid_until(paper, START, stated, POLICY)


def rule_of(found: datetime | Wrong | None) -> str | None:
    return found.rule if isinstance(found, Wrong) else None


def test_a_warning_letter_is_followed_for_ninety_days() -> None:
    assert until("warning_letter") == START + 90 * DAY


def test_a_protection_order_says_its_end_and_lasts_six_months_at_most() -> None:
    assert rule_of(until("protection_order")) == "end_missing"
    assert until("protection_order", months_after(START, 6)) == months_after(START, 6)
    assert rule_of(until("protection_order", months_after(START, 6) + timedelta(seconds=1))) == "too_long"
    assert rule_of(until("protection_order", START)) == "ends_before_it_begins"
    assert rule_of(until("reprimand", START + DAY)) == "no_end"


def test_the_end_of_a_protection_order_is_called_to_mind_thirty_days_before() -> None:
    orders = [SECTION.document(code) for code in ("protection_order", "warning_letter")]
    assert [reminder_at(order, START + 100 * DAY, POLICY) for order in orders if order] == [START + 70 * DAY, None]


@pytest.mark.parametrize(("urgent", "hours"), [(False, 72), (True, 24)])
def test_the_court_decides_on_an_application_in_three_days_or_one(urgent: bool, hours: int) -> None:
    paper = SECTION.document("protection_order_application")
    assert paper is not None
    assert court_due(paper, START, urgent, POLICY) == START + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("moment", "months", "after"),
    [
        (datetime(2026, 8, 31, 9, tzinfo=UTC), 6, datetime(2027, 2, 28, 9, tzinfo=UTC)),
        (datetime(2026, 12, 5, tzinfo=UTC), 1, datetime(2027, 1, 5, tzinfo=UTC)),
        (datetime(2027, 8, 31, tzinfo=UTC), 6, datetime(2028, 2, 29, tzinfo=UTC)),
    ],
)
def test_months_end_with_their_last_day(moment: datetime, months: int, after: datetime) -> None:
    assert months_after(moment, months) == after


def test_what_binds_the_guardians_is_told_apart_by_kind() -> None:
    steps = [
        taken(
            "warning_letter",
            state="in_force",
            in_force_until=START + 90 * DAY,
            checks=(Check(UUID(int=3), START + 7 * DAY),),
        ),
        taken("protection_order", state="ended"),
        taken("criminal_case", state="pending"),
        taken("reprimand", True),
    ]
    assert standing(steps, START + DAY) == Standing(("warning_letter",), ("criminal_case",), ("G3",))
    assert standing(steps, START + 90 * DAY).orders == ()


def test_a_paper_that_comes_from_the_court_ends_the_application_for_it() -> None:
    order = SECTION.document("protection_order")
    assert order is not None
    waiting = taken("protection_order_application", state="pending")
    assert settled_by(order, [waiting, taken("criminal_case", state="pending")]) == (waiting,)


@pytest.mark.parametrize(
    ("document", "state", "cause", "possible"),
    [
        ("warning_letter", "in_force", "revoked", True),
        ("warning_letter", "in_force", "fulfilled", False),
        ("warning_letter", "in_force", "expired", False),
        ("family_education_order", "in_force", "fulfilled", True),
        ("criminal_case", "pending", "revoked", True),
        ("reprimand", "done", "revoked", False),
        ("warning_letter", "ended", "revoked", False),
    ],
)
def test_papers_end_only_in_the_ways_they_can(document: str, state: Any, cause: Any, possible: bool) -> None:
    assert can_end(taken(document, state=state), cause) is possible
