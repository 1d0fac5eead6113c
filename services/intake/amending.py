"""Amending a report after its dispatch: the desk sends early and finishes later. What is added reaches every open referral as
an event in codes; words and particulars go to the vault.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, StrictBool, StrictInt, StrictStr

from chassis.problem import FieldError, conflict, invalid, not_found
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.intake import ReportAmended
from contracts.policy import Policy, load_policy
from contracts.vocabulary import ChildIntake, Place, Reporter
from services.intake.bodies import (
    MAX_SIBLINGS,
    Body,
    ChildBody,
    Long,
    PlaceBody,
    Reference,
    ReporterBody,
    Short,
)
from services.intake.domain.amending import SAFE_UNTIL, Change, amend, so_far
from services.intake.domain.children import OUTSIDE, Checked, Said
from services.intake.domain.places import locate
from services.intake.drafting import Office, errors_at
from services.intake.recognising import particulars_of, tokens
from services.intake.sealing import Keepsakes, place_fields, seal_caller, sealed
from services.intake.sight import field_of
from services.intake.store import cases, persons, reports
from services.intake.store import contacts as store
from services.intake.store.contacts import Amendable, Amendment
from services.intake.store.writing import insert_all
from services.intake.timeline import timeline_entry
from services.intake.vault import DataKey
from services.intake.views.cases import CaseRecord

NOTE_KIND = "amendment"


class AmendedChild(Body):
    """What is added about one child, by the codes of the policy. `case`: its case; left out, the report's first child."""

    case: Reference | None = None
    child: ChildBody = ChildBody()
    concerns: tuple[str, ...] = Field(default=(), max_length=30)
    facts: dict[str, StrictBool | StrictInt | StrictStr] = Field(default={}, max_length=100)
    answers: dict[str, str] = Field(default={}, max_length=40)
    checklist: dict[str, Checked] = Field(default={}, max_length=20)


class CallerBody(Body):
    """What becomes known of the reporter."""

    name: Short | None = None
    phone: Short | None = None
    contact: Short | None = None


class AmendmentBody(Body):
    """What became known after the dispatch. At least one thing."""

    children: tuple[AmendedChild, ...] = Field(default=(), max_length=MAX_SIBLINGS + 1)
    place: PlaceBody | None = None
    safe_until: AwareDatetime | None = None
    narrative: Long | None = None
    reporter: CallerBody | None = None


class AmendmentReply(BaseModel):
    """Kept, and on its way to every open referral. `aspects`: what was touched."""

    amendment_id: UUID
    report_id: UUID
    case_id: UUID
    aspects: tuple[str, ...]
    note_id: UUID | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class _Checked:
    """An amendment that is sound: what it changes of each child, in the report's order, and where the children are."""

    changes: tuple[Change, ...]
    said: tuple[AmendedChild, ...]
    place: Place | None
    aspects: tuple[str, ...]


async def find(tx: Transaction, report_id: UUID, subject: Subject) -> Amendable:
    """The report. Raises Problem 404, 409 for a contact that opened no case."""
    report = await store.find_report(tx.db, report_id, subject.township)
    if report is None:
        raise not_found()
    if report.family_id is None:
        title = "该联系没有立案，请另行登记报告", "It opened no case: record a report instead"
        raise conflict("no_case", *title)
    return report


