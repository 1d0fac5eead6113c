"""What notification does when something was announced: find the recipients, enter them into the ledger, announce that."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from chassis.consumer import NotYet
from chassis.transaction import Transaction
from contracts.directory import TownshipPublished
from contracts.envelope import Event
from contracts.policy import Policy, load_calendar, load_policy, policy_in_force
from services.notification import metrics, store
from services.notification.domain.case import CHANGES_FACTS, CaseFacts, remembered, undispatched
from services.notification.domain.message import APP
from services.notification.domain.notices import who_is_told
from services.notification.ledger import record


async def on_township_published(events: Sequence[Event], tx: Transaction) -> None:
    """Keep the newest structure of each township."""
    for event in events:
        await store.save_snapshot(tx.db, event.data)


async def on_case_event(events: Sequence[Event], tx: Transaction) -> None:
    """Tell whoever must know of each event. Waits while the township of one has not been published yet."""
    await tx.lock([event.key for event in events])
    townships = await store.townships(tx.db)
    known = await store.load_cases(tx.db, [case_id for event in events if (case_id := _case_of(event))])
    changed: list[CaseFacts] = []
    rows: list[store.DeliveryRow] = []
    for event in events:
        case_id = _case_of(event)
        before = known.get(case_id) if case_id else None
        township = _township(event, before, townships)
        policy = _policy(event, before, tx)
        case = remembered(before, event.data, policy) or undispatched(
            case_id,
            getattr(event.data, "case_number", None),
            township.township,
            getattr(event.data, "level", None),
            policy,
            getattr(event.data, "place", None),
        )
        if isinstance(event.data, CHANGES_FACTS) and case is not before:
            changed.append(case)
        messages = who_is_told(event.data, township, case, policy, tx.now)
        rows += record(messages, case, policy, tx, key=event.key, cause=event, cause_type=event.type)
    await store.save_cases(tx.db, changed)
    await store.add_deliveries(tx.db, rows)
    for row in rows:
        if row["channel"] == APP:
            metrics.NOTICES_TOTAL.labels(row["channel"], row["state"]).inc()


async def on_notice_given(events: Sequence[Event], tx: Transaction) -> None:
    """A person gave a notice to a body outside: the ledger says so, and nobody is asked for it any more."""
    await tx.lock([event.key for event in events])
    for event in events:
        given = event.data
        by = given.by.staff or given.by.account or given.by.kind
        await store.mark_given(tx.db, given.case_id, given.body, by, given.given_at or given.at)


def _case_of(event: Event) -> UUID | None:
    """The case an event is about; None for what belongs to the township or to a contact."""
    case_id: UUID | None = getattr(event.data, "case_id", None)
    return case_id


def _township(event: Event, case: CaseFacts | None, townships: Mapping[str, TownshipPublished]) -> TownshipPublished:
    """The structure of the event's township. Raises NotYet while it is not known."""
    code = getattr(event.data, "township", None) or (case.township if case else None)
    if code is None:
        code = _township_of_actor(event, townships)
    if code is None or code not in townships:
        raise NotYet(f"township {code or 'of the actor'} has not been published")
    return townships[code]


def _township_of_actor(event: Event, townships: Mapping[str, TownshipPublished]) -> str | None:
    """Proposals name no township: it is the one whose organisation the actor belongs to."""
    actor = getattr(event.data, "by", None) or getattr(event.data, "proposed_by", None)
    organisation = actor.organisation if actor else None
    found = [t.township for t in townships.values() if organisation in {unit.code for unit in t.organisations}]
    return found[0] if found else next(iter(townships), None) if len(townships) == 1 else None


def _policy(event: Event, case: CaseFacts | None, tx: Transaction) -> Policy:
    """The version the case runs under; before it has one, the version in force."""
    version = getattr(event.data, "policy_version", None) or (case.policy_version if case else None)
    if version is not None:
        return load_policy(version)
    return policy_in_force(tx.now.astimezone(load_calendar().zone).date())
