"""The read model's tables: facts about rounds of cases, referrals, clocks, visits and measures, as the events told them.

Every column is written by the events of one topic only, so it does not matter in which order the topics arrive. Keys are
the ids the events carry; columns that were not told yet are null.
"""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from services.console.store.tables import Table

MOMENT = sa.DateTime(timezone=True)


def moment(**keywords: bool) -> datetime | None:
    """A column with a moment that may not have come yet."""
    column: datetime | None = Field(default=None, sa_type=MOMENT, **keywords)  # type: ignore[call-overload]  # sqlmodel's union of overloads
    return column


class ArchiveRow(Table, table=True):
    """Every event as it arrived: the read model is made anew from this table alone."""

    __tablename__ = "archive"

    id: int = Field(sa_type=sa.BigInteger, primary_key=True)
    event_id: UUID
    type: str
    topic: str
    key: str
    at: datetime = Field(sa_type=MOMENT)
    value: dict[str, object] = Field(sa_type=JSONB)


class RoundRow(Table, table=True):
    """One response of a case: a reopening begins the next round."""

    __tablename__ = "fact_round"

    case_id: UUID = Field(primary_key=True)
    response_no: int = Field(primary_key=True)
    case_number: str | None = None
    township: str | None = None
    village: str | None = Field(default=None, index=True)
    group_code: str | None = None
    channel: str | None = None
    reporter_kind: str | None = None
    mandated: bool | None = None
    known_since: datetime | None = moment()
    received_at: datetime | None = moment(index=True)
    recorded_at: datetime | None = moment()
    disposition: str | None = None
    reports: int | None = None
    level: str | None = None
    computed_level: str | None = None
    level_at_first: str | None = None
    highest_rank: int | None = None
    provisional: bool | None = None
    provisional_at_first: bool | None = None
    lowered: int | None = None
    restricted: bool | None = None
    conflict_unit: str | None = None
    transfer_out: bool | None = None
    concerns: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text))
    case_lead: str | None = None
    dispatched_at: datetime | None = moment()
    first_contact_at: datetime | None = moment()
    safety_at: datetime | None = moment()
    assessed_at: datetime | None = moment()
    feedback_at: datetime | None = moment()
    paused_until: datetime | None = moment()
    supervised_at: datetime | None = moment()
    plan_agreed_at: datetime | None = moment()
    closure_requested_at: datetime | None = moment()
    closed_at: datetime | None = moment(index=True)
    closure_reason: str | None = None


class RoundChildRow(Table, table=True):
    """A child of a round, and the tags it carries now."""

    __tablename__ = "fact_round_child"

    case_id: UUID = Field(primary_key=True)
    response_no: int = Field(primary_key=True)
    child_id: UUID = Field(primary_key=True, index=True)


class ReferralRow(Table, table=True):
    """A department's part of a round."""

    __tablename__ = "fact_referral"

    referral_id: UUID = Field(primary_key=True)
    case_id: UUID | None = Field(default=None, index=True)
    response_no: int | None = None
    department: str | None = None
    organisation: str | None = Field(default=None, index=True)
    role: str | None = None
    level: str | None = None
    issued_at: datetime | None = moment(index=True)
    acknowledged_at: datetime | None = moment()
    arrived_at: datetime | None = moment()
    completed_at: datetime | None = moment()
    outcome: str | None = None
    returned: int | None = None
    buck_passing: bool | None = None
    ended_at: datetime | None = moment()
    ended_reason: str | None = None
    urged_at: datetime | None = moment()


class StepRow(Table, table=True):
    """A clock: when it was due, whether and when it was met, how late for ever, and what it woke."""

    __tablename__ = "fact_step"

    deadline_id: UUID = Field(primary_key=True)
    case_id: UUID | None = Field(default=None, index=True)
    response_no: int | None = None
    referral_id: UUID | None = None
    step: str | None = None
    tier: str | None = None
    department: str | None = None
    organisation: str | None = None
    level: str | None = None
    anchor: str | None = None
    anchor_at: datetime | None = moment()
    due_at: datetime | None = moment(index=True)
    armed_at: datetime | None = moment()
    met_at: datetime | None = moment()
    late_seconds: int | None = None
    cancelled_at: datetime | None = moment()
    cancelled_reason: str | None = None
    warned_at: datetime | None = moment()
    breached_at: datetime | None = moment()
    escalations: int | None = None
    targets: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text))


class VisitRow(Table, table=True):
    """A visit that was owed, or one made without a plan (`due_at` null)."""

    __tablename__ = "fact_visit"

    visit_id: UUID = Field(primary_key=True, description="id of the planned visit, else of the visit made")
    case_id: UUID | None = Field(default=None, index=True)
    response_no: int | None = None
    post: str | None = None
    organisation: str | None = None
    rule: str | None = None
    due_at: datetime | None = moment(index=True)
    cancelled: bool | None = None
    made_at: datetime | None = moment()
    late_seconds: int | None = None
    in_person: bool | None = None
    child_seen: bool | None = None
    satisfactory: bool | None = None
    failed: int | None = None


