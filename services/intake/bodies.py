"""What clients send to intake and what it answers to a report."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, StringConstraints

from services.intake.domain.children import Checked

Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Long = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
Reference = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{3,40}$")]
"""The id or number of a case."""
ReasonCode = Annotated[
    str, StringConstraints(pattern=r"^([a-z][a-z_]{2,39}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")
]
"""A reason as a code or as the id of a note. Prose stays out of addresses and logs."""
MAX_SIBLINGS = 11


class Body(BaseModel):
    """A request body: a field nobody declared is an error."""

    model_config = ConfigDict(extra="forbid")


class ReporterBody(Body):
    """Who reports (D-4.1.5). `mandated` follows from the kind; identity goes to the vault, apart."""

    kind: str
    mandated: bool | None = None
    anonymous: bool = False
    name: Short | None = None
    phone: Short | None = None
    contact: Short | None = None


class PlaceBody(Body):
    """Where the child is. `group` is the group's number within the village, or its code; `outside` may name the place."""

    village: str | None = None
    group: StrictInt | StrictStr | None = None
    outside: StrictBool | Short = False
    address: Short | None = None
    landmark: Short | None = None


class ChildBody(Body):
    """Identity and sensitive particulars of a child and its guardian: for the vault only."""

    name: Short | None = None
    sex: Literal["male", "female"] | None = None
    birth_date: date | None = None
    id_number: Short | None = None
    phone: Short | None = None
    address: Short | None = None
    school: Short | None = None
    health: Short | None = None
    disability: Short | None = None
    offences: Short | None = None
    drug_test: Short | None = None
    bank: Short | None = None
    payee: Short | None = None
    guardian_name: Short | None = None
    guardian_phone: Short | None = None
    guardian_id_number: Short | None = None


class StatementBody(Body):
    """What is said of one child, by the codes of the policy: `unknown` = asked and not known, left out = not asked."""

    child: ChildBody = ChildBody()
    narrative: Long | None = None
    concerns: tuple[str, ...] = Field(default=(), max_length=30)
    facts: dict[str, StrictBool | StrictInt | StrictStr] = Field(default={}, max_length=100)
    answers: dict[str, str] = Field(default={}, max_length=40)
    checklist: dict[str, Checked] = Field(default={}, max_length=20)


class SiblingBody(StatementBody):
    """Another child of the same report. `case`: its case in the family file the report joins, when it has one."""

    ref: str | None = None
    case: Reference | None = None


class ReportBody(StatementBody):
    """A report as the desk takes it down (D-4.1.4). At most one of `attach_to_case` and `reopen_case`.

    Without either, a report on a child who is surely known joins that child's case (policy `duplicate_rule`), unless
    `not_same_as` names that case: the desk knows better.

    `known_since`: when the reporter came to know. `unreported_by`: kinds of people with a duty to report who knew and did
    not (D-4.1.5). `call_id`: the call it came with. `transfer_id`: the hand-over it takes up, signed for by it.
    """

    received_at: AwareDatetime | None = None
    channel: str
    reporter: ReporterBody
    place: PlaceBody = PlaceBody()
    siblings: tuple[SiblingBody, ...] = Field(default=(), max_length=MAX_SIBLINGS)
    attach_to_case: Reference | None = None
    reopen_case: Reference | None = None
    not_same_as: tuple[Reference, ...] = Field(default=(), max_length=MAX_SIBLINGS)
    known_since: AwareDatetime | None = None
    unreported_by: tuple[str, ...] = Field(default=(), max_length=MAX_SIBLINGS)
    call_id: UUID | None = None
    transfer_id: UUID | None = None


class ReportedChild(BaseModel):
    """A child of a report and its case; `opened` is false when the case existed."""

    child_id: UUID
    case_id: UUID
    case_number: str
    opened: bool


class PossibleDuplicate(BaseModel):
    """A case whose child may be the same, or live in the same household. A person decides; nothing is merged by itself.

    `child`: position of the reported child, 0 for the first. `score`: likeness in percent. `same`: what agrees.
    """

    case_id: UUID
    case_number: str
    state: str
    same: tuple[str, ...]
    person_id: UUID | None = None
    kind: Literal["same_child", "same_household"] = "same_child"
    score: int | None = None
    child: int = 0


class Recognition(BaseModel):
    """Why a report that named no case joined one: the likeness of its child to that case's, in percent, and what agrees."""

    case_id: UUID
    score: int
    same: tuple[str, ...]


class ReportReply(BaseModel):
    """The receipt of a report: committed, and on its way to the departments.

    `disposition` "accepted" without a case: it joined a case that the caller may not know of.
    """

    report_id: UUID
    report_number: str
    receipt_code: str
    disposition: str
    received_at: datetime
    case_id: UUID | None = None
    case_number: str | None = None
    response_no: int | None = None
    children: tuple[ReportedChild, ...] = ()
    possible_duplicates: tuple[PossibleDuplicate, ...] = ()
    recognised: Recognition | None = None
    links: dict[str, str]
