"""What scoring knows of one case, and who may see it: pure values.

A case is one family file: the children of its reports share a response (policy `several_children`). Every child has a
level in force; the case's is the highest of them. Both only rise by themselves; people lower them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.access import COORDINATOR, OPERATOR_SIGHT, Resource, Subject
from contracts.vocabulary import Fact, Reporter

NOT_LOCATED = "not_located_by_s5"
SIGHTING_STEPS = frozenset({"S5a", "S5b", "S5c"})
"""The steps whose earliest deadline tests rule O8 (policy `risk.plus_one`)."""
CARE_STEPS = frozenset({"S4", "S5a", "S5b", "S5c", "S5p", "S6", "S8", "S9", "S10", "S11"})
"""The steps whose time limit a lowering must respect: what is done for the child. Notices, feedback and the closure
decision do not say how dangerous things are."""


@dataclass(frozen=True, slots=True)
class Child:
    """The merged intake of one child, and its level in force (None before the first assessment)."""

    child_id: UUID
    case_id: UUID
    case_number: str
    concerns: tuple[str, ...]
    facts: dict[str, Fact]
    answers: dict[str, str]
    level: str | None = None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One case in its current round. `overdue` are care steps that passed their limit and are not done, by deadline id.

    `household` are the other open cases under the same roof (O7), `placements` the running placement by child,
    `reviewed_at` when a person last assessed, `rescreened` the last half-yearly rescreen ("2026-03"). `policy_version` is
    the one its scores are made with. `version` counts what people may have looked at: levels and proposals.
    `assessment_id` is the latest assessment.
    """

    case_id: UUID
    case_number: str
    response_no: int
    state: Literal["open", "closed"]
    township: str
    village: str | None
    group_code: str | None
    level: str
    computed_level: str
    restricted: bool
    provisional: bool
    case_lead: str | None
    departments: dict[str, str]
    reporters: tuple[Reporter, ...]
    children: tuple[Child, ...]
    policy_version: str
    received_at: datetime
    entered_by: str | None
    entered_at: datetime
    child_seen_at: datetime | None
    overdue: dict[str, str]
    household: tuple[UUID, ...]
    placements: dict[str, str]
    reviewed_at: datetime | None
    rescreened: str | None
    assessment_id: UUID | None
    version: int

    @property
    def conflict_units(self) -> frozenset[str]:
        """Units the alleged harmers belong to (policy `conflict_of_interest`)."""
        return frozenset(str(child.facts["conflict_unit"]) for child in self.children if "conflict_unit" in child.facts)

    @property
    def child_seen(self) -> bool:
        """Whether a child of this case was seen since this round began."""
        return self.child_seen_at is not None and self.child_seen_at >= self.received_at

    @property
    def mandated(self) -> bool:
        """Whether anybody with a duty to report reported this round."""
        return any(reporter.mandated for reporter in self.reporters)


# Who may see it ----------------------------------------------------------------------------------------------------


def resource(file: CaseFile, subject: Subject, now: datetime) -> Resource:
    """The case as the access policy sees it, for this subject."""
    units = file.conflict_units
    blocked = subject.department if subject.department in units else next(iter(sorted(units)), None)
    return Resource(
        township=file.township,
        village=file.village,
        group=file.group_code,
        level=file.level,
        restricted=file.restricted,
        conflict_unit=blocked,
        case_lead=file.case_lead,
        departments=file.departments,
        entered_by=file.entered_by,
        entered_at=file.entered_at,
        now=now,
    )


def sees_inputs(file: CaseFile, subject: Subject, now: datetime) -> bool:
    """Facts, answers and their points are personal data (class P2): for those with a task in the case, the coordinator,
    and for a day the operator who typed them. Everybody else who may read the case sees level and rules (class P3)."""
    if subject.hotline:
        return file.entered_by == subject.account and now - file.entered_at <= OPERATOR_SIGHT
    if subject.grid_only:
        return False
    return subject.department == COORDINATOR or file.departments.get(subject.department or "") in {"assist", "lead"}
