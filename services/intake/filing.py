"""Filing a report: which case each of its children belongs to, and what a person has to decide about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal
from uuid import UUID

from chassis.problem import FieldError, Problem, conflict, invalid
from chassis.transaction import Transaction
from contracts.access import may
from services.intake.bodies import PossibleDuplicate, Recognition, StatementBody
from services.intake.domain.matching import likeness
from services.intake.domain.numbers import ZONE, case_number
from services.intake.domain.placing import (
    Attach,
    Candidate,
    Named,
    Open,
    Placing,
    Refused,
    Reopen,
    place,
    resume,
    surely,
    with_history,
)
from services.intake.drafting import Draft
from services.intake.recognising import Recognised, open_particulars, particulars_of, recognise
from services.intake.sealing import Filing
from services.intake.store import cases, families, reports
from services.intake.store.persons import Suspicion
from services.intake.vault import Vault

SUSPICIONS_MAX = 5
_HERE = frozenset({"this family"})
"""Children of one family are compared as if all lived in one village: where they live does not tell them apart."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a report goes. `at`: the position of the child whose case was named or recognised; `family`: that case's files
    under the family's lock; `seen`: known children each reported one may be; `recognised`: why a report that named no
    case goes to one; `household`: keys of the household's other open responses."""

    placing: Placing
    at: int = 0
    family: Mapping[UUID, cases.FiledChild] = field(default_factory=dict)
    seen: Sequence[Sequence[Recognised]] = ()
    recognised: Recognised | None = None
    household: tuple[UUID, ...] = ()

    @property
    def joined(self) -> Named | None:
        """The case the report joins, if it joins one."""
        return self.placing.case if isinstance(self.placing, Attach | Reopen) else None

    @property
    def on_register(self) -> UUID | None:
        """The record of a child that was known without a case: its first case is filed under it."""
        return self.recognised.person_id if self.recognised and not self.recognised.cases else None


async def placed(tx: Transaction, draft: Draft, vault: Vault) -> Placed:
    """The decision, made under the lock of the family that is named or recognised."""
    reference = draft.body.attach_to_case or draft.body.reopen_case
    if reference is None:
        return await _recognised(tx, draft, vault)
    wish: Literal["attach", "reopen"] = "attach" if draft.body.attach_to_case else "reopen"
    found = await cases.find_case(tx.db, reference, draft.subject.township)
    named, family = await _locked(tx, found.case_id, found.family_id) if found else (None, {})
    placing = place(wish, named, draft.received_at, emergency=draft.emergency, policy=draft.policy)
    if isinstance(placing, Refused):
        raise _refusal(placing, "#/attach_to_case" if wish == "attach" else "#/reopen_case")
    return Placed(placing, 0, family, household=await _household(tx, placing))


async def _recognised(tx: Transaction, draft: Draft, vault: Vault) -> Placed:
    rule, on = draft.policy.risk.duplicate_rule, draft.received_at.astimezone(ZONE).date()
    sought = [particulars_of(statement.child, draft.place.village) for statement, _ in draft.children]
    found = await recognise(tx.db, sought, draft.subject.township, vault, rule, on)
    others = set(draft.body.not_same_as)
    seen = [[one for one in candidates if one.is_child and not _excluded(one, others)] for candidates in found]
    for at, candidates in enumerate(seen):
        sure = surely([_candidate(one) for one in candidates], rule)
        if sure is None:
            continue
        chosen = next(one for one in candidates if one.person_id == sure.person_id)
        if not chosen.cases:
            return Placed(Open(), at, {}, seen, chosen)
        case = chosen.cases[0]
        named, family = await _locked(tx, case["case_id"], case["family_id"])
        placing = resume(named, draft.received_at, draft.policy)
        return Placed(placing, at, family, seen, chosen, await _household(tx, placing))
    return Placed(Open(), seen=seen)


def _excluded(one: Recognised, references: set[str]) -> bool:
    return any(case["case_number"] in references or str(case["case_id"]) in references for case in one.cases)


def _candidate(one: Recognised) -> Candidate:
    return Candidate(one.person_id, one.likeness, one.cases[0]["family_id"] if one.cases else None, one.born)


async def _locked(tx: Transaction, case_id: UUID, family_id: UUID) -> tuple[Named, Mapping[UUID, cases.FiledChild]]:
    await tx.lock([str(family_id)])
    family = await cases.family_of(tx.db, family_id)
    now = family[case_id]
    return Named(now.case_id, now.family_id, now.closed_at), family


async def _household(tx: Transaction, placing: Placing) -> tuple[UUID, ...]:
    """Who lives with a child that comes back; of a running case it was announced when they were linked."""
    if isinstance(placing, Reopen):
        own = placing.case.family_id
    elif isinstance(placing, Open) and placing.follows is not None:
        own = placing.follows.family_id
    else:
        return ()
    near = await families.household(tx.db, [own])
    return tuple(one.family_id for one in await families.open_families(tx.db, near) if one.family_id != own)


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


# The children ---------------------------------------------------------------------------------------------------------


