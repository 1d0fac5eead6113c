"""Money over HTTP: budget lines, and each disbursement from request to payment, every step another person's (D-5.8.1)."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field

from chassis.auth import guard
from chassis.clock import derived_id
from chassis.command import Command, CommandOf, Reply, versioned
from chassis.http import Reading
from chassis.paging import Page, PageOf
from chassis.problem import FieldError, conflict, forbidden, invalid, not_found
from chassis.transaction import Connection, Transaction
from contracts.access import Resource, Subject
from contracts.assistance import DisbursementChanged
from contracts.policy import due_at as limit_due_at
from contracts.policy import load_calendar, load_policy, policy_versions
from contracts.policy.limits import Limit
from services.assistance.api.measure_steps import held, refused_for
from services.assistance.api.steps import Body, check, resource
from services.assistance.clocks import task_clock
from services.assistance.domain.measures import Refusal
from services.assistance.domain.money import Act, Disbursement, State, act_on, set_amount
from services.assistance.domain.rounds import Round, policy_of
from services.assistance.store.measures import measure_owners
from services.assistance.store.money import find_disbursement, find_line, key_of, save_disbursement, save_line
from services.assistance.store.rounds import load_cases
from services.assistance.views import money as views
from services.assistance.views.money import FINANCE, BudgetLineView, DisbursementView

lines = APIRouter(prefix="/api/v1/budget-lines", tags=["disbursements"])
router = APIRouter(prefix="/api/v1/disbursements", tags=["disbursements"])

MOST = 1_000_000_000_00
"""Ceiling of an amount in fen: a typing error, not a budget."""
Fen = Annotated[int, Field(gt=0, le=MOST, description="fen")]
Reference = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,39}$")]


class SetLine(Body):
    """A budget line of one year."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"year": 2026, "code": "2080199", "amount": 5000000}]})

    year: int = Field(ge=2020, le=2100)
    code: Reference
    amount: Fen


class ChangeLine(Body):
    """Another year amount."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": 6000000}]})

    amount: Fen


class AskMoney(Body):
    """Money for a running measure. `payee_reference` is finance's own reference, no name and no account number."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "measure_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e4f",
                    "line_id": "0198f3a2-7c11-7d20-9a51-3f0c6b1d2e50",
                    "amount": 80000,
                    "payee_reference": "P-2026-0031",
                }
            ]
        }
    )

    measure_id: UUID
    line_id: UUID
    amount: Fen
    payee_reference: Reference


class MoneyAct(Body):
    """A step of the trail. `reason` to refuse or return."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "not_in_budget"}]})

    reason: str | None = Field(default=None, pattern=r"^[a-z_]{1,40}$")


# Budget lines --------------------------------------------------------------------------------------------------------


@lines.get("")
async def list_budget_lines(
    subject: Annotated[Subject, guard("budget.read")], db: Reading, year: int | None = None
) -> list[BudgetLineView]:
    """The township's budget lines with what is left of each."""
    return await views.lines(db, subject.township, year)


@lines.post("", status_code=201, response_model=BudgetLineView)
async def add_budget_line(
    body: SetLine, subject: Annotated[Subject, guard("budget.write")], command: CommandOf
) -> Response:
    """A new budget line: one of a code and year."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        line_id = tx.new_id("budget-line")
        await tx.lock([key_of(line_id)])
        taken = await tx.db.fetchval(
            "SELECT line_id FROM budget_line WHERE township = $1 AND year = $2 AND code = $3",
            subject.township, body.year, body.code,
        )  # fmt: skip
        if taken is not None:
            raise conflict("line_exists", "该年度已有此预算科目", "This line exists for the year", line_id=str(taken))
        actor = subject.actor().model_dump()
        row = {
            "line_id": line_id, "township": subject.township, "year": body.year, "code": body.code,
            "amount": body.amount, "committed": 0, "version": 1, "set_by": actor, "set_at": tx.now,
        }  # fmt: skip
        await save_line(tx.db, row)
        tx.audit(key_of(line_id), "budget.set", actor, {"code": body.code, "year": str(body.year)})
        return Reply(201, views.line(row), version=1, location=f"/api/v1/budget-lines/{line_id}")

    return await command.run(act, body)


@lines.post("/{line_id}/amount", response_model=BudgetLineView)
async def change_budget_line(
    line_id: UUID, body: ChangeLine, subject: Annotated[Subject, guard("budget.write")], command: CommandOf
) -> Response:
    """Another amount for the year: never below what is committed."""

    async def act(tx: Transaction) -> Reply:
        await tx.lock([key_of(line_id)])
        found = await find_line(tx.db, line_id)
        if found is None or found[0].township != subject.township:
            raise not_found()
        line, row = found
        command.match(line.version)
        after = set_amount(line, body.amount)
        if isinstance(after, Refusal):
            raise conflict(after.rule, after.text.zh, after.text.en, committed=line.committed)
        actor = subject.actor().model_dump()
        kept = {**row, "amount": after.amount, "version": after.version, "set_by": actor, "set_at": tx.now}
        await save_line(tx.db, kept)
        tx.audit(key_of(line_id), "budget.set", actor, {"code": line.code, "year": str(line.year)})
        return Reply(200, views.line(kept), version=after.version)

    return await command.run(act, body)


# Reading -------------------------------------------------------------------------------------------------------------


@router.get("")
async def list_disbursements(
    subject: Annotated[Subject, guard("disbursement.read")], paging: PageOf, db: Reading, state: State | None = None
) -> Page[DisbursementView]:
    """The township's disbursements, oldest first; finance sees what is approved or further."""
    found = await views.disbursements(db, subject, state, after=paging.after(datetime, UUID), limit=paging.fetch)
    rules = load_policy(policy_versions()[-1]).assistance.disbursement
    shown = [views.disbursement(one, subject, rules) for one in found]
    return paging.page(shown, lambda view: (view.requested_at, view.disbursement_id))


