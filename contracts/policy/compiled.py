"""The rules of one policy version, compiled once: what the hot path of scoring, routing and clocks evaluates."""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.policy.conditions import Condition, PolicyError, RawCondition, any_of, compile_condition, compile_named
from contracts.policy.limits import Label
from contracts.policy.sections import Factor, NamedCondition, NoticeRule, Risk, RoutingRules, Sla


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with a code. `to` is the level it sets at least; None for a plus-one rule."""

    code: str
    to: str | None
    condition: Condition


@dataclass(frozen=True, slots=True)
class FactorPoints:
    """A factor's weight and the points of each option; `by_age` gives the option where the age decides."""

    code: str
    max: int
    points: Mapping[str, int]
    by_age: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class CellEntry:
    """One entry of a matrix cell: the first whose condition holds gives the department its role."""

    role: str
    condition: Condition
    task: Label | None


@dataclass(frozen=True, slots=True)
class Raise:
    """After the matrix: while the condition holds, these departments have at least these roles."""

    code: str
    condition: Condition
    at_least: Mapping[str, str]
    notice_post: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Whitelist:
    """What the restricted rule leaves one department."""

    condition: Condition
    at_most: str | None
    masked: bool


@dataclass(frozen=True, slots=True)
class StepConditions:
    """When a response step exists, and when it takes another step's limits."""

    not_created: Condition | None
    created: Condition | None
    instead: Condition | None
    instead_step: str | None


@dataclass(frozen=True, slots=True)
class Owed:
    """A notice that people give by hand, and what makes it owed: a condition of the report or a ladder step."""

    notice: str
    cause: str
    to: tuple[str, ...]
    condition: Condition | None
    ladder_steps: frozenset[str]


@dataclass(frozen=True, slots=True)
class Compiled:
    """Everything conditional in one policy version."""

    named: Mapping[str, Condition]
    factors: tuple[FactorPoints, ...]
    overrides: tuple[Rule, ...]
    floors: tuple[Rule, ...]
    plus_one: tuple[Rule, ...]
    matrix: Mapping[str, tuple[tuple[str, tuple[CellEntry, ...]], ...]]
    raises: tuple[Raise, ...]
    restricted: Condition
    whitelist: Mapping[str, Whitelist]
    conflict: Condition
    steps: Mapping[str, StepConditions]
    notices: Mapping[str, Condition]
    owed_by_hand: tuple[Owed, ...]
    notice_withheld: Condition


def compile_rules(
    conditions: Mapping[str, NamedCondition],
    risk: Risk,
    routing: RoutingRules,
    notices: tuple[NoticeRule, ...],
    sla: Sla,
) -> Compiled:
    """Compile one policy version. Raises PolicyError where a condition is malformed or names something undefined."""
    named = compile_named({name: condition.when for name, condition in conditions.items()})
    always = named["always"]

    def compiled(raw: RawCondition) -> Condition:
        return compile_condition(raw, named)

    def one_suffices(raws: tuple[RawCondition, ...]) -> Condition:
        return any_of([compiled(raw) for raw in raws]) if raws else always

    def optional(raw: RawCondition | None) -> Condition | None:
        return None if raw is None else compiled(raw)

    return Compiled(
        named=named,
        factors=tuple(_factor(factor) for factor in risk.factors),
        overrides=tuple(Rule(rule.id, rule.to, compiled(rule.when)) for rule in risk.overrides),
        floors=tuple(Rule(rule.id, rule.to, compiled(rule.when)) for rule in risk.floors),
        plus_one=tuple(Rule(rule.id, None, compiled(rule.when)) for rule in risk.plus_one),
        matrix={
            concern: tuple(
                (
                    department,
                    tuple(CellEntry(entry.role, one_suffices(entry.when), entry.task) for entry in entries),
                )
                for department, entries in row.items()
            )
            for concern, row in routing.matrix.items()
        },
        raises=tuple(Raise(rule.id, compiled(rule.when), rule.at_least, rule.notice_post) for rule in routing.raise_),
        restricted=compiled(routing.restricted.when),
        whitelist={
            department: Whitelist(one_suffices(entry.when), entry.at_most, entry.masked)
            for department, entry in routing.restricted.whitelist.items()
        },
        conflict=compiled(routing.conflict_of_interest.when),
        steps={
            step.id: StepConditions(
                not_created=optional(step.not_created_when),
                created=optional(step.created_when),
                instead=optional(step.limits_of_instead.when if step.limits_of_instead else None),
                instead_step=step.limits_of_instead.step if step.limits_of_instead else None,
            )
            for step in sla.steps
        },
        notices={notice.id: compiled(notice.when) for notice in notices if notice.when is not None},
        owed_by_hand=tuple(
            Owed(notice.id, owed.cause, owed.to, optional(owed.when), frozenset(owed.ladder_step))
            for notice in notices
            for owed in notice.owed
        ),
        notice_withheld=_withheld(notices, named),
    )


def _factor(factor: Factor) -> FactorPoints:
    by_age = {
        age: option.code
        for option in factor.options
        if option.age_min is not None and option.age_max is not None
        for age in range(option.age_min, option.age_max + 1)
    }
    return FactorPoints(factor.code, factor.max, {option.code: option.points for option in factor.options}, by_age)


def _withheld(notices: tuple[NoticeRule, ...], named: Mapping[str, Condition]) -> Condition:
    for notice in notices:
        if notice.withheld is not None:
            return compile_condition(notice.withheld.when, named)
    raise PolicyError("no notice says when a guardian must not be told")
