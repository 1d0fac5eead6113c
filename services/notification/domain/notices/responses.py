"""A response is opened, revised, or its report amended: referrals, arrivals, levels, duty notices."""

from collections.abc import Iterable, Iterator

from contracts import dispatch, intake
from services.notification.domain.case import TASK_ROLES
from services.notification.domain.message import Message
from services.notification.domain.notices.rule import Rules
from services.notification.domain.notices.teller import QUIETLY, Teller

_NOT_TOLD_BY_US = frozenset({"guardian", "reporter", "child", "hotline"})
"""Parties of duty notices whom a person must tell; a deadline watches that (N-9, S13)."""
_ARRIVAL_POSTS = {"S5a": "grid_member", "S5b": "child_director"}
_COPIES, _RESULT = "N-8", "N-10"
_MATTERS_NOW = frozenset({"facts", "answers", "concerns", "place", "safe_until"})
"""Aspects of an amendment that may change what must be done, or where, or by when."""


def _response_opened(event: dispatch.ResponseOpened, teller: Teller) -> Iterator[Message]:
    yield from referrals(event.referrals, event.level, teller)
    yield from _arrivals(event.deadlines, event.level, teller)
    yield from _top_level(event.level, teller)
    listed = {body for notice in event.notices if notice.status == "manual" for body in notice.bodies}
    for body in event.external_notices:
        if body not in listed:
            yield from teller.outside(body, event.level, "N-11")
    yield from _duty_notices(event.notices, event.level, teller)
    yield from _results_owed(event.deadlines, event.level, teller)


def _response_revised(event: dispatch.ResponseRevised, teller: Teller) -> Iterator[Message]:
    yield from referrals(event.referrals, event.level, teller)
    if event.place is not None:
        yield from _arrivals(event.deadlines, event.level, teller)
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
    if event.report_id is not None:
        yield from _results_owed(event.deadlines, event.level, teller)


def _report_amended(event: intake.ReportAmended, teller: Teller) -> Iterator[Message]:
    """Every unit with a referral hears of new facts. A unit that only carries out a safety task has no part in them."""
    codes = {"aspects": ",".join(event.aspects), "amendment_id": str(event.amendment_id)}
    urgent = _MATTERS_NOW.intersection(event.aspects)
    for department, role in teller.case.roles.items():
        if urgent and role in TASK_ROLES:
            yield from teller.tell(department, "report_amended", teller.case.level, "case.amended", codes)
        else:
            yield from teller.queue(department, "report_amended", teller.case.level, "case.amended", codes)


def referrals(issued: Iterable[dispatch.ReferralIssued], level: str, teller: Teller) -> Iterator[Message]:
    """Those with a task are told, those informed find it in their queue."""
    for referral in issued:
        unit, rule = referral.organisation, referral.because[0] if referral.because else "routing"
        codes = {"role": referral.role, "department": referral.department, "referral_id": str(referral.referral_id)}
        if referral.safety_only:
            yield from teller.tell(referral.department, "safety_task_issued", level, "routing.added", codes, only=unit)
        elif referral.role in TASK_ROLES:
            yield from teller.tell(referral.department, "referral_issued", level, rule, codes, only=unit)
        else:
            yield from teller.queue(referral.department, "referral_informed", level, rule, codes, only=unit)


def _arrivals(deadlines: Iterable[dispatch.DeadlineArmed], level: str, teller: Teller) -> Iterator[Message]:
    """Group and village start at once: who must go there is told with the dispatch, not when the clock warns."""
    for deadline in deadlines:
        post = _ARRIVAL_POSTS.get(deadline.step)
        if post is not None and deadline.tier != "township":
            codes = {"step": deadline.step, "due_at": deadline.due_at.isoformat()}
            yield from teller.tell(post, "go_there", level, deadline.step, codes)


def _top_level(level: str, teller: Teller) -> Iterator[Message]:
    """A RED case pages the duty leader and the leader responsible (policy `red_at_dispatch`, `routing.raise`)."""
    if not teller.is_top(level):
        return
    yield from teller.tell(teller.policy.sla.red_at_dispatch["page"], "top_level", level, "sla.red_at_dispatch", {})
    for rule in teller.policy.routing.raise_:
        for department, post in rule.notice_post.items():
            if department in teller.case.roles:
                yield from teller.tell(post, "top_level", level, rule.id, {})


def _results_owed(deadlines: Iterable[dispatch.DeadlineArmed], level: str, teller: Teller) -> Iterator[Message]:
    """N-10: the reporter is told the result by a person of the department that owes it (S13); here it is asked to."""
    for deadline in deadlines:
        if deadline.step == "S13" and deadline.department is not None:
            codes = {"step": deadline.step, "due_at": deadline.due_at.isoformat()}
            yield from teller.queue(deadline.department, "reporter_result_owed", level, _RESULT, codes)


def _duty_notices(notices: Iterable[dispatch.Notice], level: str, teller: Teller) -> Iterator[Message]:
    """Departments with a referral have their notice with it; others get theirs here, the circulation as a bare count.

    Copies of orders (N-8) go to everybody named. Notices that a person gives (N-11) are asked of the coordinator.
    """
    for notice in notices:
        if notice.status == "manual":
            yield from _by_hand(notice, level, teller)
        elif notice.status == "due" and notice.notice == _COPIES:
            yield from _copies(notice, level, teller)
        elif notice.status == "due":
            yield from _duty_notice(notice, level, teller)


def _by_hand(notice: dispatch.Notice, level: str, teller: Teller) -> Iterator[Message]:
    codes = _notice_codes(notice)
    for body in notice.bodies:
        if ("external_body", body) in teller.policy.labels:
            yield from teller.outside(body, level, notice.notice, codes, str(notice.notice_id or body))
        elif body not in _NOT_TOLD_BY_US and body not in teller.case.roles:
            yield from teller.queue(body, "duty_notice", level, notice.notice, codes, need_to_know=True)


def _copies(notice: dispatch.Notice, level: str, teller: Teller) -> Iterator[Message]:
    for body in notice.bodies:
        if body not in teller.case.blocked:
            codes = _notice_codes(notice)
            yield from teller.tell(body, "order_copy", level, notice.notice, codes, channels=QUIETLY)


def _duty_notice(notice: dispatch.Notice, level: str, teller: Teller) -> Iterator[Message]:
    rule = teller.policy.notices_by_id.get(notice.notice)
    masked = rule is not None and rule.masked
    kind, code = "circulation" if masked else "duty_notice", notice.notice
    for body in notice.bodies:
        if body in _NOT_TOLD_BY_US or body in teller.case.roles or body in teller.case.blocked:
            continue
        if ("external_body", body) in teller.policy.labels:
            yield from teller.outside(body, level, notice.notice)
        hidden = masked or body in teller.case.safety_only
        for unit in teller.scene.units(body):
            yield Message(kind, "organisation", unit.code, QUIETLY, level, code, {"notice": code}, code, hidden)


def _notice_codes(notice: dispatch.Notice) -> dict[str, str]:
    said = {
        "notice": notice.notice,
        "cause": notice.cause,
        "due_at": notice.due_at.isoformat() if notice.due_at else None,
        "notice_id": str(notice.notice_id) if notice.notice_id else None,
    }
    return {name: value for name, value in said.items() if value is not None}


RULES: Rules = {
    dispatch.ResponseOpened: _response_opened,
    dispatch.ResponseRevised: _response_revised,
    intake.ReportAmended: _report_amended,
}
