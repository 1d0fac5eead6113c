"""Which case a report belongs to: a new one, the open one it names, or a closed one that reopens (policy `reopen`)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.policy import Policy
from contracts.vocabulary import Fact
from services.intake.domain.numbers import ZONE

PRIOR_REPORTS, DAYS_SINCE_CLOSURE = "prior_reports_12m", "days_since_closure"
PRIOR_FACTOR, UNKNOWN = "E2", "unknown"


@dataclass(frozen=True, slots=True)
class Named:
    """The case a report names. `family_id` is the case of the family's first child, whose response all share."""

    case_id: UUID
    family_id: UUID
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Open:
    """A new case. `follows` keeps the link to an earlier closed one; `counts`: it counts as a prior report (E2)."""

    follows: Named | None = None
    days: int | None = None
    counts: bool = False


@dataclass(frozen=True, slots=True)
class Attach:
    """The report joins an open case (policy `duplicate_rule`)."""

    case: Named


@dataclass(frozen=True, slots=True)
class Reopen:
    """The closed case reopens with new clocks."""

    case: Named
    days: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The named case is not in the state the report assumes; `code` is stable."""

    code: Literal["unknown_case", "case_closed", "case_open"]


Placing = Open | Attach | Reopen | Refused


def place(
    wish: Literal["attach", "reopen"], case: Named | None, received_at: datetime, *, emergency: bool, policy: Policy
) -> Placing:
    """What becomes of a report that names a case (None: there is none such).

    With a RED override nothing is refused (policy `reopen_always`): the report goes where the case's state allows, and to
    a new case when the named one does not exist.
    """
    if case is None:
        return Open() if emergency else Refused("unknown_case")
    if case.closed_at is None:
        return Attach(case) if wish == "attach" or emergency else Refused("case_open")
    if wish == "reopen" or emergency:
        return _again(case, case.closed_at, received_at, policy)
    return Refused("case_closed")


def _again(case: Named, closed_at: datetime, received_at: datetime, policy: Policy) -> Open | Reopen:
    days = max(0, (received_at.astimezone(ZONE).date() - closed_at.astimezone(ZONE).date()).days)
    for window in policy.reopen:
        if window.get("days_min", 0) <= days <= window.get("days_max", days):
            if "clocks" in window:
                return Reopen(case, days)
            return Open(follows=case, days=days, counts=window.get("counts_in") == PRIOR_FACTOR)
    return Open(follows=case, days=days)


def with_history(
    facts: dict[str, Fact], answers: dict[str, str], placing: Placing
) -> tuple[dict[str, Fact], dict[str, str]]:
    """Facts and answers with what the earlier case adds to them; what the reporter said of it stands."""
    if not isinstance(placing, Open | Reopen) or placing.days is None:
        return facts, answers
    counts = isinstance(placing, Open) and placing.counts
    history: dict[str, Fact] = {DAYS_SINCE_CLOSURE: placing.days}
    if counts:
        history[PRIOR_REPORTS] = 1
    said = {name: value for name, value in facts.items() if name not in history or value != UNKNOWN}
    if counts and answers.get(PRIOR_FACTOR, UNKNOWN) == UNKNOWN:
        answers = {**answers, PRIOR_FACTOR: "one"}
    return history | said, answers
