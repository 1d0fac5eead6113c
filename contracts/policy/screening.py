"""The door: which reports open no case here (policy `risk.screening_out`), and which intake entries are malformed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from contracts.policy.conditions import Circumstances
from contracts.policy.limits import Label
from contracts.policy.model import Policy

Screened = Literal["not_a_minor", "pure_consultation", "outside_township"]


def screen(child: Circumstances, policy: Policy) -> Screened | None:
    """Why this child's report does not open an ordinary case, or None.

    `not_a_minor` and `pure_consultation` open no case, unless an override holds: then nothing is screened out.
    `outside_township` opens a case that is transferred, with the few steps the policy names, whatever the level.
    """
    if not _override_holds(child, policy):
        if _is_adult(child, policy):
            return "not_a_minor"
        if child.facts.get("pure_consultation") is True:
            return "pure_consultation"
    if child.facts.get("outside_township") is True:
        return "outside_township"
    return None


def _override_holds(child: Circumstances, policy: Policy) -> bool:
    if not policy.risk.screening_out_never_when_override_holds["value"]:
        return False
    return any(rule.condition.holds(child) for rule in policy.compiled.overrides)


def _is_adult(child: Circumstances, policy: Policy) -> bool:
    """The fact decides; without it an exact age does. An estimated age never sends a child away (D-1.1)."""
    stated = child.facts.get("not_a_minor")
    if isinstance(stated, bool):
        return stated
    age = child.facts.get("age")
    return type(age) is int and age >= policy.minor_under_age and child.facts.get("age_estimated") is not True


@dataclass(frozen=True, slots=True)
class Problem:
    """One malformed entry of a structured intake. `pointer` is a JSON pointer below the child."""

    pointer: str
    code: str
    message: Label


def intake_problems(
    concerns: Iterable[str], facts: Mapping[str, Any], answers: Mapping[str, str], policy: Policy
) -> tuple[Problem, ...]:
    """What is wrong with a structured intake: codes nobody defined, values of the wrong type. Empty when sound."""
    known_concerns = {concern.code for concern in policy.concerns}
    problems = [
        Problem("/concerns", "unknown_concern", Label(zh=f"没有这个问题类型：{code}", en=f"no such concern: {code}"))
        for code in concerns
        if code not in known_concerns
    ]
    for name, value in facts.items():
        label, pointer = policy.label("fact", name), f"/facts/{name}"
        if name not in policy.facts:
            message = Label(zh=f"没有这个事实项：{name}", en=f"no such fact: {name}")
            problems.append(Problem(pointer, "unknown_fact", message))
        elif not _fits(name, value, policy):
            message = Label(zh=f"“{label.zh}”的值不正确", en=f"not a valid value for: {label.en}")
            problems.append(Problem(pointer, "wrong_value", message))
    options = {factor.code: factor.points for factor in policy.compiled.factors}
    for code, option in answers.items():
        if option not in options.get(code, {}) and not (code in options and option == policy.risk.unknown_code):
            message = Label(zh=f"没有这个选项：{code} {option}", en=f"no such option: {code} {option}")
            problems.append(Problem(f"/answers/{code}", "unknown_option", message))
    return tuple(problems)


def _fits(name: str, value: Any, policy: Policy) -> bool:
    fact = policy.facts[name]
    if value == policy.risk.unknown_code:
        return True
    match fact.type:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return type(value) is int and value >= 0
        case "enum":
            return value in fact.values
        case "department":
            return value in policy.departments_by_code
        case _:
            return _is_moment(value)


def _is_moment(value: Any) -> bool:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return False
    return isinstance(value, datetime) and value.tzinfo is not None
