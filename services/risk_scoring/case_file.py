"""What scoring knows of one case, and how each event changes it: pure, from a report to the announcement of a level.

A case is one family file: the children of its reports share a response (policy `several_children`). Every child has a
level in force; the case's is the highest of them. Both only rise by themselves; people lower them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from contracts.access import COORDINATOR, OPERATOR_SIGHT, Resource, Subject
from contracts.assistance import CaseClosed
from contracts.dispatch import AssessmentRecorded, ResponseOpened, ResponseRevised, ReturnDecided, StepMet
from contracts.intake import ReportReceived
from contracts.policy import Policy
from contracts.risk_scoring import ChildAssessment, Reason, RiskAssessed
from contracts.vocabulary import Actor, ChildIntake, Fact, Level, ReportDigest, Reporter
from services.risk_scoring.domain import Assessment, assess, attach_intake, merge_intake, report_level, settle_level

NOT_LOCATED = "not_located_by_s5"
SIGHTING_STEPS = frozenset({"S5a", "S5b", "S5c"})
"""The steps whose earliest deadline tests rule O8 (policy `risk.plus_one`)."""
CARE_STEPS = frozenset({"S4", "S5a", "S5b", "S5c", "S5p", "S6", "S8", "S9", "S10", "S11"})
"""The steps whose time limit a lowering must respect: what is done for the child. Notices, feedback and the closure
decision do not say how dangerous things are."""

Cause = Literal["report", "assessment", "manual_raise", "manual_lowering"]


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

    `version` counts what people may have looked at: levels and proposals. `assessment_id` is the latest assessment.
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


# Reports -----------------------------------------------------------------------------------------------------------


def with_report(file: CaseFile | None, data: ReportReceived, policy: Policy) -> CaseFile:
    """A report opens a round, or joins the one that runs: a level then only rises, and earlier answers are merged.

    A report attached while the closure was on its way finds the round closed: it opens it again, since nobody who
    closed it knew of the report.
    """
    if file is None or data.response_no > file.response_no:
        return _new_round(file, data)
    known = {child.child_id: child for child in file.children}
    for said in data.children:
        before = known.get(said.child_id)
        known[said.child_id] = _child(said) if before is None else _attached(before, said, policy)
    return replace(
        file, state="open", children=tuple(known.values()), reporters=(*file.reporters, data.report.reporter)
    )


def _new_round(file: CaseFile | None, data: ReportReceived) -> CaseFile:
    """Nothing of an earlier round weighs on the new one but what intake counts (`days_since_closure`, E2)."""
    return CaseFile(
        case_id=data.case_id,
        case_number=data.case_number,
        response_no=data.response_no,
        state="open",
        township=data.report.township,
        village=data.report.place.village,
        group_code=data.report.place.group,
        level="",
        computed_level="",
        restricted=False,
        provisional=False,
        case_lead=None,
        departments={},
        reporters=(data.report.reporter,),
        children=tuple(_child(said) for said in data.children),
        policy_version=data.policy_version,
        received_at=data.report.received_at,
        entered_by=data.recorded_by.account,
        entered_at=data.recorded_at,
        child_seen_at=None,
        overdue={},
        assessment_id=None,
        version=file.version if file else 0,
    )


def _child(said: ChildIntake) -> Child:
    return Child(said.child_id, said.case_id, said.case_number, said.concerns, dict(said.facts), dict(said.answers))


def _attached(before: Child, said: ChildIntake, policy: Policy) -> Child:
    merged = attach_intake(before, said, policy)
    facts = cast(dict[str, Fact], merged.facts)
    return replace(before, concerns=merged.concerns, facts=facts, answers=merged.answers)


# What is learned later -------------------------------------------------------------------------------------------


def with_findings(file: CaseFile, data: AssessmentRecorded, policy: Policy) -> CaseFile:
    """A signed written assessment: its answers replace earlier ones unless they are unknown."""
    return replace(
        file,
        children=tuple(
            _merged(child, data, policy) if child.child_id == data.child_id else child for child in file.children
        ),
    )


def _merged(before: Child, data: AssessmentRecorded, policy: Policy) -> Child:
    merged = merge_intake(before, data, policy)
    facts = cast(dict[str, Fact], merged.facts)
    return replace(before, concerns=merged.concerns, facts=facts, answers=merged.answers)


def not_located(file: CaseFile) -> CaseFile | None:
    """The earliest S5 deadline passed: unless somebody has seen the child, the fact behind O8 holds. None = no change."""
    if file.state != "open" or file.child_seen or all(NOT_LOCATED in child.facts for child in file.children):
        return None
    return replace(
        file,
        children=tuple(replace(child, facts={NOT_LOCATED: True, **child.facts}) for child in file.children),
    )


def seen(file: CaseFile, at: datetime) -> CaseFile:
    """The child was seen in person."""
    return file if file.child_seen_at and file.child_seen_at >= at else replace(file, child_seen_at=at)


def overdue(file: CaseFile, deadline_id: UUID, step: str) -> CaseFile:
    """A care step passed its limit."""
    return replace(file, overdue={**file.overdue, str(deadline_id): step}) if step in CARE_STEPS else file


def done(file: CaseFile, met: Iterable[StepMet] = (), steps: Iterable[str] = ()) -> CaseFile:
    """Steps were finished, by deadline or by name; being late stays in the deadline's own record."""
    ids, names = {str(step.deadline_id) for step in met}, set(steps)
    left = {key: step for key, step in file.overdue.items() if key not in ids and step not in names}
    return file if len(left) == len(file.overdue) else replace(file, overdue=left)


