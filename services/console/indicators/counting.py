"""Counting: each measure one statement, its result with target, alarm and the rule of small counts."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from chassis.transaction import Connection
from contracts.policy import Policy
from contracts.policy.kpis import Kpi, KpiBound
from services.console.indicators.asking import ASKED, Asked
from services.console.indicators.definitions import GROUPS, MEASURE_LIST, Measure


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. `among` is how many it is counted from; None = suppressed or nothing to count."""

    kpi: str
    measure: str | None
    group: str | None
    unit: str
    value: float | None
    counted: int | None
    among: int | None
    apart: int = 0
    suppressed: bool = False
    target: bool | None = None
    alarm: bool = False


def statement(measure: Measure, grouping: str) -> str | None:
    """The counting statement; None when the source's rows cannot be grouped so."""
    group = GROUPS[measure.source].get(grouping) if grouping != "none" else "NULL::text"
    if group is None:
        return None
    counted = f"count(*) FILTER (WHERE {measure.counted})" if measure.counted else "NULL::bigint"
    apart = f"count(*) FILTER (WHERE {measure.apart})" if measure.apart else "0"
    value = measure.value or "NULL::float8"
    # Ungrouped there is always one figure, also of nothing.
    together = "" if grouping == "none" else "GROUP BY 1 ORDER BY 1"
    return (
        f"{ASKED} SELECT {group} AS grp, count(*) FILTER (WHERE {measure.among}) AS among, {counted} AS counted, "
        f"({value})::float8 AS value, {apart} AS apart {measure.source} {together}"
    )


async def figures(
    db: Connection, asked: Asked, policy: Policy, *, wanted: Iterable[str] | None = None, small: bool
) -> list[Figure]:
    """All figures asked for. `small`: may this reader see counts below the policy's limit?"""
    chosen = set(wanted) if wanted is not None else None
    kpis = {kpi.id: kpi for kpi in policy.kpis.list}
    limit = 0 if small else policy.kpis.rules.small_counts.suppress_below
    found: list[Figure] = []
    for measure in MEASURE_LIST:
        if chosen is not None and measure.kpi not in chosen:
            continue
        text = statement(measure, asked.group_by)
        if text is None:
            continue
        rows = await db.fetch(text, *asked.arguments)
        level = asked.level
        for row in rows:
            scope = row["grp"] if asked.group_by == "level" else level
            found.append(judged(_figure(measure, row, limit), kpis[measure.kpi], scope))
    return found


def _figure(measure: Measure, row: Any, limit: int) -> Figure:
    among, counted, value = row["among"], row["counted"], row["value"]
    if measure.counted:
        value = 100.0 * counted / among if among else None
    elif measure.unit == "count" and value is not None:
        counted = among = int(value)
    bare = Figure(measure.kpi, measure.name, row["grp"], measure.unit, value, counted, among, row["apart"])
    few = among is not None and 0 < among < limit
    return replace(bare, value=None, counted=None, among=None, suppressed=True) if few else bare


def judged(figure: Figure, kpi: Kpi, level: str | None) -> Figure:
    """Whether the figure meets its target and rings its alarm. No target fits: None."""
    if figure.value is None:
        return figure
    targets = [bound for bound in kpi.target if _fits(bound, figure.measure, level)]
    alarms = [bound for bound in kpi.alarm or () if _fits(bound, figure.measure, level)]
    reached = all(bound.holds(figure.value) for bound in targets) if targets else None
    return replace(figure, target=reached, alarm=any(bound.holds(figure.value) for bound in alarms))


def _fits(bound: KpiBound, measure: str | None, level: str | None) -> bool:
    if bound.measure is not None and bound.measure != measure:
        return False
    if bound.measure is None and measure is not None:
        return False
    match bound.scope:
        case None:
            return True
        case "others":
            return level is not None and level != "red"
        case scope:
            return level == scope
