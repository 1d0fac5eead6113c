"""Case conferences: who must be asked, when it must be, and what its record must say (D-5.3.2; S9)."""

from collections.abc import Collection, Sequence
from datetime import datetime

from contracts.policy import Label, Limit, Policy, WorkingCalendar
from contracts.policy import due_at as limit_due_at
from services.assistance.domain.rounds import Round

S9 = "S9"
Problem = tuple[str, str, Label]
"""Field, rule, text."""


def plan_due(round_: Round, policy: Policy, calendar: WorkingCalendar) -> datetime | None:
    """S9: by when the conference must have agreed the plan, at the level in force. None while the level is unknown."""
    limit = policy.step_limit(S9, round_.level) if round_.level else None
    if not isinstance(limit, Limit) or round_.started_at is None:
        return None
    return limit_due_at(limit, round_.started_at, calendar).at


def must_be_invited(round_: Round, policy: Policy) -> frozenset[str]:
    """Departments with a task, and those that are always asked; never a unit with a conflict of interest, nor the village in
    a restricted case."""
    roles = {role.code for role in policy.routing.roles if role.task}
    tasks = {department for department, role in round_.departments.items() if role in roles}
    barred = {round_.conflict_unit} | ({"village_committee"} if round_.restricted else set())
    return frozenset((tasks | set(policy.assistance.conferences.always_invited)) - barred)


def call_problems(
    invited: Sequence[str], agenda: Sequence[str], scheduled: datetime, round_: Round, now: datetime, policy: Policy,
    calendar: WorkingCalendar,
) -> tuple[Problem, ...]:  # fmt: skip
    """What is wrong with the call. The first conference is no later than S9, unless S9 has passed already."""
    problems = [*_invited(invited, round_, policy), *_codes("agenda", agenda, _agenda(policy))]
    if scheduled <= now:
        problems.append(("scheduled_at", "in_the_past", Label(zh="须晚于现在", en="must lie ahead")))
    due = plan_due(round_, policy, calendar)
    if round_.plan_agreed_at is None and due is not None and now < due < scheduled:
        text = Label(zh="首次会商不得晚于计划时限", en="the first conference is no later than S9")
        problems.append(("scheduled_at", "after_plan_due", text))
    return tuple(problems)


def record_problems(
    attended: Sequence[str], invited: Collection[str], agenda: Sequence[str], decisions: Sequence[str], policy: Policy
) -> tuple[Problem, ...]:
    """What is wrong with the record: only who was invited attended, and agenda and decisions are the policy's."""
    strangers = [department for department in attended if department not in invited]
    problems: list[Problem] = [
        ("attended", "not_invited", Label(zh=f"未邀请：{one}", en=f"was not invited: {one}")) for one in strangers
    ]
    known = [entry.code for entry in policy.assistance.conferences.decisions]
    return (*problems, *_codes("agenda", agenda, _agenda(policy)), *_codes("decisions", decisions, known))


def _agenda(policy: Policy) -> list[str]:
    return [entry.code for entry in policy.assistance.conferences.agenda]


def _invited(invited: Sequence[str], round_: Round, policy: Policy) -> list[Problem]:
    problems = _codes("invited", invited, policy.departments_by_code)
    lacking = sorted(must_be_invited(round_, policy) - set(invited))
    if lacking:
        names = ", ".join(lacking)
        problems.append(("invited", "invitation_missing", Label(zh=f"须邀请：{names}", en=f"must be invited: {names}")))
    if round_.conflict_unit in invited:
        problems.append(
            ("invited", "conflict_of_interest", Label(zh="不得邀请利益冲突单位", en="has a conflict of interest"))
        )
    if round_.restricted and "village_committee" in invited:
        problems.append(("invited", "restricted_case", Label(zh="限制案件不邀请村", en="not in a restricted case")))
    return problems


def _codes(name: str, given: Sequence[str], known: Collection[str]) -> list[Problem]:
    return [
        (name, "unknown_code", Label(zh=f"没有此代码：{code}", en=f"no such code: {code}"))
        for code in given
        if code not in known
    ]
