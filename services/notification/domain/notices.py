"""Who is told of what: one rule per event, from the policy's delivery, breach and roster sections."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from contracts import assistance, dispatch, intake, risk_scoring
from contracts.access import GOVERNMENT
from contracts.directory import TownshipPublished
from contracts.envelope import Payload
from contracts.policy import Policy
from services.notification.domain.case import TASK_ROLES, CaseFacts
from services.notification.domain.duty import SHIFT_LEADER, Scene
from services.notification.domain.message import APP, MANUAL, Message, merged

_NOT_TOLD_BY_US = frozenset({"guardian", "reporter", "child", "hotline"})
"""Parties of duty notices whom a person must tell; a deadline watches that (N-9, S13)."""

_ARRIVAL_POSTS = {"S5a": "grid_member", "S5b": "child_director"}
_STAGE_KINDS = {
    "warn_50": "deadline_warning",
    "warn_80": "deadline_warning",
    "breach": "deadline_breached",
    "second_breach": "deadline_breached_again",
    "repeat": "deadline_breached_again",
    "page_next": "not_acknowledged",
}


def who_is_told(
    event: Payload, township: TownshipPublished, case: CaseFacts, policy: Policy, now: datetime
) -> tuple[Message, ...]:
    """Everybody to be told of an event, at the moment `now` (aware). Events nobody is told of give nothing."""
    rule = _RULES.get(type(event))
    if rule is None:
        return ()
    local = now.astimezone(ZoneInfo(policy.clocks.timezone))
    return merged(rule(event, _Teller(Scene(township, case, local), policy)))


def telling() -> frozenset[type[Payload]]:
    """The events somebody is told of."""
    return frozenset(_RULES)


def undelivered(scene: Scene, level: str, codes: Mapping[str, str]) -> tuple[Message, ...]:
    """A message could not be delivered: the person in the duty room must call; nobody there, the government's queue."""
    (desk,) = scene.desks("duty_room")
    people = desk.people or scene.township.posts.get("duty_room", ())
    if people:
        return (Message("delivery_failed", "staff", people[0], (APP,), level, "duty_room", codes),)
    return tuple(
        Message("delivery_failed", "organisation", unit.code, (APP,), level, "duty_room", codes)
        for unit in scene.units(GOVERNMENT)
    )


@dataclass(frozen=True, slots=True)
class _Teller:
    """Turns "tell this department or post" into messages to queues and people."""

    scene: Scene
    policy: Policy

    @property
    def case(self) -> CaseFacts:
        return self.scene.case

    def is_top(self, level: str) -> bool:
        return self.policy.rank(level) == max(self.policy.ranks.values())

    def queue(
        self, target: str, kind: str, level: str, rule: str, codes: Mapping[str, str], *, only: str | None = None
    ) -> Iterator[Message]:
        """The queues of a department's units, quietly."""
        for unit in self.scene.units(*self._around_blocked(target, only)):
            yield Message(kind, "organisation", unit.code, (APP,), level, rule, codes)

    def tell(
        self,
        target: str,
        kind: str,
        level: str,
        rule: str,
        codes: Mapping[str, str],
        *,
        only: str | None = None,
        nth: int = 0,
        channels: tuple[str, ...] | None = None,
    ) -> Iterator[Message]:
        """The queue of a target and the person on duty there, `nth` in paging order (around again after the last).

        `only` narrows a department to one unit. `channels` are the level's unless given: a decision that has days must
        not ring at night.
        """
        target, only = self._around_blocked(target, only)
        channels = channels or self.policy.sla.delivery[level]
        for desk in self.scene.desks(target, only):
            if desk.organisation is not None and nth == 0:
                yield Message(kind, "organisation", desk.organisation, (APP,), level, rule, codes)
            if desk.people:
                yield Message(kind, "staff", desk.people[nth % len(desk.people)], channels, level, rule, codes)
            else:
                yield from self._nobody_there(target, kind, level, codes, channels)

    def _around_blocked(self, target: str, only: str | None) -> tuple[str, str | None]:
        instead = self.scene.instead(target)
        return instead, only if instead == target else None

    def _nobody_there(
        self, target: str, kind: str, level: str, codes: Mapping[str, str], channels: tuple[str, ...]
    ) -> Iterator[Message]:
        """An empty roster: police roster and duty room instead, and an alarm so that somebody fills it."""
        for substitute in self.policy.sla.rules["roster"]["fallback"]:
            if self.scene.instead(substitute) != substitute:
                continue
            for desk in self.scene.desks(substitute):
                if desk.people:
                    yield Message(kind, "staff", desk.people[0], channels, level, "sla.rules.roster", codes)
        yield from self.alarm({"missing": target}, level, target)

    def alarm(self, codes: Mapping[str, str], level: str, about: str) -> Iterator[Message]:
        """Something is set up wrongly: the township government's queue."""
        for unit in self.scene.units(GOVERNMENT):
            rule = "sla.rules.roster"
            yield Message("configuration_alarm", "organisation", unit.code, (APP,), level, rule, codes, about)

    def outside(self, bodies: Iterable[str], level: str, rule: str) -> Iterator[Message]:
        """Bodies outside the system get a notice by hand, which the coordinator is asked to give."""
        for body in bodies:
            yield Message("manual_notice", "external", body, (MANUAL,), level, rule, about=body)
            for unit in self.scene.units(self.scene.instead(self.case.coordinating)):
                asked = "manual_notice_to_give"
                yield Message(asked, "organisation", unit.code, (APP,), level, rule, {"body": body}, body)


