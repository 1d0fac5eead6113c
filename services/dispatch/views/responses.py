"""The response to a case as one picture."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection, deadline_of
from contracts.access import Subject
from contracts.dispatch import Notice
from services.dispatch.domain.clocks import GUARDIAN_NOTICE
from services.dispatch.domain.response import DEFERRED_NOTICE, ResponseFile
from services.dispatch.store import finished_rows, referral_rows
from services.dispatch.store.clocks import BESIDE, clock_of, finished_of
from services.dispatch.store.rows import referral_of, response_file
from services.dispatch.views.deadlines import DeadlineView, deadlines_of
from services.dispatch.views.referrals import ReferralView, view_of
from services.dispatch.views.standing import PauseView, pause_view

RESULT = "N-10"
"""The result to the reporter (D-4.1.5, L-WBF 11)."""


class GuardianNoticeView(BaseModel):
    """N-9: due, withheld, deferred until after safety, given, or nobody known to tell."""

    status: str
    due_at: datetime | None


class ResponseView(BaseModel):
    """The response to a case: who has which part, every clock and its fate, what was not created and why."""

    response_id: UUID
    case_id: UUID
    case_number: str
    response_no: int
    state: str
    level: str
    restricted: bool
    transfer_out: bool
    provisional: bool
    concerns: list[str] | None
    village: str | None
    group: str | None
    case_lead: str | None
    coordinator: str | None
    received_at: datetime
    dispatched_at: datetime
    first_contact_at: datetime | None
    safety_confirmed_at: datetime | None
    safety_basis: str | None
    closed_at: datetime | None
    referrals: list[ReferralView]
    deadlines: list[DeadlineView]
    not_created: dict[str, str]
    notices: list[Notice]
    guardian_notice: GuardianNoticeView
    external_notices: list[str]
    pause: PauseView | None
    policy_version: str
    server_time: datetime


async def newest_response(db: Connection, case_id: UUID) -> ResponseFile | None:
    """The newest round of a case, whole; None where the case has no response."""
    found = await db.fetchval(
        "SELECT response_id FROM response WHERE case_id = $1 ORDER BY response_no DESC, dispatched_at DESC LIMIT 1",
        case_id,
    )
    return None if found is None else await response(db, found)


async def response(db: Connection, response_id: UUID) -> ResponseFile | None:
    """One response, whole; None when there is none."""
    row = await db.fetchrow("SELECT * FROM response WHERE response_id = $1", response_id)
    if row is None:
        return None
    armed = await db.fetch(
        "SELECT * FROM deadline WHERE key = $1 AND state = 'armed' AND kind <> ALL($2::text[]) ORDER BY due_at, id",
        str(row["case_id"]),
        list(BESIDE),
    )
    return response_file(
        row,
        [referral_of(one) for one in await referral_rows(db, [response_id])],
        [clock_of(deadline_of(one)) for one in armed if one["detail"]["response_id"] == str(response_id)],
        [finished_of(one) for one in await finished_rows(db, [response_id])],
    )


def response_view(file: ResponseFile, subject: Subject, now: datetime) -> ResponseView:
    """A response for one reader."""
    guardian = file.running(GUARDIAN_NOTICE, DEFERRED_NOTICE)
    plain = {name: getattr(file, name) for name in ResponseView.model_fields if hasattr(file, name)}
    own = file.referral_of(subject.department)
    hidden = own is not None and own.masked
    return ResponseView(
        **{
            **plain,
            "village": file.place.village,
            "group": file.place.group,
            "concerns": None if hidden else list(file.concerns),
            "referrals": [view_of(one, file, subject, now) for one in file.referrals],
            "deadlines": deadlines_of(file, now),
            "notices": [*file.notices, *_feedback(file)],
            "guardian_notice": GuardianNoticeView(
                status=file.guardian, due_at=guardian[0].deadline.due if guardian else None
            ),
            "pause": None if file.pause is None else pause_view(file.pause, file),
            "server_time": now,
        }
    )


def _feedback(file: ResponseFile) -> list[Notice]:
    """N-10 as a notice: its clock is S13, one for each report."""
    reporter = ("reporter",)
    running = [Notice(notice=RESULT, bodies=reporter, due_at=clock.deadline.due) for clock in file.running("S13")]
    given = [
        Notice(notice=RESULT, bodies=reporter, status="given", due_at=one.clock.deadline.due, given_at=one.at)
        for one in file.finished
        if one.clock.deadline.step == "S13" and one.state == "met"
    ]
    return [*running, *given]
