"""The family file: reading it, linking case families of one household, and recording guardians and relatives."""

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, model_validator

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import RuntimeOf
from chassis.problem import FieldError, conflict, invalid, not_found, refused
from chassis.transaction import Transaction
from contracts.access import Denied, Subject, decide
from contracts.policy import policy_in_force
from services.intake import joining
from services.intake.api.access import readable, reading_cause, source_of, who
from services.intake.api.file import PurposeOf
from services.intake.bodies import Body, Reference, Short
from services.intake.domain.matching import Particulars
from services.intake.domain.numbers import ZONE
from services.intake.drafting import Office
from services.intake.recognising import open_particulars, tokens
from services.intake.sight import CaseFacts, Field, Sight, field_of, see
from services.intake.store import families, persons, reports
from services.intake.store.families import Link, Member
from services.intake.store.persons import SealedParticular
from services.intake.store.writing import insert_all
from services.intake.views import cases as case_views
from services.intake.views import families as views
from services.intake.views import file as file_views
from services.intake.views import persons as person_views
from services.intake.views.cases import CaseRecord
from services.intake.views.families import OF_CHILDREN, OF_RELATIVES, FamilyChild, FamilyLink, FamilyView, Relation

router = APIRouter(prefix="/api/v1", tags=["families"])


class LinkBody(Body):
    """Another case, by id or number, whose family lives in the same household. `reason_note_id`: a note of either case."""

    case: Reference
    relation: Literal["siblings", "same_household"] = "siblings"
    reason_note_id: UUID | None = None


class RelativeBody(Body):
    """Particulars of a guardian or relative: for the vault only."""

    name: Short
    sex: Literal["male", "female"] | None = None
    birth_date: date | None = None
    id_number: Short | None = None
    phone: Short | None = None


class MemberBody(Body):
    """Somebody of the household: a relative known already (`person_id`, as the search found it) or a new one (`person`).

    `of_case`: the case of the child it is a relation to; left out: to every child of the family.
    """

    relation: Relation
    of_case: Reference | None = None
    person_id: UUID | None = None
    person: RelativeBody | None = None

    @model_validator(mode="after")
    def _one_person(self) -> Self:
        if (self.person_id is None) == (self.person is None):
            raise ValueError("exactly one of person_id and person")
        return self


class MemberReply(BaseModel):
    """Who was recorded."""

    member_id: UUID
    person_id: UUID
    relation: Relation
    of_child: UUID | None


# Reading --------------------------------------------------------------------------------------------------------------


@router.get("/families/{family}")
async def read_family(
    family: str,
    request: Request,
    subject: Annotated[Subject, guard("person.read")],
    runtime: RuntimeOf,
    purpose: PurposeOf,
) -> FamilyView:
    """The family file of a case (its id or number): children, relatives, links. The reading is logged."""
    office: Office = runtime.resources["office"]
    async with runtime.database.transaction(reading_cause()) as tx:
        asked = await _asked(tx, family, subject)
        near = await joining.lock_household(tx, [asked.family_id])
        records = await case_views.records_of_families(tx.db, near, subject)
        mine = [r for r in records if not isinstance(decide(subject, "person.read", r.resource(tx.now)), Denied)]
        detail = {"purpose": purpose, "source_ip": source_of(request), "result": "given" if mine else "denied"}
        for family_id in near:
            tx.audit(str(family_id), "family.read", who(subject), detail)
        view = await _family(tx, asked, records, mine, subject, office) if mine else None
    if view is None:
        decision = decide(subject, "person.read", asked.resource(tx.now))
        raise refused(decision) if isinstance(decision, Denied) else not_found()
    return view


async def _asked(tx: Transaction, family: str, subject: Subject) -> CaseRecord:
    found = await case_views.find_record(tx.db, family, subject)
    if found is None:
        raise not_found()
    return found


