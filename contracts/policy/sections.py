"""The sections of the policy file that rules compute with, as frozen typed values.

Explanations for people (`rule`, `meaning`, `effect`, `purpose`) stay in the file as text; only what a rule reads has a
type here. Sections of other services are read by them and kept as plain data in `Policy`.
"""

from typing import Any

from pydantic import ConfigDict, Field

from contracts.policy.added_referrals import AddedReferrals
from contracts.policy.conditions import RawCondition
from contracts.policy.duplicates import DuplicateRule
from contracts.policy.limits import Basis, Label, Limit, SameAs, Section, ZonedLimit
from contracts.policy.reassessment import MissingInformation, Reassessment
from contracts.policy.supervision import ExtensionRule, SupervisionRule

LevelLimits = dict[str, Limit]
"""One limit per level code."""


class Clocks(Section):
    timezone: str
    calendar_file: str
    working_hours: dict[str, str]
    wd_deadline_time: str
    kinds: dict[str, Any]
    cap: dict[str, str]
    year_without_data: dict[str, Any]
    anchors: dict[str, dict[str, Any]]


class LevelDefinition(Section):
    code: str
    label: Label
    rank: int
    score_min: int
    score_max: int


class FactDefinition(Section):
    """`type` is boolean, integer, enum (one of `values`), department (a department code) or timestamp (RFC 3339)."""

    type: str
    label: Label
    values: tuple[str, ...] = ()


class UnansweredChecklist(Section):
    """Concern -> fact that counts as true while its question is blank (D-1.1)."""

    default: bool
    rule: str
    basis: Basis
    map: dict[str, str]


class NamedCondition(Section):
    when: RawCondition
    label: Label | None = None
    default: bool = False
    basis: Basis = ()


class ReporterKind(Section):
    code: str
    label: Label
    mandated: bool
    duty_bearing: bool = False


class Coded(Section):
    """A code with its label; some lists say more about theirs."""

    model_config = ConfigDict(frozen=True, extra="allow")

    code: str
    label: Label


class Option(Section):
    code: str
    points: int
    label: Label
    age_min: int | None = None
    age_max: int | None = None


class Factor(Section):
    """A factor of the instrument. `from_fact`: the option follows from that fact whenever it is known."""

    code: str
    label: Label
    max: int
    options: tuple[Option, ...]
    from_fact: str | None = None


class LevelRule(Section):
    """An override or floor: while `when` holds the level is at least `to`."""

    id: str
    to: str
    label: Label
    when: RawCondition
    basis: Basis = ()


class PlusOneRule(Section):
    """Raises one level above everything else, once."""

    id: str
    label: Label
    when: RawCondition
    evaluated_at: str | None = None
    evaluated_at_default: bool = False


class KnownAtIntake(Section):
    referrals: dict[str, str]
    referrals_level_hi: dict[str, str]
    steps: tuple[str, ...]
    safety_confirmed_when: str


class OutsideTownship(Section):
    default: bool
    known_at_intake: KnownAtIntake
    found_later: str


class Lowering(Section):
    levels_at_once: int
    persons: int
    roles: tuple[str, ...]
    needs: tuple[str, ...]
    never: tuple[str, ...]


class ManualChange(Section):
    raise_: dict[str, str] = Field(alias="raise")
    lower: Lowering
    basis: Basis


class Risk(Section):
    """The instrument: factors, points, and the rules that set the level whatever the points."""

    id: str
    label: Label
    total: int
    every_score_stores: tuple[str, ...]
    unknown_code: str
    imputation_percent: int
    rounding: dict[str, str]
    outputs: dict[str, str]
    completeness_threshold_percent: int
    domains: tuple[Coded, ...]
    factors: tuple[Factor, ...]
    overrides: tuple[LevelRule, ...]
    floors: tuple[LevelRule, ...]
    plus_one: tuple[PlusOneRule, ...]
    night: dict[str, Any]
    hotline_flow: dict[str, Any]
    missing_information: MissingInformation
    screening_out: tuple[Coded, ...]
    screening_out_never_when_override_holds: dict[str, bool]
    outside_township_handling: OutsideTownship
    off_ledger: dict[str, Any]
    duplicate_rule: DuplicateRule
    manual_change: ManualChange
    automation: dict[str, Any]
    reassessment: Reassessment


class Concern(Section):
    code: str
    label: Label
    tags: tuple[str, ...]
    restricted: bool = False


class Department(Section):
    code: str
    label: Label
    parent_body: str
    stages: tuple[str, ...]
    stages_default: tuple[str, ...] = ()


class Tier(Section):
    code: str
    label: Label
    posts: tuple[str, ...]


class RoleDefinition(Section):
    code: str
    rank: int
    letter: str
    label: Label
    meaning: str
    task: bool


