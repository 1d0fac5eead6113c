"""Joining two records of one child, and taking it back. Nothing is moved or rewritten: a merge is one row that readers
follow while it is not undone, so undoing it restores exactly what was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from chassis.problem import FieldError, conflict, invalid, not_found, refused
from chassis.transaction import Transaction
from contracts.access import Denied, Subject, decide
from contracts.intake import ChildrenMerged, ReportAmended
from contracts.vocabulary import Actor
from services.intake.store import cases, families, persons
from services.intake.store.families import OpenFamily
from services.intake.store.persons import Merge
from services.intake.store.writing import insert_all
from services.intake.timeline import timeline_entry
from services.intake.views import cases as case_views
from services.intake.views.cases import CaseRecord

HOUSEHOLD = "household"


@dataclass(frozen=True, slots=True)
class Made:
    """A merge with the open cases of the merged record that may now be closed as DUPLICATE_MERGED."""

    merge: Merge
    closable: tuple[UUID, ...]


async def merge(tx: Transaction, subject: Subject, kept: UUID, merged: UUID, note_id: UUID) -> Made:
    """Let two records read as one child. Raises Problem 404 for an unknown record, 409 where they are joined already."""
    if kept == merged:
        raise invalid(FieldError("#/duplicate_id", "same_record", "是同一条记录", "the same record"))
    await _lock(tx, subject, [kept, merged])
    records = await allowed(tx, subject, [kept, merged])
    await _check_note(tx, records, note_id, "#/reason_note_id")
    groups = await persons.groups(tx.db, [kept, merged])
    if groups[kept] == groups[merged]:
        raise conflict("already_merged", "两条记录已合并", "The records are joined already")
    if groups[merged] != merged:
        title = "该记录已并入另一记录，请改用后者", "The record is part of another one: name that one"
        raise conflict("merged_elsewhere", *title, person_id=str(groups[merged]))
    made = Merge(
        merge_id=tx.new_id("merge"),
        township=subject.township,
        kept_id=kept,
        merged_id=merged,
        note_id=note_id,
        merged_by=_who(subject),
        merged_at=tx.now,
    )
    await insert_all(tx.db, [persons.add_merge(made)])
    pairs = [(one, other) for one in _of(groups, kept) for other in _of(groups, merged)]
    await persons.decide_duplicates(tx.db, pairs, "same", made.merged_by, tx.now)
    closable = await _tell(tx, subject, made, records, groups, undone=False)
    return Made(made, closable)


async def undo(tx: Transaction, subject: Subject, person_id: UUID, merge_id: UUID, note_id: UUID) -> Merge:
    """Let them read apart again. Raises Problem 404 for a merge that is none of the person's, 409 when it is undone."""
    found = _named(await persons.merges_of(tx.db, [person_id]), merge_id)
    await _lock(tx, subject, [found.kept_id, found.merged_id])
    records = await allowed(tx, subject, [found.kept_id, found.merged_id])
    found = _named(await persons.merges_of(tx.db, [person_id]), merge_id)
    if found.undone_at is not None:
        raise conflict("already_undone", "合并已撤销", "The merge was undone already")
    await _check_note(tx, records, note_id, "#/reason_note_id")
    groups = await persons.groups(tx.db, [found.kept_id])
    near = await families.household(tx.db, {record.family_id for record in records})
    await persons.undo_merge(tx.db, merge_id, note_id, _who(subject), tx.now)
    apart = await persons.groups(tx.db, [found.kept_id, found.merged_id])
    pairs = [(one, other) for one in _of(apart, found.kept_id) for other in _of(apart, found.merged_id)]
    await persons.decide_duplicates(tx.db, pairs, "different", _who(subject), tx.now)
    undone = replace(found, undo_note_id=note_id, undone_by=_who(subject), undone_at=tx.now)
    await _tell(tx, subject, undone, records, groups, undone=True, near=near)
    return undone


async def allowed(tx: Transaction, subject: Subject, people: Sequence[UUID]) -> list[CaseRecord]:
    """The cases of these persons, when the subject may join records of each. Raises Problem 404 or 403."""
    groups = await persons.groups(tx.db, people)
    records = await case_views.records_of_children(tx.db, list(groups), subject)
    known = {record.row["child_id"] for record in records}
    if any(known.isdisjoint(_of(groups, person)) for person in people):
        raise not_found()
    for record in records:
        decision = decide(subject, "person.merge", record.resource(tx.now))
        if isinstance(decision, Denied):
            raise refused(decision)
    return records


