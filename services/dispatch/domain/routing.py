"""Routing: which department has which role for a report, and why (policy `routing`).

Per child: the matrix cell of each concern, then the raise rules, then the restricted whitelist, then conflict of
interest. The report's referrals are the union over its children; the strongest role wins.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from contracts.policy import Circumstances, Label, Policy

LEAD, ASSIST, INFORM = "lead", "assist", "inform"
SAFETY_ONLY = "SAFETY-ONLY"
"""The cause of a task that the police lead of a restricted case gives a department outside the whitelist."""
UNCLEAR_LEAD = "N12"
"""A report without any concern is routed as an unclear lead: nothing is screened out for thin information (D-1.1)."""


@dataclass(frozen=True, slots=True)
class ChildCase:
    """One child of the report: its own level and fired rules are inside the circumstances."""

    child_id: UUID
    circumstances: Circumstances


@dataclass(frozen=True, slots=True)
class Referral:
    """One department's part of a report.

    `because` names what gave the role, as `<concern or rule>:<role>`: `H1:lead`, `RAISE-RED:inform`, `CONFLICT:lead`,
    `RESTRICTED:lead`, `OUTSIDE:assist`, `SAFETY-ONLY:assist`. `notice_post` is the post that reads the notice.
    """

    department: str
    role: str
    children: tuple[UUID, ...]
    because: tuple[str, ...]
    masked: bool = False
    tasks: tuple[Label, ...] = ()
    notice_post: str | None = None


@dataclass(frozen=True, slots=True)
class Addition:
    """A part that no cell gives: added by hand or by a later fact. `cause` names it in `because`."""

    department: str
    role: str
    cause: str
    children: tuple[UUID, ...]
    task: Label | None = None

    @property
    def safety_only(self) -> bool:
        """Whether only the words of the task are meant for the department."""
        return self.cause == SAFETY_ONLY


@dataclass(frozen=True, slots=True)
class Routing:
    """The result for one report. `blocked` are the units with a conflict of interest: no role, no read."""

    referrals: tuple[Referral, ...]
    case_lead: str | None
    coordinator: str | None
    external_notices: tuple[str, ...]
    restricted: bool
    blocked: frozenset[str]
    outside: bool

    @property
    def roles(self) -> dict[str, str]:
        """Department → role."""
        return {referral.department: referral.role for referral in self.referrals}

    def role(self, department: str) -> str | None:
        """A department's role, or None."""
        return next((referral.role for referral in self.referrals if referral.department == department), None)

    def takes_part(self, department: str) -> bool:
        """Whether a department knows the case and so can owe its steps; a safety-only task does not make it one."""
        return any(one.department == department and not safety_only(one.because) for one in self.referrals)


def safety_only(because: Iterable[str]) -> bool:
    """Whether a referral is nothing but a safety-only task: its department learns no more than the task."""
    reasons = tuple(because)
    return bool(reasons) and all(reason.startswith(SAFETY_ONLY) for reason in reasons)


@dataclass(slots=True)
class _Grant:
    """What one department gets for one child while the rules are applied."""

    role: str
    because: list[str]
    masked: bool = False
    tasks: list[Label] = field(default_factory=list)
    notice_post: str | None = None


@dataclass(slots=True)
class _ChildRouting:
    child: ChildCase
    grants: dict[str, _Grant]
    leads: dict[str, str]
    """Concern → its lead."""


def route(
    children: Sequence[ChildCase],
    policy: Policy,
    *,
    found_outside_later: bool = False,
    additions: Sequence[Addition] = (),
) -> Routing:
    """Route one report. Each child is routed at its own level; restricted or conflict for one holds for all.

    `found_outside_later`: the child turned out to be outside the township after dispatch; the referrals go on as they
    were. `additions` are parts given beside the matrix; the restricted and conflict rules hold for them too, but for
    the safety-only tasks of a restricted case.
    """
    restricted = any(policy.compiled.restricted.holds(child.circumstances) for child in children)
    blocked = _conflict_units(children, policy)
    routed = []
    for child in children:
        outside = _is_outside(child) and not found_outside_later
        part = _outside(child, policy) if outside else _by_matrix(child, policy)
        if not outside:
            _raise(part, policy)
        mine = [one for one in additions if child.child_id in one.children]
        _add(part, (one for one in mine if not one.safety_only), policy)
        if restricted:
            _restrict(part, policy)
            absent = [one for one in mine if one.safety_only and one.department not in part.grants]
            _add(part, absent, policy)
        _replace_blocked(part, blocked, policy)
        routed.append(part)
    external = _inform_parents(routed, blocked, policy, masked=restricted)
    referrals = _union(routed, policy)
    return Routing(
        referrals=referrals,
        case_lead=_case_lead(routed, policy),
        coordinator=_coordinator(referrals, children, blocked, policy),
        external_notices=external,
        restricted=restricted,
        blocked=blocked,
        outside=not found_outside_later and all(_is_outside(child) for child in children),
    )


