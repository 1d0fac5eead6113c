"""Values that several services' payloads share: who acted, where, and the coded facts of a report."""

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from contracts.envelope import Value

Level = Literal["blue", "yellow", "orange", "red"]
Role = Literal["inform", "assist", "lead"]
CLOCK_LEEWAY = timedelta(minutes=2)
"""How far ahead of ours a caller's clock may be: a time that lies so little in the future is not refused."""

Fact = bool | int | str
"""A coded fact of the policy's `facts` section. Timestamps travel as RFC 3339 text."""


class Actor(Value):
    """Who did it: a person on the staff, a department's API client, or the system itself. Ids only."""

    kind: Literal["person", "client", "system"]
    account: str | None = None
    staff: str | None = None
    organisation: str | None = None
    department: str | None = None


SYSTEM = Actor(kind="system")


class Place(Value):
    """Where the child is (D-4.2.2), as area codes. `outside` = known to be outside the township."""

    village: str | None = None
    group: str | None = None
    zone: Literal["town", "outskirts", "rural"] | None = None
    outside: bool = False


class Reporter(Value):
    """The reporter as far as rules need it (D-4.1.5): kind and duty, never identity.

    `mandated` = must report by law or plan; `duty_bearing` = a relative or friend whose duty the plan stresses.
    """

    kind: str
    mandated: bool = False
    anonymous: bool = False
    duty_bearing: bool = False


class ChildIntake(Value):
    """The structured intake of one child: concerns (policy `concerns`), facts and factor answers (`unknown` allowed)."""

    child_id: UUID
    case_id: UUID
    case_number: str
    concerns: tuple[str, ...] = ()
    facts: dict[str, Fact] = {}
    answers: dict[str, str] = {}


class ReportDigest(Value):
    """What later services need to know of a report. `received_at` is the anchor `received` of the policy's clocks.

    `known_since` is when the reporter came to know (K15: minutes from known to reported); `unreported_by` the kinds of
    people with a duty to report who knew and did not (D-4.1.5).
    """

    report_id: UUID
    disposition: Literal["case_opened", "case_reopened", "attached_to_open_case", "transfer_out"]
    channel: str
    received_at: datetime
    reporter: Reporter
    place: Place
    township: str
    known_since: datetime | None = None
    unreported_by: tuple[str, ...] = ()
