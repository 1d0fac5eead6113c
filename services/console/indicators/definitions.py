"""What each indicator counts, as data: a source of rows, what is in the count, and what it is compared with.

`late` stays in the count of late for ever: a step counts as on time only when it was met with no second of lateness.
Cancelled steps are left out and counted apart. Open steps count from the moment they are due.
"""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["%", "min", "h", "count"]

ROUNDS = """
FROM fact_round r CROSS JOIN asked a
WHERE r.township = a.township AND r.received_at >= a.since AND r.received_at < a.until
  AND r.transfer_out IS NOT TRUE
  AND (a.level IS NULL OR r.level = a.level) AND (a.villages IS NULL OR r.village = ANY (a.villages))
  AND (a.department IS NULL OR EXISTS (SELECT FROM fact_referral f WHERE f.case_id = r.case_id
       AND f.response_no = r.response_no AND f.department = a.department))
"""
CLOSED = ROUNDS.replace("r.received_at", "r.closed_at")
STEPS = """
FROM fact_step s JOIN fact_round r USING (case_id, response_no) CROSS JOIN asked a
WHERE r.township = a.township AND r.received_at >= a.since AND r.received_at < a.until
  AND (a.level IS NULL OR s.level = a.level) AND (a.villages IS NULL OR r.village = ANY (a.villages))
  AND (a.department IS NULL OR s.department = a.department) AND (a.tier IS NULL OR s.tier = a.tier)
"""
OPEN_STEPS = """
FROM fact_step s JOIN fact_round r USING (case_id, response_no) CROSS JOIN asked a
WHERE r.township = a.township AND r.closed_at IS NULL
  AND s.breached_at IS NOT NULL AND s.met_at IS NULL AND s.cancelled_at IS NULL
  AND (a.level IS NULL OR s.level = a.level) AND (a.villages IS NULL OR r.village = ANY (a.villages))
  AND (a.department IS NULL OR s.department = a.department) AND (a.tier IS NULL OR s.tier = a.tier)
"""
REFERRALS = """
FROM fact_referral s JOIN fact_round r USING (case_id, response_no) CROSS JOIN asked a
WHERE r.township = a.township AND s.issued_at >= a.since AND s.issued_at < a.until AND s.role <> 'inform'
  AND (a.level IS NULL OR s.level = a.level) AND (a.villages IS NULL OR r.village = ANY (a.villages))
  AND (a.department IS NULL OR s.department = a.department)
"""
VISITS = """
FROM fact_visit s JOIN fact_round r USING (case_id, response_no) CROSS JOIN asked a
WHERE r.township = a.township AND s.due_at >= a.since AND s.due_at < least(a.until, a.as_of) AND s.cancelled IS NOT TRUE
  AND (a.level IS NULL OR r.level = a.level) AND (a.villages IS NULL OR r.village = ANY (a.villages))
  AND a.department IS NULL
"""
MEASURES = """
FROM fact_measure s JOIN fact_round r USING (case_id, response_no) CROSS JOIN asked a
WHERE r.township = a.township AND s.requested_at >= a.since AND s.requested_at < a.until
  AND (a.level IS NULL OR r.level = a.level) AND (a.villages IS NULL OR r.village = ANY (a.villages))
  AND (a.department IS NULL OR s.department = a.department)
"""
ELIGIBLE = """
FROM fact_eligibility s CROSS JOIN asked a
WHERE s.at >= a.since AND s.at < a.until AND s.result IN ('likely', 'priority')
  AND a.villages IS NULL AND a.department IS NULL AND a.level IS NULL
"""
CALLS = """
FROM fact_call s CROSS JOIN asked a
WHERE s.offered_at >= a.since AND s.offered_at < a.until
  AND a.villages IS NULL AND a.department IS NULL AND a.level IS NULL AND a.tier IS NULL
"""
NOTICES = """
FROM fact_notice_day s CROSS JOIN asked a
WHERE s.day >= (a.since AT TIME ZONE 'Asia/Shanghai')::date AND s.day < (a.until AT TIME ZONE 'Asia/Shanghai')::date + 1
  AND a.villages IS NULL AND a.department IS NULL AND a.level IS NULL AND a.tier IS NULL
"""
ALARMS = """
FROM fact_access_alarm s CROSS JOIN asked a
WHERE s.fired_at >= a.since AND s.fired_at < a.until
  AND a.villages IS NULL AND a.department IS NULL AND a.level IS NULL AND a.tier IS NULL
"""

