"""Who may do what: one pure policy, used for single requests and for list filters alike
(policy `data_protection.roles`).

`may` is the coarse check at the door (could this person ever do it), `decide` the check on one resource, `scope` the
same rule as a value that a store turns into a SQL predicate. A property test holds `decide` and `scope` together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from contracts.vocabulary import Actor

OPERATOR_SIGHT = timedelta(hours=24)
"""How long an operator sees what they entered (policy `data_protection.roles.hotline_operator`)."""

HOTLINE_POSTS = frozenset({"hotline_operator", "hotline_shift_leader"})
VILLAGE = "village_committee"
COORDINATOR = "civil_affairs"
GOVERNMENT = "township_government"


@dataclass(frozen=True, slots=True)
class Subject:
    """An authenticated person or API client: ids, department and posts from its token, nothing personal."""

    kind: Literal["person", "client"]
    account: str
    township: str
    staff: str | None = None
    organisation: str | None = None
    department: str | None = None
    posts: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    villages: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> "Subject":
        """Read a verified token's claims. Raises KeyError when the issuer left out account or township."""
        return cls(
            kind="client" if claims.get("kind") == "client" else "person",
            account=str(claims["sub"]),
            township=str(claims["township"]),
            staff=claims.get("staff"),
            organisation=claims.get("org"),
            department=claims.get("dept"),
            posts=frozenset(claims.get("posts", ())),
            scopes=frozenset(claims.get("scopes", ())),
            villages=frozenset(claims.get("villages", ())),
            groups=frozenset(claims.get("groups", ())),
        )

    def actor(self) -> Actor:
        """The subject as events record it."""
        return Actor(
            kind=self.kind,
            account=self.account,
            staff=self.staff,
            organisation=self.organisation,
            department=self.department,
        )

    @property
    def hotline(self) -> bool:
        return bool(self.posts & HOTLINE_POSTS)

    @property
    def grid_only(self) -> bool:
        """A grid member or group head who holds no village post sees the own grid only."""
        return (
            self.department == VILLAGE
            and bool(self.groups)
            and not self.posts & {"child_director", "village_director", "village_responsible"}
        )

    @property
    def supervises(self) -> bool:
        return bool(self.posts & {"civil_affairs_supervisor", "responsible_leader", "township_head"})


@dataclass(frozen=True, slots=True)
class Resource:
    """What a decision is about. `departments` maps every department with a role in the case to that role."""

    township: str
    department: str | None = None
    organisation: str | None = None
    village: str | None = None
    group: str | None = None
    role: str | None = None
    level: str | None = None
    restricted: bool = False
    conflict_unit: str | None = None
    case_lead: str | None = None
    departments: Mapping[str, str] = field(default_factory=dict)
    entered_by: str | None = None
    entered_at: datetime | None = None
    now: datetime | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The act is permitted."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The act is refused; `reason` is a stable code. `hidden` = the subject may not even learn that it exists."""

    reason: str
    hidden: bool = False


Decision = Allowed | Denied
ALLOWED = Allowed()


@dataclass(frozen=True, slots=True)
class Scope:
    """A list filter. `everything` within the township, else rows of `organisation`, narrowed to villages or groups.

    `covers` says what the filter means for one row; a store turns the same fields into SQL.
    """

    township: str
    everything: bool = False
    organisation: str | None = None
    groups: frozenset[str] | None = None
    unrestricted_only: bool = False
    not_in_conflict_with: str | None = None

    def covers(self, row: Resource) -> bool:
        """Whether a row belongs in the list."""
        return (
            row.township == self.township
            and (self.everything or row.organisation == (self.organisation or ""))
            and (self.groups is None or row.group in self.groups)
            and not (self.unrestricted_only and row.restricted)
            and (self.not_in_conflict_with is None or row.conflict_unit != self.not_in_conflict_with)
        )


def _anyone(_: Subject) -> bool:
    return True


def _department(subject: Subject) -> bool:
    return subject.department is not None


def _civil_affairs(subject: Subject) -> bool:
    return subject.department == COORDINATOR


def _lead_or_coordinator(subject: Subject) -> bool:
    return subject.department is not None


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
    "level.raise": lambda s: s.hotline or _department(s),
    "level.propose_lowering": _department,
    "level.approve_lowering": lambda s: _supervisor(s) or _deputises(s),
    "plan.read": _department,
    "plan.agree": _civil_affairs,
    "visit.record": _department,
    "visit.read": _department,
    "closure.propose": lambda s: s.department in {VILLAGE, COORDINATOR},
    "closure.concur": lambda s: s.department == "police" or "responsible_leader" in s.posts,
    "closure.decide": lambda s: _civil_affairs(s) or _deputises(s),
    "closure.read": _department,
    "notice.list": _department,
    "inbox.read": _anyone,
    "directory.read": _anyone,
    "directory.write": _admin,
    "roster.write": lambda s: _admin(s) or s.supervises,
    "account.write": _admin,
    "audit.read": lambda s: "auditor" in s.posts or _supervisor(s),
    "ops.parked": _admin,
}

