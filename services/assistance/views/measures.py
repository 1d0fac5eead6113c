"""Measures as tasks: one, a department's queue with the nearest clock first, and what each reader may see of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from chassis.transaction import Connection
from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE, Subject
from contracts.policy import Policy
from contracts.vocabulary import Actor
from services.assistance.domain.measures import Measure, State, Who, available, missing
from services.assistance.domain.rounds import Round, policy_of
from services.assistance.store.measures import measure_of
from services.assistance.views.coded import Coded, coded

FAR = datetime(9999, 1, 1, tzinfo=UTC)
"""Where a measure without a running clock stands in the queue: last."""
FINANCE = "finance"


class Signature(BaseModel):
    """Who signed, for whom, when. `body` names the receiving institution of an escort."""

    party: str
    by: Actor | None
    at: datetime | None
    body: str | None = None
    note_id: UUID | None = None


class MeasureView(BaseModel):
    """A measure: who owns it, by when what is due, where it stands, and what this reader may do.

    `missing` lists in codes what completion still lacks. Finance sees the case number and the task, nothing of case or child.
    """

    measure_id: UUID
    case_id: UUID | None
    case_number: str
    child_id: UUID | None
    level: Coded | None
    measure: Coded
    service: str
    owner: Coded
    owner_reason: str | None
    beneficiary: Literal["child", "family"]
    goal: Coded | None
    state: State
    emergency: bool
    requested_at: datetime
    due_at: datetime | None
    overdue: bool
    late_seconds: int
    reason: str | None
    outcome: str | None
    note_id: UUID | None
    parties: list[Signature]
    receipts: list[Signature]
    every_days: int | None
    rounds_done: int
    papers_due_at: datetime | None
    papers_at: datetime | None
    unresolved_at: datetime | None
    ordered_at: datetime | None
    provider: str | None
    provider_state: str | None
    finished_at: datetime | None
    finished_by: Actor | None
    missing: list[str]
    available_actions: list[str]
    version: int


@dataclass(frozen=True, slots=True)
class MeasureFilters:
    """What of the queue is wanted."""

    department: str | None = None
    state: State | None = None
    code: str | None = None
    case_id: UUID | None = None
    emergency: bool | None = None
    overdue: bool | None = None


def coordinator_of(round_: Round) -> str:
    """Civil affairs; the township government where civil affairs has a conflict of interest."""
    return GOVERNMENT if round_.conflict_unit == COORDINATOR else COORDINATOR


def who(subject: Subject, round_: Round) -> Who:
    """The subject as the rules of measures see it."""
    return Who(subject.actor(), subject.department == coordinator_of(round_))


def measure_view(measure: Measure, round_: Round, subject: Subject, now: datetime, *, may_act: bool) -> MeasureView:
    """One measure for a reader."""
    policy, hidden = policy_of(round_), subject.department == FINANCE
    entry = policy.assistance.by_code[measure.code]
    open_ = round_.state == "open" and may_act
    plain = {name: getattr(measure, name) for name in MeasureView.model_fields if hasattr(measure, name)}
    return MeasureView.model_validate(
        {
            **plain,
            "case_number": round_.case_number,
            "level": _level(round_, policy),
            "measure": Coded(code=measure.code, zh=entry.label.zh, en=entry.label.en),
            "service": entry.service,
            "owner": coded(policy, "department", measure.owner_department),
            "goal": coded(policy, "problem_domain", measure.goal) if measure.goal else None,
            "overdue": measure.running and measure.due_at is not None and measure.due_at < now,
            "parties": _signatures(measure.parties),
            "receipts": _signatures(measure.receipts),
            "missing": missing(measure, entry, paid=True) if measure.running else [],
            "available_actions": available(measure, who(subject, round_), entry) if open_ else [],
            **(dict.fromkeys(("case_id", "child_id", "level", "goal", "note_id"), None) if hidden else {}),
        }
    )


def _level(round_: Round, policy: Policy) -> Coded | None:
    return coded(policy, "level", round_.level) if round_.level else None


def _signatures(found: Mapping[str, Mapping[str, Any] | None]) -> list[dict[str, Any]]:
    return [{"by": None, "at": None, **(said or {}), "party": party} for party, said in found.items()]


_QUEUE = """
SELECT m.*, coalesce(m.due_at, $10) AS sort_at FROM measure m JOIN case_round r USING (case_id, response_no)
WHERE r.township = $1 AND r.conflict_unit IS DISTINCT FROM $2
  AND ($3::text IS NULL OR m.owner_department = $3 OR (jsonb_exists(m.parties, $3) AND m.state = 'open'))
  AND ($2 <> 'village_committee' OR (NOT r.restricted AND r.village = ANY($4::text[])
       AND ($5::text[] IS NULL OR r.group_code = ANY($5))))
  AND (CASE WHEN $6::text IS NULL THEN m.state = 'open' ELSE m.step = $6 END)
  AND ($7::text IS NULL OR m.code = $7) AND ($8::uuid IS NULL OR m.case_id = $8)
  AND ($9::boolean IS NULL OR m.emergency = $9)
  AND ($11::boolean IS NULL OR (m.state = 'open' AND coalesce(m.due_at < app_now(), false)) = $11)
  AND ($12::timestamptz IS NULL OR (coalesce(m.due_at, $10), m.measure_id) > ($12, $13::uuid))
ORDER BY coalesce(m.due_at, $10), m.measure_id LIMIT $14
"""


async def queue(
    db: Connection, subject: Subject, filters: MeasureFilters, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Measure]:
    """The measures a subject's department must see to, nearest clock first; those without a running clock last.

    Civil affairs and the township government see every department's (`department` narrows), others their own; the village
    sees its villages and never a restricted case; a unit with a conflict of interest never sees the case.
    """
    every = subject.department in {COORDINATOR, GOVERNMENT}
    department = filters.department if every else subject.department
    rows = await db.fetch(
        _QUEUE, subject.township, subject.department or "", department, sorted(subject.villages),
        sorted(subject.groups) if subject.department == VILLAGE and subject.grid_only else None,
        filters.state, filters.code, filters.case_id, filters.emergency, FAR, filters.overdue,
        after[0] if after else None, after[1] if after else None, limit,
    )  # fmt: skip
    return [measure_of(dict(row)) for row in rows]