def with_response(file: CaseFile, data: ResponseOpened | ResponseRevised) -> CaseFile:
    """Who has a role in the case: what decides who may read it."""
    if isinstance(data, ResponseOpened):
        if data.response_no != file.response_no:
            return file
        village, group, before = data.place.village, data.place.group, {}
    else:
        village, group, before = file.village, file.group_code, file.departments
    return replace(
        done(file, data.met),
        village=village,
        group_code=group,
        case_lead=data.case_lead,
        departments={**before, **{referral.department: referral.role for referral in data.referrals}},
    )


def with_return(file: CaseFile, data: ReturnDecided) -> CaseFile:
    """An upheld return moves the task: the department that gave it back has no role any more."""
    if not data.upheld:
        return file
    departments = {code: role for code, role in file.departments.items() if code != data.department}
    if data.issued is not None:
        departments[data.issued.department] = data.issued.role
    return replace(file, departments=departments)


def closed(file: CaseFile, data: CaseClosed) -> CaseFile:
    """The round was closed. A closure of an earlier round that arrives late changes nothing."""
    if data.response_no is not None and data.response_no != file.response_no:
        return file
    return replace(file, state="closed", overdue={}, version=file.version + 1)


# Levels ------------------------------------------------------------------------------------------------------------


def scored(file: CaseFile, policy: Policy) -> tuple[CaseFile, tuple[ChildAssessment, ...]]:
    """Assess all children together. No child's level falls; a lower result is only reported (policy `automation`)."""
    results = assess(file.children, file.reporters, policy)
    levels = [
        result.level if child.level is None else settle_level(child.level, result.level, policy).level
        for child, result in zip(file.children, results, strict=True)
    ]
    children = tuple(replace(child, level=level) for child, level in zip(file.children, levels, strict=True))
    assessed = tuple(_published(child, result) for child, result in zip(children, results, strict=True))
    settled = replace(
        file,
        children=children,
        level=policy.highest(levels),
        computed_level=report_level(results, policy),
        restricted=file.restricted or any(result.restricted for result in results),
        provisional=any(result.provisional for result in results),
    )
    return settled, assessed


def _published(child: Child, result: Assessment) -> ChildAssessment:
    return ChildAssessment(
        child_id=child.child_id,
        case_id=child.case_id,
        level=cast(Level, child.level),
        score=result.score,
        score_known=result.score_known,
        score_upper=result.score_upper,
        completeness=result.completeness,
        band=cast(Level, result.band),
        provisional=result.provisional,
        fired=result.fired,
        reasons=tuple(
            Reason(kind=r.kind, code=r.code, option=r.option, points=r.points, because=r.because)
            for r in result.reasons
        ),
        concerns=result.concerns,
        facts=cast(dict[str, Fact], result.facts),
        answers=result.answers,
    )


def relevelled(
    file: CaseFile, latest: Sequence[ChildAssessment], to: str, policy: Policy
) -> tuple[CaseFile, tuple[ChildAssessment, ...]]:
    """A person set the level. Raised: the children that carry the case's level carry the new one. Lowered: nobody is
    above it. Scores and rules stay what they were."""
    raising = policy.rank(to) > policy.rank(file.level)

    def level_of(child: Child) -> str:
        current = child.level or file.level
        if raising:
            return to if current == file.level else current
        return to if policy.rank(current) > policy.rank(to) else current

    children = tuple(replace(child, level=level_of(child)) for child in file.children)
    levels: Mapping[UUID, str | None] = {child.child_id: child.level for child in children}
    assessed = tuple(one.model_copy(update={"level": levels[one.child_id]}) for one in latest)
    return replace(file, children=children, level=to), assessed


def announced(
    file: CaseFile,
    assessed: tuple[ChildAssessment, ...],
    policy: Policy,
    *,
    assessment_id: UUID,
    cause: Cause,
    effective_at: datetime,
    assessed_at: datetime,
    assessed_by: Actor,
    report: ReportDigest | None = None,
) -> tuple[CaseFile, RiskAssessed]:
    """The file with its new latest assessment, and the announcement of it."""
    event = RiskAssessed(
        case_id=file.case_id,
        case_number=file.case_number,
        response_no=file.response_no,
        assessment_id=assessment_id,
        cause=cause,
        report=report,
        children=assessed,
        report_level=cast(Level, file.level),
        computed_level=cast(Level, file.computed_level),
        restricted=file.restricted,
        provisional=file.provisional,
        mandated=file.mandated,
        instrument=policy.instrument,
        policy_version=policy.policy_version,
        effective_at=effective_at,
        assessed_at=assessed_at,
        assessed_by=assessed_by,
    )
    return replace(file, assessment_id=assessment_id, version=file.version + 1), event
