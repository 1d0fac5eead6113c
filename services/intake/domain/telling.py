"""What of a case's story a reader is not told (policy `data_protection.roles`): need-to-know, by type of event."""

from contracts.access import COORDINATOR, GOVERNMENT, Subject

MONEY = frozenset({"eligibility.advised.v1", "disbursement.changed.v1"})
GUARDIAN = frozenset({"ladder-step.recorded.v1", "compliance.checked.v1", "order.ended.v1"})
WHEREABOUTS = frozenset({"placement.changed.v1"})
ACCESS = frozenset({"access-review.overdue.v1"})

_KNOWS_MONEY = frozenset({COORDINATOR, GOVERNMENT, "finance"})


def untold(subject: Subject, role: str | None) -> frozenset[str]:
    """The types of event left out for a subject whose department has this role in the case.

    Family money is for those who decide it; a school hears nothing of it nor of offences; who is only informed hears of
    status and clocks alone; reviews of access are for those who look after access.
    """
    if "auditor" in subject.posts or subject.supervises:
        return frozenset()
    hidden = set(ACCESS)
    if subject.department not in _KNOWS_MONEY:
        hidden |= MONEY
    if subject.department == "school":
        hidden |= GUARDIAN
    if role == "inform" or subject.hotline:
        hidden |= MONEY | GUARDIAN | WHEREABOUTS
    return frozenset(hidden)
