"""What the supervisors' board shows beside the indicators: the state of things now, where time is lost, what needs a person.

Every list comes from the same facts and the same filters as the indicators, so a number and its drill-down agree.
"""

from typing import Any

from chassis.transaction import Connection
from services.console.indicators.asking import ASKED, Asked
from services.console.indicators.definitions import DUE, ON_TIME, REFERRALS, ROUNDS, STEPS

Row = dict[str, Any]


def _running(joined: str = "") -> str:
    """Clocks that run now, whenever their case came in."""
    return f"""
FROM fact_step s JOIN fact_round r ON r.case_id = s.case_id AND r.response_no = s.response_no {joined} CROSS JOIN asked a
WHERE r.township = a.township AND r.closed_at IS NULL AND s.met_at IS NULL AND s.cancelled_at IS NULL AND s.due_at IS NOT NULL
  AND (a.level IS NULL OR s.level = a.level) AND (a.villages IS NULL OR r.village = ANY (a.villages))
  AND (a.department IS NULL OR s.department = a.department) AND (a.tier IS NULL OR s.tier = a.tier)
"""


_NOW = _running()
_OPEN = """
FROM fact_round r CROSS JOIN asked a
WHERE r.township = a.township AND r.closed_at IS NULL AND r.dispatched_at IS NOT NULL
  AND (a.level IS NULL OR r.level = a.level) AND (a.villages IS NULL OR r.village = ANY (a.villages))
  AND (a.department IS NULL OR EXISTS (SELECT FROM fact_referral f WHERE f.case_id = r.case_id
       AND f.response_no = r.response_no AND f.department = a.department))
"""
SOON = "s.due_at > a.as_of AND s.due_at - a.as_of <= greatest((s.due_at - s.anchor_at) / 4, interval '5 minutes')"
"""Due soon: a quarter of the window is left (ux: amber)."""
STAGES = ("dispatched_at", "first_contact_at", "safety_at", "assessed_at", "plan_agreed_at", "closed_at")
BUCKETS = (10, 30, 60, 240, 1440)
"""Upper ends, in minutes, of the response-time distribution; the last bucket is open."""


async def _rows(db: Connection, text: str, asked: Asked) -> list[Row]:
    return [dict(row) for row in await db.fetch(f"{ASKED} {text}", *asked.arguments)]


async def headline(db: Connection, asked: Asked) -> Row:
    """Today's reports, open cases, clocks that are due soon or late, and visits found satisfactory."""
    (clocks,) = await _rows(
        db,
        f"SELECT count(*) FILTER (WHERE {SOON}) AS soon, count(*) FILTER (WHERE s.due_at <= a.as_of) AS late {_NOW}",
        asked,
    )
    (rounds,) = await _rows(db, f"SELECT count(*) AS open {_OPEN}", asked)
    (today,) = await _rows(
        db,
        "SELECT count(*) AS today FROM fact_round r CROSS JOIN asked a WHERE r.township = a.township "
        "AND r.received_at >= date_trunc('day', a.as_of AT TIME ZONE 'Asia/Shanghai') AT TIME ZONE 'Asia/Shanghai' "
        "AND (a.level IS NULL OR r.level = a.level) AND (a.villages IS NULL OR r.village = ANY (a.villages))",
        asked,
    )
    (tasks,) = await _rows(
        db,
        f"SELECT count(*) AS issued, count(*) FILTER (WHERE s.completed_at IS NOT NULL) AS completed {REFERRALS}",
        asked,
    )
    (visits,) = await _rows(
        db,
        "SELECT count(*) FILTER (WHERE s.made_at IS NOT NULL) AS made, count(*) FILTER (WHERE s.satisfactory) AS satisfactory "
        "FROM fact_visit s JOIN fact_round r USING (case_id, response_no) CROSS JOIN asked a "
        "WHERE r.township = a.township AND s.made_at >= a.since AND s.made_at < a.until AND a.department IS NULL "
        "AND (a.level IS NULL OR r.level = a.level) AND (a.villages IS NULL OR r.village = ANY (a.villages))",
        asked,
    )
    return clocks | rounds | today | tasks | visits


async def matrix(db: Connection, asked: Asked) -> list[Row]:
    """Level by step: how many were due, how many on time, and how long the worst open one is late."""
    return await _rows(
        db,
        f"SELECT s.level, s.step, count(*) FILTER (WHERE {DUE}) AS due, count(*) FILTER (WHERE {ON_TIME}) AS on_time, "  # noqa: S608  our own text
        "max(extract(epoch FROM a.as_of - s.due_at)) FILTER (WHERE s.met_at IS NULL AND s.cancelled_at IS NULL "
        f"AND s.due_at <= a.as_of) AS worst {STEPS} AND s.level IS NOT NULL GROUP BY 1, 2",
        asked,
    )


