"""Taking down a report: check → place it in a case → seal what is personal → keep, announce and arm the watchdog, all in
the caller's one transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from chassis.transaction import Transaction
from contracts.access import ALLOWED, Subject, decide
from contracts.intake import ChildrenMerged, ReportReceived
from contracts.vocabulary import SYSTEM, ReportDigest
from services.intake import calls, transfers
from services.intake.bodies import ReportBody, ReportReply
from services.intake.contacts import announce
from services.intake.domain.numbers import receipt_code, receipt_hash, report_number
from services.intake.domain.placing import Attach, Placing, Reopen
from services.intake.drafting import Draft, Office, draft_report
from services.intake.filing import Placed, filings_of, offered, placed, recognition, suspicions
from services.intake.sealing import Filing, Keepsakes, keepsakes
from services.intake.store import cases, persons, reports
from services.intake.store.contacts import Contact, add
from services.intake.store.persons import Merge
from services.intake.store.reports import NewReport
from services.intake.store.writing import Insert, insert_all
from services.intake.timeline import report_entry
from services.intake.vault import Vault
from services.intake.views import cases as case_views
from services.intake.watchdog import watchdog

CaseDisposition = Literal["case_opened", "case_reopened", "attached_to_open_case", "transfer_out"]
ContactDisposition = Literal["consultation", "not_a_minor"]
UNKNOWN_TO_CALLER = "accepted"
"""What a caller is told of a report that joined a case which is none of the caller's business."""


async def record(
    tx: Transaction, body: ReportBody, subject: Subject, office: Office, *, on_file: UUID | None = None
) -> ReportReply:
    """Keep a report. Raises Problem 422 for what is wrong in it, 409 when the case it names is not in the state assumed."""
    draft = replace(await draft_report(tx, body, subject, office), on_file=on_file)
    if not draft.children:
        return await _contact(tx, draft, office.vault)
    where = await placed(tx, draft, office.vault)
    placing, family = where.placing, where.family
    known = await _may_know(tx, draft, where)
    family_id, filings = await filings_of(tx, draft, where, office.vault)
    await tx.lock([str(family_id)])
    response_no, disposition = _response_no(placing, family), _disposition(draft, placing)
    circle = _circle(draft, filings, family.values() if isinstance(placing, Attach | Reopen) else ())
    kept = _sealed(tx, draft, filings, office.vault, restricted=circle.restricted)
    suspected = suspicions(tx, draft, where, filings, family_id)
    number = family[family_id].case_number if family_id in family else filings[0].case_number
    announced = _announcement(tx, draft, disposition, family_id, number, response_no, filings, where.household)

    await _move_family(tx, placing, family_id, response_no, circle)
    await insert_all(
        tx.db,
        [
            _new_cases(tx, draft, announced, filings, circle),
            _new_report(tx, draft, office.vault, announced, disposition, recognised=where.recognised is not None),
            *_new_secrets(tx, draft, kept),
            persons.add_suspicions([one.kept for one in suspected], draft.subject.township, family_id, tx.now),
            cases.add_timeline([(family_id, report_entry(announced))]),
        ],
    )
    tx.publish(str(family_id), announced)
    tx.arm(watchdog(announced, tx.now, draft.policy))
    await _take_up(tx, draft, family_id)
    if disposition == "transfer_out":
        _, handed = transfers.opened(
            tx, transfers.RECEIVING_AREA, draft.report_id, family_id, draft.subject, draft.policy
        )
        await insert_all(tx.db, handed)
    if where.recognised is not None:
        await _log_recognition(tx, draft, where, family_id, filings[where.at])
    if not known:
        return _reply(draft, office.vault, UNKNOWN_TO_CALLER)
    return _reply(draft, office.vault, disposition).model_copy(
        update={
            "case_id": family_id,
            "case_number": number,
            "response_no": response_no,
            "children": tuple(filing.reported for filing in filings),
            "possible_duplicates": offered(draft, suspected),
            "recognised": recognition(where, filings[where.at].case_id),
        }
    )


# Place ----------------------------------------------------------------------------------------------------------------


async def _may_know(tx: Transaction, draft: Draft, where: Placed) -> bool:
    """Whether the caller may learn that the report joined a case. Asked before the report makes the case partly theirs."""
    if where.recognised is None or not where.recognised.cases:
        return True
    record = await case_views.find_record(tx.db, str(where.recognised.cases[0]["case_id"]), draft.subject)
    assert record is not None
    return decide(draft.subject, "case.read", record.resource(tx.now)) == ALLOWED


