"""Which ages a child has reached that open something: 16 the employment menu, 17 years and 11 months the exit plan. Pure."""

from datetime import date, timedelta
from typing import Literal

from services.intake.domain.adulthood import birthday

Milestone = Literal["birthday_16", "age_17y11m"]
SIXTEEN = 16
LOOK_BACK = timedelta(days=60)
"""How long after a 16th birthday it is still announced, should this work have stood still. Older ones the routing knows."""


def reached(born: date, opened_on: date, today: date) -> tuple[Milestone, ...]:
    """The milestones to announce of a child whose case was opened on a day.

    They count once the week has turned, so that the day of an announcement is nobody's birthday. A case that opens after
    the 16th birthday has its menu from the age; the exit plan is owed however late the case came.
    """
    turned = today - timedelta(days=today.weekday())
    found: list[Milestone] = []
    if opened_on < birthday(born, SIXTEEN) <= turned < birthday(born, SIXTEEN) + LOOK_BACK:
        found.append("birthday_16")
    if exit_plan_on(born) <= turned and today < birthday(born):
        found.append("age_17y11m")
    return tuple(found)


def exit_plan_on(born: date) -> date:
    """The day of 17 years and 11 months: a month before the 18th birthday, the last of that month where it is shorter."""
    adult = birthday(born)
    last_of_month_before = adult.replace(day=1) - timedelta(days=1)
    return last_of_month_before.replace(day=min(adult.day, last_of_month_before.day))
