"""Taking down a report: check → place it in a case → seal what is personal → keep, announce and arm the watchdog, all in
the caller's one transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from chassis.problem import FieldError, Problem, conflict, invalid
from chassis.transaction import Transaction
from contracts.access import Subject, may
from contracts.intake import ContactRecorded, ReportReceived
from contracts.vocabulary import ReportDigest
from services.intake.bodies import PossibleDuplicate, ReportBody, ReportReply, StatementBody
from services.intake.domain.numbers import case_number, receipt_code, receipt_hash, report_number
from services.intake.domain.placing import Attach, Named, Open, Placing, Refused, Reopen, place, with_history
from services.intake.drafting import Draft, Office, draft_report
from services.intake.sealing import Filing, Keepsakes, keepsakes, person_tokens
from services.intake.store import cases, reports
from services.intake.store.reports import NewReport
from services.intake.store.writing import Insert, insert_all
from services.intake.timeline import report_entry
from services.intake.vault import Vault
from services.intake.views import cases as case_views
from services.intake.watchdog import watchdog

CaseDisposition = Literal["case_opened", "case_reopened", "attached_to_open_case", "transfer_out"]
ContactDisposition = Literal["consultation", "not_a_minor"]


async def record(tx: Transaction, body: ReportBody, subject: Subject, office: Office) -> ReportReply:
    """Keep a report. Raises Problem 422 for what is wrong in it, 409 when the case it names is not in the state assumed."""
    draft = await draft_report(tx, body, subject, office)
    if not draft.children:
        return await _contact(tx, draft, office.vault)
    placing, family = await _placed(tx, draft)
    family_id, filings = await _filings(tx, draft, placing, family, office.vault)
    await tx.lock([str(family_id)])
    response_no, disposition = _response_no(placing, family), _disposition(draft, placing)
    circle = _circle(draft, filings, family.values() if isinstance(placing, Attach | Reopen) else ())
    kept = _sealed(tx, draft, filings, office.vault, restricted=circle.restricted)
    duplicates = await _duplicates(tx, draft, filings, kept)
    number = family[family_id].case_number if family_id in family else filings[0].case_number
    announced = _announcement(tx, draft, disposition, family_id, number, response_no, filings)

    await _move_family(tx, placing, family_id, response_no, circle)
    await insert_all(
        tx.db,
        [
            _new_cases(tx, draft, announced, filings, circle),
            _new_report(tx, draft, office.vault, announced, disposition),
            *_new_secrets(tx, draft, kept),
            cases.add_timeline([(family_id, report_entry(announced))]),
        ],
    )
    tx.publish(str(family_id), announced)
    tx.arm(watchdog(announced, tx.now, draft.policy))
    return _reply(draft, office.vault, disposition).model_copy(
        update={
            "case_id": family_id,
            "case_number": number,
            "response_no": response_no,
            "children": tuple(filing.reported for filing in filings),
            "possible_duplicates": duplicates,
        }
    )


# Place ----------------------------------------------------------------------------------------------------------------


async def _placed(tx: Transaction, draft: Draft) -> tuple[Placing, Mapping[UUID, cases.FiledChild]]:
    """The decision, made under the lock of the family the report names, and that family's files."""
    body = draft.body
    reference = body.attach_to_case or body.reopen_case
    if reference is None:
        return Open(), {}
    found = await cases.find_case(tx.db, reference, draft.subject.township)
    family: Mapping[UUID, cases.FiledChild] = {}
    named = None
    if found is not None:
        await tx.lock([str(found.family_id)])
        family = await cases.family_of(tx.db, found.family_id)
        now = family[found.case_id]
        named = Named(now.case_id, now.family_id, now.closed_at)
    wish: Literal["attach", "reopen"] = "attach" if body.attach_to_case else "reopen"
    placing = place(wish, named, draft.received_at, emergency=draft.emergency, policy=draft.policy)
    if isinstance(placing, Refused):
        raise _refusal(placing, "#/attach_to_case" if wish == "attach" else "#/reopen_case")
    return placing, family


def _refusal(refused: Refused, pointer: str) -> Problem:
    match refused.code:
        case "unknown_case":
            return invalid(FieldError(pointer, "unknown_case", "没有这个个案", "no such case"))
        case "case_closed":
            title = "个案已销号，请改用重开", "The case is closed: reopen it instead"
            return conflict("case_closed", *title, current_state="closed")
        case "case_open":
            title = "个案未销号，请改用关联", "The case is open: attach the report instead"
            return conflict("case_open", *title, current_state="open")


