"""One version of the policy as a typed value, and where versions are found.

A policy version is one file, `policy-<version>.yaml`, in this folder or in the one that POLICY_FOLDER names. A change is a
new file with a new version and its own `effective_from`; a running case keeps the version its clocks were armed with.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol, Self

import yaml
from pydantic import ConfigDict, Field, model_validator

from contracts.policy.assistance import Assistance
from contracts.policy.calendar import WorkingCalendar
from contracts.policy.closure import Closure, ReopenWindow
from contracts.policy.compiled import Compiled, compile_rules
from contracts.policy.conditions import Circumstances, FactValue, PolicyError, compile_condition
from contracts.policy.contacts import Channel, Contacts
from contracts.policy.guardian_ladder import GuardianLadder
from contracts.policy.kpis import Kpis
from contracts.policy.limits import Basis, Label, Limit, SameAs, Section, ZonedLimit
from contracts.policy.placement import Placement
from contracts.policy.programme import Programme
from contracts.policy.reassessment import FACT_FINDING
from contracts.policy.registers import Registers, Tag, check_tags_and_registers
from contracts.policy.sections import (
    Clocks,
    Coded,
    Concern,
    Department,
    FactDefinition,
    LevelDefinition,
    NamedCondition,
    NoticeRule,
    ReporterKind,
    Risk,
    RoutingRules,
    Sla,
    Step,
    Tier,
    UnansweredChecklist,
)
from contracts.policy.visits import Visits

FOLDER = Path(__file__).parent
MORE_POLICIES = "POLICY_FOLDER"
"""The environment variable that names a folder with further versions, mounted alike into every service."""
CALENDAR_FILE = FOLDER / "calendar-cn.yaml"


class ReporterFacts(Protocol):
    """The reporter as far as rules need it: a `reporter_kinds` code, and whether reporting is a duty (D-4.1.5)."""

    @property
    def kind(self) -> str: ...
    @property
    def mandated(self) -> bool: ...


class Policy(Section):
    """Every rule and number of one policy version. Sections that other services interpret are plain data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: str = Field(alias="schema")
    policy_version: str
    effective_from: date
    title: Label
    instrument: str
    minor_under_age: int
    languages: dict[str, Any]
    clocks: Clocks
    levels: tuple[LevelDefinition, ...]
    level_rule: dict[str, Any]
    unit_of_case: dict[str, Any]
    facts: dict[str, FactDefinition]
    unanswered_checklist: UnansweredChecklist
    several_children: dict[str, Any]
    conditions: dict[str, NamedCondition]
    reporter_kinds: tuple[ReporterKind, ...]
    channels: tuple[Channel, ...]
    channel_transfer: dict[str, Any]
    contacts: Contacts
    risk: Risk
    concerns: tuple[Concern, ...]
    lead_priority: tuple[str, ...]
    problem_domains: tuple[Coded, ...]
    tags: tuple[Tag, ...]
    stages: tuple[Coded, ...]
    departments: tuple[Department, ...]
    handling_owner_rule: dict[str, Any]
    parent_bodies_default: bool
    external_bodies: tuple[Coded, ...]
    tiers: tuple[Tier, ...]
    posts: tuple[Coded, ...]
    routing: RoutingRules
    notices: tuple[NoticeRule, ...]
    sla: Sla
    visits: Visits
    closure: Closure
    reopen: tuple[ReopenWindow, ...]
    reopen_always: str
    guardian_ladder: GuardianLadder
    placement: Placement
    assistance: Assistance
    registers: Registers
    kpis: Kpis
    data_protection: dict[str, Any]
    programme: Programme
    basis: Basis = ()

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        """A file whose rules cannot be compiled is refused when it is loaded, not when a child is scored."""
        unknown = set(self.lead_priority) ^ {concern.code for concern in self.concerns}
        if unknown:
            raise PolicyError(f"lead_priority and concerns differ: {sorted(unknown)}")
        if self.risk.total != sum(factor.max for factor in self.risk.factors):
            raise PolicyError("the factors do not add up to the total")
        _ = self.compiled
        for raw in (*self.guardian_ladder.conditions(), *self.placement.conditions(), *self.visits.conditions()):
            compile_condition(raw, self.compiled.named)
        check_tags_and_registers(self.tags, self.registers, self.departments_by_code, self.compiled.named)
        return self

    @cached_property
    def compiled(self) -> Compiled:
        """All conditions of this version as closures."""
        return compile_rules(self.conditions, self.risk, self.routing, self.notices, self.sla)

    # Levels --------------------------------------------------------------------------------------------------

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """Rank of each level, 0 = lowest."""
        return {level.code: level.rank for level in self.levels}

    def rank(self, level: str) -> int:
        """Rank of a level. Raises KeyError for a code that is no level."""
        return self.ranks[level]

    def highest(self, levels: Iterable[str]) -> str:
        """The highest of some levels. Raises ValueError when there are none."""
        return max(levels, key=self.ranks.__getitem__)

    def one_above(self, level: str) -> str:
        """The next higher level; the highest stays itself."""
        by_rank = sorted(self.levels, key=lambda entry: entry.rank)
        return by_rank[min(self.rank(level) + 1, len(by_rank) - 1)].code

    def band(self, score: int) -> str:
        """The level of a score alone."""
        return next(level.code for level in self.levels if level.score_min <= score <= level.score_max)

    # Circumstances -------------------------------------------------------------------------------------------

    @cached_property
    def _unknown_is_a_value(self) -> frozenset[str]:
        return frozenset(name for name, fact in self.facts.items() if self.risk.unknown_code in fact.values)

    def known_facts(self, facts: Mapping[str, FactValue]) -> dict[str, FactValue]:
        """The facts that were answered: `unknown` means asked and not known (except where it is one of the values)."""
        unknown, kept = self.risk.unknown_code, self._unknown_is_a_value
        return {name: value for name, value in facts.items() if value != unknown or name in kept}

    def known_answers(self, answers: Mapping[str, str], facts: Mapping[str, FactValue]) -> dict[str, str]:
        """The factors that were answered, the age factor following the age. An option nobody defined is unknown."""
        known: dict[str, str] = {}
        age = facts.get("age")
        for factor in self.compiled.factors:
            by_age = factor.by_age.get(age) if factor.by_age and type(age) is int else None
            option = by_age or answers.get(factor.code)
            if option is not None and option in factor.points:
                known[factor.code] = option
        return known

    def circumstances(
        self,
        *,
        concerns: Iterable[str] = (),
        facts: Mapping[str, FactValue] | None = None,
        answers: Mapping[str, str] | None = None,
        reporters: Iterable[ReporterFacts] = (),
        level: str | None = None,
        fired: Collection[str] = (),
    ) -> Circumstances:
        """What the rules see of a child: unknowns dropped, age factor filled in, blank checklist questions assumed."""
        recorded = frozenset(concerns)
        known = self.known_facts(facts or {})
        assumed = frozenset(
            fact for concern, fact in self.unanswered_checklist.map.items() if concern in recorded and fact not in known
        )
        who = tuple(reporters)
        return Circumstances(
            concerns=recorded,
            facts={**known, **dict.fromkeys(assumed, True)} if assumed else known,
            answers=self.known_answers(answers or {}, known),
            level=level,
            fired=frozenset(fired),
            reporter_kinds=frozenset(reporter.kind for reporter in who),
            reporter_mandated=any(reporter.mandated for reporter in who),
            assumed=assumed,
        )

    def holds(self, name: str, circumstances: Circumstances) -> bool:
        """Whether a named condition holds. Raises KeyError for a name the policy does not define."""
        return self.compiled.named[name].holds(circumstances)

    # Look-ups ------------------------------------------------------------------------------------------------

    @cached_property
    def steps(self) -> Mapping[str, Step]:
        """Response steps by id, S1 to S13."""
        return {step.id: step for step in self.sla.steps}

    @cached_property
    def other_clocks(self) -> Mapping[str, tuple[str, Mapping[str, Limit]]]:
        """Clocks the policy states outside `sla.steps`: code → anchor code and limit per level."""
        given = {notice.id: (notice.anchor or "received", notice.limits) for notice in self.notices if notice.limits}
        check = self.routing.added.welfare_check
        rescore, reassessment = self.risk.missing_information, self.risk.reassessment
        return {
            **given,
            "welfare_check": (check.anchor, check.limits),
            "rescore": (rescore.rescore_anchor, rescore.rescore_after_first_contact),
            "reassessment": (reassessment.anchor, reassessment.due),
            "return_decision": ("returned", self.routing.return_of_referral.decision_limit),
            "supervision": ("ordered", self.sla.supervision.reply),
        }

    def step_limit(self, step: str, level: str) -> Limit | ZonedLimit | None:
        """A step's limit at a level, following `same_as`; None where the step has none. KeyError for unknown steps."""
        limit = self.steps[step].limits.get(level)
        return self.step_limit(limit.same_as, level) if isinstance(limit, SameAs) else limit

    @cached_property
    def notices_by_id(self) -> Mapping[str, NoticeRule]:
        """Duty notices by id, N-1 to N-11."""
        return {notice.id: notice for notice in self.notices}

    @cached_property
    def departments_by_code(self) -> Mapping[str, Department]:
        """Township departments by code, in the order of the file."""
        return {department.code: department for department in self.departments}

    @cached_property
    def role_ranks(self) -> Mapping[str, int]:
        """Rank of each routing role, 1 = weakest."""
        return {role.code: role.rank for role in self.routing.roles}

    @cached_property
    def labels(self) -> Mapping[tuple[str, str], Label]:
        """Labels by (kind, code). Kinds: level, fact, concern, department, external_body, post, tier, role, stage,
        step, notice, factor, option (code `A1:severe`), rule, channel, reporter_kind, tag, trigger, pause_reason,
        extension_reason, add_reason, revoke_reason, safety_task, problem_domain, anchor, closure_reason,
        contact_kind, callback_outcome, receiver.
        """
        lists: dict[str, Iterable[Any]] = {
            "level": self.levels, "concern": self.concerns, "department": self.departments,
            "external_body": self.external_bodies, "post": self.posts, "tier": self.tiers, "stage": self.stages,
            "role": self.routing.roles, "factor": self.risk.factors, "channel": self.channels,
            "reporter_kind": self.reporter_kinds, "tag": self.tags, "problem_domain": self.problem_domains,
            "trigger": self.risk.reassessment.triggers, "pause_reason": self.sla.pause.reasons,
            "extension_reason": self.sla.extension.reasons, "add_reason": self.routing.added.add_reasons,
            "revoke_reason": self.routing.added.revoke_reasons, "safety_task": self.routing.added.safety_tasks,
        }  # fmt: skip
        labels = {(kind, entry.code): entry.label for kind, entries in lists.items() for entry in entries}
        labels.update({("contact_kind", kind.code): kind.label for kind in self.contacts.kinds})
        labels.update(
            {("callback_outcome", outcome.code): outcome.label for outcome in self.contacts.callback.outcomes}
        )
        labels.update({("receiver", receiver.code): receiver.label for receiver in self.contacts.transfer.receivers})
        labels.update({("step", step.id): step.label for step in self.sla.steps})
        labels["step", "supervision"] = self.sla.supervision.label
        labels["trigger", FACT_FINDING] = self.risk.missing_information.fact_finding_label
        labels["step", "welfare_check"] = self.routing.added.welfare_check.label
        labels.update({("step", notice.id): notice.label for notice in self.notices if notice.limits})
        labels.update({("notice", notice.id): notice.label for notice in self.notices})
        labels.update({("rule", rule.id): rule.label for rule in (*self.risk.overrides, *self.risk.floors)})
        labels.update({("rule", rule.id): rule.label for rule in self.risk.plus_one})
        labels.update({("fact", name): fact.label for name, fact in self.facts.items()})
        labels.update(
            {("option", f"{f.code}:{option.code}"): option.label for f in self.risk.factors for option in f.options}
        )
        labels.update({("anchor", c): Label(zh=a["zh"], en=a["en"]) for c, a in self.clocks.anchors.items()})
        labels.update(self.guardian_ladder.labels())
        labels.update(self.placement.labels())
        labels.update(self.closure.labels())
        return labels

    def label(self, kind: str, code: str) -> Label:
        """The label of a code; the code itself where the policy has none, so that a page never fails on one."""
        return self.labels.get((kind, code)) or Label(zh=code, en=code)

    def reason_label(self, kind: str, code: str, option: str | None = None) -> Label:
        """The label of an assessment reason: a rule's text, or a factor with the option chosen."""
        if kind != "factor":
            return self.label("rule", code)
        factor = self.label("factor", code)
        if option is None:
            return Label(zh=f"{factor.zh}：未知", en=f"{factor.en}: unknown")
        chosen = self.label("option", f"{code}:{option}")
        return Label(zh=f"{factor.zh}：{chosen.zh}", en=f"{factor.en}: {chosen.en}")


