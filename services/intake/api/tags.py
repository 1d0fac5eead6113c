"""Target-group tags set and ended by people, with a reason and their history (D-3.1 to D-3.10)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading
from chassis.problem import FieldError, Problem, conflict, forbidden, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.policy import Label
from services.intake.api.access import readable, who
from services.intake.api.on_file import lock_child, policy_at, readable_child
from services.intake.bodies import Body, ReasonCode
from services.intake.domain.tags import Refused, decide_tag, tag_rules
from services.intake.ledger import Ledger
from services.intake.store import tags as store
from services.intake.store.tags import TAG
from services.intake.views import children as views

router = APIRouter(prefix="/api/v1", tags=["tags"])


class TagBody(Body):
    """Set a tag, put it in another state, or end it. The reason is a code or the id of a note."""

    act: Literal["set", "end"] = "set"
    tag: str
    state: str | None = None
    reason: ReasonCode


class TagView(BaseModel):
    """A tag of a child from when to when. `source`: the policy's rules, a person, or a survey."""

    tag: str
    label: Label
    state: str | None
    source: str
    case_id: UUID | None
    set_at: datetime
    set_by: dict[str, Any]
    reason: str | None
    ended_at: datetime | None
    ended_by: dict[str, Any] | None
    end_reason: str | None


class TagsView(BaseModel):
    """What a child's tags are, and everything they were, the latest first."""

    child_id: UUID
    tags: list[TagView]
    history: list[TagView]


@router.get("/persons/{child_id}/tags")
async def read_tags(child_id: UUID, subject: Annotated[Subject, guard("person.read")], db: Reading) -> TagsView:
    """The tags of a child and their history."""
    now = await db.fetchval("SELECT app_now()")
    await readable_child(db, child_id, subject, "case.read", now, policy_at(now))
    return await _view(db, child_id, now)


@router.post("/persons/{child_id}/tags", response_model=TagsView)
async def change_tag_of_person(
    child_id: UUID, body: TagBody, subject: Annotated[Subject, guard("tag.write")], command: CommandOf
) -> Response:
    """Set or end a tag of a child, with or without a case."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        return Reply(200, await _change(tx, child_id, body, subject))

    return await command.run(act, body)


@router.post("/cases/{case}/tags", response_model=TagsView)
async def change_tag_of_case(
    case: str, body: TagBody, subject: Annotated[Subject, guard("tag.write")], command: CommandOf
) -> Response:
    """Set or end a tag of a case's child."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        record = await readable(tx.db, case, subject, "case.read")
        return Reply(200, await _change(tx, record.row["child_id"], body, subject))

    return await command.run(act, body)


async def _change(tx: Transaction, child_id: UUID, body: TagBody, subject: Subject) -> TagsView:
    policy = policy_at(tx.now)
    log = await lock_child(tx, child_id)
    families = (await store.families_of(tx.db, [child_id])).get(child_id, set())
    ledger = await Ledger.load(tx, families=families, children=[child_id])
    child = ledger.children.get(child_id)
    if child is None:
        raise not_found()
    await store.save_children(tx.db, [child], tx.now)  # a case that was not scored yet puts its child on file here
    await readable_child(tx.db, child_id, subject, "tag.write", tx.now, policy)
    held = next((one for one in ledger.held(child_id) if one.tag == body.tag), None)
    now = ledger.situation(child, policy)
    rules = tag_rules(policy.policy_version)
    decision = decide_tag(rules, policy.registers, subject, body.act, body.tag, body.state, held, now)
    if isinstance(decision, Refused):
        raise _problem(decision, held.state if held else None)
    by = subject.actor()
    if body.act == "end":
        span = ledger.span(child_id, TAG, body.tag)
        assert span is not None
        ledger.end(span, tx.now, by, body.reason)
    else:
        ledger.begin(child, TAG, body.tag, tx.now, by, state=decision, source="person", reason=body.reason)
    ledger.settle(child, policy, tx.now)
    await ledger.save()
    detail = {"child_id": str(child_id), "tag": body.tag, "state": decision, "reason": body.reason}
    tx.audit(log, f"tag.{body.act}", who(subject), detail)
    return await _view(tx.db, child_id, tx.now)


def _problem(refused: Refused, state: str | None) -> Problem:
    match refused.code:
        case "unknown_tag":
            return invalid(FieldError("#/tag", "unknown_tag", "没有这个对象类别", "no such tag"))
        case "unknown_state":
            return invalid(FieldError("#/state", "unknown_state", "该类别没有这个状态", "the tag has no such state"))
        case "not_your_tag":
            return forbidden("not_your_tag")
        case "already_set":
            return conflict("already_set", "已是该类别和状态", "The tag is set in this state", current_state=state)
        case "not_set":
            return conflict(
                "not_set", "没有该类别，不能结束", "The tag is not set, so it cannot end", current_state=None
            )
        case "case_open":
            title = "个案未销号，该类别随个案结束", "A case is open: this tag ends with it"
            return conflict("case_open", *title, current_state="open")
        case "ladder_open":
            title = (
                "监护干预措施未结束，该类别不能结束",
                "A guardian-ladder step is open: this tag cannot end before it",
            )
            return conflict("ladder_open", *title, current_state="open")


async def _view(db: Any, child_id: UUID, now: datetime) -> TagsView:
    policy = policy_at(now)
    spans = [TagView(label=policy.label("tag", row["tag"]), **row) for row in await views.tag_spans(db, child_id)]
    return TagsView(
        child_id=child_id,
        tags=[span for span in spans if span.ended_at is None],
        history=[span for span in spans if span.ended_at is not None],
    )
