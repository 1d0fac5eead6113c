"""What intake announces: reports that became a case, and contacts that did not."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.envelope import Payload
from contracts.vocabulary import Actor, ChildIntake, ReportDigest

TOPIC = "intake.events"


class ReportReceived(Payload):
    """A report was recorded for a case: newly opened, reopened, attached, or to be transferred out (D-4.1.4).

    `case_id` is the case of the report's first child; siblings are linked cases of one family file (policy
    `several_children`) and share its response. `response_no` counts the rounds of the case: a reopening starts the next.
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


class ContactRecorded(Payload):
    """A contact that opens no case: a pure consultation or a person who is not a minor (policy `screening_out`)."""

    TYPE = "contact.recorded.v1"
    TOPIC = TOPIC

    report_id: UUID
    disposition: Literal["consultation", "not_a_minor"]
    channel: str
    received_at: datetime
    recorded_by: Actor


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
