"""Which case a report belongs to: a new one, the open one it names or whose child it is (policy `duplicate_rule`), or a
closed one that reopens (policy `reopen`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from contracts.policy import Policy
from contracts.policy.duplicates import DuplicateRule
from contracts.vocabulary import Fact
from services.intake.domain.matching import Likeness
from services.intake.domain.numbers import ZONE

PRIOR_REPORTS, DAYS_SINCE_CLOSURE = "prior_reports_12m", "days_since_closure"
PRIOR_FACTOR, UNKNOWN = "E2", "unknown"
FULL = 100
"""Likeness in percent of two records that agree in everything."""


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


def resume(case: Named, received_at: datetime, policy: Policy) -> Placing:
    """What becomes of a report that names no case but is surely about the child of this one: it joins the open case, and
    the windows of reopening hold for a closed one. No report on a known child begins as if nothing had been."""
    return Attach(case) if case.closed_at is None else _again(case, case.closed_at, received_at, policy)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A known child who may be the reported one. `family_id`: the family of its newest case; None for one that only stands
    on a register."""

    person_id: UUID
    likeness: Likeness
    family_id: UUID | None
    born: date | None


def surely(candidates: Sequence[Candidate], rule: DuplicateRule) -> Candidate | None:
    """The one known child a report is surely about; None when there is none, or any doubt: then a person decides.

    An ID number goes before everything, full agreement before a similar sound. Doubt is: two children left, or a sibling of
    the same birth date (twins' names often sound alike) where neither ID number nor the exact name tells them apart.
    """
    sure = [one for one in candidates if one.likeness.percent >= rule.threshold_percent]
    proven = [one for one in sure if "id_number" in one.likeness.reasons]
    exact = [one for one in sure if one.likeness.exact_name and one.likeness.percent == FULL]
    if len(chosen := proven or exact or sure) != 1:
        return None
    [one] = chosen
    twins = any(
        other.person_id != one.person_id and other.family_id == one.family_id is not None and other.born == one.born
        for other in candidates
    )
    return None if twins and not proven and not one.likeness.exact_name else one


def _again(case: Named, closed_at: datetime, received_at: datetime, policy: Policy) -> Open | Reopen:
    days = max(0, (received_at.astimezone(ZONE).date() - closed_at.astimezone(ZONE).date()).days)
    for window in policy.reopen:
        if window.days_min <= days and (window.days_max is None or days <= window.days_max):
            if window.clocks is not None:
                return Reopen(case, days)
            return Open(follows=case, days=days, counts=window.counts_in == PRIOR_FACTOR)
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
