"""Placement: kinds, their order and limits, the responsible government (policy `placement`; D-4.6)."""

from typing import Self

from pydantic import Field, model_validator

from contracts.policy.conditions import RawCondition
from contracts.policy.limits import Basis, Label, Limit, Section


class PlacementReason(Section):
    """Why a child is placed (D-4.6.1). While `stands_while` holds it may not go home."""

    code: str
    label: Label
    stands_while: RawCondition


class PlacementKind(Section):
    """A kind of placement. `max`: how long a stay may last."""

    code: str
    label: Label
    max: Limit | None = None
    basis: Basis = ()


class MedicalFirst(Section):
    """While `when` holds, only hospital comes before a doctor has seen the child."""

    rule: str
    when: RawCondition
    when_default: bool = False
    basis: Basis = ()


class KindConstraint(Section):
    """What a kind needs beyond its place in the order."""

    only_if: str | None = None
    not_if: str | None = None
    max: Limit | None = None
    max_default: bool = False
    approved_by: str | None = None
    age_at_least: int | None = None
    never_concerns: tuple[str, ...] = ()
    separate_room: bool = False
    staff_check: bool = False
    default: bool = False


class FollowUp(Section):
    """What is owed to a child whose identity is not known: searches, and then registration."""

    dna_search: str
    foundling_notice_days: int
    police_finding_months: int
    trafficked_search_months: int
    then: str
    search_when: RawCondition
    trafficked_when: RawCondition
    dna_search_hours: int
    hukou_days: int
    default: bool = False


class ResponsibleRule(Section):
    """Which government answers for the child (D-4.6.2, D-4.6.3)."""

    when: RawCondition
    responsible: str
    transfer_only_after: str | None = None
    follow_up: FollowUp | None = None
    basis: Basis = ()


class ResponsibleGovernment(Section):
    emergency_care: str
    rules: tuple[ResponsibleRule, ...]
    return_refused: str


class PlacementCode(Section):
    code: str
    label: Label


class PlacementAlarms(Section):
    """When the clocks of a placement warn and repeat."""

    cap_warn_percent: int
    repeat_every: Limit
    cap_repeat_every: Limit
    review_remind_before: Limit
    default: bool = False


class Placement(Section):
    """The whole section."""

    reasons: tuple[PlacementReason, ...]
    kinds: tuple[PlacementKind, ...]
    preference: tuple[tuple[str, ...], ...]
    emergency_kinds: tuple[str, ...]
    medical_first: MedicalFirst
    constraints: dict[str, KindConstraint] = Field(default={})
    relatives_of_suspected_harmer: str
    siblings: str
    responsible_government: ResponsibleGovernment
    escort_receipt: str
    codes_default: bool = False
    unavailable_reasons: tuple[PlacementCode, ...]
    apart_reasons: tuple[PlacementCode, ...]
    alarms: PlacementAlarms

    def constraint(self, kind: str) -> KindConstraint:
        """What a kind needs; nothing where the policy says nothing."""
        return self.constraints.get(kind) or KindConstraint()

    def longest(self, kind: str) -> Limit | None:
        """How long a stay of this kind may last, or None."""
        own = next((entry.max for entry in self.kinds if entry.code == kind), None)
        return self.constraint(kind).max or own

    def better_than(self, kind: str) -> tuple[str, ...]:
        """The kinds that must be out of the question first, best first. A last resort comes after every other one."""
        better: list[str] = []
        for group in self.preference:
            if kind in group:
                return tuple(better)
            better += group
        return ()

    def follow_up(self) -> FollowUp | None:
        """The searches for a child of unknown identity."""
        return next((rule.follow_up for rule in self.responsible_government.rules if rule.follow_up), None)

    def conditions(self) -> tuple[RawCondition, ...]:
        """Every condition of the section, to be compiled when the file is loaded."""
        follow_up = self.follow_up()
        searches = (follow_up.search_when, follow_up.trafficked_when) if follow_up else ()
        rules = (rule.when for rule in self.responsible_government.rules)
        return (*(reason.stands_while for reason in self.reasons), self.medical_first.when, *rules, *searches)

    @model_validator(mode="after")
    def _names_what_exists(self) -> Self:
        known = {kind.code for kind in self.kinds}
        named = {kind for group in self.preference for kind in group} | {*self.emergency_kinds, *self.constraints}
        if not named <= known:
            raise ValueError(f"no such kind of placement: {sorted(named - known)}")
        return self

    def labels(self) -> dict[tuple[str, str], Label]:
        """Labels by (kind, code), for `Policy.labels`."""
        coded: dict[str, tuple[PlacementReason | PlacementKind | PlacementCode, ...]] = {
            "placement_reason": self.reasons,
            "placement_kind": self.kinds,
            "unavailable_reason": self.unavailable_reasons,
            "apart_reason": self.apart_reasons,
        }
        return {(kind, entry.code): entry.label for kind, entries in coded.items() for entry in entries}
