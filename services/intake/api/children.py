"""A child on file: codes, registers, and the context sections family, school and community in versions (D-4.1.2)."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import RuntimeOf
from chassis.problem import FieldError, conflict, forbidden, invalid
from chassis.transaction import Transaction
from contracts.access import Subject
from services.intake.api.access import reading_cause, source_of, who
from services.intake.api.file import Purpose
from services.intake.api.on_file import lock_child, policy_at, readable_child
from services.intake.api.registers import FieldsOf, RegisterChild, field_names, register_child
from services.intake.bodies import Body, Long
from services.intake.domain.registers import circle, may_read
from services.intake.drafting import Office
from services.intake.showing import shown_fields
from services.intake.sight import SECTIONS, Full, field_of
from services.intake.store import reports
from services.intake.store.reports import Sealed
from services.intake.store.writing import insert_all
from services.intake.views import children as views
from services.intake.views.registers import Wanted

router = APIRouter(prefix="/api/v1", tags=["registers"])


class SectionVersion(BaseModel):
    """A version of a context section."""

    version: int
    recorded_at: datetime


class ChildCard(RegisterChild):
    """A child on file. `registers`: those the reader reads that the child is on; `sections`: versions, the newest first."""

    registers: list[str]
    sections: dict[str, list[SectionVersion]]


class SectionBody(Body):
    """What is known of a child's family, school or community now: it becomes the newest version."""

    section: Literal["family", "school", "community"]
    text: Long


class SectionReply(BaseModel):
    """The version that was written."""

    section: str
    version: int
    recorded_at: datetime


@router.get("/registers/children/{child_id}")
async def read_child(
    child_id: UUID,
    request: Request,
    subject: Annotated[Subject, guard("register.read")],
    runtime: RuntimeOf,
    fields: FieldsOf = None,
    purpose: Annotated[Purpose | None, Query(description="Required with `fields`; it is logged")] = None,
) -> ChildCard:
    """A child on file, with or without a case. With `fields` identity is shown as far as the reader may see it."""
    names = field_names(fields)
    if names and purpose is None:
        raise invalid(
            FieldError("purpose", "purpose_required", "查看身份信息须注明用途", "say what the reading is for")
        )
    office: Office = runtime.resources["office"]
    async with runtime.database.transaction(reading_cause()) as tx:
        log = await lock_child(tx, child_id)
        policy = policy_at(tx.now)
        entry, reader = await readable_child(tx.db, child_id, subject, "case.read", tx.now, policy)
        if names:
            detail = {"child_id": str(child_id), "fields": list(names), "purpose": purpose}
            tx.audit(log, "child.read", who(subject), {**detail, "source_ip": source_of(request)})
        mine = [register for register in policy.registers.list_ if may_read(subject, register)]
        on = [
            register_id
            for register in mine
            for register_id in await views.registers_of(
                tx.db, child_id, [register], circle(subject, register, policy), Wanted(tx.now)
            )
        ]
        sections = await views.section_versions(tx.db, child_id)
        shown = await shown_fields(tx.db, reader, [entry], names, office.vault)
    return ChildCard(
        **register_child(entry, shown.get(child_id, {})).model_dump(),
        registers=on,
        sections={name: [SectionVersion(**one) for one in versions] for name, versions in sections.items()},
    )


@router.post("/registers/children/{child_id}/sections", status_code=201, response_model=SectionReply)
async def write_section(
    child_id: UUID,
    body: SectionBody,
    subject: Annotated[Subject, guard("tag.write")],
    command: CommandOf,
    runtime: RuntimeOf,
) -> Response:
    """Write a new version of a context section into the vault. Who writes it is who sees it in full."""
    command.require_key()
    office: Office = runtime.resources["office"]

    async def act(tx: Transaction) -> Reply:
        log = await lock_child(tx, child_id)
        policy = policy_at(tx.now)
        entry, reader = await readable_child(tx.db, child_id, subject, "tag.write", tx.now, policy)
        name = SECTIONS[body.section]
        if not isinstance(reader.sights(entry, [name])[name], Full):
            raise forbidden("not_your_section")
        wrapped = await reports.wrapped_keys(tx.db, [child_id])
        if child_id not in wrapped:
            raise conflict("identity_erased", "该档案已销毁，不能再写入", "The file was erased; nothing can be added")
        row = tx.new_id("section", body.section)
        grade = field_of(name, restricted=entry.restricted, policy=policy).grade
        sealed = office.vault.key(child_id, *wrapped[child_id]).seal("vault_child", row, name, body.text)
        kept = reports.add_child_fields(row, [Sealed(row, child_id, name, grade, sealed)], tx.now)
        await insert_all(tx.db, [kept])
        tx.audit(log, "section.write", who(subject), {"child_id": str(child_id), "section": body.section})
        versions = (await views.section_versions(tx.db, child_id))[body.section]
        return Reply(201, SectionReply(section=body.section, **versions[0]))

    return await command.run(act, body)
