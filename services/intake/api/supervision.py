"""Permission for secret fields, the access log, and the review of break-glass."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, conflict, forbidden, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import Subject
from services.intake.api.access import readable, who
from services.intake.bodies import Body, ReasonCode, Short
from services.intake.sight import NARRATIVE, NOTE, REPORTER_FIELDS
from services.intake.store import supervision as store
from services.intake.store.supervision import NewGrant
from services.intake.views import file as views
from services.intake.views.file import AccessLog, GrantView, ReviewView
from services.intake.watchdog import review_clock_id

router = APIRouter(prefix="/api/v1", tags=["supervision"])

SUPERVISOR = "civil_affairs_supervisor"
SECRET_FIELDS = frozenset({NARRATIVE, NOTE, *REPORTER_FIELDS})
REPORTER_IDENTITY = "reporter_identity"
MAX_HOURS = 24 * 30


class GrantBody(Body):
    """Which secret fields, for whom. Without `account` it is a request for oneself, to be decided by a supervisor.

    `reporter_identity` stands for all fields of the reporter.
    """

    account: Short | None = None
    fields: list[str] = Field(min_length=1, max_length=10)
    reason: ReasonCode
    hours: int = Field(default=72, ge=1, le=MAX_HOURS)


class GrantDecision(Body):
    """The supervisor's word on a request."""

    granted: bool
    hours: int = Field(default=72, ge=1, le=MAX_HOURS)


class ReviewDecision(Body):
    """What the supervisor found of a break-glass reading."""

    outcome: Literal["justified", "unjustified"]


@router.post("/cases/{case}/grants", status_code=201, response_model=GrantView)
async def create_grant(
    case: str, body: GrantBody, subject: Annotated[Subject, guard("file.read")], command: CommandOf
) -> Response:
    """A supervisor grants a named person secret fields; anybody else asks for oneself (two persons, always)."""
    command.require_key()
    fields = _secret(body.fields)

    async def act(tx: Transaction) -> Reply:
        record = await readable(tx.db, case, subject, "file.read")
        await tx.lock([str(record.family_id)])
        given = body.account is not None and body.account != subject.account
        if given and SUPERVISOR not in subject.posts:
            raise forbidden("supervisor_only")
        actor = who(subject)
        grant = NewGrant(
            grant_id=tx.new_id("grant"),
            case_id=record.case_id,
            account=body.account or subject.account,
            fields=fields,
            reason=body.reason,
            state="granted" if given else "requested",
            requested_by=actor,
            requested_at=tx.now,
            decided_by=actor if given else None,
            decided_at=tx.now if given else None,
            expires_at=tx.now + timedelta(hours=body.hours) if given else None,
        )
        await store.add_grant(tx.db, grant)
        _log(tx, record.family_id, f"grant.{grant.state}", subject, grant.grant_id, fields, grant.account)
        return Reply(201, GrantView.model_validate(grant, from_attributes=True))

    return await command.run(act, body)


@router.post("/cases/{case}/grants/{grant_id}/actions/decide", response_model=GrantView)
async def decide_grant(
    case: str,
    grant_id: UUID,
    body: GrantDecision,
    subject: Annotated[Subject, guard("file.read")],
    command: CommandOf,
) -> Response:
    """Grant or refuse a request. Only a civil-affairs supervisor, and never one's own."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        record = await readable(tx.db, case, subject, "file.read")
        await tx.lock([str(record.family_id)])
        grant = await store.find_grant(tx.db, record.family_id, grant_id)
        if grant is None:
            raise not_found()
        if SUPERVISOR not in subject.posts or grant["account"] == subject.account:
            raise forbidden("supervisor_only")
        if grant["state"] != "requested":
            raise conflict("already_decided", "已作决定", "It was decided already", current_state=grant["state"])
        state = "granted" if body.granted else "refused"
        expires_at = tx.now + timedelta(hours=body.hours) if body.granted else None
        await store.decide_grant(tx.db, grant_id, state, who(subject), tx.now, expires_at)
        _log(tx, record.family_id, f"grant.{state}", subject, grant_id, grant["fields"], grant["account"])
        return Reply(200, GrantView.model_validate({**grant, "state": state, "expires_at": expires_at}))

    return await command.run(act, body)


@router.get("/cases/{case}/grants")
async def list_grants(
    case: str, subject: Annotated[Subject, guard("audit.read")], paging: PageOf, db: Reading
) -> Page[GrantView]:
    """The permissions given and asked for on a case, the latest first."""
    record = await readable(db, case, subject, "audit.read")
    grants = await views.grants(db, record.case_id, paging.after(datetime, UUID), paging.fetch)
    return paging.page(grants, lambda grant: (grant.requested_at, grant.grant_id))


@router.get("/cases/{case}/access-log")
async def read_access_log(case: str, subject: Annotated[Subject, guard("audit.read")], db: Reading) -> AccessLog:
    """Who looked into the family's files, with proof that no entry was changed or removed."""
    record = await readable(db, case, subject, "audit.read")
    return await views.access_log(db, str(record.family_id))


@router.get("/cases/access-reviews")
async def list_access_reviews(
    subject: Annotated[Subject, guard("audit.read")],
    paging: PageOf,
    db: Reading,
    state: Literal["open", "justified", "unjustified"] = "open",
) -> Page[ReviewView]:
    """Break-glass readings, the one due first first."""
    against = subject.department
    after = paging.after(datetime, UUID)
    reviews = await views.reviews(db, subject.township, against, state, after, paging.fetch)
    return paging.page(reviews, lambda review: (review.due_at, review.review_id))


@router.post("/cases/{case}/access-reviews/{review_id}/actions/decide", response_model=ReviewView)
async def decide_access_review(
    case: str,
    review_id: UUID,
    body: ReviewDecision,
    subject: Annotated[Subject, guard("audit.read")],
    command: CommandOf,
) -> Response:
    """A supervisor judges a break-glass reading, never one's own."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        record = await readable(tx.db, case, subject, "audit.read")
        await tx.lock([str(record.family_id)])
        review = await store.find_review(tx.db, record.case_id, review_id)
        if review is None:
            raise not_found()
        if SUPERVISOR not in subject.posts or review["opened_by"].get("account") == subject.account:
            raise forbidden("supervisor_only")
        if review["state"] != "open":
            raise conflict("already_decided", "已作决定", "It was decided already", current_state=review["state"])
        await store.decide_review(tx.db, review_id, body.outcome, who(subject), tx.now)
        tx.end(review_clock_id(review_id), "met", tx.now)
        _log(tx, record.family_id, f"review.{body.outcome}", subject, review_id, review["fields"], None)
        return Reply(200, ReviewView.model_validate({**review, "state": body.outcome, "decided_at": tx.now}))

    return await command.run(act, body)


def _secret(fields: list[str]) -> list[str]:
    named = {name for field in fields for name in (REPORTER_FIELDS if field == REPORTER_IDENTITY else (field,))}
    if not named <= SECRET_FIELDS:
        raise invalid(
            FieldError("#/fields", "not_a_secret_field", "不是须授权的字段", "not a field that needs a grant")
        )
    return sorted(named)


def _log(
    tx: Transaction, family_id: UUID, action: str, subject: Subject, item: UUID, fields: list[str], account: str | None
) -> None:
    detail = {"id": str(item), "fields": fields} | ({"account": account} if account else {})
    tx.audit(str(family_id), action, who(subject), detail)