async def _family(
    tx: Transaction,
    asked: CaseRecord,
    records: list[CaseRecord],
    mine: list[CaseRecord],
    subject: Subject,
    office: Office,
) -> FamilyView:
    near = list(dict.fromkeys(record.family_id for record in records))
    links = await families.links_of(tx.db, near)
    members = await families.members_of(tx.db, near)
    groups = await persons.groups(tx.db, {record.row["child_id"] for record in mine})
    by_person: dict[UUID, list[CaseRecord]] = {}
    for record in mine:
        by_person.setdefault(groups[record.row["child_id"]], []).append(record)
    children = [
        FamilyChild(
            person_id=person,
            records=sorted({r.row["child_id"] for r in of}),
            relation=views.child_relation(asked.family_id, {r.family_id for r in of}, links),
            fields=await _child_fields(tx, of, subject, office),
            cases=[person_views.person_case(r) for r in of],
        )
        for person, of in by_person.items()
    ]
    by_family = {record.family_id: record for record in reversed(mine)}
    shown = [member for member in members if member.family_id in by_family]
    known = await open_particulars(tx.db, [member.person_id for member in shown], office.vault)
    told = [
        views.member_view(m, known.get(m.person_id), _relative_sights(tx, by_family[m.family_id], subject))
        for m in shown
    ]
    policy = policy_in_force(tx.now.astimezone(ZONE).date())
    open_levels = [record.row["level"] for record in records if record.row["state"] == "open"]
    own = {record.family_id for record in mine}
    return FamilyView(
        family_id=near[0],
        families=[family_id for family_id in near if family_id in own],
        visit_level=views.visit_level(open_levels, policy),
        children=children,
        members=told,
        links=[views.link_view(link) for link in links if {link.family_id, link.other_family_id} <= own],
    )


async def _child_fields(
    tx: Transaction, of: list[CaseRecord], subject: Subject, office: Office
) -> list[file_views.FieldView]:
    """Each field at the sight of the child's latest case."""
    seen = []
    for record in of[-1:]:
        area = record.row["group_code"] or record.row["village"]
        grants = await file_views.grants_for(tx.db, record.case_id, subject.account, tx.now)
        for name in OF_CHILDREN:
            field = _field(name, record, tx)
            sight = see(subject, record.facts(), field, tx.now, grants)
            seen.append(person_views.Seen(record.row["child_id"], field, sight, area))
    owners = {one.record_id for one in seen}
    rows = await person_views.sealed_rows(tx.db, owners)
    own = await case_views.own_reports(tx.db, [record.family_id for record in of], subject.account)
    keys = await reports.wrapped_keys(tx.db, owners)
    return person_views.fields_shown(seen, rows, own, subject, office.vault, keys)


def _relative_sights(tx: Transaction, record: CaseRecord, subject: Subject) -> dict[str, tuple[Field, Sight]]:
    facts: CaseFacts = record.facts()
    fields = {name: _field(like, record, tx) for name, like in OF_RELATIVES.items()}
    return {name: (field, see(subject, facts, field, tx.now, [])) for name, field in fields.items()}


def _field(name: str, record: CaseRecord, tx: Transaction) -> Field:
    restricted: bool = record.row["restricted"]
    return field_of(name, restricted=restricted, policy=policy_in_force(tx.now.astimezone(ZONE).date()))


# Linking --------------------------------------------------------------------------------------------------------------


@router.post("/families/{family}/links", status_code=201, response_model=FamilyLink)
async def link_families(
    family: str, body: LinkBody, subject: Annotated[Subject, guard("family.write")], command: CommandOf
) -> Response:
    """Two case families are one household from now on: O7 looks at both, and visits follow the higher level."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        one = await readable(tx.db, family, subject, "family.write")
        other = await case_views.find_record(tx.db, body.case, subject)
        if other is None:
            raise invalid(FieldError("#/case", "unknown_case", "没有这个个案", "no such case"))
        if isinstance(denied := decide(subject, "family.write", other.resource(tx.now)), Denied):
            raise refused(denied)
        near = await joining.lock_household(tx, [one.family_id, other.family_id])
        if other.family_id in await families.household(tx.db, [one.family_id]):
            raise conflict("same_household", "已在同一家庭档案", "They are in one family file already")
        link = Link(
            link_id=tx.new_id("link"),
            family_id=one.family_id,
            other_family_id=other.family_id,
            relation=body.relation,
            note_id=body.reason_note_id,
            linked_by=who(subject),
            linked_at=tx.now,
        )
        await insert_all(tx.db, [families.add_link(link)])
        _log(tx, "family.linked", subject, link)
        await joining.announce_household(tx, subject, near)
        return Reply(201, views.link_view(link), location=f"/api/v1/families/{one.family_id}")

    return await command.run(act, body)


@router.post("/families/{family}/links/{link_id}/actions/end", response_model=FamilyLink)
async def end_link(
    family: str, link_id: UUID, subject: Annotated[Subject, guard("family.write")], command: CommandOf
) -> Response:
    """They live together no longer, or never did."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        one = await readable(tx.db, family, subject, "family.write")
        near = await joining.lock_household(tx, [one.family_id])
        link = next((link for link in await families.links_of(tx.db, near) if link.link_id == link_id), None)
        if link is None:
            raise not_found()
        await families.end_link(tx.db, link_id, who(subject), tx.now)
        _log(tx, "family.parted", subject, link)
        await joining.announce_household(tx, subject, near)
        return Reply(200, views.link_view(link))

    return await command.run(act)


