"""Risk scoring, pure: structured intake in, level with reasons out (instrument risk-v1, policy `risk`).

Data flow: merge what several reports say of a child → score each child → settle the level against the one in force →
decide level changes that people ask for. Every automated tie resolves to the safer option (D-1.1), and nothing here
ever lowers a level by itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from contracts.policy import Circumstances, FactValue, Label, Policy
from contracts.policy.compiled import Rule
from contracts.policy.model import ReporterFacts

AGE, AGE_ESTIMATED, PRIOR_REPORTS, SIBLING_RED = "age", "age_estimated", "prior_reports_12m", "household_child_red"
PRIOR_REPORTS_FACTOR, PRIOR_REPORTS_OPTIONS = "E2", ("none", "one", "two_plus")
"""The options of factor E2 by the number of prior reports, the last for any higher number (instrument table, E2)."""


class ChildFacts(Protocol):
    """What was said of one child: concern codes, facts and factor answers; `unknown` = asked and not known."""

    @property
    def concerns(self) -> Sequence[str]: ...
    @property
    def facts(self) -> Mapping[str, FactValue]: ...
    @property
    def answers(self) -> Mapping[str, str]: ...


# Several reports on one child ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Intake:
    """What is known of one child after merging."""

    concerns: tuple[str, ...]
    facts: dict[str, FactValue]
    answers: dict[str, str]


def merge_intake(earlier: ChildFacts, later: ChildFacts, policy: Policy) -> Intake:
    """Both statements as one: concerns of both, and per fact and factor the later answer unless it is unknown.

    An exact age is kept against a later estimate, and an age brings its own `age_estimated`.
    """
    before, known = policy.known_facts(earlier.facts), policy.known_facts(later.facts)
    exact_before = AGE in before and before.get(AGE_ESTIMATED) is not True
    of_age = later if AGE in known and not (exact_before and known.get(AGE_ESTIMATED) is True) else earlier
    facts = {**later.facts, **earlier.facts, **known}
    facts = {name: value for name, value in facts.items() if name not in (AGE, AGE_ESTIMATED)}
    facts |= {name: of_age.facts[name] for name in (AGE, AGE_ESTIMATED) if name in of_age.facts}
    unknown = policy.risk.unknown_code
    return Intake(
        concerns=tuple(dict.fromkeys((*earlier.concerns, *later.concerns))),
        facts=facts,
        answers={**later.answers, **earlier.answers, **{f: o for f, o in later.answers.items() if o != unknown}},
    )


def attach_intake(earlier: ChildFacts, later: ChildFacts, policy: Policy) -> Intake:
    """A new report on a child with an open case: merged, and the earlier report counted (policy `duplicate_rule`).

    Where the new report states the number of earlier reports (E2 or its fact), that stands.
    """
    merged = merge_intake(earlier, later, policy)
    facts, answers = merged.facts, merged.answers
    if PRIOR_REPORTS not in policy.known_facts(later.facts):
        before = policy.known_facts(earlier.facts).get(PRIOR_REPORTS)
        facts[PRIOR_REPORTS] = (before if isinstance(before, int) else 0) + 1
    count = facts[PRIOR_REPORTS]
    if PRIOR_REPORTS_FACTOR not in policy.known_answers(later.answers, {}) and isinstance(count, int):
        answers[PRIOR_REPORTS_FACTOR] = PRIOR_REPORTS_OPTIONS[min(count, len(PRIOR_REPORTS_OPTIONS) - 1)]
    return merged


# The assessment --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a score or level came out.

    A factor: its option and points, or `because=("unknown",)` without either. A rule: the leaves that made it fire
    (`fact:confined`, `answer:A1=severe`, `assumed:abandoned`). Labels: `Policy.reason_label`.
    """

    kind: Literal["factor", "override", "floor", "plus_one"]
    code: str
    option: str | None = None
    points: int | None = None
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Assessment:
    """One child's result. Points 0-100; `completeness` = percent of the weight answered; `fired` in order R, O, Y, +1.

    `answers` holds every factor, `unknown` where unanswered; `facts` include what a sibling's level added. While
    `provisional`, a fact-finding task is due and the level is scored again after first contact.
    """

    level: str
    score: int
    score_known: int
    score_upper: int
    completeness: int
    band: str
    provisional: bool
    restricted: bool
    fired: tuple[str, ...]
    reasons: tuple[Reason, ...]
    concerns: tuple[str, ...]
    facts: dict[str, FactValue]
    answers: dict[str, str]


