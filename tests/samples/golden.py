"""The golden cases and rule checks of this folder as values, and the short path from a report to its result."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

from contracts.policy import Policy, load_calendar, load_policy
from services.dispatch.domain.clocks import Plan, Response, arm
from services.dispatch.domain.routing import ChildCase, Routing, route
from services.risk_scoring.domain import Assessment, assess, report_level

FOLDER = Path(__file__).parent
POLICY = load_policy("2026-11")
CALENDAR = load_calendar()


@dataclass(frozen=True, slots=True)
class Reporter:
    kind: str = "public"
    mandated: bool = False


@dataclass(frozen=True, slots=True)
class Child:
    concerns: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What the rules make of one report, dispatched the moment it was received."""

    assessments: tuple[Assessment, ...]
    routing: Routing
    response: Response
    plan: Plan


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def optional_moment(text: str | None) -> datetime | None:
    return None if text is None else moment(text)


@cache
def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def golden_cases(*, opened: bool = True) -> list[Any]:
    """The golden cases; without `opened` also the contacts that open no case."""
    return [case for case in read("cases.yaml")["cases"] if not opened or case["expected"]["level"] is not None]


def golden_case(case_id: str) -> Any:
    return next(case for case in read("cases.yaml")["cases"] if case["id"] == case_id)


def children_of(case: Any) -> tuple[Child, ...]:
    return tuple(
        Child(tuple(entry["concerns"]), dict(entry["facts"]), dict(entry["answers"]))
        for entry in (case, *case.get("siblings", []))
    )


def reporter_of(case: Any) -> Reporter:
    reporter = case.get("reporter", {"kind": "public", "mandated": False})
    return Reporter(reporter["kind"], reporter["mandated"])


def child_cases(
    assessments: tuple[Assessment, ...], reporters: tuple[Reporter, ...], policy: Policy = POLICY
) -> tuple[ChildCase, ...]:
    return tuple(
        ChildCase(
            UUID(int=number),
            policy.circumstances(
                concerns=result.concerns,
                facts=result.facts,
                answers=result.answers,
                reporters=reporters,
                level=result.level,
                fired=result.fired,
            ),
        )
        for number, result in enumerate(assessments, start=1)
    )


def respond(
    children: tuple[Child, ...],
    received: datetime,
    *,
    reporters: tuple[Reporter, ...] = (Reporter(),),
    zone: str | None = "rural",
) -> Result:
    """Score, route and arm one report."""
    assessments = assess(children, reporters, POLICY)
    cases = child_cases(assessments, reporters)
    routing = route(cases, POLICY)
    response = Response(report_level(assessments, POLICY), received, received, cases, routing, zone)
    return Result(assessments, routing, response, arm(response, POLICY, CALENDAR))


def respond_to(case: Any) -> Result:
    return respond(children_of(case), moment(case["received_at"]), reporters=(reporter_of(case),))


def harmless(**facts: Any) -> Child:
    """A child with every factor at its 0-point option; facts as given."""
    return Child(facts=facts, answers=zero_points())


def zero_points(**answers: str) -> dict[str, str]:
    """Every factor but the age at its 0-point option, except the answers given."""
    zeros = {
        factor.code: next(option.code for option in factor.options if option.points == 0)
        for factor in POLICY.risk.factors
        if factor.from_fact is None
    }
    return {**zeros, **answers}


def rule_check(check: Any) -> Child:
    """A child of rules.yaml: zero points except the answers given."""
    given = check.get("answers", {})
    answers = {} if given == "all_unknown" else zero_points(**given)
    return Child(tuple(check.get("concerns", ())), dict(check["facts"]), answers)