def _is_outside(child: ChildCase) -> bool:
    return child.circumstances.facts.get("outside_township") is True


def _conflict_units(children: Sequence[ChildCase], policy: Policy) -> frozenset[str]:
    unit = policy.routing.conflict_of_interest.unit
    return frozenset(
        str(child.circumstances.facts[unit])
        for child in children
        if policy.compiled.conflict.holds(child.circumstances)
    )


# One child -------------------------------------------------------------------------------------------------------


def _by_matrix(child: ChildCase, policy: Policy) -> _ChildRouting:
    part = _ChildRouting(child, {}, {})
    known = child.circumstances
    concerns = [concern for concern in policy.lead_priority if concern in known.concerns] or [UNCLEAR_LEAD]
    for concern in concerns:
        for department, entries in policy.compiled.matrix[concern]:
            entry = next((entry for entry in entries if entry.condition.holds(known)), None)
            if entry is None:
                continue
            grant = _give(part, department, entry.role, concern, policy)
            if entry.task is not None:
                grant.tasks.append(entry.task)
            if entry.role == LEAD:
                part.leads[concern] = department
    return part


def _outside(child: ChildCase, policy: Policy) -> _ChildRouting:
    """A child known to be outside the township: civil affairs transfers, police help if the level is high."""
    part = _ChildRouting(child, {}, {})
    rule = policy.risk.outside_township_handling.known_at_intake
    high = policy.compiled.named["level_hi"].holds(child.circumstances)
    roles = {**rule.referrals, **(rule.referrals_level_hi if high else {})}
    for department, role in roles.items():
        _give(part, department, role, "OUTSIDE", policy)
        if role == LEAD:
            part.leads.update(dict.fromkeys(child.circumstances.concerns or {UNCLEAR_LEAD}, department))
    return part


def _raise(part: _ChildRouting, policy: Policy) -> None:
    for rule in policy.compiled.raises:
        if not rule.condition.holds(part.child.circumstances):
            continue
        for department, role in rule.at_least.items():
            held = part.grants.get(department)
            if held is None or policy.role_ranks[held.role] < policy.role_ranks[role]:
                _give(part, department, role, rule.code, policy)
            if department in rule.notice_post:
                part.grants[department].notice_post = rule.notice_post[department]


def _add(part: _ChildRouting, additions: Iterable[Addition], policy: Policy) -> None:
    for one in additions:
        grant = _give(part, one.department, one.role, one.cause, policy)
        grant.masked = one.safety_only
        if one.task is not None and one.task not in grant.tasks:
            grant.tasks.append(one.task)


def _restrict(part: _ChildRouting, policy: Policy) -> None:
    """Only the whitelist stays. A case whose every lead was removed is led as if its lead were blocked."""
    known = part.child.circumstances
    for department, grant in list(part.grants.items()):
        allowed = policy.compiled.whitelist.get(department)
        if allowed is None or not allowed.condition.holds(known):
            del part.grants[department]
        elif allowed.at_most is not None:
            if policy.role_ranks[grant.role] > policy.role_ranks[allowed.at_most]:
                grant.role = allowed.at_most
            grant.masked = allowed.masked
    remaining = {concern: lead for concern, lead in part.leads.items() if lead in part.grants}
    if remaining or not part.leads:
        part.leads = remaining
    else:
        _take_over(part, part.leads, frozenset(part.leads.values()), "RESTRICTED", policy)


def _replace_blocked(part: _ChildRouting, blocked: frozenset[str], policy: Policy) -> None:
    for department in blocked:
        part.grants.pop(department, None)
    orphaned = {concern: lead for concern, lead in part.leads.items() if lead in blocked}
    if orphaned:
        _take_over(part, orphaned, blocked, "CONFLICT", policy)


def _take_over(part: _ChildRouting, concerns: Iterable[str], gone: frozenset[str], cause: str, policy: Policy) -> None:
    """Concerns whose lead is gone get the first of the policy's replacements that is not gone itself."""
    order: list[str] = policy.routing.conflict_of_interest.lead_if_blocked["order"]
    substitute = next((department for department in order if department not in gone), None)
    if substitute is None:
        return
    _give(part, substitute, LEAD, cause, policy).masked = False
    for concern in list(concerns):
        part.leads[concern] = substitute


def _give(part: _ChildRouting, department: str, role: str, cause: str, policy: Policy) -> _Grant:
    reason = f"{cause}:{role}"
    grant = part.grants.get(department)
    if grant is None:
        grant = part.grants[department] = _Grant(role, [reason])
    else:
        grant.because.append(reason)
        if policy.role_ranks[role] > policy.role_ranks[grant.role]:
            grant.role = role
    return grant


# The whole report ------------------------------------------------------------------------------------------------


