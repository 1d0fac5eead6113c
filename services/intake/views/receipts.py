"""What a reporter may learn with the query code: how far it has come, and nothing that names anybody or any place."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from chassis.transaction import Connection

Stage = Literal["received", "handed_over", "child_seen", "safe", "finished"]
Result = Literal["not_yet", "can_be_asked", "given"]


class Reached(BaseModel):
    """A stage that was reached, and when."""

    stage: Stage
    at: datetime


class ReceiptView(BaseModel):
    """The progress of a report (S13, N-10). `stage` is the furthest of `stages`; handed_over: the departments are told.

    `result`: given to the reporter; can be asked for, where nobody can call back; or not yet. `transfer`: handed over to
    another area, and whether that area has said that it has it.
    """

    report_number: str
    received_at: datetime
    stage: Stage
    stages: list[Reached]
    result: Result
    transfer: Literal["waiting", "acknowledged"] | None
    handed_over_at: datetime | None
    finished_at: datetime | None
    feedback_at: datetime | None


async def receipt(db: Connection, code_hash: bytes) -> ReceiptView | None:
    """The progress of a report, by the digest of its code."""
    row = await db.fetchrow(
        """
        SELECT r.report_number, r.received_at, r.recorded_at, r.dispatched_at, r.child_seen_at, r.safe_at, r.family_id,
               r.feedback_at, r.feedback_possible, r.anonymous, c.state, c.closed_at, t.state AS transfer
        FROM report r LEFT JOIN case_file c ON c.case_id = r.family_id
        LEFT JOIN transfer t ON t.contact_id = r.report_id AND t.state <> 'withdrawn'
        WHERE r.receipt_hash = $1
        """,
        code_hash,
    )
    if row is None:
        return None
    finished_at = _finished_at(row)
    stages = _stages(row, finished_at)
    return ReceiptView(
        report_number=row["report_number"],
        received_at=row["received_at"],
        stage=stages[-1].stage,
        stages=stages,
        result=_result(row, finished=finished_at is not None),
        transfer=None
        if row["transfer"] is None
        else "acknowledged"
        if row["transfer"] == "acknowledged"
        else "waiting",
        handed_over_at=row["dispatched_at"],
        finished_at=finished_at if row["family_id"] else None,
        feedback_at=row["feedback_at"],
    )


def _finished_at(row: Any) -> datetime | None:
    """When it was over; a contact that opened no case was answered at once. A hand-over that nobody has acknowledged is
    not over."""
    if row["transfer"] not in (None, "acknowledged"):
        return None
    at: datetime | None = row["recorded_at"] if row["family_id"] is None else row["closed_at"]
    return at


def _stages(row: Any, finished_at: datetime | None) -> list[Reached]:
    moments: tuple[tuple[Stage, datetime | None], ...] = (
        ("received", row["received_at"]),
        ("handed_over", row["dispatched_at"]),
        ("child_seen", row["child_seen_at"]),
        ("safe", row["safe_at"]),
        ("finished", finished_at),
    )
    return [Reached(stage=stage, at=at) for stage, at in moments if at is not None]


def _result(row: Any, *, finished: bool) -> Result:
    if row["feedback_at"] is not None and row["feedback_possible"]:
        return "given"
    nobody_to_call = row["feedback_at"] is not None or row["anonymous"]
    return "can_be_asked" if nobody_to_call and (finished or row["safe_at"] is not None) else "not_yet"
