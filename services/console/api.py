"""The indicators as data: K1 to K20 with definitions, targets and groups, and the quarterly scorecards (D-4.9)."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel

from chassis.auth import guard
from chassis.http import Reading
from chassis.problem import FieldError, invalid
from contracts.access import Subject
from contracts.policy import Label, Policy, load_calendar, policy_in_force
from contracts.policy.kpis import KpiBound
from services.console.indicators.asking import Asked, Grouping, narrowed, sees_small_counts
from services.console.indicators.counting import Figure, figures
from services.console.indicators.engine import engine_figures
from services.console.indicators.scorecards import Per, quarter, scorecards

router = APIRouter(prefix="/api/v1", tags=["indicators"])
Reader = Annotated[Subject, guard("indicator.read")]
USUAL_PERIOD = timedelta(days=30)
Code = Annotated[str, Query(max_length=40)]


class FigureView(BaseModel):
    """One number. `value` null: nothing to count, or suppressed because too few; `among` is n, `apart` what was cancelled."""

    measure: str | None
    group: str | None
    unit: str
    value: float | None
    counted: int | None
    among: int | None
    apart: int
    suppressed: bool
    target: bool | None
    alarm: bool


class IndicatorView(BaseModel):
    """An indicator with its definition as the policy words it."""

    id: str
    name: Label
    formula: str
    targets: list[KpiBound]
    alarms: list[KpiBound]
    figures: list[FigureView]


class Indicators(BaseModel):
    """What was asked, as it was narrowed to the reader, and the answers."""

    since: datetime
    until: datetime
    as_of: datetime
    villages: list[str] | None
    department: str | None
    level: str | None
    tier: str | None
    group_by: Grouping
    policy_version: str
    indicators: list[IndicatorView]


class ScorecardView(BaseModel):
    """One village's or department's quarter; counts too small to show are left out."""

    subject: str
    figures: list[FigureView]
    indicators: list[str]
    counts: dict[str, int]
    records: dict[str, int]
    programme: dict[str, int]


class Scorecards(BaseModel):
    """The cards of a quarter."""

    quarter: str
    per: Per
    as_of: datetime
    cards: list[ScorecardView]


def view(figure: Figure) -> FigureView:
    """A figure as it is told."""
    return FigureView(**{name: value for name, value in asdict(figure).items() if name != "kpi"})


def policy_of(now: datetime) -> Policy:
    """The policy in force on a day: its definitions are those of the answer."""
    return policy_in_force(now.astimezone(load_calendar().zone).date())


@router.get("/indicators")
async def list_indicators(
    request: Request,
    subject: Reader,
    db: Reading,
    since: Annotated[AwareDatetime | None, Query(description="Default: 30 days before `until`")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Default: now")] = None,
    village: Annotated[list[str] | None, Query(max_length=40)] = None,
    department: Code | None = None,
    level: Code | None = None,
    tier: Code | None = None,
    group_by: Grouping = "none",
    kpi: Annotated[list[str] | None, Query(max_length=20)] = None,
) -> Indicators:
    """The indicators of a period, counted from recorded facts. Late stays late; cancelled steps are told apart."""
    now: datetime = await db.fetchval("SELECT app_now()")
    end = until or now
    begin = since or end - USUAL_PERIOD
    if begin >= end:
        raise invalid(FieldError("since", "after_until", "开始时间应早于结束时间", "the period ends before it begins"))
    villages = tuple(village) if village is not None else None
    asked = narrowed(Asked(subject.township, begin, end, now, villages, department, level, tier, group_by), subject)
    policy = policy_of(now)
    small = sees_small_counts(subject, policy.kpis.rules.small_counts.outside)
    counted = await figures(db, asked, policy, wanted=kpi, small=small)
    if (kpi is None or "K20" in kpi) and group_by == "none":
        token = request.headers["authorization"].partition(" ")[2]
        counted += await engine_figures(request.app.state.runtime.resources["owners"], token, policy)
    return Indicators(
        since=begin,
        until=end,
        as_of=now,
        villages=list(asked.villages) if asked.villages is not None else None,
        department=asked.department,
        level=level,
        tier=tier,
        group_by=group_by,
        policy_version=policy.policy_version,
        indicators=[
            IndicatorView(
                id=one.id,
                name=one.name,
                formula=one.formula,
                targets=list(one.target),
                alarms=list(one.alarm or ()),
                figures=[view(figure) for figure in counted if figure.kpi == one.id],
            )
            for one in policy.kpis.list
            if kpi is None or one.id in kpi
        ],
    )


@router.get("/indicators/scorecards")
async def list_scorecards(
    subject: Reader,
    db: Reading,
    quarter_name: Annotated[str, Query(alias="quarter", pattern=r"^\d{4}-Q[1-4]$")],
    per: Per = "village",
) -> Scorecards:
    """The quarterly scorecards (D-4.9.3), of all subjects the reader may see."""
    now: datetime = await db.fetchval("SELECT app_now()")
    begin, end = quarter(quarter_name)
    asked = narrowed(Asked(subject.township, begin, end, now), subject)
    policy = policy_of(now)
    small = sees_small_counts(subject, policy.kpis.rules.small_counts.outside)
    cards = await scorecards(db, asked, policy, per, small=small)
    return Scorecards(
        quarter=quarter_name,
        per=per,
        as_of=now,
        cards=[
            ScorecardView(
                subject=card.subject,
                figures=[view(figure) for figure in card.figures],
                indicators=[figure.kpi for figure in card.figures],
                counts=dict(card.counts),
                records=dict(card.records),
                programme=dict(card.programme),
            )
            for card in cards
        ],
    )
