"""Policy section `assistance`: plan templates, eligibility advice, the catalogue of measures and their clocks (D-4.5, D-4.2.3).

What the file says in prose (`rule`, `meaning`, `then`, `effect`) is for people; what is computed stands beside it as data.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from contracts.policy.conditions import RawCondition
from contracts.policy.limits import Basis, Label, Limit, Section

Beneficiary = Literal["child", "family"]


def _tuple(value: Any) -> Any:
    return () if value is None else (value,) if isinstance(value, str) else value


OneOrMore = Annotated[tuple[str, ...], BeforeValidator(_tuple)]
"""One code or a list of them."""


class Code(Section):
    """A code with its text."""

    code: str
    label: Label


class Template(Section):
    """What a plan of one level starts from: heads that need a goal, measures to weigh, and when goals are reviewed."""

    goals: tuple[str, ...]
    measures: tuple[str, ...]
    review: Limit


class PlanTemplate(Section):
    """Plan templates by level (D-4.5.1). `by_concern` adds measures for a recorded concern."""

    by: Literal["level"]
    levels: dict[str, Template]
    by_concern: dict[str, tuple[str, ...]] = {}
    default: bool = False
    basis: Basis = ()


class ParentState(Section):
    """A state of a parent that counts for E-3. `grades` of any disability, `grades_mental` of intellectual or mental ones."""

    code: str
    meaning: str | None = None
    min_months: int | None = None
    from_: str | None = Field(default=None, alias="from")
    grades: tuple[int, ...] = ()
    grades_mental: tuple[int, ...] = ()


class EmploymentRow(Section):
    """One row of E-8: whose age, and what is offered at that age."""

    age_below: int | None = None
    age_from: int | None = None
    age_to: int | None = None
    family_member_age_from: int | None = None
    answer: str
    hard_block: str | None = None
    basis: Basis = ()


class EligibilityRule(Section):
    """One rule of the eligibility advice. `documents` is the checklist of papers to bring."""

    id: str
    label: Label
    rule: str | None = None
    when: RawCondition | None = None
    and_: str | None = Field(default=None, alias="and")
    under_age: int | None = None
    parent_states: tuple[ParentState, ...] = ()
    terminal_states: tuple[str, ...] = ()
    if_months_short: str | None = None
    grades: tuple[int, int] | None = None
    any_of: tuple[str, ...] = ()
    effect: str | None = None
    age_on: str | None = None
    rows: tuple[EmploymentRow, ...] = ()
    responsible: str | None = None
    needs: str | None = None
    documents: tuple[str, ...] = ()
    basis: Basis = ()


class Entry(Section):
    """A measure of the catalogue. The limit counts from the request unless `anchor` says otherwise; without any the plan sets
    a date. `owners_joint` must all confirm, of `with_` one must; `two-sided`: giver and receiver both sign."""

    code: str
    label: Label
    service: str
    owner: str
    eligibility: OneOrMore = ()
    limit: Limit | None = None
    limits: dict[str, Limit] = {}
    target: Limit | None = None
    papers_after: Limit | None = None
    unresolved_after: Limit | None = None
    then: str | None = None
    owners_joint: tuple[str, ...] = ()
    with_: tuple[str, ...] = Field(default=(), alias="with")
    receipt: Literal["two-sided"] | None = None
    schedule: bool = False
    approval_trail: bool = False
    when: RawCondition | None = None
    anchor: str | None = None
    anchor_concern: str | None = None
    or_: str | None = Field(default=None, alias="or")
    responsible: str | None = None
    needs: tuple[str, ...] = ()
    meaning: str | None = None
    basis: Basis = ()

    def limit_at(self, level: str) -> Limit | None:
        """The limit of the owner's first step at a level; None where the policy text gives no clock."""
        return self.limit or self.limits.get(level) or self.target

    @property
    def parties(self) -> tuple[str, ...]:
        """Everybody beside the owner who takes part: a department, or the guardian."""
        return self.owners_joint or self.with_


class TaskClock(Section):
    """Reminders of every clock of assistance: at a share of the time, when due, and again until somebody ends it.

    `targets` of a stage hear of it beside the owner.
    """

    due_soon_percent: int
    repeat: Limit
    targets: dict[str, tuple[str, ...]]
    default: bool = False

    @property
    def repeat_every(self) -> timedelta:
        """The repeat interval."""
        return timedelta(hours=self.repeat.hours or 0, days=self.repeat.days or 0, minutes=self.repeat.minutes or 0)


class Disbursement(Section):
    """The approval trail of money (D-5.8.1): who approves and pays, by when; every step by another person."""

    approve_by: tuple[str, ...]
    pay_by: str
    approve: Limit
    pay: Limit
    other_person_each_step: bool
    default: bool = False
    basis: Basis = ()


class Conferences(Section):
    """Case conferences (D-5.3.2): who must be invited, and the codes of agenda and decisions."""

    called_by: str
    always_invited: tuple[str, ...]
    agenda: tuple[Code, ...]
    decisions: tuple[Code, ...]
    default: bool = False
    basis: Basis = ()


class Assistance(Section):
    """The whole section."""

    plan_template: PlanTemplate
    may_attach_to: tuple[Beneficiary, ...]
    emergency_service_kinds: tuple[str, ...]
    emergency_levels: tuple[str, ...]
    emergency_limit: Limit
    emergency_limit_default: bool = False
    eligibility_note: str
    documents: tuple[Code, ...]
    documents_default: bool = False
    eligibility: tuple[EligibilityRule, ...]
    catalogue_owners_default: bool
    catalogue: tuple[Entry, ...]
    limit_null: str
    medical_round_every: Limit
    medical_round_every_default: bool = False
    refusal_reasons: tuple[Code, ...]
    task_clock: TaskClock
    disbursement: Disbursement
    conferences: Conferences
    village_work_orders: tuple[Code, ...]

    @cached_property
    def by_code(self) -> Mapping[str, Entry]:
        """The catalogue by code."""
        return {entry.code: entry for entry in self.catalogue}

    @cached_property
    def rules(self) -> Mapping[str, EligibilityRule]:
        """The eligibility rules by id, E-1 to E-11."""
        return {rule.id: rule for rule in self.eligibility}

    @cached_property
    def document_labels(self) -> Mapping[str, Label]:
        """Papers of the checklists by code."""
        return {document.code: document.label for document in self.documents}

    def owner_of(self, rule_id: str) -> str | None:
        """The department that decides on a benefit: the owner of the measure that names the rule."""
        return next((entry.owner for entry in self.catalogue if rule_id in entry.eligibility), None)
