"""Papers that last: warning letters, protection orders, family-education orders, and proceedings that are pending
(L-DV 16, 17, 28, 30; L-FE 49; policy `guardian_ladder.documents`).

An order is in force from its date until it expires, is revoked or is fulfilled. A proceeding is pending until the paper
that settles it comes, or it ends. Both keep a case from being closed.
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from contracts.policy import Label, Policy
from contracts.policy.guardian_ladder import LadderDocument
from services.assistance.domain.ladder import Taken

WARNING_LETTER, PROTECTION_ORDER = "warning_letter", "protection_order"

EndCause = Literal["expired", "revoked", "fulfilled"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What still binds the guardians of a case: codes of papers in force, of pending proceedings, and checks owed."""

    orders: tuple[str, ...]
    pending: tuple[str, ...]
    checks: tuple[str, ...]


def months_after(moment: datetime, months: int) -> datetime:
    """The same day and time some months later; the last day of a shorter month."""
    index = moment.month - 1 + months
    year, month = moment.year + index // 12, index % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))


@dataclass(frozen=True, slots=True)
class Wrong:
    """The stated period of validity breaks this rule."""

    rule: str
    text: Label


def standing(taken: Iterable[Taken], now: datetime) -> Standing:
    """What is in force, pending or owed at a moment. An order counts until its last instant, whoever noticed."""
    steps = tuple(taken)
    orders = {one.document for one in steps if in_force(one, now)}
    pending = {one.document for one in steps if one.state == "pending"}
    owed = {one.step for one in steps for check in one.checks if check.complied is None and check.due_at is not None}
    return Standing(tuple(sorted(orders)), tuple(sorted(pending)), tuple(sorted(owed)))


def in_force(one: Taken, now: datetime) -> bool:
    """Whether a paper binds the guardian at this moment."""
    return one.state == "in_force" and (one.in_force_until is None or now < one.in_force_until)


def first_state(paper: LadderDocument) -> Literal["done", "in_force", "pending"]:
    """The state a paper begins in."""
    states: dict[str, Literal["done", "in_force", "pending"]] = {"order": "in_force", "proceeding": "pending"}
    return states.get(paper.kind, "done")


def valid_until(
    paper: LadderDocument, issued_on: datetime, stated: datetime | None, policy: Policy
) -> datetime | Wrong | None:
    """Until when a paper is in force (None: until somebody ends it), or the rule that the stated end breaks.

    A warning letter is followed for the days of policy `visits.special.after_warning_letter`; a protection order says
    itself, at most six months (L-DV 30).
    """
    if paper.kind != "order":
        return (
            None if stated is None else Wrong("no_end", Label(zh="此文书没有有效期", en="this paper has no validity"))
        )
    if stated is not None and stated <= issued_on:
        return Wrong("ends_before_it_begins", Label(zh="有效期须晚于签发日", en="must be after the day of issue"))
    if paper.valid_months_max is not None:
        if stated is None:
            return Wrong("end_missing", Label(zh="须填写有效期", en="the period of validity is needed"))
        if stated > months_after(issued_on, paper.valid_months_max):
            months = paper.valid_months_max
            return Wrong("too_long", Label(zh=f"有效期不得超过{months}个月", en=f"at most {months} months"))
    if paper.code == WARNING_LETTER and stated is None:
        return issued_on + policy.visits.special.after_warning_letter.until.span
    return stated


def reminder_at(paper: LadderDocument, until: datetime, policy: Policy) -> datetime | None:
    """When to remind of the end of an order that the policy wants renewed in time; None for others."""
    if paper.code != PROTECTION_ORDER:
        return None
    return until - policy.visits.special.protection_order.remind_before_expiry.span


def court_due(paper: LadderDocument, filed_on: datetime, urgent: bool, policy: Policy) -> datetime | None:
    """When the court must decide on an application: 72 hours, in an urgent case 24 (L-DV 28). None: no such limit."""
    if not paper.court_decides:
        return None
    hours = policy.guardian_ladder.step(paper.step).court_hours
    return filed_on + timedelta(hours=hours["urgent" if urgent else "ordinary"])


def settled_by(paper: LadderDocument, taken: Iterable[Taken]) -> tuple[Taken, ...]:
    """The pending proceedings that this paper ends."""
    return tuple(one for one in taken if one.state == "pending" and one.document == paper.settles)


def can_end(one: Taken, cause: EndCause) -> bool:
    """Whether a person may end this paper so. Only the clock lets an order expire; only a family-education order is
    fulfilled by doing what it says."""
    if one.state == "pending":
        return cause != "expired"
    fulfilled = {"family_education_order"}
    return one.state == "in_force" and (cause == "revoked" or (cause == "fulfilled" and one.document in fulfilled))
