"""Parts that no cell gives: by hand, by a later fact, safety-only; and parts taken back or moved without a return."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.risk_scoring import RiskAssessed
from services.dispatch.domain import commands as ask
from services.dispatch.domain.adding import (
    AddReferral,
    GiveSafetyTask,
    add_by_fact,
    add_referral,
    add_welfare_check,
    give_safety_task,
)
from services.dispatch.domain.referral import decide
from services.dispatch.domain.response import ResponseFile
from services.dispatch.domain.revising import Revised, revise_response
from tests.integration.dispatch.story import again, scored
from tests.samples.golden import CALENDAR, POLICY
from tests.unit.dispatch.running_cases import of, response_to, setting, signed

ADDED = POLICY.routing.added


def soon(file: ResponseFile, minutes: int = 5) -> datetime:
    return file.dispatched_at + timedelta(minutes=minutes)


def added(file: ResponseFile, department: str, role: str = "assist", reason: str = "new_facts") -> Revised:
    change = add_referral(file, AddReferral(department, role, reason), setting(soon(file)))
    assert isinstance(change, Revised), change
    return change


def assessed(name: str, file: ResponseFile, *, level: str | None = None, **facts: Any) -> RiskAssessed:
    data = scored(name)
    children = tuple(c.model_copy(update={"facts": {**c.facts, **facts}}) for c in data.children)
    return again(data, "assessment", level or file.level, soon(file, 30), children=children)


def rescored(name: str, file: ResponseFile, **facts: Any) -> ResponseFile:
    data = assessed(name, file, **facts)
    return revise_response(file, data, soon(file, 30), UUID(int=77), POLICY, CALENDAR).file


def clocks_of(file: ResponseFile, department: str) -> set[str]:
    return {clock.deadline.step for clock in file.clocks if clock.deadline.recipient == department}


# By hand -----------------------------------------------------------------------------------------------------------------


def test_civil_affairs_adds_a_department_with_a_reason_and_its_clocks_start_then() -> None:
    file = response_to("YX-04")
    assert "disabled_federation" not in file.roles
    change = added(file, "disabled_federation")
    referral = of(change.file, "disabled_federation")
    assert (referral.role, referral.state, referral.because) == ("assist", "issued", ("ADDED-new_facts:assist",))
    assert clocks_of(change.file, "disabled_federation") == {"S4", "task"}
    (s4,) = change.file.running("S4", recipient="disabled_federation")
    assert s4.deadline.anchored_at == soon(file)
    assert change.referrals == (referral,)
    assert {c.deadline.recipient for c in change.clocks} == {"disabled_federation"}


def test_an_informed_department_is_raised_and_signs_and_an_added_reader_has_no_clock() -> None:
    file = response_to("YX-01")
    assert file.roles["township_government"] == "inform"
    raised = added(file, "township_government").file
    assert (raised.roles["township_government"], clocks_of(raised, "township_government")) == ("assist", {"S4", "task"})
    reader = added(file, "youth_league", "inform").file
    assert (reader.roles["youth_league"], clocks_of(reader, "youth_league")) == ("inform", set())


def test_a_department_that_had_finished_signs_again() -> None:
    file = signed(response_to("YX-01"), "health", completed=True)
    change = added(file, "health")
    assert of(change.file, "health").state == "issued"
    assert clocks_of(change.file, "health") == {"S4", "task"}


def test_what_was_added_stays_when_the_case_is_routed_again() -> None:
    file = added(response_to("YX-04"), "finance", reason="conference_decision").file
    later = rescored("YX-04", file, enrolled=True)
    assert "ADDED-conference_decision:assist" in of(later, "finance").because


@pytest.mark.parametrize(
    ("case", "department", "role", "reason", "code"),
    [
        ("YX-01", "nobody", "assist", "new_facts", "unknown_department"),
        ("YX-01", "finance", "lead", "new_facts", "role_not_addable"),
        ("YX-01", "finance", "assist", "because", "unknown_reason"),
        ("YX-01", "health", "assist", "new_facts", "already_takes_part"),
        ("YX-04", "health", "assist", "new_facts", "department_kept_out"),
        ("YX-02", "village_committee", "assist", "new_facts", "department_kept_out"),
        ("YX-02", "township_government", "assist", "new_facts", "department_kept_out"),
    ],
)
def test_an_addition_is_refused_by_its_rule(case: str, department: str, role: str, reason: str, code: str) -> None:
    file = response_to(case)
    refused = add_referral(file, AddReferral(department, role, reason), setting(soon(file)))
    assert isinstance(refused, ask.Refused)
    assert refused.code == code


def test_a_closed_case_takes_nobody_in() -> None:
    file = response_to("YX-01")
    closed = file.closed(soon(file))
    for refused in (
        add_referral(closed, AddReferral("finance", "assist", "new_facts"), setting(soon(file))),
        give_safety_task(closed, GiveSafetyTask("finance", "watch_place", "police"), setting(soon(file))),
    ):
        assert isinstance(refused, ask.Refused)
        assert refused.code == "case_closed"


# Safety-only tasks -------------------------------------------------------------------------------------------------------


def test_the_police_lead_of_a_restricted_case_gives_the_village_a_task_and_no_more() -> None:
    file = response_to("YX-02")
    wish = GiveSafetyTask("village_committee", "watch_place", "police")
    change = give_safety_task(file, wish, setting(soon(file)))
    assert isinstance(change, Revised)
    told = of(change.file, "village_committee")
    assert (told.role, told.masked, told.safety_only) == ("assist", True, True)
    assert [task.zh for task in told.tasks] == [ADDED.safety_tasks[0].label.zh]
    assert clocks_of(change.file, "village_committee") == {"S4", "task"}
    own = {clock.deadline.step for clock in change.file.clocks if clock.deadline.department == "village_committee"}
    assert own == {"S4", "task"}, "the steps of the case stay with the township"
    later = rescored("YX-02", change.file, visible_injury=True)
    assert (later.roles["village_committee"], of(later, "village_committee").masked) == ("assist", True)


@pytest.mark.parametrize(
    ("case", "department", "task", "by", "code"),
    [
        ("YX-02", "village_committee", "watch_place", "civil_affairs", "police_lead_only"),
        ("YX-02", "village_committee", "ask_questions", "police", "unknown_task"),
        ("YX-02", "health", "watch_place", "police", "already_takes_part"),
        ("YX-01", "village_committee", "watch_place", "police", "not_restricted"),
        ("YX-02", "nobody", "watch_place", "police", "unknown_department"),
    ],
)
def test_a_safety_task_is_refused_by_its_rule(case: str, department: str, task: str, by: str, code: str) -> None:
    file = response_to(case)
    refused = give_safety_task(file, GiveSafetyTask(department, task, by), setting(soon(file)))
    assert isinstance(refused, ask.Refused)
    assert refused.code == code


def test_the_same_safety_task_is_given_once() -> None:
    file = response_to("YX-02")
    wish = GiveSafetyTask("youth_league", "stand_by", "police")
    first = give_safety_task(file, wish, setting(soon(file)))
    assert isinstance(first, Revised)
    again_asked = give_safety_task(first.file, wish, setting(soon(file), 1))
    assert isinstance(again_asked, ask.Refused)
    second = give_safety_task(first.file, replace(wish, task="escort"), setting(soon(file), 2))
    assert isinstance(second, Revised)
    assert len(of(second.file, "youth_league").tasks) == 2


# By a later fact ---------------------------------------------------------------------------------------------------------


def unheeded(file: ResponseFile) -> Revised:
    rule, at = ADDED.guardian_non_compliance, soon(file)
    return add_by_fact(file, rule, "GUARDIAN-NON-COMPLIANCE", at, at, UUID(int=5), POLICY, CALENDAR)


def test_a_guardian_who_did_not_heed_goes_to_the_police_who_had_no_task() -> None:
    file = response_to("YX-05")
    assert file.roles["police"] == "inform"
    change = unheeded(file)
    police = of(change.file, "police")
    assert (police.role, police.state) == ("assist", "issued")
    assert "GUARDIAN-NON-COMPLIANCE:assist" in police.because
    assert ADDED.guardian_non_compliance.task in police.tasks
    assert clocks_of(change.file, "police") == {"S4", "task"}


def test_police_who_have_the_case_already_keep_their_role_and_learn_of_it() -> None:
    file = signed(response_to("YX-07"), "police")
    change = unheeded(file)
    police = of(change.file, "police")
    assert (police.role, police.state) == ("lead", "acknowledged")
    assert "GUARDIAN-NON-COMPLIANCE:assist" in police.because
    assert change.referrals == (police,)
    assert change.clocks == ()


def test_police_who_had_finished_sign_again() -> None:
    change = unheeded(signed(unheeded(response_to("YX-05")).file, "police", completed=True))
    assert of(change.file, "police").state == "issued"


def test_above_a_blocked_police_station_the_county_is_told_by_hand() -> None:
    file = replace(response_to("YX-05"), blocked=frozenset({"police"}))
    change = unheeded(file)
    assert [(n.notice, n.bodies, n.status) for n in change.notices] == [("N-11", ("county_public_security",), "manual")]
    assert [clock.deadline.step for clock in change.clocks] == ["N-11"]


def test_failed_visits_at_red_call_the_police_to_see_the_child_the_same_day() -> None:
    file = response_to("YX-01")
    change = add_welfare_check(file, soon(file), soon(file), UUID(int=6), POLICY, CALENDAR)
    (check,) = change.file.running("welfare_check")
    assert (check.deadline.department, check.deadline.due - soon(file)) == ("police", timedelta(hours=6))
    assert ADDED.welfare_check.task in of(change.file, "police").tasks
    unseen = decide(
        ask.ReportArrival(soon(file), False, "township"), of(change.file, "police"), change.file, setting(soon(file))
    )
    assert isinstance(unseen, ask.Done)
    assert unseen.file.running("welfare_check")
    seen = decide(
        ask.ReportArrival(soon(file), True, "township"), of(change.file, "police"), change.file, setting(soon(file))
    )
    assert isinstance(seen, ask.Done)
    assert not seen.file.running("welfare_check")
    assert "welfare_check" in {one.clock.deadline.step for one in seen.met}


# Taken back --------------------------------------------------------------------------------------------------------------


def revoked(file: ResponseFile, department: str, *, supervisor: bool = False) -> ask.Decision:
    wish = ask.Revoke("no_longer_needed", supervisor)
    return decide(wish, of(file, department), file, setting(soon(file), 3))


def test_a_referral_taken_back_ends_with_its_clocks_and_stays_away_until_there_is_a_new_reason() -> None:
    file = response_to("YX-04")
    done = revoked(file, "justice")
    assert isinstance(done, ask.Done)
    assert (done.referral.state, done.referral.ended_reason) == ("ended", "revoked")
    assert "justice" not in done.file.roles
    same = rescored("YX-04", done.file, enrolled=True)
    assert "justice" not in same.roles
    with_reason = rescored("YX-04", done.file, parent_imprisoned=True)
    assert with_reason.roles["justice"] == "assist"
    by_hand = added(done.file, "justice").file
    assert by_hand.roles["justice"] == "assist"


def test_clocks_of_a_revoked_task_are_cancelled_and_never_late() -> None:
    file = response_to("YX-01")
    done = revoked(file, "health")
    assert isinstance(done, ask.Done)
    ended = {(one.clock.deadline.step, one.state, one.reason, one.late_seconds) for one in done.finished}
    assert ended == {("S4", "cancelled", "revoked", 0), ("task", "cancelled", "revoked", 0)}
    assert done.met == ()


def test_what_was_added_by_hand_can_be_taken_back_for_good() -> None:
    file = added(response_to("YX-04"), "finance").file
    done = revoked(file, "finance")
    assert isinstance(done, ask.Done)
    assert "finance" not in rescored("YX-04", done.file, enrolled=True).roles


@pytest.mark.parametrize(
    ("case", "department", "code"),
    [("YX-01", "police", "case_lead_stays"), ("YX-01", "civil_affairs", "coordinator_keeps")],
)
def test_the_case_lead_and_the_coordinator_are_not_taken_back(case: str, department: str, code: str) -> None:
    refused = revoked(response_to(case), department, supervisor=True)
    assert isinstance(refused, ask.Refused)
    assert refused.code == code


# Moved without a return --------------------------------------------------------------------------------------------------


def rerouted(file: ResponseFile, source: str, target: str, *, supervisor: bool = False) -> ask.Decision:
    wish = ask.Reroute(target, "wrong_department", supervisor)
    return decide(wish, of(file, source), file, setting(soon(file), 4))


def test_a_task_is_moved_in_one_act_with_clocks_of_its_own_and_stays_moved() -> None:
    file = response_to("YX-04")
    done = rerouted(file, "women_federation", "youth_league")
    assert isinstance(done, ask.Done)
    assert done.issued is not None
    assert (done.referral.ended_reason, done.issued.department, done.issued.role) == (
        "rerouted",
        "youth_league",
        "lead",
    )
    assert "REROUTED-women_federation:lead" in done.issued.because
    assert done.file.case_lead == "youth_league"
    assert clocks_of(done.file, "youth_league") == {"S4", "task"}
    later = rescored("YX-04", done.file, enrolled=True)
    assert "women_federation" not in later.roles
    assert later.case_lead == "youth_league"


def test_only_a_supervisor_moves_the_police_lead_of_a_red_case_of_harm() -> None:
    file = response_to("YX-01")
    refused = rerouted(file, "police", "justice")
    assert isinstance(refused, ask.Refused)
    assert (refused.code, refused.kind) == ("supervisor_needed", "duty")
    assert isinstance(rerouted(file, "police", "justice", supervisor=True), ask.Done)
    below_red = response_to("YX-07")
    assert below_red.roles["police"] == "lead"
    assert isinstance(rerouted(below_red, "police", "justice"), ask.Done)


def test_a_task_is_not_moved_to_who_is_kept_out_nor_a_notice_at_all() -> None:
    file = response_to("YX-01")
    for source, target, code in (
        ("health", "health", "same_department"),
        ("health", "nobody", "unknown_department"),
        ("township_government", "finance", "no_task_to_move"),
    ):
        refused = rerouted(file, source, target)
        assert isinstance(refused, ask.Refused)
        assert refused.code == code
    kept_out = rerouted(response_to("YX-02"), "health", "village_committee")
    assert isinstance(kept_out, ask.Refused)
    assert kept_out.code == "department_kept_out"


# Properties ---------------------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(st.sampled_from(("add", "revoke", "reroute", "comply", "score")), st.integers(0, 11), st.integers(0, 11)),
    max_size=8,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(st.sampled_from(["YX-01", "YX-04", "YX-05", "YX-13", "YX-14"]), steps)
def test_whatever_is_added_and_taken_back_there_is_one_lead_and_every_task_is_watched(
    name: str, path: list[tuple[str, int, int]]
) -> None:
    file = response_to(name)
    departments = list(POLICY.departments_by_code)
    for number, (what, one, other) in enumerate(path):
        now, department = soon(file, 5 + number), departments[one]
        held = file.referral_of(department)
        if what == "add":
            change = add_referral(file, AddReferral(department, "assist", "other"), setting(now, 100 + number))
            file = change.file if isinstance(change, Revised) else file
        elif what == "comply":
            rule = ADDED.guardian_non_compliance
            file = add_by_fact(file, rule, "G", now, now, UUID(int=500 + number), POLICY, CALENDAR).file
        elif what == "score":
            data = assessed(name, file, enrolled=one % 2 == 0, parent_imprisoned=other % 2 == 0)
            file = revise_response(file, data, now, UUID(int=600 + number), POLICY, CALENDAR).file
        elif held is not None:
            wish = ask.Revoke("other", True) if what == "revoke" else ask.Reroute(departments[other], "other", True)
            decision = decide(wish, held, file, setting(now, 200 + number))
            file = decision.file if isinstance(decision, ask.Done) else file
    assert file.case_lead in file.roles
    live = [referral.department for referral in file.referrals if referral.state != "ended"]
    assert len(live) == len(set(live))
    for referral in file.referrals:
        watched = clocks_of(file, referral.department) == {"S4", "task"}
        assert watched or not (referral.state == "issued" and referral.has_task), (
            referral.department,
            referral.because,
        )
    ids = [clock.id for clock in file.clocks] + [one.clock.id for one in file.finished]
    assert len(ids) == len(set(ids))
