"""Who must be asked to a conference and when it must be; what may be handed to a provider."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest

from contracts.policy import load_calendar, load_policy
from services.assistance.domain.conferences import call_problems, must_be_invited, plan_due, record_problems
from services.assistance.domain.measures import Measure
from services.assistance.domain.providers import assign_problem
from services.assistance.domain.rounds import Round, Task

POLICY, CALENDAR = load_policy("2026-11"), load_calendar()
NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
TASKS = {
    uuid5(NAMESPACE_URL, department): Task(department, role)
    for department, role in {
        "police": "lead", "school": "assist", "village_committee": "assist", "youth_league": "inform",
    }.items()
}  # fmt: skip


def round_(**changes: Any) -> Round:
    known: dict[str, Any] = {
        "township": "YX", "village": "V01", "level": "orange", "started_at": NOW, "tasks": TASKS,
        "policy_version": "2026-11", **changes,
    }  # fmt: skip
    return Round(uuid5(NAMESPACE_URL, "case"), 1, "YX-1", **known)


def test_whoever_has_a_task_is_asked_and_nobody_who_may_not_know() -> None:
    assert must_be_invited(round_(), POLICY) == {"civil_affairs", "police", "school", "village_committee"}
    assert must_be_invited(round_(restricted=True), POLICY) == {"civil_affairs", "police", "school"}
    assert must_be_invited(round_(conflict_unit="school"), POLICY) == {"civil_affairs", "police", "village_committee"}


def test_the_first_conference_is_no_later_than_the_plans_limit() -> None:
    due = plan_due(round_(), POLICY, CALENDAR)
    assert due == datetime(2026, 3, 9, 9, 30, tzinfo=UTC)
    invited = sorted(must_be_invited(round_(), POLICY))
    for scheduled, codes in ((due, []), (due + timedelta(minutes=1), ["after_plan_due"]), (NOW, ["in_the_past"])):
        found = call_problems(invited, ["plan"], scheduled, round_(), NOW, POLICY, CALENDAR)
        assert [code for _, code, _ in found] == codes
    late = due + timedelta(days=1)
    assert call_problems(invited, ["plan"], late + timedelta(days=1), round_(), late, POLICY, CALENDAR) == ()
    agreed = round_(plan_agreed_at=NOW)
    assert call_problems(invited, ["plan"], late, agreed, NOW, POLICY, CALENDAR) == ()


@pytest.mark.parametrize(
    ("invited", "agenda", "changes", "field", "code"),
    [
        (["civil_affairs", "police"], ["plan"], {}, "invited", "invitation_missing"),
        (["civil_affairs", "police", "school", "village_committee", "elves"], ["plan"], {}, "invited", "unknown_code"),
        (["civil_affairs", "police", "school", "village_committee"], ["tea"], {}, "agenda", "unknown_code"),
        (
            ["civil_affairs", "police", "school", "village_committee"],
            ["plan"],
            {"restricted": True},
            "invited",
            "restricted_case",
        ),
        (
            ["civil_affairs", "police", "school", "village_committee"],
            ["plan"],
            {"conflict_unit": "school"},
            "invited",
            "conflict_of_interest",
        ),
    ],
)
def test_a_call_that_cannot_be_names_its_field(
    invited: list[str], agenda: list[str], changes: dict[str, Any], field: str, code: str
) -> None:
    found = call_problems(invited, agenda, NOW + timedelta(days=1), round_(**changes), NOW, POLICY, CALENDAR)
    assert [(name, rule) for name, rule, _ in found] == [(field, code)]


def test_the_record_names_only_those_asked_and_the_policys_codes() -> None:
    found = record_problems(["police", "health"], ["police"], ["plan"], ["plan_agreed", "party"], POLICY)
    assert [(name, code) for name, code, _ in found] == [("attended", "not_invited"), ("decisions", "unknown_code")]


# Providers -----------------------------------------------------------------------------------------------------------

TEAM = {"code": "PV02", "kind": "volunteer_team", "area": None, "services": ["YOUTH_MENTORING"]}


def problem(
    code: str = "YOUTH_MENTORING", provider: Any = TEAM, holder: str | None = None, **changes: Any
) -> str | None:
    entry, case = POLICY.assistance.by_code[code], round_(**changes)
    measure = Measure(case.case_id, case.case_id, 1, code, entry.owner, NOW, {}, provider=holder)
    found = assign_problem(measure, entry, case, provider)
    return None if found is None else found.rule


def test_work_goes_to_a_provider_that_offers_it_and_serves_the_place() -> None:
    assert problem() is None
    assert problem("PSYCHOLOGICAL") == "not_its_service"
    assert problem(provider=None) == "unknown_provider"
    assert problem(provider={**TEAM, "area": "V02"}) == "other_area"
    assert problem(provider={**TEAM, "area": "V01"}) is None
    assert problem(holder="PV01") == "provider_has_it"


def test_restricted_and_conflict_cases_and_acts_of_authority_stay_with_the_authorities() -> None:
    assert problem(restricted=True) == "restricted_case"
    assert problem(conflict_unit="school") == "restricted_case"
    anything = {**TEAM, "services": []}
    assert problem("ESCORT", anything) == "not_for_providers"
    assert problem("LEGAL_AID", anything) == "not_for_providers"
    assert problem("COMMUNITY_CARE", anything) is None
