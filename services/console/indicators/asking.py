"""What a reader asks of the indicators, narrowed to what they may see, as the arguments of every counting statement."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from contracts.access import COORDINATOR, GOVERNMENT, VILLAGE, Subject

Grouping = Literal["none", "village", "department", "level", "tier", "month"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A period, half open, and filters; None = all. `as_of` is the moment of the answer."""

    township: str
    since: datetime
    until: datetime
    as_of: datetime
    villages: tuple[str, ...] | None = None
    department: str | None = None
    level: str | None = None
    tier: str | None = None
    group_by: Grouping = "none"

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The arguments of a counting statement, in the order of ASKED."""
        villages = list(self.villages) if self.villages is not None else None
        return self.township, self.since, self.until, self.as_of, villages, self.department, self.level, self.tier


ASKED = (
    "WITH asked AS (SELECT $1::text AS township, $2::timestamptz AS since, $3::timestamptz AS until, "
    "$4::timestamptz AS as_of, $5::text[] AS villages, $6::text AS department, $7::text AS level, $8::text AS tier)"
)
"""Names the arguments, so that a statement may leave some unused."""


def narrowed(asked: Asked, subject: Subject) -> Asked:
    """Village staff see their own villages, departments their own part; coordinator, supervisors and auditor see all."""
    if subject.department == VILLAGE:
        own = frozenset(subject.villages)
        wanted: Iterable[str] = asked.villages if asked.villages is not None else own
        return replace(asked, villages=tuple(sorted(own & set(wanted))))
    sees_all = subject.department in {COORDINATOR, GOVERNMENT} or subject.supervises or "auditor" in subject.posts
    return asked if sees_all else replace(asked, department=subject.department or "")


def sees_small_counts(subject: Subject, outside: str) -> bool:
    """Counts below the policy's limit are shown only to the department named there (`kpis.rules.small_counts`)."""
    return subject.department == outside