def _folders() -> tuple[Path, ...]:
    more = os.environ.get(MORE_POLICIES)
    return (FOLDER, Path(more)) if more else (FOLDER,)


@lru_cache(maxsize=1)
def policy_versions() -> tuple[str, ...]:
    """The versions that can be loaded, oldest first by `effective_from`."""
    names = {path.stem.removeprefix("policy-") for folder in _folders() for path in folder.glob("policy-*.yaml")}
    found = [load_policy(name) for name in names]
    return tuple(policy.policy_version for policy in sorted(found, key=lambda p: (p.effective_from, p.policy_version)))


@lru_cache(maxsize=16)
def load_policy(version: str) -> Policy:
    """One policy version, read once. Raises PolicyError when there is no such version."""
    for folder in _folders():
        path = folder / f"policy-{version}.yaml"
        if path.is_file():
            return read_policy(path)
    raise PolicyError(f"there is no policy {version!r}")


def read_policy(path: Path) -> Policy:
    """The policy in a file. Raises PolicyError, or ValidationError (pydantic) where it does not fit the model."""
    policy = Policy.model_validate(read_mapping(path))
    named = path.stem.removeprefix("policy-")
    if path.stem != named and policy.policy_version != named:
        raise PolicyError(f"{path.name} says it is version {policy.policy_version}")
    return policy


def chosen_policy(text: str) -> Policy:
    """A policy by the name of its file, or by its version. Raises as `read_policy` and `load_policy` do."""
    path = Path(text)
    return read_policy(path) if path.suffix in {".yaml", ".yml"} else load_policy(text)


def policy_in_force(on: date) -> Policy:
    """The newest version that is in force on a day. Raises LookupError before the first one."""
    for version in reversed(policy_versions()):
        policy = load_policy(version)
        if policy.effective_from <= on:
            return policy
    raise LookupError(f"no policy is in force on {on}")


@lru_cache(maxsize=1)
def load_calendar() -> WorkingCalendar:
    """The working-day calendar in this folder, read once."""
    return WorkingCalendar.from_file(read_mapping(CALENDAR_FILE))


def read_mapping(path: Path) -> dict[str, Any]:
    """The content of a YAML file. Raises PolicyError when it is no mapping, yaml.YAMLError when it is no YAML."""
    with path.open(encoding="utf-8") as file:
        content = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506  a safe loader
    if not isinstance(content, dict):
        raise PolicyError(f"{path.name} is not a mapping")
    return content
