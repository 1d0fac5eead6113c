"""What intake announces: reports that became a case, and contacts that did not."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.envelope import Payload
from contracts.vocabulary import Actor, ChildIntake, Fact, Level, Place, ReportDigest

TOPIC = "intake.events"


class ReportReceived(Payload):
    """A report was recorded for a case: newly opened, reopened, attached, or to be transferred out (D-4.1.4).

    `case_id` is the case of the report's first child; siblings are linked cases of one family file (policy
    `several_children`) and share its response. `response_no` counts the rounds of the case: a reopening starts the next.

    `household_cases`: keys (`case_id` as in these events) of the other open responses of the same household, all of them as
    of now; None: nothing is said about the household. It holds both ways: while one of them is RED, O7 lifts the others.
    """

    TYPE = "report.received.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    response_no: int
    report: ReportDigest
    children: tuple[ChildIntake, ...]
    policy_version: str
    recorded_by: Actor
    recorded_at: datetime
    household_cases: tuple[UUID, ...] | None = None


ContactKind = Literal[
    "consultation",
    "not_a_minor",
    "wrong_number",
    "nuisance",
    "suggestion",
    "silent",
    "broken_off",
    "transferred",
    "follow_up",
]
"""Codes of the policy's `contacts.kinds`."""


class ContactRecorded(Payload):
    """A contact that opens no case (policy `screening_out`), or one more contact about a case that exists.

    `report_id` is the contact's own id. `follow_up` names its case; `silent`, `broken_off` and `transferred` carry on as a
    task until they are settled: the call-back of `callback_id`, the hand-over of `transfer_id`.
    """

    TYPE = "contact.recorded.v1"
    TOPIC = TOPIC

    report_id: UUID
    disposition: ContactKind
    channel: str
    received_at: datetime
    recorded_by: Actor
    township: str | None = None
    case_id: UUID | None = None
    call_id: UUID | None = None
    callback_id: UUID | None = None
    transfer_id: UUID | None = None
    note_id: UUID | None = None


class DispatchOverdue(Payload):
    """No response was opened within the shortest triage limit (S3 of RED): the chain behind intake is stuck.

    Raised again every interval until the response opens; the hotline shift leader must call the departments by phone.
    """

    TYPE = "dispatch.overdue.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    report_id: UUID
    township: str
    received_at: datetime
    due_at: datetime
    fired_at: datetime
    repeat_no: int


class CallLogged(Payload):
    """One call, text or letter offered to a line: the facts behind K1 and K2 (S1). Announced anew as it goes on; the
    newest stands. `answered_at` None once ended = the caller hung up.

    `due_at` is the S1 limit of its `medium` by the policy, None for a way in without one.
    """

    TYPE = "call.logged.v1"
    TOPIC = TOPIC

    call_id: UUID
    township: str
    channel: str
    offered_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    report_id: UUID | None = None
    recorded_by: Actor
    medium: Literal["call", "text", "mailbox"] | None = None
    due_at: datetime | None = None
    abandoned: bool = False
    policy_version: str | None = None


class CallbackOverdue(Payload):
    """A silent or broken-off call was not called back in time; repeated until the hotline settles it.

    `report_id` is the contact, or the unanswered text or letter, that waits. `attempts` reached nobody so far.
    """

    TYPE = "callback.overdue.v1"
    TOPIC = TOPIC

    callback_id: UUID
    report_id: UUID
    township: str
    due_at: datetime
    fired_at: datetime
    repeat_no: int
    case_id: UUID | None = None
    attempts: int = 0