async def _filings(
    tx: Transaction, draft: Draft, placing: Placing, family: Mapping[UUID, cases.FiledChild], vault: Vault
) -> tuple[UUID, tuple[Filing, ...]]:
    """Each child with its case, existing or new, and its data key. Returns the family the report belongs to."""
    joined = placing.case if isinstance(placing, Attach | Reopen) else None
    existing: list[cases.FiledChild | None] = [None] * len(draft.children)
    if joined is not None:
        existing[0] = family[joined.case_id]
        for i, (statement, _) in enumerate(draft.children[1:], start=1):
            existing[i] = await _in_family(tx, statement, draft, joined.family_id, family, vault, i)
    follows = placing.follows if isinstance(placing, Open) else None
    child_ids = [child.child_id if child else tx.new_id("child", i) for i, child in enumerate(existing)]
    if follows is not None:
        child_ids[0] = family[follows.case_id].child_id
    opened = iter(await _new_numbers(tx, draft, existing.count(None)))
    wrapped = await reports.wrapped_keys(tx.db, child_ids) if family else {}
    filings = []
    for i, (statement, prepared) in enumerate(draft.children):
        child, child_id = existing[i], child_ids[i]
        facts, answers = prepared.facts, prepared.answers
        if i == 0:
            facts, answers = with_history(facts, answers, placing)
        filings.append(
            Filing(
                case_id=child.case_id if child else tx.new_id("case", i),
                case_number=child.case_number if child else next(opened),
                child_id=child_id,
                opened=child is None,
                follows=follows.case_id if follows and i == 0 else None,
                key=vault.key(child_id, *wrapped[child_id]) if child_id in wrapped else vault.new_key(child_id),
                key_is_new=child_id not in wrapped,
                statement=statement,
                prepared=replace(prepared, facts=facts, answers=answers),
            )
        )
    return joined.family_id if joined else filings[0].case_id, tuple(filings)


async def _in_family(
    tx: Transaction,
    statement: StatementBody,
    draft: Draft,
    family_id: UUID,
    family: Mapping[UUID, cases.FiledChild],
    vault: Vault,
    position: int,
) -> cases.FiledChild | None:
    """The file a sibling has in the family: as the report says, else by id number or name, birth date and village."""
    reference = getattr(statement, "case", None)
    if reference is not None:
        for child in family.values():
            if reference in (child.case_number, str(child.case_id)):
                return child
        pointer = f"#/siblings/{position - 1}/case"
        raise invalid(FieldError(pointer, "not_in_family", "该个案不属于同一家庭", "not a case of this family"))
    tokens = [token for _, token in person_tokens(statement.child, draft.place.village, vault)]
    same = await reports.cases_with(tx.db, family_id, tokens) if tokens else set()
    return family[same.pop()] if len(same) == 1 else None


async def _new_numbers(tx: Transaction, draft: Draft, wanted: int) -> list[str]:
    serials: Sequence[int] = draft.serials.cases
    if len(serials) < wanted:
        serials = await reports.draw_case_serials(tx.db, wanted)
    return [case_number(draft.subject.township, draft.received_at, serial) for serial in serials]


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


async def _duplicates(
    tx: Transaction, draft: Draft, filings: Sequence[Filing], kept: Keepsakes
) -> tuple[PossibleDuplicate, ...]:
    """Cases that may be the same child, for those who may search files (policy `duplicate_rule`)."""
    strong = [token for _, kind, token in kept.tokens if kind in ("id_number", "person")]
    if not strong or draft.body.attach_to_case or not may(draft.subject, "file.search"):
        return ()
    return await case_views.duplicates(tx.db, strong, [f.case_id for f in filings], draft.subject)


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
    tx: Transaction, draft: Draft, vault: Vault, announced: ReportReceived | None, disposition: str
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
        )
    )


def _new_secrets(tx: Transaction, draft: Draft, kept: Keepsakes) -> tuple[Insert | None, ...]:
    return (
        reports.add_keys(kept.keys),
        reports.add_child_fields(draft.report_id, kept.child_fields, tx.now),
        reports.add_texts(draft.report_id, kept.texts, draft.subject.account, tx.now),
        reports.add_reporter_fields(draft.report_id, kept.reporter_fields, tx.now),
        reports.add_tokens(kept.tokens),
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
        ),
        children=tuple(filing.intake for filing in filings),
        policy_version=draft.policy.policy_version,
        recorded_by=draft.subject.actor(),
        recorded_at=tx.now,
    )


async def _contact(tx: Transaction, draft: Draft, vault: Vault) -> ReportReply:
    """A contact that opens no case: what was said is kept, nobody is dispatched, no watchdog runs."""
    key = str(draft.report_id)
    await tx.lock([key])
    disposition: ContactDisposition = "not_a_minor" if draft.screened == "not_a_minor" else "consultation"
    kept = _sealed(tx, draft, (), vault, restricted=False)
    report = _new_report(tx, draft, vault, None, disposition)
    await insert_all(tx.db, [report, *_new_secrets(tx, draft, kept)])
    recorded = ContactRecorded(
        report_id=draft.report_id,
        disposition=disposition,
        channel=draft.body.channel,
        received_at=draft.received_at,
        recorded_by=draft.subject.actor(),
    )
    tx.publish(key, recorded)
    return _reply(draft, vault, disposition)


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
