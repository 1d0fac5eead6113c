"""Why a deadline is what it is: rule, anchor, the days counted one by one, everything that moved it, and the result counted
again from nothing but these. Pure.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from contracts.policy import Label, Limit, Policy, WorkingCalendar
from contracts.policy.calendar import DayKind
from services.dispatch.domain.clocks import GUARDIAN_NOTICE, Deadline
from services.dispatch.domain.counting import TASK, TASK_DAYS_AFTER_S9, limit_named
from services.dispatch.domain.moves import COUNTS_ANEW, Stand, replay
from services.dispatch.domain.response import DEFERRED_NOTICE

DAY = timedelta(days=1)
_AMOUNTS = (
    ("seconds", "秒", "seconds"),
    ("minutes", "分钟", "minutes"),
    ("hours", "小时", "hours"),
    ("days", "天", "days"),
)


@dataclass(frozen=True, slots=True)
class CountedDay:
    """A calendar day after the start. `number` is its place in the count (None: not counted), `decides` on the day whose
    end is the deadline: by the limit itself or by its cap."""

    day: date
    kind: DayKind
    number: int | None
    decides: Literal["limit", "cap"] | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """`rule`, `start`, `limit` and `days` belong to the count in force; `stands` are all of them in order, the first from
    the anchor. `result` is the deadline counted again; it is the one stored."""

    rule: str
    start: datetime
    limit: Limit
    days: tuple[CountedDay, ...]
    safe_until: datetime | None
    stands: tuple[Stand, ...]
    result: datetime
    provisional: bool
    lines: tuple[Label, ...]


def explain(deadline: Deadline, policy: Policy, calendar: WorkingCalendar) -> Explained:
    """A deadline explained. Raises LookupError where it was armed without naming its rule."""
    stands = replay(deadline, policy, calendar)
    rule, start, safe_until = deadline.rule, deadline.anchored_at, deadline.safe_until
    for stand in stands[1:]:
        move = stand.move
        if move is not None and move.cause in COUNTS_ANEW and move.rule and move.start:
            rule, start, safe_until = move.rule, move.start, move.safe_until
    limit = limit_named(rule, policy)
    return Explained(
        rule=rule,
        start=start,
        limit=limit,
        days=tuple(_days(limit, start, calendar)),
        safe_until=safe_until,
        stands=stands,
        result=stands[-1].due,
        provisional=stands[-1].provisional,
        lines=tuple(_lines(deadline, stands, policy, calendar)),
    )


def label_of(step: str, policy: Policy) -> Label:
    """The name of any clock."""
    if step in _NAMES:
        return _NAMES[step]
    return policy.label("notice" if step == GUARDIAN_NOTICE else "step", step)


_NAMES = {
    TASK: Label(zh="办理任务", en="the department's task"),
    "rescore": Label(zh="首次接触后重新评分", en="re-score after first contact"),
    "reassessment": Label(zh="再评估", en="reassessment"),
    "return_decision": Label(zh="退回裁定", en="ruling on a return"),
    DEFERRED_NOTICE: Label(zh="安全确认后告知监护人", en="guardian's notice after safety"),
}
_ANEW = {
    "brought_forward": ("提级或有新情况，取较早的时限", "raised or new facts: the earlier deadline"),
    "lowered": ("降级，自原起点按新等级重算", "lowered: counted again from the anchor"),
    "hand_over": ("交接时刻有变，重新计算", "the hand-over is known better: counted again"),
}


def _days(limit: Limit, start: datetime, calendar: WorkingCalendar) -> Iterator[CountedDay]:
    """The days of a working-day limit, from the day after its start (which is not counted) to the one that decides."""
    if limit.clock != "WD" or limit.days is None:
        return
    day, number = start.astimezone(calendar.zone).date(), 0
    cap = None if limit.cap_days is None else day + limit.cap_days * DAY
    while number < limit.days:
        day += DAY
        counts = calendar.is_working_day(day)
        number += counts
        decides: Literal["limit", "cap"] | None = "limit" if counts and number == limit.days else None
        if decides is None and day == cap:
            decides = "cap"
        yield CountedDay(day, calendar.kind_of(day), number if counts else None, decides)
        if decides:
            return


# In words ----------------------------------------------------------------------------------------------------------


def _lines(deadline: Deadline, stands: tuple[Stand, ...], policy: Policy, calendar: WorkingCalendar) -> Iterator[Label]:
    def local(moment: datetime) -> str:
        return moment.astimezone(calendar.zone).strftime("%Y-%m-%d %H:%M:%S")

    name, anchor = label_of(deadline.step, policy), policy.label("anchor", deadline.anchor)
    yield Label(
        zh=f"{name.zh}：自“{anchor.zh}”{local(deadline.anchored_at)} 起计",
        en=f"{name.en}: counted from “{anchor.en}”, {local(deadline.anchored_at)}",
    )
    yield _limit_line(deadline.step, deadline.rule, policy)
    if deadline.safe_until is not None:
        yield _safe_until_line(local(deadline.safe_until))
    yield Label(zh=f"因此到期 {local(stands[0].due)}", en=f"so it was due {local(stands[0].due)}")
    for stand in stands[1:]:
        yield from _move_lines(deadline.step, stand, policy, local)
    if deadline.recounted_at is not None:
        zh, en = "节假日安排公布后重新计算", "counted again when the holidays of the year were known"
        yield Label(zh=f"{local(deadline.recounted_at)} {zh}", en=f"{local(deadline.recounted_at)} {en}")
    if stands[-1].provisional:
        yield Label(
            zh="计入了尚未公布节假日安排的年份，为暂定时限",
            en="provisional: it counts days of a year not yet published",
        )
    yield Label(zh=f"时限：{local(stands[-1].due)}", en=f"deadline: {local(stands[-1].due)}")


def _move_lines(step: str, stand: Stand, policy: Policy, local: Callable[[datetime], str]) -> Iterator[Label]:
    move = stand.move
    assert move is not None, "only the first stand has no move"
    at, due = local(move.at), local(stand.due)
    match move.cause:
        case "brought_forward" | "lowered" | "hand_over" if move.rule and move.start:
            zh, en = _ANEW[move.cause]
            yield Label(zh=f"{at} {zh}；自 {local(move.start)} 起计", en=f"{at} {en}; from {local(move.start)}")
            yield _limit_line(step, move.rule, policy)
            if move.safe_until is not None:
                yield _safe_until_line(local(move.safe_until))
        case "paused" if move.until:
            until = local(move.until)
            yield Label(zh=f"{at} 至 {until} 暂停计时", en=f"{at} to {until}: the clock stood still")
        case "extended":
            yield Label(zh=f"{at} 批准延期", en=f"{at} an extension was granted")
        case _:
            zh, en = "重算结果已过，保持原时限", "counted again it would have passed already: it stays"
            yield Label(zh=f"{at} {zh}", en=f"{at} {en}")
    yield Label(zh=f"改为 {due}", en=f"now {due}")


def _limit_line(step: str, rule: str, policy: Policy) -> Label:
    limit = limit_named(rule, policy)
    amount, unit_zh, unit_en = next(
        (value, zh, en) for field, zh, en in _AMOUNTS if (value := getattr(limit, field)) is not None
    )
    if limit.clock == "WD":
        zh, en = f"{amount} 个工作日", f"{amount} working days"
    else:
        zh, en = f"连续 {amount} {unit_zh}", f"{amount} {unit_en}, nights and holidays included"
    if limit.cap_days is not None:
        zh, en = f"{zh}，最迟第 {limit.cap_days} 个自然日", f"{en}, at the latest the {limit.cap_days}th calendar day"
    if step == TASK:
        zh, en = f"{zh}，另加 {TASK_DAYS_AFTER_S9} 天", f"{en}, and {TASK_DAYS_AFTER_S9} days more"
    return Label(zh=f"规定（{rule}）：{zh}", en=f"the rule {rule} says {en}")


def _safe_until_line(moment: str) -> Label:
    return Label(
        zh=f"已知交接时刻 {moment} 更早，以其为准", en=f"the known hand-over at {moment} comes first and decides"
    )