def assess(
    children: Sequence[ChildFacts], reporters: Sequence[ReporterFacts], policy: Policy
) -> tuple[Assessment, ...]:
    """Score the children of one report or family, each alone and in the order given.

    `reporters` are all who ever reported the case, so that a mandated report keeps its floor (Y3). A RED child makes
    the others children of a RED household (O7), until no level moves any more.
    """
    facts = [dict(child.facts) for child in children]
    results = [_assess_child(child, facts[i], reporters, policy) for i, child in enumerate(children)]
    top = policy.highest(policy.ranks)
    while True:
        red = {i for i, result in enumerate(results) if result.level == top}
        touched = [i for i in range(len(results)) if red - {i} and facts[i].get(SIBLING_RED) is not True]
        if not touched:
            return tuple(results)
        for i in touched:
            facts[i][SIBLING_RED] = True
            results[i] = _assess_child(children[i], facts[i], reporters, policy)


def report_level(assessments: Sequence[Assessment], policy: Policy) -> str:
    """The level whose deadlines the report follows: its highest child's (policy `several_children`)."""
    return policy.highest(assessment.level for assessment in assessments)


def _assess_child(
    child: ChildFacts, facts: dict[str, FactValue], reporters: Sequence[ReporterFacts], policy: Policy
) -> Assessment:
    seen = policy.circumstances(concerns=child.concerns, facts=facts, answers=child.answers, reporters=reporters)
    known, unknown_max, reasons = _points(seen, policy)
    score = (100 * known + policy.risk.imputation_percent * unknown_max + 50) // 100
    band = policy.band(score)
    completeness = 100 * (policy.risk.total - unknown_max) // policy.risk.total
    level, fired, rule_reasons = _level(seen, band, policy)
    upper = known + unknown_max
    thin = completeness < policy.risk.completeness_threshold_percent
    return Assessment(
        level=level,
        score=score,
        score_known=known,
        score_upper=upper,
        completeness=completeness,
        band=band,
        provisional=thin or policy.rank(policy.band(upper)) > policy.rank(level),
        restricted=policy.compiled.restricted.holds(seen.having(frozenset(fired)).at(level)),
        fired=fired,
        reasons=(*reasons, *rule_reasons),
        concerns=tuple(child.concerns),
        facts=facts,
        answers={
            factor.code: seen.answers.get(factor.code, policy.risk.unknown_code) for factor in policy.risk.factors
        },
    )


def _points(seen: Circumstances, policy: Policy) -> tuple[int, int, list[Reason]]:
    """Points of the answered factors, weight of the unanswered ones, and a reason for each."""
    known, unknown_max = 0, 0
    reasons: list[Reason] = []
    for factor in policy.compiled.factors:
        option = seen.answers.get(factor.code)
        if option is None:
            unknown_max += factor.max
            reasons.append(Reason("factor", factor.code, because=(policy.risk.unknown_code,)))
        else:
            points = factor.points[option]
            known += points
            reasons.append(Reason("factor", factor.code, option, points))
    return known, unknown_max, reasons


def _level(seen: Circumstances, band: str, policy: Policy) -> tuple[str, tuple[str, ...], list[Reason]]:
    """Level rule: the highest of band, overrides and floors, then one above it if any plus-one rule holds."""
    rules = policy.compiled
    overrides = _fired("override", rules.overrides, seen)
    seen = seen.having(frozenset(reason.code for reason in overrides))  # floor O4 asks whether R2 fired
    floors = _fired("floor", rules.floors, seen)
    plus_one = _fired("plus_one", rules.plus_one, seen)
    reasons = [*overrides, *floors, *plus_one]
    fired = tuple(reason.code for reason in reasons)
    reached = [rule.to for rule in (*rules.overrides, *rules.floors) if rule.to is not None and rule.code in fired]
    level = policy.highest([band, *reached])
    return policy.one_above(level) if plus_one else level, fired, reasons


def _fired(kind: Literal["override", "floor", "plus_one"], rules: Sequence[Rule], seen: Circumstances) -> list[Reason]:
    return [
        Reason(kind, rule.code, because=rule.condition.because(seen)) for rule in rules if rule.condition.holds(seen)
    ]


# Settling against the level in force -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settled:
    """The level in force after an assessment. Lowering is only ever proposed (policy `automation`)."""

    level: str
    change: Literal["raised", "unchanged", "lowering_proposed"]


def settle_level(in_force: str, computed: str, policy: Policy) -> Settled:
    """A higher computed level takes force at once; a lower one is a proposal for two persons."""
    difference = policy.rank(computed) - policy.rank(in_force)
    if difference > 0:
        return Settled(computed, "raised")
    return Settled(in_force, "lowering_proposed" if difference < 0 else "unchanged")


def is_rescreen_month(on: date, policy: Policy) -> bool:
    """Whether the township-wide rescreen of all open cases falls into this month (policy `reassessment.batch`)."""
    return on.month in policy.risk.reassessment.batch["months"]


