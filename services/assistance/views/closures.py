"""The closure checklist with what each item still lacks."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from contracts.policy import Policy
from contracts.vocabulary import Actor
from services.assistance.domain.closure import Item
from services.assistance.domain.rounds import Round
from services.assistance.views.after_closure import NoticeView
from services.assistance.views.coded import Coded, coded


class ItemView(BaseModel):
    """One condition for closing. `detail` says in codes what is missing; `skipped`: the reason makes it moot."""

    code: str
    zh: str
    en: str
    state: Literal["ok", "open", "skipped"]
    detail: list[str]


class ConcurrenceView(BaseModel):
    """A party that must agree, and whether it did."""

    party: Literal["police", "responsible_leader"]
    by: Actor | None
    at: datetime | None


class ClosureView(BaseModel):
    """The road to closure: the checklist, the proposal if there is one, who agreed, and what was decided.

    `notices` says who was told, once it is closed.

    Without a waiting proposal the checklist is for `reason` as if nothing had been handed in yet.
    """

    case_id: UUID
    case_number: str
    response_no: int
    closure_id: UUID | None
    state: Literal["none", "requested", "refused", "closed"]
    reason: Coded
    ready: bool
    items: list[ItemView]
    concurrences: list[ConcurrenceView]
    proposed_by: Actor | None
    proposed_at: datetime | None
    decided_by: Actor | None
    decided_at: datetime | None
    refused_for: list[str]
    notices: list[NoticeView]
    available_actions: list[str]
    version: int


def items(found: Sequence[Item]) -> list[ItemView]:
    """The checklist for a reader."""
    return [
        ItemView(
            code=item.code,
            zh=item.text.zh,
            en=item.text.en,
            state="skipped" if item.skipped else "ok" if item.ok else "open",
            detail=list(item.detail),
        )
        for item in found
    ]


def closure(
    round_: Round,
    row: Mapping[str, Any] | None,
    reason: str,
    found: Sequence[Item],
    parties: Sequence[str],
    policy: Policy,
    actions: Sequence[str],
    notices: Sequence[NoticeView] = (),
) -> ClosureView:
    """The closure of this round for a reader; `row` is the newest proposal, if any."""
    said: Mapping[str, Any] = row or {}
    agreed = said.get("concurrences") or {}
    return ClosureView(
        case_id=round_.case_id,
        case_number=round_.case_number,
        response_no=round_.response_no,
        closure_id=said.get("closure_id"),
        state=said.get("state") or "none",
        reason=coded(policy, "closure_reason", reason),
        ready=all(item.ok for item in found),
        items=items(found),
        concurrences=[
            ConcurrenceView.model_validate({"by": None, "at": None, **agreed.get(p, {}), "party": p}) for p in parties
        ],
        proposed_by=said.get("proposed_by"),
        proposed_at=said.get("proposed_at"),
        decided_by=said.get("decided_by"),
        decided_at=said.get("decided_at"),
        refused_for=list(said.get("open_items") or []),
        notices=list(notices),
        available_actions=list(actions),
        version=round_.version,
    )
