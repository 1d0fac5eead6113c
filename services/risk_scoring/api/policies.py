"""Policy versions side by side, and what another one would have made of the past."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from chassis.auth import guard
from chassis.http import Reading
from chassis.problem import FieldError, invalid, not_found
from contracts.access import Subject
from contracts.policy import Policy, load_policy, policy_versions
from contracts.policy.differing import differences
from services.risk_scoring import whatif
from services.risk_scoring.api.steps import Body
from services.risk_scoring.rescreening import policy_on
from services.risk_scoring.views import policies as views
from services.risk_scoring.views.policies import PolicyDiff, PolicySummary, PolicyView, WhatIfView

SINCE_DAYS = 90
REPLAYED_MAX = 5_000
"""How many assessments one request replays; the command of the service has no limit."""

router = APIRouter(prefix="/api/v1/policies", tags=["policies"])


class WhatIfBody(Body):
    """Which version, and since when (default: the last 90 days)."""

    policy_version: str = Field(max_length=40)
    since: datetime | None = None


@router.get("")
async def list_policies(subject: Annotated[Subject, guard("policy.read")], db: Reading) -> list[PolicySummary]:
    """The versions loaded here, oldest first. New cases are opened under the newest that has started."""
    in_force = policy_on(await db.fetchval("SELECT app_now()")).policy_version
    return [views.summary(load_policy(version), in_force) for version in policy_versions()]


@router.get("/{policy_version}")
async def read_policy_version(
    policy_version: str, subject: Annotated[Subject, guard("policy.read")], db: Reading
) -> PolicyView:
    """A version with everything it says."""
    policy = _loaded(policy_version)
    return views.policy_view(policy, policy_on(await db.fetchval("SELECT app_now()")).policy_version)


@router.get("/{old_version}/diff/{new_version}")
async def read_policy_diff(
    old_version: str, new_version: str, subject: Annotated[Subject, guard("policy.read")]
) -> PolicyDiff:
    """Where two versions differ, entry by entry."""
    old, new = _loaded(old_version), _loaded(new_version)
    return views.policy_diff(old, new, differences(old, new))


@router.post("/what-if")
async def replay_what_if(
    body: WhatIfBody, subject: Annotated[Subject, guard("policy.what_if")], db: Reading
) -> WhatIfView:
    """Who would change level under this version, and why: past assessments replayed with the inputs they had."""
    if body.policy_version not in policy_versions():
        raise invalid(FieldError("#/policy_version", "unknown_policy", "没有这个策略版本", "no such policy version"))
    if body.since is not None and body.since.tzinfo is None:
        raise invalid(FieldError("#/since", "no_time_zone", "须带时区", "a time zone is needed"))
    policy = load_policy(body.policy_version)
    until: datetime = await db.fetchval("SELECT app_now()")
    since = body.since or until - timedelta(days=SINCE_DAYS)
    result, truncated = await whatif.replay(db, policy, since, until, subject.township, REPLAYED_MAX)
    return views.what_if_view(result, policy, await whatif.numbers(db, result), since, until, truncated)


def _loaded(version: str) -> Policy:
    if version not in policy_versions():
        raise not_found()
    return load_policy(version)