class MeasureRow(Table, table=True):
    """A measure of a plan."""

    __tablename__ = "fact_measure"

    measure_id: UUID = Field(primary_key=True)
    case_id: UUID | None = Field(default=None, index=True)
    response_no: int | None = None
    child_id: UUID | None = None
    code: str | None = None
    department: str | None = None
    state: str | None = None
    emergency: bool | None = None
    requested_at: datetime | None = moment(index=True)
    due_at: datetime | None = moment()
    ended_at: datetime | None = moment()
    late_seconds: int | None = None


class EligibilityRow(Table, table=True):
    """The newest advice on one benefit for one child."""

    __tablename__ = "fact_eligibility"

    child_id: UUID = Field(primary_key=True)
    rule: str = Field(primary_key=True)
    case_id: UUID | None = None
    result: str | None = None
    at: datetime | None = moment()


class TaskRow(Table, table=True):
    """A clock of assistance that ran: what is due or late, and who owes it."""

    __tablename__ = "fact_task"

    subject: str = Field(primary_key=True)
    subject_id: UUID = Field(primary_key=True)
    case_id: UUID | None = Field(default=None, index=True)
    code: str | None = None
    owner: str | None = None
    level: str | None = None
    due_at: datetime | None = moment()
    overdue_at: datetime | None = moment()
    alarm_at: datetime | None = moment()
    repeats: int | None = None


class ReassessmentRow(Table, table=True):
    """A reassessment that was called for."""

    __tablename__ = "fact_reassessment"

    task_id: UUID = Field(primary_key=True)
    case_id: UUID | None = Field(default=None, index=True)
    trigger: str | None = None
    level: str | None = None
    opened_at: datetime | None = moment()
    due_at: datetime | None = moment()
    done_at: datetime | None = moment()
    outcome: str | None = None
    late_seconds: int | None = None
    overdue_at: datetime | None = moment()


class SupervisionRow(Table, table=True):
    """What one organisation owes under a supervision order (督办)."""

    __tablename__ = "fact_supervision"

    supervision_id: UUID = Field(primary_key=True)
    organisation: str = Field(primary_key=True)
    case_id: UUID | None = Field(default=None, index=True)
    reply_due_at: datetime | None = moment()
    ordered_at: datetime | None = moment()
    replied_at: datetime | None = moment()
    late_seconds: int | None = None
    ended_at: datetime | None = moment()


class CallRow(Table, table=True):
    """A call offered to a line (K1, K2)."""

    __tablename__ = "fact_call"

    call_id: UUID = Field(primary_key=True)
    channel: str | None = None
    offered_at: datetime | None = moment(index=True)
    answered_at: datetime | None = moment()
    ended_at: datetime | None = moment()


class ContactRow(Table, table=True):
    """A contact that opened no case."""

    __tablename__ = "fact_contact"

    report_id: UUID = Field(primary_key=True)
    disposition: str | None = None
    channel: str | None = None
    received_at: datetime | None = moment(index=True)
    case_id: UUID | None = None


class ChildTagRow(Table, table=True):
    """The target-group tags of a child as they are now (D-3.1 to D-3.10)."""

    __tablename__ = "fact_child_tag"

    child_id: UUID = Field(primary_key=True)
    village: str | None = None
    tags: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text))
    at: datetime | None = moment()


class NoticeDayRow(Table, table=True):
    """How many notices a day saw, and how many could not be delivered (K20)."""

    __tablename__ = "fact_notice_day"

    day: date = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    notices: int | None = None
    failed: int | None = None


class AccessAlarmRow(Table, table=True):
    """A break-glass opening that nobody reviewed in time (K19)."""

    __tablename__ = "fact_access_alarm"

    grant_id: UUID = Field(primary_key=True)
    case_id: UUID | None = None
    due_at: datetime | None = moment()
    fired_at: datetime | None = moment(index=True)


class ProgrammeRow(Table, table=True):
    """A training, a publicity activity or an appraisal record (D-4.8, D-4.9)."""

    __tablename__ = "fact_programme"

    id: UUID = Field(primary_key=True)
    kind: str | None = None
    subject_kind: str | None = None
    subject: str | None = None
    sign: str | None = None
    ground: str | None = None
    state: str | None = None
    topics: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text))
    villages: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text))
    headcount: int | None = None
    hotline_published: bool | None = None
    period: str | None = None
    on: date | None = None


class TownshipRow(Table, table=True):
    """The newest structure of a township: villages, groups, organisations as codes."""

    __tablename__ = "fact_township"

    township: str = Field(primary_key=True)
    version: int | None = None
    structure: dict[str, object] | None = Field(default=None, sa_type=JSONB)


FACTS: tuple[type[Table], ...] = (
    RoundRow,
    RoundChildRow,
    ReferralRow,
    StepRow,
    VisitRow,
    MeasureRow,
    EligibilityRow,
    TaskRow,
    ReassessmentRow,
    SupervisionRow,
    CallRow,
    ContactRow,
    ChildTagRow,
    NoticeDayRow,
    AccessAlarmRow,
    ProgrammeRow,
    TownshipRow,
)
"""What the archive is folded into, and what `rebuild` empties first."""