def _inform_parents(
    routed: list[_ChildRouting], blocked: frozenset[str], policy: Policy, *, masked: bool
) -> tuple[str, ...]:
    """Above a blocked unit: a township department gets at least inform, an external body a manual notice."""
    external: dict[str, None] = {}
    for unit in sorted(blocked & policy.departments_by_code.keys()):
        parent = policy.departments_by_code[unit].parent_body
        while parent in blocked:
            parent = policy.departments_by_code[parent].parent_body
        if parent in policy.departments_by_code:
            for part in routed:
                grant = _give(part, parent, INFORM, "CONFLICT", policy)
                grant.masked = masked and grant.role == INFORM
        else:
            external[parent] = None
    return tuple(external)


def _union(routed: list[_ChildRouting], policy: Policy) -> tuple[Referral, ...]:
    referrals = []
    for department in policy.departments_by_code:
        held = [(part.child.child_id, part.grants[department]) for part in routed if department in part.grants]
        if not held:
            continue
        grants = [grant for _, grant in held]
        strongest = max((grant.role for grant in grants), key=policy.role_ranks.__getitem__)
        referrals.append(
            Referral(
                department=department,
                role=strongest,
                children=tuple(child_id for child_id, _ in held),
                because=tuple(dict.fromkeys(reason for grant in grants for reason in grant.because)),
                masked=all(grant.masked for grant in grants),
                tasks=tuple(dict.fromkeys(task for grant in grants for task in grant.tasks)),
                notice_post=next((grant.notice_post for grant in grants if grant.notice_post), None),
            )
        )
    return tuple(sorted(referrals, key=lambda referral: -policy.role_ranks[referral.role]))


def _case_lead(routed: list[_ChildRouting], policy: Policy) -> str | None:
    """Lead of the concern that stands first in `lead_priority`; between children the one at the higher level."""
    by_level = sorted(routed, key=lambda part: -policy.ranks.get(part.child.circumstances.level or "", -1))
    for concern in policy.lead_priority:
        for part in by_level:
            if concern in part.leads:
                return part.leads[concern]
    return None


def _coordinator(
    referrals: tuple[Referral, ...], children: Sequence[ChildCase], blocked: frozenset[str], policy: Policy
) -> str | None:
    rule = policy.routing.coordinator
    acting = sum(referral.role in rule.counts for referral in referrals)
    high = any(child.circumstances.level in rule.or_level for child in children)
    if acting < rule.when_departments_at_least and not high:
        return None
    if rule.department in blocked:
        return str(policy.routing.conflict_of_interest.coordinator_if_blocked["department"])
    return rule.department


# Routing again ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoutingChange:
    """How two routings of one case differ: departments newly there, stronger, weaker, and gone."""

    added: tuple[str, ...]
    raised: tuple[str, ...]
    lowered: tuple[str, ...]
    removed: tuple[str, ...]


def compare(before: Routing, after: Routing, policy: Policy) -> RoutingChange:
    """What changed from one routing to the next."""
    old, new, rank = before.roles, after.roles, policy.role_ranks
    both = [department for department in new if department in old]
    return RoutingChange(
        added=tuple(department for department in new if department not in old),
        raised=tuple(department for department in both if rank[new[department]] > rank[old[department]]),
        lowered=tuple(department for department in both if rank[new[department]] < rank[old[department]]),
        removed=tuple(department for department in old if department not in new),
    )


def keep_roles(before: Routing, after: Routing, policy: Policy) -> Routing:
    """`after`, but no department loses what it already has except by the restricted and conflict rules.

    A running case is routed again when its level or facts change; the roles given stay (policy `routing.combine`).
    """
    referrals: Mapping[str, Referral] = {referral.department: referral for referral in after.referrals}
    merged = dict(referrals)
    for old in before.referrals:
        if old.department in after.blocked:
            continue
        new = referrals.get(old.department)
        if new is None:
            if not after.restricted or before.restricted:
                merged[old.department] = old
        elif policy.role_ranks[old.role] > policy.role_ranks[new.role] and not (after.restricted and new.masked):
            merged[old.department] = _stronger(old, new)
    order = list(policy.departments_by_code)
    ranked = sorted(merged.values(), key=lambda r: (-policy.role_ranks[r.role], order.index(r.department)))
    return Routing(
        referrals=tuple(ranked),
        case_lead=after.case_lead,
        coordinator=after.coordinator or (before.coordinator if before.coordinator not in after.blocked else None),
        external_notices=tuple(dict.fromkeys((*before.external_notices, *after.external_notices))),
        restricted=after.restricted,
        blocked=after.blocked,
        outside=after.outside,
    )


def _stronger(old: Referral, new: Referral) -> Referral:
    """The old role with everything the new routing adds: children, reasons, tasks."""
    return Referral(
        department=old.department,
        role=old.role,
        children=tuple(dict.fromkeys((*old.children, *new.children))),
        because=tuple(dict.fromkeys((*old.because, *new.because))),
        masked=old.masked and new.masked,
        tasks=tuple(dict.fromkeys((*old.tasks, *new.tasks))),
        notice_post=new.notice_post or old.notice_post,
    )
