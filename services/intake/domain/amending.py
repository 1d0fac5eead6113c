"""What an amendment changes: the earlier statement of a child with what is added now, and the difference between them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from contracts.policy import Policy, Problem
from contracts.vocabulary import ChildIntake, Fact, Reporter
from services.intake.domain.children import AGE, AGE_ESTIMATED, OUTSIDE, Prepared, Said, prepare

SAFE_UNTIL = "safe_until"
Value = TypeVar("Value", bound=Fact)


@dataclass(frozen=True, slots=True)
class Change:
    """One child after an amendment: what the rules now see of it, and in `changed` only what is new."""

    prepared: Prepared
    changed: ChildIntake
    problems: tuple[Problem, ...]

    @property
    def touches(self) -> frozenset[str]:
        """Which of concerns, facts and answers are new."""
        return frozenset(name for name in ("concerns", "facts", "answers") if getattr(self.changed, name))


def so_far(reported: ChildIntake, amendments: Iterable[ChildIntake]) -> ChildIntake:
    """A child's statement with every earlier amendment. Concerns are only ever added; the latest fact and answer counts."""
    for later in amendments:
        reported = reported.model_copy(
            update={
                "concerns": tuple(dict.fromkeys((*reported.concerns, *later.concerns))),
                "facts": reported.facts | later.facts,
                "answers": reported.answers | later.answers,
            }
        )
    return reported


def amend(
    earlier: ChildIntake,
    said: Said,
    reporter: Reporter,
    received_at: datetime,
    *,
    outside: bool | None,
    safe_until: datetime | None,
    policy: Policy,
) -> Change:
    """Add what is said now to what was said. `outside`: the place now given, None when none is. Problems point below the
    child. A birth date that comes now sets the age anew."""
    facts: dict[str, Fact] = {**earlier.facts, **said.facts}
    if said.birth_date is not None and AGE not in said.facts:
        facts.pop(AGE, None)
        facts.pop(AGE_ESTIMATED, None)
    if safe_until is not None:
        facts[SAFE_UNTIL] = safe_until.isoformat()
    if outside is False and facts.get(OUTSIDE) is True:
        facts[OUTSIDE] = False
    whole = replace(
        said,
        concerns=tuple(dict.fromkeys((*earlier.concerns, *said.concerns))),
        facts=facts,
        answers={**earlier.answers, **said.answers},
    )
    prepared, problems = prepare(whole, reporter, received_at, outside=outside is True, policy=policy)
    changed = earlier.model_copy(
        update={
            "concerns": tuple(code for code in prepared.concerns if code not in earlier.concerns),
            "facts": _new(prepared.facts, earlier.facts),
            "answers": _new(prepared.answers, earlier.answers),
        }
    )
    return Change(prepared, changed, problems)


def _new(now: Mapping[str, Value], before: Mapping[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in now.items() if name not in before or before[name] != value}