async def record(
    tx: Transaction,
    report_id: UUID,
    report: Amendable,
    file: CaseRecord,
    body: AmendmentBody,
    subject: Subject,
    office: Office,
) -> AmendmentReply:
    """Keep an amendment under the family's lock. Raises Problem 422 naming each wrong field, 409 for a closed case."""
    if file.row["state"] != "open":
        title = "个案已销号，请登记新报告并重开", "The case is closed: record a report that reopens it"
        raise conflict("case_closed", *title, current_state="closed")
    policy = load_policy(report.policy_version)
    before = await _so_far(tx, report_id, report)
    checked = await _checked(tx, report, before, body, subject, office, policy)
    restricted = file.row["restricted"] or any(change.prepared.restricted for change in checked.changes)
    unit = next((c.prepared.conflict_unit for c in checked.changes if c.prepared.conflict_unit is not None), None)
    kept, note_id = await _sealed(tx, report, before, body, checked, office, policy, restricted=restricted)
    amendment = Amendment(
        amendment_id=tx.new_id("amendment"),
        report_id=report_id,
        family_id=file.family_id,
        response_no=file.row["response_no"],
        aspects=checked.aspects,
        children=[c.changed.model_dump(mode="json") for c in checked.changes if c.touches],
        place=checked.place.model_dump(mode="json") if checked.place else None,
        safe_until=_safe_until(checked.changes),
        note_id=note_id,
        recorded_at=tx.now,
        recorded_by=subject.actor().model_dump(exclude_none=True),
    )
    await store.amend_family(tx.db, file.family_id, tx.now, unit, restricted=restricted)
    if checked.place is not None:
        where = checked.place
        await store.move_family(tx.db, file.family_id, where.village, where.group, outside=where.outside)
    said = _announcement(tx, amendment, file, checked, subject)
    entry = timeline_entry(said)
    assert entry is not None
    await insert_all(
        tx.db,
        [
            store.add(amendment),
            reports.add_keys(kept.keys),
            reports.add_child_fields(report_id, kept.child_fields, tx.now),
            reports.add_texts(report_id, kept.texts, subject.account, tx.now),
            reports.add_reporter_fields(report_id, kept.reporter_fields, tx.now),
            persons.add_tokens(kept.tokens),
            cases.add_timeline([(file.family_id, entry)]),
        ],
    )
    tx.publish(str(file.family_id), said)
    return AmendmentReply(
        amendment_id=amendment.amendment_id,
        report_id=report_id,
        case_id=file.family_id,
        aspects=checked.aspects,
        note_id=note_id,
        recorded_at=tx.now,
    )


# Check ----------------------------------------------------------------------------------------------------------------


async def _so_far(tx: Transaction, report_id: UUID, report: Amendable) -> tuple[ChildIntake, ...]:
    earlier = await store.amendments_of(tx.db, report_id)
    said = [ChildIntake.model_validate(child) for amendment in earlier for child in amendment.children]
    reported = [ChildIntake.model_validate(child) for child in report.children]
    return tuple(so_far(one, [child for child in said if child.case_id == one.case_id]) for one in reported)


async def _checked(
    tx: Transaction,
    report: Amendable,
    before: Sequence[ChildIntake],
    body: AmendmentBody,
    subject: Subject,
    office: Office,
    policy: Policy,
) -> _Checked:
    named, errors = _named(body, before)
    place, faults = await _place(tx, body.place, subject, office)
    errors += faults
    if report.anonymous and body.reporter is not None and body.reporter.name is not None:
        detail = "匿名报告不得记录姓名", "an anonymous reporter has no name here"
        errors.append(FieldError("#/reporter/name", "anonymous_with_name", *detail))
    reporter = Reporter(kind=report.reporter_kind, mandated=report.mandated, anonymous=report.anonymous)
    changes, said = [], []
    for i, child in enumerate(before):
        at, one = named.get(i, ("#", AmendedChild()))
        change = amend(
            child,
            Said(one.concerns, one.facts, one.answers, one.checklist, one.child.birth_date),
            reporter,
            report.received_at,
            outside=None if body.place is None else bool(body.place.outside),
            safe_until=body.safe_until,
            policy=policy,
        )
        errors += errors_at(at, change.problems)
        changes.append(change)
        said.append(one)
    aspects = _aspects(body, changes, said)
    if not errors and not aspects:
        errors.append(FieldError("#", "nothing_new", "没有新的内容", "it says nothing new"))
    if errors:
        raise invalid(*errors)
    return _Checked(tuple(changes), tuple(said), place, aspects)


def _named(
    body: AmendmentBody, before: Sequence[ChildIntake]
) -> tuple[dict[int, tuple[str, AmendedChild]], list[FieldError]]:
    """Each child named, by its position in the report, with where it stands in the body."""
    named: dict[int, tuple[str, AmendedChild]] = {}
    errors = []
    for i, one in enumerate(body.children):
        at = f"#/children/{i}"
        wanted = 0 if one.case is None else _position(one.case, before)
        if wanted is None:
            errors.append(FieldError(f"{at}/case", "not_in_report", "不是本报告的孩子", "not a child of this report"))
        elif wanted in named:
            errors.append(FieldError(at, "named_twice", "同一孩子重复出现", "the same child twice"))
        else:
            named[wanted] = (at, one)
    return named, errors


def _position(reference: str, before: Sequence[ChildIntake]) -> int | None:
    return next((i for i, c in enumerate(before) if reference in (c.case_number, str(c.case_id))), None)