async def villages(db: Connection, asked: Asked) -> list[Row]:
    """Open cases per village, the reds among them, and the worst state of a clock."""
    return await _rows(
        db,
        f"""
        , open AS (SELECT r.village, count(*) AS cases, count(*) FILTER (WHERE r.level = 'red') AS red {_OPEN} GROUP BY 1),
        late AS (SELECT r.village, count(*) FILTER (WHERE s.due_at <= a.as_of) AS late,
                 count(*) FILTER (WHERE {SOON}) AS soon {_NOW} GROUP BY 1)
        SELECT village, cases, red, coalesce(late, 0) AS late, coalesce(soon, 0) AS soon
        FROM open LEFT JOIN late USING (village) WHERE village IS NOT NULL ORDER BY village
        """,  # noqa: S608  our own text
        asked,
    )


async def trend(db: Connection, asked: Asked) -> list[Row]:
    """Reports over the period by level: hours within two days, days within two months, months beyond."""
    days = (asked.until - asked.since).total_seconds() / 86400
    unit, shape = ("hour", "MM-DD HH24:00") if days <= 2 else ("day", "MM-DD") if days <= 62 else ("month", "YYYY-MM")
    local = "r.received_at AT TIME ZONE 'Asia/Shanghai'"
    return await _rows(
        db,
        f"SELECT to_char(date_trunc('{unit}', {local}), '{shape}') AS bucket, date_trunc('{unit}', {local}) AS at, "
        f"r.level, count(*) AS n {ROUNDS} AND r.level IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 2, 3",
        asked,
    )


async def distribution(db: Connection, asked: Asked) -> list[int]:
    """How many cases were first seen within each bucket of BUCKETS, and after the last."""
    minutes = "extract(epoch FROM r.first_contact_at - r.received_at) / 60"
    ends = ", ".join(str(end) for end in BUCKETS)
    rows = await _rows(
        db,
        f"SELECT width_bucket(({minutes})::numeric, ARRAY[{ends}]::numeric[]) AS bucket, count(*) AS n {ROUNDS} "
        "AND r.first_contact_at IS NOT NULL GROUP BY 1",
        asked,
    )
    found = {row["bucket"]: row["n"] for row in rows}
    return [found.get(bucket, 0) for bucket in range(len(BUCKETS) + 1)]


async def waterfall(db: Connection, asked: Asked) -> Row:
    """Median minutes from the report to each stage: where time is lost."""
    medians = ", ".join(
        f"percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM r.{stage} - r.received_at) / 60) "
        f"FILTER (WHERE r.{stage} IS NOT NULL) AS {stage}"
        for stage in STAGES
    )
    (row,) = await _rows(db, f"SELECT {medians} {ROUNDS}", asked)
    return row


async def departments(db: Connection, asked: Asked) -> list[Row]:
    """Each department's referrals: sent, acknowledged in time, completed, returned, and clocks that are late now."""
    return await _rows(
        db,
        f"""
        , sent AS (SELECT s.department, count(*) AS issued, count(s.completed_at) AS completed,
                   count(*) FILTER (WHERE coalesce(s.returned, 0) > 0) AS returned {REFERRALS} GROUP BY 1),
        signed AS (SELECT s.department, count(*) FILTER (WHERE {DUE}) AS due, count(*) FILTER (WHERE {ON_TIME}) AS on_time
                   {STEPS} AND s.step = 'S4' GROUP BY 1),
        late AS (SELECT s.department, count(*) FILTER (WHERE s.due_at <= a.as_of) AS late {_NOW} GROUP BY 1)
        SELECT department, issued, completed, returned, coalesce(due, 0) AS due, coalesce(on_time, 0) AS on_time,
               coalesce(late, 0) AS late
        FROM sent LEFT JOIN signed USING (department) LEFT JOIN late USING (department) ORDER BY late DESC, department
        """,  # noqa: S608  our own text
        asked,
    )


async def attention(db: Connection, asked: Asked, limit: int = 50) -> list[Row]:
    """Clocks that are late or about to be, the worst first: red before the rest, then the longest late."""
    return await _rows(
        db,
        f"""
        SELECT s.deadline_id, s.case_id, r.case_number, s.level, r.village, s.step, s.tier, s.department, s.organisation,
               s.referral_id, s.due_at, s.anchor_at, s.due_at <= a.as_of AS late, coalesce(s.escalations, 0) AS escalations,
               r.supervised_at, r.paused_until, f.urged_at
        {_running("LEFT JOIN fact_referral f ON f.referral_id = s.referral_id")}
          AND (s.due_at <= a.as_of OR {SOON})
        ORDER BY (s.level = 'red') DESC, s.due_at <= a.as_of DESC, s.due_at LIMIT {limit:d}
        """,
        asked,
    )
