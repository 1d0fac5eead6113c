"""The registers REG-01 to REG-13 as pages and files. Codes are read freely; identity only for a purpose, and it is logged."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel

from chassis.auth import guard
from chassis.http import Reading, RuntimeOf
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, forbidden, invalid
from chassis.transaction import Connection, Transaction
from contracts.access import Subject
from contracts.policy import Label, Policy
from contracts.policy.registers import Register
from contracts.vocabulary import Level
from services.intake.api.access import reading_cause, source_of, who
from services.intake.api.file import Purpose, PurposeOf
from services.intake.api.on_file import policy_at, register_named
from services.intake.domain.registers import circle, may_read
from services.intake.drafting import Office
from services.intake.exporting import MAX_SUBJECTS, as_file, headings, lines
from services.intake.showing import SHOWN, Reader, Shown, shown_fields
from services.intake.vault import Vault
from services.intake.views import file as file_views
from services.intake.views import registers as views
from services.intake.views.file import AccessLog
from services.intake.views.registers import Entry, Wanted
from services.intake.views.registers import Query as RegisterQuery
from services.intake.workbooks import MEDIA, Format

router = APIRouter(prefix="/api/v1", tags=["registers"])

RegisterId = Annotated[str, Path(pattern=r"^REG-\d{2}$", description="REG-01 to REG-13")]
FieldsOf = Annotated[str | None, Query(max_length=400, description="Fields of identity, comma separated")]


class RegisterInfo(BaseModel):
    """A register: whose it is, who is on it, and how many; the number is null for who does not read it."""

    id: str
    label: Label
    subject: Literal["child", "case", "family"]
    owner: str
    co_owner: str | None
    entry: dict[str, Any]
    exit: str
    basis: tuple[str, ...]
    readable: bool
    count: int | None


class RegisterList(BaseModel):
    """All registers."""

    items: list[RegisterInfo]


class RegisterChild(BaseModel):
    """A child that is on the register, or that puts its family there. `since`: when it came on."""

    child_id: UUID
    case_id: UUID | None
    case_number: str | None
    case_state: str | None
    village: str | None
    group: str | None
    age: int | None
    level: str | None
    tags: dict[str, str | None]
    since: datetime | None
    fields: dict[str, Shown]


class RegisterRow(BaseModel):
    """A subject of the register with its children: one, unless the subject is a family."""

    subject_id: UUID
    children: list[RegisterChild]


class GroupCount(BaseModel):
    """How many subjects there are of a tag, a level, or both."""

    tag: str | None = None
    level: str | None = None
    subjects: int


class Groups(BaseModel):
    """A register counted in groups. A child with two tags counts under each, and once in `total`."""

    items: list[GroupCount]
    total: int
    as_of: datetime


class RegisterChange(BaseModel):
    """Something that put a child on the register or took it off. `change`: entered or left; `kind`: tag or case."""

    at: datetime
    change: str
    child_id: UUID
    case_id: UUID | None
    kind: str
    code: str
    state: str | None
    reason: str | None


async def asked(
    tag: Annotated[str | None, Query(max_length=40)] = None,
    level: Level | None = None,
    village: Annotated[str | None, Query(max_length=40)] = None,
    state: Annotated[str | None, Query(max_length=40, description="open, closed, or a state of the tag")] = None,
    entered_from: AwareDatetime | None = None,
    entered_to: AwareDatetime | None = None,
    as_of: Annotated[AwareDatetime | None, Query(description="The register as it was then; now when left out")] = None,
) -> tuple[Wanted, bool]:
    """The filters of a register. The second value: whether a moment was named."""
    moment = as_of or datetime.min.replace(tzinfo=UTC)
    return Wanted(moment, tag, level, village, state, entered_from, entered_to), as_of is not None


AskedOf = Annotated[tuple[Wanted, bool], Depends(asked)]


class Opened:
    """A register opened by a reader who may: what to ask of it, and how its rows are shown."""

    def __init__(self, register: Register, subject: Subject, policy: Policy, now: datetime, wanted: Wanted) -> None:
        self.register, self.subject, self.wanted = register, subject, wanted
        self.reader = Reader(subject, register, policy, now)
        self._circle = circle(subject, register, policy)

    def query(self, *, members: bool = True) -> RegisterQuery:
        """The register's rule for this reader, anew for each statement."""
        return RegisterQuery(self.register, self._circle, self.wanted, members=members)

    async def rows(
        self, db: Connection, subjects: Sequence[UUID], names: Sequence[str], vault: Vault
    ) -> list[RegisterRow]:
        """These subjects with their children."""
        entries = await views.entries(db, self.query(), subjects)
        shown = await shown_fields(db, self.reader, entries, names, vault)
        rows: dict[UUID, RegisterRow] = {}
        for entry in entries:
            row = rows.setdefault(entry.subject_id, RegisterRow(subject_id=entry.subject_id, children=[]))
            row.children.append(register_child(entry, shown.get(entry.child_id, {})))
        return [rows[subject] for subject in subjects if subject in rows]

    def log(
        self, tx: Transaction, action: str, names: Sequence[str], rows: int, purpose: str, request: Request
    ) -> None:
        """One entry of the register's access log: who, which rows, which fields, what for (D-4.3.6)."""
        asked_for = {
            "register": self.register.id,
            "filter": {name: str(value) for name, value in vars_of(self.wanted).items() if value is not None},
            "fields": list(names),
            "rows": rows,
            "purpose": purpose,
            "source_ip": source_of(request),
        }
        tx.audit(log_key(self.subject.township, self.register), action, who(self.subject), asked_for)


