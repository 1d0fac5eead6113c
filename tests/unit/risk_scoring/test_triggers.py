"""Which reassessment an event calls for, what it says with certainty, and what a surveyed child suggests."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from contracts.assistance import ComplianceChecked, LadderStepRecorded, MeasureChanged, OrderEnded, VisitFailed
from contracts.intake import ChildSurveyed
from contracts.policy.reassessment import Learned
from contracts.vocabulary import SYSTEM
from services.risk_scoring.domain import triggers
from services.risk_scoring.domain.screening import screen
from tests.samples.golden import POLICY, zero_points

NOW = datetime(2026, 3, 24, 6, 20, tzinfo=UTC)
ID = UUID(int=1)
CASE: dict[str, Any] = {"case_id": ID, "case_number": "YX-1", "township": "YX", "by": SYSTEM, "at": NOW}


@pytest.mark.parametrize(
    ("failure", "in_a_row", "expected"),
    [
        ("nobody_home", 1, ()),
        ("nobody_home", 2, ("two_failed_visits",)),
        ("entry_refused", 1, ("entry_refused",)),
        ("child_not_shown", 3, ("two_failed_visits", "entry_refused")),
        ("moved_away", 1, ("child_moves",)),
    ],
)
def test_a_failed_visit_calls_for_what_its_failure_means(failure: Any, in_a_row: int, expected: Any) -> None:
    visit = VisitFailed(
        case_id=ID, post="grid_member", attempted_at=NOW, failure=failure, failures_in_row=in_a_row, level="blue",
        by=SYSTEM,
    )  # fmt: skip
    assert triggers.of_failed_visit(visit) == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("warning_letter", triggers.OrderNews("order_issued", {"warning_letter_in_force": True})),
        ("protection_order", triggers.OrderNews("order_issued", {"protection_order_in_force": True})),
        ("family_education_order", triggers.OrderNews("order_issued", {})),
        ("interview", None),
    ],
)
def test_an_order_of_the_ladder_is_a_reason_and_a_talk_is_none(document: str, expected: Any) -> None:
    step = LadderStepRecorded(**CASE, ladder_step_id=ID, step="G3", document=document, issuer="police", issued_on=NOW)
    assert triggers.of_order(step, POLICY) == expected


def test_a_breach_and_an_end_of_an_order_are_reasons_and_a_kept_order_is_none() -> None:
    def check(**said: Any) -> ComplianceChecked:
        return ComplianceChecked(**CASE, ladder_step_id=ID, step="G3", document="warning_letter", **said)

    assert triggers.of_order(check(complied=False, breached_order=True), POLICY) == triggers.OrderNews(
        "order_breached", {}
    )
    assert triggers.of_order(check(complied=True), POLICY) is None
    ended = OrderEnded(case_id=ID, ladder_step_id=ID, document="warning_letter", cause="expired", at=NOW)
    assert triggers.of_order(ended, POLICY) == triggers.OrderNews("order_ended", {"warning_letter_in_force": False})


@pytest.mark.parametrize(
    ("code", "state", "expected"),
    [
        ("DIBAO", "granted", "benefit_granted"),
        ("DIBAO", "stopped", "benefit_stopped"),
        ("DIBAO", "requested", None),
        ("LOCATE", "granted", None),
        ("NO_SUCH_MEASURE", "granted", None),
    ],
)
def test_a_benefit_granted_or_stopped_is_a_reason(code: str, state: Any, expected: str | None) -> None:
    measure = MeasureChanged(
        case_id=ID, measure_id=ID, code=code, department="civil_affairs", state=state, by=SYSTEM, at=NOW
    )
    assert triggers.of_measure(measure, POLICY) == expected


def test_every_trigger_that_is_raised_here_is_one_of_the_policy() -> None:
    raised = {
        "order_issued",
        "order_breached",
        "order_ended",
        "benefit_granted",
        "benefit_stopped",
        "two_failed_visits",
    }
    raised |= {"entry_refused", "child_moves", "closure_request", "new_report", "on_scene_findings", "scheduled_review"}
    raised |= {"placement_start", "placement_move", "placement_end", "birthday_16", "age_17y11m"}
    assert raised <= POLICY.risk.reassessment.by_code.keys()
    signals = {trigger.code for trigger in POLICY.risk.reassessment.triggers if trigger.signal}
    assert raised | signals == POLICY.risk.reassessment.by_code.keys()


def test_what_an_event_says_with_certainty_joins_what_the_policy_says_of_its_trigger() -> None:
    assert triggers.says("absent_3_school_days", POLICY) == Learned(answers={"D2": "absent"})
    assert triggers.says("order_issued", POLICY, {"warning_letter_in_force": True}).facts == {
        "warning_letter_in_force": True
    }


# Surveys -----------------------------------------------------------------------------------------------------------


def surveyed(**said: Any) -> ChildSurveyed:
    return ChildSurveyed(
        child_id=ID, survey_id=ID, township="YX", policy_version=POLICY.policy_version, by=SYSTEM, at=NOW,
        **{"answers": zero_points(), "facts": {"age": 9}, **said},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "level", "suggests"),
    [
        ({}, "blue", "register_only"),
        ({"answers": {}}, "yellow", "fact_finding"),
        ({"concerns": ("N4",), "answers": zero_points(D2="dropout")}, "yellow", "fact_finding"),
        ({"concerns": ("H4",)}, "yellow", "open_case"),
        ({"facts": {"age": 9, "de_facto_unsupported": True}}, "orange", "open_case"),
        ({"facts": {"age": 9, "confined": True}}, "red", "open_case"),
        ({"answers": {}, "level_in_force": "orange"}, "yellow", "register_only"),
        ({"facts": {"age": 9, "confined": True}, "level_in_force": "orange"}, "red", "fact_finding"),
    ],
)
def test_a_survey_row_suggests_what_its_result_calls_for(said: Any, level: str, suggests: str) -> None:
    screened = screen(surveyed(**said), POLICY)
    assert (screened.level, screened.suggests) == (level, suggests)
