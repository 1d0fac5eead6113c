"""What an account may claim, and how often somebody may try its password."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from services.directory.domain.township import Organisation, StaffMember, Township

SCOPES = frozenset({"referrals:read", "referrals:act", "reports:create", "events:read", "stats:read"})
"""What an API client can be allowed."""

PROVIDER = "provider"
GRANTABLE_POSTS = frozenset({"admin", "auditor", PROVIDER})
"""Posts an account itself holds. Every other post comes from the township's structure, never from the account."""

FREE_FAILURES = 5
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=1)
FORGET_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Account:
    """A person's login or a department's API client. `session` rises when earlier tokens must no longer count."""

    name: str
    kind: Literal["person", "client"]
    township: str
    staff: str | None = None
    organisation: str | None = None
    posts: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    secret_hash: str | None = None
    disabled_at: datetime | None = None
    session: int = 1
    version: int = 1


def claims(account: Account, township: Township, scopes: frozenset[str] | None = None) -> dict[str, Any]:
    """The claims of a token for this account, from where its holder stands in the township today. `scopes` narrows."""
    person = township.member(account.staff)
    unit = township.organisation(person.organisation if person else account.organisation)
    provider = township.provider(account.organisation) if person is None and PROVIDER in account.posts else None
    return {
        "sub": account.name,
        "kind": account.kind,
        "township": account.township,
        "staff": account.staff,
        "org": provider.code if provider else unit.code if unit else None,
        "dept": unit.department if unit else None,
        "posts": sorted({*_posts(person, township), *_granted(account, provider is not None)}),
        "villages": sorted(_villages(person, unit, township)),
        "groups": sorted(_groups(person, township)),
        "scopes": sorted(set(account.scopes) & SCOPES if scopes is None else scopes & set(account.scopes)),
        "ver": account.session,
    }


def _granted(account: Account, provides: bool) -> set[str]:
    # A provider's account is nothing else; once the provider no longer takes part it is nothing at all.
    if PROVIDER in account.posts:
        return {PROVIDER} if provides else set()
    return set(account.posts) & GRANTABLE_POSTS


def _posts(person: StaffMember | None, township: Township) -> set[str]:
    if person is None:
        return set()
    return {*person.posts, *(holder.post for holder in township.holders if holder.staff == person.id)} - GRANTABLE_POSTS


def _villages(person: StaffMember | None, unit: Organisation | None, township: Township) -> set[str]:
    own = {village.code for village in township.villages if unit is not None and village.organisation == unit.code}
    cared_for = (holder.villages for holder in township.holders if person is not None and holder.staff == person.id)
    return own.union(*cared_for)


def _groups(person: StaffMember | None, township: Township) -> set[str]:
    if person is None:
        return set()
    return {group.code for group in township.groups if person.id in {group.member, group.deputy}}


def try_again_at(failures: int, last_failure: datetime) -> datetime:
    """When the next attempt is heard. A wrong guess costs ever more time up to a minute: guessing becomes useless, and
    the holder of the account is never shut out for longer than that."""
    if failures < FREE_FAILURES:
        return last_failure
    doublings = min(failures - FREE_FAILURES, 16)
    wait: timedelta = min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)
    return last_failure + wait


def masked(phone: str | None) -> str | None:
    """A phone number for those who need not call it: its last two digits."""
    return None if phone is None else "*" * max(len(phone) - 2, 0) + phone[-2:]