class TransferRecorded(Payload):
    """A hand-over of a contact or case to another line or area (D-5.1.1), as it stands now.

    `receiver` is a code of the policy's `contacts.transfer.receivers`; nothing is finished before `acknowledged`. `overdue`
    = the receiver owes its receipt since `due_at`; said again (`repeat_no`) until it comes. `withdrawn` = the sender keeps
    the matter after all.
    """

    TYPE = "transfer.recorded.v1"
    TOPIC = TOPIC

    transfer_id: UUID
    township: str
    report_id: UUID
    case_id: UUID | None = None
    direction: Literal["out", "in"]
    receiver: str
    state: Literal["sent", "acknowledged", "refused", "overdue", "withdrawn"]
    by: Actor
    at: datetime
    due_at: datetime | None = None
    late_seconds: int = 0
    repeat_no: int = 0
    reason: str | None = None
    policy_version: str | None = None


class ReportAmended(Payload):
    """New facts about a report after dispatch; every open referral hears of it.

    `children` hold only what changed, per child; `place` and `safe_until` are given when they changed (`safe_until` also
    stands among the facts of every child). `aspects` names what was touched: facts, answers, concerns, place,
    safe_until, narrative, reporter, particulars, household.

    `household_cases` (aspect "household"): case families were linked to or parted from one household, or records of one
    child were joined. Keys of the other open responses of the household, all of them as of now, () when it has no other;
    None when nothing is said about it. Every open response of the household hears its own list (O7).
    """

    TYPE = "report.amended.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    response_no: int
    report_id: UUID
    amendment_id: UUID
    aspects: tuple[str, ...]
    children: tuple[ChildIntake, ...] = ()
    place: Place | None = None
    safe_until: datetime | None = None
    note_id: UUID | None = None
    by: Actor
    at: datetime
    household_cases: tuple[UUID, ...] | None = None


class AccessReviewOverdue(Payload):
    """A break-glass opening of a file was not reviewed within its limit (policy `break_glass.review_limit`); repeated until
    it is. `grant_id` is the review.
    """

    TYPE = "access-review.overdue.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    township: str
    grant_id: UUID
    due_at: datetime
    fired_at: datetime
    repeat_no: int


class ChildrenMerged(Payload):
    """Two records turned out to be one child, or (`undone`) the joining was taken back. Cases keep their numbers.

    Each response of either record hears of it under its own key. `duplicate_of`: this response's case is of the merged
    record and open, and so is that one of the kept record: this one may be closed as DUPLICATE_MERGED.
    """

    TYPE = "children.merged.v1"
    TOPIC = TOPIC

    merge_id: UUID
    case_id: UUID
    kept_child_id: UUID
    merged_child_id: UUID
    undone: bool = False
    by: Actor
    at: datetime
    duplicate_of: UUID | None = None


class TagsChanged(Payload):
    """The target-group tags of a child as they are now (policy `tags`, D-3.1 to D-3.10); a child may carry many."""

    TYPE = "tags.changed.v1"
    TOPIC = TOPIC

    child_id: UUID
    case_id: UUID | None = None
    township: str
    village: str | None = None
    tags: tuple[str, ...]
    by: Actor
    at: datetime


class ChildSurveyed(Payload):
    """A row of a survey (摸底排查, D-6.1) said something about a child: coded facts, to be screened (D-4.3.2)."""

    TYPE = "child.surveyed.v1"
    TOPIC = TOPIC

    child_id: UUID
    survey_id: UUID
    township: str
    village: str | None = None
    concerns: tuple[str, ...] = ()
    facts: dict[str, Fact] = {}
    answers: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    case_id: UUID | None = None
    level_in_force: Level | None = None
    policy_version: str
    by: Actor
    at: datetime


class ChildMilestoneReached(Payload):
    """A child of an open case reached an age that opens something (policy `risk.reassessment.triggers`): 16 the employment
    menu, 17 years and 11 months the exit plan. `at` is a day in the week after it, so that no birthday travels.
    """

    TYPE = "child-milestone.reached.v1"
    TOPIC = TOPIC

    case_id: UUID
    case_number: str
    child_id: UUID
    milestone: Literal["birthday_16", "age_17y11m"]
    policy_version: str
    at: datetime
