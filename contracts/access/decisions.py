"""The decision on one resource, and the same rule as a list filter."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contracts.access.doors import CASE_WIDE, COORDINATING, DEPUTISED, may
from contracts.access.subject import COORDINATOR, GOVERNMENT, VILLAGE, Subject

OPERATOR_SIGHT = timedelta(hours=24)
"""How long an operator sees what they entered (policy `data_protection.roles.hotline_operator`)."""

OF_THE_TOWNSHIP = (
    "directory.",
    "account.",
    "roster.",
    "session.",
    "desk.",
    "audit.",
    "inbox.",
    "ops.",
    "provider.",
    "programme.",
    "appraisal.",
    "contact.",
    "call.",
    "callback.",
    "transfer.",
    "register.",
    "survey.",
    "rescreen.",
    "policy.",
    "coverage.",
    "indicator.",
    "provider_task.",
    "budget.",
)
"""Actions that concern no single case: the door, the township and a conflict of interest decide."""


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


def decide(subject: Subject, action: str, resource: Resource) -> Decision:
    """May the subject perform `action` on this resource? First refusal wins; unknown actions are refused."""
    if not may(subject, action):
        return Denied("not_your_role")
    if resource.township != subject.township:
        return Denied("other_township", hidden=True)
    if resource.conflict_unit is not None and subject.department == resource.conflict_unit:
        return Denied("conflict_of_interest", hidden=True)
    if action.startswith(OF_THE_TOWNSHIP) or action == "report.create":
        return ALLOWED
    if subject.hotline:
        return _decide_hotline(subject, action, resource)
    if action.startswith("referral.") and action not in COORDINATING:
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
    if action in DEPUTISED and subject.department == GOVERNMENT:
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
    if subject.department == GOVERNMENT and (action in CASE_WIDE or subject.supervises or "grid_head" in subject.posts):
        return ALLOWED
    role = resource.departments.get(subject.department or "")
    if role is None:
        return Denied("no_role_in_case", hidden=True)
    if role == "inform" and action not in CASE_WIDE:
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
