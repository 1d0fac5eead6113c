"""Pauses, extensions and supervision orders as readers see them."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.access import GOVERNMENT, Scope, Subject, scope
from contracts.vocabulary import Actor
from services.dispatch.domain.extension import Extension
from services.dispatch.domain.response import Pause, ResponseFile
from services.dispatch.domain.supervision import Supervision
from services.dispatch.store.extensions import extension_of
from services.dispatch.store.rows import Row, pause_of
from services.dispatch.store.supervisions import supervisions_of
from services.dispatch.views.filters import Where


class PauseView(BaseModel):
    """A pause: proposed, declined, running until `until`, or ended with its cause."""

    pause_id: UUID
    case_id: UUID
    case_number: str
    level: str
    state: str
    reason: str
    proposed_by: Actor
    proposed_at: datetime
    note_id: UUID | None
    decided_by: Actor | None
    decided_at: datetime | None
    until: datetime | None
    ended_at: datetime | None
    ended_by: str | None


class ExtensionView(BaseModel):
    """A request for more time for one clock. `asked` waits for civil affairs; the clock runs on."""

    extension_id: UUID
    deadline_id: UUID
    case_id: UUID
    case_number: str
    step: str
    organisation: str | None
    referral_id: UUID | None
    reason: str
    until: datetime
    due_before: datetime
    state: str
    asked_by: Actor
    asked_at: datetime
    note_id: UUID | None
    decided_by: Actor | None
    decided_at: datetime | None
    granted_until: datetime | None


class UnitView(BaseModel):
    """A unit under an order and its reply."""

    organisation: str
    department: str
    deadline_id: UUID
    replied_at: datetime | None
    late_seconds: int
    note_id: UUID | None


class SupervisionView(BaseModel):
    """A supervision order. It is open until it is lifted or the case is closed."""

    supervision_id: UUID
    case_id: UUID
    case_number: str
    level: str
    state: Literal["open", "lifted", "case_closed"]
    reply_due_at: datetime
    ordered_by: Actor
    ordered_at: datetime
    note_id: UUID | None
    lifted_at: datetime | None
    units: list[UnitView]


# Single values -------------------------------------------------------------------------------------------------------


def pause_view(pause: Pause, case: ResponseFile | Row) -> PauseView:
    """A pause of a response."""
    return PauseView.model_validate({**_plain(pause), **_case(case, "level")})


def extension_view(one: Extension, case: ResponseFile | Row) -> ExtensionView:
    """A request of a response."""
    return ExtensionView.model_validate({**_plain(one), **_case(case)})


def supervision_view(one: Supervision, case: ResponseFile | Row, case_state: str) -> SupervisionView:
    """An order over a response."""
    state = "lifted" if one.lifted_at else "case_closed" if case_state == "closed" else "open"
    units = [UnitView.model_validate(_plain(unit)) for unit in one.units]
    return SupervisionView.model_validate({**_plain(one), **_case(case), "state": state, "units": units})


def _plain(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _case(case: ResponseFile | Row, *more: str) -> dict[str, Any]:
    names = ("case_id", "case_number", *more)
    if isinstance(case, ResponseFile):
        return {name: getattr(case, name) for name in names}
    return {name: case[name] for name in names}


# Lists ---------------------------------------------------------------------------------------------------------------


def seen_by(subject: Subject, action: str) -> Scope:
    """What of a township's pauses, extensions and orders a reader sees: civil affairs and leaders all, others their own."""
    own = scope(subject, action)
    if subject.department == GOVERNMENT and subject.supervises:
        return replace(own, everything=True, organisation=None)
    return own


async def waiting_pauses(db: Connection, subject: Subject, state: str | None) -> list[PauseView]:
    """Pauses of open cases in one state; without it those that wait for a decision or run."""
    where = Where()
    where.within(seen_by(subject, "response.read"), "r", "NULL")
    where.add("r.state = 'open' AND r.body ? 'pauses'")
    rows = await db.fetch(
        f"SELECT r.case_id, r.case_number, r.level, r.body->'pauses' AS pauses FROM response r WHERE {where.text} "  # noqa: S608  our own names
        "ORDER BY r.response_id",
        *where.values,
    )
    last = [(pause_of(row["pauses"][-1]), row) for row in rows]
    wanted = (state,) if state else ("proposed", "running")
    return [pause_view(pause, row) for pause, row in last if pause.state in wanted]


async def extensions(
    db: Connection,
    subject: Subject,
    *,
    state: str | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[ExtensionView]:
    """Requests in the order they were made."""
    where = Where()
    where.within(seen_by(subject, "deadline.list"), "r", "e.organisation")
    where.equal({"e.state": state})
    where.after("e.asked_at, e.extension_id", after)
    rows = await db.fetch(
        "SELECT e.*, r.case_number FROM deadline_extension e JOIN response r USING (response_id) "  # noqa: S608  our own names
        f"WHERE e.township = r.township AND {where.text} ORDER BY e.asked_at, e.extension_id LIMIT {limit:d}",
        *where.values,
    )
    return [extension_view(extension_of(row), row) for row in rows]


async def supervisions(
    db: Connection,
    subject: Subject,
    *,
    open_only: bool,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[SupervisionView]:
    """Orders in the order they were given: all for civil affairs and leaders, for others those that name their unit."""
    seen = seen_by(subject, "supervision.read")
    where = Where()
    where.within(replace(seen, everything=True), "r", "")
    if not seen.everything:
        named = (
            "EXISTS (SELECT 1 FROM supervision_unit u WHERE u.supervision_id = s.supervision_id AND u.organisation = $)"
        )
        where.add(named, seen.organisation or "")
    if open_only:
        where.add("s.lifted_at IS NULL AND r.state = 'open'")
    where.after("s.ordered_at, s.supervision_id", after)
    rows = await db.fetch(
        "SELECT s.*, r.case_number, r.state AS case_state FROM supervision s JOIN response r USING (response_id) "  # noqa: S608  our own names
        f"WHERE s.township = r.township AND {where.text} ORDER BY s.ordered_at, s.supervision_id LIMIT {limit:d}",
        *where.values,
    )
    found = await supervisions_of(db, rows)
    return [supervision_view(one, row, row["case_state"]) for one, row in zip(found, rows, strict=True)]
