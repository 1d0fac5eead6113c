"""The referral's state machine: what is open in which state, what each act does, and that page and refusal agree."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.dispatch.domain import commands as ask
from services.dispatch.domain.referral import ACTIONS, available_actions, decide
from services.dispatch.domain.response import ResponseFile
from tests.samples.golden import POLICY, golden_cases
from tests.unit.dispatch.running_cases import of, response_to, setting


def command_for(action: str, file: ResponseFile, now: datetime) -> Any:
    """A command of this action with content that is in order."""
    feedback = next((clock.about for clock in file.running("S13") if clock.about), file.report_id)
    tiers = ("township",)
    return {
        "acknowledge": ask.Acknowledge(),
        "return": ask.Return("not_our_duty", "finance"),
        "decide-return": ask.DecideReturn(False),
        "report-arrival": ask.ReportArrival(now, True, None, tiers),
        "confirm-safety": ask.ConfirmSafety("safe_place", now),
        "record-assessment": ask.RecordAssessment(file.children[0].child_id),
        "notify-guardian": ask.NotifyGuardian(),
        "give-feedback": ask.GiveFeedback(feedback),
        "complete": ask.Complete("done"),
        "revoke": ask.Revoke("no_longer_needed", supervisor=True),
        "reroute": ask.Reroute("finance", "wrong_department", supervisor=True),
        "see-amendment": ask.SeeAmendment(),
    }[action]


# The table ----------------------------------------------------------------------------------------------------------------

MOVABLE = ("revoke", "reroute")
"""Open to who coordinates, for every part but the case lead's own (which may only be moved) and the coordinator's."""
OPEN = ("acknowledge", "return", "report-arrival", "notify-guardian", "give-feedback")


@pytest.mark.parametrize(
    ("department", "changes", "expected"),
    [
        ("police", {}, (*OPEN, "reroute")),
        ("police", {"state": "acknowledged", "acknowledged_at": True}, (*OPEN[1:], "reroute", "complete?")),
        ("police", {"state": "returning"}, ("acknowledge", "decide-return", *OPEN[2:])),
        ("police", {"state": "completed", "acknowledged_at": True}, OPEN[3:]),
        ("police", {"state": "ended"}, ()),
        ("health", {}, (*OPEN[:3], *MOVABLE)),
        ("health", {"amended_at": True}, (*OPEN[:3], *MOVABLE, "see-amendment")),
        (
            "health",
            {"state": "acknowledged", "acknowledged_at": True},
            ("return", "report-arrival", "complete", *MOVABLE),
        ),
        ("health", {"state": "completed", "acknowledged_at": True}, ()),
        ("township_government", {}, ("acknowledge", "revoke")),
        ("township_government", {"state": "acknowledged", "acknowledged_at": True}, ("revoke",)),
        ("civil_affairs", {}, ("acknowledge", "report-arrival", "record-assessment")),
    ],
)
def test_what_is_open_follows_from_state_role_and_duty(
    department: str, changes: dict[str, Any], expected: tuple[str, ...]
) -> None:
    file = response_to("YX-01")
    now = file.dispatched_at + timedelta(minutes=1)
    changes = {name: now if name.endswith("_at") else value for name, value in changes.items()}
    referral = replace(of(file, department), **changes)
    open_now = available_actions(referral, file.with_referral(referral), now, POLICY)
    assert set(open_now) == {action for action in expected if not action.endswith("?")}


def test_the_lead_may_complete_once_safety_is_confirmed_and_others_at_any_time() -> None:
    file = response_to("YX-01")
    now = file.dispatched_at + timedelta(minutes=1)
    signed = {name: replace(of(file, name), state="acknowledged", acknowledged_at=now) for name in ("police", "health")}
    safe = replace(file, first_contact_at=now, safety_confirmed_at=now)
    assert "complete" not in available_actions(signed["police"], file, now, POLICY)
    assert "complete" in available_actions(signed["health"], file, now, POLICY)
    assert "complete" in available_actions(signed["police"], safe, now, POLICY)


def test_a_return_is_open_until_the_acknowledgement_limit_to_the_second() -> None:
    file = response_to("YX-01")
    referral = of(file, "health")
    assert referral.ack_due is not None
    assert "return" in available_actions(referral, file, referral.ack_due, POLICY)
    assert "return" not in available_actions(referral, file, referral.ack_due + timedelta(seconds=1), POLICY)


def test_a_refused_return_gives_back_the_state_before_it() -> None:
    file = response_to("YX-01")
    now = file.dispatched_at + timedelta(minutes=1)
    for sign_first in (False, True):
        current = file
        if sign_first:
            signed = decide(ask.Acknowledge(), of(current, "health"), current, setting(now))
            assert isinstance(signed, ask.Done)
            current = signed.file
        back = decide(ask.Return("duplicate", "finance"), of(current, "health"), current, setting(now, 1))
        assert isinstance(back, ask.Done)
        ruled = decide(ask.DecideReturn(False), of(back.file, "health"), back.file, setting(now, 2))
        assert isinstance(ruled, ask.Done)
        assert ruled.referral.state == ("acknowledged" if sign_first else "issued")
        assert ruled.file.running("return_decision") == ()


def test_a_task_handed_over_and_back_has_one_holder_and_one_set_of_clocks() -> None:
    file = response_to("YX-01")
    now = file.dispatched_at + timedelta(minutes=1)
    roles = dict(file.roles)
    for number, (source, target) in enumerate([("health", "finance"), ("finance", "health")]):
        back = decide(ask.Return("other", target), of(file, source), file, setting(now, 10 * number))
        assert isinstance(back, ask.Done)
        ruled = decide(ask.DecideReturn(True), of(back.file, source), back.file, setting(now, 10 * number + 1))
        assert isinstance(ruled, ask.Done)
        file = ruled.file
        assert target in file.roles
        assert source not in file.roles
        for step in ("S4", "task"):
            assert [c.deadline.recipient for c in file.running(step) if c.deadline.recipient in (source, target)] == [
                target
            ]
    assert file.roles == roles
    assert of(file, "health").buck_passing
    assert file.moves == {"finance": "health"}


# Properties ---------------------------------------------------------------------------------------------------------------

names = st.sampled_from([case["id"] for case in golden_cases() if case["expected"]["disposition"] != "transfer_out"])
steps = st.lists(st.tuples(st.integers(0, 30), st.integers(0, len(ACTIONS) - 1), st.integers(0, 200)), max_size=12)


def walked(name: str, path: list[tuple[int, int, int]]) -> tuple[ResponseFile, datetime]:
    """A response after a random walk of acts; what is refused changes nothing."""
    file = response_to(name)
    now = file.dispatched_at
    for number, (who, what, minutes) in enumerate(path):
        now += timedelta(minutes=minutes)
        referral = file.referrals[who % len(file.referrals)]
        action = list(ACTIONS)[what]
        decision = decide(command_for(action, file, now), referral, file, setting(now, number))
        if isinstance(decision, ask.Done):
            file = decision.file
    return file, now


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(names, steps)
def test_an_action_is_offered_exactly_when_it_is_not_refused_for_state_or_duty(
    name: str, path: list[tuple[int, int, int]]
) -> None:
    file, now = walked(name, path)
    for referral in file.referrals:
        offered = available_actions(referral, file, now, POLICY)
        for action in ACTIONS:
            decision = decide(command_for(action, file, now), referral, file, setting(now, 99))
            refused = isinstance(decision, ask.Refused) and decision.kind in ("state", "duty")
            assert (action in offered) is not refused, (referral.department, referral.state, action, decision)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(names, steps)
def test_whatever_people_do_every_open_task_is_watched_and_no_clock_is_lost(
    name: str, path: list[tuple[int, int, int]]
) -> None:
    file, _ = walked(name, path)
    ids = [clock.id for clock in file.clocks] + [one.clock.id for one in file.finished]
    assert len(ids) == len(set(ids))
    for referral in file.referrals:
        watched = file.next_clock(referral) is not None
        assert watched or not (referral.open and referral.has_task), (referral.department, referral.state)
    live = [referral.department for referral in file.referrals if referral.state != "ended"]
    assert len(live) == len(set(live))
    started = {clock.id for clock in response_to(name).clocks}
    assert started <= set(ids)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=40)
@given(names, steps)
def test_deciding_the_same_twice_makes_the_same_value(name: str, path: list[tuple[int, int, int]]) -> None:
    assert walked(name, path) == walked(name, path)