async def _place(
    tx: Transaction, place: PlaceBody | None, subject: Subject, office: Office
) -> tuple[Place | None, list[FieldError]]:
    """Where the children now are; None when only words were given, which say nothing against the village known."""
    if place is None:
        return None, []
    version = await tx.db.fetchval("SELECT version FROM township WHERE code = $1", subject.township)
    areas = await office.areas_for(tx, subject.township, version)
    where, faults = locate(areas, place.village, place.group, outside=bool(place.outside))
    coded = where.village is not None or where.group is not None or where.outside
    return where if coded else None, errors_at("#", faults)


def _aspects(body: AmendmentBody, changes: Sequence[Change], said: Sequence[AmendedChild]) -> tuple[str, ...]:
    touched = {name for change in changes for name in change.touches}
    given = {
        "place": body.place is not None,
        SAFE_UNTIL: any(SAFE_UNTIL in change.changed.facts for change in changes),
        "narrative": body.narrative is not None,
        "reporter": body.reporter is not None and bool(body.reporter.model_dump(exclude_none=True)),
        "particulars": any(one.child.model_dump(exclude_none=True) for one in said),
    }
    own = {SAFE_UNTIL} | ({OUTSIDE} if body.place else set())
    if not any(set(change.changed.facts) - own for change in changes):
        touched.discard("facts")
    return (
        *(name for name in ("facts", "answers", "concerns") if name in touched),
        *(n for n, yes in given.items() if yes),
    )


def _safe_until(changes: Sequence[Change]) -> datetime | None:
    """The earliest hand-over now known: it ends the safety of all."""
    known = (change.changed.facts.get(SAFE_UNTIL) for change in changes)
    return min((datetime.fromisoformat(at) for at in known if isinstance(at, str) and at != "unknown"), default=None)


# Keep -----------------------------------------------------------------------------------------------------------------


async def _sealed(
    tx: Transaction,
    report: Amendable,
    before: Sequence[ChildIntake],
    body: AmendmentBody,
    checked: _Checked,
    office: Office,
    policy: Policy,
    *,
    restricted: bool,
) -> tuple[Keepsakes, UUID | None]:
    kept, note_id, vault = Keepsakes(), None, office.vault
    owners = [child.child_id for child in before]
    wrapped = await reports.wrapped_keys(tx.db, [*owners, report.reporter_id])
    if any(owner not in wrapped for owner in owners):
        raise conflict("identity_erased", "该档案已销毁，不能再写入", "The file was erased; nothing can be added")
    keys: Mapping[UUID, DataKey] = {owner: vault.key(owner, *wrapped[owner]) for owner in owners}
    where = place_fields(body.place) if body.place else {}
    for child, one in zip(before, checked.said, strict=True):
        said = one.child.model_dump(mode="json", exclude_none=True)
        for name, value in (said | where).items():
            grade = field_of(name, restricted=restricted, policy=policy).grade
            kept.child_fields.append(sealed(tx, keys[child.child_id], "vault_child", name, value, grade, child.case_id))
        village = checked.place.village if checked.place else None
        marks = tokens(particulars_of(one.child, village), vault)
        kept.tokens += [(child.child_id, kind, token) for token, kind in marks.items()]
    if body.narrative is not None:
        first = before[0]
        grade = "P1" if restricted else "P2"
        note = sealed(tx, keys[first.child_id], "vault_text", NOTE_KIND, body.narrative, grade, first.case_id)
        kept.texts.append(note)
        note_id = note.id
    if body.reporter is not None:
        caller = ReporterBody(kind=report.reporter_kind, **body.reporter.model_dump())
        known = wrapped.get(report.reporter_id)
        key = vault.key(report.reporter_id, *known) if known else vault.new_key(report.reporter_id)
        if known is None:
            kept.keys.append(key)
        seal_caller(tx, caller, None, kept, vault, known=key)
    return kept, note_id


def _announcement(
    tx: Transaction, amendment: Amendment, file: CaseRecord, checked: _Checked, subject: Subject
) -> ReportAmended:
    return ReportAmended(
        case_id=file.family_id,
        case_number=file.row["case_number"],
        township=subject.township,
        response_no=amendment.response_no,
        report_id=amendment.report_id,
        amendment_id=amendment.amendment_id,
        aspects=checked.aspects,
        children=tuple(change.changed for change in checked.changes if change.touches),
        place=checked.place,
        safe_until=amendment.safe_until,
        note_id=amendment.note_id,
        by=subject.actor(),
        at=tx.now,
    )