async def _log_recognition(tx: Transaction, draft: Draft, where: Placed, family_id: UUID, filing: Filing) -> None:
    """The access log of the case says why: nothing joins a file silently. A new case after a closed one gets a record of
    its own, joined to the child's earlier one, so that a person can take it back."""
    assert where.recognised is not None
    one = where.recognised
    detail = {
        "report_id": str(draft.report_id),
        "person_id": str(one.person_id),
        "score": one.likeness.percent,
        "same": list(one.likeness.reasons),
        "child": where.at,
    }
    for key in {str(family_id), *(str(case["family_id"]) for case in one.cases[:1])}:
        tx.audit(key, "report.recognised", draft.subject.actor().model_dump(exclude_none=True), detail)
    if filing.follows is not None:
        merge = Merge(
            merge_id=tx.new_id("merge"),
            township=draft.subject.township,
            kept_id=one.person_id,
            merged_id=filing.child_id,
            note_id=None,
            merged_by=SYSTEM.model_dump(exclude_none=True),
            merged_at=tx.now,
        )
        merged = ChildrenMerged(
            merge_id=merge.merge_id,
            case_id=family_id,
            kept_child_id=merge.kept_id,
            merged_child_id=merge.merged_id,
            by=SYSTEM,
            at=tx.now,
        )
        await insert_all(tx.db, [persons.add_merge(merge)])
        tx.publish(str(family_id), merged)


def _response_no(placing: Placing, family: Mapping[UUID, cases.FiledChild]) -> int:
    if isinstance(placing, Attach | Reopen):
        current = max(child.response_no for child in family.values())
        return current + 1 if isinstance(placing, Reopen) else current
    return 1


def _disposition(draft: Draft, placing: Placing) -> CaseDisposition:
    match placing:
        case Attach():
            return "attached_to_open_case"
        case Reopen():
            return "case_reopened"
        case _:
            away = all(prepared.screened == "outside_township" for _, prepared in draft.children)
            return "transfer_out" if away else "case_opened"


# Keep -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Circle:
    """Who is kept out: if it holds for one child, it holds for the whole family (policy `several_children`)."""

    restricted: bool
    conflict_unit: str | None


def _circle(draft: Draft, filings: Sequence[Filing], joined: Iterable[cases.FiledChild]) -> Circle:
    files = tuple(joined)
    units = (*(filing.prepared.conflict_unit for filing in filings), *(file.conflict_unit for file in files))
    return Circle(
        restricted=draft.restricted or any(file.restricted for file in files),
        conflict_unit=next((unit for unit in units if unit is not None), None),
    )


async def _move_family(tx: Transaction, placing: Placing, family_id: UUID, response_no: int, circle: Circle) -> None:
    if isinstance(placing, Reopen):
        await cases.reopen_family(tx.db, family_id, response_no, tx.now)
    if isinstance(placing, Attach | Reopen):
        await cases.join_report(tx.db, family_id, tx.now, circle.conflict_unit, restricted=circle.restricted)


def _new_cases(
    tx: Transaction, draft: Draft, announced: ReportReceived, filings: Sequence[Filing], circle: Circle
) -> Insert | None:
    opening = cases.Opening(
        family_id=announced.case_id,
        township=draft.subject.township,
        response_no=announced.response_no,
        restricted=circle.restricted,
        conflict_unit=circle.conflict_unit,
        place=draft.place,
        transfer_out=announced.report.disposition == "transfer_out",
        entered_by=draft.subject.account,
        at=tx.now,
    )
    return cases.add_cases([filing.new_case for filing in filings if filing.opened], opening)


def _new_report(
    tx: Transaction,
    draft: Draft,
    vault: Vault,
    announced: ReportReceived | None,
    disposition: str,
    *,
    recognised: bool = False,
) -> Insert:
    reporter, where = draft.reporter, draft.place
    reply = _reply(draft, vault, disposition)
    return reports.add_report(
        NewReport(
            report_id=draft.report_id,
            report_number=reply.report_number,
            receipt_hash=receipt_hash(reply.receipt_code),
            township=draft.subject.township,
            family_id=announced.case_id if announced else None,
            response_no=announced.response_no if announced else None,
            disposition=disposition,
            channel=draft.body.channel,
            reporter_kind=reporter.kind,
            mandated=reporter.mandated,
            anonymous=reporter.anonymous,
            reporter_id=tx.new_id("reporter"),
            village=where.village,
            group_code=where.group,
            outside=where.outside,
            children=[child.model_dump(mode="json") for child in announced.children] if announced else [],
            policy_version=draft.policy.policy_version,
            received_at=draft.received_at,
            recorded_at=tx.now,
            recorded_by=draft.subject.actor().model_dump(exclude_none=True),
            duty_bearing=reporter.duty_bearing,
            known_since=draft.body.known_since,
            unreported_by=draft.body.unreported_by,
            recognised=recognised,
        )
    )


