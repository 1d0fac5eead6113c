"""Which reassessment an event calls for, and what it says of the child with certainty (policy `risk.reassessment`). Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from contracts.assistance import ComplianceChecked, LadderStepRecorded, MeasureChanged, OrderEnded, VisitFailed
from contracts.policy import Policy
from contracts.policy.reassessment import Learned
from contracts.vocabulary import SYSTEM, Actor

FAILURES_IN_A_ROW = 2
IN_FORCE = {"warning_letter": "warning_letter_in_force", "protection_order": "protection_order_in_force"}
"""Papers of the guardian ladder whose being in force a rule asks for (R11)."""


@dataclass(frozen=True, slots=True)
class OrderNews:
    """What happened to an order: the trigger, and the fact that changed with it."""

    trigger: str
    facts: dict[str, bool]


def of_failed_visit(data: VisitFailed) -> tuple[str, ...]:
    """The triggers of a visit at which nobody was seen."""
    found = {
        "two_failed_visits": data.failures_in_row >= FAILURES_IN_A_ROW,
        "entry_refused": data.failure in ("entry_refused", "child_not_shown"),
        "child_moves": data.failure == "moved_away",
    }
    return tuple(trigger for trigger, holds in found.items() if holds)


def of_order(data: LadderStepRecorded | ComplianceChecked | OrderEnded, policy: Policy) -> OrderNews | None:
    """The trigger of a step of the guardian ladder; None for papers that are no order."""
    fact = IN_FORCE.get(data.document)
    if isinstance(data, OrderEnded):
        return OrderNews("order_ended", {fact: False} if fact else {})
    if isinstance(data, ComplianceChecked):
        return OrderNews("order_breached", {}) if data.breached_order else None
    orders = {paper.code for paper in policy.guardian_ladder.documents if paper.kind == "order"}
    return OrderNews("order_issued", {fact: True} if fact else {}) if data.document in orders else None


def of_measure(data: MeasureChanged, policy: Policy) -> str | None:
    """The trigger of a measure that is a benefit: one with a rule of eligibility."""
    entry = policy.assistance.by_code.get(data.code)
    if entry is None or not entry.eligibility:
        return None
    return {"granted": "benefit_granted", "stopped": "benefit_stopped"}.get(data.state)


def says(trigger: str, policy: Policy, facts: Mapping[str, bool] | None = None) -> Learned:
    """What a trigger says of the child with certainty: the policy's part, and that of the event itself."""
    known = policy.risk.reassessment.by_code.get(trigger)
    learned = known.sets if known else Learned()
    return learned if not facts else learned.model_copy(update={"facts": {**learned.facts, **facts}})


def actor_of(data: LadderStepRecorded | ComplianceChecked | OrderEnded) -> Actor:
    """Who did it; an order may end by itself."""
    return SYSTEM if isinstance(data, OrderEnded) else data.by
