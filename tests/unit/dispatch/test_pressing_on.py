"""催办, 督办 and 延期 as rules: who is pressed, what a reply and its lateness are, which clock may have more time."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.vocabulary import Actor
from services.dispatch.domain import extension, supervision
from services.dispatch.domain.commands import Refused
from services.dispatch.domain.escalation import escalation_plan
from services.dispatch.domain.extension import Extension
from services.dispatch.domain.opening import open_response
from services.dispatch.domain.response import Clock, ResponseFile
from services.dispatch.domain.supervision import Supervision
from services.dispatch.domain.units import township_of
from tests.integration.dispatch.story import scored, township
from tests.samples.golden import CALENDAR, POLICY

LEADER = Actor(kind="person", account="gov-1", staff="ST116", department="township_government")
POLICE = Actor(kind="person", account="ps-1", staff="ST091", organisation="YX-PS", department="police")
OFFICER = Actor(kind="person", account="ca-1", staff="ST088", department="civil_affairs")
ORDER, ASKED, NOTE = UUID(int=21), UUID(int=22), UUID(int=23)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def response_to(name: str = "YX-01") -> ResponseFile:
    data = scored(name)
    sent = data.effective_at + timedelta(minutes=1)
    return open_response(data, UUID(int=9), sent, township_of(township()), POLICY, CALENDAR)


def code(found: Any) -> str:
    assert isinstance(found, Refused), found
    return found.code


# 催办 ----------------------------------------------------------------------------------------------------------------


def test_an_urge_marks_the_queue_items_and_moves_no_clock() -> None:
    file = response_to()
    at = file.dispatched_at + HOUR
    urged = supervision.urge(file, ["YX-PS"], at)
    assert not isinstance(urged, Refused)
    after, reached = urged
    assert [one.department for one in reached] == ["police"]
    assert {r.department for r in after.referrals if r.urged_at == at} == {"police"}
    assert after.clocks == file.clocks


def test_without_names_an_urge_reaches_everybody_with_something_left_to_do() -> None:
    file = response_to()
    urged = supervision.urge(file, [], file.dispatched_at)
    assert not isinstance(urged, Refused)
    assert {one.department for one in urged[1]} == {d for d, role in file.roles.items() if role != "inform"}


@pytest.mark.parametrize(("named", "expected"), [(["YX-GOV"], "unit_without_task"), (["nowhere"], "unit_without_task")])
def test_only_units_with_a_task_are_pressed(named: list[str], expected: str) -> None:
    file = response_to()
    assert code(supervision.urge(file, named, file.dispatched_at)) == expected
    order = supervision.order(file, ORDER, named, LEADER, file.dispatched_at, None, POLICY, CALENDAR)
    assert code(order) == expected
    assert code(supervision.urge(replace(file, state="closed"), [], file.dispatched_at)) == "case_closed"


# 督办 ----------------------------------------------------------------------------------------------------------------


def ordered(file: ResponseFile, *units: str) -> tuple[Supervision, ResponseFile]:
    found = supervision.order(file, ORDER, units, LEADER, file.dispatched_at, NOTE, POLICY, CALENDAR)
    assert not isinstance(found, Refused)
    return found


@pytest.mark.parametrize(
    ("level", "due"),
    [
        ("red", 2 * HOUR),
        ("orange", 12 * HOUR),
        ("yellow", "2026-03-26T17:30:00+08:00"),
        ("blue", "2026-03-27T17:30:00+08:00"),
    ],
)
def test_each_unit_owes_a_reply_within_the_limit_of_the_level(level: str, due: timedelta | str) -> None:
    file = replace(response_to(), level=level)
    one, after = ordered(file, "YX-PS", "YX-HC")
    expected = file.dispatched_at + due if isinstance(due, timedelta) else datetime.fromisoformat(due)
    assert one.reply_due_at == expected
    clocks = after.running("supervision", about=ORDER)
    assert {(c.organisation, c.deadline.due) for c in clocks} == {("YX-PS", expected), ("YX-HC", expected)}
    assert {unit.deadline_id for unit in one.units} == {clock.id for clock in clocks}


def test_a_reply_that_does_not_come_breaches_along_the_chain_of_its_tier() -> None:
    _, after = ordered(response_to(), "YX-PS", "V01-VC")
    told = {
        clock.organisation: {f.stage: f.targets for f in escalation_plan(clock.deadline, "red", POLICY, CALENDAR)}
        for clock in after.running("supervision")
    }
    assert told["YX-PS"]["warn_50"] == ("police",)
    assert told["YX-PS"]["breach"] == ("responsible_leader",)
    assert told["V01-VC"]["breach"] == ("grid_head", "civil_affairs")
    assert told["YX-PS"]["second_breach"] == ("township_head",)


def test_a_reply_meets_its_own_clock_and_late_stays_late() -> None:
    one, after = ordered(response_to(), "YX-PS", "YX-HC")
    at = one.reply_due_at + timedelta(minutes=21)
    replied = supervision.reply(one, after, "YX-PS", POLICE, at, NOTE)
    assert not isinstance(replied, Refused)
    answered, met = replied
    assert {c.organisation for c in met.running("supervision")} == {"YX-HC"}
    assert [(unit.organisation, unit.late_seconds) for unit in answered.units if unit.replied_at] == [("YX-PS", 1260)]
    assert supervision.replied_event(answered, "YX-PS", met).late_seconds == 1260
    assert code(supervision.reply(answered, met, "YX-PS", POLICE, at, NOTE)) == "replied_before"
    assert code(supervision.reply(answered, met, "YX-FO", POLICE, at, NOTE)) == "not_supervised"


def test_lifting_an_order_ends_the_replies_still_owed_without_a_breach() -> None:
    one, after = ordered(response_to(), "YX-PS")
    lifted = supervision.lift(one, after, LEADER, after.dispatched_at + HOUR)
    assert not isinstance(lifted, Refused)
    ended, quiet = lifted
    assert quiet.running("supervision") == ()
    assert (quiet.finished[-1].state, quiet.finished[-1].reason) == ("cancelled", "supervision_lifted")
    assert code(supervision.lift(ended, quiet, LEADER, after.dispatched_at)) == "supervision_lifted"
    assert code(supervision.reply(ended, quiet, "YX-PS", POLICE, after.dispatched_at, NOTE)) == "supervision_lifted"


def test_a_closed_case_owes_no_reply() -> None:
    _, after = ordered(response_to(), "YX-PS")
    closed = after.closed(after.dispatched_at + DAY)
    assert closed.clocks == ()


# 延期 ----------------------------------------------------------------------------------------------------------------


def the(step: str, file: ResponseFile, department: str | None = None) -> Clock:
    return next(c for c in file.clocks if c.deadline.step == step and department in (None, c.deadline.department))


def wish(clock: Clock, until: datetime, at: datetime, **changes: Any) -> Extension:
    content: dict[str, Any] = {
        "extension_id": ASKED,
        "deadline_id": clock.id,
        "step": clock.deadline.step,
        "organisation": clock.organisation,
        "referral_id": clock.referral_id,
        "reason": "expert_report_pending",
        "until": until,
        "due_before": clock.deadline.due,
        "asked_by": POLICE,
        "asked_at": at,
    }
    return Extension(**{**content, **changes})


def asked(
    file: ResponseFile, clock: Clock, until: datetime | None = None, at: datetime | None = None, **more: Any
) -> Any:
    at = at or file.dispatched_at + timedelta(minutes=1)
    until = until or extension.latest(clock, file.level, POLICY, CALENDAR)
    earlier = more.pop("earlier", ())
    return extension.ask(clock, file, earlier, wish(clock, until, at, **more), POLICY, CALENDAR)


def test_a_task_may_be_asked_more_time_for_up_to_the_bound_of_the_level() -> None:
    file = response_to("YX-15")
    task = the("task", file)
    bound = extension.latest(task, "yellow", POLICY, CALENDAR)
    assert CALENDAR.working_days_between(task.deadline.due, bound) == 5
    assert asked(file, task) is None
    for until in (bound + timedelta(seconds=1), task.deadline.due, task.deadline.due - HOUR):
        refused = asked(file, task, until)
        assert (code(refused), refused.pointer, refused.kind) == ("extension_bound", "#/until", "input")


@pytest.mark.parametrize("level", ["red", "orange", "yellow", "blue"])
def test_answer_arrival_safety_and_notices_are_never_extended_at_any_level(level: str) -> None:
    for step in ("S2", "S3", "S4", "S5a", "S5b", "S5c", "S5p", "S6", "S7", "N-9", "rescore", "return_decision"):
        assert step not in POLICY.sla.extension.steps[level]
    file = replace(response_to(), level=level)
    for step in ("S4", "S5a", "S5b", "S5c", "S5p", "S6", "N-9"):
        assert code(asked(file, the(step, file), file.dispatched_at + 30 * DAY)) == "never_extended"


def test_an_expired_clock_gets_no_more_time_neither_asked_nor_granted() -> None:
    file = response_to("YX-15")
    task = the("task", file)
    assert code(asked(file, task, at=task.deadline.due)) == "deadline_passed"
    request = wish(task, extension.latest(task, "yellow", POLICY, CALENDAR), file.dispatched_at)
    late = extension.decide(request, task, file, True, None, OFFICER, task.deadline.due, POLICY, CALENDAR)
    assert code(late) == "deadline_passed"
    refused = extension.decide(request, task, file, False, None, OFFICER, task.deadline.due, POLICY, CALENDAR)
    assert not isinstance(refused, Refused)
    assert code(extension.ask(None, file, (), request, POLICY, CALENDAR)) == "deadline_ended"


def test_a_granted_clock_ends_at_the_moment_granted_and_is_extended_once() -> None:
    file = response_to("YX-15")
    task = the("task", file)
    at, until = file.dispatched_at + HOUR, task.deadline.due + DAY
    request = wish(task, extension.latest(task, "yellow", POLICY, CALENDAR), at)
    granted = extension.decide(request, task, file, True, until, OFFICER, at, POLICY, CALENDAR)
    assert not isinstance(granted, Refused)
    decided, after = granted
    moved = next(clock for clock in after.clocks if clock.id == task.id)
    assert (moved.deadline.due, decided.granted_until, decided.state) == (until, until, "granted")
    event = extension.decided_event(decided, after)
    assert event.deadline is not None
    assert event.deadline.due_at == until
    assert code(asked(after, moved)) == "extended_before"
    again = extension.decide(decided, moved, after, True, None, OFFICER, at, POLICY, CALENDAR)
    assert code(again) == "extension_decided"


def test_another_person_decides_and_only_one_request_waits() -> None:
    file = response_to("YX-15")
    task = the("task", file)
    request = wish(task, task.deadline.due + DAY, file.dispatched_at)
    own = extension.decide(request, task, file, True, None, POLICE, file.dispatched_at, POLICY, CALENDAR)
    assert code(own) == "second_person"
    assert code(asked(file, task, earlier=(request,))) == "extension_waiting"
    assert code(asked(file, task, reason="tired")) == "extension_reason"


def test_a_level_that_rose_meanwhile_decides_what_may_be_granted() -> None:
    file = response_to("YX-15")
    s8 = the("S8", file)
    request = wish(s8, s8.deadline.due + DAY, file.dispatched_at)
    risen = replace(file, level="red")
    found = extension.decide(request, s8, risen, True, None, OFFICER, file.dispatched_at, POLICY, CALENDAR)
    assert code(found) == "never_extended"
