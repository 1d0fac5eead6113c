"""A dry run: who would be told, when and of what, if from now on nobody acted. The same firings as in earnest, written nowhere."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.policy import Policy, WorkingCalendar
from contracts.risk_scoring import RiskAssessed
from contracts.vocabulary import SYSTEM, Fact
from services.dispatch.domain.announce import PAGE_NEXT
from services.dispatch.domain.duty import Duty, Standing, page
from services.dispatch.domain.escalation import SECOND_BREACH, Firing, firing, pages_at_dispatch, paging
from services.dispatch.domain.response import Clock, ResponseFile, identity

DISPATCHED = "dispatched"
_CASE = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Told:
    """One telling. `target` is a department, a post or an outside body (`standing` external: by hand); `people` are the
    staff reached. `instead` are the targets told where nobody answers for this one.
    """

    at: datetime
    step: str
    tier: str
    department: str | None
    organisation: str | None
    stage: str
    repeat_no: int
    target: str
    people: tuple[str, ...]
    standing: Standing | str
    instead: tuple[str, ...] = ()


def rehearse(
    file: ResponseFile,
    since: datetime,
    duty: Duty,
    policy: Policy,
    calendar: WorkingCalendar,
    *,
    repeats: int,
    pages: int,
) -> tuple[Told, ...]:
    """Everything told from `since` on while nobody acts: per clock every stage left, then `repeats` repetitions, and
    `pages` calls down the roster."""
    told: list[Told] = []
    for clock in file.clocks:
        told += _escalation(clock, file, duty, policy, calendar, repeats)
        told += _pages(clock, file, duty, policy, pages)
    return tuple(sorted((one for one in told if one.at >= since), key=lambda one: (one.at, one.step, one.target)))


def dispatched(file: ResponseFile, duty: Duty, policy: Policy) -> tuple[Told, ...]:
    """Who is told the moment the referrals go out: each department, and at RED the duty leader."""
    at = file.dispatched_at
    told: list[Told] = []
    for referral in file.referrals:
        reached = duty.reach(referral.department, at)
        people = reached.people[:1] if referral.has_task else ()
        told.append(
            Told(
                at, referral.role, "township", referral.department, referral.organisation, DISPATCHED, 0,
                referral.department, people, reached.standing, reached.instead,
            )
        )  # fmt: skip
    for post in pages_at_dispatch(file.level, policy):
        reached = duty.reach(post, at)
        told.append(
            Told(
                at, "page", "township", None, None, DISPATCHED, 0, post, reached.people[:1], reached.standing,
                reached.instead,
            )
        )  # fmt: skip
    return tuple(told)


def duty_of(file: ResponseFile, duty: Duty) -> Duty:
    """The township seen from this response."""
    return Duty(
        township=duty.township,
        policy=duty.policy,
        village=file.place.village,
        group=file.place.group,
        units=tuple(file.units.items()),
        blocked=file.blocked,
    )


def imagined(
    level: str,
    concerns: Iterable[str],
    facts: Mapping[str, Fact],
    report: Mapping[str, object],
    received: datetime,
    policy: Policy,
) -> RiskAssessed:
    """A report that nobody made, as scoring would announce it at this level."""
    child = {
        "child_id": identity(_CASE, "child"), "case_id": _CASE, "level": level, "score": 0, "score_known": 0,
        "score_upper": 0, "completeness": 100, "band": level, "provisional": False, "concerns": tuple(concerns),
        "facts": dict(facts),
    }  # fmt: skip
    return RiskAssessed.model_validate(
        {
            "case_id": _CASE, "case_number": "", "response_no": 1, "assessment_id": identity(_CASE, "assessment"),
            "cause": "report", "report": dict(report), "children": (child,), "report_level": level,
            "computed_level": level, "restricted": False, "provisional": False, "mandated": False,
            "instrument": policy.instrument, "policy_version": policy.policy_version, "effective_at": received,
            "assessed_at": received, "assessed_by": SYSTEM,
        }
    )  # fmt: skip


def _escalation(
    clock: Clock, file: ResponseFile, duty: Duty, policy: Policy, calendar: WorkingCalendar, repeats: int
) -> Iterator[Told]:
    for number in range(SECOND_BREACH + 1 + repeats):
        fired = firing(clock.deadline, number, file.level, policy, calendar, file.blocked)
        for target in fired.targets:
            reached = duty.reach(target, fired.at)
            yield _told(clock, fired, target, reached.people[:1], reached.standing, reached.instead)
        for body in fired.external:
            yield _told(clock, fired, body, (), "external", ())


def _pages(clock: Clock, file: ResponseFile, duty: Duty, policy: Policy, pages: int) -> Iterator[Told]:
    calls = paging(clock.deadline, file.level, policy)
    department = clock.deadline.department
    if calls is None or department is None:
        return
    for number in range(pages):
        at = calls.at(number)
        call = page(department, number, at, duty)
        fired = Firing(number, PAGE_NEXT, at, call.targets, (), number)
        for target in call.targets:
            standing = "on_duty" if target == department and call.people else "stand_in" if call.people else "nobody"
            yield _told(clock, fired, target, call.people, standing, ())


def _told(
    clock: Clock, fired: Firing, target: str, people: tuple[str, ...], standing: str, instead: tuple[str, ...]
) -> Told:
    deadline = clock.deadline
    return Told(
        fired.at, deadline.step, deadline.tier, deadline.department, clock.organisation, fired.stage, fired.repeat_no,
        target, people, standing, instead,
    )  # fmt: skip
