"""Budget lines and disbursements for a reader. Finance sees payee, amount and case number alone."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.access import COORDINATOR, GOVERNMENT, Subject
from contracts.policy.assistance import Disbursement as Rules
from contracts.vocabulary import Actor
from services.assistance.domain.money import Disbursement, State, available
from services.assistance.store.money import disbursement_of

FINANCE = "finance"


class BudgetLineView(BaseModel):
    """A budget line of one year. Amounts in fen; `left` is what may still be approved."""

    line_id: UUID
    year: int
    code: str
    amount: int
    committed: int
    left: int
    version: int


class TrailStep(BaseModel):
    """One step of the approval trail."""

    state: State
    by: Actor
    at: datetime


class DisbursementView(BaseModel):
    """Money for one measure. For finance only number, payee, amount, state and what it may do."""

    disbursement_id: UUID
    case_number: str
    case_id: UUID | None
    measure_id: UUID | None
    line_id: UUID | None
    amount: int
    payee_reference: str
    state: State
    due_at: datetime | None
    trail: list[TrailStep]
    reason: str | None
    requested_at: datetime
    available_actions: list[str]
    version: int


def line(row: Mapping[str, Any]) -> BudgetLineView:
    """A stored line."""
    return BudgetLineView.model_validate({**row, "left": row["amount"] - row["committed"]})


async def lines(db: Connection, township: str, year: int | None) -> list[BudgetLineView]:
    """The budget lines of a township, newest year first."""
    rows = await db.fetch(
        """
        SELECT * FROM budget_line WHERE township = $1 AND ($2::int IS NULL OR year = $2) ORDER BY year DESC, code
        """,
        township,
        year,
    )
    return [line(dict(row)) for row in rows]


def disbursement(found: Disbursement, subject: Subject, rules: Rules, *, may_act: bool = True) -> DisbursementView:
    """One disbursement for a reader."""
    hidden = subject.department == FINANCE
    shown: dict[str, Any] = {
        name: getattr(found, name) for name in DisbursementView.model_fields if hasattr(found, name)
    }
    steps = [{**step, "state": state} for state, step in found.trail.items()]
    secret = dict.fromkeys(("case_id", "measure_id", "line_id", "reason"), None)
    return DisbursementView.model_validate(
        {
            **shown,
            "trail": [] if hidden else steps,
            "available_actions": available(found, subject.actor(), rules) if may_act else (),
            **(secret if hidden else {}),
        }
    )


async def disbursements(
    db: Connection, subject: Subject, state: State | None, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Disbursement]:
    """The township's disbursements, oldest first. Finance sees what is approved or further; nobody sees the money of a case
    in which the own unit has a conflict of interest."""
    every = subject.department in {COORDINATOR, GOVERNMENT}
    rows = await db.fetch(
        """
        SELECT d.* FROM disbursement d JOIN case_round r USING (case_id, response_no)
        WHERE d.township = $1 AND r.conflict_unit IS DISTINCT FROM $2
          AND ($3::boolean OR d.state IN ('approved', 'paid', 'returned'))
          AND ($4::text IS NULL OR d.state = $4)
          AND ($5::timestamptz IS NULL OR (d.requested_at, d.disbursement_id) > ($5, $6::uuid))
        ORDER BY d.requested_at, d.disbursement_id LIMIT $7
        """,
        subject.township, subject.department, every, state, after[0] if after else None, after[1] if after else None,
        limit,
    )  # fmt: skip
    return [disbursement_of(dict(row)) for row in rows]
