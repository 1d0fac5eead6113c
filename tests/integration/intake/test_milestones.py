"""Ages that open something are announced once, of open cases only, and no birth date leaves the vault."""

from datetime import date, timedelta

import pytest

from chassis.testing import Running
from contracts.intake import ChildMilestoneReached
from services.intake import milestones
from services.intake.domain.adulthood import birthday
from services.intake.domain.numbers import ZONE
from tests.integration.intake.story import SECRETS, Desk

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]


async def reported(desk: Desk, name: str, born: date) -> str:
    """A case of a child of this birth date; its number."""
    secrets = {**SECRETS, "id_number": None, "name": name}
    child = {key: value for key, value in secrets.items() if value is not None}
    answer = await desk.report(child={**child, "birth_date": born.isoformat()}, place={"village": "V06", "group": 3})
    await desk.score(answer, "yellow")
    return str(answer["case_number"])


async def test_a_16th_birthday_and_the_last_month_of_childhood_are_announced_once(app: Running, desk: Desk) -> None:
    now = await app.database.now()
    today = now.astimezone(ZONE).date()
    turning = await reported(desk, "彭乐乐", birthday(today + timedelta(days=10), -16))
    leaving = await reported(desk, "宋小川", birthday(today + timedelta(days=40), -18))
    await reported(desk, "何苗苗", birthday(today - timedelta(days=3), -16))
    await reported(desk, "易小满", birthday(today - timedelta(days=90), -9))
    closed = await desk.report(
        child={"name": "石磊", "birth_date": birthday(today + timedelta(days=10), -16).isoformat()}
    )
    await desk.score(closed, "yellow")
    await desk.close(closed, await app.database.now())

    await milestones.work(app.process.runtime)
    assert await app.published(ChildMilestoneReached) == []
    await app.set_clock(now + timedelta(days=20))
    await milestones.work(app.process.runtime)
    await milestones.work(app.process.runtime)
    said = await app.published(ChildMilestoneReached)
    assert {(one.case_number, one.milestone) for one in said} == {(turning, "birthday_16"), (leaving, "age_17y11m")}
    assert len(said) == 2
    async with app.database.reading() as db:
        kept = await db.fetch("SELECT * FROM child_milestone")
    assert {row["announced_at"].date() for row in kept} == {(now + timedelta(days=20)).date()}