def vars_of(wanted: Wanted) -> dict[str, Any]:
    """The filters by name."""
    return {name: getattr(wanted, name) for name in Wanted.__dataclass_fields__}


def log_key(township: str, register: Register) -> str:
    """The key of a register's access log."""
    return f"register:{township}:{register.id}"


def register_child(entry: Entry, shown: dict[str, Shown]) -> RegisterChild:
    """A child of a register as its reader gets it."""
    case = entry.case or {}
    return RegisterChild(
        child_id=entry.child_id,
        case_id=case.get("case_id"),
        case_number=case.get("case_number"),
        case_state=case.get("state"),
        village=entry.village,
        group=entry.group_code,
        age=entry.age,
        level=entry.level,
        tags=entry.tags,
        since=entry.since,
        fields=shown,
    )


def opened(subject: Subject, register_id: str, asked_for: tuple[Wanted, bool], now: datetime) -> Opened:
    """The register for this reader. Raises Problem 404, 403 when it is not theirs, 422 for a moment to come."""
    policy = policy_at(now)
    register = register_named(policy, register_id)
    if not may_read(subject, register):
        raise forbidden("not_your_register")
    wanted, named = asked_for
    if named and wanted.as_of > now:
        raise invalid(FieldError("as_of", "in_future", "晚于现在", "later than now"))
    return Opened(register, subject, policy, now, wanted if named else replace(wanted, as_of=now))


def field_names(fields: str | None) -> tuple[str, ...]:
    """The fields of identity that were asked for. Raises Problem 422."""
    names = tuple(dict.fromkeys(name.strip() for name in (fields or "").split(",") if name.strip()))
    if not set(names) <= set(SHOWN):
        raise invalid(FieldError("fields", "unknown_field", "台账没有这个字段", "no such field of a register"))
    return names


@router.get("/registers")
async def list_registers(subject: Annotated[Subject, guard("register.read")], db: Reading) -> RegisterList:
    """The thirteen registers with their owners and rules, and how many are on those the caller reads."""
    now = await db.fetchval("SELECT app_now()")
    policy = policy_at(now)
    items = []
    for register in policy.registers.list_:
        readable = may_read(subject, register)
        query = RegisterQuery(register, circle(subject, register, policy), Wanted(now))
        items.append(
            RegisterInfo(
                id=register.id,
                label=register.label,
                subject=register.subject,
                owner=register.owner,
                co_owner=register.co_owner,
                entry=register.entry.model_dump(exclude_defaults=True),
                exit=register.exit,
                basis=register.basis,
                readable=readable,
                count=await views.count(db, query) if readable else None,
            )
        )
    return RegisterList(items=items)


