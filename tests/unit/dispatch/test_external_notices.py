"""Notices by hand (N-11) and copies of orders (N-8): what owes them, their clock, and giving them."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from contracts.dispatch import Notice
from services.dispatch.domain.external import Owed, given, owing, owing_for_ladder_step
from services.dispatch.domain.response import ResponseFile
from tests.samples.golden import CALENDAR, POLICY, golden_cases
from tests.unit.dispatch.running_cases import response_to

LADDER, PLACEMENT, CAUSE = UUID(int=31), UUID(int=32), UUID(int=33)


def by_hand(file: ResponseFile) -> list[Notice]:
    return [notice for notice in file.notices if notice.notice == "N-11"]


def causes(file: ResponseFile) -> set[tuple[str | None, str]]:
    return {(notice.cause, body) for notice in by_hand(file) for body in notice.bodies}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("YX-04", {("conflict_of_interest", "county_health")}),
        ("YX-05", set()),
        ("YX-12", {("mandated_report", "procuratorate")}),
        ("YX-14", {("dropout", "county_education")}),
    ],
)
def test_a_report_owes_the_external_notices_its_facts_call_for(case: str, expected: set[tuple[str, str]]) -> None:
    assert causes(response_to(case)) >= expected
    assert bool(expected) or not causes(response_to(case)) - {("mandated_report", "procuratorate")}


@pytest.mark.parametrize("case", [case["id"] for case in golden_cases()])
def test_every_notice_by_hand_has_a_clock_of_civil_affairs_and_nothing_else_does(case: str) -> None:
    file = response_to(case)
    clocks = {clock.about: clock.deadline for clock in file.running("N-11")}
    assert clocks.keys() == {notice.notice_id for notice in by_hand(file)}
    assert {n.notice_id: n.due_at for n in by_hand(file)} == {about: deadline.due for about, deadline in clocks.items()}
    blocked = "civil_affairs" in file.blocked
    assert {d.department for d in clocks.values()} <= {"township_government" if blocked else "civil_affairs"}


def test_a_placement_tells_the_county_once_per_placement_and_a_new_one_again() -> None:
    file = response_to("YX-05")
    at = file.dispatched_at
    owed = [Owed(body, "placement", PLACEMENT) for body in ("county_civil_affairs", "county_protection_centre")]
    once = owing(file, owed, at, CAUSE, POLICY, CALENDAR)
    assert owing(once, owed, at, UUID(int=34), POLICY, CALENDAR) is once
    assert len(by_hand(once)) == len(by_hand(file)) + 2
    other = owing(once, [Owed("county_civil_affairs", "placement", LADDER)], at, UUID(int=35), POLICY, CALENDAR)
    assert len(by_hand(other)) == len(by_hand(once)) + 1
    assert by_hand(once)[-1].due_at == at + timedelta(hours=24)


def test_a_notice_given_meets_its_clock_and_late_stays_late() -> None:
    file = owing(response_to("YX-05"), [Owed("court", "placement", PLACEMENT)], response_to("YX-05").dispatched_at, CAUSE,
                 POLICY, CALENDAR)  # fmt: skip
    at = file.dispatched_at + timedelta(hours=25)
    told = given(file, "court", at, UUID(int=40))
    (notice,) = [one for one in by_hand(told) if one.bodies == ("court",)]
    assert (notice.status, notice.given_at) == ("given", at)
    (met,) = told.finished[len(file.finished) :]
    assert (met.clock.deadline.step, met.state, met.late_seconds) == ("N-11", "met", 3600)
    extra = given(told, "court", at, UUID(int=41))
    assert [one.status for one in by_hand(extra) if one.bodies == ("court",)] == ["given", "given"]
    assert len(extra.finished) == len(told.finished)


def test_copies_of_an_order_go_to_the_village_and_the_police_and_a_court_process_to_the_court() -> None:
    file = response_to("YX-07")
    step = ("G3", LADDER, ("village_committee", "police"))
    after = owing_for_ladder_step(file, *step, file.dispatched_at, CAUSE, POLICY, CALENDAR)
    copies = [notice for notice in after.notices if notice.notice == "N-8"]
    assert [(copy.bodies, copy.status, copy.cause) for copy in copies] == [
        (("village_committee",), "due", "G3"),
        (("police",), "due", "G3"),
    ]
    assert owing_for_ladder_step(after, *step, file.dispatched_at, UUID(int=36), POLICY, CALENDAR) == after
    assert ("court_process", "court") not in causes(after)
    court = owing_for_ladder_step(file, "G4", LADDER, (), file.dispatched_at, CAUSE, POLICY, CALENDAR)
    assert ("court_process", "court") in causes(court)


def test_a_copy_never_reaches_who_is_kept_out() -> None:
    restricted = response_to("YX-02")
    step = ("G3", LADDER, ("village_committee", "police"))
    after = owing_for_ladder_step(restricted, *step, restricted.dispatched_at, CAUSE, POLICY, CALENDAR)
    assert [notice.bodies for notice in after.notices if notice.notice == "N-8"] == [("police",)]
    blocked = replace(response_to("YX-07"), blocked=frozenset({"police"}))
    after = owing_for_ladder_step(blocked, *step, blocked.dispatched_at, CAUSE, POLICY, CALENDAR)
    assert [notice.bodies for notice in after.notices if notice.notice == "N-8"] == [("village_committee",)]