_NEEDS_SCOPE = {"report.create": "reports:create", "referral.list": "referrals:read", "referral.read": "referrals:read"}
_CASE_WIDE = frozenset({"case.read", "case.list", "case.timeline", "response.read", "assessment.read", "closure.read"})
_DEPUTISED = frozenset({"level.approve_lowering", "closure.decide", "referral.decide_return"})
ACTIONS = frozenset(_DOOR)


def may(subject: Subject, action: str) -> bool:
    """Could this subject ever perform `action`? API clients also need the scope. Unknown actions: no."""
    door = _DOOR.get(action)
    if door is None or not door(subject):
        return False
    if subject.kind == "person":
        return True
    wanted = _NEEDS_SCOPE.get(action)
    if wanted is None:
        wanted = (
            "referrals:act" if action.startswith(("referral.", "note.create", "visit.record")) else "referrals:read"
        )
    return wanted in subject.scopes


def decide(subject: Subject, action: str, resource: Resource) -> Decision:
    """May the subject perform `action` on this resource? First refusal wins; unknown actions are refused."""
    if not may(subject, action):
        return Denied("not_your_role")
    if resource.township != subject.township:
        return Denied("other_township", hidden=True)
    if resource.conflict_unit is not None and subject.department == resource.conflict_unit:
        return Denied("conflict_of_interest", hidden=True)
    if (
        action.startswith(("directory.", "account.", "roster.", "audit.", "inbox.", "ops."))
        or action == "report.create"
    ):
        return ALLOWED
    if subject.hotline:
        return _decide_hotline(subject, action, resource)
    if action.startswith("referral.") and action != "referral.decide_return":
        return _decide_referral(subject, action, resource)
    return _decide_case(subject, action, resource)


def _decide_hotline(subject: Subject, action: str, resource: Resource) -> Decision:
    if resource.restricted and resource.entered_by != subject.account:
        return Denied("restricted_case", hidden=True)
    if action != "file.read":
        return ALLOWED
    recent = (
        resource.entered_by == subject.account
        and resource.entered_at is not None
        and resource.now is not None
        and resource.now - resource.entered_at <= OPERATOR_SIGHT
    )
    return ALLOWED if recent else Denied("operator_sight_over")


def _decide_referral(subject: Subject, action: str, resource: Resource) -> Decision:
    if resource.restricted and subject.department == VILLAGE:
        return Denied("restricted_case", hidden=True)
    own = resource.organisation == subject.organisation
    if not own and subject.department == COORDINATOR and action in {"referral.list", "referral.read"}:
        return ALLOWED
    if not own:
        return Denied("other_organisation", hidden=True)
    if subject.grid_only and resource.group not in subject.groups:
        return Denied("other_grid", hidden=True)
    return ALLOWED


def _decide_case(subject: Subject, action: str, resource: Resource) -> Decision:
    if action in _DEPUTISED and subject.department == GOVERNMENT:
        return ALLOWED if resource.conflict_unit == COORDINATOR else Denied("not_your_role")
    if subject.department == VILLAGE:
        if resource.restricted:
            return Denied("restricted_case", hidden=True)
        if resource.village not in subject.villages:
            return Denied("other_village", hidden=True)
        if subject.grid_only and resource.group not in subject.groups:
            return Denied("other_grid", hidden=True)
        return ALLOWED
    if subject.department == COORDINATOR or "auditor" in subject.posts:
        return ALLOWED
    if subject.department == GOVERNMENT and (
        action in _CASE_WIDE or subject.supervises or "grid_head" in subject.posts
    ):
        return ALLOWED
    role = resource.departments.get(subject.department or "")
    if role is None:
        return Denied("no_role_in_case", hidden=True)
    if role == "inform" and action not in _CASE_WIDE:
        return Denied("informed_only")
    return ALLOWED


def scope(subject: Subject, action: str) -> Scope:
    """The rows of a referral list that `decide` would allow. A subject who may not list at all gets nothing to match."""
    if not may(subject, action):
        return Scope(township=subject.township, organisation="")
    if subject.department == COORDINATOR:
        return Scope(township=subject.township, everything=True, not_in_conflict_with=COORDINATOR)
    return Scope(
        township=subject.township,
        organisation=subject.organisation or "",
        groups=subject.groups if subject.grid_only else None,
        unrestricted_only=subject.department == VILLAGE,
        not_in_conflict_with=subject.department,
    )