# Responses ---------------------------------------------------------------------------------------------------------


def _response_opened(event: dispatch.ResponseOpened, teller: _Teller) -> Iterator[Message]:
    yield from _referrals(event.referrals, event.level, teller)
    yield from _arrivals(event.deadlines, event.level, teller)
    yield from _top_level(event.level, teller)
    yield from teller.outside(event.external_notices, event.level, "N-11")
    yield from _duty_notices(event.notices, event.level, teller)


def _response_revised(event: dispatch.ResponseRevised, teller: _Teller) -> Iterator[Message]:
    yield from _referrals(event.referrals, event.level, teller)
    before, now = teller.policy.rank(event.level_before), teller.policy.rank(event.level)
    if now != before:
        new = {referral.department for referral in event.referrals}
        codes = {"level_before": event.level_before, "cause": event.cause}
        for department in teller.case.departments(TASK_ROLES):
            if now > before and department not in new:
                yield from teller.tell(department, "level_raised", event.level, "sla.level_change", codes)
            elif now < before:
                yield from teller.queue(department, "level_lowered", event.level, "sla.level_change", codes)
    if now > before:
        yield from _top_level(event.level, teller)
    yield from _duty_notices(event.notices, event.level, teller)


def _referrals(referrals: Iterable[dispatch.ReferralIssued], level: str, teller: _Teller) -> Iterator[Message]:
    for referral in referrals:
        codes = {"role": referral.role, "department": referral.department, "referral_id": str(referral.referral_id)}
        rule = referral.because[0] if referral.because else "routing"
        if referral.role in TASK_ROLES:
            yield from teller.tell(
                referral.department, "referral_issued", level, rule, codes, only=referral.organisation
            )
        else:
            yield from teller.queue(
                referral.department, "referral_informed", level, rule, codes, only=referral.organisation
            )


def _arrivals(deadlines: Iterable[dispatch.DeadlineArmed], level: str, teller: _Teller) -> Iterator[Message]:
    """Group and village start at once: who must go there is told with the dispatch, not when the clock warns."""
    for deadline in deadlines:
        post = _ARRIVAL_POSTS.get(deadline.step)
        if post is not None and deadline.tier != "township":
            codes = {"step": deadline.step, "due_at": deadline.due_at.isoformat()}
            yield from teller.tell(post, "go_there", level, deadline.step, codes)


def _top_level(level: str, teller: _Teller) -> Iterator[Message]:
    """A RED case pages the duty leader and the leader responsible (policy `red_at_dispatch`, `routing.raise`)."""
    if not teller.is_top(level):
        return
    yield from teller.tell(teller.policy.sla.red_at_dispatch["page"], "top_level", level, "sla.red_at_dispatch", {})
    for rule in teller.policy.routing.raise_:
        for department, post in rule.notice_post.items():
            if department in teller.case.roles:
                yield from teller.tell(post, "top_level", level, rule.id, {})


def _duty_notices(notices: Iterable[dispatch.Notice], level: str, teller: _Teller) -> Iterator[Message]:
    """Departments with a referral have their notice with it; others get theirs here, the circulation as a bare count."""
    for notice in notices:
        if notice.status not in {"due", "manual"}:
            continue
        rule = teller.policy.notices_by_id.get(notice.notice)
        for body in notice.bodies:
            if body in _NOT_TOLD_BY_US or body in teller.case.roles or body in teller.case.blocked:
                continue
            if ("external_body", body) in teller.policy.labels:
                yield from teller.outside((body,), level, notice.notice)
            masked = rule is not None and rule.masked
            kind, code = "circulation" if masked else "duty_notice", notice.notice
            for unit in teller.scene.units(body):
                yield Message(kind, "organisation", unit.code, (APP,), level, code, {"notice": code}, code, masked)


# Acts on referrals -------------------------------------------------------------------------------------------------