def _log(tx: Transaction, action: str, subject: Subject, link: Link) -> None:
    detail = {"link_id": str(link.link_id), "families": [str(link.family_id), str(link.other_family_id)]}
    for key in (link.family_id, link.other_family_id):
        tx.audit(str(key), action, who(subject), detail)


# Relatives ------------------------------------------------------------------------------------------------------------


@router.post("/families/{family}/members", status_code=201, response_model=MemberReply)
async def add_member(
    family: str,
    body: MemberBody,
    subject: Annotated[Subject, guard("family.write")],
    command: CommandOf,
    runtime: RuntimeOf,
) -> Response:
    """Record a guardian or relative as a person who belongs to the household."""
    command.require_key()
    office: Office = runtime.resources["office"]

    async def act(tx: Transaction) -> Reply:
        record = await readable(tx.db, family, subject, "family.write")
        await tx.lock([str(record.family_id)])
        of_child = await _of_child(tx, record, body, subject)
        person_id = body.person_id or tx.new_id("relative")
        if body.person is not None:
            await _record_relative(tx, person_id, body.person, subject, office)
        elif await families.relative_township(tx.db, person_id) != subject.township:
            raise invalid(FieldError("#/person_id", "unknown_relative", "没有这个亲属", "no such relative"))
        member = Member(tx.new_id("member"), record.family_id, person_id, body.relation, of_child, who(subject), tx.now)
        await insert_all(tx.db, [families.add_member(member)])
        detail = {"member_id": str(member.member_id), "relation": body.relation}
        tx.audit(str(record.family_id), "family.member_added", who(subject), detail)
        reply = MemberReply(member_id=member.member_id, person_id=person_id, relation=body.relation, of_child=of_child)
        return Reply(201, reply, location=f"/api/v1/families/{record.family_id}")

    return await command.run(act, body)


@router.post("/families/{family}/members/{member_id}/actions/end", status_code=204)
async def end_member(
    family: str, member_id: UUID, subject: Annotated[Subject, guard("family.write")], command: CommandOf
) -> Response:
    """Somebody belongs to the household no longer; that they did stays on record."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        record = await readable(tx.db, family, subject, "family.write")
        await tx.lock([str(record.family_id)])
        members = await families.members_of(tx.db, [record.family_id])
        if member_id not in {member.member_id for member in members}:
            raise not_found()
        await families.end_member(tx.db, member_id, who(subject), tx.now)
        tx.audit(str(record.family_id), "family.member_ended", who(subject), {"member_id": str(member_id)})
        return Reply(204)

    return await command.run(act)


async def _of_child(tx: Transaction, record: CaseRecord, body: MemberBody, subject: Subject) -> UUID | None:
    if body.of_case is None:
        return None
    found = await case_views.find_record(tx.db, body.of_case, subject)
    if found is None or found.family_id != record.family_id:
        raise invalid(FieldError("#/of_case", "not_in_family", "该个案不属于同一家庭", "not a case of this family"))
    child: UUID = found.row["child_id"]
    return child


async def _record_relative(
    tx: Transaction, person_id: UUID, body: RelativeBody, subject: Subject, office: Office
) -> None:
    key = office.vault.new_key(person_id)
    sealed = []
    for name, value in body.model_dump(mode="json", exclude_none=True).items():
        row = tx.new_id("vault_relative", name)
        closed = key.seal("vault_relative", row, name, value)
        sealed.append(SealedParticular("vault_relative", row, person_id, name, closed, key.version, key.wrapped))
    known = Particulars.of(
        name=body.name, birth_date=body.birth_date, sex=body.sex, id_number=body.id_number, phones=(body.phone,)
    )
    marks = [(person_id, kind, mark) for mark, kind in tokens(known, office.vault).items()]
    await insert_all(
        tx.db,
        [
            reports.add_keys([key]),
            families.add_relative(person_id, subject.township, who(subject), tx.now),
            families.add_relative_fields(sealed, tx.now),
            persons.add_tokens(marks),
        ],
    )