@router.get("/registers/{register_id}")
async def read_register(
    register_id: RegisterId,
    request: Request,
    subject: Annotated[Subject, guard("register.read")],
    paging: PageOf,
    filters: AskedOf,
    runtime: RuntimeOf,
    fields: FieldsOf = None,
    purpose: Annotated[Purpose | None, Query(description="Required with `fields`; it is logged")] = None,
) -> Page[RegisterRow]:
    """A page of a register. With `fields` identity is shown as far as the reader may see it, and the reading is logged."""
    names, after = field_names(fields), paging.after(UUID)
    office: Office = runtime.resources["office"]
    if names and purpose is None:
        raise invalid(
            FieldError("purpose", "purpose_required", "查看身份信息须注明用途", "say what the reading is for")
        )
    async with runtime.database.transaction(reading_cause()) as tx:
        register = opened(subject, register_id, filters, tx.now)
        if names:
            await tx.lock([log_key(subject.township, register.register)])
        subjects = await views.keys(tx.db, register.query(), after[0] if after else None, paging.fetch)
        if names:
            register.log(tx, "register.read", names, min(len(subjects), paging.limit), str(purpose), request)
        rows = await register.rows(tx.db, subjects, names, office.vault)
    return paging.page(rows, lambda row: (row.subject_id,))


@router.get("/registers/{register_id}/groups")
async def read_register_groups(
    register_id: RegisterId,
    subject: Annotated[Subject, guard("register.read")],
    filters: AskedOf,
    db: Reading,
    by: Annotated[Literal["tag", "level", "tag,level"], Query(description="What to count by")] = "tag,level",
) -> Groups:
    """The ledger by type and level (D-4.3.4), now or as it was."""
    now = await db.fetchval("SELECT app_now()")
    register = opened(subject, register_id, filters, now)
    counted = await views.groups(db, register.query(), by.split(","))
    total = await views.count(db, register.query())
    return Groups(items=[GroupCount(**row) for row in counted], total=total, as_of=register.wanted.as_of)


@router.get("/registers/{register_id}/history")
async def read_register_history(
    register_id: RegisterId,
    subject: Annotated[Subject, guard("register.read")],
    paging: PageOf,
    db: Reading,
    began: Annotated[AwareDatetime | None, Query(alias="from")] = None,
    ended: Annotated[AwareDatetime | None, Query(alias="to")] = None,
) -> Page[RegisterChange]:
    """Who came on the register and who left it, the latest first."""
    now = await db.fetchval("SELECT app_now()")
    register = opened(subject, register_id, (Wanted(now), True), now)
    after = paging.after(datetime, UUID, str)
    first = began or datetime.min.replace(tzinfo=UTC)
    last = ended or datetime.max.replace(tzinfo=UTC)
    found = await views.changes(db, register.query(members=False), first, last, after, paging.fetch)
    page = paging.page(found, lambda change: (change.at, change.span_id, change.change))
    names = RegisterChange.model_fields
    items = [RegisterChange(**{name: getattr(change, name) for name in names}) for change in page.items]
    return Page(items=items, next_cursor=page.next_cursor)


@router.get("/registers/{register_id}/export")
async def export_register(
    register_id: RegisterId,
    request: Request,
    subject: Annotated[Subject, guard("register.export")],
    filters: AskedOf,
    runtime: RuntimeOf,
    purpose: PurposeOf,
    form: Annotated[Format, Query(alias="format")] = "xlsx",
    fields: FieldsOf = None,
) -> StreamingResponse:
    """The register as a file, with the masks of the page. It is logged before anything is decrypted."""
    names = field_names(fields)
    office: Office = runtime.resources["office"]
    async with runtime.database.transaction(reading_cause()) as tx:
        register = opened(subject, register_id, filters, tx.now)
        await tx.lock([log_key(subject.township, register.register)])
        subjects = await views.keys(tx.db, register.query(), None, MAX_SUBJECTS + 1)
        if len(subjects) > MAX_SUBJECTS:
            detail = f"超过{MAX_SUBJECTS}条，请缩小范围", f"more than {MAX_SUBJECTS}; narrow the filter"
            raise invalid(FieldError("village", "too_many_rows", *detail))
        register.log(tx, "register.export", names, len(subjects), purpose, request)
    pieces = lines(runtime.database, register.query, subjects, register.reader, names, office.vault)
    heading = headings(names, register.reader.policy)
    name = f"{register.register.id}-{register.wanted.as_of:%Y%m%d}.{form}"
    return StreamingResponse(
        as_file(form, register.register, heading, pieces),
        media_type=MEDIA[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get("/registers/{register_id}/access-log")
async def read_register_access_log(
    register_id: RegisterId, subject: Annotated[Subject, guard("audit.read")], db: Reading
) -> AccessLog:
    """Who read or exported the register, with proof that no entry was changed or removed."""
    now = await db.fetchval("SELECT app_now()")
    register = register_named(policy_at(now), register_id)
    return await file_views.access_log(db, log_key(subject.township, register))
