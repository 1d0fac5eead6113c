"""The closure guard: which conditions forbid closing, and which a reason makes moot."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.policy import load_policy
from services.assistance.domain.closure import (
    CONDITIONS,
    MOOT,
    NEEDS,
    HandOver,
    Ledger,
    OpenItem,
    Reason,
    Request,
    Survivor,
    Visit,
    checklist,
    closure_open_items,
    concurrences,
    proposing_department,
)
from services.assistance.domain.rounds import Child, Round, Task

POLICY = load_policy("2026-11")
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
START = NOW - timedelta(days=100)


def id_of(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, name)


def visit(days_ago: int, *, satisfactory: bool = True, in_person: bool = True, child_seen: bool = True) -> Visit:
    return Visit(id_of(f"visit {days_ago}"), NOW - timedelta(days=days_ago), child_seen, in_person, satisfactory)


GOOD_ROUND = Round(
    case_id=id_of("case"),
    response_no=1,
    case_number="YX-1",
    township="YX",
    village="V01",
    level="blue",
    highest_level="red",
    computed_level="blue",
    score=12,
    children=(Child(id_of("child"), 9, ()),),
    policy_version="2026-11",
    started_at=START,
    last_report_at=START,
    safety_confirmed_at=NOW - timedelta(days=95),
    safety_basis="safety_plan",
    seen_at=NOW - timedelta(days=2),
    written_at=NOW - timedelta(days=90),
    tasks={id_of("police"): Task("police", "lead", "done", "handled"), id_of("league"): Task("youth_league", "inform")},
    reports={id_of("report"): "given", id_of("anonymous report"): "impossible"},
)
GOOD = Ledger(GOOD_ROUND, "red", (visit(60, satisfactory=False), visit(30), visit(2)))
ASKED = Request("GOAL_MET", id_of("summary"), id_of("child view"), id_of("guardian view"))


def of(ledger: Ledger, **changes: object) -> Ledger:
    return replace(ledger, round=replace(ledger.round, **changes))  # type: ignore[arg-type]  # test data


def stating(asked: Request, **stated: object) -> Request:
    return replace(asked, hand_over=replace(asked.hand_over, **stated))  # type: ignore[arg-type]  # test data


def open_codes(ledger: Ledger, asked: Request = ASKED, now: datetime = NOW) -> set[str]:
    return {item.code for item in closure_open_items(ledger, asked, now, POLICY)}


def details(ledger: Ledger, asked: Request = ASKED, now: datetime = NOW) -> tuple[str, ...]:
    return tuple(code for item in closure_open_items(ledger, asked, now, POLICY) for code in item.detail)


def test_the_guard_asks_exactly_what_the_policy_lists_in_its_order() -> None:
    assert list(CONDITIONS) == [item.code for item in POLICY.closure.all_of]


def test_every_closing_reason_of_the_policy_is_known_and_skips_at_least_what_the_policy_says() -> None:
    assert {reason.code for reason in POLICY.closure.reasons} == set(get_args(Reason))
    for reason in POLICY.closure.reasons:
        assert set(reason.skips) <= MOOT.get(reason.code, frozenset())
        assert (reason.needs is not None) <= (reason.code in NEEDS)


def test_a_case_where_every_condition_holds_may_be_closed() -> None:
    assert closure_open_items(GOOD, ASKED, NOW, POLICY) == ()


BREAKS: dict[str, Callable[[Ledger, Request], tuple[Ledger, Request]]] = {
    "level": lambda led, ask: (of(led, level="yellow"), ask),
    "observation": lambda led, ask: (of(led, safety_confirmed_at=NOW - timedelta(days=89, hours=23)), ask),
    "visits": lambda led, ask: (replace(led, visits=(visit(40), visit(30), visit(2, satisfactory=False))), ask),
    "child_seen": lambda led, ask: (of(led, seen_at=NOW - timedelta(days=10, seconds=1)), ask),
    "no_open_task": lambda led, ask: (replace(led, open_measures=("DIBAO",)), ask),
    "no_order": lambda led, ask: (led, stating(ask, pending=("crime_case",))),
    "placement": lambda led, ask: (of(led, safety_basis="safe_place"), ask),
    "score": lambda led, ask: (of(led, score=20), ask),
    "views": lambda led, ask: (led, replace(ask, child_view=None)),
    "feedback": lambda led, ask: (of(led, reports={id_of("report"): "owed"}), ask),
    "summary": lambda led, ask: (led, replace(ask, summary=None)),
    "high_risk_visit_and_assessment": lambda led, ask: (of(led, written_at=None), ask),
}


@given(st.sets(st.sampled_from(sorted(BREAKS))))
def test_exactly_the_conditions_that_do_not_hold_are_open(broken: set[str]) -> None:
    ledger, asked = GOOD, ASKED
    for code in sorted(broken):
        ledger, asked = BREAKS[code](ledger, asked)
    assert open_codes(ledger, asked) == broken
    listed = checklist(ledger, asked, NOW, POLICY)
    assert {item.code for item in listed if not item.ok} == broken
    assert [item.code for item in listed] == list(CONDITIONS)


@given(st.sets(st.sampled_from(sorted(BREAKS))), st.sampled_from(sorted(get_args(Reason))))
def test_a_reason_skips_what_it_makes_moot_and_nothing_else(broken: set[str], reason: Reason) -> None:
    good_for_every_reason = stating(
        replace(ASKED, reason=reason), receiving_authority_ack=id_of("ack"), independent_checks=2,
        merged_into=id_of("other case"), universal_service="school",
    )  # fmt: skip
    ledger = replace(of(GOOD, children=(Child(id_of("child"), 18, ()),)), survivor=Survivor(True, "red"))
    asked = good_for_every_reason
    for code in sorted(broken):
        ledger, asked = BREAKS[code](ledger, asked)
    expected = broken - MOOT.get(reason, frozenset()) - {"level"}  # yellow may be handed to the school
    if reason == "DECEASED":
        expected -= {"views"}  # the broken view is the child's
    assert open_codes(ledger, asked) == expected


@given(st.sampled_from(["blue", "yellow", "orange", "red"]), st.integers(0, 120 * 24))
def test_the_observation_period_follows_the_highest_level_ever(ever: str, hours: int) -> None:
    ledger = of(replace(GOOD, ever=ever), safety_confirmed_at=NOW - timedelta(hours=hours))
    days = {"red": 90, "orange": 60, "yellow": 30, "blue": 14}[ever]
    assert ("observation" in open_codes(ledger)) is (hours < days * 24)


def test_without_confirmed_safety_there_is_no_observation() -> None:
    assert details(of(GOOD, safety_confirmed_at=None)) == ("safety_not_confirmed",)


@pytest.mark.parametrize(
    ("level", "service", "is_open"),
    [
        ("blue", None, False),
        ("yellow", None, True),
        ("yellow", "school", False),
        ("orange", "school", True),
        ("", "school", True),
    ],
)
def test_only_blue_or_a_handed_over_yellow_may_be_closed(level: str, service: str | None, is_open: bool) -> None:
    assert ("level" in open_codes(of(GOOD, level=level), stating(ASKED, universal_service=service))) is is_open


def test_one_visit_is_not_two() -> None:
    assert details(replace(GOOD, visits=(visit(2),))) == ("visits:1",)


def test_open_tasks_are_named_and_informed_departments_have_none() -> None:
    tasks = {
        id_of("a"): Task("health", "assist"),
        id_of("b"): Task("justice", "inform"),
        id_of("c"): Task("school", "lead", "returned"),
    }
    assert details(replace(of(GOOD, tasks=tasks), open_measures=("LEGAL_AID",))) == (
        "referral:health",
        "measure:LEGAL_AID",
    )


def test_an_order_in_force_keeps_the_case_open_whoever_monitors() -> None:
    ledger = of(GOOD, children=(Child(id_of("child"), 9, ("protection_order_in_force",)),))
    asked = stating(ASKED, named_monitor="ST301", pending=("crime_case",))
    assert details(ledger, asked) == ("order:protection_order_in_force",)


def test_a_pending_case_with_a_named_monitor_may_be_closed() -> None:
    assert open_codes(GOOD, stating(ASKED, pending=("crime_case", "guardianship_case"), named_monitor="ST301")) == set()


@pytest.mark.parametrize(
    ("stated", "detail"),
    [
        ({}, ("not_stated",)),
        ({"placement": "permanent"}, ()),
        ({"placement": "home"}, ("home_since",)),
        ({"placement": "home", "home_since": NOW - timedelta(days=30)}, ()),
        (
            {"placement": "home", "home_since": NOW - timedelta(days=29)},
            (f"home_since:{(NOW - timedelta(days=29)).isoformat()}",),
        ),
    ],
)
def test_a_child_taken_to_a_safe_place_is_settled_before_closing(
    stated: dict[str, object], detail: tuple[str, ...]
) -> None:
    assert details(of(GOOD, safety_basis="safe_place"), stating(ASKED, **stated)) == detail


@pytest.mark.parametrize(
    ("fired", "detail"), [(("R1",), ("rule:R1",)), (("O3", "Y4"), ("rule:O3", "rule:Y4")), (("O6", "O8"), ())]
)
def test_overrides_and_floors_that_hold_forbid_closing_and_plus_one_rules_do_not(
    fired: tuple[str, ...], detail: tuple[str, ...]
) -> None:
    assert details(of(GOOD, fired=fired)) == detail


def test_the_floor_of_a_mandated_report_ends_with_the_assessment_signed_after_it() -> None:
    assert details(of(GOOD, fired=("Y3",))) == ()
    later_report = of(GOOD, fired=("Y3",), last_report_at=NOW - timedelta(days=80))
    assert details(later_report) == ("rule:Y3",)


@pytest.mark.parametrize(("ever", "is_open"), [("red", True), ("orange", True), ("yellow", False), ("blue", False)])
def test_only_high_risk_cases_need_a_visit_in_person(ever: str, is_open: bool) -> None:
    remote = (visit(30, in_person=False), visit(2, in_person=False))
    ledger = replace(GOOD, ever=ever, visits=remote)
    assert closure_open_items(ledger, ASKED, NOW, POLICY) == (
        (OpenItem("high_risk_visit_and_assessment", ("in_person_visit",)),) if is_open else ()
    )


def test_unfounded_needs_two_independent_checks_and_a_fresh_sighting() -> None:
    asked = replace(ASKED, reason="UNFOUNDED")
    fresh = of(GOOD, safety_confirmed_at=NOW - timedelta(days=1))
    assert details(fresh, stating(asked, independent_checks=1)) == ("checks:1",)
    assert open_codes(fresh, stating(asked, independent_checks=2)) == set()
    assert open_codes(of(fresh, seen_at=None), stating(asked, independent_checks=2)) == {"child_seen"}


def test_a_transfer_needs_the_receiving_authoritys_acknowledgement() -> None:
    fresh = of(replace(GOOD, visits=()), level="red", safety_confirmed_at=NOW, seen_at=None, score=70, written_at=None)
    asked = replace(ASKED, reason="TRANSFERRED")
    assert open_codes(fresh, asked) == {"receiving_authority"}
    assert open_codes(fresh, stating(asked, receiving_authority_ack=id_of("ack"))) == set()
    assert open_codes(of(fresh, safety_basis="receiving_authority_receipt"), asked) == set()


@pytest.mark.parametrize(
    ("age", "years_ago", "detail"),
    [(18, 0, ()), (17, 0, ()), (16, 0, "under_age"), (16, 1, ()), (9, 5, "under_age"), (None, 9, "age_unknown")],
)
def test_nobody_who_is_still_under_18_ages_out(age: int | None, years_ago: int, detail: str) -> None:
    """17 on the day of receipt may be 18 by now: the exact birth date is the decider's to check."""
    ledger = of(GOOD, children=(Child(id_of("child"), age, ()),), started_at=NOW - timedelta(days=366 * years_ago + 1))
    asked = stating(replace(ASKED, reason="AGED_OUT"), universal_service="civil_affairs")
    found = details(ledger, asked)
    assert found == ((f"{detail}:{id_of('child')}",) if detail else ())
    assert "hand_over" in open_codes(ledger, replace(ASKED, reason="AGED_OUT"))