def _returned(event: dispatch.ReferralReturned, teller: _Teller) -> Iterator[Message]:
    codes = {
        "department": event.department,
        "proposed_department": event.proposed_department,
        "due_at": event.decision_due_at.isoformat(),
    }
    if event.buck_passing:
        codes["flag"] = "buck_passing"
    yield from teller.tell(teller.case.coordinating, "return_to_decide", event.level, "return_of_referral", codes)


def _return_decided(event: dispatch.ReturnDecided, teller: _Teller) -> Iterator[Message]:
    codes, unit, rule = {"department": event.department}, event.organisation, "return_of_referral"
    if not event.upheld:
        yield from teller.tell(event.department, "return_refused", event.level, rule, codes, only=unit)
        return
    yield from teller.queue(event.department, "return_upheld", event.level, rule, codes, only=unit)
    if event.issued is not None:
        yield from _referrals((event.issued,), event.level, teller)


def _safety_confirmed(event: dispatch.SafetyConfirmed, teller: _Teller) -> Iterator[Message]:
    for department in teller.case.departments(TASK_ROLES):
        yield from teller.queue(department, "safety_confirmed", event.level, "S6", {"basis": event.basis})


def _deadline_fired(event: dispatch.DeadlineFired, teller: _Teller) -> Iterator[Message]:
    kind = _STAGE_KINDS[event.stage]
    codes = {"step": event.step, "stage": event.stage, "due_at": event.due_at.isoformat()}
    if event.department:
        codes["department"] = event.department
    if event.referral_id:
        codes["referral_id"] = str(event.referral_id)
    # Nobody signed: page k (counted from 0) goes to person k + 1 of the roster, the first having been told at dispatch.
    nth = event.repeat_no + 1 if event.stage == "page_next" else 0
    rule = "sla.no_ack" if event.stage == "page_next" else "sla.breach_chain"
    for target in event.targets:
        only = event.organisation if target == event.department else None
        yield from teller.tell(target, kind, event.level, rule, codes, only=only, nth=nth)
    yield from teller.outside(event.external, event.level, "sla.second_breach")


# Everything else ---------------------------------------------------------------------------------------------------


def _dispatch_overdue(event: intake.DispatchOverdue, teller: _Teller) -> Iterator[Message]:
    """The chain behind intake is stuck: the shift leader calls the departments; from the first repeat civil affairs too."""
    codes = {"due_at": event.due_at.isoformat(), "repeat_no": str(event.repeat_no)}
    targets = (SHIFT_LEADER,) if event.repeat_no == 0 else (SHIFT_LEADER, teller.case.coordinating)
    for target in targets:
        yield from teller.tell(target, "dispatch_overdue", teller.case.level, "sla.breach_chain.hotline", codes)


def _lowering_proposed(event: risk_scoring.LevelLoweringProposed, teller: _Teller) -> Iterator[Message]:
    codes = {"level_to": event.level_to, "proposal_id": str(event.proposal_id)}
    post = "civil_affairs_supervisor"
    yield from teller.tell(post, "lowering_to_decide", event.level_from, "risk.manual_change", codes, channels=(APP,))


def _closure_requested(event: assistance.ClosureRequested, teller: _Teller) -> Iterator[Message]:
    level, codes = teller.case.level, {"reason": event.reason, "closure_id": str(event.closure_id)}
    yield from teller.tell(teller.case.coordinating, "closure_to_decide", level, "S12", codes, channels=(APP,))
    if teller.is_top(teller.case.highest_level):
        yield from teller.tell("responsible_leader", "closure_to_decide", level, "S12", codes, channels=(APP,))


def _closure_refused(event: assistance.ClosureRefused, teller: _Teller) -> Iterator[Message]:
    codes = {"closure_id": str(event.closure_id), "open_items": ",".join(event.open_items)}
    for department in teller.case.departments(TASK_ROLES):
        yield from teller.queue(department, "closure_refused", teller.case.level, "S12", codes)


def _case_closed(event: assistance.CaseClosed, teller: _Teller) -> Iterator[Message]:
    for department in teller.case.departments():
        yield from teller.queue(department, "case_closed", teller.case.level, "closure", {"reason": event.reason})


_RULES: dict[type[Payload], Callable[[Any, _Teller], Iterator[Message]]] = {
    dispatch.ResponseOpened: _response_opened,
    dispatch.ResponseRevised: _response_revised,
    dispatch.ReferralReturned: _returned,
    dispatch.ReturnDecided: _return_decided,
    dispatch.SafetyConfirmed: _safety_confirmed,
    dispatch.DeadlineFired: _deadline_fired,
    intake.DispatchOverdue: _dispatch_overdue,
    risk_scoring.LevelLoweringProposed: _lowering_proposed,
    assistance.ClosureRequested: _closure_requested,
    assistance.ClosureRefused: _closure_refused,
    assistance.CaseClosed: _case_closed,
}