class CoordinatorRule(Section):
    department: str
    when_departments_at_least: int
    or_level: tuple[str, ...]
    counts: tuple[str, ...]
    counts_default: bool


class Cell(Section):
    """One entry of a matrix cell; `when` lists conditions of which one suffices, empty means always."""

    role: str
    when: tuple[RawCondition, ...] = ()
    task: Label | None = None


class RaiseRule(Section):
    id: str
    when: RawCondition
    at_least: dict[str, str]
    notice_post: dict[str, str] = {}


class Whitelisted(Section):
    """What a restricted case leaves a department: always or under `when`, at most a role, with masked data."""

    when: tuple[RawCondition, ...] = ()
    at_most: str | None = None
    masked: bool = False


class RestrictedRule(Section):
    when: RawCondition
    whitelist: dict[str, Whitelisted]
    others: str
    until: str


class ConflictRule(Section):
    when: RawCondition
    unit: str
    effect: dict[str, str]
    inform_instead: str
    lead_if_blocked: dict[str, Any]
    coordinator_if_blocked: dict[str, Any]
    duties_of_group_and_village_if_village_blocked: str


class ReturnRule(Section):
    who: str
    needs: tuple[str, ...]
    within: str
    decided_by: str
    decision_limit: LevelLimits
    until_decided: str
    buck_passing_flag: dict[str, Any]


class RoutingRules(Section):
    place_rule: dict[str, Any]
    roles: tuple[RoleDefinition, ...]
    combine: str
    case_lead: str
    coordinator: CoordinatorRule
    cell_rule: str
    matrix: dict[str, dict[str, tuple[Cell, ...]]]
    raise_: tuple[RaiseRule, ...] = Field(alias="raise")
    restricted: RestrictedRule
    conflict_of_interest: ConflictRule
    return_of_referral: ReturnRule
    added: AddedReferrals
    basis: Basis


class Withheld(Section):
    when: RawCondition
    from_: str = Field(alias="from")
    then: str


class OwedNotice(Section):
    """When a notice given by hand is owed by itself: a condition of the report, or a step of the guardian ladder."""

    cause: str
    when: RawCondition | None = None
    ladder_step: tuple[str, ...] = ()
    to: tuple[str, ...]
    default: bool = False


class NoticeRule(Section):
    """A duty notice N-n. `when` is the computable reading of `trigger`; a notice without it follows a later act."""

    model_config = ConfigDict(frozen=True, extra="allow")

    id: str
    label: Label
    when: RawCondition | None = None
    trigger: str | None = None
    to: tuple[str, ...] | dict[str, str] = ()
    between: tuple[str, ...] = ()
    masked: bool = False
    anchor: str | None = None
    limits: LevelLimits = {}
    withheld: Withheld | None = None
    owed: tuple[OwedNotice, ...] = ()
    basis: Basis = ()


class LimitsInstead(Section):
    """While `when` holds, the step takes the limits of another step."""

    when: RawCondition
    step: str


class Step(Section):
    """One response clock: its anchor, owner, tier and limit per level."""

    id: str
    label: Label
    tier: str
    owner: str
    anchor: str
    limits: dict[str, Limit | ZonedLimit | SameAs] = {}
    limits_by_medium: dict[str, Limit] = {}
    limits_of_instead: LimitsInstead | None = None
    limits_to_civil_affairs: LevelLimits = {}
    not_created_when: RawCondition | None = None
    created_when: RawCondition | None = None
    earlier_of_fact: str | None = None
    recurring: bool = False
    co_owner: dict[str, str] = {}
    call_out: str | None = None
    anonymous: str | None = None
    clock_default: bool = False
    basis: Basis = ()


class NoAcknowledgement(Section):
    level: tuple[str, ...]
    after: str
    next_roster_person_every: Limit


class LevelChangeRule(Section):
    upgrade: dict[str, str]
    downgrade: dict[str, Any]
    finished_steps: str


class PauseRule(Section):
    levels: tuple[str, ...]
    never: tuple[str, ...]
    who: str
    who_default: bool
    reasons: tuple[Coded, ...]
    max: Limit
    times: int


class Sla(Section):
    steps: tuple[Step, ...]
    rules: dict[str, Any]
    warn_percent: tuple[int, ...]
    breach_chain: dict[str, tuple[str | dict[str, str], ...]]
    second_breach: dict[str, tuple[str, ...]]
    second_level_delay: LevelLimits
    red_at_dispatch: dict[str, str]
    no_ack: NoAcknowledgement
    breach_facts: str
    delivery: dict[str, tuple[str, ...]]
    sms_content: dict[str, tuple[str, ...]]
    level_change: LevelChangeRule
    pause: PauseRule
    extension: ExtensionRule
    supervision: SupervisionRule