async def filings_of(tx: Transaction, draft: Draft, where: Placed, vault: Vault) -> tuple[UUID, tuple[Filing, ...]]:
    """Each child with its case, existing or new, and its data key. Returns the family the report belongs to."""
    family, at = where.family, where.at
    existing = await _existing(tx, draft, where, vault)
    follows = where.placing.follows if isinstance(where.placing, Open) else None
    child_ids = [child.child_id if child else tx.new_id("child", i) for i, child in enumerate(existing)]
    if follows is not None and where.recognised is None:
        child_ids[at] = family[follows.case_id].child_id
    if where.on_register is not None:
        child_ids[at] = where.on_register
    elif draft.on_file is not None and existing[0] is None and follows is None:
        child_ids[0] = draft.on_file
    opened = iter(await _new_numbers(tx, draft, existing.count(None)))
    wrapped = await reports.wrapped_keys(tx.db, child_ids) if family or where.on_register or draft.on_file else {}
    filings = []
    for i, (statement, prepared) in enumerate(draft.children):
        child, child_id = existing[i], child_ids[i]
        facts, answers = prepared.facts, prepared.answers
        if i == at:
            facts, answers = with_history(facts, answers, where.placing)
        filings.append(
            Filing(
                case_id=child.case_id if child else tx.new_id("case", i),
                case_number=child.case_number if child else next(opened),
                child_id=child_id,
                opened=child is None,
                follows=follows.case_id if follows and i == at else None,
                key=vault.key(child_id, *wrapped[child_id]) if child_id in wrapped else vault.new_key(child_id),
                key_is_new=child_id not in wrapped,
                statement=statement,
                prepared=replace(prepared, facts=facts, answers=answers),
            )
        )
    return where.joined.family_id if where.joined else filings[0].case_id, tuple(filings)


async def _existing(tx: Transaction, draft: Draft, where: Placed, vault: Vault) -> list[cases.FiledChild | None]:
    """The file each child of the report has in the family it joins: as the report says, else the child it surely is."""
    existing: list[cases.FiledChild | None] = [None] * len(draft.children)
    if where.joined is None:
        return existing
    existing[where.at] = where.family[where.joined.case_id]
    rest = [i for i in range(len(existing)) if i != where.at]
    taken = {where.joined.case_id}
    known = await open_particulars(tx.db, [c.child_id for c in where.family.values()], vault) if rest else {}
    rule, on = draft.policy.risk.duplicate_rule, draft.received_at.astimezone(ZONE).date()
    for i in rest:
        statement, _ = draft.children[i]
        if (named := _named(statement, where.family, i)) is not None:
            existing[i] = named
            continue
        sought = replace(particulars_of(statement.child, None), villages=_HERE)
        candidates = [
            Candidate(
                filed.case_id,
                likeness(sought, known[filed.child_id].living_in(_HERE), rule, on),
                filed.family_id,
                known[filed.child_id].born,
            )
            for filed in where.family.values()
            if filed.child_id in known and filed.case_id not in taken
        ]
        if (sure := surely(candidates, rule)) is not None:
            existing[i] = where.family[sure.person_id]
            taken.add(sure.person_id)
    return existing


def _named(statement: StatementBody, family: Mapping[UUID, cases.FiledChild], position: int) -> cases.FiledChild | None:
    reference = getattr(statement, "case", None)
    if reference is None:
        return None
    for child in family.values():
        if reference in (child.case_number, str(child.case_id)):
            return child
    pointer = f"#/siblings/{position - 1}/case"
    raise invalid(FieldError(pointer, "not_in_family", "该个案不属于同一家庭", "not a case of this family"))


async def _new_numbers(tx: Transaction, draft: Draft, wanted: int) -> list[str]:
    serials: Sequence[int] = draft.serials.cases
    if len(serials) < wanted:
        serials = await reports.draw_case_serials(tx.db, wanted)
    return [case_number(draft.subject.township, draft.received_at, serial) for serial in serials]


# What a person decides ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Suspected:
    """A suspicion with what the desk is told of it."""

    kept: Suspicion
    told: PossibleDuplicate
    about: Recognised


def suspicions(
    tx: Transaction, draft: Draft, where: Placed, filings: Sequence[Filing], family_id: UUID
) -> list[Suspected]:
    """Known children who may be a reported one, below the threshold or in doubt, and children who share its carers."""
    rule = draft.policy.risk.duplicate_rule
    found = []
    for i, candidates in enumerate(where.seen):
        for one in candidates:
            alike = one.likeness.percent >= rule.suggest_percent
            if not one.cases or filings[i].child_id in one.records or not (alike or one.likeness.household):
                continue
            case = one.cases[0]
            if case["family_id"] == family_id:
                continue
            kind: Literal["same_child", "same_household"] = "same_child" if alike else "same_household"
            told = PossibleDuplicate(
                case_id=case["case_id"],
                case_number=case["case_number"],
                state=case["state"],
                same=one.likeness.reasons,
                person_id=one.person_id,
                kind=kind,
                score=one.likeness.percent,
                child=i,
            )
            kept = Suspicion(
                duplicate_id=tx.new_id("duplicate", i, one.person_id),
                kind=kind,
                child_id=filings[i].child_id,
                other_id=one.person_id,
                other_family_id=case["family_id"],
                score=one.likeness.percent,
                reasons=one.likeness.reasons,
            )
            found.append(Suspected(kept, told, one))
    return sorted(found, key=lambda s: -s.kept.score)[:SUSPICIONS_MAX]


def offered(draft: Draft, found: Sequence[Suspected]) -> tuple[PossibleDuplicate, ...]:
    """Suspicions as the desk may see them: for those who may search persons, about cases they may find."""
    if not may(draft.subject, "person.search"):
        return ()
    return tuple(one.told for one in found if _tellable(one, draft))


def _tellable(one: Suspected, draft: Draft) -> bool:
    return any(case["case_id"] == one.told.case_id for case in one.about.cases_for(draft.subject))


def recognition(where: Placed, case_id: UUID) -> Recognition | None:
    """Why the report joined a case that it did not name."""
    if where.recognised is None:
        return None
    alike = where.recognised.likeness
    return Recognition(case_id=case_id, score=alike.percent, same=alike.reasons)
