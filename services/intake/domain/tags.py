"""Target-group tags of a child (policy `tags`, D-3.1 to D-3.10): which the rules set, and which end by themselves.

Rules only add: an assessment that no longer mentions a concern takes no tag away. A tag a person ended stays ended until
the facts call for it anew. A tag a rule set ends by itself only as its `over` says, or with the case it came from when
that proves unfounded.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from uuid import UUID

from contracts.access import COORDINATOR, VILLAGE, Subject
from contracts.policy import Circumstances, Condition, Policy, compile_condition, load_policy
from contracts.policy.registers import Over, Registers, Tag

Source = Literal["rule", "person", "survey"]


@dataclass(frozen=True, slots=True)
class Held:
    """A tag a child has now. `case_id`: the case a rule derived it from."""

    tag: str
    state: str | None = None
    source: Source = "rule"
    case_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides a child's tags. `was_derived`: what the rules gave the last time; `closed_as`: cases that closed just now."""

    seen: Circumstances
    open_cases: frozenset[UUID] = frozenset()
    ladder_open: bool = False
    was_derived: frozenset[str] = frozenset()
    closed_as: Mapping[UUID, str] | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What changes: tags set with their first state, tags ended with the reason, and what the rules give now."""

    added: Mapping[str, str | None]
    ended: Mapping[str, str]
    derived: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Rule:
    tag: Tag
    when: Condition | None
    state_when: tuple[tuple[str, Condition], ...]


@dataclass(frozen=True, slots=True)
class TagRules:
    """The tags of one policy version, compiled."""

    by_concern: Mapping[str, tuple[str, ...]]
    rules: Mapping[str, _Rule]

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(self.rules)

    @property
    def unfounded(self) -> frozenset[str]:
        """The closure reasons that say there was no such case."""
        return frozenset(reason for rule in self.rules.values() for reason in rule.tag.over.closed_as)

    def state(self, tag: str, seen: Circumstances) -> str | None:
        """The state a rule sets a tag in; None for a tag without states."""
        rule = self.rules[tag]
        held = [state for state, condition in rule.state_when if condition.holds(seen)]
        return held[-1] if held else next(iter(rule.tag.states), None)


@lru_cache(maxsize=16)
def tag_rules(version: str) -> TagRules:
    """The compiled tags of a policy version. Raises PolicyError when there is none such."""
    policy = load_policy(version)
    named = policy.compiled.named
    return TagRules(
        by_concern={concern.code: concern.tags for concern in policy.concerns},
        rules={
            tag.code: _Rule(
                tag,
                None if tag.when is None else compile_condition(tag.when, named),
                tuple((state, compile_condition(raw, named)) for state, raw in tag.state_when.items()),
            )
            for tag in policy.tags
        },
    )


def derived_tags(rules: TagRules, seen: Circumstances, *, case_open: bool, ladder_open: bool) -> frozenset[str]:
    """What the rules give a child now."""
    found = {tag for concern in seen.concerns for tag in rules.by_concern.get(concern, ())}
    for code, rule in rules.rules.items():
        by_fact = rule.when is not None and rule.when.holds(seen)
        if by_fact or (rule.tag.with_case and case_open) or (rule.tag.with_open_ladder_step and ladder_open):
            found.add(code)
    return frozenset(found) | followers(rules, found)


def followers(rules: TagRules, tags: Collection[str]) -> frozenset[str]:
    """The tags that come with others (`follows`)."""
    return frozenset(code for code, rule in rules.rules.items() if rule.tag.follows in tags)


def settle(rules: TagRules, held: Collection[Held], now: Situation) -> Settled:
    """What the rules change for a child whose situation is this."""
    by_tag = {one.tag: one for one in held}
    derived = derived_tags(rules, now.seen, case_open=bool(now.open_cases), ladder_open=now.ladder_open)
    derived = (derived | followers(rules, by_tag)) - {
        code for code in derived if _is_over(rules.rules[code].tag.over, now)
    }
    ended = {one.tag: reason for one in held if (reason := _over(rules, one, now)) is not None}
    fresh = derived - now.was_derived - by_tag.keys() - ended.keys()
    added = {tag: rules.state(tag, now.seen) for tag in sorted(fresh)}
    return Settled(added, ended, derived - ended.keys())


def _over(rules: TagRules, held: Held, now: Situation) -> str | None:
    """Why a tag ends by itself now, or None."""
    if held.source != "rule" or held.tag not in rules.rules:
        return None
    reason = (now.closed_as or {}).get(held.case_id) if held.case_id else None
    if reason in rules.unfounded:
        return "case_unfounded"
    return "rule_over" if _is_over(rules.rules[held.tag].tag.over, now) else None


def _is_over(over: Over, now: Situation) -> bool:
    """Whether everything that `over` names holds: then the tag ends, and facts of the past do not bring it back."""
    given = over.fact is not None or over.no_open_case or over.no_open_ladder_step
    return (
        given
        and (over.fact is None or now.seen.facts.get(over.fact) is True)
        and not (over.no_open_case and now.open_cases)
        and not (over.no_open_ladder_step and now.ladder_open)
    )


# What people may do ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Refused:
    """The act is refused; `code` is stable. `forbidden`: it is the person, not the state, that stands against it."""

    code: Literal["unknown_tag", "unknown_state", "not_your_tag", "already_set", "not_set", "case_open", "ladder_open"]
    forbidden: bool = False


def decide_tag(
    rules: TagRules,
    registers: Registers,
    subject: Subject,
    act: Literal["set", "end"],
    tag: str,
    state: str | None,
    held: Held | None,
    now: Situation,
) -> Refused | str | None:
    """May this person set or end the tag? Returns the state it is then in (None: it has none), or the refusal.

    Civil affairs may do both, the village may set any; besides, whoever keeps a register that asks for the tag.
    """
    rule = rules.rules.get(tag)
    if rule is None:
        return Refused("unknown_tag")
    keeps = any(subject.department in register.owners and tag in register.tags for register in registers.list_)
    if not (subject.department == COORDINATOR or keeps or (act == "set" and subject.department == VILLAGE)):
        return Refused("not_your_tag", forbidden=True)
    if act == "end":
        return _decide_end(rule.tag, held, now)
    wanted = state or next(iter(rule.tag.states), None)
    if wanted is not None and wanted not in rule.tag.states:
        return Refused("unknown_state")
    return Refused("already_set") if held is not None and held.state == wanted else wanted


def _decide_end(tag: Tag, held: Held | None, now: Situation) -> Refused | None:
    """What a case or a ladder step holds in place cannot be ended before that is over."""
    if held is None:
        return Refused("not_set")
    if tag.with_case and now.open_cases:
        return Refused("case_open")
    return Refused("ladder_open") if tag.with_open_ladder_step and now.ladder_open else None


def circumstances(
    policy: Policy, concerns: Iterable[str], facts: Mapping[str, bool | int | str], answers: Mapping[str, str]
) -> Circumstances:
    """A child as the tag rules see it."""
    return policy.circumstances(concerns=concerns, facts=facts, answers=answers)
