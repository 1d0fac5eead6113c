"""The inbox of the person asking, and the delivery ledger of a case."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading
from chassis.paging import Page, PageOf
from chassis.problem import not_found, refused
from chassis.transaction import Connection, Transaction
from contracts.access import Denied, Resource, Subject, decide
from services.notification import store, views
from services.notification.views import InboxMessage, LedgerEntry, NoticeView, State

router = APIRouter(prefix="/api/v1", tags=["notices"])


@router.get("/inbox")
async def list_inbox(
    subject: Annotated[Subject, guard("inbox.read")], paging: PageOf, db: Reading, unseen_only: bool = False
) -> Page[InboxMessage]:
    """Messages to me and to my organisation: unseen first, then the newest first."""
    after = paging.after(int, datetime, UUID)
    found = await views.inbox(
        db,
        subject,
        unseen_only=unseen_only,
        after=None if after is None else (after[0], after[1], after[2]),
        limit=paging.fetch,
    )
    return paging.page(found, views.inbox_key)


@router.post("/inbox/{message_id}/seen", response_model=InboxMessage)
async def mark_seen(message_id: UUID, subject: Annotated[Subject, guard("inbox.read")], command: CommandOf) -> Response:
    """I have seen this message. The first to say so is recorded; saying it again changes nothing."""

    async def act(tx: Transaction) -> Reply:
        row = await views.delivery(tx.db, message_id)
        if row is None or row["channel"] != "app" or not _is_mine(subject, row["recipient_kind"], row["recipient"]):
            raise not_found()
        await store.mark_seen(tx.db, message_id, subject.staff or subject.account, tx.now)
        row = await views.delivery(tx.db, message_id)
        assert row is not None
        return Reply(200, views.inbox_message(row))

    return await command.run(act)


@router.get("/notices")
async def list_notices(
    case_id: UUID, subject: Annotated[Subject, guard("notice.list")], paging: PageOf, db: Reading
) -> Page[NoticeView]:
    """Who was told of a case, of what, by which channel and when: newest first."""
    await _require_sight(db, case_id, subject)
    after = paging.after(datetime, UUID)
    found = await views.notices(db, case_id, after=None if after is None else (after[0], after[1]), limit=paging.fetch)
    return paging.page(found, lambda view: (view.created_at, str(view.id)))


@router.get("/notices/ledger")
async def list_ledger(
    subject: Annotated[Subject, guard("notice.ledger")],
    paging: PageOf,
    db: Reading,
    case_number: Annotated[str | None, Query(max_length=40)] = None,
    state: State | None = None,
    channel: Annotated[str | None, Query(max_length=20)] = None,
) -> Page[LedgerEntry]:
    """The township's deliveries, newest first: did messages arrive? Names no restricted case to who has no part in cases."""
    after = paging.after(datetime, UUID)
    place = None if after is None else (after[0], after[1])
    found = await views.ledger(db, subject, case_number, state, channel, after=place, limit=paging.fetch)
    return paging.page(found, lambda view: (view.created_at, str(view.id)))


@router.get("/notices/{delivery_id}")
async def read_notice(delivery_id: UUID, subject: Annotated[Subject, guard("notice.list")], db: Reading) -> NoticeView:
    """One entry of the ledger."""
    row = await views.delivery(db, delivery_id)
    if row is None or row["case_id"] is None:
        raise not_found()
    await _require_sight(db, row["case_id"], subject)
    return views.notice(row)


def _is_mine(subject: Subject, kind: str, recipient: str) -> bool:
    return (kind, recipient) in views.mailboxes(subject)


async def _require_sight(db: Connection, case_id: UUID, subject: Subject) -> None:
    """Raises Problem 404 or 403 unless the subject may read the ledger of this case."""
    case = (await store.load_cases(db, [case_id])).get(case_id)
    if case is None:
        raise not_found()
    resource = Resource(
        township=case.township,
        village=case.village,
        group=case.group_code,
        level=case.level,
        restricted=case.restricted,
        conflict_unit=case.conflict_unit,
        case_lead=case.case_lead,
        departments=case.roles,
    )
    decision = decide(subject, "notice.list", resource)
    if isinstance(decision, Denied):
        raise refused(decision)