def _new_secrets(tx: Transaction, draft: Draft, kept: Keepsakes) -> tuple[Insert | None, ...]:
    return (
        reports.add_keys(kept.keys),
        reports.add_child_fields(draft.report_id, kept.child_fields, tx.now),
        reports.add_texts(draft.report_id, kept.texts, draft.subject.account, tx.now),
        reports.add_reporter_fields(draft.report_id, kept.reporter_fields, tx.now),
        persons.add_tokens(kept.tokens),
    )


def _sealed(tx: Transaction, draft: Draft, filings: Sequence[Filing], vault: Vault, *, restricted: bool) -> Keepsakes:
    return keepsakes(
        tx,
        draft.body,
        filings,
        village=draft.place.village,
        restricted=restricted,
        policy=draft.policy,
        vault=vault,
    )


def _announcement(
    tx: Transaction,
    draft: Draft,
    disposition: CaseDisposition,
    family_id: UUID,
    number: str,
    response_no: int,
    filings: Sequence[Filing],
    household: tuple[UUID, ...],
) -> ReportReceived:
    return ReportReceived(
        case_id=family_id,
        case_number=number,
        response_no=response_no,
        report=ReportDigest(
            report_id=draft.report_id,
            disposition=disposition,
            channel=draft.body.channel,
            received_at=draft.received_at,
            reporter=draft.reporter,
            place=draft.place,
            township=draft.subject.township,
            known_since=draft.body.known_since,
            unreported_by=draft.body.unreported_by,
        ),
        children=tuple(filing.intake for filing in filings),
        policy_version=draft.policy.policy_version,
        recorded_by=draft.subject.actor(),
        recorded_at=tx.now,
        household_cases=household or None,
    )


async def _contact(tx: Transaction, draft: Draft, vault: Vault) -> ReportReply:
    """A contact that opens no case: what was said is kept, nobody is dispatched, no watchdog runs."""
    key = str(draft.report_id)
    await tx.lock([key])
    disposition: ContactDisposition = "not_a_minor" if draft.screened == "not_a_minor" else "consultation"
    kept = _sealed(tx, draft, (), vault, restricted=False)
    reply = _reply(draft, vault, disposition)
    contact = Contact(
        contact_id=draft.report_id,
        contact_number=reply.report_number,
        township=draft.subject.township,
        kind=disposition,
        channel=draft.body.channel,
        village=draft.place.village,
        reporter_kind=draft.reporter.kind,
        anonymous=draft.reporter.anonymous,
        reporter_id=tx.new_id("reporter"),
        case_id=None,
        family_id=None,
        call_id=draft.body.call_id,
        note_id=None,
        policy_version=draft.policy.policy_version,
        received_at=draft.received_at,
        recorded_at=tx.now,
        recorded_by=draft.subject.actor().model_dump(exclude_none=True),
    )
    report = _new_report(tx, draft, vault, None, disposition)
    await insert_all(tx.db, [report, add(contact), *_new_secrets(tx, draft, kept)])
    announce(tx, contact, draft.subject)
    await _take_up(tx, draft, None)
    return reply


async def _take_up(tx: Transaction, draft: Draft, family_id: UUID | None) -> None:
    """The call the report came with was answered by it; the hand-over it takes up is signed for by it."""
    if draft.body.call_id is not None:
        call = await calls.locked(tx, draft.body.call_id, draft.subject)
        await calls.became(tx, call, draft.report_id, draft.subject)
    if draft.body.transfer_id is not None:
        await transfers.take_up(tx, draft.body.transfer_id, draft.report_id, family_id, draft.subject)


def _reply(draft: Draft, vault: Vault, disposition: str) -> ReportReply:
    code = receipt_code(vault.receipt_secret, draft.report_id)
    links = {"self": f"/api/v1/reports/{draft.report_id}", "receipt": f"/api/v1/receipts/{code}"}
    return ReportReply(
        report_id=draft.report_id,
        report_number=report_number(draft.subject.township, draft.received_at, draft.serials.report),
        receipt_code=code,
        disposition=disposition,
        received_at=draft.received_at,
        links=links,
    )
