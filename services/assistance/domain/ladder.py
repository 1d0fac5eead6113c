"""The guardian ladder G0 to G4: which paper may come next, why a step may be left out, and when compliance is checked
(policy `guardian_ladder`; D-4.4.4 to D-4.4.6).

A guardian climbs one step at a time, each on recorded non-compliance with the one before. A step is left out only for
a reason of the policy: a RED rule fired and the guardian is the suspected harmer, or a review of the harm said so. A
paper that comes from a court, or that the law leaves open at any time, neither waits for the ladder nor moves it. A
guardian who fails without ill will is helped first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from contracts.access import VILLAGE
from contracts.policy import Circumstances, Label, Policy, compile_condition
from contracts.policy.guardian_ladder import DirectJump, LadderDocument
from services.assistance.domain.rounds import Child, Round

StepId = Literal["G0", "G1", "G2", "G3", "G4"]

GRID_MEMBER, GROUP_HEAD = "grid_member", "group_head"
VILLAGE_ISSUERS = frozenset({VILLAGE, GRID_MEMBER})
ANY_TIME = "any_time"
"""The jump reason of a paper the law does not tie to the ladder."""


@dataclass(frozen=True, slots=True)
class Check:
    """A compliance check: planned (`due_at`), or made without a plan. `complied` is None until somebody looked."""

    check_id: UUID
    due_at: datetime | None
    complied: bool | None = None
    checked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken. `moves`: it counts as a rung; `refused`: the guardian refused on the spot."""

    ladder_step_id: UUID
    guardian_id: UUID | None
    step: str
    document: str
    issued_on: datetime
    moves: bool
    jump_reason: str | None = None
    refused: bool = False
    state: Literal["done", "in_force", "pending", "ended"] = "done"
    in_force_until: datetime | None = None
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """A review whether a step may be left out; `decision` None: still owed."""

    decision: Literal["proceed", "not_now"] | None = None
    malice: bool = False


