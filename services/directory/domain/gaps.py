"""Hours ahead with nobody on duty, and vacant posts, as gaps that keep their identity until they are closed. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from contracts.directory import TownshipPublished
from contracts.rosters import spans
from services.directory.domain.alerts import Alert
from services.directory.domain.township import DUTY_ROOM

_NAMESPACE = UUID("5d0a1d2e-3f0f-5d6b-9a55-8d1c6a1f7b52")


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing missing. Without `starts_at`: a vacant post, or a roster that names nobody at all."""

    kind: Literal["empty_shift", "vacant_post"]
    roster: str
    post: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def same_as(self, other: "Gap") -> bool:
        """Whether both are one gap: the same place, and hours that overlap (a gap that has begun is found shorter)."""
        if (self.kind, self.roster, self.post) != (other.kind, other.roster, other.post):
            return False
        if self.starts_at is None or other.starts_at is None or self.ends_at is None or other.ends_at is None:
            return self.starts_at is other.starts_at
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at

    def identity(self, township: str) -> UUID:
        """The id of this gap when it is first found."""
        start = "" if self.starts_at is None else self.starts_at.isoformat()
        return uuid5(_NAMESPACE, "\n".join((township, self.kind, self.roster, self.post or "", start)))


@dataclass(frozen=True, slots=True)
class Known:
    """A gap that was announced and is not closed: its id, when it was last announced, and how often again."""

    id: UUID
    gap: Gap
    announced_at: datetime
    repeat_no: int = 0


@dataclass(frozen=True, slots=True)
class Watch:
    """What a look at the rosters changes: to announce (new or once more), and to close."""

    announced: tuple[Known, ...]
    closed: tuple[Known, ...]


def find_gaps(
    township: TownshipPublished,
    rosters: Iterable[str],
    missing: Iterable[Alert],
    since: datetime,
    days: int,
    zone: ZoneInfo,
) -> tuple[Gap, ...]:
    """Every hour from `since` on with nobody on duty, per roster, and every vacant post."""
    until = since + timedelta(days=days)
    found = [gap for roster in rosters for gap in _of_roster(township, roster, since, until, zone)]
    vacant = [Gap("vacant_post", alert.place, alert.post) for alert in missing if alert.kind == "vacant_post"]
    return (*found, *vacant)


def _of_roster(
    township: TownshipPublished, roster: str, since: datetime, until: datetime, zone: ZoneInfo
) -> Iterator[Gap]:
    stretches = spans(township, roster, since, until, zone)
    if not any(stretch.staff for stretch in stretches):
        yield Gap("empty_shift", roster)
        return
    begun: Gap | None = None
    for stretch in stretches:
        if stretch.staff:
            if begun is not None:
                yield begun
            begun = None
        elif begun is None:
            begun = Gap("empty_shift", roster, None, stretch.starts_at, stretch.ends_at)
        else:
            begun = replace(begun, ends_at=stretch.ends_at)
    if begun is not None:
        yield begun


def watch(found: Sequence[Gap], known: Sequence[Known], township: str, now: datetime, repeat: timedelta) -> Watch:
    """New gaps are announced at once, known ones again after `repeat`; a known gap that is no longer found is closed."""
    left = list(known)
    announced: list[Known] = []
    for gap in found:
        same = next((one for one in left if one.gap.same_as(gap)), None)
        if same is None:
            announced.append(Known(gap.identity(township), gap, now))
            continue
        left.remove(same)
        if now - same.announced_at >= repeat:
            announced.append(Known(same.id, _grown(same.gap, gap), now, same.repeat_no + 1))
    return Watch(tuple(announced), tuple(left))


def _grown(before: Gap, after: Gap) -> Gap:
    return after if before.starts_at is None else replace(after, starts_at=before.starts_at)


def fallback(roster: str, department: str | None, rule: Iterable[str]) -> tuple[str, ...]:
    """Who answers while nobody is on duty: the policy's fallback without the roster that is itself empty."""
    return tuple(code for code in rule if code not in {roster, department}) or (DUTY_ROOM,)
