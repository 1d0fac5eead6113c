"""Who asks: an authenticated person or API client, as its token describes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from contracts.vocabulary import Actor

HOTLINE_POSTS = frozenset({"hotline_operator", "hotline_shift_leader"})
VILLAGE = "village_committee"
COORDINATOR = "civil_affairs"
GOVERNMENT = "township_government"


@dataclass(frozen=True, slots=True)
class Subject:
    """An authenticated person or API client: ids, department and posts from its token, nothing personal."""

    kind: Literal["person", "client"]
    account: str
    township: str
    staff: str | None = None
    organisation: str | None = None
    department: str | None = None
    posts: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    villages: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> "Subject":
        """Read a verified token's claims. Raises KeyError when the issuer left out account or township."""
        return cls(
            kind="client" if claims.get("kind") == "client" else "person",
            account=str(claims["sub"]),
            township=str(claims["township"]),
            staff=claims.get("staff"),
            organisation=claims.get("org"),
            department=claims.get("dept"),
            posts=frozenset(claims.get("posts", ())),
            scopes=frozenset(claims.get("scopes", ())),
            villages=frozenset(claims.get("villages", ())),
            groups=frozenset(claims.get("groups", ())),
        )

    def actor(self) -> Actor:
        """The subject as events record it."""
        return Actor(
            kind=self.kind,
            account=self.account,
            staff=self.staff,
            organisation=self.organisation,
            department=self.department,
        )

    @property
    def hotline(self) -> bool:
        return bool(self.posts & HOTLINE_POSTS)

    @property
    def grid_only(self) -> bool:
        """A grid member or group head who holds no village post sees the own grid only."""
        return (
            self.department == VILLAGE
            and bool(self.groups)
            and not self.posts & {"child_director", "village_director", "village_responsible"}
        )

    @property
    def provider(self) -> bool:
        """A purchased service, volunteer team or neighbour watcher: task text only (policy `data_protection.roles`)."""
        return "provider" in self.posts

    @property
    def supervises(self) -> bool:
        return bool(self.posts & {"civil_affairs_supervisor", "responsible_leader", "township_head"})
