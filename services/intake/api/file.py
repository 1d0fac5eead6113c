"""The vault's doors: the file read field by field, and notes. Every reading is logged first."""

from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import RuntimeOf
from chassis.problem import FieldError, Problem, conflict, forbidden, invalid, not_found, refused
from chassis.transaction import Transaction
from contracts.access import Denied, Subject, decide
from contracts.policy import Policy, policy_in_force
from services.intake.api import break_glass
from services.intake.api.access import known_case, readable, reading_cause, source_of, who
from services.intake.bodies import Body, Long, ReasonCode
from services.intake.domain.numbers import ZONE
from services.intake.drafting import Office
from services.intake.sight import FIELDS, NOTE, Field, Full, Grant, Hidden, Sight, field_of, of_own_entry, see
from services.intake.store import cases, reports
from services.intake.store.reports import Sealed
from services.intake.store.writing import insert_all
from services.intake.timeline import note_entry
from services.intake.views import cases as case_views
from services.intake.views import file as views
from services.intake.views.cases import CaseRecord
from services.intake.views.file import FieldView, FileView, NoteView, SealedRow

router = APIRouter(prefix="/api/v1", tags=["files"])

Purpose = Literal["task", "emergency", "supervision", "feedback", "legal_request", "data_subject_request", "correction"]
PurposeOf = Annotated[Purpose, Query(description="What the reading is for; it is logged")]
ReasonOf = Annotated[ReasonCode | None, Query(description="A code, or the id of a note; opens a RED file when needed")]
NoteKind = Literal[
    "return_reason",
    "arrival",
    "assessment",
    "visit",
    "closing_summary",
    "child_view",
    "guardian_view",
    "best_interest",
    "other",
]


class NoteBody(Body):
    """A text about a case. Elsewhere it is known by its id only."""

    kind: NoteKind
    text: Long


class NoteReply(BaseModel):
    """Where the note lies."""

    note_id: UUID


@router.get("/cases/{case}/file")
async def read_file(
    case: str,
    request: Request,
    subject: Annotated[Subject, guard("file.read")],
    runtime: RuntimeOf,
    fields: Annotated[str, Query(max_length=600, description="Field names, comma separated, or `all`")],
    purpose: PurposeOf,
    reason: ReasonOf = None,
) -> FileView:
    """A child's file, each field as far as the reader may see it. Hidden values are never decrypted."""
    names = _names(fields)
    office: Office = runtime.resources["office"]
    async with runtime.database.transaction(reading_cause()) as tx:
        record = await _locked(tx, case, subject)
        wanted = _fields(names, record, tx)
        grants = await views.grants_for(tx.db, record.case_id, subject.account, tx.now)
        facts = record.facts()
        policy = _policy(tx)
        duty = await break_glass.on_duty(tx, record, subject, reason, policy)
        sights = {f: see(subject, facts, f, tx.now, grants, reason=reason, on_duty=duty) for f in wanted}
        _log_reading(tx, "file.read", record, subject, sights, grants, request, purpose, reason)
        nothing = all(isinstance(sight, Hidden) for sight in sights.values())
        refusal = break_glass.off_duty(sights.values(), policy)
        refusal = refusal or (_refusal(subject, record, tx) if nothing else None)
        due_at = None if refusal else await break_glass.review(tx, record, subject, sights, reason, policy)
        shown = [] if refusal else await _shown(tx, record, subject, sights, office)
    if refusal is not None:
        raise refusal
    return FileView(case_id=record.case_id, case_number=record.row["case_number"], fields=shown, review_due_at=due_at)


@router.post("/cases/{case}/notes", status_code=201, response_model=NoteReply)
async def create_note(
    case: str,
    body: NoteBody,
    subject: Annotated[Subject, guard("note.create")],
    command: CommandOf,
    runtime: RuntimeOf,
) -> Response:
    """Lay a text down in the vault. Acts elsewhere refer to it by `note_id`."""
    command.require_key()
    office: Office = runtime.resources["office"]

    async def act(tx: Transaction) -> Reply:
        record = await readable(tx.db, case, subject, "note.create")
        await tx.lock([str(record.family_id)])
        child_id: UUID = record.row["child_id"]
        wrapped = await reports.wrapped_keys(tx.db, [child_id])
        if child_id not in wrapped:
            raise conflict("identity_erased", "该档案已销毁，不能再写入", "The file was erased; nothing can be added")
        note_id = tx.new_id("note")
        sealed = office.vault.key(child_id, *wrapped[child_id]).seal("vault_text", note_id, body.kind, body.text)
        grade = "P1" if record.row["restricted"] else "P2"
        note = Sealed(note_id, child_id, body.kind, grade, sealed, record.case_id)
        entry = note_entry(body.kind, note_id, subject.actor(), tx.now)
        text = reports.add_texts(None, [note], subject.account, tx.now)
        await insert_all(tx.db, [text, cases.add_timeline([(record.family_id, entry)])])
        address = f"/api/v1/cases/{record.case_id}/notes/{note_id}"
        return Reply(201, NoteReply(note_id=note_id), location=address)

    return await command.run(act, body)


