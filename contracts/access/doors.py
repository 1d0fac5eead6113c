"""The doors: which action a subject could ever perform, before any single case is looked at."""

from collections.abc import Callable

from contracts.access.subject import COORDINATOR, GOVERNMENT, VILLAGE, Subject


def _anyone(_: Subject) -> bool:
    return True


def _department(subject: Subject) -> bool:
    return subject.department is not None


def _civil_affairs(subject: Subject) -> bool:
    return subject.department == COORDINATOR


def _lead_or_coordinator(subject: Subject) -> bool:
    return subject.department is not None


def _carries_lines(subject: Subject) -> bool:
    """Who hands contacts over between lines and areas: the hotline (A), the police behind 110 (B), civil affairs."""
    return subject.hotline or subject.department in {COORDINATOR, "police"}


def _supervisor(subject: Subject) -> bool:
    return "civil_affairs_supervisor" in subject.posts


def _government(subject: Subject) -> bool:
    """The township government coordinates where civil affairs is blocked; the response itself says when that is so."""
    return subject.department == GOVERNMENT


def _deputises(subject: Subject) -> bool:
    """The responsible leader decides what civil affairs would where civil affairs has a conflict of interest."""
    return subject.department == GOVERNMENT and "responsible_leader" in subject.posts


def _admin(subject: Subject) -> bool:
    return "admin" in subject.posts


_DOOR: dict[str, Callable[[Subject], bool]] = {
    "report.create": lambda s: s.hotline or _department(s) or "reports:create" in s.scopes,
    "report.read": lambda s: s.hotline or _department(s),
    "case.read": lambda s: s.hotline or _department(s) or "auditor" in s.posts,
    "case.list": lambda s: s.hotline or _department(s) or "auditor" in s.posts,
    "case.timeline": lambda s: s.hotline or _department(s) or "auditor" in s.posts,
    "file.read": lambda s: s.hotline or _department(s),
    "file.search": lambda s: s.hotline or s.department in {COORDINATOR, "police"},
    "note.create": lambda s: s.hotline or _department(s),
    "note.read": _department,
    "referral.list": _department,
    "referral.read": _department,
    "referral.acknowledge": _department,
    "referral.return": _department,
    "referral.decide_return": lambda s: _civil_affairs(s) or _government(s),
    "referral.report_arrival": _department,
    "referral.confirm_safety": _lead_or_coordinator,
    "referral.record_assessment": lambda s: _civil_affairs(s) or _government(s),
    "referral.notify_guardian": _lead_or_coordinator,
    "referral.give_feedback": lambda s: s.department in {COORDINATOR, GOVERNMENT, "police"},
    "referral.complete": _department,
    "response.read": lambda s: s.hotline or _department(s) or "auditor" in s.posts,
    "deadline.list": _department,
    "assessment.read": lambda s: s.hotline or _department(s),
    "assessment.review": lambda s: s.department in {VILLAGE, COORDINATOR, GOVERNMENT} and not s.grid_only,
    "level.raise": lambda s: s.hotline or _department(s),
    "level.propose_lowering": _department,
    "level.approve_lowering": lambda s: _supervisor(s) or _deputises(s),
    "plan.read": _department,
    "plan.agree": lambda s: _civil_affairs(s) or _deputises(s),
    "visit.record": _department,
    "visit.read": _department,
    "closure.propose": lambda s: s.department in {VILLAGE, COORDINATOR},
    "closure.concur": lambda s: s.department == "police" or "responsible_leader" in s.posts,
    "closure.decide": lambda s: _civil_affairs(s) or _deputises(s),
    "closure.read": _department,
    "after_case_review.read": _department,
    "after_case_review.record": lambda s: _civil_affairs(s) or _deputises(s),
    "notice.list": _department,
    "inbox.read": _anyone,
    "directory.read": _anyone,
    "directory.write": _admin,
    "roster.write": lambda s: _admin(s) or s.supervises,
    "account.write": _admin,
    "session.own": _anyone,
    "desk.read": _anyone,
    "provider.read": lambda s: _department(s) or _admin(s),
    "provider.write": lambda s: _admin(s) or _civil_affairs(s),
    "programme.read": _anyone,
    "programme.write": _department,
    "programme.plan": lambda s: _civil_affairs(s) or s.supervises or _admin(s),
    "appraisal.record": lambda s: _civil_affairs(s) or s.supervises,
    "appraisal.reply": _department,
    "contact.create": lambda s: s.hotline or _department(s) or "reports:create" in s.scopes,
    "contact.list": lambda s: s.hotline or _civil_affairs(s),
    "call.log": lambda s: s.hotline or "reports:create" in s.scopes,
    "callback.settle": lambda s: s.hotline or _civil_affairs(s),
    "transfer.list": _carries_lines,
    "transfer.create": _carries_lines,
    "transfer.acknowledge": _carries_lines,
    "report.amend": lambda s: s.hotline or _department(s),
    "person.search": lambda s: s.hotline or s.department in {COORDINATOR, "police"},
    "person.read": lambda s: s.hotline or _department(s),
    "person.merge": _civil_affairs,
    "family.write": lambda s: s.hotline or s.department in {COORDINATOR, VILLAGE, "police"},
    "tag.write": lambda s: s.department in {COORDINATOR, VILLAGE, "school", "justice"},
    "register.read": _department,
    "register.export": _department,
    "survey.import": lambda s: s.department in {COORDINATOR, VILLAGE, "justice"} or _admin(s),
    "survey.read": lambda s: _department(s) or _admin(s),
    "signal.record": lambda s: s.hotline or _department(s),
    "reassessment.list": _department,
    "rescreen.run": lambda s: _supervisor(s) or _admin(s),
    "policy.read": _anyone,
    "policy.what_if": lambda s: s.supervises or _admin(s),
    "referral.add": lambda s: _civil_affairs(s) or _government(s) or s.department == "police",
    "referral.revoke": lambda s: _civil_affairs(s) or _government(s),
    "referral.reroute": lambda s: _civil_affairs(s) or _government(s),
    "referral.see_amendment": _department,
    "referral.ask_extension": _department,
    "extension.decide": lambda s: _civil_affairs(s) or _deputises(s),
    "response.propose_pause": _department,
    "response.pause": lambda s: _supervisor(s) or _deputises(s),
    "response.resume": lambda s: _civil_affairs(s) or _deputises(s),
    "case.urge": lambda s: s.supervises or _civil_affairs(s),
    "supervision.order": lambda s: s.supervises,
    "supervision.reply": _department,
    "supervision.read": _department,
    "notice.give": _department,
    "escalation.rehearse": lambda s: s.supervises or _admin(s),
    "routing.preview": lambda s: s.hotline or _department(s),
    "coverage.read": lambda s: s.supervises or _admin(s),
    "measure.request": _department,
    "measure.act": _department,
    "measure.read": _department,
    "eligibility.read": _department,
    "budget.read": lambda s: s.department in {COORDINATOR, GOVERNMENT, "finance"},
    "budget.write": lambda s: s.department in {GOVERNMENT, "finance"},
    "disbursement.request": _department,
    "disbursement.approve": lambda s: s.department in {COORDINATOR, GOVERNMENT},
    "disbursement.pay": lambda s: s.department == "finance",
    "disbursement.read": lambda s: s.department in {COORDINATOR, GOVERNMENT, "finance"},
    "conference.record": lambda s: _civil_affairs(s) or _deputises(s),
    "conference.read": _department,
    "ladder.record": _department,
    "ladder.check": _department,
    "ladder.read": _department,
    "placement.propose": _department,
    "placement.decide": lambda s: _civil_affairs(s) or "responsible_leader" in s.posts,
    "placement.act": lambda s: s.department in {COORDINATOR, VILLAGE, "police"} or "responsible_leader" in s.posts,
    "placement.read": _department,
    "review.record": lambda s: _civil_affairs(s) or s.supervises,
    "provider_task.list": lambda s: s.provider,
    "provider_task.report": lambda s: s.provider,
    "indicator.read": lambda s: _department(s) or s.supervises or "auditor" in s.posts,
    "audit.read": lambda s: "auditor" in s.posts or _supervisor(s),
    "admin.open": lambda s: _admin(s) or s.supervises or "auditor" in s.posts,
    "notice.ledger": lambda s: _admin(s) or s.supervises,
    "ops.parked": _admin,
    "ops.health": lambda s: _admin(s) or s.supervises or _department(s) or "auditor" in s.posts,
}

