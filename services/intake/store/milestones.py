"""Which milestones were announced, and whose may be due."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field

from chassis.transaction import Connection
from services.intake.domain.milestones import SIXTEEN
from services.intake.store.tables import Table


class MilestoneRow(Table, table=True):
    """A milestone that was announced. It is written after the day, so that no birthday stands here before."""

    __tablename__ = "child_milestone"

    child_id: UUID = Field(primary_key=True)
    milestone: str = Field(primary_key=True)
    announced_at: datetime


async def candidates(db: Connection, today: date, after: UUID, limit: int) -> list[dict[str, Any]]:
    """Children of open cases who may be 16 by what is stated of their age, in the order of their ids."""
    rows = await db.fetch(
        """
        SELECT DISTINCT ON (c.child_id) c.child_id, c.family_id, head.case_number, c.entered_at,
            ARRAY(SELECT m.milestone FROM child_milestone m WHERE m.child_id = c.child_id) AS announced
        FROM case_file c
        JOIN registered_child r ON r.child_id = c.child_id
        JOIN case_file head ON head.case_id = c.family_id
        WHERE c.state = 'open' AND c.child_id > $2 AND r.adult_at IS NULL AND r.age IS NOT NULL
          AND r.age_on + make_interval(years => greatest($4 - 1 - r.age, 0)) <= $1::date
        ORDER BY c.child_id, c.entered_at LIMIT $3
        """,
        today,
        after,
        limit,
        SIXTEEN,
    )
    return [dict(row) for row in rows]


async def note(db: Connection, reached: Sequence[tuple[UUID, str]], at: datetime) -> set[tuple[UUID, str]]:
    """Keep milestones as announced. Returns those that were not before."""
    rows = await db.fetch(
        """
        INSERT INTO child_milestone (child_id, milestone, announced_at)
        SELECT n.child_id, n.milestone, $3 FROM unnest($1::uuid[], $2::text[]) AS n(child_id, milestone)
        ON CONFLICT DO NOTHING RETURNING child_id, milestone
        """,
        [child_id for child_id, _ in reached],
        [milestone for _, milestone in reached],
        at,
    )
    return {(row["child_id"], row["milestone"]) for row in rows}
