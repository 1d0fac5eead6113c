"""Where a child may be placed, what each kind needs, when it goes home, who answers for it, and the clocks that run."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.policy import load_policy
from contracts.vocabulary import Fact
from services.assistance.domain.orders import months_after
from services.assistance.domain.placement import (
    Missing,
    Placement,
    Wish,
    approval_lacks,
    current_of,
    external_notices,
    needs_police_check,
    proposal_lacks,
    removal_stands,
    responsible,
    settled_since,
    start_lacks,
    transfer_lacks,
)
from services.assistance.domain.rounds import Child
from services.assistance.domain.stays import (
    hard_flag,
    length_alarms,
    next_review,
    registration_owed,
    searches_owed,
    stay_ends,
    warned_at,
)
from services.risk_scoring.domain import assess
from tests.samples import golden
from tests.samples.golden import reporter_of

POLICY = load_policy("2026-11")
START = datetime(2026, 3, 2, 1, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
CHILD, SISTER = UUID(int=1), UUID(int=2)
ALL_BETTER = dict.fromkeys(("P0", "P1", "P2", "P4", "P5", "P6"), "no_vacancy")


def child(child_id: UUID = CHILD, *, age: int | None = 9, concerns: tuple[str, ...] = (), **facts: Any) -> Child:
    return Child(child_id, age, (), concerns=concerns, facts=facts)


def wish(kind: str, of: Child | None = None, **changes: Any) -> Wish:
    return replace(Wish(of or child(), kind, "family_difficulty"), **changes)


def placed(kind: str, child_id: UUID = CHILD, **changes: Any) -> Placement:
    """A placement that runs, unless changed."""
    return replace(Placement(UUID(int=90), child_id, kind, "family_difficulty", "started", started_at=START), **changes)


def rules(found: tuple[Missing, ...]) -> dict[str, tuple[str, ...]]:
    return {one.rule: one.detail for one in found}


def lacks(asked: Wish, *running: Placement, family: tuple[Child, ...] = ()) -> dict[str, tuple[str, ...]]:
    return rules(proposal_lacks(asked, family or (asked.child,), running, POLICY))


# The order of kinds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "better"),
    [
        ("P0", ()),
        ("P1", ("P0",)),
        ("P2", ("P0", "P1")),
        ("P6", ("P0", "P1", "P2")),
        ("P5", ("P0", "P1", "P2")),
        ("P4", ("P0", "P1", "P2", "P6", "P5")),
    ],
)
def test_each_better_kind_must_be_recorded_as_out_of_the_question(kind: str, better: tuple[str, ...]) -> None:
    expected = {"preference": tuple(f"unavailable:{one}" for one in better)} if better else {}
    assert lacks(wish(kind)) == expected
    assert lacks(wish(kind, unavailable=dict.fromkeys(better, "none_exists"))) == {}


@given(
    kind=st.sampled_from([kind for group in POLICY.placement.preference for kind in group]),
    recorded=st.sets(st.sampled_from(sorted(ALL_BETTER))),
)
@settings(max_examples=60, deadline=None)
def test_a_kind_is_open_exactly_when_everything_better_is_recorded(kind: str, recorded: set[str]) -> None:
    ranks = {one: rank for rank, group in enumerate(POLICY.placement.preference) for one in group}
    better = {one for one, rank in ranks.items() if rank < ranks[kind]}
    asked = wish(kind, unavailable=dict.fromkeys(recorded, "unfit"), separate_room=True, staff_checked=True)
    assert ("preference" in lacks(asked)) is not (better <= recorded)


@pytest.mark.parametrize("kind", ["P7", "P6", "P8"])
def test_emergency_care_asks_for_no_better_kind(kind: str) -> None:
    assert lacks(wish(kind, emergency=True)) == {}


def test_only_three_kinds_are_emergency_care() -> None:
    assert lacks(wish("P2", emergency=True)) == {"emergency_kind": ("kind:P7", "kind:P6", "kind:P8")}


# What a kind needs ----------------------------------------------------------------------------------------------------


def elderly_home(of: Child, **changes: Any) -> Wish:
    said = {"unavailable": ALL_BETTER, "separate_room": True, "staff_checked": True, **changes}
    return wish("P3", of, **said)


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        (elderly_home(child(age=6)), {}),
        (elderly_home(child(age=5)), {"age": ("too_young",)}),
        (elderly_home(child(age=None)), {"age": ("age_unknown",)}),
        (elderly_home(child(concerns=("H2", "H1"))), {"concern": ("concern:H2",)}),
        (elderly_home(child(concerns=("H3",))), {"concern": ("concern:H3",)}),
        (elderly_home(child(), separate_room=False), {"separate_room": ()}),
        (elderly_home(child(), staff_checked=False), {"staff_check": ()}),
        (
            elderly_home(child(), unavailable={"P0": "unsafe", "P1": "none_exists"}),
            {"preference": ("unavailable:P2", "unavailable:P6", "unavailable:P5", "unavailable:P4")},
        ),
    ],
)
def test_an_elderly_home_is_the_last_resort_under_conditions(asked: Wish, missing: dict[str, tuple[str, ...]]) -> None:
    assert lacks(asked) == missing


def test_the_responsible_leader_approves_an_elderly_home() -> None:
    proposed = placed("P3", state="proposed", started_at=None)
    assert rules(approval_lacks(proposed, child(), (), POLICY)) == {"approver": ("post:responsible_leader",)}
    assert approval_lacks(proposed, child(), ("responsible_leader",), POLICY) == ()
    later = child(concerns=("H2",))
    assert "concern" in rules(approval_lacks(proposed, later, ("responsible_leader",), POLICY))


@pytest.mark.parametrize("fact", ["serious_injury", "emergency_care_needed", "visible_injury"])
def test_an_injured_child_sees_a_doctor_first(fact: str) -> None:
    hurt = replace(child(), facts={fact: True})
    assert list(lacks(wish("P7", hurt, emergency=True))) == ["medical_first"]
    assert lacks(wish("P8", hurt, emergency=True)) == {}
    assert lacks(wish("P7", hurt, emergency=True, medically_cleared=True)) == {}


def test_what_a_doctor_found_in_the_placement_before_counts() -> None:
    hurt = child(serious_injury=True)
    assert lacks(wish("P6", hurt, emergency=True), placed("P8", medically_cleared=True)) == {}
    assert "medical_first" in lacks(wish("P6", hurt, emergency=True), placed("P8"))


@pytest.mark.parametrize(
    ("kind", "stated", "suspected", "needed"),
    [
        ("P1", None, True, True),
        ("P1", True, False, True),
        ("P1", False, True, False),
        ("P1", None, False, False),
        ("P2", True, True, False),
    ],
)
def test_relatives_of_a_suspected_harmer_need_a_police_check(
    kind: str, stated: bool | None, suspected: bool, needed: bool
) -> None:
    assert needs_police_check(kind, stated, child(guardian_suspected_harmer=suspected)) is needed


@pytest.mark.parametrize(
    ("clear", "missing"), [(None, ("not_checked",)), (False, ("refused_by_police",)), (True, None)]
)
def test_a_relative_is_approved_once_the_police_cleared_them(
    clear: bool | None, missing: tuple[str, ...] | None
) -> None:
    proposed = placed("P1", state="proposed", relative_of_suspected=True, police_clear=clear)
    expected = {} if missing is None else {"police_check": missing}
    assert rules(approval_lacks(proposed, child(), (), POLICY)) == expected


# Siblings -------------------------------------------------------------------------------------------------------------

FOSTER: dict[str, Any] = {"unavailable": {"P0": "unsafe", "P1": "none_exists"}, "place": "F1"}
FAMILY = (child(), child(SISTER))


@pytest.mark.parametrize(
    ("changes", "running", "apart"),
    [
        ({}, (), True),
        ({"with_children": frozenset({CHILD, SISTER})}, (), False),
        ({}, (placed("P2", SISTER, place="F1"),), False),
        ({}, (placed("P2", SISTER, place="F2"),), True),
        ({}, (placed("P4", SISTER, place="F1"),), True),
        ({"apart_reason": "no_joint_place"}, (), False),
    ],
)
def test_siblings_stay_together_or_a_reason_is_given(
    changes: dict[str, Any], running: tuple[Placement, ...], apart: bool
) -> None:
    found = lacks(wish("P2", **FOSTER, **changes), *running, family=FAMILY)
    assert found == ({"siblings_apart": (f"child:{SISTER}",)} if apart else {})


def test_a_child_has_one_proposal_waiting() -> None:
    assert "placement_waiting" in lacks(wish("P0"), placed("P2", state="approved"))
    assert lacks(wish("P0"), placed("P2", SISTER, state="approved")) == {}


# Home -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "facts", "stands"),
    [
        ("domestic_violence", {"abuser_co_resident": True}, True),
        ("domestic_violence", {"guardian_suspected_harmer": True}, True),
        ("domestic_violence", {"guardian_suspected_harmer": True, "other_guardian_available": True}, False),
        ("domestic_violence", {"guardian_suspected_harmer": False, "abuser_co_resident": False}, False),
        ("guardian_absent", {"all_guardians_unavailable": True}, True),
        ("guardian_absent", {"all_guardians_unavailable": False}, False),
        ("orphan", {"orphan": True}, True),
        ("orphan", {"orphan": True, "carer_verified": True}, False),
        ("guardian_not_found", {"guardian_unknown": True}, True),
        ("guardian_not_found", {"identity_unknown": True}, True),
        ("guardian_not_found", {}, False),
        ("family_difficulty", {"left_alone": True}, True),
        ("family_difficulty", {}, False),
    ],
)
def test_home_is_refused_while_the_reason_for_removal_stands(reason: str, facts: dict[str, Any], stands: bool) -> None:
    known = child(**facts)
    assert bool(removal_stands(reason, known, POLICY)) is stands
    assert ("removal_reason_stands" in lacks(wish("P0", known, reason=reason))) is stands
    home = placed("P0", state="approved", reason=reason)
    assert bool(start_lacks(home, known, True, POLICY)) is stands


def test_every_reason_of_the_plan_is_there_and_says_when_it_stands() -> None:
    codes = [reason.code for reason in POLICY.placement.reasons]
    assert codes == ["guardian_absent", "orphan", "guardian_not_found", "domestic_violence", "family_difficulty"]


# Starting and leaving -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "emergency", "hand_over", "missing"),
    [
        ("proposed", False, False, {"approval", "hand_over"}),
        ("approved", False, False, {"hand_over"}),
        ("approved", False, True, set()),
        ("proposed", True, False, set()),
    ],
)
def test_a_child_moves_in_with_approval_and_receipt_and_at_once_in_an_emergency(
    state: Any, emergency: bool, hand_over: bool, missing: set[str]
) -> None:
    waiting = placed("P6", state=state, emergency=emergency)
    assert rules(start_lacks(waiting, child(), hand_over, POLICY)).keys() == missing


@pytest.mark.parametrize(
    ("hukou", "government"),
    [
        ("elsewhere", "place_of_origin"),
        ("local", "this_township"),
        ("none", "this_township"),
        ("unknown", "this_township"),
    ],
)
def test_the_responsible_government_follows_household_registration(hukou: str, government: str) -> None:
    assert responsible(child(hukou=hukou), POLICY) == government


def test_a_child_nobody_asked_about_its_registration_stays_with_this_township() -> None:
    assert responsible(child(), POLICY) == "this_township"
    assert searches_owed(child(), START, POLICY) == ()


@pytest.mark.parametrize("case", golden.golden_cases(), ids=lambda case: case["id"])
def test_the_golden_cases_belong_to_the_place_their_registration_names(case: Any) -> None:
    for one in assess(golden.children_of(case), (reporter_of(case),), POLICY):
        facts = cast(dict[str, Fact], dict(one.facts))
        known = Child(CHILD, None, (), concerns=one.concerns, facts=facts, answers=one.answers, fired=one.fired)
        away = one.facts.get("hukou") == "elsewhere"
        assert responsible(known, POLICY) == ("place_of_origin" if away else "this_township")
        # Emergency care never waits for that: it is open, but for a doctor.
        assert lacks(wish("P7", known, emergency=True, medically_cleared=True)) == {}


def test_a_transfer_waits_for_acceptance_in_writing_and_a_safe_home() -> None:
    away = child(hukou="elsewhere")
    assert rules(transfer_lacks(placed("P6"), away, POLICY)).keys() == {"acceptance", "home_assessment"}
    assert rules(transfer_lacks(placed("P6", accepted_in_writing=True), away, POLICY)).keys() == {"home_assessment"}
    ready = placed("P6", accepted_in_writing=True, home_assessed_safe=True)
    assert transfer_lacks(ready, away, POLICY) == ()
    assert rules(transfer_lacks(ready, child(hukou="local"), POLICY)).keys() == {"responsible"}


def test_the_county_is_told_of_a_placement_but_not_of_a_child_at_home() -> None:
    assert external_notices("P6", POLICY) == ("county_civil_affairs", "county_protection_centre")
    assert external_notices("P0", POLICY) == ()


# Clocks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "hours"), [("P7", 24), ("P3", 72), ("P2", None), ("P6", None)])
def test_short_stays_end_by_their_limit(kind: str, hours: int | None) -> None:
    assert stay_ends(kind, START, POLICY) == (None if hours is None else START + hours * HOUR)


def test_a_short_stay_is_warned_of_at_four_fifths() -> None:
    assert warned_at(START, START + 20 * HOUR, POLICY) == START + 16 * HOUR


def test_a_temporary_guardianship_is_reviewed_at_thirty_days_and_then_every_ninety() -> None:
    days = [(next_review(START, START + n * DAY, POLICY) - START) / DAY for n in (0, 29, 30, 119, 120, 364)]
    assert days == [30, 30, 120, 120, 210, 390]
    assert length_alarms(START, POLICY) == (START + 300 * DAY, START + 335 * DAY)
    assert hard_flag(START, POLICY) == START + 365 * DAY


@given(after=st.timedeltas(min_value=timedelta(), max_value=400 * DAY))
@settings(max_examples=50, deadline=None)
def test_some_review_is_always_ahead_and_never_more_than_ninety_days(after: timedelta) -> None:
    ahead = next_review(START, START + after, POLICY) - (START + after)
    assert timedelta() < ahead <= 90 * DAY


def owed(**facts: Any) -> dict[str, datetime]:
    concerns = facts.pop("concerns", ())
    return {one.code: one.due_at for one in searches_owed(child(concerns=concerns, **facts), START, POLICY)}


def test_a_child_nobody_knows_is_searched_for_in_every_way() -> None:
    assert owed(hukou="unknown") == {
        "dna_search": START + DAY,
        "foundling_notice": START + 60 * DAY,
        "police_finding": months_after(START, 6),
    }
    assert owed(identity_unknown=True, concerns=("H7",))["trafficked_search"] == months_after(START, 12)
    assert owed(hukou="none") == {}
    assert owed(hukou="local") == {}


@pytest.mark.parametrize(("hukou", "due"), [("local", False), ("elsewhere", False), ("none", True), ("unknown", True)])
def test_registration_is_owed_to_whoever_has_none(hukou: str, due: bool) -> None:
    found = registration_owed(child(hukou=hukou), START, POLICY)
    assert (found is not None) is due
    assert found is None or (found.code, found.owner) == ("HUKOU", "police")


# The chain ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chain", "settled"),
    [
        ((), None),
        ((placed("P6"),), None),
        ((placed("P2", permanent_since=START + DAY),), ("permanent", START + DAY)),
        ((placed("P0"),), ("home", START)),
        ((placed("P6", state="returned_home", ended_at=START + DAY),), ("home", START + DAY)),
        (
            (placed("P6", state="returned_home", ended_at=START + DAY), placed("P7", started_at=START + 2 * DAY)),
            None,
        ),
        ((placed("P6", state="ended", end_cause="ran_away", ended_at=START + DAY),), None),
    ],
)
def test_a_child_is_settled_when_placed_for_good_or_home_again(chain: tuple[Placement, ...], settled: Any) -> None:
    assert settled_since(CHILD, chain) == settled
    assert settled_since(SISTER, chain) is None


def test_the_current_placement_is_the_one_that_runs() -> None:
    chain = (placed("P7", state="ended", ended_at=START), placed("P2"))
    current = current_of(CHILD, chain)
    assert current is not None
    assert current.kind == "P2"
    assert current_of(SISTER, chain) is None
