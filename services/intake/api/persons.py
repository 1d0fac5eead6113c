"""Persons across cases: search before create, the profile, joining two records of one child and taking it back."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, model_validator

from chassis.auth import guard
from chassis.command import CommandOf, Reply
from chassis.http import Reading, RuntimeOf
from chassis.paging import Page, PageOf
from chassis.problem import conflict, not_found, refused
from chassis.transaction import Transaction
from contracts.access import Denied, Subject, decide
from contracts.policy import Policy, policy_in_force
from services.intake import joining
from services.intake.api.access import reading_cause, source_of, who
from services.intake.api.file import PurposeOf
from services.intake.bodies import Body, Short
from services.intake.domain.matching import KINDS, Particulars
from services.intake.domain.numbers import ZONE
from services.intake.drafting import Office
from services.intake.recognising import Recognised, open_particulars, recognise
from services.intake.sight import CHILD_FIELDS, Hidden, field_of, mask, see
from services.intake.store import families, persons, reports
from services.intake.views import cases as case_views
from services.intake.views import file as file_views
from services.intake.views import persons as views
from services.intake.views.cases import CaseRecord
from services.intake.views.persons import DuplicateView, FoundCase, FoundPerson, MergeView, PersonView, Seen

router = APIRouter(prefix="/api/v1", tags=["persons"])

MAX_FOUND = 50


class SearchBody(Body):
    """What is known of the person, at least one of name, ID number, phone and birth date; the more, the better the order.

    `name` may be written as it sounds (拼音) or, with a village or birth date, by its initials. `village` alone finds nobody.
    """

    name: Short | None = None
    birth_date: date | None = None
    sex: Literal["male", "female"] | None = None
    id_number: Short | None = None
    phone: Short | None = None
    village: Short | None = None

    @model_validator(mode="after")
    def _one_particular(self) -> Self:
        if not (self.name or self.id_number or self.phone or (self.birth_date and self.village)):
            raise ValueError("at least one of name, id_number, phone, or birth_date with village")
        return self

    @property
    def asked(self) -> list[str]:
        """Which particulars are searched by; never their values."""
        return sorted(self.model_fields_set - {"village"})


class FoundPersons(BaseModel):
    """The persons found, at most fifty, the likeliest first."""

    items: list[FoundPerson]


class MergeBody(Body):
    """`duplicate_id`: the record to be read as part of this one. `reason_note_id`: a note of a case of either."""

    duplicate_id: UUID
    reason_note_id: UUID


class UndoBody(Body):
    """Why the joining is taken back: a note of a case of either record."""

    reason_note_id: UUID


class DuplicateDecision(Body):
    """`different`: they are not to be offered again as one. That they are the same is decided by joining them."""

    outcome: Literal["different"]


# Search ---------------------------------------------------------------------------------------------------------------


@router.post("/persons/search")
async def search_persons(
    body: SearchBody, request: Request, subject: Annotated[Subject, guard("person.search")], runtime: RuntimeOf
) -> FoundPersons:
    """Persons who may be the one sought, with reasons: what is searched for is neither stored nor logged."""
    office: Office = runtime.resources["office"]
    sought = Particulars.of(
        name=body.name,
        birth_date=body.birth_date,
        sex=body.sex,
        id_number=body.id_number,
        phones=(body.phone,),
        villages=(body.village,),
    )
    async with runtime.database.transaction(reading_cause()) as tx:
        policy = _policy(tx)
        rule, on = policy.risk.duplicate_rule, tx.now.astimezone(ZONE).date()
        [found] = await recognise(tx.db, [sought], subject.township, office.vault, rule, on, kinds=KINDS, wide=True)
        hits = [(one, cases) for one in found if (cases := _within(one, body.village, subject))]
        others = [one for one in found if not one.cases and one.likeness.reasons]
        journal = f"search:{subject.account}"
        touched = {case["family_id"] for _, cases in hits for case in cases}
        await tx.lock([journal, *map(str, touched)])
        detail = {"particulars": body.asked, "village": body.village, "source_ip": source_of(request)}
        actor = who(subject)
        listed = [str(case["case_id"]) for _, cases in hits for case in cases]
        tx.audit(journal, "person.search", actor, {**detail, "found": listed})
        for family_id in touched:
            tx.audit(str(family_id), "person.search", actor, detail)
        known = await open_particulars(tx.db, [r for one in found for r in one.records], office.vault)
        items = [_found(one, cases, known) for one, cases in hits]
        items += [_registered(one, known) for one in others if one.is_child and _lives(one, body.village)]
        relatives = [one for one in others if not one.is_child]
        items += await _relatives(tx, relatives, known, body.village, subject)
    items.sort(key=lambda item: -item.score)
    return FoundPersons(items=items[:MAX_FOUND])


def _within(one: Recognised, village: str | None, subject: Subject) -> list[Any]:
    cases = one.cases_for(subject)
    return list(cases) if village is None or any(case["village"] == village for case in cases) else []


def _found(one: Recognised, cases: list[Any], known: dict[UUID, Particulars]) -> FoundPerson:
    first = cases[0]
    return FoundPerson(
        person_id=one.person_id,
        cases=[FoundCase(**{name: case[name] for name in FoundCase.model_fields}) for case in cases],
        families=list(dict.fromkeys(case["family_id"] for case in cases)),
        **{name: first[name] for name in ("case_id", "case_number", "state", "level", "village")},
        **_masked(one, known),
    )


def _registered(one: Recognised, known: dict[UUID, Particulars]) -> FoundPerson:
    """A child on a register that never had a case."""
    village = min(one.registered or (), default=None)
    return FoundPerson(person_id=one.person_id, village=village, **_masked(one, known))


def _lives(one: Recognised, village: str | None) -> bool:
    return village is None or village in (one.registered or ())


def _masked(one: Recognised, known: dict[UUID, Particulars]) -> dict[str, Any]:
    """Masked whoever asks: a search is for telling persons apart, the file is for reading."""
    likeness = one.likeness
    person = next(known[r] for r in (one.person_id, *sorted(one.records)) if r in known)
    phone = min(person.phones, default=None)
    return {
        "score": likeness.percent,
        "same": likeness.reasons,
        "against": likeness.against,
        "name": mask("name", person.name, None) if person.name else None,
        "birth_year": str(person.born.year) if person.born else None,
        "sex": person.sex,
        "id_number": mask("id_number", person.id_number, None) if person.id_number else None,
        "phone": mask("phone", phone, None) if phone else None,
    }


async def _relatives(
    tx: Transaction, found: list[Recognised], known: dict[UUID, Particulars], village: str | None, subject: Subject
) -> list[FoundPerson]:
    """Guardians and other relatives, with the case families they belong to that this subject may find."""
    items = []
    for one in found:
        belongs = await families.memberships(tx.db, one.records)
        near = await case_views.records_of_families(tx.db, [member.family_id for member in belongs], subject)
        told = {r.family_id for r in near if _may(subject, r, tx) and village in (None, r.row["village"])}
        if told:
            items.append(
                FoundPerson(
                    kind="relative",
                    person_id=one.person_id,
                    families=sorted(told),
                    relation=next(m.relation for m in belongs if m.family_id in told),
                    **_masked(one, known),
                )
            )
    return items


def _may(subject: Subject, record: CaseRecord, tx: Transaction) -> bool:
    return not isinstance(decide(subject, "person.search", record.resource(tx.now)), Denied)


# Profile --------------------------------------------------------------------------------------------------------------


@router.get("/persons/duplicates")
async def list_duplicates(
    subject: Annotated[Subject, guard("person.merge")],
    paging: PageOf,
    db: Reading,
    state: Literal["open", "same", "different"] = "open",
) -> Page[DuplicateView]:
    """Records that may be one child, or children of one household, for civil affairs to decide."""
    after = paging.after(datetime, UUID)
    found = await views.duplicates(db, subject.township, subject.department, state, after, paging.fetch)
    return paging.page(found, lambda one: (one.found_at, one.duplicate_id))


@router.post("/persons/duplicates/{duplicate_id}/actions/decide", response_model=DuplicateView)
async def decide_duplicate(
    duplicate_id: UUID, body: DuplicateDecision, subject: Annotated[Subject, guard("person.merge")], command: CommandOf
) -> Response:
    """Two records are not one child. (That they are, is said by joining them.)"""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        found = await views.duplicate(tx.db, subject.township, duplicate_id)
        if found is None:
            raise not_found()
        await tx.lock({str(found.family_id), str(found.other_family_id)})
        await joining.allowed(tx, subject, [found.child_id, found.other_id])
        found = await views.duplicate(tx.db, subject.township, duplicate_id)
        if found is None or found.state != "open":
            raise conflict("already_decided", "已作决定", "It was decided already", current_state=found and found.state)
        pair = (found.child_id, found.other_id)
        await persons.decide_duplicates(tx.db, [pair], body.outcome, who(subject), tx.now)
        for key in {str(found.family_id), str(found.other_family_id)}:
            tx.audit(key, "duplicate.refused", who(subject), {"duplicate_id": str(duplicate_id)})
        return Reply(200, found.model_copy(update={"state": body.outcome, "decided_at": tx.now}))

    return await command.run(act, body)


@router.get("/persons/{person_id}")
async def read_person(
    person_id: UUID,
    request: Request,
    subject: Annotated[Subject, guard("person.read")],
    runtime: RuntimeOf,
    purpose: PurposeOf,
) -> PersonView:
    """A child over all its cases, each field as far as the reader may see it by one of them. The reading is logged."""
    office: Office = runtime.resources["office"]
    async with runtime.database.transaction(reading_cause()) as tx:
        groups = await persons.groups(tx.db, [person_id])
        before = await case_views.records_of_children(tx.db, list(groups), subject)
        await tx.lock({str(record.family_id) for record in before})
        records = await case_views.records_of_children(tx.db, list(groups), subject)
        if not records:
            raise not_found()
        decided = [(record, decide(subject, "person.read", record.resource(tx.now))) for record in records]
        readable = [record for record, decision in decided if not isinstance(decision, Denied)]
        seen = [one for record in readable for one in await _seen(tx, record, subject)]
        _log_reading(tx, records, readable, seen, subject, request, purpose)
        refusal = None if readable else next(d for _, d in decided if isinstance(d, Denied))
        view = await _profile(tx, groups, readable, _by_record(seen), subject, office) if readable else None
    if refusal is not None:
        raise refused(refusal)
    assert view is not None
    return view


async def _seen(tx: Transaction, record: CaseRecord, subject: Subject) -> list[Seen]:
    grants = await file_views.grants_for(tx.db, record.case_id, subject.account, tx.now)
    policy, facts = _policy(tx), record.facts()
    restricted: bool = record.row["restricted"]
    fields = [field_of(name, restricted=restricted, policy=policy) for name in CHILD_FIELDS]
    area = record.row["group_code"] or record.row["village"]
    return [Seen(record.row["child_id"], field, see(subject, facts, field, tx.now, grants), area) for field in fields]


def _by_record(seen: list[Seen]) -> list[Seen]:
    """Of several cases of one record the one that shows most of a field counts."""
    best: dict[tuple[UUID, str], list[Seen]] = {}
    for one in seen:
        best.setdefault((one.record_id, one.field.name), []).append(one)
    clearest = {place: views.clearest([one.sight for one in ones]) for place, ones in best.items()}
    return [next(one for one in ones if one.sight == clearest[place]) for place, ones in best.items()]


async def _profile(
    tx: Transaction,
    groups: dict[UUID, UUID],
    readable: list[CaseRecord],
    seen: list[Seen],
    subject: Subject,
    office: Office,
) -> PersonView:
    root = next(iter(groups.values()))
    own = list(dict.fromkeys(record.family_id for record in readable))
    visible = {one.record_id for one in seen if not isinstance(one.sight, Hidden)}
    rows = await views.sealed_rows(tx.db, visible)
    keys = await reports.wrapped_keys(tx.db, visible)
    merges = await persons.merges_of(tx.db, list(groups))
    entered = await case_views.own_reports(tx.db, own, subject.account)
    return PersonView(
        person_id=root,
        records=sorted(groups),
        fields=views.fields_shown(seen, rows, entered, subject, office.vault, keys),
        cases=[views.person_case(record) for record in readable],
        contacts=await views.contacts(tx.db, own),
        history=await views.history(tx.db, own),
        merges=[views.merge_view(merge) for merge in merges],
        household=await families.household(tx.db, own),
    )


def _log_reading(
    tx: Transaction,
    records: list[CaseRecord],
    readable: list[CaseRecord],
    seen: list[Seen],
    subject: Subject,
    request: Request,
    purpose: str,
) -> None:
    """One entry in the log of each family, refused readings too, before anything is decrypted."""
    for family_id in {record.family_id for record in records}:
        children = {record.row["child_id"] for record in readable if record.family_id == family_id}
        results = {one.field.name: type(one.sight).__name__.lower() for one in seen if one.record_id in children}
        detail = {
            "fields": results,
            "field_classes": sorted({one.field.grade for one in seen if one.record_id in children}),
            "purpose": purpose,
            "source_ip": source_of(request),
            "result": "denied" if set(results.values()) <= {"hidden"} else "given",
        }
        tx.audit(str(family_id), "person.read", who(subject), detail)


# Joining records ------------------------------------------------------------------------------------------------------


@router.post("/persons/{person_id}/merges", status_code=201, response_model=MergeView)
async def merge_persons(
    person_id: UUID,
    body: MergeBody,
    subject: Annotated[Subject, guard("person.merge")],
    command: CommandOf,
) -> Response:
    """Two records are one child: both read as one from now on, cases keep their numbers. It can be taken back."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        made = await joining.merge(tx, subject, person_id, body.duplicate_id, body.reason_note_id)
        address = f"/api/v1/persons/{person_id}"
        return Reply(201, views.merge_view(made.merge, made.closable), location=address)

    return await command.run(act, body)


@router.post("/persons/{person_id}/merges/{merge_id}/actions/undo", response_model=MergeView)
async def undo_merge(
    person_id: UUID,
    merge_id: UUID,
    body: UndoBody,
    subject: Annotated[Subject, guard("person.merge")],
    command: CommandOf,
) -> Response:
    """They are two children after all: everything reads as it did before they were joined."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        undone = await joining.undo(tx, subject, person_id, merge_id, body.reason_note_id)
        return Reply(200, views.merge_view(undone))

    return await command.run(act, body)


def _policy(tx: Transaction) -> Policy:
    return policy_in_force(tx.now.astimezone(ZONE).date())
