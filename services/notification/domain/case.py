"""What notification remembers of a case: enough to find its recipients, nothing about the child."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from contracts.access import COORDINATOR, VILLAGE
from contracts.dispatch import ReferralIssued, ReferralRevoked, ResponseOpened, ResponseRevised, ReturnDecided
from contracts.envelope import Payload
from contracts.policy import Policy
from contracts.vocabulary import Place

TASK_ROLES = frozenset({"lead", "assist"})
CHANGES_FACTS = (ResponseOpened, ResponseRevised, ReturnDecided, ReferralRevoked)
"""The events after which a case's recipients may be others."""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case as its last response left it. `roles` and `organisations` are per department with a referral; a department
    has several organisations where it has several units (two schools). `safety_only` departments have a task but no role:
    they learn its words and nothing of the case. `case_id` None: something that belongs to no case.
    """

    case_id: UUID | None
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
    referrals: Mapping[str, str] = field(default_factory=dict)
    withdrawn: frozenset[str] = frozenset()
    safety_only: frozenset[str] = frozenset()

    @property
    def blocked(self) -> frozenset[str]:
        """Departments that must not be told: the barred ones, and those whose referral was withdrawn."""
        return self.withdrawn | self.barred

    @property
    def barred(self) -> frozenset[str]:
        """Departments that may never know: in conflict of interest, and the village in a restricted case."""
        return frozenset({self.conflict_unit} if self.conflict_unit else set()) | (
            {VILLAGE} if self.restricted else set()
        )

    @property
    def coordinating(self) -> str:
        """The department that coordinates; civil affairs while no response says otherwise."""
        return self.coordinator or COORDINATOR

    def departments(self, roles: Iterable[str] | None = None) -> tuple[str, ...]:
        """Departments with a role in the case, or with one of `roles`."""
        wanted = None if roles is None else frozenset(roles)
        return tuple(unit for unit, role in self.roles.items() if wanted is None or role in wanted)


def undispatched(
    case_id: UUID | None,
    case_number: str | None,
    township: str,
    level: str | None,
    policy: Policy,
    place: Place | None = None,
) -> CaseFacts:
    """A case without a response so far, or no case. What is not known is assumed at its safest: the highest level."""
    top = policy.highest(policy.ranks)
    return CaseFacts(
        case_id=case_id,
        case_number=case_number or (str(case_id)[:8] if case_id else ""),
        township=township,
        policy_version=policy.policy_version,
        level=level or top,
        highest_level=top,
        village=place.village if place else None,
        group_code=place.group if place else None,
    )


def remembered(before: CaseFacts | None, event: Payload, policy: Policy) -> CaseFacts | None:
    """The facts after an event. Events that change none, or of a case nobody dispatched, leave them as they were."""
    match event:
        case ResponseOpened():
            opened = CaseFacts(
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
            )
            return _joined(opened, event.referrals)
        case ResponseRevised() if before:
            revised = replace(
                before,
                level=event.level,
                highest_level=policy.highest([before.highest_level, event.level]),
                restricted=event.restricted,
                case_lead=event.case_lead,
                coordinator=event.coordinator,
            )
            if event.place is not None:
                revised = replace(revised, village=event.place.village, group_code=event.place.group)
            return _joined(_withdrawn(revised, event.withdrawn), event.referrals)
        case ReferralRevoked() if before:
            return _withdrawn(before, (event.referral_id,))
        case ReturnDecided() if before and event.upheld:
            return _joined(_left(before, (event.referral_id,)), (event.issued,) if event.issued else ())
        case _:
            return before


def _joined(case: CaseFacts, referrals: Iterable[ReferralIssued]) -> CaseFacts:
    """The case with these referrals added; a department that gets one may know the case again, unless it is safety-only."""
    issued = tuple(referrals)
    parts = {referral.department: referral.role for referral in issued if not referral.safety_only}
    safety_only = {referral.department for referral in issued} - parts.keys()
    organisations = dict(case.organisations)
    for referral in issued:
        units = (*organisations.get(referral.department, ()), referral.organisation)
        organisations[referral.department] = tuple(dict.fromkeys(units))
    return replace(
        case,
        roles={**{unit: role for unit, role in case.roles.items() if unit not in safety_only}, **parts},
        organisations=organisations,
        referrals={**case.referrals, **{str(referral.referral_id): referral.organisation for referral in issued}},
        withdrawn=case.withdrawn - parts.keys(),
        safety_only=(case.safety_only | safety_only) - parts.keys(),
    )


def _withdrawn(case: CaseFacts, referrals: Iterable[UUID]) -> CaseFacts:
    """The case without these referrals, and closed to the departments that have none left."""
    left = _left(case, referrals)
    return replace(left, withdrawn=left.withdrawn | (case.roles.keys() - left.roles.keys()))


def _left(case: CaseFacts, referrals: Iterable[UUID]) -> CaseFacts:
    """The case without these referrals; a department keeps its role while another unit of it has one."""
    ended = {str(referral) for referral in referrals}
    kept = {referral: unit for referral, unit in case.referrals.items() if referral not in ended}
    organisations = {
        department: present
        for department, units in case.organisations.items()
        if (present := tuple(unit for unit in units if unit in kept.values()))
    }
    roles = {department: role for department, role in case.roles.items() if department in organisations}
    tasks = case.safety_only & organisations.keys()
    return replace(case, roles=roles, organisations=organisations, referrals=kept, safety_only=tasks)
