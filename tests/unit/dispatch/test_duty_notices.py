"""Duty notices: who must be told what on receipt, and who must not."""

from datetime import timedelta
from typing import Any

import pytest

from services.dispatch.domain.notices import DutyNotice, duty_notices, notice_due
from tests.samples.golden import CALENDAR, POLICY, Child, Reporter, moment, respond, zero_points

RECEIVED = moment("2026-08-04T09:00:00+08:00")


def notices(*concerns: str, reporter: str = "public", **facts: Any) -> tuple[DutyNotice, ...]:
    result = respond((Child(concerns, facts, zero_points()),), RECEIVED, reporters=(Reporter(reporter),))
    response = result.response
    return duty_notices(
        response.children, result.routing, result.plan.guardian_notice, response.level, RECEIVED, POLICY, CALENDAR
    )


def told(given: tuple[DutyNotice, ...]) -> dict[str, set[str]]:
    by_notice: dict[str, set[str]] = {}
    for notice in given:
        by_notice.setdefault(notice.notice, set()).update(notice.recipients)
    return by_notice


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (notices("N5"), {}),
        (notices("H1", reporter="grid_member"),
         {"N-1": {"township_government", "police"}, "N-2": {"police", "civil_affairs"}}),
        (notices("N5", reporter="grid_member"), {}),
        (notices("N3", reporter="village_worker", de_facto_unsupported=True), {"N-1": {"township_government", "police"}}),
        (notices("H11"), {"N-2": {"police", "civil_affairs"}}),
        (notices("N6", reporter="teacher"), {"N-3": {"civil_affairs"}}),
        (notices("N9c", reporter="state_organ"), {"N-4": {"civil_affairs"}}),
        (notices("N6", reporter="doctor"), {}),
        (notices("N6", reporter="doctor", visible_injury=True), {"N-5": {"civil_affairs", "police"}}),
        (notices("N4"), {"N-7": {"township_government", "village_committee", "guardian", "youth_league"}}),
        (notices("N1"), {"N-6": {"police", "justice", "youth_league", "women_federation"}}),
    ],
    ids=["need only", "grid harm", "grid need", "village difficulty", "harm", "school", "state organ", "doctor", "injury",
         "dropout", "guardianship"],
)  # fmt: skip
def test_each_notice_has_its_cause_and_its_recipients(given: tuple[DutyNotice, ...], expected: Any) -> None:
    assert told(given) == expected


def test_civil_affairs_has_its_own_limit_at_the_higher_levels() -> None:
    due = {
        notice.recipients: notice.due - RECEIVED for notice in notices("H1", confined=True) if notice.notice == "N-2"
    }
    assert due == {("police",): timedelta(minutes=10), ("civil_affairs",): timedelta(minutes=30)}


def test_a_later_notice_counts_from_its_own_cause() -> None:
    issued = RECEIVED + timedelta(days=2)
    assert notice_due("yellow", "village_committee", issued, POLICY, CALENDAR).at == issued + timedelta(hours=24)


def test_the_guardianship_circulation_sends_a_masked_statistic_to_those_without_a_role() -> None:
    circulation = [notice for notice in notices("N2", "H5") if notice.notice == "N-6"]
    assert {(n.recipients, n.statistic_only) for n in circulation} == {
        (("police", "justice", "women_federation"), False),
        (("youth_league",), True),
    }
    assert all(notice.masked for notice in circulation)


def test_a_restricted_case_tells_only_departments_that_keep_a_role() -> None:
    given = told(notices("N4", "H2", enrolled=True))
    assert given["N-7"] == {"township_government", "guardian"}


def test_a_blocked_unit_is_told_nothing() -> None:
    assert told(notices("H1", conflict_unit="police"))["N-2"] == {"civil_affairs"}


def test_a_guardian_who_must_not_be_told_is_not_told_of_a_dropout_either() -> None:
    assert "guardian" not in told(notices("N4", guardian_suspected_harmer=True))["N-7"]
