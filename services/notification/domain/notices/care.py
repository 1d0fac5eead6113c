"""Help, money, placements and the road to closure. Departments without a part in the case learn their step, not which
case.
"""

from collections.abc import Iterator

from contracts import assistance
from services.notification.domain.case import TASK_ROLES
from services.notification.domain.message import Message
from services.notification.domain.notices.rule import Rules
from services.notification.domain.notices.teller import QUIETLY, Teller

_CATALOGUE, _MONEY, _PLACEMENT = "assistance.catalogue", "assistance.disbursement", "placement"


def _measure_changed(event: assistance.MeasureChanged, teller: Teller) -> Iterator[Message]:
    """Asked for: the owner. Refused: whoever coordinates must find another way. Other states ask nothing of anybody."""
    level = teller.case.level
    codes = {"measure_id": str(event.measure_id), "code": event.code}
    if event.state == "requested":
        if event.due_at is not None:
            codes["due_at"] = event.due_at.isoformat()
        channels = None if event.emergency else QUIETLY
        only = event.organisation if teller.scene.unit(event.organisation) else None
        yield from teller.tell(
            event.department, "measure_requested", level, _CATALOGUE, codes, only=only, channels=channels,
            need_to_know=True,
        )  # fmt: skip
        task = {"task": event.code} | {name: codes[name] for name in ("due_at",) if name in codes}
        yield from teller.provider(event.organisation, "measure_requested", level, task)
    elif event.state == "refused":
        codes["department"] = event.department
        yield from teller.queue(teller.case.coordinating, "measure_refused", level, _CATALOGUE, codes)


def _disbursement_changed(event: assistance.DisbursementChanged, teller: Teller) -> Iterator[Message]:
    """Money moves from desk to desk (D-5.8.1): the next one on its trail is told; at the end whoever coordinates."""
    rules, level = teller.policy.assistance.disbursement, teller.case.level
    codes = {
        "disbursement_id": str(event.disbursement_id),
        "budget_line": event.budget_line,
        "state": event.state,
    }
    following = {
        "requested": ("disbursement_to_approve", rules.approve_by),
        "approved": ("disbursement_to_pay", (rules.pay_by,)),
    }
    if event.state not in following:
        yield from teller.queue(teller.case.coordinating, "disbursement_changed", level, _MONEY, codes)
        return
    kind, departments = following[event.state]
    for department in departments:
        yield from teller.tell(department, kind, level, _MONEY, codes, channels=QUIETLY, need_to_know=True)


def _placement_changed(event: assistance.PlacementChanged, teller: Teller) -> Iterator[Message]:
    """Proposed: whoever decides. Afterwards: everybody with a task. Bodies outside are told by hand: dispatch owes that
    notice (N-11) and announces it, so it is not given twice.
    """
    level = teller.case.level
    codes = {"placement_id": str(event.placement_id), "kind": event.kind, "state": event.state}
    if event.state == "proposed":
        constraint = teller.policy.placement.constraints.get(event.kind)
        approver = (constraint.approved_by,) if constraint and constraint.approved_by else ()
        for target in dict.fromkeys((teller.case.coordinating, *approver)):
            yield from teller.tell(target, "placement_to_decide", level, _PLACEMENT, codes, channels=QUIETLY)
        return
    for department in teller.case.departments(TASK_ROLES):
        yield from teller.queue(department, "placement_changed", level, _PLACEMENT, codes)


def _closure_requested(event: assistance.ClosureRequested, teller: Teller) -> Iterator[Message]:
    """Who decides, and the parties that must agree first."""
    level, codes = teller.case.level, {"reason": event.reason, "closure_id": str(event.closure_id)}
    leader = ("responsible_leader",) if teller.is_top(teller.case.highest_level) else ()
    for target in dict.fromkeys((teller.case.coordinating, *leader, *event.concurrences)):
        yield from teller.tell(target, "closure_to_decide", level, "S12", codes, channels=QUIETLY)


def _closure_refused(event: assistance.ClosureRefused, teller: Teller) -> Iterator[Message]:
    codes = {"closure_id": str(event.closure_id), "open_items": ",".join(event.open_items)}
    for department in teller.case.departments(TASK_ROLES):
        yield from teller.queue(department, "closure_refused", teller.case.level, "S12", codes)


def _case_closed(event: assistance.CaseClosed, teller: Teller) -> Iterator[Message]:
    for department in teller.case.departments():
        yield from teller.queue(department, "case_closed", teller.case.level, "closure", {"reason": event.reason})


RULES: Rules = {
    assistance.MeasureChanged: _measure_changed,
    assistance.DisbursementChanged: _disbursement_changed,
    assistance.PlacementChanged: _placement_changed,
    assistance.ClosureRequested: _closure_requested,
    assistance.ClosureRefused: _closure_refused,
    assistance.CaseClosed: _case_closed,
}
