"""Escalation: when each stage fires, who is told, and the paging of an unsigned RED referral."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.dispatch.domain.clocks import Deadline, arm_step
from services.dispatch.domain.escalation import (
    STAGES,
    Firing,
    escalation_plan,
    firing,
    moment,
    pages_at_dispatch,
    paging,
    roster_fallback,
)
from tests.samples.golden import CALENDAR, POLICY, Child, harmless, respond, zero_points
from tests.samples.golden import moment as at
from tests.samples.strategies import children, moments

RECEIVED = at("2026-08-04T09:00:00+08:00")


def armed(step: str, recipient: str | None = None, *, child: Child | None = None) -> Deadline:
    result = respond((child or Child(("H1",), {"confined": True}),), RECEIVED)
    return next(d for d in result.plan.deadlines if d.key == (step, recipient))


def plan(deadline: Deadline, level: str = "red", blocked: frozenset[str] = frozenset()) -> tuple[Firing, ...]:
    return escalation_plan(deadline, level, POLICY, CALENDAR, blocked)


def test_a_clock_warns_at_half_and_four_fifths_then_breaches_twice() -> None:
    assert [(f.stage, (f.at - RECEIVED) / timedelta(minutes=1)) for f in plan(armed("S5c"))] == [
        ("warn_50", 30), ("warn_80", 48), ("breach", 60), ("second_breach", 75),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("level", "delay"),
    [("red", timedelta(minutes=15)), ("orange", timedelta(hours=1)), ("yellow", timedelta(hours=12))],
)
def test_the_last_level_repeats_at_the_delay_of_the_level_without_end(level: str, delay: timedelta) -> None:
    deadline = armed("S5c")
    later = [firing(deadline, number, level, POLICY, CALENDAR) for number in (3, 4, 5, 50)]
    assert [f.at for f in later] == [deadline.due + n * delay for n in (1, 2, 3, 48)]
    assert [(f.stage, f.repeat_no) for f in later] == [
        ("second_breach", 0), ("repeat", 1), ("repeat", 2), ("repeat", 47),
    ]  # fmt: skip
    assert later[1].targets == later[0].targets


def test_at_blue_the_repetitions_fall_on_working_days() -> None:
    deadline = armed("S8", child=harmless(age=12))  # due Tuesday 25 August
    assert [moment(deadline, number, "blue", POLICY, CALENDAR) for number in (2, 3, 4, 6)] == [
        at(f"2026-08-{day}T17:30:00+08:00") for day in ("25", "26", "27", "31")
    ]


@pytest.mark.parametrize(
    ("step", "recipient", "warned", "breach", "second"),
    [
        ("S3", None, "hotline", ("hotline_shift_leader",), ("civil_affairs", "township_head")),
        ("S5a", None, "grid_member", ("village_director", "child_director"), ("township_head",)),
        ("S5b", None, "child_director", ("grid_head", "civil_affairs"), ("township_head",)),
        ("S5c", None, "police", ("responsible_leader",), ("township_head",)),
        ("S9", None, "civil_affairs", ("responsible_leader",), ("township_head",)),
        ("S4", "police", "police", ("responsible_leader",), ("township_head",)),
        ("S4", "village_committee", "village_committee", ("grid_head", "civil_affairs"), ("township_head",)),
        ("S4", "civil_affairs", "civil_affairs", ("responsible_leader",), ("township_head",)),
    ],
)
def test_each_tier_reports_to_the_next(
    step: str, recipient: str | None, warned: str, breach: tuple[str, ...], second: tuple[str, ...]
) -> None:
    stages = {f.stage: f for f in plan(armed(step, recipient))}
    assert stages["warn_50"].targets == stages["warn_80"].targets == (warned,)
    assert stages["breach"].targets == breach
    assert stages["second_breach"].targets == second
    assert stages["second_breach"].external == ("county_protection_office",)
    assert stages["breach"].external == ()


@pytest.mark.parametrize(
    ("step", "blocked", "breach", "external"),
    [
        ("S5a", "village_committee", ("township_government",), ()),
        ("S5b", "civil_affairs", ("grid_head",), ("county_civil_affairs",)),
        ("S5c", "township_government", (), ("county_government",)),
    ],
)
def test_a_blocked_unit_is_never_told_but_the_body_above_it(
    step: str, blocked: str, breach: tuple[str, ...], external: tuple[str, ...]
) -> None:
    [breached] = [f for f in plan(armed(step), blocked=frozenset({blocked})) if f.stage == "breach"]
    assert (breached.targets, breached.external) == (breach, external)


def test_a_restricted_case_never_escalates_to_the_village() -> None:
    restricted = respond((Child(("H2",)),), RECEIVED)
    visit = arm_step("S10", RECEIVED, restricted.response, POLICY, CALENDAR)
    village_posts = {
        "village_committee",
        *(post for tier in POLICY.tiers[1:3] for post in tier.posts),
        "village_director",
    }
    for deadline in (*restricted.plan.deadlines, visit):
        for fired in plan(deadline):
            assert village_posts.isdisjoint(fired.targets), deadline.step


def test_an_unsigned_red_referral_pages_the_next_person_every_five_minutes() -> None:
    deadline = armed("S4", "justice")
    pages = paging(deadline, "red", POLICY)
    assert pages is not None
    assert [(pages.at(number) - RECEIVED) / timedelta(minutes=1) for number in (0, 1, 2)] == [10, 15, 20]


@pytest.mark.parametrize(("step", "recipient", "level"), [("S4", "justice", "orange"), ("S5c", None, "red")])
def test_nothing_else_pages_the_roster(step: str, recipient: str | None, level: str) -> None:
    assert paging(armed(step, recipient), level, POLICY) is None


def test_red_pages_the_duty_leader_at_dispatch() -> None:
    assert pages_at_dispatch("red", POLICY) == ("duty_leader",)
    assert pages_at_dispatch("orange", POLICY) == ()


def test_an_empty_roster_falls_back_to_police_and_the_duty_room() -> None:
    assert roster_fallback(POLICY) == ("police", "duty_room")


def test_a_window_of_no_length_warns_at_its_deadline_not_before_or_after() -> None:
    past = (RECEIVED - timedelta(hours=1)).isoformat()
    late = armed("S6", child=Child(("H1",), {"confined": True, "safe_until": past}, zero_points()))
    assert [f.at for f in plan(late)][:3] == [late.due] * 3


# What holds for every clock --------------------------------------------------------------------------------------


@given(children(), moments, st.integers(4, 40))
def test_firings_are_strictly_ordered_and_depend_on_nothing_but_the_clock(
    child: Child, received: datetime, number: int
) -> None:
    result = respond((child,), received)
    level = result.response.level
    for deadline in result.plan.deadlines:
        assume(deadline.due > deadline.counted_from)
        firings: list[Any] = [*escalation_plan(deadline, level, POLICY, CALENDAR, result.routing.blocked)]
        firings += [firing(deadline, n, level, POLICY, CALENDAR, result.routing.blocked) for n in (number, number + 1)]
        moments_of = [f.at for f in firings]
        assert all(a < b for a, b in pairwise(moments_of))
        assert [f.stage for f in firings] == [*STAGES, "repeat", "repeat"]
        assert all(f.targets or f.external for f in firings)
        assert result.routing.blocked.isdisjoint(target for f in firings for target in f.targets)
