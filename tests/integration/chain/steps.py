"""Short ways to do in a test what people do: send a golden case, act on a referral, wait for the chain."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from tests.bench.reports import body_of
from tests.chain import Chain

OPERATOR = "st127"
CIVIL_AFFAIRS = "st088"
SECONDS_MAX = 60.0

T = TypeVar("T")


def at(text: str) -> datetime:
    """A time of the samples."""
    return datetime.fromisoformat(text)


async def until(question: Callable[[], Awaitable[T | None]], what: str) -> T:
    """Ask until the answer is not None."""
    try:
        async with asyncio.timeout(SECONDS_MAX):
            while (answer := await question()) is None:
                await asyncio.sleep(0.03)
            return answer
    except TimeoutError:
        raise AssertionError(what) from None


async def send(product: Chain, case: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """Send a golden case as the hotline would, the clock standing just after the call."""
    body = {**body_of(case, received_at=case["received_at"]), **extra}
    answer = await product.post(OPERATOR, "intake", "/api/v1/reports", body)
    assert answer.status_code == 201, (case["id"], answer.text)
    return dict(answer.json())


async def response_of(product: Chain, case_id: str, *, report_id: str | None = None) -> dict[str, Any]:
    """The response of a case, once it is open and, when asked for, has taken in this report."""

    async def ask() -> dict[str, Any] | None:
        answer = await product.client.get(
            product.url("dispatch", f"/api/v1/responses/{case_id}"), headers=await product.login(CIVIL_AFFAIRS)
        )
        if answer.status_code == 404:
            return None
        assert answer.status_code == 200, answer.text
        found = dict(answer.json())
        if report_id and not any(clock.get("report_id") == report_id for clock in found["deadlines"]):
            return None
        return found

    return await until(ask, f"no response for {case_id}")


async def act(product: Chain, who: str, referral_id: str, action: str, **body: Any) -> dict[str, Any]:
    """Act on a referral at its present version; it must succeed."""
    seen = await product.get(who, "dispatch", f"/api/v1/referrals/{referral_id}")
    answer = await product.post(
        who, "dispatch", f"/api/v1/referrals/{referral_id}/actions/{action}", body, version=seen["version"]
    )
    assert answer.status_code == 200, (who, action, answer.status_code, answer.text)
    return dict(answer.json())


def referral(response: dict[str, Any], department: str) -> str:
    """The id of a department's open referral."""
    alive = (one for one in response["referrals"] if one["state"] != "ended")
    found: str = next(one["referral_id"] for one in alive if one["department"] == department)
    return found


def roles(response: dict[str, Any]) -> dict[str, str]:
    """Department → role of what was issued and not withdrawn."""
    return {r["department"]: r["role"] for r in response["referrals"] if r["state"] != "ended"}


def due(response: dict[str, Any], step: str, *, report_id: str | None = None) -> datetime | None:
    """When a step is due; of several (one per report), that of this report."""
    clocks = [c for c in response["deadlines"] if c["step"] == step and c["state"] != "cancelled"]
    if report_id is not None and any(c.get("report_id") == report_id for c in clocks):
        clocks = [c for c in clocks if c.get("report_id") == report_id]
    return datetime.fromisoformat(clocks[0]["due_at"]).astimezone(UTC) if clocks else None


def shortly_after(text: str) -> datetime:
    """The moment at which the operator presses send: four seconds into the call."""
    return at(text) + timedelta(seconds=4)
