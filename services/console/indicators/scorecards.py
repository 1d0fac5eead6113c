"""The quarterly scorecard of a village or department: K-values beside the counts of D-4.9.3 and the appraisal records."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal

from chassis.transaction import Connection
from contracts.policy import Policy, load_calendar
from services.console.indicators.asking import ASKED, Asked
from services.console.indicators.counting import Figure, figures
from services.console.indicators.definitions import REFERRALS, ROUNDS, STEPS

Per = Literal["village", "department"]
SHOWN = ("K3", "K4", "K5", "K6", "K7", "K8", "K10", "K11", "K12", "K13", "K14", "K17", "K18")
"""Speed beside quality (policy `kpis.rules.pairing`): quick empty visits must not pay."""


@dataclass(frozen=True, slots=True)
class Scorecard:
    """One subject's quarter. `records` counts commendations and criticisms, `programme` trainings and publicity."""

    subject: str
    figures: tuple[Figure, ...]
    counts: Mapping[str, int]
    records: Mapping[str, int] = field(default_factory=dict)
    programme: Mapping[str, int] = field(default_factory=dict)


def quarter(name: str) -> tuple[datetime, datetime]:
    """`2026-Q4` as a half-open stretch of time. Raises ValueError for anything else."""
    year, _, number = name.partition("-Q")
    if not (len(year) == 4 and year.isdigit() and number in {"1", "2", "3", "4"}):
        raise ValueError(name)
    first = 3 * int(number) - 2
    zone = load_calendar().zone
    after = date(int(year) + (first == 10), (first + 2) % 12 + 1, 1)
    return datetime(int(year), first, 1, tzinfo=zone), datetime(after.year, after.month, 1, tzinfo=zone)


async def scorecards(db: Connection, asked: Asked, policy: Policy, per: Per, *, small: bool) -> list[Scorecard]:
    """One card for each subject that had anything in the quarter, in the order of their codes."""
    grouped = replace(asked, group_by=per)
    found = [f for f in await figures(db, grouped, policy, wanted=SHOWN, small=small) if f.group is not None]
    counts = await _counts(db, asked, per)
    records, programme = await _records(db, asked, per)
    subjects = sorted({f.group for f in found if f.group} | counts.keys() | records.keys() | programme.keys())
    limit = 0 if small else policy.kpis.rules.small_counts.suppress_below
    return [
        Scorecard(
            subject,
            tuple(figure for figure in found if figure.group == subject),
            {name: n for name, n in counts.get(subject, {}).items() if n == 0 or n >= limit},
            records.get(subject, {}),
            programme.get(subject, {}),
        )
        for subject in subjects
    ]


async def _counts(db: Connection, asked: Asked, per: Per) -> dict[str, dict[str, int]]:
    """The counts of D-4.9.3: street, harmed, returned referrals, buck-passing, breached steps."""
    group = "r.village" if per == "village" else "s.department"
    wanted = {
        "returned": ("coalesce(s.returned, 0) > 0", REFERRALS),
        "buck_passing": ("s.buck_passing", REFERRALS),
        "breached": ("s.breached_at IS NOT NULL OR s.late_seconds > 0", STEPS),
    }
    if per == "village":
        wanted["cases"] = ("true", ROUNDS)
    found: dict[str, dict[str, int]] = {}
    for name, (which, source) in wanted.items():
        statement = f"{ASKED} SELECT {group} AS grp, count(*) FILTER (WHERE {which}) AS n {source} GROUP BY 1"
        for row in await db.fetch(statement, *asked.arguments):
            if row["grp"] is not None:
                found.setdefault(row["grp"], {})[name] = row["n"]
    return found


async def _records(
    db: Connection, asked: Asked, per: Per
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """Appraisal records of the quarter that were not withdrawn; trainings and publicity by village (D-4.8, D-4.9)."""
    zone = load_calendar().zone
    since, until = asked.since.astimezone(zone).date(), asked.until.astimezone(zone).date()
    records: dict[str, dict[str, int]] = {}
    for row in await db.fetch(
        "SELECT subject, sign, count(*) AS n FROM fact_programme WHERE kind = 'appraisal' AND subject_kind = $1 "
        'AND state <> \'withdrawn\' AND "on" >= $2 AND "on" < $3 GROUP BY 1, 2',
        per,
        since,
        until,
    ):
        records.setdefault(row["subject"], {})[row["sign"]] = row["n"]
    programme: dict[str, dict[str, int]] = {}
    if per == "village":
        for row in await db.fetch(
            "SELECT village, kind, count(*) AS n FROM fact_programme CROSS JOIN unnest(villages) AS village "
            "WHERE kind IN ('training', 'publicity') AND \"on\" >= $1 AND \"on\" < $2 GROUP BY 1, 2",
            since,
            until,
        ):
            programme.setdefault(row["village"], {})[row["kind"]] = row["n"]
    wanted = asked.villages
    if per == "village" and wanted is not None:
        records = {village: n for village, n in records.items() if village in wanted}
        programme = {village: n for village, n in programme.items() if village in wanted}
    if per == "department" and asked.department is not None:
        records = {name: n for name, n in records.items() if name == asked.department}
    return records, programme
