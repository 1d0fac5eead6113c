"""People and moves for the tests of measures, conferences, money and providers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx

from chassis.testing import Running
from contracts.assistance import MeasureChanged, TaskFired
from contracts.directory import Provider, TownshipPublished
from tests.integration.assistance import story
from tests.integration.assistance.story import CASE, CIVIL_AFFAIRS, KEY, START, get, happen, id_of

SCHOOL: dict[str, Any] = {"sub": "sc-1", "staff": "ST701", "dept": "school", "org": "SC"}
JUSTICE: dict[str, Any] = {"sub": "ju-1", "staff": "ST801", "dept": "justice", "org": "JO"}
FINANCE: dict[str, Any] = {"sub": "fi-1", "staff": "ST901", "dept": "finance", "org": "FO"}
EMPLOYMENT: dict[str, Any] = {"sub": "em-1", "staff": "ST911", "dept": "employment", "org": "EO"}
VOLUNTEERS: dict[str, Any] = {"sub": "pv-2", "org": "PV02", "posts": ["provider"]}
OTHERS: dict[str, Any] = {"sub": "pv-1", "org": "PV01", "posts": ["provider"]}
CHILD = str(id_of("child"))


async def reported(app: Running, level: Any = "orange", **changes: Any) -> None:
    """A case that is fanned out, the child not yet safe."""
    facts = changes.pop("facts", {"age": 9})
    await happen(app, story.report(), story.risk(level, facts=facts), story.response(level, **changes))


async def safe(app: Running, level: Any = "orange", **changes: Any) -> None:
    """A case whose plan is open."""
    await reported(app, level, **changes)
    await happen(app, story.safety())


async def command(app: Running, path: str, who: dict[str, Any], body: Any = None, **headers: str) -> httpx.Response:
    """A command with a key of its own, at a version if `if_match` is given."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    key = {} if "if_match" in headers else {"Idempotency-Key": str(id_of(f"{path} {body} {who}"))}
    return await app.client.post(f"/api/v1/{path}", json=body, headers={**app.as_(**who), **key, **named})


async def ask(app: Running, code: str, owner: str, who: dict[str, Any] = CIVIL_AFFAIRS, **more: Any) -> httpx.Response:
    """Ask for a measure."""
    return await command(app, "measures", who, {"case_id": KEY, "code": code, "owner_department": owner, **more})


async def asked(app: Running, code: str, owner: str, who: dict[str, Any] = CIVIL_AFFAIRS, **more: Any) -> str:
    """A measure that was asked for."""
    answer = await ask(app, code, owner, who, **more)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["measure_id"])


async def step(app: Running, measure: str, act: str, who: dict[str, Any], body: Any = None) -> httpx.Response:
    """An act on a measure at the version the actor sees."""
    seen = await get(app, f"measures/{measure}", CIVIL_AFFAIRS)
    return await command(
        app, f"measures/{measure}/{act}", who, {} if body is None else body, if_match=seen.headers["ETag"]
    )


async def stepped(app: Running, measure: str, act: str, who: dict[str, Any], body: Any = None) -> dict[str, Any]:
    """An act that is let through."""
    answer = await step(app, measure, act, who, body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def changes(app: Running) -> list[tuple[str, str]]:
    """Every announced change of a measure: code and state."""
    return [(event.code, event.state) for event in await app.published(MeasureChanged)]


async def fired(app: Running) -> list[tuple[str, str, Sequence[str]]]:
    """Every announced clock of other work than visits: code, stage, who else hears."""
    return [(event.code, event.stage, event.targets) for event in await tasks_fired(app)]


async def tasks_fired(app: Running) -> list[TaskFired]:
    """Every clock that ran but those of visits, which every case has."""
    return [event for event in await app.published(TaskFired) if event.subject != "visit"]


async def silent(app: Running, advance: timedelta) -> bool:
    """Whether no clock runs in that time but those of visits."""
    before = len(await tasks_fired(app))
    await app.fire(advance)
    return len(await tasks_fired(app)) == before


async def township(app: Running) -> None:
    """The directory announces the township's providers."""
    published = TownshipPublished(
        township="YX", version=1, villages=(), groups=(), organisations=(), posts={}, policy_version="2026-11",
        publication_id=id_of("publication"),
        providers=(
            Provider(code="PV01", kind="provider", services=("PSYCHOLOGICAL",)),
            Provider(code="PV02", kind="volunteer_team", services=("YOUTH_MENTORING", "COMMUNITY_CARE")),
        ),
    )  # fmt: skip
    await app.publish(published, "YX")
    await app.settle()


async def in_days(app: Running, days: float) -> None:
    """The clock shows so many days after the report."""
    await app.set_clock(START + timedelta(days=days))


__all__ = ["CASE", "CHILD", "KEY"]