# Level changes people ask for ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff as far as the rule needs them."""

    account: str
    department: str | None
    posts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LevelRequest:
    """A person asks for another level. `fired` are the rules that hold now; `approver` is the second person, if any.

    `propose_only`: the proposal is checked before a second person is asked. `within_step_limit`: the current step's
    deadline has not passed.
    """

    current: str
    wanted: str
    fired: frozenset[str]
    proposer: Person
    approver: Person | None = None
    has_reason: bool = False
    has_best_interest_note: bool = False
    child_seen: bool = False
    within_step_limit: bool = False
    conflict_units: frozenset[str] = frozenset()
    propose_only: bool = False


@dataclass(frozen=True, slots=True)
class Allowed:
    """The change may take effect (or, with `propose_only`, be put to the second person)."""

    level: str
    direction: Literal["raise", "lower"]


@dataclass(frozen=True, slots=True)
class Refused:
    """The change is not allowed: the rule that forbids it and its text."""

    rule: str
    reason: Label


SUPERVISOR_POST, SUPERVISING_DEPARTMENT = "civil_affairs_supervisor", "civil_affairs"


def decide_level_change(request: LevelRequest, policy: Policy) -> Allowed | Refused:
    """Manual change (policy `risk.manual_change`): raising is free, lowering is narrow; the first refusal wins."""
    if request.wanted not in policy.ranks or request.current not in policy.ranks:
        return Refused("unknown_level", Label(zh="没有这个等级", en="There is no such level."))
    difference = policy.rank(request.wanted) - policy.rank(request.current)
    if difference == 0:
        return Refused("unchanged", Label(zh="等级没有变化", en="The level is already that."))
    if difference > 0:
        return Allowed(request.wanted, "raise")
    for rule, refuses, reason in _LOWERING_RULES:
        if refuses(request, policy):
            return Refused(rule, reason)
    return Allowed(request.wanted, "lower")


def _too_many_levels(request: LevelRequest, policy: Policy) -> bool:
    steps = policy.rank(request.current) - policy.rank(request.wanted)
    return steps > policy.risk.manual_change.lower.levels_at_once


def _below_an_override(request: LevelRequest, policy: Policy) -> bool:
    return any(
        rule.id in request.fired and policy.rank(request.wanted) < policy.rank(rule.to)
        for rule in policy.risk.overrides
    )


def _by_a_conflicted_unit(request: LevelRequest, _: Policy) -> bool:
    persons = [person for person in (request.proposer, request.approver) if person is not None]
    return any(person.department in request.conflict_units for person in persons)


def _alone(request: LevelRequest, _: Policy) -> bool:
    if request.propose_only:
        return False
    return request.approver is None or request.approver.account == request.proposer.account


def _not_by_the_supervisor(request: LevelRequest, _: Policy) -> bool:
    """The second person is the civil affairs supervisor; another post of that name elsewhere does not count."""
    approver = request.approver
    if request.propose_only or approver is None:
        return False
    return approver.department != SUPERVISING_DEPARTMENT or SUPERVISOR_POST not in approver.posts


_LOWERING_RULES: tuple[tuple[str, Callable[[LevelRequest, Policy], bool], Label], ...] = (
    (
        "conflicted_unit",
        _by_a_conflicted_unit,
        Label(zh="利益冲突单位的人员不得降级", en="Nobody of a conflicted unit may lower the level."),
    ),
    (
        "override_holds",
        _below_an_override,
        Label(zh="红级直判条件仍然成立，不得降级", en="An override still holds; the level cannot go below it."),
    ),
    (
        "one_level_at_once",
        _too_many_levels,
        Label(zh="每次只能降一级", en="The level may be lowered by one step only."),
    ),
    (
        "child_not_seen",
        lambda request, _: not request.child_seen,
        Label(zh="尚未见到未成年人，不得降级", en="The child has not been seen yet."),
    ),
    (
        "step_limit_passed",
        lambda request, _: not request.within_step_limit,
        Label(zh="当前步骤已超时，不得降级", en="The current step's time limit has passed."),
    ),
    (
        "reason_missing",
        lambda request, _: not request.has_reason,
        Label(zh="须填写书面理由", en="A written reason is needed."),
    ),
    (
        "best_interest_missing",
        lambda request, _: not request.has_best_interest_note,
        Label(zh="须填写最有利于未成年人的说明", en="A best-interest note is needed."),
    ),
    (
        "second_person",
        _alone,
        Label(zh="降级须由另一人批准", en="A second person must approve the lowering."),
    ),
    (
        "supervisor",
        _not_by_the_supervisor,
        Label(zh="批准人须为民政办主管", en="The approver must be the civil affairs supervisor."),
    ),
)
