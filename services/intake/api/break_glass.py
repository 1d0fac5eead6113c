"""Break-glass at the door (policy `data_protection.break_glass`): only for those on duty now, always with a review to come."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from chassis.problem import Problem
from chassis.transaction import Transaction
from contracts.access import Subject
from contracts.directory import TownshipPublished
from contracts.policy import Policy
from services.intake.api.access import who
from services.intake.domain.duty import DUTY_ROOM, is_on_duty
from services.intake.sight import NOT_ON_DUTY, RED, Field, Full, Hidden, Sight
from services.intake.store import cases
from services.intake.store.supervision import NewReview, add_review
from services.intake.views.cases import CaseRecord
from services.intake.watchdog import break_glass, review_clock


async def on_duty(tx: Transaction, record: CaseRecord, subject: Subject, reason: str | None, policy: Policy) -> bool:
    """Whether the reader stands on a roster now. Only asked where break-glass could open something."""
    if reason is None or record.row["level"] != RED or subject.kind != "person":
        return False
    snapshot = await cases.township(tx.db, subject.township)
    if snapshot is None:
        return False
    return is_on_duty(
        TownshipPublished.model_validate(snapshot),
        subject.staff,
        subject.organisation,
        subject.department,
        tx.now,
        break_glass(policy).fallback,
    )


def off_duty(sights: Iterable[Sight], policy: Policy) -> Problem | None:
    """The refusal of a reader who gave a reason and is not on duty. It names who could open the file now."""
    if Hidden(NOT_ON_DUTY) not in list(sights):
        return None
    title = "不在当前值班表上，不能紧急调阅", "Not on duty now: the file cannot be opened on the spot"
    detail = "请当班人员调阅，或致电派出所、值班室", "Ask who is on duty, or call the police station or the duty room"
    return Problem(403, NOT_ON_DUTY, *title, detail, reason=NOT_ON_DUTY, ask=[*break_glass(policy).fallback, DUTY_ROOM])


async def review(
    tx: Transaction,
    record: CaseRecord,
    subject: Subject,
    sights: Mapping[Field, Sight],
    reason: str | None,
    policy: Policy,
) -> datetime | None:
    """An opening by break-glass leaves a review with a clock; returns when the review is due."""
    broken = [field.name for field, sight in sights.items() if sight == Full("break_glass")]
    if not broken or reason is None:
        return None
    review_id = tx.new_id("review")
    clock = review_clock(review_id, record.family_id, record.row["case_number"], subject.township, tx.now, policy)
    tx.arm(clock)
    await add_review(
        tx.db,
        NewReview(
            review_id=review_id,
            case_id=record.case_id,
            township=subject.township,
            opened_by=who(subject),
            opened_at=tx.now,
            fields=broken,
            reason=reason,
            due_at=clock.due_at,
        ),
    )
    return clock.due_at
