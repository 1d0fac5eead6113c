"""Every step of every tier at every level: the limits of the township's table (requirement text, section 3.3), as armed."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.dispatch.domain.clocks import arm, arm_step
from services.dispatch.domain.counting import limit_named, rule_of
from tests.samples.golden import CALENDAR, POLICY, Child, Result, harmless, moment, respond, zero_points

RECEIVED = moment("2026-08-04T09:00:00+08:00")
"""A Tuesday in a month without a holiday."""
LEVELS = ("red", "orange", "yellow", "blue")
M, H, D = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def wd(day: str) -> datetime:
    """The end of a working day in August or September 2026."""
    return moment(f"2026-{day}T17:30:00+08:00")


CHILDREN = {
    "red": Child(("H1",), {"confined": True}, zero_points()),
    "orange": Child(("H1",), {"visible_injury": True, "abuser_co_resident": True}, zero_points()),
    "yellow": Child(("N5",), {}, zero_points(A1="unknown")),
    "blue": Child(("N5",), {}, zero_points()),
}

# step: owner's tier, anchor, then RED, ORANGE, YELLOW, BLUE; a duration counts from the anchor, None = no such clock.
TABLE: dict[str, tuple[str, str, tuple[timedelta | datetime | None, ...]]] = {
    "S2": ("hotline", "received", (10 * M, 30 * M, 2 * H, wd("08-05"))),
    "S3": ("hotline", "received", (10 * M, 30 * M, 2 * H, wd("08-05"))),
    "S4": ("township", "dispatched", (10 * M, 30 * M, 12 * H, wd("08-05"))),
    "S5a": ("group", "received", (30 * M, 2 * H, 24 * H, wd("08-07"))),
    "S5b": ("village", "received", (1 * H, 4 * H, 48 * H, wd("08-11"))),
    "S5c": ("township", "received", (1 * H, 12 * H, 72 * H, wd("08-18"))),
    "S5p": ("township", "dispatched", (60 * M, 2 * H, None, None)),
    "S6": ("township", "received", (4 * H, 24 * H, 72 * H, wd("08-18"))),
    "S7": ("township", "received", (10 * M, 30 * M, 24 * H, wd("08-07"))),
    "S8": ("village", "received", (24 * H, wd("08-07"), wd("08-13"), wd("08-25"))),
    "S9": ("township", "received", (wd("08-07"), wd("08-11"), wd("08-18"), wd("09-01"))),
    "S10": ("group", "safety_confirmed", (24 * H, 72 * H, 7 * D, 30 * D)),
    "S11": ("village", "last_assessment", (7 * D, 30 * D, 90 * D, 180 * D)),
    "S12": ("township", "requested", (wd("08-18"), wd("08-11"), wd("08-11"), wd("08-11"))),
    "S13": ("township", "received", (wd("08-07"), wd("08-07"), wd("08-11"), wd("08-18"))),
}
LATER = ("S10", "S11", "S12")


def at_level(level: str) -> Result:
    result = respond((CHILDREN[level],), RECEIVED)
    assert result.response.level == level
    return result


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("step", TABLE)
def test_each_step_is_due_as_the_table_says(step: str, level: str) -> None:
    tier, anchor, limits = TABLE[step]
    expected = limits[LEVELS.index(level)]
    result = at_level(level)
    if step in LATER:
        found = [arm_step(step, RECEIVED, result.response, POLICY, CALENDAR)]
    else:
        found = [d for d in result.plan.deadlines if d.step == step and (step != "S4" or d.tier == "township")]
    if expected is None:
        assert found == []
        return
    (armed,) = found[:1]
    assert armed.due == (expected if isinstance(expected, datetime) else RECEIVED + expected)
    assert (armed.tier, armed.anchor) == (tier, anchor)
    assert armed.rule.startswith(f"sla.steps.{step}.limits.{level}")


def test_the_table_has_every_step_of_the_policy_but_the_answering_of_calls() -> None:
    assert set(TABLE) == set(POLICY.steps) - {"S1"}
    answer = POLICY.steps["S1"].limits_by_medium
    assert {medium: (limit.seconds, limit.minutes, limit.hours) for medium, limit in answer.items()} == {
        "call": (15, None, None), "text": (None, 3, None), "mailbox": (None, None, 24),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("concern", "called"),
    [(c, c in ("H1", "H2", "H3", "H6", "H7", "H8", "H9")) for c in (x.code for x in POLICY.concerns)],
)
def test_at_orange_the_police_are_called_out_for_exactly_the_listed_harms(concern: str, called: bool) -> None:
    child = Child((concern,), {"age": 16}, zero_points())
    response = respond((child,), RECEIVED).response
    plan = arm(replace(response, level="orange"), POLICY, CALENDAR)
    assert (plan.due("S5p") is not None) is called


@pytest.mark.parametrize(("zone", "minutes"), [("town", 5), ("outskirts", 10), ("rural", 60)])
def test_the_call_out_at_red_is_capped_by_zone(zone: str, minutes: int) -> None:
    due = respond((CHILDREN["red"],), RECEIVED, zone=zone).plan.due("S5p")
    assert due == RECEIVED + minutes * M


@pytest.mark.parametrize(
    ("step", "level", "anchor", "due"),
    [
        # A Friday before the nine-day Spring Festival of 2026 (15 to 23 February; 14 February is a make-up workday).
        ("S8", "orange", "2026-02-13T10:00:00+08:00", "2026-02-18T17:30:00+08:00"),
        ("S9", "red", "2026-02-13T10:00:00+08:00", "2026-02-18T17:30:00+08:00"),
        ("S9", "orange", "2026-02-13T10:00:00+08:00", "2026-02-23T17:30:00+08:00"),
        ("S13", "red", "2026-02-13T10:00:00+08:00", "2026-02-20T17:30:00+08:00"),
        ("S9", "yellow", "2026-02-13T10:00:00+08:00", "2026-03-05T17:30:00+08:00"),
        # An ordinary week: the cap never bites.
        ("S9", "orange", "2026-08-04T09:00:00+08:00", "2026-08-11T17:30:00+08:00"),
    ],
)
def test_a_long_holiday_never_postpones_red_and_orange_beyond_their_cap(
    step: str, level: str, anchor: str, due: str
) -> None:
    limit = limit_named(rule_of(step, level, POLICY), POLICY)
    assert CALENDAR.due_at(limit, moment(anchor)).at == moment(due)


@pytest.mark.parametrize(
    "case",
    [
        ({"concerns": ("H2",)}, "restricted"),
        ({"concerns": ("N5",), "facts": {"conflict_unit": "school"}}, "conflict_of_interest"),
    ],
)
def test_restricted_and_conflict_cases_skip_group_and_village_and_the_township_takes_the_groups_limit(
    case: Any,
) -> None:
    made, reason = case
    plan = respond((Child(made["concerns"], made.get("facts", {}), zero_points()),), RECEIVED).plan
    assert plan.not_created["S5a"] == plan.not_created["S5b"] == reason
    s5c = next(d for d in plan.deadlines if d.step == "S5c")
    assert s5c.rule.startswith("sla.steps.S5a.limits.")


def test_at_red_a_restricted_case_gives_the_lead_thirty_minutes() -> None:
    result = respond((Child(("H2",), {"confined": True}, zero_points()),), RECEIVED)
    assert result.response.level == "red"
    assert result.plan.due("S5c") == RECEIVED + 30 * M


def test_a_yellow_report_without_harm_needs_no_call_out_and_a_harmless_child_is_blue() -> None:
    assert respond((harmless(age=12),), RECEIVED).response.level == "blue"
