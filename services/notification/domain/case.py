"""What notification remembers of a case: enough to find its recipients, nothing about the child."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from contracts.access import COORDINATOR, VILLAGE
from contracts.dispatch import ReferralIssued, ResponseOpened, ResponseRevised, ReturnDecided
from contracts.envelope import Payload
from contracts.policy import Policy

TASK_ROLES = frozenset({"lead", "assist"})
CHANGES_FACTS = (ResponseOpened, ResponseRevised, ReturnDecided)
"""The events after which a case's recipients may be others."""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case as its last response left it. `roles` and `organisations` are per department with a referral; a department
    has several organisations where it has several units (two schools).
    """

    case_id: UUID
    case_number: str
    township: str
    policy_version: str
    level: str
    highest_level: str
    restricted: bool = False
    conflict_unit: str | None = None
    village: str | None = None
    group_code: str | None = None
    case_lead: str | None = None
    coordinator: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    organisations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def blocked(self) -> frozenset[str]:
        """Departments that must not be told: the unit with a conflict of interest, and the village in a restricted case."""
        units = {self.conflict_unit} if self.conflict_unit else set()
        return frozenset(units | ({VILLAGE} if self.restricted else set()))

    @property
    def coordinating(self) -> str:
        """The department that coordinates; civil affairs while no response says otherwise."""
        return self.coordinator or COORDINATOR

    def departments(self, roles: Iterable[str] | None = None) -> tuple[str, ...]:
        """Departments with a role in the case, or with one of `roles`."""
        wanted = None if roles is None else frozenset(roles)
        return tuple(unit for unit, role in self.roles.items() if wanted is None or role in wanted)


def undispatched(case_id: UUID, case_number: str | None, township: str, level: str | None, policy: Policy) -> CaseFacts:
    """A case without a response so far. What is not known is assumed at its safest: the highest level."""
    top = policy.highest(policy.ranks)
    return CaseFacts(
        case_id=case_id,
        case_number=case_number or str(case_id)[:8],
        township=township,
        policy_version=policy.policy_version,
        level=level or top,
        highest_level=top,
    )


def remembered(before: CaseFacts | None, event: Payload, policy: Policy) -> CaseFacts | None:
    """The facts after an event. Events that change none, or of a case nobody dispatched, leave them as they were."""
    match event:
        case ResponseOpened():
            roles, organisations = _of_referrals(event.referrals, {}, {})
            return CaseFacts(
                case_id=event.case_id,
                case_number=event.case_number,
                township=event.township,
                policy_version=event.policy_version,
                level=event.level,
                highest_level=policy.highest([event.level, *([before.highest_level] if before else [])]),
                restricted=event.restricted,
                conflict_unit=event.conflict_unit,
                village=event.place.village,
                group_code=event.place.group,
                case_lead=event.case_lead,
                coordinator=event.coordinator,
                roles=roles,
                organisations=organisations,
            )
        case ResponseRevised() if before:
            roles, organisations = _of_referrals(event.referrals, before.roles, before.organisations)
            return replace(
                before,
                level=event.level,
                highest_level=policy.highest([before.highest_level, event.level]),
                restricted=event.restricted,
                case_lead=event.case_lead,
                coordinator=event.coordinator,
                roles=roles,
                organisations=organisations,
            )
        case ReturnDecided() if before and event.upheld:
            units = tuple(u for u in before.organisations.get(event.department, ()) if u != event.organisation)
            roles = {unit: role for unit, role in before.roles.items() if unit != event.department or units}
            organisations = {**before.organisations, event.department: units}
            issued = (event.issued,) if event.issued else ()
            roles, organisations = _of_referrals(issued, roles, organisations)
            return replace(before, roles=roles, organisations=organisations)
        case _:
            return before


def _of_referrals(
    referrals: Iterable[ReferralIssued], roles: Mapping[str, str], organisations: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    known, units = dict(roles), dict(organisations)
    for referral in referrals:
        known[referral.department] = referral.role
        units[referral.department] = tuple(dict.fromkeys((*units.get(referral.department, ()), referral.organisation)))
    return known, units
