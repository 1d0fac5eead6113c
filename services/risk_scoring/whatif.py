"""What-if: replays past assessments under another policy version in a read-only transaction, batch by batch."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from chassis.transaction import Connection
from contracts.policy import Policy, PolicyError, load_policy
from services.risk_scoring.domain.replaying import WhatIf
from services.risk_scoring.store.assessments import case_numbers, scored_between

BATCH = 500


async def replay(
    db: Connection,
    new: Policy,
    since: datetime,
    until: datetime,
    township: str | None = None,
    at_most: int | None = None,
) -> tuple[WhatIf, bool]:
    """Replay what was scored between two moments (in one township, if named), oldest first. True with it: there was more than `at_most`."""
    result, version = WhatIf(), _versions()
    after: tuple[datetime, UUID] | None = None
    async with db.transaction(isolation="repeatable_read", readonly=True):
        while rows := await scored_between(db, since, until, township, after, BATCH):
            for row in rows:
                if at_most is not None and result.replayed + result.unreadable >= at_most:
                    return result, True
                result.add(row, version(row["policy_version"]), new)
            after = (rows[-1]["assessed_at"], rows[-1]["assessment_id"])
    return result, False


async def numbers(db: Connection, result: WhatIf) -> dict[UUID, str]:
    """The case numbers of the children that differ."""
    return await case_numbers(db, {one.response_case_id for one in result.differing})


def _versions() -> Callable[[str], Policy | None]:
    @lru_cache(maxsize=32)
    def version(name: str) -> Policy | None:
        try:
            return load_policy(name)
        except PolicyError:
            return None

    return version