_NEEDS_SCOPE = {
    **dict.fromkeys(("referral.list", "referral.read"), "referrals:read"),
    **dict.fromkeys(("report.create", "report.amend", "contact.create", "call.log"), "reports:create"),
    "signal.record": "referrals:act",
    **dict.fromkeys(("transfer.list", "transfer.create", "transfer.acknowledge"), "reports:create"),
}
CASE_WIDE = frozenset(
    {
        "case.read",
        "case.list",
        "case.timeline",
        "response.read",
        "assessment.read",
        "signal.record",
        "closure.read",
        "measure.read",
        "ladder.read",
        "conference.read",
    }
)
COORDINATING = frozenset({"referral.decide_return", "referral.add", "referral.revoke", "referral.reroute"})
"""Acts on other departments' referrals: the whole case decides, not whose referral it is."""
DEPUTISED = COORDINATING | {
    "level.approve_lowering",
    "closure.decide",
    "extension.decide",
    "response.pause",
    "response.resume",
    "plan.agree",
    "conference.record",
    "after_case_review.record",
}
ACTIONS = frozenset(_DOOR)
PROVIDERS_MAY = frozenset({"provider_task.list", "provider_task.report", "inbox.read", "session.own", "desk.read"})
"""All a provider may ever do (policy `data_protection.roles`): own tasks, own messages, own session, a unit's desk number."""


_ACTS = (
    "referral.",
    "note.create",
    "visit.record",
    "plan.agree",
    "measure.act",
    "measure.request",
    "conference.record",
    "disbursement.request",
    "disbursement.approve",
    "disbursement.pay",
    "budget.write",
)
"""Beginnings of the actions for which an API client needs the scope to act."""


def may(subject: Subject, action: str) -> bool:
    """Could this subject ever perform `action`? API clients also need the scope. Unknown actions: no."""
    door = _DOOR.get(action)
    if door is None or not door(subject) or (subject.provider and action not in PROVIDERS_MAY):
        return False
    if subject.kind == "person":
        return True
    wanted = _NEEDS_SCOPE.get(action)
    if wanted is None:
        wanted = "referrals:act" if action.startswith(_ACTS) else "referrals:read"
    return wanted in subject.scopes
