"""How each event changes the case file: pure, from a report to the closure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import cast
from uuid import UUID

from contracts.assistance import CaseClosed, PlacementChanged
from contracts.dispatch import (
    AssessmentRecorded,
    ReferralRevoked,
    ResponseOpened,
    ResponseRevised,
    ReturnDecided,
    StepMet,
)
from contracts.intake import ReportAmended, ReportReceived
from contracts.policy import Policy
from contracts.policy.reassessment import Learned
from contracts.vocabulary import ChildIntake, Fact
from services.risk_scoring.domain.assessing import SIBLING_RED
from services.risk_scoring.domain.case_file import CARE_STEPS, NOT_LOCATED, CaseFile, Child
from services.risk_scoring.domain.merging import ChildFacts, attach_intake, merge_intake


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
        file,
        state="open",
        children=tuple(known.values()),
        reporters=(*file.reporters, data.report.reporter),
        household=file.household if data.household_cases is None else data.household_cases,
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
        household=data.household_cases if data.household_cases is not None else file.household if file else (),
        placements=file.placements if file else {},
        reviewed_at=None,
        rescreened=None,
        assessment_id=None,
        version=file.version if file else 0,
    )


def _child(said: ChildIntake) -> Child:
    return Child(said.child_id, said.case_id, said.case_number, said.concerns, dict(said.facts), dict(said.answers))


def _attached(before: Child, said: ChildIntake, policy: Policy) -> Child:
    merged = attach_intake(before, said, policy)
    facts = cast(dict[str, Fact], merged.facts)
    return replace(before, concerns=merged.concerns, facts=facts, answers=merged.answers)


def with_amendment(file: CaseFile, data: ReportAmended, policy: Policy) -> CaseFile:
    """What was learned of the report later: merged, not counted as another report."""
    known = {child.child_id: child for child in file.children}
    for said in data.children:
        before = known.get(said.child_id)
        known[said.child_id] = _child(said) if before is None else _merged(before, said, policy)
    return replace(
        file,
        children=tuple(known.values()),
        village=file.village if data.place is None else data.place.village,
        group_code=file.group_code if data.place is None else data.place.group,
        household=file.household if data.household_cases is None else data.household_cases,
    )


# What is learned later -------------------------------------------------------------------------------------------


def with_review(file: CaseFile, found: Mapping[UUID, ChildFacts], policy: Policy) -> CaseFile:
    """A person looked at the case again: what they found, child by child."""
    children = tuple(
        _merged(child, found[child.child_id], policy) if child.child_id in found else child for child in file.children
    )
    return replace(file, children=children)


def with_findings(file: CaseFile, data: AssessmentRecorded, policy: Policy) -> CaseFile:
    """A signed written assessment: its answers replace earlier ones unless they are unknown."""
    return replace(
        file,
        children=tuple(
            _merged(child, data, policy) if child.child_id == data.child_id else child for child in file.children
        ),
    )


def _merged(before: Child, found: ChildFacts, policy: Policy) -> Child:
    merged = merge_intake(before, found, policy)
    facts = cast(dict[str, Fact], merged.facts)
    return replace(before, concerns=merged.concerns, facts=facts, answers=merged.answers)


def learned(file: CaseFile, what: Learned, child_id: UUID | None, policy: Policy) -> CaseFile:
    """What an event says with certainty, of one child or of all of them. An answer never gets fewer points by it."""
    if not what.facts and not what.answers:
        return file
    points = {factor.code: factor.points for factor in policy.compiled.factors}

    def stronger(child: Child, factor: str, option: str) -> str:
        said = child.answers.get(factor, "")
        return said if points[factor].get(said, -1) >= points[factor][option] else option

    def taught(child: Child) -> Child:
        answers = {factor: stronger(child, factor, option) for factor, option in what.answers.items()}
        return replace(child, facts={**child.facts, **what.facts}, answers={**child.answers, **answers})

    children = tuple(
        taught(child) if child_id in (None, child.child_id, child.case_id) else child for child in file.children
    )
    return file if children == file.children else replace(file, children=children)


def beside_red(file: CaseFile) -> CaseFile | None:
    """A child of another case under the same roof is RED: the fact behind O7 holds for all. None = known already."""
    if file.state != "open" or all(child.facts.get(SIBLING_RED) is True for child in file.children):
        return None
    facts: dict[str, Fact] = {SIBLING_RED: True}
    return replace(file, children=tuple(replace(child, facts={**child.facts, **facts}) for child in file.children))


def placed(file: CaseFile, data: PlacementChanged) -> tuple[CaseFile, str | None]:
    """A placement started, moved or ended: the file, and the trigger. That the old place of a move ends is none."""
    child, place = str(data.child_id), str(data.placement_id)
    current = file.placements.get(child)
    if data.state == "started":
        trigger = "placement_move" if current not in (None, place) else "placement_start"
        return replace(file, placements={**file.placements, child: place}), trigger if current != place else None
    if data.cause == "moved":
        return file, None
    if data.state in ("ended", "returned_home") and current in (None, place):
        left = {key: value for key, value in file.placements.items() if key != child}
        return replace(file, placements=left), "placement_end"
    return file, None


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
        village, group = file.village, file.group_code
        before = {code: role for code, role in file.departments.items() if code not in data.left}
    told_nothing = {referral.department for referral in data.referrals if referral.safety_only}
    issued = {referral.department: referral.role for referral in data.referrals if not referral.safety_only}
    return replace(
        done(file, data.met),
        village=village,
        group_code=group,
        case_lead=data.case_lead,
        departments={**{code: role for code, role in before.items() if code not in told_nothing}, **issued},
    )


def revoked(file: CaseFile, data: ReferralRevoked) -> CaseFile:
    """A referral that was taken back gives no role any more."""
    return replace(file, departments={code: role for code, role in file.departments.items() if code != data.department})


def with_return(file: CaseFile, data: ReturnDecided) -> CaseFile:
    """An upheld return moves the task: the department that gave it back has no role any more."""
    if not data.upheld:
        return file
    departments = {code: role for code, role in file.departments.items() if code != data.department}
    if data.issued is not None and not data.issued.safety_only:
        departments[data.issued.department] = data.issued.role
    return replace(file, departments=departments)


def closed(file: CaseFile, data: CaseClosed) -> CaseFile:
    """The round was closed. A closure of an earlier round that arrives late changes nothing."""
    if data.response_no is not None and data.response_no != file.response_no:
        return file
    return replace(file, state="closed", overdue={}, version=file.version + 1)
