"""What the tags and registers take from others' events, after the case file and its story have taken theirs."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis.transaction import Transaction
from contracts.envelope import Event
from contracts.policy import Policy, load_policy, policy_in_force
from contracts.risk_scoring import ChildAssessment, RiskAssessed
from contracts.vocabulary import SYSTEM
from services.intake import handlers
from services.intake.domain.numbers import ZONE
from services.intake.domain.tags import tag_rules
from services.intake.ledger import Ledger
from services.intake.store.tags import CASE, LADDER, LEVEL, Child


async def on_risk_assessed(events: Sequence[Event], tx: Transaction) -> None:
    """An assessment says what holds for a child: its case and level on the ledger, and the tags that follow."""
    await handlers.on_risk_assessed(events, tx)
    ledger = await Ledger.load(tx, families=[event.data.case_id for event in events])
    for event in events:
        said: RiskAssessed = event.data
        policy = load_policy(said.policy_version)
        at = said.report.received_at if said.report is not None and said.cause == "report" else said.assessed_at
        for assessment in said.children:
            child = ledger.children.get(assessment.child_id)
            if child is not None:
                _take_facts(child, assessment, at)
                _take_case(ledger, child, assessment.case_id, said.report_level, at, event)
                ledger.settle(child, policy, at, event, case_id=assessment.case_id)
    await ledger.save()


def _take_facts(child: Child, said: ChildAssessment, at: datetime) -> None:
    child.concerns, child.facts, child.answers = said.concerns, said.facts, said.answers
    age = said.facts.get("age")
    if type(age) is int:
        child.age, child.age_on = age, at.astimezone(ZONE).date()


def _take_case(ledger: Ledger, child: Child, case_id: UUID, level: str, at: datetime, event: Event) -> None:
    case = next((case for case in ledger.cases[child.child_id] if case.case_id == case_id), None)
    if case is None or case.state != "open":
        return  # it closed before this word arrived
    child.village, child.group_code = case.village, case.group_code
    ledger.begin(child, CASE, str(case_id), at, SYSTEM, event, case_id=case_id)
    ledger.begin(child, LEVEL, str(case_id), at, SYSTEM, event, state=level, case_id=case_id)


async def on_case_closed(events: Sequence[Event], tx: Transaction) -> None:
    """销号: the case leaves the ledger; what only it or an unfounded report put on the child goes with it."""
    await handlers.on_case_closed(events, tx)
    ledger = await Ledger.load(tx, families=[event.data.case_id for event in events])
    for event in events:
        closed = [
            case for cases in ledger.cases.values() for case in cases if case.family_id == event.data.case_id
            and case.state == "closed" and ledger.case_span(case) is not None
        ]  # fmt: skip
        for case in closed:
            for kind in (CASE, LEVEL):
                if (span := ledger.span(case.child_id, kind, str(case.case_id))) is not None:
                    ledger.end(span, event.data.at, event.data.proposed_by, event.data.reason, event)
            reasons = {case.case_id: str(event.data.reason)}
            child = ledger.children[case.child_id]
            if event.data.reason in tag_rules(_now(tx).policy_version).unfounded:
                child.concerns, child.facts, child.answers = (), {}, {}  # what was said proved unfounded
            ledger.settle(child, _now(tx), event.data.at, event, closed_as=reasons)
    await ledger.save()


async def on_ladder_step(events: Sequence[Event], tx: Transaction) -> None:
    """A step of the guardian ladder makes the family one of REG-05 and REG-08 until it is done (D-4.4.1)."""
    await handlers.on_noted(events, tx)
    ledger = await Ledger.load(tx, families=[event.data.case_id for event in events])
    for event in events:
        taken = event.data
        detail = {
            "checks": len(taken.checks_due),
            "complied": 0,
            "in_force_until": taken.in_force_until.isoformat() if taken.in_force_until else None,
        }
        for child in _family(ledger, taken.case_id):
            for span in ledger.running(child.child_id, LADDER):
                if span.state is not None and span.state < taken.step:
                    ledger.end(span, taken.at, taken.by, "next_step", event)
            code = str(taken.ladder_step_id)
            ledger.begin(child, LADDER, code, taken.at, taken.by, event, state=taken.step, detail=detail)
            ledger.settle(child, _now(tx), taken.at, event, case_id=ledger.case_of(child.child_id))
    await ledger.save()


async def on_compliance_checked(events: Sequence[Event], tx: Transaction) -> None:
    """The step is done once every check it called for was passed and no order of it is in force any more."""
    await handlers.on_noted(events, tx)
    ledger = await Ledger.load(tx, families=[event.data.case_id for event in events])
    for event in events:
        checked = event.data
        for child in _family(ledger, checked.case_id):
            span = ledger.span(child.child_id, LADDER, str(checked.ladder_step_id))
            if span is None or not checked.complied:
                continue
            detail = {**(span.detail or {}), "complied": (span.detail or {}).get("complied", 0) + 1}
            ledger.note(span, detail)
            if _done(detail, checked.at):
                ledger.end(span, checked.at, checked.by, "complied", event)
                ledger.settle(child, _now(tx), checked.at, event)
    await ledger.save()


async def on_order_ended(events: Sequence[Event], tx: Transaction) -> None:
    """An order is no longer in force, and with it its step."""
    await handlers.on_noted(events, tx)
    ledger = await Ledger.load(tx, families=[event.data.case_id for event in events])
    for event in events:
        for child in _family(ledger, event.data.case_id):
            span = ledger.span(child.child_id, LADDER, str(event.data.ladder_step_id))
            if span is not None:
                ledger.end(span, event.data.at, SYSTEM, event.data.cause, event)
                ledger.settle(child, _now(tx), event.data.at, event)
    await ledger.save()


def _done(detail: dict[str, object], at: datetime) -> bool:
    until, checks, complied = detail.get("in_force_until"), detail.get("checks", 0), detail["complied"]
    in_force = isinstance(until, str) and datetime.fromisoformat(until) > at
    return isinstance(checks, int) and isinstance(complied, int) and complied >= checks and not in_force


def _family(ledger: Ledger, family_id: UUID) -> list[Child]:
    found = {case.child_id for cases in ledger.cases.values() for case in cases if case.family_id == family_id}
    return [ledger.children[child_id] for child_id in sorted(found)]


def _now(tx: Transaction) -> Policy:
    return policy_in_force(tx.now.astimezone(ZONE).date())