_MONTH = "to_char({} AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM')"
GROUPS: dict[str, dict[str, str]] = {
    ROUNDS: {"village": "r.village", "level": "r.level", "month": _MONTH.format("r.received_at")},
    CLOSED: {"village": "r.village", "level": "r.level", "month": _MONTH.format("r.closed_at")},
    STEPS: {
        "village": "r.village",
        "level": "s.level",
        "department": "s.department",
        "tier": "s.tier",
        "month": _MONTH.format("r.received_at"),
    },
    OPEN_STEPS: {"village": "r.village", "level": "s.level", "department": "s.department", "tier": "s.tier"},
    REFERRALS: {
        "village": "r.village",
        "level": "s.level",
        "department": "s.department",
        "month": _MONTH.format("s.issued_at"),
    },
    VISITS: {"village": "r.village", "level": "r.level", "month": _MONTH.format("s.due_at")},
    MEASURES: {
        "village": "r.village",
        "level": "r.level",
        "department": "s.department",
        "month": _MONTH.format("s.requested_at"),
    },
    ELIGIBLE: {"month": _MONTH.format("s.at")},
    CALLS: {"month": _MONTH.format("s.offered_at")},
    NOTICES: {"month": "to_char(s.day, 'YYYY-MM')"},
    ALARMS: {"month": _MONTH.format("s.fired_at")},
}
"""By what the rows of each source can be grouped."""