@router.get("/cases/{case}/notes/{note_id}")
async def read_note(
    case: str,
    note_id: UUID,
    request: Request,
    subject: Annotated[Subject, guard("note.read")],
    runtime: RuntimeOf,
    purpose: PurposeOf,
    reason: ReasonOf = None,
) -> NoteView:
    """A note: for its author, and for whoever sees the notes of this case."""
    office: Office = runtime.resources["office"]
    async with runtime.database.transaction(reading_cause()) as tx:
        record = await _locked(tx, case, subject)
        found = await views.sealed_note(tx.db, record.family_id, note_id)
        if found is None:
            raise not_found()
        row, author = found
        secret = record.row["restricted"] or row.grade == "P1"
        field = Field(NOTE, "P1" if secret else "P2")
        grants = await views.grants_for(tx.db, record.case_id, subject.account, tx.now)
        policy = _policy(tx)
        duty = await break_glass.on_duty(tx, record, subject, reason, policy)
        sight = see(subject, record.facts(), field, tx.now, grants, reason=reason, on_duty=duty)
        refusal = break_glass.off_duty([sight], policy) or _refusal(subject, record, tx)
        if author == subject.account and (refusal is None or refusal.status != HTTPStatus.NOT_FOUND):
            sight = Full()
        _log_reading(tx, "note.read", record, subject, {field: sight}, grants, request, purpose, reason)
        await break_glass.review(tx, record, subject, {field: sight}, reason, policy)
        readable_now = isinstance(sight, Full)
        text = row.opened(office.vault, await reports.wrapped_keys(tx.db, [row.owner_id])) if readable_now else None
    if text is None:
        raise refusal or forbidden(sight.reason if isinstance(sight, Hidden) else "erased")
    return NoteView(
        note_id=row.id,
        case_id=record.case_id,
        kind=row.field,
        grade=field.grade,
        text=text,
        recorded_at=row.recorded_at,
    )


def _names(fields: str) -> tuple[str, ...]:
    if fields == "all":
        return FIELDS
    names = tuple(dict.fromkeys(name.strip() for name in fields.split(",")))
    if not set(names) <= set(FIELDS):
        raise invalid(FieldError("fields", "unknown_field", "没有这个档案字段", "no such field of the file"))
    return names


def _fields(names: tuple[str, ...], record: CaseRecord, tx: Transaction) -> list[Field]:
    restricted: bool = record.row["restricted"]
    return [field_of(name, restricted=restricted, policy=_policy(tx)) for name in names]


def _policy(tx: Transaction) -> Policy:
    return policy_in_force(tx.now.astimezone(ZONE).date())


async def _locked(tx: Transaction, case: str, subject: Subject) -> CaseRecord:
    """The case as it is once its family's lock is held, so that a restriction that just came counts."""
    record = await known_case(tx.db, case, subject)
    await tx.lock([str(record.family_id)])
    return await known_case(tx.db, case, subject)


def _refusal(subject: Subject, record: CaseRecord, tx: Transaction) -> Problem | None:
    """What a reader who sees nothing is told instead of hidden fields: 404 where even the case is none of theirs."""
    decision = decide(subject, "file.read", record.resource(tx.now))
    return refused(decision) if isinstance(decision, Denied) else None


async def _shown(
    tx: Transaction, record: CaseRecord, subject: Subject, sights: dict[Field, Sight], office: Office
) -> list[FieldView]:
    visible = {field.name for field, sight in sights.items() if not isinstance(sight, Hidden)}
    child_id: UUID = record.row["child_id"]
    rows = await views.sealed_fields(tx.db, record.case_id, record.family_id, child_id, visible)
    keys = await reports.wrapped_keys(tx.db, {row.owner_id for row in rows})
    own = await case_views.own_reports(tx.db, [record.family_id], subject.account)
    area = record.row["group_code"] or record.row["village"]
    shown: list[FieldView] = []
    for field, sight in sights.items():
        found: list[SealedRow | None] = [row for row in rows if row.field == field.name]
        for row in found or [None]:
            narrowed = of_own_entry(subject, field, sight, own=row is None or row.report_id in own)
            shown.append(views.shown(field, narrowed, row, office.vault, keys, area))
    return shown


def _log_reading(
    tx: Transaction,
    action: str,
    record: CaseRecord,
    subject: Subject,
    sights: dict[Field, Sight],
    grants: list[Grant],
    request: Request,
    purpose: str,
    reason: str | None,
) -> None:
    """One entry with the fields policy `access_log` names. Written before anything is decrypted, refused readings too."""
    results = {field.name: type(sight).__name__.lower() for field, sight in sights.items()}
    by = sorted({sight.by for sight in sights.values() if isinstance(sight, Full)})
    detail = {
        "case_id": str(record.case_id),
        "fields": results,
        "field_classes": sorted({field.grade for field in sights}),
        "purpose": purpose,
        "reason": reason,
        "opened_by": by,
        "approvals": [str(grant.grant_id) for grant in grants] if "grant" in by else [],
        "source_ip": source_of(request),
        "result": "denied" if set(results.values()) == {"hidden"} else "given",
    }
    tx.audit(str(record.family_id), action, who(subject), detail)
