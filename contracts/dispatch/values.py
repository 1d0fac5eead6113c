"""What several of dispatch's announcements carry: a referral, a clock, a step that was met, a notice owed."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.envelope import Value
from contracts.vocabulary import Role

TOPIC = "dispatch.events"


class ReferralIssued(Value):
    """One department's part of the response. `because` names the matrix cell or raise rule; `children` whom it is about.

    `safety_only`: the department learns the words of its task and nothing else of the case, whatever its role.
    """

    referral_id: UUID
    department: str
    organisation: str
    role: Role
    because: tuple[str, ...] = ()
    children: tuple[UUID, ...] = ()
    masked: bool = False
    safety_only: bool = False


class DeadlineArmed(Value):
    """A running clock. `anchor` is the policy's anchor code; `provisional` = counts days of a year without calendar."""

    deadline_id: UUID
    step: str
    tier: str
    department: str | None = None
    organisation: str | None = None
    referral_id: UUID | None = None
    anchor: str
    anchor_at: datetime
    due_at: datetime
    provisional: bool = False


class StepMet(Value):
    """A deadline that an act finished. `late_seconds` is 0 when in time and stays for ever (KPI rule `late`)."""

    deadline_id: UUID
    step: str
    tier: str
    department: str | None = None
    due_at: datetime
    met_at: datetime
    late_seconds: int = 0


class Notice(Value):
    """A duty notice N-1..N-11 the response owes. `bodies` are departments, posts or external bodies.

    `notice_id` tells the notices apart that people give by hand, `cause` why one is owed, `given_at` when it was given.
    """

    notice: str
    bodies: tuple[str, ...] = ()
    status: Literal["due", "withheld", "no_guardian_known", "manual", "given"] = "due"
    due_at: datetime | None = None
    notice_id: UUID | None = None
    cause: str | None = None
    given_at: datetime | None = None