@router.get("/{disbursement_id}", response_model=DisbursementView)
async def read_disbursement(
    disbursement_id: UUID, request: Request, subject: Annotated[Subject, guard("disbursement.read")], db: Reading
) -> Response:
    """One disbursement."""
    found, round_ = await _seen(db, disbursement_id, subject, "disbursement.read")
    if subject.department == FINANCE and found.state in {"requested", "refused"}:
        raise not_found()
    view = views.disbursement(found, subject, policy_of(round_).assistance.disbursement)
    return versioned(request, view, found.version)


async def _seen(db: Connection, disbursement_id: UUID, subject: Subject, action: str) -> tuple[Disbursement, Round]:
    found = await find_disbursement(db, disbursement_id)
    if found is None:
        raise not_found()
    case = (await load_cases(db, [found.case_id]))[found.case_id]
    round_ = case.numbered(found.response_no, found.case_number)
    check(subject, action, _with_payer(resource(round_, await measure_owners(db, round_))))
    return found, round_


def _with_payer(found: Resource) -> Resource:
    """Finance has a part in the payment, not in the case."""
    return Resource(
        township=found.township, village=found.village, group=found.group, level=found.level, restricted=found.restricted,
        conflict_unit=found.conflict_unit, case_lead=found.case_lead,
        departments={**found.departments, FINANCE: "assist"},
    )  # fmt: skip


# The trail -----------------------------------------------------------------------------------------------------------


@router.post("", status_code=201, response_model=DisbursementView)
async def request_disbursement(
    body: AskMoney, subject: Annotated[Subject, guard("disbursement.request")], command: CommandOf
) -> Response:
    """Ask for money for a running measure: the department that owns the measure or coordinates the case."""
    command.require_key()

    async def act(tx: Transaction) -> Reply:
        found = await held(tx, body.measure_id, subject, None)
        measure, round_, rules = found.measure, found.round, found.policy.assistance.disbursement
        if not measure.running:
            raise conflict("measure_finished", "该措施已办结", "The measure is finished", current_state=measure.state)
        if not (found.who.coordinates or subject.department == measure.owner_department):
            raise forbidden("not_the_owner")
        line = await find_line(tx.db, body.line_id)
        if line is None or line[0].township != subject.township:
            raise invalid(FieldError("#/line_id", "unknown_line", "没有此预算科目", "no such budget line"))
        if body.amount > line[0].left:
            raise invalid(FieldError("#/amount", "line_exceeded", "超出预算科目余额", "more than the line has left"))
        actor = subject.actor()
        money = Disbursement(
            disbursement_id=tx.new_id("disbursement"), case_id=round_.case_id, case_number=round_.case_number,
            response_no=round_.response_no, measure_id=measure.measure_id, township=round_.township, line_id=body.line_id,
            amount=body.amount, payee_reference=body.payee_reference, state="requested",
            due_at=_due(rules.approve, tx.now),
            trail={"requested": {"by": actor.model_dump(), "at": tx.now}}, reason=None, requested_at=tx.now, version=1,
        )  # fmt: skip
        await _keep(tx, money, round_, line[0].code, subject, rules.approve_by[0])
        where = f"/api/v1/disbursements/{money.disbursement_id}"
        return Reply(201, views.disbursement(money, subject, rules), version=1, location=where)

    return await command.run(act, body)