@dataclass(frozen=True, slots=True)
class Ladder:
    """All that was done with the guardians of a case, and what may justify a jump.

    `helped`: assistance for the child or family was agreed.
    """

    taken: tuple[Taken, ...] = ()
    children: tuple[Child, ...] = ()
    reviews: tuple[Review, ...] = ()
    helped: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """The step may be taken. `jump_reason` says why steps were left out; None on the normal path."""

    document: LadderDocument
    moves: bool
    jump_reason: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The step may not be taken: the rule, what is missing in codes, and the papers that would be allowed."""

    rule: str
    text: Label
    missing: tuple[str, ...]
    allowed: tuple[str, ...]


# Where a guardian stands --------------------------------------------------------------------------------------------


def rung(taken: Sequence[Taken], guardian_id: UUID | None, policy: Policy) -> int:
    """The highest step a guardian was brought to, as a rank; -1 before the first."""
    own = (step for step in taken if step.guardian_id == guardian_id and step.moves)
    return max((policy.guardian_ladder.rank(step.step) for step in own), default=-1)


def disobeyed(taken: Sequence[Taken], guardian_id: UUID | None, step: str) -> bool:
    """Whether the last that was recorded of this guardian at this step is non-compliance."""
    results: list[tuple[datetime, bool]] = []
    for one in taken:
        if one.guardian_id != guardian_id or one.step != step or not one.moves:
            continue
        results += [(one.issued_on, False)] if one.refused else []
        results += [
            (check.checked_at, check.complied)
            for check in one.checks
            if check.checked_at and check.complied is not None
        ]
    return bool(results) and not max(results, key=lambda result: (result[0], not result[1]))[1]


def highest_in_order(ladder: Ladder, guardian_id: UUID | None, policy: Policy) -> int:
    """The highest rank the normal path allows now: the rung reached, or the next one after non-compliance."""
    reached = rung(ladder.taken, guardian_id, policy)
    if reached < 0:
        return 0
    steps = policy.guardian_ladder.steps
    return min(reached + disobeyed(ladder.taken, guardian_id, steps[reached].id), len(steps) - 1)


# Leaving steps out --------------------------------------------------------------------------------------------------


def _circumstances(child: Child, policy: Policy) -> Circumstances:
    # What ever fired counts: that the child is safe now does not undo what was done.
    return policy.circumstances(
        concerns=child.concerns,
        facts=child.facts,
        answers=child.answers,
        level=child.level or None,
        fired=child.ever_fired,
    )


def _because(jump: DirectJump, children: Sequence[Child], policy: Policy) -> tuple[str, ...]:
    """Why a jump of the policy is open, for any child of the case. Empty: it is not."""
    condition = compile_condition(jump.when, policy.compiled.named)
    known = [_circumstances(child, policy) for child in children]
    return tuple(dict.fromkeys(code for one in known if condition.holds(one) for code in condition.because(one)))


def review_grounds(children: Sequence[Child], policy: Policy) -> tuple[str, ...]:
    """What calls for a review of a jump to G4 (R1, R2, R4, R8, R11). Empty: nothing does."""
    reviews = [jump for jump in policy.guardian_ladder.direct_jump if jump.kind == "review"]
    return tuple(dict.fromkeys(code for jump in reviews for code in _because(jump, children, policy)))


def jump_reason(ladder: Ladder, rank: int, policy: Policy) -> str | None:
    """Why a step of this rank may be taken out of order; None where nothing allows it."""
    section = policy.guardian_ladder
    for jump in section.direct_jump:
        to = section.rank(jump.to)
        if rank != to and not (jump.or_higher and rank > to):
            continue
        because = _because(jump, ladder.children, policy)
        if because and (jump.kind == "jump" or _reviewed(jump, ladder.reviews)):
            return ",".join(because)
    return None


def _reviewed(jump: DirectJump, reviews: Sequence[Review]) -> bool:
    return any(review.decision == "proceed" and (jump.and_ is None or review.malice) for review in reviews)


# Deciding -----------------------------------------------------------------------------------------------------------


def allowed_documents(ladder: Ladder, guardian_id: UUID | None, reason: str | None, policy: Policy) -> tuple[str, ...]:
    """The papers that may be recorded now for this guardian, in the order of the policy."""
    decisions = (
        (doc.code, decide_step(ladder, doc.code, guardian_id, reason, policy))
        for doc in policy.guardian_ladder.documents
    )
    return tuple(code for code, decision in decisions if isinstance(decision, Accepted))


def decide_step(
    ladder: Ladder, document: str, guardian_id: UUID | None, reason: str | None, policy: Policy
) -> Accepted | Refused:
    """May this paper be recorded for this guardian now? `reason` None asks without a reason, as for a list.

    Raises KeyError for a paper the policy does not have.
    """
    section = policy.guardian_ladder
    paper = section.document(document)
    if paper is None:
        raise KeyError(document)
    if paper.any_time:
        return Accepted(paper, moves=False, jump_reason=ANY_TIME)
    rank, in_order = section.rank(paper.step), highest_in_order(ladder, guardian_id, policy)
    gentle = any(one.code == reason and one.supportive for one in section.reasons)
    if gentle and rank > 0 and (lacking := _help_lacking(ladder, guardian_id, policy)):
        text = Label(zh="监护人并无恶意，应先约谈并提供帮扶", en="no ill will: an interview and assistance come first")
        return _refused("assistance_first", text, lacking, policy)
    if rank <= in_order:
        return Accepted(paper, moves=True, jump_reason=None)
    why = None if gentle else jump_reason(ladder, rank, policy)
    if why is not None:
        return Accepted(paper, moves=True, jump_reason=why)
    text = Label(
        zh="须逐级进行：上一级须已采取并记录不遵守，或符合越级条件",
        en="one step at a time: the step before must be taken and not complied with, or a reason to jump must hold",
    )
    return _refused("one_step_at_a_time", text, _steps_lacking(ladder, guardian_id, rank, policy), policy, in_order)


def _help_lacking(ladder: Ladder, guardian_id: UUID | None, policy: Policy) -> tuple[str, ...]:
    first = () if rung(ladder.taken, guardian_id, policy) >= 0 else ("step:G0",)
    return (*first, *(() if ladder.helped else ("assistance",)))


def _steps_lacking(ladder: Ladder, guardian_id: UUID | None, rank: int, policy: Policy) -> tuple[str, ...]:
    steps, reached = policy.guardian_ladder.steps, rung(ladder.taken, guardian_id, policy)
    unheeded = reached >= 0 and disobeyed(ladder.taken, guardian_id, steps[reached].id)
    waiting = () if reached < 0 or unheeded else (f"non_compliance:{steps[reached].id}",)
    between = tuple(f"step:{step.id}" for step in steps[reached + 1 : rank])
    return (*waiting, *between, "or:jump_reason")


def _refused(rule: str, text: Label, missing: tuple[str, ...], policy: Policy, highest: int = 0) -> Refused:
    section = policy.guardian_ladder
    fine = (doc.code for doc in section.documents if doc.any_time or section.rank(doc.step) <= highest)
    return Refused(rule, text, missing, tuple(fine))


# Who signs ----------------------------------------------------------------------------------------------------------


def village_barred(round_: Round) -> bool:
    """Whether village and grid take no part: a restricted case, or one in which they have a conflict of interest."""
    return round_.restricted or round_.conflict_unit == VILLAGE


def issuer_problem(
    paper: LadderDocument, issuer: str, department: str | None, posts: frozenset[str], barred: bool, policy: Policy
) -> str | None:
    """Why this subject may not record this paper as signed by `issuer`; None when they may.

    Courts and the procuratorate sign nothing here: the departments of policy `recorders` enter their papers. Where the
    village is barred, policy `village_barred` acts in its place.
    """
    section = policy.guardian_ladder
    issuers = set(section.issuers(paper))
    if barred and issuers & VILLAGE_ISSUERS:
        issuers = (issuers - VILLAGE_ISSUERS) | {section.village_barred}
    if issuer not in issuers:
        return "wrong_issuer"
    if issuer in section.recorders:
        return None if department in section.recorders[issuer] else "not_a_recorder"
    if issuer == GRID_MEMBER:
        return None if posts & {GRID_MEMBER, GROUP_HEAD} else "not_the_issuer"
    return None if department == issuer else "not_the_issuer"


# Checks -------------------------------------------------------------------------------------------------------------


def checks_due(paper: LadderDocument, issued_on: datetime, policy: Policy) -> tuple[datetime, ...]:
    """When compliance with a paper is to be checked: whole days of 24 hours after it was issued."""
    return tuple(issued_on + timedelta(days=days) for days in policy.guardian_ladder.check_days(paper))


def answered(step: Taken) -> Check | None:
    """The planned check that the next result answers: the earliest one still owed. None: it is an extra one."""
    owed = [check for check in step.checks if check.complied is None and check.due_at is not None]
    return min(owed, key=lambda check: (check.due_at, str(check.check_id)), default=None)


def next_step(step: str, breached_order: bool, policy: Policy) -> str | None:
    """Where non-compliance leads: one up, or to G4 when an order was breached. None: there is nothing above."""
    steps = policy.guardian_ladder.steps
    rank = policy.guardian_ladder.rank(step)
    if breached_order:
        return steps[-1].id
    return steps[rank + 1].id if rank + 1 < len(steps) else None


def check_owner(issuer: str, recorded_by: str | None, barred: bool, policy: Policy) -> str:
    """Who owes the checks: the issuer, or whoever recorded an outside body's paper; never a barred village."""
    owner = (
        recorded_by or policy.guardian_ladder.village_barred if issuer in policy.guardian_ladder.recorders else issuer
    )
    return policy.guardian_ladder.village_barred if barred and owner in VILLAGE_ISSUERS else owner