def test_a_death_never_closes_the_case_of_a_living_sibling() -> None:
    asked = replace(ASKED, reason="DECEASED", child_view=None)
    dead = of(replace(GOOD, visits=()), level="red", score=80, seen_at=None, safety_confirmed_at=None)
    assert open_codes(dead, asked) == set()
    siblings = of(dead, children=(Child(id_of("child"), 9, ()), Child(id_of("sibling"), 5, ())))
    assert details(siblings, asked) == ("other_children:1",)
    assert open_codes(dead, stating(asked, pending=("crime_case",))) == {"no_order"}


@pytest.mark.parametrize(
    ("survivor", "merged_into", "detail"),
    [
        (Survivor(True, "orange"), "other", ()),
        (Survivor(True, "red"), "other", ()),
        (Survivor(True, "yellow"), "other", ("merged_case_level:yellow",)),
        (Survivor(False, "red"), "other", ("merged_case_closed",)),
        (None, "other", ("merged_into",)),
        (Survivor(True, "red"), "case", ("merged_into",)),
        (Survivor(True, "red"), None, ("merged_into",)),
    ],
)
def test_a_duplicate_is_merged_only_into_an_open_case_that_is_no_lower(
    survivor: Survivor | None, merged_into: str | None, detail: tuple[str, ...]
) -> None:
    ledger = replace(of(GOOD, level="orange", seen_at=None, score=50), visits=(), survivor=survivor)
    asked = replace(ASKED, reason="DUPLICATE_MERGED", child_view=None)
    assert details(ledger, stating(asked, merged_into=id_of(merged_into) if merged_into else None)) == detail