def _due(limit: Limit, at: datetime) -> datetime:
    return limit_due_at(limit, at, load_calendar()).at


async def _keep(
    tx: Transaction, money: Disbursement, round_: Round, line_code: str, subject: Subject, owner: str | None
) -> None:
    """Keep a step: row, event without amounts, and the clock of whoever must take the next one."""
    await save_disbursement(tx.db, money)
    actor, clock_id = subject.actor(), money.disbursement_id
    tx.publish(
        str(money.case_id),
        DisbursementChanged(
            case_id=money.case_id,
            disbursement_id=money.disbursement_id,
            measure_id=money.measure_id,
            budget_line=line_code,
            state=money.state,
            by=actor,
            at=tx.now,
        ),
    )
    detail = {"disbursement": str(money.disbursement_id), "measure": str(money.measure_id)}
    tx.audit(str(money.case_id), f"disbursement.{money.state}", actor.model_dump(), detail)
    ids = {state: derived_id(clock_id, state) for state in ("requested", "approved")}
    for state, id_ in ids.items():
        if state != money.state:
            tx.end(id_, "met", tx.now)
    if money.due_at is not None and owner is not None and money.state in ids:
        tx.arm(
            task_clock(
                ids[money.state], round_, "disbursement", money.disbursement_id, f"disbursement:{money.state}", owner,
                tx.now, money.due_at,
            )
        )  # fmt: skip


async def _step(
    tx: Transaction,
    disbursement_id: UUID,
    act: Act,
    action: str,
    subject: Subject,
    command: Command,
    reason: str | None,
) -> Reply:
    ids = await tx.db.fetchrow("SELECT case_id, line_id FROM disbursement WHERE disbursement_id = $1", disbursement_id)
    if ids is None:
        raise not_found()
    # Both locks at once: the case for order, the line so that two approvals never spend the same money.
    await tx.lock([str(ids["case_id"]), key_of(ids["line_id"])])
    money, round_ = await _seen(tx.db, disbursement_id, subject, action)
    command.match(money.version, current_state=money.state)
    found = await find_line(tx.db, money.line_id)
    assert found is not None
    line, row = found
    rules = policy_of(round_).assistance.disbursement
    after = act_on(money, line, act, subject.actor(), tx.now, rules, reason)
    if isinstance(after, Refusal):
        raise refused_for(after, money.state)
    changed, moved = after
    due = _due(rules.pay, tx.now) if changed.state == "approved" else None
    changed = replace(changed, due_at=due)
    if moved.committed != line.committed:
        await save_line(tx.db, {**row, "committed": moved.committed})
    await _keep(tx, changed, round_, line.code, subject, rules.pay_by)
    return Reply(200, views.disbursement(changed, subject, rules), version=changed.version)


@router.post("/{disbursement_id}/approve", response_model=DisbursementView)
async def approve_disbursement(
    disbursement_id: UUID, subject: Annotated[Subject, guard("disbursement.approve")], command: CommandOf
) -> Response:
    """Approve: civil affairs or the government, not who asked. Takes the amount from the line, which is never overdrawn."""

    async def act(tx: Transaction) -> Reply:
        return await _step(tx, disbursement_id, "approve", "disbursement.approve", subject, command, None)

    return await command.run(act)


@router.post("/{disbursement_id}/refuse", response_model=DisbursementView)
async def refuse_disbursement(
    disbursement_id: UUID,
    body: MoneyAct,
    subject: Annotated[Subject, guard("disbursement.approve")],
    command: CommandOf,
) -> Response:
    """Refuse, with a reason code."""

    async def act(tx: Transaction) -> Reply:
        return await _step(tx, disbursement_id, "refuse", "disbursement.approve", subject, command, body.reason)

    return await command.run(act, body)


@router.post("/{disbursement_id}/pay", response_model=DisbursementView)
async def pay_disbursement(
    disbursement_id: UUID, subject: Annotated[Subject, guard("disbursement.pay")], command: CommandOf
) -> Response:
    """Finance paid."""

    async def act(tx: Transaction) -> Reply:
        return await _step(tx, disbursement_id, "pay", "disbursement.pay", subject, command, None)

    return await command.run(act)


@router.post("/{disbursement_id}/return", response_model=DisbursementView)
async def return_disbursement(
    disbursement_id: UUID, body: MoneyAct, subject: Annotated[Subject, guard("disbursement.pay")], command: CommandOf
) -> Response:
    """The money came back or could not be paid: the amount returns to the line."""

    async def act(tx: Transaction) -> Reply:
        return await _step(tx, disbursement_id, "return", "disbursement.pay", subject, command, body.reason)

    return await command.run(act, body)