async def announce_household(tx: Transaction, subject: Subject, near: Iterable[UUID]) -> None:
    """Tell every open response of these families who lives in its household now (O7). Their keys are locked."""
    everybody = await families.open_families(tx.db, near)
    told = []
    for one in everybody:
        household = set(await families.household(tx.db, [one.family_id])) - {one.family_id}
        others = tuple(other.family_id for other in everybody if other.family_id in household)
        amended = _amended(tx, subject.actor(), one, others)
        tx.publish(str(one.family_id), amended)
        told.append((one.family_id, timeline_entry(amended)))
    await insert_all(tx.db, [cases.add_timeline([(key, entry) for key, entry in told if entry is not None])])


async def lock_household(tx: Transaction, seeds: Iterable[UUID]) -> list[UUID]:
    """Lock every family of the household of these at once, in one order, and return them."""
    near = await families.household(tx.db, seeds)
    await tx.lock(map(str, near))
    return near


def _amended(tx: Transaction, by: Actor, one: OpenFamily, others: tuple[UUID, ...]) -> ReportAmended:
    return ReportAmended(
        case_id=one.family_id,
        case_number=one.case_number,
        township=one.township,
        response_no=one.response_no,
        report_id=one.report_id,
        amendment_id=tx.new_id(HOUSEHOLD, one.family_id),
        aspects=(HOUSEHOLD,),
        household_cases=others,
        by=by,
        at=tx.now,
    )


async def _lock(tx: Transaction, subject: Subject, people: Sequence[UUID]) -> None:
    groups = await persons.groups(tx.db, people)
    records = await case_views.records_of_children(tx.db, list(groups), subject)
    await lock_household(tx, {record.family_id for record in records})


async def _check_note(tx: Transaction, records: Sequence[CaseRecord], note_id: UUID, pointer: str) -> None:
    known = await tx.db.fetchval(
        "SELECT true FROM vault_text WHERE id = $1 AND case_id = ANY($2::uuid[])",
        note_id,
        [record.case_id for record in records],
    )
    if not known:
        raise invalid(FieldError(pointer, "unknown_note", "没有这条记录", "no such note of these cases"))


async def _tell(
    tx: Transaction,
    subject: Subject,
    made: Merge,
    records: Sequence[CaseRecord],
    groups: dict[UUID, UUID],
    *,
    undone: bool,
    near: Sequence[UUID] = (),
) -> tuple[UUID, ...]:
    """Events, stories and access logs of every family concerned. Returns the cases that may be closed as duplicates."""
    merged_records = [made.merged_id] if undone else _of(groups, made.merged_id)
    kept_open = [r for r in records if r.row["child_id"] not in merged_records and r.row["state"] == "open"]
    closable = {
        r.family_id: kept_open[0].case_id
        for r in records
        if not undone
        and kept_open
        and r.row["child_id"] in merged_records
        and r.row["state"] == "open"
        and r.family_id != kept_open[0].family_id
    }
    told = []
    detail = {"merge_id": str(made.merge_id), "kept": str(made.kept_id), "merged": str(made.merged_id)}
    for family_id in dict.fromkeys(record.family_id for record in records):
        event = ChildrenMerged(
            merge_id=made.merge_id,
            case_id=family_id,
            kept_child_id=made.kept_id,
            merged_child_id=made.merged_id,
            undone=undone,
            by=subject.actor(),
            at=tx.now,
            duplicate_of=closable.get(family_id),
        )
        tx.publish(str(family_id), event)
        tx.audit(str(family_id), "person.unmerged" if undone else "person.merged", _who(subject), detail)
        told.append((family_id, timeline_entry(event)))
    await insert_all(tx.db, [cases.add_timeline([(key, entry) for key, entry in told if entry is not None])])
    families_now = near or await families.household(tx.db, {record.family_id for record in records})
    await announce_household(tx, subject, families_now)
    return tuple(r.case_id for r in records if r.family_id in closable and r.row["child_id"] in merged_records)


def _of(groups: dict[UUID, UUID], person: UUID) -> list[UUID]:
    return [record for record, root in groups.items() if root == groups[person]]


def _named(merges: Sequence[Merge], merge_id: UUID) -> Merge:
    found = next((one for one in merges if one.merge_id == merge_id), None)
    if found is None:
        raise not_found()
    return found


def _who(subject: Subject) -> dict[str, Any]:
    return {**subject.actor().model_dump(exclude_none=True), "posts": sorted(subject.posts)}