@pytest.mark.parametrize(
    ("changes", "department"),
    [
        ({}, "village_committee"),
        ({"restricted": True}, "civil_affairs"),
        ({"conflict_unit": "village_committee"}, "civil_affairs"),
        ({"conflict_unit": "school"}, "village_committee"),
        ({"village": None}, "civil_affairs"),
    ],
)
def test_the_village_proposes_unless_it_may_not_know_the_case(changes: dict[str, object], department: str) -> None:
    assert proposing_department(of(GOOD, **changes).round) == department


@pytest.mark.parametrize(
    ("lead", "ever", "parties"),
    [
        ("police", "red", ("police", "responsible_leader")),
        ("health", "red", ("responsible_leader",)),
        ("police", "blue", ("police",)),
        (None, "orange", ()),
    ],
)
def test_police_that_led_and_the_leader_of_a_red_case_must_agree(
    lead: str | None, ever: str, parties: tuple[str, ...]
) -> None:
    assert concurrences(of(replace(GOOD, ever=ever), case_lead=lead)) == parties


def test_an_unknown_highest_level_is_observed_for_the_longest_period() -> None:
    ledger = of(replace(GOOD, ever=""), safety_confirmed_at=NOW - timedelta(days=89))
    assert "observation" in open_codes(ledger)


def test_the_hand_over_says_nothing_by_default() -> None:
    assert HandOver() == Request("GOAL_MET").hand_over