DUE = "s.cancelled_at IS NULL AND (s.met_at IS NOT NULL OR s.due_at <= a.as_of)"
ON_TIME = f"{DUE} AND s.met_at IS NOT NULL AND coalesce(s.late_seconds, 0) = 0"
HARM = "ARRAY['H1','H2','H3','H4','H5','H6','H7','H8','H9','H10','H11']"
_LATER_HARM = f"""
EXISTS (SELECT FROM fact_round_child c JOIN fact_round_child d USING (child_id)
        JOIN fact_round n ON n.case_id = d.case_id AND n.response_no = d.response_no
        WHERE c.case_id = r.case_id AND c.response_no = r.response_no AND n.received_at > r.closed_at
          AND n.received_at <= r.closed_at + interval '180 days' AND n.concerns && {HARM}
          AND n.closure_reason IS DISTINCT FROM 'UNFOUNDED')
"""  # noqa: S608  our own text
_REOPENED = """
EXISTS (SELECT FROM fact_round n WHERE n.case_id = r.case_id AND n.response_no > r.response_no
        AND n.received_at <= r.closed_at + interval '90 days')
"""
_TASKS_LEFT = """
EXISTS (SELECT FROM fact_referral f WHERE f.case_id = r.case_id AND f.response_no = r.response_no
        AND f.role <> 'inform' AND f.ended_at IS NULL
        AND (f.completed_at IS NULL OR f.completed_at > r.plan_agreed_at + interval '30 days'))
"""
_SEEN_IN_TIME = """
EXISTS (SELECT FROM fact_step s WHERE s.case_id = r.case_id AND s.response_no = r.response_no
        AND s.step IN ('S5a', 'S5b', 'S5c') AND s.met_at IS NOT NULL AND s.late_seconds = 0)
"""
_TO_BE_SEEN = """
EXISTS (SELECT FROM fact_step s WHERE s.case_id = r.case_id AND s.response_no = r.response_no
        AND s.step IN ('S5a', 'S5b', 'S5c') AND s.cancelled_at IS NULL
        AND (s.met_at IS NOT NULL OR s.due_at <= a.as_of))
"""
_RECEIVING = """
EXISTS (SELECT FROM fact_measure m WHERE m.state IN ('granted', 'completed')
        AND (m.child_id = s.child_id OR m.child_id IS NULL AND m.case_id = s.case_id)
        AND m.code = ANY (CASE s.rule {cases} ELSE ARRAY[]::text[] END))
"""
BENEFITS: dict[str, tuple[str, ...]] = {
    "E-1": ("DIBAO",),
    "E-2": ("ORPHAN_ALLOWANCE",),
    "E-3": ("UNSUPPORTED_ALLOWANCE",),
    "E-4": ("EXTREME_DIFFICULTY_SUPPORT",),
    "E-5": ("EMERGENCY_AID", "TEMPORARY_AID"),
    "E-6": ("EDUCATION_AID",),
    "E-7": ("EDUCATION_AID",),
    "E-9": ("MIGRANT_SCHOOLING",),
}
"""Which measures answer which eligibility rule (policy `assistance.catalogue`, field `eligibility`)."""
_CASES = " ".join(
    "WHEN '{}' THEN ARRAY[{}]".format(rule, ", ".join(f"'{code}'" for code in codes))
    for rule, codes in BENEFITS.items()
)


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of an indicator. A share counts `counted` among `among`; a value is the SQL aggregate `value`.

    `name` is None for the indicator's own number, else the measure's name in the policy's targets and alarms.
    """

    kpi: str
    source: str
    among: str = "true"
    counted: str | None = None
    value: str | None = None
    unit: Unit = "%"
    name: str | None = None
    apart: str | None = None
    """What was left out and is told apart: cancelled steps."""


def _on_time(kpi: str, steps: str, name: str | None = None) -> Measure:
    which = f"s.step IN ({steps})"
    left_out = f"{which} AND s.cancelled_at IS NOT NULL"
    return Measure(kpi, STEPS, f"{which} AND {DUE}", f"{which} AND {ON_TIME}", name=name, apart=left_out)


def _minutes(kpi: str, column: str, share: float, name: str) -> Measure:
    minutes = f"extract(epoch FROM r.{column} - r.received_at) / 60"
    value = f"percentile_cont({share}) WITHIN GROUP (ORDER BY {minutes}) FILTER (WHERE r.{column} IS NOT NULL)"
    return Measure(kpi, ROUNDS, f"r.{column} IS NOT NULL", value=value, unit="min", name=name)


ANSWERED = "s.answered_at IS NOT NULL"
_KNOWN = "r.mandated AND r.known_since IS NOT NULL"
_KNOWN_TO_REPORTED = (
    "percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM r.received_at - r.known_since) / 60) "
    f"FILTER (WHERE {_KNOWN})"
)
_FEEDBACK = "r.mandated AND s.step = 'S13'"
MEASURE_LIST: tuple[Measure, ...] = (
    Measure("K1", CALLS, counted=f"{ANSWERED} AND s.answered_at <= s.offered_at + interval '15 seconds'"),
    Measure("K1", CALLS, counted=ANSWERED, name="connection"),
    Measure("K2", CALLS, counted=f"NOT ({ANSWERED}) AND s.ended_at > s.offered_at + interval '5 seconds'"),
    _on_time("K3", "'S3'"),
    _on_time("K4", "'S4'"),
    Measure("K5", ROUNDS, _TO_BE_SEEN, f"{_TO_BE_SEEN} AND {_SEEN_IN_TIME}"),
    _on_time("K5", "'S5a', 'S5b', 'S5c'", "by tier"),
    _minutes("K6", "first_contact_at", 0.5, "median to first contact"),
    _minutes("K6", "first_contact_at", 0.9, "p90 to first contact"),
    _minutes("K6", "safety_at", 0.5, "median to safety"),
    _minutes("K6", "safety_at", 0.9, "p90 to safety"),
    _on_time("K7", "'S8', 'S9'"),
    Measure("K8", VISITS, counted="s.made_at IS NOT NULL"),
    Measure(
        "K8",
        VISITS,
        "s.post = 'grid_head'",
        "s.post = 'grid_head' AND s.made_at IS NOT NULL",
        name="grid head monthly return",
    ),
    Measure("K9", OPEN_STEPS, value="count(*)", unit="count", name="open breaches"),
    Measure("K9", OPEN_STEPS, value="max(extract(epoch FROM a.as_of - s.breached_at)) / 3600", unit="h", name="oldest"),
    Measure("K9", OPEN_STEPS, value="coalesce(sum(s.escalations), 0)", unit="count", name="escalations"),
    Measure("K10", REFERRALS, counted="coalesce(s.returned, 0) > 0"),
    Measure("K10", REFERRALS, value="count(*) FILTER (WHERE s.returned > 1)", unit="count", name="returned twice"),
    Measure(
        "K11",
        ROUNDS,
        "r.plan_agreed_at + interval '30 days' <= a.as_of",
        f"r.plan_agreed_at + interval '30 days' <= a.as_of AND NOT {_TASKS_LEFT}",
    ),
    Measure("K12", CLOSED, counted=_LATER_HARM),
    Measure("K13", CLOSED, counted=_REOPENED),
    Measure("K14", ROUNDS, "r.level IS NOT NULL", "r.lowered > 0", name="manual lowerings"),
    Measure("K14", ROUNDS, "r.level IS NOT NULL", "r.provisional_at_first", name="provisional share"),
    Measure("K15", ROUNDS, _KNOWN, value=_KNOWN_TO_REPORTED, unit="min", name="known to reported"),
    Measure(
        "K15",
        STEPS,
        f"{_FEEDBACK} AND {DUE}",
        f"{_FEEDBACK} AND {ON_TIME}",
        name="feedback",
        apart=f"{_FEEDBACK} AND s.cancelled_at IS NOT NULL",
    ),
    Measure("K16", ELIGIBLE, counted=_RECEIVING.format(cases=_CASES)),
    Measure(
        "K17",
        MEASURES,
        "s.code = 'RETURN_TO_SCHOOL' AND s.state <> 'cancelled' AND (s.ended_at IS NOT NULL OR s.due_at <= a.as_of)",
        "s.code = 'RETURN_TO_SCHOOL' AND s.state = 'completed' AND coalesce(s.late_seconds, 0) = 0",
    ),
    Measure("K18", ROUNDS, value="count(*) FILTER (WHERE 'H9' = ANY (r.concerns))", unit="count", name="street"),
    Measure("K18", ROUNDS, value=f"count(*) FILTER (WHERE r.concerns && {HARM})", unit="count", name="harmed"),
    Measure("K19", ALARMS, value="count(*)", unit="count"),
    Measure(
        "K20", NOTICES, value="100.0 * sum(s.failed) / nullif(sum(s.notices), 0)", unit="%", name="notice failures"
    ),
)
"""In the order of the policy's list. K20's other two measures are asked of the services themselves (engine.py)."""
