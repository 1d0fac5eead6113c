"""Work that a purchased service, a volunteer team or a neighbour watcher does for a measure's owner (D-7.3, D-5.11.2).

A provider sees a label, an area, a date and whom to call back; nothing of the case or the child (policy
`data_protection.roles.volunteer`).
"""

from collections.abc import Mapping
from typing import Any

from contracts.policy import Label
from contracts.policy.assistance import Entry
from services.assistance.domain.measures import Measure, Refusal
from services.assistance.domain.rounds import Round

ASSIGNED, REPORTED_DONE, REPORTED_NOT_DONE, CONFIRMED = "assigned", "reported_done", "reported_not_done", "confirmed"
NEVER = frozenset({"police_and_search", "justice"})
"""Kinds of service that stay with the authority: police acts and legal acts are never handed out."""


def assign_problem(measure: Measure, entry: Entry, round_: Round, provider: Mapping[str, Any] | None) -> Refusal | None:
    """Why this measure cannot be handed to this provider. A restricted case stays within the authorities."""
    if round_.restricted or round_.conflict_unit is not None:
        return Refusal(
            "restricted_case", Label(zh="限制或利益冲突案件不得交由服务提供方", en="not in a restricted case")
        )
    if entry.service in NEVER:
        return Refusal("not_for_providers", Label(zh="此类措施不得交由服务提供方", en="never handed out"))
    if measure.provider is not None:
        return Refusal("provider_has_it", Label(zh="已交由服务提供方", en="a provider has it"), ("withdraw_provider",))
    if provider is None:
        return Refusal("unknown_provider", Label(zh="没有此服务提供方", en="no such provider in this township"))
    if provider["services"] and not {entry.code, entry.service} & set(provider["services"]):
        return Refusal("not_its_service", Label(zh="该提供方不提供此类服务", en="the provider does not offer this"))
    area = provider["area"]
    if area is not None and round_.village is not None and area not in {round_.village, round_.township}:
        return Refusal("other_area", Label(zh="该提供方不在此区域服务", en="the provider does not serve this area"))
    return None
